"""What `fit` asks of its callbacks before it makes their list."""

import os
from typing import Any

from cornu import tree
from cornu.callbacks.backup import BackupAndRestore, Resume
from cornu.callbacks.callback import CallbackList
from cornu.errors import explain


def with_resume(callbacks: Any, resume: str | os.PathLike[str] | Resume | None) -> Any:
    """The callbacks, and the one that goes on in a directory, if there is to be one.

    Raises:
        ValueError: another of them does the same.
    """
    if resume is None:
        return callbacks
    given = callbacks.callbacks if isinstance(callbacks, CallbackList) else tree.flatten(callbacks)
    if any(isinstance(c, BackupAndRestore) for c in given):
        raise ValueError(
            explain(
                "Both resume and a callback say where the training goes on.",
                fix="leave BackupAndRestore out: fit(resume=folder) does what it does.",
            )
        )
    added = resume if isinstance(resume, Resume) else Resume(resume)
    if isinstance(callbacks, CallbackList):
        callbacks.append(added)
        return callbacks
    return [*(c for c in given if c is not None), added]


def asks_for_positions(callbacks: Any) -> bool:
    """Whether a callback will ask where the data are."""
    given = callbacks.callbacks if isinstance(callbacks, CallbackList) else tree.flatten(callbacks)
    return any(getattr(c, "needs_positions", False) for c in given)
