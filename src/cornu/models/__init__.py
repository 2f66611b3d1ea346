"""Models: layers that own a training loop."""

from cornu.models.functional import Functional as Functional
from cornu.models.model import Model as Model, model_from_json as model_from_json
from cornu.models.sequential import Sequential as Sequential
