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

import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np

from cornu.data.pipeline.elements import stacked
from cornu.data.prefetch import prefetched
from cornu.data.source import Batch
from cornu.data.workers import Pool
from cornu.errors import located
from cornu.types import Tensors

ENDLESS = sys.maxsize  # the length of what never ends
TOGETHER = 16  # elements that a thread makes at a time, where they are not batches
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
        """One element."""
        return self.rows(epoch, np.array([index]))[0]

    def rows(self, epoch: int, indices: np.ndarray) -> list[Any]:
        """Several elements; their arrays may differ in shape."""
        return [self.get(epoch, int(i)) for i in indices]

    def gather(self, epoch: int, indices: np.ndarray) -> Tensors:
        """Several elements, at least one, as a batch."""
        rows = self.rows(epoch, indices)
        with self.clock.running():
            return stacked(rows)

    # ---- one after the other ------------------------------------------------------------------

    def stream(self, epoch: int) -> Iterator[Any]:
        """The elements of an epoch, of a stage without random access."""
        raise NotImplementedError

    def each(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """The elements of an epoch in order, from number `start`, ahead where there are workers."""
        if not self.indexed:
            return islice(self.stream(epoch), start, None)
        return (
            self._ahead_of(epoch, start) if self.workers or self.ahead else self._now(epoch, start)
        )

    def _now(self, epoch: int, start: int) -> Iterator[Any]:
        assert self.length is not None
        for index in range(start, self.length):
            with located(f"{self.unit} {index} of the Dataset"):
                element = self.get(epoch, index)
            yield element

    def _ahead_of(self, epoch: int, start: int) -> Iterator[Any]:
        assert self.length is not None
        size = 1 if self.batched else TOGETHER
        plan = range(start, self.length, size)

        def make(first: int) -> list[Any]:
            if size == 1:
                return [self.get(epoch, first)]
            return self.rows(epoch, np.arange(first, min(first + size, plan.stop)))

        threads = max(self.workers, 1)
        ahead = max(threads, -(-self.ahead // size))
        pool = Pool([make] * threads, plan, ahead, "the Dataset", PATIENCE, unit=self.unit)
        try:
            for elements in pool.items():
                yield from elements
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


def shortest(lengths: Sequence[int | None]) -> int | None:
    """The smallest of some lengths; None where one is unknown."""
    known = [n for n in lengths if n is not None]
    return None if len(known) < len(lengths) else min(known)


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
