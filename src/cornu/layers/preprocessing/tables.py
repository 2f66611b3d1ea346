"""Tables from terms to indices, in numpy.

    TextTable       by hash; 40 ns per token, where a dict of Python takes 200
    IntegerTable    an array indexed by the term if terms are dense, else by hash

What is in no table gets the default. The table of integers also works on arrays of JAX, in which
terms that are not dense are found by binary search.
"""

import functools
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np

from cornu.layers.preprocessing.spans import HashTable, Spans, SpanTable
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

        >>> TextTable({"a": 1, "é": 2}, -1).of(Spans.of(["é", "b"])).tolist()
        [2, -1]
    """

    def __init__(self, indices: Mapping[str, int], default: int):
        self._places = SpanTable(list(indices))
        # What has no place gets the last entry.
        self._indices = np.array([*indices.values(), default], np.int64)

    def of(self, tokens: Spans) -> np.ndarray:
        """Indices of tokens, as `(tokens,)` int64."""
        return self._indices[self._places.find(tokens)]


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

    @functools.cached_property
    def _by_hash(self) -> HashTable:
        return HashTable(self._keys.view(np.uint64))

    def _of(self, values: Tensor, xp: ModuleType) -> Any:
        if not len(self._keys):
            return xp.full(values.shape, self._default)
        low, high = int(self._keys[0]), int(self._keys[-1])
        inside = (values >= low) & (values <= high)
        values = xp.where(inside, values, low)
        if self._dense is not None:
            return xp.where(inside, xp.asarray(self._dense)[values - low], self._default)
        if xp is np:
            places = self._by_hash.find(values.reshape(-1).view(np.uint64)).reshape(values.shape)
            return np.where(inside & (places >= 0), self._indices[places], self._default)
        places = xp.searchsorted(xp.asarray(self._keys), values)
        known = inside & (xp.asarray(self._keys)[places] == values)
        return xp.where(known, xp.asarray(self._indices)[places], self._default)
