"""`LambdaCallback`: hooks as functions, without a class."""

from collections.abc import Callable
from typing import Any

from cornu.callbacks.callback import HOOKS, Callback
from cornu.errors import did_you_mean, explain, type_error, warn

_OLDER_NAMES = ("on_batch_begin", "on_batch_end")


class LambdaCallback(Callback):
    """A callback made of functions.

    Hooks of epochs and batches are called with `(number, logs)`, the others with `(logs)`.

    Args:
        on_epoch_begin, on_epoch_end, on_train_begin, on_train_end, on_train_batch_begin,
            on_train_batch_end: a function, or None.
        **kwargs: functions for any other hook of `Callback`; other names become attributes, with
            a warning.

    Raises:
        TypeError: a hook is not callable.

    Example:

        >>> callback = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
        >>> callback.on_epoch_end(0, {"loss": 0.5})
        0 0.5
    """

    _may_add_results = True

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Any,
    ):
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        known = (*HOOKS, *_OLDER_NAMES)
        for name, function in given.items():
            if name not in known:
                warn(
                    explain(
                        f"LambdaCallback has no hook {name!r}; it is never called.",
                        fix=did_you_mean(name, known),
                    )
                )
                setattr(self, name, function)  # an attribute like any other, as in Keras
                continue
            if function is None:
                continue
            if not callable(function):
                raise type_error(f"{name} must be callable, got {function!r}.")
            # As an attribute of this object, so that hooks without a function are not called.
            setattr(self, name, function)
