"""Data: `Dataset`, what there is between files or arrays and `fit`."""

from cornu.absent import names_of
from cornu.data.pipeline.dataset import AUTOTUNE as AUTOTUNE, Dataset as Dataset

globals()["__getattr__"] = names_of(__name__)
