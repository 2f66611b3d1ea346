"""Text on its way into a model: encoded on the host, before anything else looks at the data.

arrays      encoded as a whole, once                            encoded(model, x)
loaders     batch by batch, in the thread that reads ahead      encoder(model)
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from cornu import tree
from cornu.core.objects.tracking import Snapshot
from cornu.core.text import Encoded, Program, as_text, is_text, recorded
from cornu.train.trainable import TrainableModel
from cornu.types import Tensors

_ROWS = 2  # of the inputs on which a model is recorded


def encoder(model: TrainableModel) -> Callable[[Tensors], Any] | None:
    """What turns inputs with text into inputs of the compiled program; None if nothing takes text.

    Args:
        model: the model. Inputs without text stay as they are.
    """
    layers = model._flatten_layers()
    if not any(layer.takes_strings for layer in layers):
        return None

    def encode(x: Tensors) -> Any:
        x = as_text(x)
        leaves = tree.flatten(x)
        if isinstance(x, Encoded) or not any(map(is_text, leaves)):
            return x
        x = tree.map_structure(lambda a: a if hasattr(a, "shape") else np.asarray(a), x)
        return _program_of(model, x).encode(x)

    return encode


def encoded(model: TrainableModel, x: Tensors) -> Any:
    """Inputs in arrays, encoded if they hold text for a layer of the model; all else as it is."""
    if not (isinstance(x, list | tuple | dict | np.ndarray | str) or hasattr(x, "to_numpy")):
        return x
    encode = encoder(model)
    return x if encode is None else encode(x)


def _program_of(model: TrainableModel, x: Tensors) -> Program:
    """The calls on the host, recorded anew where the model or the structure of x has changed."""
    kept = model._compiled_call
    structure = tree.map_structure(is_text, x)
    if kept.text is None or kept.text_asked != structure or not kept.text_snapshot.holds():
        rows = tree.map_structure(lambda a: a[:_ROWS], x)
        kept.text = recorded(lambda x: model(x, training=False), rows)
        kept.text_asked, kept.text_snapshot = structure, Snapshot(model._flatten_layers())
    return kept.text
