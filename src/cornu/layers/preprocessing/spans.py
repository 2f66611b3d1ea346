"""Tokens as places in one long text, on which numpy works without an object for each of them.

    Spans        UTF-8 of all tokens, where each begins, and how many bytes it has
    HashTable    64-bit keys to their places, in open addressing
    SpanTable    tokens to their places: by hash, and then byte by byte, so that it is exact

A token is read 8 bytes at a time; most words of most languages have one or two such pieces.
"""

import copy
import functools
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np

_PIECE = 8  # bytes
_KEPT = np.array([(1 << (8 * n)) - 1 for n in range(_PIECE + 1)], np.uint64)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SPREAD = np.uint64(32)
_ROOM = 4  # slots of a table for each key


class Spans:
    """Tokens of one text.

    Args:
        data: UTF-8.
        starts: int64 `(tokens,)`, where each begins.
        sizes: int64 `(tokens,)`, its number of bytes.

    Example:

        >>> spans = Spans.of(["a", "", "é"])
        >>> spans.data, spans.starts.tolist(), spans.sizes.tolist()
        (b'a\\xff\\xff\\xc3\\xa9', [0, 2, 3], [1, 0, 2])
    """

    def __init__(self, data: bytes, starts: np.ndarray, sizes: np.ndarray):
        self.data, self.starts, self.sizes = data, starts, sizes
        # One piece begins at every byte; most are not aligned.
        padded = data + bytes(_PIECE)
        self._pieces: np.ndarray = np.ndarray((len(data) + 1,), "<u8", padded, strides=(1,))

    @functools.cached_property
    def first(self) -> np.ndarray:
        """The first 8 bytes of each token, as uint64."""
        return self._pieces[self.starts] & _KEPT[np.minimum(self.sizes, _PIECE)]

    def part(self, which: slice) -> Self:
        """Some of the tokens, of the same text."""
        twin = copy.copy(self)
        twin.starts, twin.sizes = self.starts[which], self.sizes[which]
        twin.__dict__.pop("first", None)
        return twin

    @classmethod
    def of(cls, texts: Sequence[str] | Sequence[bytes]) -> Self:
        """Spans of texts, or of their UTF-8."""
        if not len(texts):
            return cls(b"", np.zeros(0, np.int64), np.zeros(0, np.int64))
        data = joined(texts)
        between = np.flatnonzero(np.frombuffer(data, np.uint8) == BETWEEN[0])
        starts = np.concatenate([[0], between + 1])
        return cls(data, starts, np.append(between, len(data)) - starts)

    @classmethod
    def of_array(cls, array: np.ndarray) -> Self | None:
        """Spans of an array of ASCII texts of fixed width; None if it is none."""
        width = array.dtype.itemsize // 4
        if array.dtype.kind != "U" or not array.size or not width or not array.dtype.isnative:
            return None
        letters = np.ascontiguousarray(array).reshape(-1).view(np.uint32)
        if letters.max() >= 128:
            return None
        starts = np.arange(0, array.size * width, width)
        sizes = np.strings.str_len(array).reshape(-1).astype(np.int64)
        return cls(letters.astype(np.uint8).tobytes(), starts, sizes)

    def __len__(self) -> int:
        return len(self.starts)

    def listed(self, which: np.ndarray | slice = slice(None)) -> list[bytes]:
        """The tokens, or some of them, as bytes."""
        starts = self.starts[which]
        pairs = zip(starts.tolist(), (starts + self.sizes[which]).tolist(), strict=True)
        return [self.data[a:b] for a, b in pairs]

    def pieces(self, number: int, which: np.ndarray) -> np.ndarray:
        """The bytes of some tokens from `8 * number` on, up to 8 of them, as uint64."""
        skipped = number * _PIECE
        kept = _KEPT[np.minimum(self.sizes[which] - skipped, _PIECE)]
        return self._pieces[self.starts[which] + skipped] & kept

    def hashes(self) -> np.ndarray:
        """A hash of each token, uint64 `(tokens,)`."""
        found = (self.sizes.astype(np.uint64) << _SPREAD) ^ self.first
        found *= _FACTOR
        number, longer = 1, np.flatnonzero(self.sizes > _PIECE)
        while len(longer):
            mixed = found[longer]
            mixed = (mixed ^ (mixed >> _SPREAD) ^ self.pieces(number, longer)) * _FACTOR
            found[longer] = mixed
            number += 1
            longer = longer[self.sizes[longer] > number * _PIECE]
        return found ^ (found >> _SPREAD)

    def equal(self, other: "Spans", places: np.ndarray) -> np.ndarray:
        """Whether each token is that at a place of other spans, byte by byte."""
        same = (self.sizes == other.sizes[places]) & (self.first == other.first[places])
        number, rows = 1, np.flatnonzero(same & (self.sizes > _PIECE))
        while len(rows):
            equal = self.pieces(number, rows) == other.pieces(number, places[rows])
            same[rows[~equal]] = False
            number += 1
            rows = rows[equal & (self.sizes[rows] > number * _PIECE)]
        return same

    def spaced(self) -> "Spans":
        """The same tokens, one after the other with a space between."""
        total = int(self.sizes.sum())
        order = np.arange(total)
        first = np.cumsum(self.sizes) - self.sizes
        source = np.repeat(self.starts - first, self.sizes) + order
        target = np.repeat(np.arange(len(self)), self.sizes) + order
        data = np.full(total + len(self), ord(" "), np.uint8)
        data[target] = np.frombuffer(self.data, np.uint8)[source]
        return Spans(data.tobytes(), first + np.arange(len(self)), self.sizes)


BETWEEN = b"\xff"  # which UTF-8 never has


def joined(texts: Iterable[str] | Iterable[bytes]) -> bytes:
    """Texts in UTF-8, with `BETWEEN` between them."""
    given: Any = texts if isinstance(texts, (list, tuple)) else list(texts)
    if given and isinstance(given[0], bytes):
        return BETWEEN.join(given)
    try:
        text = "\0".join(given).encode()
        if text.count(b"\0") == len(given) - 1:  # else a text has it, too
            return text.replace(b"\0", BETWEEN)
        return BETWEEN.join(map(str.encode, given))
    except UnicodeEncodeError:  # half of a surrogate pair
        return BETWEEN.join([t.encode("utf-8", "surrogatepass") for t in given])


class HashTable:
    """Places of 64-bit keys.

    Args:
        keys: uint64, each once.

    Example:

        >>> HashTable(np.array([7, 9], np.uint64)).find(np.array([9, 8], np.uint64)).tolist()
        [1, -1]
    """

    def __init__(self, keys: np.ndarray):
        bits = max(4, (_ROOM * len(keys)).bit_length())
        self._shift, self._last = np.uint64(64 - bits), (1 << bits) - 1
        self._places = np.full(1 << bits, -1, np.int64)
        self._keys = np.zeros(1 << bits, np.uint64)
        slots, waiting = self._slots(keys), np.arange(len(keys))
        while len(waiting):
            wanted = slots[waiting]
            free = self._places[wanted] < 0
            self._places[wanted[free]] = waiting[free]  # one of those that want it gets a slot
            settled = self._places[wanted] == waiting
            self._keys[wanted[settled]] = keys[waiting[settled]]
            waiting = waiting[~settled]
            slots[waiting] = (slots[waiting] + 1) & self._last

    def _slots(self, keys: np.ndarray) -> np.ndarray:
        return ((keys * _FACTOR) >> self._shift).astype(np.int64)

    def find(self, keys: np.ndarray) -> np.ndarray:
        """The places of keys, -1 for those that are not there."""
        slots = self._slots(keys)
        found = self._places[slots]
        other = np.flatnonzero((self._keys[slots] != keys) & (found >= 0))
        while len(other):
            slots[other] = (slots[other] + 1) & self._last
            there = slots[other]
            found[other] = self._places[there]
            other = other[(self._keys[there] != keys[other]) & (found[other] >= 0)]
        return found


class SpanTable:
    """Places of tokens.

    Args:
        terms: texts or their UTF-8, each once.

    Example:

        >>> SpanTable(["a", "b"]).find(Spans.of(["b", "c"])).tolist()
        [1, -1]
    """

    def __init__(self, terms: Sequence[str] | Sequence[bytes]):
        self._terms = Spans.of(terms)
        hashes = self._terms.hashes()
        order = np.argsort(hashes, kind="stable")
        again = order[1:][hashes[order[1:]] == hashes[order[:-1]]]
        # Terms with the hash of another, if there ever are any, are looked up as texts.
        self._rest = dict(zip(self._terms.listed(again), again.tolist(), strict=True))
        kept = np.setdiff1d(order, again, assume_unique=True) if len(again) else None
        self._kept = kept
        self._table = HashTable(hashes if kept is None else hashes[kept])

    def find(self, tokens: Spans) -> np.ndarray:
        """The places of tokens, -1 for those that are not there."""
        if not len(self._terms):
            return np.full(len(tokens), -1, np.int64)
        found = self._table.find(tokens.hashes())
        if self._kept is not None:
            found = np.where(found < 0, -1, self._kept[found])
        same = tokens.equal(self._terms, found) & (found >= 0)
        found[~same] = -1
        if self._rest:
            other = np.flatnonzero(~same)
            found[other] = [self._rest.get(token, -1) for token in tokens.listed(other)]
        return found
