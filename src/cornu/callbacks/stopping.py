"""Callbacks that stop training before its last epoch.

EarlyStopping    monitored result       0.9  0.5  0.4  0.41  0.43       patience=2
                 epochs without better    0    0    0    1     2 -> stop, weights of the third
TerminateOnNaN   the loss               0.9  nan -> stop at this batch
"""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from cornu.callbacks.callback import Callback
from cornu.callbacks.monitoring import MonitorCallback, say
from cornu.callbacks.notes import (
    Kind,
    are_values_of,
    is_array,
    is_count,
    is_number,
    list_of,
    optional,
)
from cornu.errors import make_error
from cornu.types import Logs


class EarlyStopping(MonitorCallback):
    """Stop training when the monitored result has stopped improving.

    Args:
        monitor: name of the result to monitor.
        min_delta: minimum change that counts as an improvement.
        patience: number of epochs without improvement before training stops.
        verbose: 1 to print when training stops and which weights are restored, 0 for silent.
        mode: "min", "max" or "auto"; see `MonitorCallback`.
        baseline: value to beat; improvements short of it do not reset the patience.
        restore_best_weights: whether to restore the weights of the best epoch at the end of
            training, however it ended.
        start_from_epoch: first epoch that is monitored.

    Attributes:
        best: best value of the last training.
        best_epoch: epoch of the best value, counted from 0.
        stopped_epoch: epoch after which training stopped; 0 if it did not.

    Example:

        >>> stopping = EarlyStopping("loss", patience=1)
        >>> stopping.set_model(type("Model", (), {"stop_training": False, "metrics": ()})())
        >>> stopping.on_train_begin()
        >>> for epoch, loss in enumerate([0.9, 0.5, 0.6]):
        ...     stopping.on_epoch_end(epoch, {"loss": loss})
        >>> stopping.model.stop_training, stopping.best, stopping.best_epoch
        (True, 0.5, 1)
    """

    _remembered: ClassVar[Mapping[str, Kind]] = {
        "best": optional(is_number), "best_epoch": is_count, "wait": is_count,
        "best_weights": optional(list_of(is_array)), "stopped_epoch": is_count,
    }  # fmt: skip

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ):
        super().__init__(monitor, mode, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._start()

    def _start(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best: Any = None
        self.best_epoch = 0
        self.best_weights: list[np.ndarray] | None = None

    def _can_go_on_from(self, notes: Mapping[str, Any]) -> bool:
        weights = notes.get("best_weights")
        if weights is None or not self.restore_best_weights:
            return True
        return notes.get("best") is not None and are_values_of(self.model.weights, weights)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._start()
        self._expect_monitor()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = self.get_monitor_value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self._is_better(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._is_better(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.verbose and self.stopped_epoch:
            say(
                f"Epoch {self.stopped_epoch + 1}: {self.monitor} has not become better for "
                f"{self.wait} epochs, stopping."
            )
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                say(
                    f"Restoring the weights of epoch {self.best_epoch + 1}, "
                    f"{self.monitor} {float(self.best):.5g}."
                )
            self.model.set_weights(self.best_weights)


class TerminateOnNaN(Callback):
    """Stop training when the loss is NaN or infinite.

    Args:
        raise_error: whether to raise an error instead of stopping silently.

    Raises:
        RuntimeError: the loss is not finite and `raise_error` is True.

    Example:

        >>> guard = TerminateOnNaN()
        >>> guard.set_model(type("Model", (), {"stop_training": False})())
        >>> guard.on_train_batch_end(3, {"loss": float("nan")})
        <BLANKLINE>
        Batch 4: the loss is nan, stopping.
        >>> guard.model.stop_training
        True
    """

    # A loss that is NaN stays NaN, so the last step of a group shows it.
    listens_to_batches = False
    _handles_nonfinite = True

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(float(loss)):
            return
        self.model.stop_training = True
        if self.raise_error:
            raise make_error(
                RuntimeError,
                f"The loss is {float(loss)} at batch {batch + 1}.",
                fix="lower the learning rate, clip gradients (clipnorm=1.0), or look for NaN in "
                "the data.",
            )
        say(f"Batch {batch + 1}: the loss is {float(loss)}, stopping.")
