"""Stages that choose among elements, and leave them as they are.

Shuffle   a permutation of all elements, another one in each epoch
Slice     take, skip, shard
Repeat    epochs of what it reads, one after the other
Joined    one pipeline after the other
Zipped    the elements of several, side by side
Numbered  (number, element)
"""

from collections.abc import Iterator
from itertools import chain, count, islice
from typing import Any

import numpy as np

from cornu.data.arrays import permutation
from cornu.data.pipeline.elements import scattered, size_of
from cornu.data.pipeline.stage import ENDLESS, Prefetch, Stage, shortest
from cornu.data.skip import SkipElement
from cornu.types import Tensors

# What is asked of an input: the stage, its epoch, its indices, and their places in the result.
Part = tuple[Stage, int, np.ndarray, np.ndarray]


class Selection(Stage):
    """Base class of stages that look up elements under other indices."""

    def parts(self, epoch: int, indices: np.ndarray) -> list[Part]:
        """Which elements of which inputs those with these indices are."""
        raise NotImplementedError

    def get(self, epoch: int, index: int) -> Any:
        ((stage, its_epoch, picked, _),) = self.parts(epoch, np.array([index]))
        return stage.get(its_epoch, int(picked[0]))

    def rows(self, epoch: int, indices: np.ndarray) -> list[Any]:
        parts = self.parts(epoch, indices)
        if len(parts) == 1:
            return parts[0][0].rows(*parts[0][1:3])
        found: list[Any] = [None] * len(indices)
        for stage, its_epoch, picked, places in parts:
            for place, row in zip(places, stage.rows(its_epoch, picked), strict=True):
                found[place] = row
        return found

    def gather(self, epoch: int, indices: np.ndarray) -> Tensors:
        parts = self.parts(epoch, indices)
        if len(parts) == 1:
            return parts[0][0].gather(*parts[0][1:3])
        try:
            found = [(p[3], p[0].gather(*p[1:3])) for p in parts]
        except SkipElement:
            return super().gather(epoch, indices)
        if any(size_of(batch) < len(places) for places, batch in found):  # some are left out
            return super().gather(epoch, indices)
        return scattered(found, len(indices))


def rows_of(stage: Stage, epoch: int, indices: np.ndarray) -> np.ndarray:
    """The rows of the one array below, of which the elements with these indices are.

    Args:
        stage: a stage with nothing but selections between it and the arrays.
        epoch: its epoch.
        indices: indices of its elements.
    """
    while isinstance(stage, Prefetch):
        (stage,) = stage.inputs
    if not isinstance(stage, Selection):
        return indices
    rows = np.empty(len(indices), np.int64)
    for below, its_epoch, picked, places in stage.parts(epoch, indices):
        rows[places] = rows_of(below, its_epoch, picked)
    return rows


class Shuffle(Selection):
    """The elements in random order: a full permutation where the length is known.

    An endless input is permuted in blocks of `buffer_size`. One without random access goes through
    a buffer of that size, from which a random element is given whenever another one comes in.

    Args:
        child: the stage to read.
        buffer_size: number of elements that are mixed with each other at least.
        seed: seed of the order, together with the epoch.
        reshuffle: whether each epoch has an order of its own.
    """

    def __init__(self, child: Stage, buffer_size: int, seed: int, reshuffle: bool) -> None:
        super().__init__(child)
        self.length = child.length
        self.seed = seed
        self.reshuffles = reshuffle
        self._buffer_size = buffer_size
        self._orders: dict[tuple[int, int], np.ndarray] = {}  # the last few, by seed and epoch

    def settings(self) -> Any:
        return self.seed, self.reshuffles, self._buffer_size

    def parts(self, epoch: int, indices: np.ndarray) -> list[Part]:
        (child,) = self.inputs
        number = epoch if self.reshuffles else 0
        if self.length == ENDLESS:
            picked = self._in_blocks(number, indices)
        else:
            picked = self._order(number, self.length or 0)[indices]
        return [(child, epoch, picked, np.arange(len(indices)))]

    def _in_blocks(self, number: int, indices: np.ndarray) -> np.ndarray:
        size = self._buffer_size
        picked = np.empty(len(indices), np.int64)
        for block in np.unique(indices // size).tolist():
            here = indices // size == block
            order = self._order((number << 32) + block, size)
            picked[here] = block * size + order[indices[here] - block * size]
        return picked

    def _order(self, number: int, size: int) -> np.ndarray:
        key = self.seed, number
        order = self._orders.get(key)
        if order is None:
            order = permutation(*key, size)
            kept = list(self._orders.items())[-2:]
            self._orders = dict([*kept, (key, order)])
        return order

    def stream(self, epoch: int) -> Iterator[Any]:
        number = epoch if self.reshuffles else 0
        key = np.array([self.seed % 2**64, number], dtype="uint64")
        draw = np.random.Generator(np.random.Philox(key=key))
        items = self.inputs[0].each(epoch)
        buffer = list(islice(items, self._buffer_size))
        for item in items:
            place = int(draw.integers(len(buffer)))
            yield buffer[place]
            buffer[place] = item
        draw.shuffle(order := list(range(len(buffer))))
        for place in order:
            yield buffer[place]


class Slice(Selection):
    """Every `step`-th element from number `start` on, before number `stop`."""

    def __init__(self, child: Stage, start: int, stop: int | None, step: int = 1) -> None:
        super().__init__(child)
        self._range = start, stop, step
        self.length = child.length
        if child.length == ENDLESS:
            self.length = ENDLESS if stop is None else len(range(start, stop, step))
        elif child.length is not None:
            self.length = len(range(*slice(start, stop, step).indices(child.length)))

    def settings(self) -> Any:
        return self._range

    def parts(self, epoch: int, indices: np.ndarray) -> list[Part]:
        start, _, step = self._range
        return [(self.inputs[0], epoch, start + step * indices, np.arange(len(indices)))]

    def stream(self, epoch: int) -> Iterator[Any]:
        return islice(self.inputs[0].each(epoch), *self._range)


class Picked(Selection):
    """Some of the elements, given by their indices.

    Args:
        child: the stage to read.
        indices: indices of the elements, in their new order.
    """

    def __init__(self, child: Stage, indices: np.ndarray) -> None:
        super().__init__(child)
        self.length = len(indices)
        self._indices = indices
        # Another order in each pass would put other elements at the same indices.
        self._one_pass = any(isinstance(s, Shuffle) and s.reshuffles for s in child.all_stages())

    def settings(self) -> Any:
        return self._indices

    def parts(self, epoch: int, indices: np.ndarray) -> list[Part]:
        number = 0 if self._one_pass else epoch
        return [(self.inputs[0], number, self._indices[indices], np.arange(len(indices)))]


class Repeat(Selection):
    """The epochs of the input one after the other, each with an order of its own.

    Args:
        child: the stage to read.
        count: number of epochs; None for no end.
    """

    def __init__(self, child: Stage, count: int | None) -> None:
        super().__init__(child)
        self._count = count
        if count is None:
            self.length = 0 if child.length == 0 else ENDLESS
        else:
            self.length = (
                child.length if child.length in (None, ENDLESS) else count * (child.length or 0)
            )

    def settings(self) -> Any:
        return self._count

    def _first(self, epoch: int) -> int:
        """The epoch of the input with which an epoch begins."""
        return epoch << 32 if self._count is None else epoch * self._count

    def parts(self, epoch: int, indices: np.ndarray) -> list[Part]:
        (child,) = self.inputs
        if child.length == ENDLESS:
            return [(child, epoch, indices, np.arange(len(indices)))]
        rounds, picked = np.divmod(indices, child.length or 1)
        first = self._first(epoch)
        return [
            (child, first + number, picked[rounds == number], np.flatnonzero(rounds == number))
            for number in np.unique(rounds).tolist()
        ]

    def stream(self, epoch: int) -> Iterator[Any]:
        first = self._first(epoch)
        for number in count() if self._count is None else range(self._count):
            empty = True
            for item in self.inputs[0].each(first + number):
                empty = False
                yield item
            if empty:
                return


class Joined(Selection):
    """The elements of several pipelines, one pipeline after the other."""

    def __init__(self, *inputs: Stage) -> None:
        super().__init__(*inputs)
        lengths = [stage.length for stage in inputs]
        if ENDLESS in lengths:
            self.length = ENDLESS
        elif None in lengths:
            self.length = None
        else:
            self.length = sum(n for n in lengths if n is not None)

    def parts(self, epoch: int, indices: np.ndarray) -> list[Part]:
        found: list[Part] = []
        begin = 0
        for stage in self.inputs:
            end = ENDLESS if stage.length == ENDLESS else begin + (stage.length or 0)
            places = np.flatnonzero((indices >= begin) & (indices < end))
            if len(places):
                found.append((stage, epoch, indices[places] - begin, places))
            begin = end
        return found

    def stream(self, epoch: int) -> Iterator[Any]:
        return chain.from_iterable(stage.each(epoch) for stage in self.inputs)


class Zipped(Stage):
    """Tuples of the elements of several pipelines; as many as the shortest has."""

    def __init__(self, *inputs: Stage) -> None:
        super().__init__(*inputs)
        self.length = shortest([stage.length for stage in inputs])

    def get(self, epoch: int, index: int) -> Any:
        return tuple(stage.get(epoch, index) for stage in self.inputs)

    def rows(self, epoch: int, indices: np.ndarray) -> list[Any]:
        rows = zip(*(stage.rows(epoch, indices) for stage in self.inputs), strict=True)
        return [SkipElement if any(part is SkipElement for part in row) else row for row in rows]

    def gather(self, epoch: int, indices: np.ndarray) -> Tensors:
        try:
            parts = tuple(stage.gather(epoch, indices) for stage in self.inputs)
        except SkipElement:
            return super().gather(epoch, indices)
        if any(size_of(part) < len(indices) for part in parts):
            return super().gather(epoch, indices)
        return parts

    def stream(self, epoch: int) -> Iterator[Any]:
        return zip(*(stage.each(epoch) for stage in self.inputs), strict=False)


class Numbered(Stage):
    """Pairs of a number, counted from `start`, and an element."""

    def __init__(self, child: Stage, start: int) -> None:
        super().__init__(child)
        self.length = child.length
        self._start = start

    def settings(self) -> Any:
        return self._start

    def get(self, epoch: int, index: int) -> Any:
        return np.int64(self._start + index), self.inputs[0].get(epoch, index)

    def rows(self, epoch: int, indices: np.ndarray) -> list[Any]:
        numbers = self._start + np.asarray(indices, np.int64)
        rows = zip(numbers, self.inputs[0].rows(epoch, indices), strict=True)
        return [SkipElement if row[1] is SkipElement else row for row in rows]

    def gather(self, epoch: int, indices: np.ndarray) -> Tensors:
        batch = self.inputs[0].gather(epoch, indices)
        if size_of(batch) < len(indices):
            return super().gather(epoch, indices)
        return self._start + np.asarray(indices, np.int64), batch

    def stream(self, epoch: int) -> Iterator[Any]:
        for number, item in enumerate(self.inputs[0].each(epoch), self._start):
            yield np.int64(number), item
