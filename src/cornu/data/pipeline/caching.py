"""`cache`: elements are made once, and kept in memory or in a file.

    asked for 5, 2, 9     kept: 2       the input makes 5 and 9       all three come from the store

The store has a row for each element in arrays that are made when the first one is known. Batches
may have fewer rows than the first, as the last of an epoch has. Elements of other shapes are kept
one by one, in memory alone.

What is random in the input is drawn once: the cache holds the first pass.
"""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cornu.data.pipeline.cache_file import CacheFile
from cornu.data.pipeline.elements import TEXT, leaves, mapped, to_numpy
from cornu.data.pipeline.fingerprint import fingerprint
from cornu.data.pipeline.stage import ENDLESS, Stage, kept
from cornu.data.skip import SkipElement
from cornu.errors import value_error
from cornu.types import Tensors

WHOLE = -1  # in place of a number of rows: the array as it is
LEFT_OUT = -2  # the element is


class Rows:
    """Elements of one shape in arrays, each with a first axis of all elements.

    Args:
        arrays: one array per leaf of an element.
        counts: number of rows that an element has, where it is a smaller batch; else `WHOLE`, or
            `LEFT_OUT`.
        filled: which elements are there.
    """

    def __init__(self, arrays: list[np.ndarray], counts: np.ndarray, filled: np.ndarray) -> None:
        self.arrays, self.counts, self.filled = arrays, counts, filled

    def takes(self, element: list[Any], batched: bool) -> bool:
        """Whether an element, given by its leaves, has the shapes of the others."""
        shapes = [(np.shape(leaf), whole.shape[1:]) for leaf, whole in
                  zip(element, self.arrays, strict=True)]  # fmt: skip
        if all(a == b for a, b in shapes):
            return True
        sizes = {a[0] if a else None for a, _ in shapes}
        return batched and len(sizes) == 1 and all(
            a and b and a[1:] == b[1:] and a[0] <= b[0] for a, b in shapes
        )  # fmt: skip

    def leave_out(self, index: int) -> None:
        """Remember that there is no element."""
        self.counts[index] = LEFT_OUT
        self.filled[index] = True

    def put(self, index: int, element: list[Any]) -> None:
        """Keep an element."""
        for leaf, whole in zip(element, self.arrays, strict=True):
            if np.shape(leaf) == whole.shape[1:]:
                whole[index] = leaf
            else:
                self.counts[index] = len(leaf)
                whole[index, : len(leaf)] = leaf
        self.filled[index] = True

    def get(self, index: int) -> list[Any] | None:
        """Copies of the leaves of an element; None if it is left out."""
        count = self.counts[index]
        if count == LEFT_OUT:
            return None
        rows = (whole[index] if count == WHOLE else whole[index, :count] for whole in self.arrays)
        return [np.array(row)[()] for row in rows]


class Single:
    """Elements of any shape, one by one."""

    def __init__(self, length: int) -> None:
        self._kept: list[Any] = [None] * length
        self.filled = np.zeros(length, bool)

    def put(self, index: int, element: list[Any]) -> None:
        """Keep an element, given by its leaves."""
        self._kept[index] = [np.array(leaf)[()] for leaf in element]
        self.filled[index] = True

    def leave_out(self, index: int) -> None:
        """Remember that there is no element."""
        self.filled[index] = True

    def get(self, index: int) -> list[Any] | None:
        """Copies of the leaves of an element; None if it is left out."""
        found = self._kept[index]
        return None if found is None else [np.array(leaf)[()] for leaf in found]


class Cached(Stage):
    """The elements of the first pass over the input, kept.

    Args:
        child: the stage to read.
        path: file that keeps them; None for memory, "disk" for a file of its own below the folder
            in which Cornu keeps files.
    """

    work = "reading the cache"

    def __init__(self, child: Stage, path: str | Path | None) -> None:
        super().__init__(child)
        self.length = child.length
        if child.length == ENDLESS:
            raise value_error("An endless Dataset cannot be cached.", fix="cache().repeat()")
        if path is not None and not child.indexed:
            raise value_error(
                "A cache on disk needs elements with an index, which there are none of after "
                "filter, unbatch and from_generator.",
                fix=".cache() keeps them in memory.",
            )
        self._path = path
        self._lock = threading.Lock()
        self._template: Any = None
        self._store: Rows | Single | None = None
        self._file: CacheFile | None = None
        self._all: list[Any] | None = None  # of an input without random access

    # ---- with an index ------------------------------------------------------------------------

    def rows(self, epoch: int, indices: np.ndarray) -> list[Any]:
        store = self._opened()
        missing = np.unique(indices[~store.filled[indices]])
        if len(missing):
            for index, element in zip(missing, self.inputs[0].rows(0, missing), strict=True):
                self._keep(int(index), element)
            self._finish()
        assert self._store is not None
        with self.clock.running():
            return [self._element(self._store.get(int(index))) for index in indices]

    def gather(self, epoch: int, indices: np.ndarray) -> Tensors:
        store = self._opened()
        if (
            not isinstance(store, Rows)
            or not store.filled[indices].all()
            or (store.counts[indices] != WHOLE).any()
        ):
            return super().gather(epoch, indices)
        with self.clock.running():
            return self._element([whole[indices] for whole in store.arrays])

    def _element(self, found: list[Any] | None) -> Any:
        """An element, or a batch of them, from its leaves."""
        if found is None:
            return SkipElement
        feed = iter(found)
        return mapped(lambda leaf: next(feed), self._template)

    def _opened(self) -> Rows | Single:
        if self._store is None:
            with self._lock:
                if self._store is None:
                    self._open()
        assert self._store is not None
        return self._store

    def _open(self) -> None:
        length = self.length or 0
        if self._path is not None:
            self._file = CacheFile(self._path, fingerprint(self.inputs[0]), length)
            if self._file.is_complete:
                self._template = self._file.template
                self._store = Rows(self._file.arrays, self._file.counts, np.ones(length, bool))
                return
        at, first = next(self._first_ones())
        self._template = first = mapped(to_numpy, first)
        found = [np.asarray(leaf) for leaf in leaves(first)]
        if self._file is not None:
            self._file.begin(first)
            store: Rows | Single = Rows(
                self._file.arrays, self._file.counts, np.zeros(length, bool)
            )
        elif any(leaf.dtype.kind in TEXT for leaf in found):
            store = Single(length)
        else:
            arrays = [np.empty((length, *leaf.shape), leaf.dtype) for leaf in found]
            store = Rows(arrays, np.full(length, WHOLE), np.zeros(length, bool))
        for index in range(at):
            store.leave_out(index)
        store.put(at, leaves(first))
        self._store = store

    def _first_ones(self) -> Iterator[tuple[int, Any]]:
        """The elements with their indices."""
        for index in range(self.length or 0):
            element = kept(self.inputs[0].get, 0, index)
            if element is not SkipElement:
                yield index, element
        raise value_error("The Dataset has no element that could be cached.")

    def _keep(self, index: int, element: Tensors) -> None:
        found = [] if element is SkipElement else leaves(mapped(to_numpy, element))
        with self._lock:  # another thread may be changing the store
            store = self._store
            assert store is not None
            if element is SkipElement:
                store.leave_out(index)
                return
            if isinstance(store, Rows) and not store.takes(found, self.batched):
                self._store = store = self._of_any_shape(store, found)
            store.put(index, found)

    def _of_any_shape(self, store: Rows, element: list[Any]) -> Single:
        """A store that takes an element, too, whose shapes are not those of the others."""
        if self._file is None:
            return _one_by_one(store)
        self._file.close()
        raise value_error(
            "Elements that are cached on disk must have the same shape.",
            shapes=f"{[a.shape[1:] for a in store.arrays]} and {[np.shape(a) for a in element]}",
            fix=".map(function).cache(...) with a function that resizes, crops or pads;\n"
            ".cache() keeps them in memory, whatever their shape.",
        )

    def _finish(self) -> None:
        file = self._file
        if file is not None and not file.is_complete and self._opened().filled.all():
            with self._lock:
                if not file.is_complete:
                    file.finish()

    # ---- in order -----------------------------------------------------------------------------

    def stream(self, epoch: int) -> Iterator[Any]:
        kept: list[Any] = []
        if self._all is None:
            for item in self.inputs[0].each(0):
                kept.append(mapped(np.array, item))
                yield item
            self._all = kept
        else:
            for item in self._all:
                yield mapped(lambda leaf: np.array(leaf)[()], item)

    def __getstate__(self) -> dict[str, Any]:
        """What another process needs, which makes the elements anew or reads the file."""
        return {**vars(self), "_store": None, "_file": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()

    def fix(self, parallel: bool) -> str:
        return "none: the elements are cached."

    def close(self) -> None:
        """Forget a file that is not complete."""
        if self._file is not None and not self._file.is_complete:
            self._file.close()
            self._store = self._file = None


def _one_by_one(rows: Rows) -> Single:
    """The elements of arrays, in a store for those of any shape."""
    store = Single(len(rows.filled))
    for index in np.flatnonzero(rows.filled).tolist():
        element = rows.get(index)
        if element is None:
            store.leave_out(index)
        else:
            store.put(index, element)
    return store
