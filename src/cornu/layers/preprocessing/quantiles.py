"""Quantiles of a stream: a summary that is exact and merges in any order, within a bounded memory.

    Quantiles.add(batch)        distinct values and how often each came, sorted
    Quantiles.at_ranks(ranks)   the values at these places of the sorted data
    boundaries(...)             bins of about the same number of values, as Keras places them

Beyond `MOST` distinct values, neighbours are merged: values that divide the data evenly stay, and
a rank is then off by at most 2 / MOST of the data.
"""

import numpy as np

MOST = 1 << 23  # distinct values that are kept


class Quantiles:
    """Sorted distinct values and their counts.

    Example:

        >>> summary = Quantiles()
        >>> for batch in ([3.0, 1.0], [2.0, 1.0]):
        ...     summary.add(np.array(batch, "float32"))
        >>> summary.at_ranks(np.arange(4)).tolist()
        [1.0, 1.0, 2.0, 3.0]
    """

    def __init__(self) -> None:
        self._values = np.empty(0, "float32")
        self._counts = np.empty(0, "int64")
        self._waiting: list[np.ndarray] = []
        self._held = 0  # values that wait to be merged

    def add(self, batch: np.ndarray) -> None:
        """Take in values of any shape."""
        self._waiting.append(batch.astype("float32").ravel())
        self._held += batch.size
        if self._held > 2 * MOST:  # most data are sorted once, at the end
            self._merge()

    @property
    def total(self) -> int:
        """The number of values."""
        self._merge()
        return int(self._counts.sum())

    def at_ranks(self, ranks: np.ndarray) -> np.ndarray:
        """The values at places of the sorted data, from 0."""
        self._merge()
        return self._values[np.searchsorted(np.cumsum(self._counts), ranks, side="right")]

    def _merge(self) -> None:
        if not self._waiting:
            return
        found = np.sort(np.concatenate(self._waiting))
        self._waiting, self._held = [], 0
        first = _first_of_runs(found)
        counts = np.diff(first, append=len(found))
        found = found[first]
        if not len(self._values):
            self._values, self._counts = found, counts
        else:
            self._insert(found, counts)
        if len(self._values) > MOST:
            self._thin_out()

    def _insert(self, found: np.ndarray, counts: np.ndarray) -> None:
        """Add sorted distinct values and their counts."""
        place = np.searchsorted(self._values, found)
        known = place < len(self._values)
        known[known] = self._values[place[known]] == found[known]
        self._counts[place[known]] += counts[known]
        self._values = np.insert(self._values, place[~known], found[~known])
        self._counts = np.insert(self._counts, place[~known], counts[~known])

    def _thin_out(self) -> None:
        ends = np.cumsum(self._counts)
        ranks = (np.arange(1, MOST // 2 + 1) * ends[-1]) // (MOST // 2) - 1
        kept = np.searchsorted(ends, ranks, side="right")
        kept = kept[_first_of_runs(kept)]
        self._values = self._values[kept]
        self._counts = np.diff(ends[kept], prepend=0)


def _first_of_runs(values: np.ndarray) -> np.ndarray:
    """The places of sorted values that differ from the one before."""
    return np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]])[: len(values)])


def boundaries(data: Quantiles, num_bins: int, epsilon: float) -> tuple[list[float], np.ndarray]:
    """What parts the data into bins of about the same size.

    The values at every `epsilon` of the data are taken, and the boundaries interpolated between
    them: as Keras does, of the whole data instead of the batches one after another.

    Args:
        data: the values, at least one.
        num_bins: number of bins, of which there are no more than 1 / epsilon.
        epsilon: error in the share of the data below a boundary.

    Returns:
        The boundaries, and the summary `(2, points)` of values and weights behind them.

    Example:

        >>> data = Quantiles()
        >>> data.add(np.array([-1.5, 1.0, 3.4, 0.5, 0.0, 3.0, 1.3, 0.0]))
        >>> boundaries(data, 4, 0.01)[0]
        [0.0, 0.5, 1.2999999523162842]
    """
    step = max(data.total * epsilon, 1)
    points = data.at_ranks(np.arange(int(step) - 1, data.total, int(step)))
    summary = np.stack([points.astype("float64"), np.full(len(points), step)])
    summary = _interpolated(summary, epsilon, int(np.ceil(1 / epsilon)))
    bins = _interpolated(summary, 1 / num_bins, num_bins) if num_bins else summary
    return bins[0, :-1].astype("float32").tolist(), summary.astype("float32")


def _interpolated(summary: np.ndarray, share: float, count: int) -> np.ndarray:
    """The summary at multiples of a share of the data; as it is, if it has fewer points."""
    if summary.shape[1] * share < 1:
        return summary
    ends = np.cumsum(summary[1])
    shares = share * np.arange(1, count + 1)
    values = np.interp(shares, ends / ends[-1], summary[0])
    return np.stack([values, np.diff(np.interp(shares, ends / ends[-1], ends), prepend=0)])
