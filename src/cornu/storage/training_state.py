"""The training state that Keras's files leave out: epochs, seed and history.

    cornu.training.json  {"epochs": 2, "seed": 1234,          so far, and the order of the samples
                          "epoch": [0, 1], "history": {"loss": [0.9, 0.5]}}

With it, `fit(..., initial_epoch=2, epochs=4)` on a loaded model does what epochs 2 and 3 of an
uninterrupted training do, to the last bit.
"""

import json
from typing import Any

import numpy as np

from cornu.callbacks.monitoring import History
from cornu.errors import value_error
from cornu.train.trainable import TrainingRecord


def training_text(model: Any) -> str | None:
    """The JSON text for a model; None before any training."""
    record = getattr(model, "_record", TrainingRecord())
    history = getattr(model, "history", None)
    if not record.epochs and history is None:
        return None
    return json.dumps(
        {
            "epochs": record.epochs,
            "seed": record.seed,
            "epoch": [] if history is None else [int(n) for n in history.epoch],
            "history": {} if history is None else _plain(history.history),
        }
    )


def restore_training(model: Any, values: Any, what: str) -> None:
    """Restore the training state of a model.

    Args:
        model: model to change.
        values: parsed text.
        what: name of the text in messages.

    Raises:
        ValueError: the text is not a result of `training_text`.
    """
    values = values if isinstance(values, dict) else {}
    epochs, seed = values.get("epochs"), values.get("seed")
    epoch, history = values.get("epoch"), values.get("history")
    if (
        not _is_count(epochs)
        or not (seed is None or _is_count(seed))
        or not (isinstance(epoch, list) and all(map(_is_count, epoch)))
        or not (isinstance(history, dict) and all(isinstance(v, list) for v in history.values()))
    ):
        raise value_error(f"{what} is not a valid training state.")
    model._record = TrainingRecord(epochs, seed)
    found = History()
    found.epoch, found.history = epoch, history
    found.set_model(model)
    model.history = found


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _plain(value: object) -> Any:
    """Numbers, lists and dicts of a history as JSON has them."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (int, float, str, bool)) or value is None:
        return value
    return np.asarray(value).tolist()
