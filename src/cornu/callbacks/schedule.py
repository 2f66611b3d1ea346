"""Callbacks that change the learning rate.

    LearningRateScheduler   before each epoch: rate = schedule(epoch, rate)
    ReduceLROnPlateau       after `patience` epochs without improvement: rate = rate * factor

Both add the rate to the results of the epoch, as `learning_rate`. It is a Variable of the optimizer
and an input of the compiled step, so a new rate compiles nothing anew.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from cornu.callbacks.callback import Callback
from cornu.callbacks.monitoring import MonitorCallback, say
from cornu.callbacks.notes import Kind, is_count, is_number, optional
from cornu.errors import unknown_arguments, value_error, warn
from cornu.types import Logs


def rated(model: Any) -> dict[str, Any]:
    """The optimizers of a model that have a learning rate, by the names of their rates.

    Of a `MultiOptimizer` each has its own, `learning_rate_<name>`.

    Raises:
        ValueError: the model has no optimizer with a learning rate.
    """
    optimizer = getattr(model, "optimizer", None)
    several = getattr(optimizer, "optimizers", None)
    if several is not None:
        return {f"learning_rate_{one.name}": one for one in several}
    if getattr(optimizer, "learning_rate", None) is None:
        raise value_error(
            "The model has no optimizer with a learning rate.",
            fix="model.compile(optimizer='adam', ...)",
        )
    return {"learning_rate": optimizer}


def rates_of(model: Any) -> dict[str, float]:
    """The current learning rates of a model's optimizers, by name."""
    return {name: _rate(one) for name, one in rated(model).items()}


def _rate(optimizer: Any) -> float:
    return float(np.asarray(optimizer.learning_rate))


class LearningRateScheduler(Callback):
    """Set the learning rate before each epoch.

    Args:
        schedule: function `schedule(epoch, rate)` or `schedule(epoch)` that returns the new rate;
            epochs count from 0.
        verbose: 1 to print each new rate, 0 for silent.

    Raises:
        ValueError: the schedule does not return a finite number.
        TypeError: the optimizer has a learning rate schedule.

    Example:

        >>> scheduler = LearningRateScheduler(lambda epoch, rate: rate * 0.5)
        >>> optimizer = type("Optimizer", (), {"learning_rate": 0.5})()
        >>> scheduler.set_model(type("Model", (), {"optimizer": optimizer})())
        >>> scheduler.on_epoch_begin(0)
        >>> optimizer.learning_rate
        0.25
    """

    listens_to_batches = False

    def __init__(self, schedule: Callable[..., float], verbose: int = 0):
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        takes_rate = _takes_two(self.schedule)
        for name, optimizer in rated(self.model).items():
            before = (_rate(optimizer),) if takes_rate else ()
            optimizer.learning_rate = rate = _as_rate(self.schedule(epoch, *before))
            if self.verbose:
                say(f"Epoch {epoch + 1}: the {name.replace('_', ' ', 1)} is {rate:.5g}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs.update(rates_of(self.model))


def _takes_two(schedule: Callable[..., Any]) -> bool:
    """Whether a function can be called with an epoch and a rate."""
    try:
        inspect.signature(schedule).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # one that does not show its arguments
        return True
    return True


def _as_rate(given: object) -> float:
    array = None if isinstance(given, str) or given is None else np.asarray(given)
    if array is None or array.size != 1 or array.dtype.kind not in "iufV":
        raise value_error(f"schedule must return a number, got {given!r}.")
    rate = float(array.reshape(()))
    if not math.isfinite(rate):
        raise value_error(f"schedule must return a finite number, got {rate}.")
    return rate


class ReduceLROnPlateau(MonitorCallback):
    """Reduce the learning rate when the monitored result has stopped improving.

    Args:
        monitor: name of the result to monitor.
        factor: factor of the reduction, `new_rate = rate * factor`; must be < 1.
        patience: number of epochs without improvement before the reduction.
        verbose: 1 to print each new rate, 0 for silent.
        mode: "min", "max" or "auto"; see `MonitorCallback`.
        min_delta: minimum change that counts as an improvement.
        cooldown: number of epochs after a reduction that are not counted.
        min_lr: lower bound of the learning rate.

    Example:

        >>> plateau = ReduceLROnPlateau("loss", factor=0.5, patience=1)
        >>> optimizer = type("Optimizer", (), {"learning_rate": 0.5})()
        >>> plateau.set_model(type("Model", (), {"optimizer": optimizer, "metrics": ()})())
        >>> plateau.on_train_begin()
        >>> for epoch, loss in enumerate([0.9, 0.9]):
        ...     plateau.on_epoch_end(epoch, {"loss": loss})
        >>> optimizer.learning_rate
        0.25
    """

    _remembered: ClassVar[Mapping[str, Kind]] = {
        "best": optional(is_number), "cooldown_counter": is_count, "wait": is_count,
    }  # fmt: skip

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(monitor, mode, min_delta)
        if factor >= 1.0:
            raise value_error(f"factor must be < 1, got {factor!r}.")
        if kwargs:
            known = set(inspect.signature(ReduceLROnPlateau).parameters) - {"kwargs"}
            warn(unknown_arguments("ReduceLROnPlateau", kwargs, known))  # Keras ignores them
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self._start()

    def _start(self) -> None:
        self.best: Any = None
        self.wait = 0
        self.cooldown_counter = 0

    def in_cooldown(self) -> bool:
        """Whether the cooldown after the last reduction is not over."""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._start()
        self._expect_monitor()
        for optimizer in rated(self.model).values():
            optimizer.learning_rate = _rate(optimizer)  # says at once if it takes none

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs.update(rates_of(self.model))
        value = self.get_monitor_value(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_better(value, self.best):
            self.best, self.wait = value, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        for name, optimizer in rated(self.model).items():
            before = _rate(optimizer)
            if before <= np.float32(self.min_lr):
                continue
            optimizer.learning_rate = rate = max(before * self.factor, self.min_lr)
            if self.verbose:
                say(
                    f"Epoch {epoch + 1}: {self.monitor} has not become better than "
                    f"{float(self.best):.5g} for {self.wait} epochs, "
                    f"the {name.replace('_', ' ', 1)} is {rate:.5g}."
                )
            self.cooldown_counter = self.cooldown
            self.wait = 0
