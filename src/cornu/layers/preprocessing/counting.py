"""Counts of terms, from which a vocabulary is made.

Terms are numbered as they appear, and counted by number. Those that were seen before are found by a
table in numpy, new ones by a dict. The order of a vocabulary depends on the counts and terms alone,
so batches may come in any order and size.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from itertools import count
from typing import Any

import numpy as np

from cornu.layers.preprocessing.spans import Spans, SpanTable

_GROWTH = 1.2  # of the terms since the table was made
_FEWEST = 1 << 13  # tokens that are counted at once


class TermCounts:
    """How often each term occurs, and in how many documents.

    Args:
        documents: whether the documents of each term are counted too, for TF-IDF.

    Attributes:
        num_documents: documents seen.

    Example:

        >>> counts = TermCounts(documents=True)
        >>> counts.add(Spans.of("b a c c".split()), np.array([1, 3]))
        >>> counts.ranked(2)
        ([b'c', b'b'], array([1, 1]))
    """

    def __init__(self, documents: bool = False):
        self.num_documents = 0
        self._numbers: Any = defaultdict(count().__next__)
        self._table, self._held = SpanTable([]), 0
        self._counts = np.zeros(0, np.int64)
        self._documents = np.zeros(0, np.int64) if documents else None

    def add(self, tokens: Spans, lengths: np.ndarray) -> None:
        """Count the tokens of documents.

        Args:
            tokens: those of all documents, one after the other.
            lengths: number of tokens of each document.
        """
        numbers = np.empty(len(tokens), np.int64)
        start = 0
        while start < len(tokens):  # few at first, so that the table soon knows the frequent ones
            some = slice(start, start + max(_FEWEST, 2 * start))
            numbers[some] = self._numbers_of(tokens.part(some))
            start = some.stop
        self._count(numbers, lengths)

    def _numbers_of(self, tokens: Spans) -> np.ndarray:
        numbers = self._table.find(tokens)
        new = np.flatnonzero(numbers < 0)
        numbers[new] = [self._numbers[token] for token in tokens.listed(new)]
        if len(self._numbers) > self._held * _GROWTH:  # made anew seldom, it costs little in all
            self._table, self._held = SpanTable(list(self._numbers)), len(self._numbers)
        return numbers

    def add_integers(self, values: np.ndarray, lengths: np.ndarray) -> None:
        """Count integers; see `add`."""
        terms, places = np.unique(values, return_inverse=True)
        known = map(self._numbers.__getitem__, terms.tolist())
        self._count(np.fromiter(known, np.int64, len(terms))[places.ravel()], lengths)

    def _count(self, numbers: np.ndarray, lengths: np.ndarray) -> None:
        known = len(self._numbers)
        self._counts = _sum(self._counts, np.bincount(numbers, minlength=known))
        self.num_documents += len(lengths)
        if self._documents is not None and known:
            rows = np.repeat(np.arange(len(lengths)), lengths)
            pairs = np.sort(rows * known + numbers)
            once = pairs[np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]] % known
            self._documents = _sum(self._documents, np.bincount(once, minlength=known))

    def ranked(
        self, limit: int | None = None, without: Iterable[Hashable] = ()
    ) -> tuple[list[Any], np.ndarray]:
        """Terms by falling count, those of equal count from the last to the first.

        Args:
            limit: number of terms at most.
            without: terms that are left out.

        Returns:
            The terms, and the number of documents of each (zeros if they were not counted).
        """
        terms = list(self._numbers)
        for term in without:
            if term in self._numbers:
                self._counts[self._numbers[term]] = 0
        places = np.flatnonzero(self._counts)
        if limit is not None and limit < len(places):
            limit = max(limit, 0)
            counts = self._counts[places]
            least = np.sort(counts)[::-1][limit - 1] if limit else counts.max() + 1
            places = places[counts >= least]
        in_order = sorted(places.tolist(), key=terms.__getitem__, reverse=True)
        places = np.array(in_order, np.int64)
        places = places[np.argsort(-self._counts[places], kind="stable")][:limit]
        documents = np.zeros_like(self._counts) if self._documents is None else self._documents
        return [terms[i] for i in places.tolist()], documents[places]


def _sum(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The sum of two arrays, the shorter one of which goes on with zeros."""
    if len(a) < len(b):
        a, b = b, a
    a = a.copy()
    a[: len(b)] += b
    return a
