"""Text on its way into a model: encoded on the host, before anything else looks at the data.

arrays      encoded as a whole, once
loaders     batch by batch, in the thread that reads ahead
"""

from typing import Any

import numpy as np

from cornu import tree
from cornu.core.objects.tracking import Snapshot
from cornu.core.text import Encoded, Program, as_text, is_text, may_be_text, nesting_of, recorded
from cornu.train.trainable import TrainableModel
from cornu.types import Tensors

_ROWS = 2  # of the inputs on which a model is recorded


def encoded(model: TrainableModel, x: Tensors) -> Any:
    """Inputs encoded, if they hold text and a layer of the model takes it; all else as it is."""
    if isinstance(x, Encoded) or not may_be_text(x):
        return x
    if not any(layer.takes_strings for layer in model._flatten_layers()):
        return x
    found = as_text(x)
    if not any(map(is_text, tree.flatten(found))):
        return x
    found = tree.map_structure(lambda a: a if hasattr(a, "shape") else np.asarray(a), found)
    return _program_of(model, found).encode(found)


def _program_of(model: TrainableModel, x: Tensors) -> Program:
    """The calls on the host for inputs nested like x, recorded anew where the model has changed."""
    kept, nesting = model._compiled_call.texts, nesting_of(x)
    if nesting not in kept or not kept[nesting][1].holds():
        rows = tree.map_structure(lambda a: a[:_ROWS], x)
        program = recorded(lambda x: model(x, training=False), rows)
        kept[nesting] = program, Snapshot(model._flatten_layers())
    return kept[nesting][0]
