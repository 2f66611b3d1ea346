"""Small data sets for learning and testing, one module each."""

from cornu.absent import names_of
from cornu.datasets import fashion_mnist as fashion_mnist, mnist as mnist

globals()["__getattr__"] = names_of(__name__)
