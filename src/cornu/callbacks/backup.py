"""`BackupAndRestore`: a training that was killed goes on where it was.

    training  ---1---2---3---4--x killed        latest.h5: all variables of the model (weights,
                             |                  optimizer, seeds, metrics), what the callbacks
    the same script again    |                  remember, and the place: epoch 4, step 0
    fit  ---- restore -------4---5---6
              everything of the list, and the order of the data follows from seed and epoch

With `set_random_seed` at the top of the script, arrays as data and this callback, the weights at
the end are those of an uninterrupted training, to the last bit. One file holds everything and takes
the old one's place in one step, so there is no moment at which half a backup is on disk.
"""

import json
import os
import shutil
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cornu.archive.atomic import atomic_write
from cornu.archive.stores import H5Reader, H5Writer
from cornu.callbacks.callback import Callback
from cornu.callbacks.checkpoint import BatchCounter, check_frequency, training_variables
from cornu.callbacks.monitoring import as_plain
from cornu.errors import explain

LATEST, PREVIOUS = "latest.h5", "previous.h5"
_PLACE, _NOTES = "place", "notes"


class _Backup(NamedTuple):
    """What of a backup is not in the model's variables yet."""

    epoch: int
    step: int  # of the epoch, the first that has not been done
    metrics: list[np.ndarray]
    notes: dict[str, list[np.ndarray]]


class BackupAndRestore(Callback):
    """Keep a backup of the training, and go on from it if there is one.

    Args:
        backup_dir: a directory for this training alone.
        save_freq: "epoch", or a number of batches. Batches are counted across epochs.
        double_checkpoint: keep the backup before the last one too, for when a disk damages a file.
        delete_checkpoint: delete the directory's backups when the training has come to its end.

    Raises:
        ValueError: the backup is of another model, or it is damaged.

    Example:

        >>> backup = BackupAndRestore("backups/digits", save_freq=500)
        >>> backup.backup_dir.name, backup.listens_to_batches
        ('digits', True)
    """

    hears_last = True  # what other callbacks change at the end of an epoch belongs to the backup
    siblings: Sequence[Callback] = ()  # all callbacks of the training, set by their list

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ):
        super().__init__()
        if not backup_dir:
            raise ValueError(
                explain(
                    f"backup_dir is the name of a directory, got {backup_dir!r}.",
                    fix="BackupAndRestore('backups/my_training')",
                )
            )
        check_frequency(save_freq)
        self.backup_dir = Path(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self.listens_to_batches = save_freq != "epoch"
        self._start()

    def _start(self) -> None:
        every = self.save_freq
        self._counter = BatchCounter(every) if isinstance(every, int) else None
        self._epoch = 0
        self._restored: _Backup | None = None  # what waits for the first epoch

    # ---- hooks --------------------------------------------------------------------------------

    def on_train_begin(self, logs: Any = None) -> None:
        self._start()
        found = [p for p in (self.backup_dir / LATEST, self.backup_dir / PREVIOUS) if p.exists()]
        for path in found:
            try:
                self._restored = self._read(path)
                break
            except (ValueError, OSError) as error:
                if path is found[-1]:
                    raise
                warnings.warn(
                    f"{path} cannot be used, so training goes on from the backup before it. "
                    f"{error}",
                    stacklevel=2,
                )
        if self._restored is not None:
            self.model.resume_at(self._restored.epoch, self._restored.step)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch
        if self._restored is not None:
            # Only now have all callbacks begun anew, and the metrics too.
            self._remind(self._restored)
            self._restored = None

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._counter is not None and self._counter.is_due(batch):
            self._save(self._epoch, batch + 1)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._counter is None:
            self._save(epoch + 1, 0)

    def on_train_end(self, logs: Any = None) -> None:
        if self.delete_checkpoint:
            self._delete()

    # ---- files --------------------------------------------------------------------------------

    def _save(self, epoch: int, step: int) -> None:
        if self.model.stop_training:
            return  # training ends here; a backup would go on behind its end
        self.backup_dir.mkdir(parents=True, exist_ok=True)
        latest = self.backup_dir / LATEST
        if self.double_checkpoint and latest.exists():
            with atomic_write(self.backup_dir / PREVIOUS) as copy:
                shutil.copyfile(latest, copy)
        with H5Writer(latest) as store:
            for kind, variables in training_variables(self.model).items():
                store.write(kind, kind, [v.numpy() for v in variables])
            store.write(_PLACE, _PLACE, [np.array([epoch, step], np.int64)])
            for name, callback in self._remembering():
                store.write(f"{_NOTES}/{name}", name, _noted(callback))

    def _read(self, path: Path) -> "_Backup":
        """Put the variables of a backup into the model; the rest waits for the first epoch."""
        with H5Reader(path) as store:
            stored = set(store.paths())
            kinds = training_variables(self.model)
            missing = [name for name in (*kinds, _PLACE) if name not in stored]
            if missing:
                raise ValueError(_unfit(path, f"it lacks {', '.join(missing)}."))
            arrays = {}
            for kind, variables in kinds.items():
                expected = [(v.shape, v.dtype) for v in variables]
                try:
                    arrays[kind] = store.read(kind, expected)
                except ValueError as error:
                    raise ValueError(_unfit(path, str(error))) from error
            place = store.read(_PLACE, store.shapes(_PLACE))[0]
            notes = {
                name: store.read(f"{_NOTES}/{name}", store.shapes(f"{_NOTES}/{name}"))
                for name, _ in self._remembering()
                if f"{_NOTES}/{name}" in stored
            }
        for kind, values in arrays.items():
            if kind != "metrics":
                _assign(kinds[kind], values)
        epoch, step = (int(n) for n in place)
        return _Backup(epoch, step, arrays["metrics"], notes)

    def _remind(self, backup: "_Backup") -> None:
        """Give back what the start of a training and of an epoch resets."""
        if backup.step:
            _assign(training_variables(self.model)["metrics"], backup.metrics)
            if self._counter is not None:
                self._counter.last = backup.step - 1
        for name, callback in self._remembering():
            if name in backup.notes:
                _recall(callback, backup.notes[name])

    def _remembering(self) -> Iterator[tuple[str, Callback]]:
        """The callbacks that remember something, each with a name that a rerun gives it too."""
        seen: Counter[str] = Counter()
        for callback in self.siblings:
            if getattr(callback, "remembered", ()):
                name = type(callback).__name__
                yield f"{name}_{seen[name]}", callback
                seen[name] += 1

    def _delete(self) -> None:
        for name in (LATEST, PREVIOUS):
            (self.backup_dir / name).unlink(missing_ok=True)
        if self.backup_dir.is_dir() and not any(self.backup_dir.iterdir()):
            self.backup_dir.rmdir()


def _unfit(path: Path, why: str) -> str:
    return explain(
        f"The backup {os.fspath(path)!r} does not fit the training that is to go on.",
        why=why,
        fix="make and compile the model as before, or delete the backup to start anew.",
    )


def _assign(variables: Sequence[Any], values: Sequence[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _noted(callback: Any) -> list[np.ndarray]:
    """What a callback remembers, as arrays: a JSON text in bytes, then those it refers to."""
    plain: dict[str, Any] = {}
    arrays: list[np.ndarray] = []
    for name in callback.remembered:
        value = getattr(callback, name)
        if isinstance(value, list) and all(isinstance(x, np.ndarray) for x in value):
            plain[name] = {"arrays": len(value)}
            arrays += value
        else:
            plain[name] = {"value": as_plain(value) if value is not None else None}
    return [np.frombuffer(json.dumps(plain).encode(), np.uint8), *arrays]


def _recall(callback: Any, noted: Sequence[np.ndarray]) -> None:
    """Set what `_noted` wrote."""
    text, *arrays = noted
    waiting = iter(arrays)
    for name, entry in json.loads(text.tobytes()).items():
        if name in callback.remembered:
            count = entry.get("arrays")
            value = entry["value"] if count is None else [next(waiting) for _ in range(count)]
            setattr(callback, name, value)
