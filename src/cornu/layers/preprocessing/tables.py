"""Tables from terms to indices, in numpy.

    TextTable       a dict of Python, driven from C: 50 to 100 ns per token
    IntegerTable    an array indexed by the term if terms are dense, else a binary search

What is in no table gets the default. Looking up is the same for one token as for a million, and the
table of integers also works on tracers of JAX.
"""

import functools
from collections.abc import Iterable, Mapping
from itertools import repeat
from types import ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np

from cornu.types import Tensor

_DENSEST = 8  # places of an array for one term, at most
_SMALL = 1 << 16  # places that an array may have in any case
_INT32 = np.iinfo(np.int32)


class TextTable:
    """A table from texts to indices.

    Args:
        indices: dict from the text to its index.
        default: index of all other texts.

    Example:

        >>> TextTable({"a": 1, "é": 2}, -1).of(["é", "b"], 2).tolist()
        [2, -1]
        >>> TextTable({"a": 1, "é": 2}, -1).of(["é".encode()], 1).tolist()
        [2]
    """

    def __init__(self, indices: Mapping[str, int], default: int):
        self._by_text = dict(indices)
        self._by_bytes: dict[bytes, int] | None = None
        self._default = default

    def of(self, tokens: Iterable[str] | Iterable[bytes], count: int) -> np.ndarray:
        """Indices of texts, or of their UTF-8 bytes, as `(count,)` int64."""
        given: Any = iter(tokens)
        first = next(given, None)
        if first is None:
            return np.zeros(0, np.int64)
        table: Any = self._by_text
        if isinstance(first, bytes):
            if self._by_bytes is None:
                pairs = self._by_text.items()
                self._by_bytes = {t.encode("utf-8", "surrogatepass"): i for t, i in pairs}
            table = self._by_bytes
        found = np.empty(count, np.int64)
        found[0] = table.get(first, self._default)
        rest = map(table.get, given, repeat(self._default))
        found[1:] = np.fromiter(rest, np.int64, count - 1)
        return found


class IntegerTable:
    """A table from integers to indices.

    Args:
        indices: dict from the integer to its index.
        default: index of all other integers.

    Example:

        >>> IntegerTable({10: 1, -3: 2}, 0).of(np.array([[10, -3, 4]])).tolist()
        [[1, 2, 0]]
    """

    def __init__(self, indices: Mapping[int, int], default: int):
        keys = np.fromiter(indices, np.int64, len(indices))
        order = np.argsort(keys)
        self._keys = keys[order]
        self._indices = np.fromiter(indices.values(), np.int64, len(indices))[order]
        self._default = default
        self._dense: np.ndarray | None = None
        if len(keys) and self._span < max(_DENSEST * len(keys), _SMALL):
            self._dense = np.full(self._span + 1, default)
            self._dense[self._keys - self._keys[0]] = self._indices

    @property
    def _span(self) -> int:
        return int(self._keys[-1]) - int(self._keys[0])

    def of(self, values: Tensor) -> Any:
        """Indices of integers: an array of numpy in int64, or of JAX in the integers it has."""
        if isinstance(values, np.ndarray):
            return self._of(values, np)
        narrow = values.dtype.itemsize < 8
        return (self._in_32_bits if narrow else self)._of(values, jnp)

    @functools.cached_property
    def _in_32_bits(self) -> "IntegerTable":
        """The table without the terms that 32 bits cannot hold, which no such value equals."""
        fits = (self._keys >= _INT32.min) & (self._keys <= _INT32.max)
        pairs = zip(self._keys[fits].tolist(), self._indices[fits].tolist(), strict=True)
        return IntegerTable(dict(pairs), self._default)

    def _of(self, values: Tensor, xp: ModuleType) -> Any:
        if not len(self._keys):
            return xp.full(values.shape, self._default)
        low, high = int(self._keys[0]), int(self._keys[-1])
        inside = (values >= low) & (values <= high)
        values = xp.where(inside, values, low)
        if self._dense is not None:
            return xp.where(inside, xp.asarray(self._dense)[values - low], self._default)
        places = xp.searchsorted(xp.asarray(self._keys), values)
        known = inside & (xp.asarray(self._keys)[places] == values)
        return xp.where(known, xp.asarray(self._indices)[places], self._default)
