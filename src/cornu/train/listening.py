"""The list of callbacks of a `fit`, an `evaluate` or a `predict`, and what is asked of them."""

import os
from typing import Any

import numpy as np

from cornu import tree
from cornu.callbacks.backup import BackupAndRestore, Resume
from cornu.callbacks.callback_list import CallbackList
from cornu.callbacks.monitoring import History
from cornu.errors import value_error
from cornu.train.trainable import TrainableModel


def callback_list(
    model: TrainableModel,
    callbacks: Any,
    verbose: Any,
    *,
    epochs: int,
    steps: Any,
    history: bool = False,
) -> CallbackList:
    """The callbacks of the user and those that the library adds.

    Args:
        model: the trainer.
        callbacks: callbacks, nested lists of them, a `CallbackList` (which gets the model and what
            it lacks), or None.
        verbose: 0, 1, 2 or "auto", which is 1.
        epochs: number of the last epoch.
        steps: number of steps per epoch; None if unknown.
        history: whether there is to be a `History`.

    Raises:
        ValueError: `verbose` is something else.
    """
    if verbose == "auto":
        verbose = 1
    if not isinstance(verbose, int | np.integer):
        raise value_error(f'verbose must be 0, 1, 2 or "auto", got {verbose!r}.')
    params = {"epochs": epochs, "steps": steps, "verbose": int(verbose)}
    if not isinstance(callbacks, CallbackList):
        return CallbackList(
            callbacks, add_history=history, add_progbar=bool(verbose), model=model, **params
        )
    callbacks.set_params({**params, **callbacks.params})
    callbacks.set_model(model)
    if history and callbacks.find(History) is None:
        callbacks.append(History())
    return callbacks


def with_resume(callbacks: Any, resume: str | os.PathLike[str] | Resume | None) -> Any:
    """The callbacks, and the one that goes on in a directory, if there is to be one.

    Raises:
        ValueError: another of them does the same.
    """
    if resume is None:
        return callbacks
    given = _given(callbacks)
    if any(isinstance(c, BackupAndRestore) for c in given):
        raise value_error(
            "Both resume and a BackupAndRestore say where training continues.",
            fix="remove BackupAndRestore: fit(resume=folder) does the same.",
        )
    added = resume if isinstance(resume, Resume) else Resume(resume)
    if isinstance(callbacks, CallbackList):
        callbacks.append(added)
        return callbacks
    return [*(c for c in given if c is not None), added]


def asks_for_positions(callbacks: Any) -> bool:
    """Whether a callback will ask where the data are."""
    return any(getattr(c, "_needs_positions", False) for c in _given(callbacks))


def stops_at_nonfinite(callbacks: Any) -> bool:
    """Whether a callback says what is to happen when the loss is not finite."""
    return any(getattr(c, "_handles_nonfinite", False) for c in _given(callbacks))


def _given(callbacks: Any) -> list[Any]:
    return callbacks.callbacks if isinstance(callbacks, CallbackList) else tree.flatten(callbacks)


def note_steps(listeners: CallbackList, batch: int, done: int) -> None:
    """Let callbacks know how many steps an epoch has, where that shows at its end.

    Args:
        listeners: the callbacks.
        batch: the number under which they hear of the end of a group of steps.
        done: how many steps are done; not more than `batch` if the group was not full.
    """
    if batch >= done and listeners.params.get("steps") is None:
        listeners.params["steps"] = done
