"""How indices are shown to a network: as they are, one-hot, multi-hot, counted.

    one_hot     (..., n) -> (..., n, depth); (..., 1) -> (..., depth)
    multi_hot   (..., n) -> (..., depth): 1 where an index occurs
    count       (..., n) -> (..., depth): how often it occurs

In numpy for arrays on the host, where a batch costs a few passes over its indices, and in ops for
tracers. Negative indices stand for nothing.
"""

from typing import Any

import numpy as np

from cornu import bcoo, ops, settings
from cornu.types import Shape, Tensor


def encoded_shape(shape: Shape, mode: str, depth: int | None) -> tuple[int | None, ...]:
    """The shape of encoded indices.

    Example:

        >>> encoded_shape((None, 3), "one_hot", 5), encoded_shape((None, 3), "count", 5)
        ((None, 3, 5), (None, 5))
    """
    shape = tuple(shape)
    if mode == "one_hot" and not (len(shape) > 1 and shape[-1] == 1):
        return (*(shape or (1,)), depth)
    return (*shape[:-1], depth)


def encode(indices: np.ndarray, mode: str, depth: int, sparse: bool = False) -> Any:
    """Indices of an array on the host, encoded.

    Args:
        indices: integers; negative ones stand for nothing.
        mode: "one_hot", "multi_hot" or "count".
        depth: number of indices.
        sparse: whether to return a sparse array of JAX.

    Example:

        >>> encode(np.array([[1, 1, -1], [0, 2, 2]]), "count", 3).tolist()
        [[0.0, 2.0, 0.0], [1.0, 0.0, 2.0]]
    """
    shape: Any = encoded_shape(indices.shape, mode, depth)
    count = int(np.prod(shape[:-1], dtype=np.int64))
    rows = np.repeat(np.arange(count), indices.size // max(count, 1))
    return encode_rows(indices.ravel(), rows, shape, mode, sparse)


def encode_rows(
    indices: np.ndarray, rows: np.ndarray, shape: Any, mode: str, sparse: bool = False
) -> Any:
    """Indices of rows that may differ in length, encoded.

    Args:
        indices: `(n,)`.
        rows: `(n,)` number of the row of each index.
        shape: that of the result; all but its last axis are the rows.
        mode: "one_hot", "multi_hot" or "count".
        sparse: whether to return a sparse array of JAX.
    """
    depth, dtype = shape[-1], settings.current.floatx
    places = (rows * depth + indices)[indices >= 0]
    if sparse:
        places, counts = np.unique(places, return_counts=True)
        values = counts if mode == "count" else np.ones(len(places))
        coordinates = np.stack(np.unravel_index(places, shape), axis=-1).astype(np.int32)
        return bcoo.coordinates(ops.cast(values, dtype), coordinates, shape, unique=True)
    size = int(np.prod(shape, dtype=np.int64))
    if mode == "count":
        return np.bincount(places, minlength=size).astype(dtype).reshape(shape)
    found = np.zeros(size, dtype)
    found[places] = 1
    return found.reshape(shape)


def encode_traced(indices: Tensor, mode: str, depth: int) -> Tensor:
    """Indices of a tracer, encoded; see `encode`."""
    if indices.ndim == 0:
        indices = indices[None]
    if mode == "one_hot" and indices.ndim > 1 and indices.shape[-1] == 1:
        indices = indices[..., 0]
    found = ops.one_hot(indices, depth, dtype=settings.current.floatx)  # (..., n, depth)
    if mode == "one_hot":
        return found
    return ops.sum(found, axis=-2) if mode == "count" else ops.max(found, axis=-2, initial=0)
