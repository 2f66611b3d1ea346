"""`Stage`: one step of a pipeline, asked for elements by epoch and index.

    Batch.get(epoch, 3)                     the fourth batch of an epoch
      Map.gather(epoch, [96 .. 127])        its elements, as a batch
        Shuffle.gather(epoch, [96 .. 127])
          Arrays.gather([512, 3, ...])      one vectorised read

What an element is depends on the epoch and its index alone, never on what was asked before. So any
thread makes any batch, and a run that goes on in the middle of an epoch asks for the next one.

A stage without random access (`indexed` is False: after `filter`, `unbatch`, `from_generator`)
gives the elements of an epoch in order, by `stream`.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np

from cornu.data.pipeline.elements import size_of, stacked, unstacked
from cornu.data.prefetch import prefetched
from cornu.data.skip import SkipElement
from cornu.data.source import Batch
from cornu.data.workers import Pool
from cornu.errors import located
from cornu.types import Tensors

ENDLESS = sys.maxsize  # the length of what never ends
TOGETHER = 16  # elements that are made at a time, at most, where they are not batches
PATIENCE = (30.0, 600.0)  # seconds until an element that does not come gives a warning, an error


class Clock:
    """Seconds that a stage itself worked, in all threads together."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time of a `with` block."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self.seconds += time.perf_counter() - begun

    def __reduce__(self) -> Any:
        return Clock, ()


class Stage:
    """Base class of the steps of a pipeline.

    Args:
        *inputs: the stages that this one reads.

    Attributes:
        length: number of elements of an epoch; `ENDLESS`, or None if unknown.
        indexed: whether there is random access.
        batched: whether an element is a batch.
        workers: number of threads that may make elements at the same time.
        ahead: number of elements that may be made before they are needed.
        work: what the stage does, in a report of times: "decoding".
        clock: time that it took.
    """

    length: int | None
    indexed: bool
    batched: bool
    workers: int
    ahead: int
    work: str = ""

    def __init__(self, *inputs: "Stage") -> None:
        self.inputs = inputs
        self.clock = Clock()
        self.indexed = all(stage.indexed for stage in inputs)
        self.batched = any(stage.batched for stage in inputs)
        self.workers = max((stage.workers for stage in inputs), default=0)
        self.ahead = max((stage.ahead for stage in inputs), default=0)

    # ---- random access ------------------------------------------------------------------------

    def get(self, epoch: int, index: int) -> Any:
        """One element.

        Raises:
            SkipElement: it is left out.
        """
        (row,) = self.rows(epoch, np.array([index]))
        if row is SkipElement:
            raise SkipElement
        return row

    def rows(self, epoch: int, indices: np.ndarray) -> list[Any]:
        """Several elements, whose arrays may differ in shape; `SkipElement` for one left out."""
        return [kept(self.get, epoch, int(i)) for i in indices]

    def gather(self, epoch: int, indices: np.ndarray) -> Tensors:
        """Several elements, at least one, as a batch, without those that are left out.

        Raises:
            SkipElement: all of them are.
        """
        rows = [row for row in self.rows(epoch, indices) if row is not SkipElement]
        if not rows:
            raise SkipElement
        with self.clock.running():
            return stacked(rows)

    # ---- one after the other ------------------------------------------------------------------

    def stream(self, epoch: int) -> Iterator[Any]:
        """The elements of an epoch, of a stage without random access."""
        raise NotImplementedError

    def each(self, epoch: int) -> Iterator[Any]:
        """The elements of an epoch in order, ahead of the consumer where there are workers."""
        return (element for _, element in self.placed(epoch))

    def placed(self, epoch: int, start: int = 0) -> Iterator[tuple[int, Any]]:
        """Elements from number `start` on, each with the number at which the next one is."""
        for chunk in self.chunks(epoch, start):
            yield from chunk

    def chunks(self, epoch: int, start: int = 0) -> Iterator[list[tuple[int, Any]]]:
        """The same, as many at a time as are made together."""
        if not self.indexed:
            elements = enumerate(islice(self.stream(epoch), start, None), start + 1)
            return ([pair] for pair in elements)
        if self.workers or self.ahead:
            return self._ahead_of(epoch, start)
        return self._now(epoch, start)

    def _now(self, epoch: int, start: int) -> Iterator[list[tuple[int, Any]]]:
        assert self.length is not None
        count = 1  # the first ones come at once, and nothing is made in vain for more than as many
        while start < self.length:
            with located(f"{self.unit} {start} of the Dataset"):
                made = self._made(epoch, start, min(start + count, self.length))
            yield made
            start += count
            count = 1 if self.batched else min(2 * count, TOGETHER)

    def _made(self, epoch: int, start: int, stop: int) -> list[tuple[int, Any]]:
        if stop == start + 1:
            rows = [kept(self.get, epoch, start)]
        else:
            rows = self.rows(epoch, np.arange(start, stop))
        numbered = enumerate(rows, start + 1)
        return [(after, row) for after, row in numbered if row is not SkipElement]

    def _ahead_of(self, epoch: int, start: int) -> Iterator[list[tuple[int, Any]]]:
        assert self.length is not None
        size = 1 if self.batched else TOGETHER
        plan = range(start, self.length, size)

        def make(first: int) -> list[tuple[int, Any]]:
            return self._made(epoch, first, min(first + size, plan.stop))

        threads = max(self.workers, 1)
        ahead = max(threads, -(-self.ahead // size))
        pool = Pool([make] * threads, plan, ahead, "the Dataset", PATIENCE, unit=self.unit)
        try:
            yield from pool.items()
        finally:
            pool.stop()

    @property
    def unit(self) -> str:
        """What an element is called in messages."""
        return "batch" if self.batched else "element"

    # ---- the whole pipeline -------------------------------------------------------------------

    def all_stages(self) -> "list[Stage]":
        """This stage and those that it reads, each once, from the origin on."""
        found: dict[int, Stage] = {}

        def visit(stage: Stage) -> None:
            for before in stage.inputs:
                visit(before)
            found.setdefault(id(stage), stage)

        visit(self)
        return list(found.values())

    def settings(self) -> Any:
        """What, besides its inputs, the elements of this stage depend on."""
        return None

    def fix(self, parallel: bool) -> str:
        """What makes this stage wait less, as code.

        Args:
            parallel: whether elements are made by several threads already.
        """
        return '.cache("disk")' if parallel else ".prefetch(2)"

    def close(self) -> None:
        """Release processes and files of this stage."""


def kept(get: Callable[[int, int], Any], epoch: int, index: int) -> Any:
    """An element, or `SkipElement` if it is left out."""
    try:
        return get(epoch, index)
    except SkipElement:
        return SkipElement


def aligned(stage: Stage, epoch: int, indices: np.ndarray) -> list[Any]:
    """The rows of a stage that gathers: one by one where some of them are left out."""
    try:
        batch = stage.gather(epoch, indices)
    except SkipElement:
        return [SkipElement] * len(indices)
    if size_of(batch) == len(indices):
        return unstacked(batch)
    return [row for i in indices for row in aligned(stage, epoch, np.array([i]))]


def shortest(lengths: Sequence[int | None]) -> int | None:
    """The smallest of some lengths; None where one is unknown."""
    known = [n for n in lengths if n is not None]
    return None if len(known) < len(lengths) else min(known)


def usable_cores() -> int:
    """Number of cores that the process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable is not None else os.cpu_count() or 1


def in_threads(
    make: Callable[[Any], Any], items: Iterator[Any], workers: int
) -> Generator[Any, None, None]:
    """What `make` makes of the items, in their order, in threads that take turns at the items."""
    turn, changed = 0, threading.Condition()

    def work(position: int) -> Any:
        nonlocal turn
        with changed:
            while turn != position:
                changed.wait()
            try:
                item = next(items, ENDLESS)
            finally:
                turn += 1
                changed.notify_all()
        return ENDLESS if item is ENDLESS else make(item)

    pool = Pool([work] * workers, range(ENDLESS), 2 * workers, "the Dataset", PATIENCE, "element")
    try:
        for made in pool.items():
            if made is ENDLESS:
                return
            yield made
    finally:
        pool.stop()


class Prefetch(Stage):
    """Elements made ahead, by a thread, while the consumer works on those before.

    Args:
        child: the stage to read.
        count: number of elements that may wait.
    """

    def __init__(self, child: Stage, count: int) -> None:
        super().__init__(child)
        self.length = child.length
        self.ahead = max(count, self.ahead)
        self._count = count

    def get(self, epoch: int, index: int) -> Any:
        return self.inputs[0].get(epoch, index)

    def rows(self, epoch: int, indices: np.ndarray) -> list[Any]:
        return self.inputs[0].rows(epoch, indices)

    def gather(self, epoch: int, indices: np.ndarray) -> Tensors:
        return self.inputs[0].gather(epoch, indices)

    def stream(self, epoch: int) -> Iterator[Any]:
        items = (Batch(item, 1) for item in self.inputs[0].each(epoch))
        for batch in prefetched(items, depth=self._count, place=lambda item: item):
            yield batch.data
