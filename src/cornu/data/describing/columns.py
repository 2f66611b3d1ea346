"""Running facts of columns: one pass over chunks of rows, in memory that does not grow with them.

numbers    counts, range, mean and variance of every column of a matrix at once
texts      lengths, words, frequent values
lists      lengths, items; of words that are numbered, say
"""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from cornu.data.describing.description import Column

MOST_VALUES = 1_000  # different values that are counted for each column
MOST_WORDS = 200_000  # different words that are kept
MOST_COLUMNS = 2_000  # columns that are looked at one by one; of more, all values together
COMMON = 5


class Numbers:
    """Facts of the columns of a matrix `(rows, columns)`, or of all values of larger samples.

    Args:
        name: name of the array.
        shape: shape of a single sample.
        dtype: dtype of the array.
        by_column: whether each column of a matrix is described.
    """

    def __init__(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype, by_column: bool = True
    ) -> None:
        self.name, self.shape, self.dtype = name, shape, dtype
        self.by_column = by_column and len(shape) == 1 and 0 < shape[0] <= MOST_COLUMNS
        width = shape[0] if self.by_column else 1
        self.rows = 0
        self._counts = np.zeros(width, np.int64)
        self._missing = np.zeros(width, np.int64)
        self._infinite = np.zeros(width, np.int64)
        self._low, self._high = np.full(width, np.inf), np.full(width, -np.inf)
        self._mean, self._squares = np.zeros(width), np.zeros(width)

    def add(self, chunk: np.ndarray) -> None:
        """Take in rows `(rows, *shape)`."""
        self.rows += len(chunk)
        width = len(self._counts)
        if chunk.dtype.kind == "c":
            chunk = np.abs(chunk)
        values = np.asarray(chunk).reshape(-1, width)  # (values, width)
        if not len(values):
            return
        if chunk.dtype.kind == "f":
            finite = np.isfinite(values)
            missing = np.isnan(values).sum(axis=0)
            self._missing += missing
            self._infinite += (~finite).sum(axis=0) - missing
            low = np.min(values, axis=0, initial=np.inf, where=finite)
            high = np.max(values, axis=0, initial=-np.inf, where=finite)
            counts = finite.sum(axis=0)
            values = np.where(finite, values, 0)
        else:
            low, high = values.min(axis=0), values.max(axis=0)
            counts = np.full(width, len(values))
        self._low = np.minimum(self._low, low)
        self._high = np.maximum(self._high, high)
        some = np.maximum(counts, 1)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = values.sum(axis=0, dtype=np.float64) / some
            squares = np.square(values, dtype=np.float64).sum(axis=0) - counts * mean**2
            # Chan, Golub and LeVeque: the sums of two parts make those of the whole.
            total = np.maximum(self._counts + counts, 1)
            apart = mean - self._mean
            self._squares += squares + apart**2 * self._counts * counts / total
            self._mean += apart * counts / total
        self._counts += counts

    def columns(self, names: Iterable[str] | None = None) -> list[Column]:
        """What was found, a column for each."""
        width = len(self._counts)
        if not self.by_column:
            titles, shape = [self.name], self.shape
        else:
            titles, shape = list(names or map(str, range(width))), ()
        found = []
        for k, title in enumerate(titles):
            column = Column(title, "numbers", str(self.dtype), shape, self.rows)
            column.missing, column.infinite = int(self._missing[k]), int(self._infinite[k])
            if self._counts[k]:
                column.low, column.high = float(self._low[k]), float(self._high[k])
                column.mean = float(self._mean[k])
                variance = max(float(self._squares[k]), 0.0) / float(self._counts[k])
                column.std = float(np.sqrt(variance))
            found.append(column)
        return found


class Values:
    """Facts of a column of texts, or of lists of integers.

    Args:
        name: name of the column.
        kind: "texts" or "lists".
    """

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind
        self.rows = self.missing = 0
        self._lengths = Numbers(name, (), np.dtype(np.int64))
        self._values: Counter[str] | None = Counter()
        self._words: Counter[str] = Counter()

    def add(self, chunk: Iterable[object]) -> None:
        """Take in values: texts, bytes, lists, None or NaN."""
        lengths: list[int] = []
        for value in chunk:
            self.rows += 1
            if isinstance(value, bytes):
                value = value.decode("utf-8", "replace")
            if _is_missing(value):
                self.missing += 1
                continue
            self._look(value, lengths)
        self._lengths.add(np.array(lengths, np.int64))

    def _look(self, value: object, lengths: list[int]) -> None:
        if self.kind == "lists":
            items = list(value)  # type: ignore[call-overload]
            lengths.append(len(items))
            words: Iterable[str] = map(str, items)
        else:
            text = str(value)
            lengths.append(len(text))
            words = text.split()
            if self._values is not None:
                self._values[text[:200]] += 1
                if len(self._values) > MOST_VALUES:
                    self._values = None
        if len(self._words) < MOST_WORDS:
            self._words.update(words)
        else:
            self._words.update(word for word in words if word in self._words)

    def columns(self) -> list[Column]:
        """What was found."""
        (lengths,) = self._lengths.columns()
        kind = "str" if self.kind == "texts" else "list"
        column = Column(self.name, self.kind, kind, (), self.rows, self.missing)
        column.low, column.high = lengths.low, lengths.high
        column.mean, column.std = lengths.mean, lengths.std
        column.vocabulary = len(self._words)
        if self.kind == "texts" and self._values is not None:
            column.distinct = len(self._values)
            column.common = self._values.most_common(COMMON)
        else:
            column.common = self._words.most_common(COMMON)
        return [column]


def _is_missing(value: object) -> bool:
    """Whether a value is None, NaN or what stands for it, an empty text or an empty list."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, (list, tuple, np.ndarray)):
        return len(value) == 0
    try:
        return bool(value != value)  # noqa: PLR0124
    except TypeError:  # pandas.NA
        return True


def facts_of(name: str, first: np.ndarray, by_column: bool = True) -> Numbers | Values:
    """What takes in a column that begins with some rows."""
    if first.dtype.kind in "biufc":
        return Numbers(name, first.shape[1:], first.dtype, by_column)
    if first.dtype.kind == "O":
        item = next((v for v in first.flat if not _is_missing(v)), None)
        if isinstance(item, (list, tuple, np.ndarray)):
            return Values(name, "lists")
    return Values(name, "texts")
