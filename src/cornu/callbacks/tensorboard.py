"""`TensorBoard`: results, weights and profiles for TensorBoard, without TensorFlow.

log_dir/train/events...        epoch_loss, epoch_learning_rate, batch_loss, histograms, graph
log_dir/validation/events...   epoch_loss, evaluation_loss_vs_iterations

tensorboard --logdir log_dir   shows both as runs
"""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import jax
import numpy as np

from cornu.archive.atomic import atomic_write, explained
from cornu.arguments import is_int
from cornu.callbacks.callback import Callback
from cornu.callbacks.event_file import EventWriter
from cornu.callbacks.full_disk import goes_on
from cornu.callbacks.schedule import rates_of
from cornu.errors import explain, value_error
from cornu.types import Logs

_may_fail = goes_on("TensorBoard's files could not be written")


class TensorBoard(Callback):
    """Write event files for TensorBoard. On a full disk it warns, and training goes on.

    Args:
        log_dir: directory of the event files; use one per training.
        histogram_freq: number of epochs between histograms of the weights; 0 for none.
        write_graph: whether to write the architecture of Functional and Sequential models.
        write_images: whether to write the weights as gray images, at the epochs of histograms.
        write_steps_per_second: whether to write the number of steps per second.
        update_freq: "epoch", "batch", or a number of batches between writes.
        profile_batch: batch to profile, or a pair of the first and last, counted from 1.
        embeddings_freq: number of epochs between embedding tables for the projector; 0 for none.
        embeddings_metadata: file with one line per row of a table, or a dict of layer name to file.

    Raises:
        ValueError: an argument is out of range.

    Example:

        >>> TensorBoard("logs/run_1", update_freq=10).listens_to_batches
        True
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: int | str | tuple[int, int] = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: str | Mapping[str, str] | None = None,
    ):
        super().__init__()
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = _frequency(update_freq)
        self.profile_batch = _profiled(profile_batch)
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        self.listens_to_batches = bool(
            self.update_freq != "epoch" or write_steps_per_second or self.profile_batch
        )
        self._writers: dict[str, EventWriter] = {}
        self._start()

    def _start(self) -> None:
        self._steps = 0  # of this training
        self._training = False
        self._profiling = False
        self._epoch_began = (0.0, 0)
        self._last_write = (0.0, 0)

    def _writer(self, run: str) -> EventWriter:
        """The event file of "train" or "validation", opened when it is first asked for."""
        if run not in self._writers:
            self._writers[run] = EventWriter(Path(self.log_dir, run))
        return self._writers[run]

    @property
    def summary(self) -> EventWriter:
        """The writer for values of your own: `summary.scalar(name, value, step)` and the like."""
        return self._writer("train")

    # ---- training -----------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._start()
        self._training = True
        self._last_write = (time.perf_counter(), 0)
        # Only these have an architecture as a graph; a class with code of its own has none.
        if self.write_graph and getattr(self.model, "inputs", None):
            with explained(self.log_dir):  # before the first step, what cannot be is an error
                writer = self._writer("train")
                writer.text("keras", self.model.to_json(), 0, plugin="graph_keras_model")
                writer.flush()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch_began = (time.perf_counter(), self._steps)

    @_may_fail
    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        if self.profile_batch and not self._profiling and self._steps + 1 == self.profile_batch[0]:
            jax.profiler.start_trace(os.path.join(self.log_dir, "train"))
            self._profiling = True

    @_may_fail
    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._steps = self._epoch_began[1] + self._steps_done(batch)
        if self._profiling and self.profile_batch and self._steps >= self.profile_batch[1]:
            self._stop_profile()
        if isinstance(self.update_freq, str) or self._steps % self.update_freq:
            return
        step = self._iterations()
        writer = self._writer("train")
        for name, result in _numbers(logs):
            writer.scalar(f"batch_{name}", result, step)
        if self.write_steps_per_second:
            now, (before, steps) = time.perf_counter(), self._last_write
            self._last_write = (now, self._steps)
            pace = (self._steps - steps) / max(now - before, 1e-9)
            writer.scalar("batch_steps_per_second", pace, step)

    @_may_fail
    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        writer = self._writer("train")
        for name, result in _numbers(logs):
            if name.startswith("val_"):
                self._writer("validation").scalar(f"epoch_{name[4:]}", result, epoch)
            else:
                writer.scalar(f"epoch_{name}", result, epoch)
        if getattr(self.model, "optimizer", None) is not None and "learning_rate" not in (
            logs or {}
        ):
            for name, rate in rates_of(self.model).items():
                writer.scalar(f"epoch_{name}", rate, epoch)
        if self.write_steps_per_second:
            began, steps = self._epoch_began
            pace = (self._steps - steps) / max(time.perf_counter() - began, 1e-9)
            writer.scalar("epoch_steps_per_second", pace, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings()
        self._each(EventWriter.flush)

    @_may_fail
    def on_train_end(self, logs: Logs | None = None) -> None:
        self._training = False
        self._close()

    @_may_fail
    def _on_failure(self) -> None:
        """Called when an error or Ctrl-C ends what was begun."""
        self._close()

    # ---- evaluation ---------------------------------------------------------------------------

    @_may_fail
    def on_test_end(self, logs: Logs | None = None) -> None:
        if getattr(self.model, "optimizer", None) is not None:
            for name, result in _numbers(logs):
                self._writer("validation").scalar(
                    f"evaluation_{name}_vs_iterations", result, self._iterations()
                )
        if not self._training:
            self._close()

    # ---- what is written ----------------------------------------------------------------------

    def _iterations(self) -> int:
        """The step count of the optimizer, which goes on from training to training."""
        return int(np.asarray(self.model.optimizer.iterations))

    def _write_weights(self, epoch: int) -> None:
        writer = self._writer("train")
        for layer in self.model.layers:
            for weight in layer.weights:
                name, values = weight.path.replace(":", "_"), weight.numpy().astype("float32")
                writer.histogram(f"{name}/histogram", values, epoch)
                if self.write_images:
                    writer.image(f"{name}/image", as_image(values), epoch)

    def _write_embeddings(self) -> None:
        """Write embedding tables as text, and the config of the projector."""
        folder = Path(self.log_dir, "train")
        folder.mkdir(parents=True, exist_ok=True)
        entries = []
        for layer in self.model.layers:
            table = getattr(layer, "embeddings", None)
            if not hasattr(table, "numpy"):
                continue
            path = f"{layer.name}_embedding.tsv"
            with atomic_write(folder / path) as temporary:
                np.savetxt(temporary, table.numpy().astype("float32"), "%.6g", "\t")  # type: ignore[union-attr]
            entry = f'  tensor_name: "{layer.name}"\n  tensor_path: "{path}"\n'
            metadata = self.embeddings_metadata
            if isinstance(metadata, Mapping):
                metadata = metadata.get(layer.name)
            if metadata:
                entry += f'  metadata_path: "{os.path.abspath(metadata)}"\n'
            entries.append(f"embeddings {{\n{entry}}}\n")
        with atomic_write(folder / "projector_config.pbtxt") as temporary:
            temporary.write_text("".join(entries))

    def _stop_profile(self) -> None:
        self._profiling = False
        jax.profiler.stop_trace()

    def _each(self, do: Callable[[EventWriter], None]) -> None:
        for writer in self._writers.values():
            do(writer)

    def _close(self) -> None:
        if self._profiling:
            self._stop_profile()
        with ExitStack() as closing:
            for writer in self._writers.values():
                closing.callback(writer.close)
            self._writers = {}


def as_image(values: np.ndarray) -> np.ndarray:
    """A weight as a gray image `(height, width)`, from black (minimum) to white (maximum).

    Axes before the last two are stacked from top to bottom; a vector is one row.

    Example:

        >>> as_image(np.array([0.0, 1.0, 2.0])).tolist()
        [[0, 127, 255]]
    """
    table = np.nan_to_num(np.atleast_2d(values)).reshape(
        -1, np.shape(values)[-1] if values.ndim else 1
    )
    low, high = table.min(), table.max()
    return ((table - low) / (high - low or 1.0) * 255).astype(np.uint8)


def _numbers(logs: Logs | None) -> list[tuple[str, float]]:
    """The results that are single numbers."""
    found = dict(logs or {}).items()
    return [(n, float(v)) for n, v in found if not isinstance(v, str) and np.size(v) == 1]


def _frequency(update_freq: object) -> str | int:
    if update_freq == "batch":
        return 1
    if update_freq == "epoch" or (is_int(update_freq) and update_freq > 0):
        return update_freq
    raise value_error(
        f'update_freq must be "epoch", "batch" or a positive int, got {update_freq!r}.'
    )


def _profiled(profile_batch: object) -> tuple[int, int] | None:
    """The first and the last batch to profile, counted from 1."""
    if isinstance(profile_batch, str):
        profile_batch = tuple(part.strip() for part in profile_batch.split(","))
    given = profile_batch if isinstance(profile_batch, tuple | list) else (profile_batch,)
    try:
        first, last = int(given[0]), int(given[-1])
    except (ValueError, TypeError, IndexError) as error:
        raise ValueError(_bad_profile(profile_batch)) from error
    if len(given) > 2 or first < 0 or last < first:
        raise ValueError(_bad_profile(profile_batch))
    return (first, last) if first else None


def _bad_profile(given: object) -> str:
    return explain(
        f"profile_batch must be a batch or a pair (first, last) of batches, got {given!r}.",
        fix="profile_batch=(10, 20)",
    )
