"""`BackupAndRestore`: a training that was killed goes on where it was.

    training  ---1---2---3---4--x killed        latest.h5: all variables of the model (weights,
                             |                  optimizer, seeds, metrics), what the callbacks
    the same script again    |                  remember, where the data are, the random numbers of
    fit  ---- restore -------4---5---6          the process, and the place: epoch 4, step 0

What comes out is what an uninterrupted training gives, to the last bit: weights, results, what the
callbacks remember, and the random numbers that are drawn afterwards. One file holds everything and
takes the old one's place in one step, so there is no moment at which half a backup is on disk.

`Resume` is the same with other habits: what `fit(resume="a/folder")` does.
"""

import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cornu.archive.atomic import atomic_write, explained
from cornu.archive.regular import require_no_links
from cornu.callbacks.backup_file import Backup, read_backup, write_backup
from cornu.callbacks.callback import Callback
from cornu.callbacks.checkpoint import BatchCounter, check_frequency, training_variables
from cornu.callbacks.full_disk import goes_on
from cornu.callbacks.monitoring import History
from cornu.data.position import random_streams, set_random_streams
from cornu.errors import explain, value_error, warn
from cornu.random.seed import global_seed_generator

LATEST, PREVIOUS = "latest.h5", "previous.h5"

# A backup is due when this many seconds are over, or this many times what the last one took.
SECONDS, TIMES = 15.0, 50.0


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

    _hears_last = True  # what other callbacks change at the end of an epoch belongs to the backup
    _needs_positions = True
    _needs_siblings = True
    _keeps_history = False  # Keras's history begins anew

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ):
        super().__init__()
        if not backup_dir:
            raise value_error(
                f"backup_dir is the name of a directory, got {backup_dir!r}.",
                fix="BackupAndRestore('backups/my_training')",
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
        self._restored: Backup | None = None  # what waits for the first epoch

    # ---- hooks --------------------------------------------------------------------------------

    def on_train_begin(self, logs: Any = None) -> None:
        self._start()
        places = (self.backup_dir / LATEST, self.backup_dir / PREVIOUS)
        found = [place for place in places if os.path.lexists(place)]
        for path in found:
            try:
                self._restored = self._read(path)
                break
            except (ValueError, OSError) as error:
                if path is found[-1]:
                    raise
                warn(
                    f"{path} cannot be used, so training goes on from the backup before it. {error}"
                )
        if self._restored is not None:
            self._put_back(self._restored)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch
        backup, self._restored = self._restored, None
        if backup is not None and backup.step:
            # The callbacks have begun this epoch once more, and the metrics too.
            self._assign(backup, ("trainable", "non_trainable", "optimizer", "metrics"))
            self._remind(backup)
            if self._counter is not None:
                self._counter.last = backup.step - 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._counter is not None and self._counter.is_due(batch) and _finite(logs):
            self._save_if_it_can(self._epoch, self._steps_done(batch))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._counter is None:
            self._save_if_it_can(epoch + 1, 0)

    def on_train_end(self, logs: Any = None) -> None:
        if self.delete_checkpoint:
            self._delete()

    # ---- going on -----------------------------------------------------------------------------

    def _put_back(self, backup: Backup) -> None:
        """Everything that the first epoch does not reset."""
        epochs = self.params.get("epochs") or 0
        is_over = backup.epoch >= epochs
        if backup.epoch > epochs and not backup.stopped:
            warn(
                explain(
                    f"Nothing is trained: the backup in {os.fspath(self.backup_dir)!r} is of epoch "
                    f"{backup.epoch + 1}.",
                    epochs=epochs,
                    fix=f"epochs={backup.epoch + 1}\n"
                    "or start anew, with another directory: "
                    f"BackupAndRestore({os.fspath(self.backup_dir) + '_2'!r})",
                )
            )
        # First, since it may refuse. Where nothing is left to do, no data are read.
        self._resume_at(backup.epoch, backup.step, {} if is_over else backup.positions)
        self._assign(backup, ("trainable", "non_trainable", "optimizer"))
        self._remind(backup)

    @property
    def _run(self) -> Any:
        """The run of `fit`; None in a loop of the user's own, which calls the hooks itself."""
        return self.model._current_run

    def _resume_at(self, epoch: int, step: int = 0, positions: Any = None) -> None:
        if self._run is not None:
            self._run.resume_at(epoch, step, positions)

    def _assign(self, backup: Backup, kinds: Sequence[str]) -> None:
        variables = training_variables(self.model)
        for kind in kinds:
            for variable, value in zip(variables[kind], backup.variables[kind], strict=True):
                variable.assign(value)

    def _remind(self, backup: Backup) -> None:
        for name, callback in self._remembering():
            for attribute, value in backup.notes.get(name, {}).items():
                if attribute in callback._remembered:
                    setattr(callback, attribute, value)
        streams = backup.streams
        set_random_streams(streams)
        global_seed_generator().state.assign(streams["global"])

    def _remembering(self) -> Iterator[tuple[str, Callback]]:
        """The callbacks that remember something, each with a name that a rerun gives it too."""
        seen: Counter[str] = Counter()
        for callback in self._siblings:
            if isinstance(callback, History) and not self._keeps_history:
                continue
            if getattr(callback, "_remembered", ()):
                name = type(callback).__name__
                yield f"{name}_{seen[name]}", callback
                seen[name] += 1

    # ---- files --------------------------------------------------------------------------------

    def _save(self, epoch: int, step: int) -> None:
        if self.model.stop_training and not self._keeps_history:
            return  # training ends here; a backup would go on behind its end
        positions = {} if self._run is None else self._run.data_positions(step)
        # Where batches are read ahead, the numbers drawn for those that are not used yet are not
        # counted: the next run draws them again.
        streams = random_streams() | ((positions.get("train") or {}).pop("streams", None) or {})
        streams["global"] = global_seed_generator().state.numpy()
        backup = Backup(
            epoch=epoch,
            step=step,
            stopped=bool(self.model.stop_training),
            variables={
                kind: [v.numpy() for v in variables]
                for kind, variables in training_variables(self.model).items()
            },
            positions=positions,
            streams=streams,
            notes={
                name: {a: getattr(callback, a) for a in callback._remembered}
                for name, callback in self._remembering()
            },
        )
        latest, previous = self.backup_dir / LATEST, self.backup_dir / PREVIOUS
        with explained(latest):
            self.backup_dir.mkdir(parents=True, exist_ok=True)
            if self.double_checkpoint and latest.exists():
                require_no_links(self.backup_dir, PREVIOUS)
                with atomic_write(previous) as copy:
                    shutil.copyfile(latest, copy)
            write_backup(latest, backup)

    def _save_if_it_can(self, epoch: int, step: int) -> None:
        """Save; a disk that is full for an hour must not end a training of days."""
        with goes_on("The training could not be backed up"):
            self._save(epoch, step)

    def _read(self, path: Path) -> Backup:
        require_no_links(self.backup_dir, path.name)
        return read_backup(path, training_variables(self.model), self._remembering())

    def _delete(self) -> None:
        for name in (LATEST, PREVIOUS):
            (self.backup_dir / name).unlink(missing_ok=True)
        if self.backup_dir.is_dir() and not any(self.backup_dir.iterdir()):
            self.backup_dir.rmdir()


class Resume(BackupAndRestore):
    """Go on where a run of the same script stopped, and keep what the next one needs.

    `fit(resume="runs/digits")` puts this callback at the end of the list. Unlike
    `BackupAndRestore`, it writes by the clock, so that training need not stop after each batch;
    the history is that of all runs together; and the last backup stays, so that a script that is
    started again after its end has the trained model at once.

    Args:
        folder: a directory for this run alone.
        every: batches between two backups; None writes after 15 seconds, or after 50 times as long
            as writing takes, whichever is more. Groups of batches that run at once are not cut.

    Example:

        >>> Resume("runs/digits").listens_to_batches
        False
    """

    listens_to_batches = False
    _keeps_history = True

    def __init__(self, folder: str | os.PathLike[str], every: int | None = None):
        super().__init__(folder, "epoch" if every is None else every, delete_checkpoint=False)
        self.listens_to_batches = False
        self._written = time.monotonic()
        self._wait = SECONDS

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        if self._restored is None:
            self._save(*((0, 0) if self._run is None else self._run.begins_at))

    def _put_back(self, backup: Backup) -> None:
        super()._put_back(backup)
        if backup.stopped:
            self._resume_at(max(self.params["epochs"], backup.epoch))
        self._written = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        # The end of the epoch, which is near then, is a better place.
        is_last = self._steps_done(batch) == self.params.get("steps")
        due = self._counter.is_due(batch) if self._counter else self._is_time()
        if due and not is_last and _finite(logs):
            self._save_if_it_can(self._epoch, self._steps_done(batch))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        ends = self.model.stop_training or epoch + 1 >= self.params["epochs"]
        if ends or self._counter is not None or self._is_time():
            self._save_if_it_can(epoch + 1, 0)

    def _is_time(self) -> bool:
        return time.monotonic() - self._written >= self._wait

    def _save(self, epoch: int, step: int) -> None:
        begun = time.monotonic()
        try:
            super()._save(epoch, step)
        finally:
            self._written = time.monotonic()
            self._wait = max(SECONDS, TIMES * (self._written - begun))


def _finite(logs: Any) -> bool:
    """Whether there is sense in going on from here."""
    return bool(np.all(np.isfinite(np.asarray((logs or {}).get("loss", 0.0)))))
