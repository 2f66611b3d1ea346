"""Looking at the first batch of a source without using it up."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from cornu import bcoo
from cornu.data.rows import Rows
from cornu.data.source import Batch, Resident, Source
from cornu.types import Tensor


class Peeked(Source):
    """A source whose first batch has been read ahead, to learn its shapes.

    Args:
        source: any source.
        epoch: index of the epoch that runs first.

    Attributes:
        first: first batch, or None.
    """

    def __init__(self, source: Source, epoch: int = 0):
        self._source, self._epoch = source, epoch
        self._ahead: Iterator[Batch] | None = source.batches(epoch)
        self.first = next(self._ahead, None)
        self.reads_ahead = source.reads_ahead
        self.fresh_batches = source.fresh_batches
        self.keeps_positions = source.keeps_positions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    @property
    def batch_size(self) -> int | None:  # type: ignore[override]
        return self._source.batch_size

    @property
    def num_batches(self) -> int | None:  # type: ignore[override]
        return self._source.num_batches

    @property
    def num_samples(self) -> int | None:  # type: ignore[override]
        return self._source.num_samples

    def batches(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        ahead, self._ahead = self._ahead, None
        if ahead is None or epoch != self._epoch or first or self.first is None:
            return self._source.batches(epoch, first)
        return self._from_first(self.first, ahead)

    @staticmethod
    def _from_first(first: Batch, ahead: Iterator[Batch]) -> Iterator[Batch]:
        yield first
        yield from ahead

    def position(self, step: int | None = None) -> Any:
        return self._source.position(step if self._ahead is None else 0)

    def go_to(self, epoch: int, step: int, position: Any) -> None:
        if (epoch, step) != (self._epoch, 0) or not _same(position or {}, self.position(0) or {}):
            if self._ahead is not None and hasattr(self._ahead, "close"):
                self._ahead.close()
            self._ahead = None
            self._source.go_to(epoch, step, position)

    def epoch_end(self, epoch: int) -> None:
        self._source.epoch_end(epoch)

    def close(self) -> None:
        if self._ahead is not None and hasattr(self._ahead, "close"):
            self._ahead.close()
        self._source.close()


def _same(a: Tensor, b: Tensor) -> bool:
    leaves, structure = jax.tree.flatten(a)
    others, other_structure = jax.tree.flatten(b)
    return structure == other_structure and all(map(np.array_equal, leaves, others))


def example_of(source: Source, epoch: int = 0) -> tuple[Source, Any]:
    """The shapes of a batch, and the source to go on with.

    Returns:
        The source (which still gives every batch), and the structure of a batch with a
        `jax.ShapeDtypeStruct` for each array; None if the source is empty.
    """
    if isinstance(source, Resident):
        size = min(source.batch_size, source.num_samples)

        def row(a: Tensor) -> Any:
            shape = (size, *a.shape[1:])
            if isinstance(a, Rows) and a.is_sparse:
                return bcoo.blank(shape, a.dtype, 1)
            return jax.ShapeDtypeStruct(shape, a.dtype)

        return source, jax.tree.map(row, source.arrays)
    peeked = Peeked(source, epoch)
    if peeked.first is None:
        return peeked, None

    def like(a: Tensor) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(a.shape, a.dtype)

    return peeked, jax.tree.map(like, peeked.first.data)
