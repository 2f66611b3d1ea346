"""What `predict` does beside running steps: few shapes in, one array out.

Each new batch size would compile a program of its own. So the last, smaller batch is filled up to
the next of a few sizes (the powers of two, and the batch size) with copies of its last row, and the
rows that were added are cut off the outputs.
"""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from cornu.core.tracking import Snapshot
from cornu.data.source import Batch, Source
from cornu.train.preflight import embedded_rows
from cornu.train.state import StateSlots
from cornu.train.strategy import PerStep


class Collector:
    """The outputs of all batches, put together at the end."""

    def __init__(self) -> None:
        self._batches: list[Any] = []
        self._told = 0  # batches whose outputs were told

    def add(self, outputs: Any) -> None:
        """Keep the outputs of a batch; they may still be on their way."""
        self._batches.append(outputs)

    def latest(self) -> Any:
        """The outputs of the batches that were added since the last time, as numpy arrays."""
        new = jax.device_get(self._batches[self._told :])
        self._batches[self._told :] = new
        self._told = len(self._batches)
        return jax.tree.map(lambda *parts: np.concatenate(parts), *new) if len(new) > 1 else new[0]

    def outputs(self, num_samples: int | None) -> Any:
        """Numpy arrays with the rows of all batches, cut to the number of samples."""
        if not self._batches:
            return None
        fetched = jax.device_get(self._batches)

        def join(*parts: Any) -> np.ndarray:
            whole = np.concatenate(parts) if len(parts) > 1 else np.array(parts[0])
            return whole if num_samples is None else whole[:num_samples]

        return jax.tree.map(join, *fetched)


def bucket_of(size: int, batch_size: int) -> int:
    """The size to which a batch of `size` rows is filled up.

    Example:

        >>> [bucket_of(n, 32) for n in (1, 3, 20, 32)]
        [1, 4, 32, 32]
    """
    return min(1 << (size - 1).bit_length(), batch_size)


def padded_to_bucket(source: Source) -> Source:
    """The source with its last batch filled up; only where the number of samples is known."""
    if source.num_samples is None or source.batch_size is None:
        return source
    return _Padded(source)


class _Padded(Source):
    def __init__(self, source: Source):
        self._source = source
        self.batch_size = source.batch_size
        self.num_batches, self.num_samples = source.num_batches, source.num_samples
        self.reads_ahead = source.reads_ahead

    def batches(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        assert self.batch_size is not None
        for batch in self._source.batches(epoch, first):
            target = bucket_of(batch.size, self.batch_size)
            if target == batch.size:
                yield batch
            else:
                yield Batch(jax.tree.map(lambda a, n=target: filled(a, n), batch.data), batch.size)


def filled(array: Any, rows: int) -> np.ndarray:
    """The array with its last row repeated until it has so many rows."""
    array = np.asarray(array)
    return np.concatenate([array, np.repeat(array[-1:], rows - len(array), axis=0)])


class AtOnce:
    """The compiled program of `predict` and its variables, found again without a walk.

    Asking a model of a hundred layers what it owns takes longer than its program does for one
    sample. So the answer is kept for as long as no attribute of any layer has changed.
    """

    def __init__(self) -> None:
        self._asked: Snapshot | None = None
        self._found: tuple[StateSlots, PerStep] | None = None
        self.embedded_rows: Any = None  # what `preflight.embedded_rows` says

    @staticmethod
    def size_of(x: Any, nested: bool) -> int:
        """The number of samples in numpy arrays of numbers; 0 for anything else.

        Args:
            x: an array, or where `nested` a list, tuple or dict of arrays.
            nested: whether the model takes several inputs.
        """
        arrays = [x] if isinstance(x, np.ndarray) else jax.tree.leaves(x) if nested else []
        plain = all(isinstance(a, np.ndarray) and a.dtype.kind in "fiub" and a.ndim for a in arrays)
        sizes = {len(a) for a in arrays} if plain else set()
        return sizes.pop() if len(sizes) == 1 else 0

    def find(self, model: Any) -> tuple[StateSlots, PerStep] | None:
        """The variables and the program of a model; None if it is not compiled yet."""
        if self._asked is not None and self._asked.holds():
            return self._found
        slots = model._state_slots("predict")
        strategy = model._kept_strategy("predict", slots, False)
        self._found = (strategy.slots, strategy) if isinstance(strategy, PerStep) else None
        self._asked = Snapshot(model._flatten_layers()) if self._found else None
        self.embedded_rows = embedded_rows(model)
        return self._found
