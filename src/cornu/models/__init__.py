"""Models: layers that own a training loop."""

from cornu.absent import names_of
from cornu.models.cloning import clone_model as clone_model
from cornu.models.functional import Functional as Functional
from cornu.models.model import Model as Model
from cornu.models.sequential import Sequential as Sequential
from cornu.storage.persistence import (
    load_model as load_model,
    model_from_json as model_from_json,
    save_model as save_model,
)

globals()["__getattr__"] = names_of(__name__)
