"""Stages between elements and batches."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from cornu.data.pipeline.elements import stacked, unstacked
from cornu.data.pipeline.stage import ENDLESS, Stage


class Batched(Stage):
    """Batches of neighbouring elements.

    Args:
        child: the stage to read.
        size: number of elements per batch.
        drop_remainder: whether a last, smaller batch is left out.
    """

    work = "batching"

    def __init__(self, child: Stage, size: int, drop_remainder: bool) -> None:
        super().__init__(child)
        self.batched = True
        self.size, self.drop_remainder = size, drop_remainder
        self.ahead = -(-self.ahead // size)
        self.length = child.length
        if child.length not in (None, ENDLESS):
            self.length = child.length // size if drop_remainder else -(-child.length // size)

    @property
    def is_full(self) -> bool:
        """Whether every batch has `size` elements."""
        if self.drop_remainder:
            return True
        length = self.inputs[0].length
        return length is not None and (length == ENDLESS or length % self.size == 0)

    def settings(self) -> Any:
        return self.size, self.drop_remainder

    def get(self, epoch: int, index: int) -> Any:
        (child,) = self.inputs
        assert child.length is not None
        first = index * self.size
        return child.gather(epoch, np.arange(first, min(first + self.size, child.length)))

    def stream(self, epoch: int) -> Iterator[Any]:
        items = self.inputs[0].each(epoch)
        while rows := list(islice(items, self.size)):
            if len(rows) < self.size and self.drop_remainder:
                return
            with self.clock.running():
                batch = stacked(rows)
            yield batch


class Unbatched(Stage):
    """The elements of batches, one by one."""

    def __init__(self, child: Stage) -> None:
        super().__init__(child)
        self.indexed = False
        self.batched = False
        self.length = None

    def stream(self, epoch: int) -> Iterator[Any]:
        for batch in self.inputs[0].each(epoch):
            yield from unstacked(batch)


def is_full(stage: Stage) -> bool:
    """Whether every batch has as many elements as the first one, as far as the stages say."""
    found = [s for s in stage.all_stages() if isinstance(s, Batched)]
    return len(found) == 1 and found[0].is_full
