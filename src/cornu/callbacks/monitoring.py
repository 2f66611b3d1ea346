"""Callbacks that watch the results: the history of a training, and what all watchers share.

    logs["val_loss"] --value_of--> 0.31 --is_better--> compare with `best`, by the direction
                                                       "min" or "max" that the name, the metric
                                                       or the user's `mode` gives

A result that will never come is said once and as early as it is known: before the first step where
all names are known, after the first epoch where callbacks or steps of the user may add others. One
that is only absent this time (`validation_freq=2`) is not mentioned.
"""

import math
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cornu import ops, tree
from cornu.callbacks.callback import Callback
from cornu.callbacks.notes import (
    Kind,
    anything,
    dict_of,
    is_count,
    is_number,
    list_of,
    optional,
)
from cornu.core.objects.registry import is_builtin
from cornu.errors import did_you_mean, explain, value_error, warn
from cornu.reports import screen

# What makes the results of a model; an override may make others.
STEPS = ("train_step", "test_step", "compute_metrics", "get_metrics_result")


class Results(dict[str, list[Any]]):
    """Results by name, which know older names of those that are not there."""

    def __missing__(self, name: Any) -> Any:
        raise KeyError(f"{name}: {did_you_mean(name, self, 'result')}")

    def __reduce__(self) -> Any:
        return dict, (dict(self),)  # for pickles, a dict like any other


class History(Callback):
    """The results of each epoch, kept in `history`; `fit` returns it.

    Attributes:
        epoch: numbers of the epochs.
        history: name -> list of values, one for each epoch.

    Example:

        >>> history = History()
        >>> history.history["loss"] = [0.5, 0.25]
        >>> history
        History: 2 epochs, best loss 0.25 at epoch 2
        >>> history["loss"], history.loss
        ([0.5, 0.25], [0.5, 0.25])
    """

    __slots__ = ("_model",)  # apart from the results, which the model keeps

    listens_to_batches = False
    _remembered: ClassVar[Mapping[str, Kind]] = {
        "epoch": list_of(is_count), "history": dict_of(list_of(anything)),
    }  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = Results()

    def __getitem__(self, name: str) -> list[Any]:
        """The values of a result, as `history[name]`."""
        return self.history[name]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            results = vars(self).get("history", {})
            if name in results:
                return results[name]
            text = f"{type(self).__name__!r} object has no attribute {name!r}"
            if not name.startswith("_") and results:
                text = explain(f"{text}.", fix=did_you_mean(name, results, "result"))
            raise AttributeError(text)

    def __repr__(self) -> str:
        watched = next((n for n in ("val_loss", "loss", *self.history) if self.history.get(n)), "")
        if not watched:
            return f"{type(self).__name__}: no epochs"
        try:
            values = np.asarray(self.history[watched], "float64")
        except (TypeError, ValueError):
            values = np.full(len(self.history[watched]), np.nan)
        epochs = f"{len(values)} epoch{'s' if len(values) > 1 else ''}"
        if values.ndim != 1 or np.isnan(values).all():
            return f"{type(self).__name__}: {epochs}, {watched} is not a number"
        best = int(np.nanargmin(values))
        first = self.epoch[0] if len(self.epoch) == len(values) else 0
        return (
            f"{type(self).__name__}: {epochs}, best {watched} {values[best]:.4g} at epoch "
            f"{first + best + 1}"
        )

    def on_train_begin(self, logs: Any = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epoch.append(epoch)
        for name, value in dict(logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self


class KeptHistory:
    """What a model keeps of its `History`: the results, without the way back to itself.

    A history has its model, so if the model had the history, neither would go before Python looks
    for circles. While somebody else has the history, the model gives the same one.
    """

    def __init__(self, history: History):
        self._cls, self._state = type(history), vars(history)
        self._now: Any = weakref.ref(history)

    def of(self, model: Any) -> History:
        """The history, made again where nobody has it."""
        history = None if self._now is None else self._now()
        if history is None:
            history = self._cls.__new__(self._cls)
            history.__dict__ = self._state
            history._model = model
            self._now = weakref.ref(history)
        return history

    def alone(self) -> "KeptHistory":
        """The same for a copy of the model."""
        twin = object.__new__(KeptHistory)
        twin._cls, twin._state, twin._now = self._cls, dict(self._state), None
        return twin


class MonitorCallback(Callback):
    """Watches one result and knows when it is better than before; the base of those that do.

    Args:
        monitor: name of the result, such as `"val_loss"`.
        mode: "min" if less is better, "max" if more is; "auto" knows it of losses and of the
            metrics of the library.
        min_delta: a smaller difference is no improvement.
    """

    listens_to_batches = False
    _remembered: ClassVar[Mapping[str, Kind]] = {"best": optional(is_number)}

    def __init__(self, monitor: str, mode: str = "auto", min_delta: float = 0.0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warn(
                f"{type(self).__name__} has no mode {mode!r}, and takes 'auto' instead; known are "
                "'min', 'max' and 'auto'."
            )
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self.best: Any = None
        self._sign: int | None = {"min": -1, "max": 1}.get(mode)
        self._own_comparison: Any = None
        self._said = False
        self._validated = False

    @property
    def monitor_op(self) -> Callable[[Any, Any], Any] | None:
        """`ops.greater` if more is better, `ops.less` if less is, or a comparison that was set.

        None while it is not known.
        """
        known = {-1: ops.less, 1: ops.greater}
        return self._own_comparison or known.get(self._direction() or 0)

    @monitor_op.setter
    def monitor_op(self, better: Callable[[Any, Any], Any] | None) -> None:
        self._own_comparison = better
        self._sign = None if better is None else 1 if better(1.0, 0.0) else -1

    def _expect_monitor(self) -> None:
        """Start watching in this training; to be called by `on_train_begin`.

        Raises:
            ValueError: there will be no result of that name.
        """
        self._said = self._validated = False
        names = known_results(self, self.monitor)
        if names is None or self.monitor in names:
            return
        if self.monitor.startswith("val_") and self.params.get("validation") is False:
            raise value_error(
                f"{type(self).__name__} watches {self.monitor!r}, and there are no validation "
                "data.",
                fix="fit(..., validation_data=(x, y)) or fit(..., validation_split=0.2),\n"
                f"or {type(self).__name__}(monitor={self.monitor[4:]!r})",
            )
        raise ValueError(self._unknown(names))

    def _unknown(self, names: Iterable[str]) -> str:
        names = list(names)
        return explain(
            f"{type(self).__name__} watches {self.monitor!r}, which is not among the results.",
            results=", ".join(map(str, names)) or "none",
            fix=did_you_mean(self.monitor, names) if names else None,
        )

    def on_test_end(self, logs: Any = None) -> None:
        """Validation has run, so its results are due at the end of this epoch."""
        self._validated = True

    def get_monitor_value(self, logs: Any) -> Any:
        """The watched result, or None if it is not there; the first time, a warning says so.

        Raises:
            ValueError: it is not there, and no metric has that name either.
        """
        logs = logs or {}
        value = logs.get(self.monitor)
        due, self._validated = self._is_due(), False
        if value is None and due and not self._said:
            self._said = True
            text = self._unknown(logs)
            if self._direction() is None:
                raise ValueError(text)
            warn(text)
        return value

    def _is_due(self) -> bool:
        """Whether the result would be there now, if it were one: not all epochs are validated."""
        of_validation = self.monitor.startswith("val_") and self.params.get("validation") is True
        return not of_validation or self._validated

    def _is_better(self, value: Any, reference: Any) -> bool:
        """Whether a value is better than another by more than `min_delta`; any is, than none.

        Raises:
            ValueError: whether less or more is better is not known.
        """
        value, sign = float(value), self._known_sign()
        if reference is None or math.isnan(reference):
            return reference is None or not math.isnan(value)
        if self._own_comparison is not None:
            return bool(self._own_comparison(value - sign * self.min_delta, reference))
        return sign * value > sign * float(reference) + self.min_delta

    def _known_sign(self) -> int:
        """1 if more is better, -1 if less is."""
        sign = self._direction()
        if sign is None:
            raise value_error(
                f"{type(self).__name__} watches {self.monitor!r}, and whether less or more of "
                "it is better is not known.",
                metrics=", ".join(name for name, _ in named_metrics(self.model)) or "none",
                fix="mode='min'\nor mode='max'",
            )
        return sign

    def _direction(self) -> int | None:
        if self._sign is None:
            self._sign = direction_of(self.monitor, self.model)
        return self._sign


def known_results(callback: Callback, wanted: str) -> list[str] | None:
    """The names of all results of the training that begins; None where others may come.

    Others come from callbacks of the user, and from steps and metrics of their own.

    Args:
        callback: one that is told of the training.
        wanted: a name that is looked for; if it is plain to see, the rest is not asked for.
    """
    validated, model = callback.params.get("validation"), callback.model
    if validated is None or callback.params.get("adds_results", True):
        return None
    if not all(is_builtin(getattr(type(model), step, object)) for step in STEPS):
        return None
    found = dict(named_metrics(model))
    if not all(is_builtin(type(metric)) for metric in found.values()):
        return None
    names = list(found)
    if wanted.removeprefix("val_") not in names:  # a metric may give several results, or a prefix
        names = list(model.get_metrics_result())
    return [*names, *([f"val_{name}" for name in names] if validated else []), "learning_rate"]


def direction_of(monitor: str, model: Any) -> int | None:
    """1 if more of a result is better, -1 if less is, None if that is not known.

    Args:
        monitor: name of the result, with or without `val_`.
        model: its `metrics` are looked through for one of that name.
    """
    name = monitor.removeprefix("val_")
    if name == "loss" or name.endswith("_loss"):
        return -1
    for known, metric in named_metrics(model):
        if known == name or name.endswith(f"_{known}"):
            found = _direction_of_metric(metric)
            if found is not None:
                return found
    return None


def _direction_of_metric(metric: Any) -> int | None:
    for name in ("_direction", "direction"):  # the first is what metrics written for Keras have
        said = getattr(metric, name, None)
        if isinstance(said, str) and said in ("up", "down"):
            return 1 if said == "up" else -1
    return None


def named_metrics(model: Any) -> Iterator[tuple[str, Any]]:
    """The metrics of a model by name, those inside others (`metrics`) instead of these."""
    for metric in getattr(model, "metrics", ()):
        inner = tree.flatten(getattr(metric, "metrics", ()))
        yield from ((m.name, m) for m in inner or [metric])


def say(text: str) -> None:
    """Print a line of its own, below a progress bar that is still being drawn."""
    screen.put(sys.stdout, f"\n{text}\n")


def as_plain(value: Any) -> Any:
    """A result as a Python number, or a nested list of them; anything else as it is."""
    if isinstance(value, str | bytes | Mapping) or callable(value):
        return value
    array = np.asarray(value)
    return array.tolist() if array.dtype.kind in "biufV" else value
