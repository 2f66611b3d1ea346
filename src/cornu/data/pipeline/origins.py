"""Where elements come from: arrays, a source with an index, a range of numbers, a generator."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from cornu.data.pipeline.elements import leaves, mapped, taken, to_numpy, unstacked
from cornu.data.pipeline.stage import ENDLESS, Stage, usable_cores
from cornu.errors import located, type_error, value_error
from cornu.types import DType, Tensors


class Arrays(Stage):
    """The rows of arrays.

    Args:
        structure: arrays with the same first axis.
    """

    work = "copying"

    def __init__(self, structure: Tensors) -> None:
        super().__init__()
        self.arrays = mapped(to_numpy, structure)
        sizes = {len(a) if a.ndim else -1 for a in leaves(self.arrays)}
        if len(sizes) != 1 or -1 in sizes:
            shapes = ", ".join(str(a.shape) for a in leaves(self.arrays))
            raise value_error(
                "All arrays must have the same number of elements (the first axis).",
                shapes=shapes or "no arrays",
                fix="pass one row of each array per element; from_tensors takes one element.",
            )
        self.length = sizes.pop()

    def settings(self) -> Any:
        return self.arrays

    def rows(self, epoch: int, indices: np.ndarray) -> list[Any]:
        return unstacked(self.gather(epoch, indices))

    def gather(self, epoch: int, indices: np.ndarray) -> Tensors:
        with self.clock.running():
            return mapped(lambda a: taken(a, indices), self.arrays)


class Indexed(Protocol):
    """What has elements with an index."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> Any: ...


class Sourced(Stage):
    """The elements of an object with `__len__` and `__getitem__`.

    Args:
        source: the object. Where it has `gather(indices)`, that makes a batch at once; `work` is
            what it does, for a report. `reads_files` says that threads pay.
    """

    def __init__(self, source: Indexed) -> None:
        super().__init__()
        if not hasattr(source, "__getitem__") or not hasattr(source, "__len__"):
            raise type_error(
                f"A source must have __len__ and __getitem__, got {type(source).__name__}.",
                fix="Dataset.from_generator(function) takes what can only be read in order.",
            )
        self.source = source
        self.length = len(source)
        self.work = getattr(source, "work", "reading")
        self._gather = getattr(source, "gather", None)
        if getattr(source, "reads_files", False):
            self.workers = usable_cores()

    def settings(self) -> Any:
        if hasattr(self.source, "fingerprint"):
            return self.source.fingerprint()
        return [type(self.source).__qualname__, self.length]

    def get(self, epoch: int, index: int) -> Any:
        with self.clock.running(), located(f"element {index} of the source"):
            return self.source[index]

    def gather(self, epoch: int, indices: np.ndarray) -> Tensors:
        if self._gather is None:
            return super().gather(epoch, indices)
        with self.clock.running():
            return mapped(to_numpy, self._gather(indices))


class Range(Stage):
    """Integers from `start` to `stop`."""

    def __init__(self, start: int, stop: int, step: int, dtype: DType) -> None:
        super().__init__()
        self._dtype = np.dtype(dtype)
        self._numbers = range(start, stop, step)
        self.length = len(self._numbers)

    def settings(self) -> Any:
        return repr(self._numbers), self._dtype.str

    def get(self, epoch: int, index: int) -> Any:
        return self._dtype.type(self._numbers[index])

    def gather(self, epoch: int, indices: np.ndarray) -> Tensors:
        numbers = self._numbers.start + self._numbers.step * np.asarray(indices, np.int64)
        return numbers.astype(self._dtype, copy=False)


class One(Stage):
    """One element, given as it is."""

    def __init__(self, element: Tensors) -> None:
        super().__init__()
        self.element = mapped(to_numpy, element)
        self.length = 1

    def settings(self) -> Any:
        return self.element

    def get(self, epoch: int, index: int) -> Any:
        return mapped(np.array, self.element)


class Generated(Stage):
    """What a generator function yields, in order.

    Args:
        start: function without arguments that returns an iterator or iterable; called once per
            epoch.
        name: name of the data in messages.
        length: number of elements, if known.
        batched: whether an element is a batch.
        convert: function of an element that is applied first.
    """

    work = "generating"

    def __init__(
        self,
        start: Callable[[], Any],
        name: str,
        length: int | None = None,
        batched: bool = False,
        convert: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__()
        self.indexed = False
        self.length = length
        self.batched = batched
        self._start, self._name, self._convert = start, name, convert

    def stream(self, epoch: int) -> Iterator[Any]:
        items = iter(self._start())
        number = 0
        try:
            while True:
                with self.clock.running(), located(f"element {number} of {self._name}"):
                    item = next(items, ENDLESS)
                    if item is ENDLESS:
                        return
                    element = item if self._convert is None else self._convert(item)
                yield element
                number += 1
        finally:
            if hasattr(items, "close"):
                items.close()
