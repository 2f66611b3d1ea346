"""Tools around models: files, labels."""

from cornu.utils.categories import to_categorical as to_categorical
from cornu.utils.files import get_file as get_file
