"""Data: `Dataset`, what there is between files or arrays and `fit`."""

from cornu.absent import names_of
from cornu.data.describing.describe import describe as describe
from cornu.data.pipeline.dataset import Dataset as Dataset
from cornu.data.pipeline.operations import AUTOTUNE as AUTOTUNE
from cornu.data.shards.dataset import shards_dataset as shards_dataset
from cornu.data.tables import table_dataset as table_dataset

globals()["__getattr__"] = names_of(__name__)
