"""How indices are shown to a network: as they are, one-hot, multi-hot, counted.

    one_hot     (..., n) -> (..., n, depth); (..., 1) -> (..., depth)
    multi_hot   (..., n) -> (..., depth): 1 where an index occurs
    count       (..., n) -> (..., depth): how often it occurs

In numpy for arrays on the host (`encode`), where a batch costs a few passes over its indices, and
in ops (`encoded`). Negative indices stand for nothing.
"""

from typing import Any

import numpy as np

from cornu import bcoo, ops, settings
from cornu.types import DType, Shape, Tensor

MODES = ("one_hot", "multi_hot", "count")


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


def encoded(
    indices: Tensor,
    mode: str,
    depth: int,
    dtype: DType,
    weights: Tensor | None = None,
    sparse: bool = False,
) -> Tensor:
    """Indices as vectors; those outside `[0, depth)` stand for nothing.

    Args:
        indices: `(..., n)` integers; a single integer is a sample of length 1.
        mode: "one_hot", a vector per index, where n = 1 without an axis of its own; "multi_hot",
            1 at each index that a sample holds; "count", their number.
        depth: length of the vectors.
        dtype: dtype of the result.
        weights: what each index adds to its count, of the shape of the indices; 1 if None.
        sparse: whether the result is a sparse array.

    Returns:
        `(..., n, depth)` or `(..., depth)` for "one_hot", else `(..., depth)`.

    Example:

        >>> encoded([[0, 2, 2]], "count", 4, "float32").tolist()
        [[1.0, 0.0, 2.0, 0.0]]
    """
    indices = ops.cast(indices, "int32")
    if indices.ndim == 0:
        indices = ops.reshape(indices, (1,))
    if mode == "one_hot":
        if indices.ndim > 1 and indices.shape[-1] == 1:
            indices = ops.squeeze(indices, -1)
        return ops.one_hot(indices, depth, dtype=dtype, sparse=sparse)
    if sparse:
        vectors = ops.one_hot(indices, depth, dtype=dtype, sparse=True)  # (..., n, depth)
        if weights is not None:
            vectors = ops.multiply(vectors, ops.expand_dims(weights, -1))
        counts = ops.sum(vectors, axis=-2)
        return ops.minimum(counts, 1) if mode == "multi_hot" else counts
    *lead, length = indices.shape
    flat = ops.reshape(indices, (-1, length))  # (samples, n)
    rows = ops.expand_dims(ops.arange(flat.shape[0], dtype="int32"), -1)  # (samples, 1)
    known = ops.logical_and(flat >= 0, flat < depth)
    places = ops.where(known, rows * depth + flat, -1)
    added = ops.ones_like(flat, dtype=dtype) if weights is None else ops.cast(weights, dtype)
    size = flat.shape[0] * depth
    counts = ops.segment_sum(ops.reshape(added, (-1,)), ops.reshape(places, (-1,)), size)
    if mode == "multi_hot":
        counts = ops.minimum(counts, 1)
    return ops.cast(ops.reshape(counts, (*lead, depth)), dtype)
