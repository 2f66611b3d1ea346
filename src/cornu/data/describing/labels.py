"""Labels while they pass by: classes and their counts, or numbers."""

from collections import Counter

import numpy as np

from cornu.data.describing.columns import Numbers
from cornu.data.describing.description import Part

MOST_CLASSES = 10_000
FLOATS_AS_CLASSES = 20  # different whole numbers among floats that are still taken for classes


class Labels:
    """Counts of classes, and facts of labels that are none."""

    def __init__(self) -> None:
        self.counts: Counter[str] | None = Counter()
        self.numbers: Numbers | None = None
        self._last: object = None
        self._changes = 0
        self._ascending = True

    def add(self, chunk: np.ndarray) -> list[str]:
        """Take in labels `(rows, ...)`; returns a name of each, by which copies are compared."""
        chunk = np.asarray(chunk)
        if chunk.ndim == 2 and chunk.shape[1] == 1:
            chunk = chunk[:, 0]
        if chunk.dtype.kind in "biuf":
            if self.numbers is None:
                self.numbers = Numbers("y", chunk.shape[1:], chunk.dtype, by_column=False)
            self.numbers.add(chunk)
        classes = _class_indices(chunk)
        if classes is None:
            self.counts = None
            return [str(row.tolist()) for row in chunk]
        names = [str(name) for name in classes.tolist()]
        if self.counts is not None:
            self.counts.update(names)
            if len(self.counts) > MOST_CLASSES:
                self.counts = None
        self._follow(classes)
        return names

    def _follow(self, classes: np.ndarray) -> None:
        """Count where one class follows another."""
        if not len(classes):
            return
        if self._last is not None:
            self._changes += bool(classes[0] != self._last)
        self._changes += int(np.count_nonzero(classes[1:] != classes[:-1]))
        self._last = classes[-1]

    def report(self, part: Part) -> None:
        """Write down what was found."""
        counts, numbers = self.counts, self.numbers
        floats = numbers is not None and numbers.dtype.kind == "f"
        if counts is None or (floats and len(counts) > FLOATS_AS_CLASSES):
            if numbers is not None:
                part.target = numbers.columns()[0]
            return
        part.classes = dict(sorted(counts.items(), key=lambda item: _key(item[0])))
        enough = sum(counts.values()) > 2 * len(counts)
        part.is_sorted = len(counts) > 1 and self._changes == len(counts) - 1 and enough


def _key(name: str) -> tuple[bool, float, str]:
    """Numbers in their order, then texts in theirs."""
    try:
        return False, float(name), name
    except ValueError:
        return True, 0.0, name


def _class_indices(chunk: np.ndarray) -> np.ndarray | None:
    """Classes `(rows,)`, of one-hot vectors too; None where labels are something else."""
    if chunk.ndim == 1 and chunk.dtype.kind in "biuUSTO":
        return chunk
    if chunk.ndim == 1 and chunk.dtype.kind == "f":
        whole = np.isfinite(chunk).all() and (chunk == np.floor(chunk)).all()
        return chunk.astype(np.int64) if whole and np.abs(chunk).max(initial=0) < 1e9 else None
    if chunk.ndim == 2 and chunk.shape[1] > 1 and chunk.dtype.kind in "biuf":
        is_one_hot = ((chunk == 0) | (chunk == 1)).all() and (chunk.sum(axis=1) == 1).all()
        return chunk.argmax(axis=1) if is_one_hot else None
    return None
