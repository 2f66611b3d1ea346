"""`CallbackList`: who listens to what during training.

Each callback is called for the hooks that it overrides, and for no others; so a training in which
nobody listens to single batches can run many of them in one go.
"""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cornu import tree
from cornu.callbacks.callback import HOOKS, Callback, overrides
from cornu.callbacks.monitoring import History
from cornu.callbacks.reporting import ProgbarLogger
from cornu.core.objects.registry import is_builtin
from cornu.errors import type_error

# A callback, nested lists of them with None for none, or a `CallbackList`.
Callbacks = Callback | Sequence[Any] | None


class CallbackList(Callback):
    """Callbacks that are called together, each for the hooks that it overrides.

    Args:
        callbacks: callbacks, nested lists of them, or None.
        add_history: add a `History` after them, if there is none.
        add_progbar: add a `ProgbarLogger` after them, if there is none.
        model: given to each.
        params: `epochs`, `steps` and `verbose`, given to each.

    Raises:
        TypeError: one of them is not a callback.

    Example:

        >>> listeners = CallbackList(add_history=True, epochs=3)
        >>> listeners.on_epoch_begin(0)
        >>> [type(callback).__name__ for callback in listeners.callbacks], listeners.params
        (['History'], {'epochs': 3})
    """

    def __init__(
        self,
        callbacks: Callbacks = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ):
        super().__init__()
        self.callbacks: list[Callback] = [c for c in tree.flatten(callbacks or []) if c is not None]
        for callback in self.callbacks:
            _check(callback)
        for wanted, kind in ((add_history, History), (add_progbar, ProgbarLogger)):
            if wanted and self.find(kind) is None:
                self.callbacks.append(kind())
        self.callbacks.sort(key=lambda c: getattr(c, "_hears_last", False))
        for callback in self.callbacks:
            self._introduce(callback)
        self.set_params(params)
        if model is not None:
            self.set_model(model)
        self._listeners = {
            hook: [getattr(c, hook) for c in self.callbacks if overrides(c, hook)] for hook in HOOKS
        }

    def _introduce(self, callback: Callback) -> None:
        if getattr(callback, "_needs_siblings", False):
            callback._siblings = self.callbacks

    def append(self, callback: Callback) -> None:
        """Add a callback."""
        self.callbacks.append(callback)
        self._introduce(callback)
        callback.set_params(self.params)
        if self.model is not None:
            callback.set_model(self.model)
        for hook in HOOKS:
            if overrides(callback, hook):
                self._listeners[hook].append(getattr(callback, hook))

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        for callback in self.callbacks:
            if hasattr(callback, "set_params"):
                callback.set_params(params)

    def set_model(self, model: Any) -> None:
        self._model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def wants_every_batch(self, phase: str) -> bool:
        """Whether a callback must hear of each single batch of "train", "test" or "predict"."""
        return any(
            getattr(c, "listens_to_batches", True) and overrides(c, f"on_{phase}_batch_{edge}")
            for c in self.callbacks
            for edge in ("begin", "end")
        )

    def find(self, kind: type) -> Any:
        """The first callback of a class; None if there is none."""
        return next((c for c in self.callbacks if isinstance(c, kind)), None)

    def _on_failure(self) -> None:
        for callback in self.callbacks:
            if hasattr(callback, "_on_failure"):
                callback._on_failure()

    @contextmanager
    def told_of_failure(self) -> Iterator[None]:
        """Call `_on_failure` of everybody when an error or Ctrl-C passes."""
        try:
            yield
        except BaseException:
            self._on_failure()
            raise

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.on_train_batch_begin(batch, logs)

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        self.on_train_batch_end(batch, logs)

    def _call(self, hook: str, *args: Any, logs: Any) -> None:
        """Call a hook of every callback that overrides it."""
        for listener in self._listeners[hook]:
            listener(*args, {} if logs is None else logs)

    def on_train_begin(self, logs: Any = None) -> None:
        self._call("on_train_begin", logs=logs)

    def on_train_end(self, logs: Any = None) -> None:
        self._call("on_train_end", logs=logs)

    def on_test_begin(self, logs: Any = None) -> None:
        self._call("on_test_begin", logs=logs)

    def on_test_end(self, logs: Any = None) -> None:
        self._call("on_test_end", logs=logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        self._call("on_predict_begin", logs=logs)

    def on_predict_end(self, logs: Any = None) -> None:
        self._call("on_predict_end", logs=logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._call("on_epoch_begin", epoch, logs=logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._call("on_epoch_end", epoch, logs=logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._call("on_train_batch_begin", batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._call("on_train_batch_end", batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._call("on_test_batch_begin", batch, logs=logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self._call("on_test_batch_end", batch, logs=logs)

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._call("on_predict_batch_begin", batch, logs=logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self._call("on_predict_batch_end", batch, logs=logs)


def _check(callback: Any) -> None:
    """Refuse what is not a callback."""
    if isinstance(callback, type):
        name = callback.__name__
        raise type_error(
            f"callbacks holds the class {name}, which is not a callback yet.",
            fix=f"callbacks=[{'keras.callbacks.' * is_builtin(callback)}{name}()]",
        )
    if inspect.isroutine(callback):
        raise type_error(
            f"callbacks holds the function {getattr(callback, '__name__', callback)}, which is "
            "not a callback.",
            fix="callbacks=[keras.callbacks.LambdaCallback(\n"
            "    on_epoch_end=lambda epoch, logs: print(epoch, logs))]",
        )
    if not hasattr(callback, "set_model"):
        raise type_error(
            f"callbacks holds {callback!r:.80}, which is not a callback.",
            fix="callbacks=[keras.callbacks.LambdaCallback("
            "on_epoch_end=lambda epoch, logs: print(logs))]"
            if callable(callback)
            else "callbacks=[keras.callbacks.EarlyStopping()]",
        )
