"""Callbacks that save the model while it trains.

    end of an epoch, or of every n-th batch
      |- save_best_only: has the monitored result improved?     no -> nothing
      `- path from the template                "models/e{epoch:02d}-{val_loss:.3f}.keras"
           `- model.save                       the old file stays until the new one is complete

`CheckpointCallback` decides when; its subclasses know how to write.
"""

import os
import string
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cornu.arguments import is_int
from cornu.callbacks.full_disk import goes_on
from cornu.callbacks.monitoring import MonitorCallback, known_results, say
from cornu.callbacks.notes import Kind, is_count, is_number, optional
from cornu.errors import NoSuchNameError, did_you_mean, explain, value_error, warn
from cornu.types import Logs, Tensor


def check_frequency(save_freq: object) -> None:
    """Refuse a `save_freq` that is neither "epoch" nor a positive number of batches."""
    if save_freq != "epoch" and not (is_int(save_freq) and save_freq > 0):
        raise value_error(
            f'save_freq must be "epoch" or a positive number of batches, got {save_freq!r}.'
        )


def training_variables(model: Any) -> dict[str, list[Any]]:
    """The variables that training a model changes, by kind: weights, optimizer, metrics."""
    slots = model._state_slots("train")
    kinds = ("trainable", "non_trainable", "optimizer", "metrics")
    return {kind: getattr(slots, kind) for kind in kinds}


class BatchCounter:
    """Says when `every` more batches are done, across epochs and groups of batches.

    Example:

        >>> counter = BatchCounter(3)
        >>> [counter.is_due(batch) for batch in (0, 1, 0, 1, 0, 1)]
        [False, False, True, False, False, True]
    """

    def __init__(self, every: int):
        self.every = every
        self.since = 0
        self.last: int | None = None

    def is_due(self, batch: int) -> bool:
        """Count up to a batch of the epoch, numbered from 0."""
        new_epoch = self.last is None or batch <= self.last
        self.since += batch + 1 if new_epoch else batch - (self.last or 0)
        self.last = batch
        if self.since < self.every:
            return False
        self.since = 0
        return True


class CheckpointCallback(MonitorCallback):
    """Decides when to save; the base of those that do. See `ModelCheckpoint` for the arguments."""

    _remembered: ClassVar[Mapping[str, Kind]] = {
        "best": optional(is_number),
        "_batches_since_saving": is_count, "_last_batch": optional(is_count),
    }  # fmt: skip

    def __init__(
        self,
        monitor: str,
        verbose: int,
        save_best_only: bool,
        mode: str,
        save_freq: str | int,
        initial_value_threshold: float | None,
    ):
        super().__init__(monitor, mode)
        check_frequency(save_freq)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_freq = save_freq
        self.best = initial_value_threshold
        self.listens_to_batches = save_freq != "epoch"
        self._counter = BatchCounter(save_freq) if isinstance(save_freq, int) else None
        self._epoch = 0

    @property
    def _batches_since_saving(self) -> int:
        """Number of batches since the last save was due."""
        return self._counter.since if self._counter else 0

    @_batches_since_saving.setter
    def _batches_since_saving(self, count: int) -> None:
        if self._counter:
            self._counter.since = count

    @property
    def _last_batch(self) -> int | None:
        """The last counted batch of the epoch."""
        return self._counter.last if self._counter else None

    @_last_batch.setter
    def _last_batch(self, batch: int | None) -> None:
        if self._counter:
            self._counter.last = batch

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if self.save_best_only:
            self._expect_monitor()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self._counter is not None and self._counter.is_due(batch):
            self._consider(self._epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self._counter is None:
            self._consider(epoch, None, logs)

    def _consider(self, epoch: int, batch: int | None, logs: Logs | None) -> None:
        """Save if it is due."""
        logs = dict(logs or {})
        why, best = "", self.best
        if self.save_best_only:
            value = self.get_monitor_value(logs)
            if value is not None and np.size(value) != 1:
                self._say_not_scalar(value)
            elif value is not None:
                if not self._is_better(value, self.best):
                    self._report(
                        epoch,
                        f"{self.monitor} is {float(value):.5g}, not better than "
                        f"{float(self.best):.5g}.",
                    )
                    return
                before = "" if self.best is None else f" from {float(self.best):.5g}"
                why = f"{self.monitor} has become better{before}: {float(value):.5g}, "
                self.best = value
        place = None
        with goes_on(f"Epoch {epoch + 1}: the model could not be saved"):
            place = self._write(epoch, batch, logs)
        if place is None:
            self.best = best  # that of the file which is still there
            return
        self._report(epoch, f"{why}saved to {place}.")

    def _is_due(self) -> bool:
        return self._counter is not None or super()._is_due()  # no batch has results of validation

    def _report(self, epoch: int, text: str) -> None:
        if self.verbose:
            say(f"Epoch {epoch + 1}: {text}")

    def _say_not_scalar(self, value: Tensor) -> None:
        if not self._said:
            self._said = True
            warn(
                f"{type(self).__name__} needs a scalar result, and {self.monitor!r} has shape "
                f"{np.shape(value)}; every model is saved."
            )

    def _write(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> str:
        """Save the model and return its path.

        Args:
            epoch: index of the epoch, from 0.
            batch: index of the batch in the epoch, from 0; None at the end of the epoch.
            logs: results so far.
        """
        raise NotImplementedError


class ModelCheckpoint(CheckpointCallback):
    """Save the model, or its weights, during training.

    Files are replaced atomically: a file is the old one or the new one, whole.

    Args:
        filepath: path ending in `.keras`, or in `.weights.h5` with `save_weights_only`. Format
            fields are filled in: `{epoch}` and `{batch}`, counted from 1, and every result.
        monitor: name of the result to monitor.
        verbose: 1 to print what is saved and why, 0 for silent.
        save_best_only: whether to save only when the result is better than any before.
        save_weights_only: whether to save the weights instead of the whole model.
        mode: "min", "max" or "auto"; see `MonitorCallback`.
        save_freq: "epoch", or a number of batches, counted across epochs.
        initial_value_threshold: initial best value, which the first save must improve on.

    Raises:
        ValueError: `filepath` has another suffix.
        KeyError: `filepath` has a field that is not a result.

    Example:

        >>> checkpoint = ModelCheckpoint("models/e{epoch:02d}-{loss:.2f}.keras")
        >>> checkpoint._path(epoch=0, batch=None, logs={"loss": 0.517})
        'models/e01-0.52.keras'
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ):
        super().__init__(monitor, verbose, save_best_only, mode, save_freq, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.save_weights_only = save_weights_only
        _check_name(self.filepath, save_weights_only)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        super().on_train_begin(logs)
        if hasattr(self.model, "_check_saving") and "{" not in os.path.dirname(self.filepath):
            # Hours of training must not end at a model, or a folder, that cannot be written.
            self.model._check_saving(self.filepath)
        fields = [field for _, field, _, _ in string.Formatter().parse(self.filepath) if field]
        for field in fields:
            names = known_results(self, field)
            if names is not None and field not in (*names, "epoch", "batch"):
                raise NoSuchNameError(self._no_field(repr(field), ["epoch", *names]))

    def _path(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> str:
        """The path for an epoch and a batch, both counted from 0."""
        fields: dict[str, Any] = {"epoch": epoch + 1, **logs}
        if batch is not None:
            fields["batch"] = batch + 1
        try:
            return self.filepath.format(**fields)
        except (KeyError, IndexError) as error:
            raise NoSuchNameError(self._no_field(str(error), fields)) from error

    def _no_field(self, field: str, known: Iterable[str]) -> str:
        known = list(known)
        return explain(
            f"filepath {self.filepath!r} has an unknown field: {field}.",
            fields=", ".join(known),
            fix=did_you_mean(field.strip("'"), known),
        )

    def _write(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> str:
        path = self._path(epoch, batch, logs)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        return path


def _check_name(path: str, save_weights_only: bool) -> None:
    if save_weights_only:
        if not path.endswith(".weights.h5"):
            raise value_error(
                f"With save_weights_only, filepath must end in '.weights.h5', got {path!r}.",
                fix="ModelCheckpoint('model.weights.h5', save_weights_only=True)",
            )
    elif path.endswith(".weights.h5"):
        raise value_error(
            f"filepath must end in '.keras' to save the whole model, got {path!r}.",
            fix=f"ModelCheckpoint({path!r}, save_weights_only=True)\nor a path ending in '.keras'.",
        )
    elif not path.endswith((".keras", ".h5")):
        raise value_error(
            f"filepath must end in '.keras', got {path!r}.",
            fix=f"ModelCheckpoint({path + '.keras'!r})",
        )
