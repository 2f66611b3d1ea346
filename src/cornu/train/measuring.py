"""Who measures in the metrics of a model just now.

fit                                   in the metrics of the model
 |-- its validation                   in them, between two epochs
 `-- callback: evaluate               apart: in a frame of values that ends with it
another thread: evaluate              apart
another thread: fit                   refused
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from cornu.core.frame import Frame
from cornu.core.objects.tracking import Identities
from cornu.core.variable import owned
from cornu.errors import explain
from cornu.metrics.metric import reset
from cornu.train.trainable import TrainableModel


class Loop(NamedTuple):
    """A loop over batches that is running."""

    thread: int
    trains: bool


@contextmanager
def training(model: TrainableModel) -> Iterator[None]:
    """Let a `fit` measure in the metrics of a model.

    Raises:
        RuntimeError: another thread trains the model.
    """
    me = threading.get_ident()
    if any(loop.trains and loop.thread != me for loop in list(model._measuring_now)):
        raise RuntimeError(
            explain(
                f"Model '{model.name}' is being trained by another thread.",
                fix="wait for its end, thread.join(), or train a copy:\n"
                "keras.models.clone_model(model). Other threads may call predict, evaluate\n"
                "and save meanwhile.",
            )
        )
    with _entered(model, Loop(me, True)):
        yield


@contextmanager
def measuring(model: TrainableModel) -> Iterator[None]:
    """Let an evaluation measure in the metrics of a model; apart, if they are in use."""
    in_use, stop = bool(model._measuring_now), model.stop_evaluating
    with _entered(model, Loop(threading.get_ident(), False)):
        if not in_use:
            yield
            return
        slots = model._state_slots("test")
        with slots.turn:
            values = [owned(v._value) for v in slots.metrics]
        with Frame(slots.metrics, values):
            yield
        for variable in model._state_slots("test").metrics:
            if variable not in Identities(slots.metrics):  # made with the first batch, by this one
                reset(variable)
        model.stop_evaluating = stop


@contextmanager
def _entered(model: TrainableModel, loop: Loop) -> Iterator[None]:
    model._measuring_now.append(loop)
    try:
        yield
    finally:
        model._measuring_now.remove(loop)
