"""One-hot and multi-hot encodings of class indices."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu.bcoo import coordinates
from cornu.core import dtypes
from cornu.core.graph.op import op
from cornu.core.graph.operands import tensor
from cornu.errors import value_error
from cornu.numeric import is_float
from cornu.ops import numpy
from cornu.ops.core import tensors
from cornu.types import DType, Tensor


@op(says_dtype=True)
def one_hot(
    x: Tensor, num_classes: int, axis: int = -1, dtype: DType | None = None, sparse: bool = False
) -> Tensor:
    """One-hot vectors of indices; an index outside `[0, num_classes)` gives zeros.

    Args:
        x: integers of any shape `(...)`.
        num_classes: length of the new axis.
        axis: position of the new axis; -1 is last.
        dtype: dtype of the result; `floatx` if None.
        sparse: whether the result is a sparse array.

    Returns:
        `(..., num_classes)` for `axis=-1`.

    Example:

        >>> one_hot([0, 2], 3).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    _check_count("one_hot", num_classes)
    x = tensor(x)
    if is_float(x.dtype):
        x = x.astype("int32")
    dtype = dtypes.standardize_dtype(dtype)
    if sparse:
        return _sparse_rows(x, num_classes, axis, dtype)
    return jax.nn.one_hot(x, num_classes, axis=axis, dtype=dtype)


def _sparse_rows(x: Tensor, num_classes: int, axis: int, dtype: DType) -> Any:
    """A value per index, 0 where the index is out of range."""
    x = x.astype("int32")
    known = (x >= 0) & (x < num_classes)
    places = list(jnp.indices(x.shape, dtype="int32"))
    places.insert(axis % (x.ndim + 1), jnp.where(known, x, 0))
    shape = [*x.shape]
    shape.insert(axis % (x.ndim + 1), num_classes)
    rows = jnp.stack([p.reshape(-1) for p in places], axis=-1)  # (indices, axes)
    return coordinates(known.reshape(-1).astype(dtype), rows, tuple(shape))


@op(says_dtype=True)
def multi_hot(
    inputs: Tensor,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: DType | None = None,
    sparse: bool = False,
    **kwargs: Any,
) -> Tensor:
    """Multi-hot vectors: 1 at each index of a set.

    Args:
        inputs: integers `(..., n)`; an index outside `[0, num_classes)` is ignored.
        num_classes: length of the vectors.
        axis: position of the new axis.
        dtype: dtype of the result; `floatx` if None.
        sparse: whether the result is a sparse array.

    Returns:
        `(..., num_classes)`.

    Example:

        >>> multi_hot([0, 2], 4).tolist()
        [1.0, 0.0, 1.0, 0.0]
    """
    num_classes = kwargs.pop("num_tokens", num_classes)
    if num_classes is None:
        raise value_error(
            "multi_hot: num_classes, the length of the vectors, must be given, got None.",
            received=f"inputs {tensor(inputs).shape}",
            fix="multi_hot(inputs, num_classes=10)",
        )
    _check_count("multi_hot", num_classes)
    x = tensor(inputs)
    x = x.astype("int32") if x.dtype == bool else x
    dtype, folded = dtypes.standardize_dtype(dtype), 1 if x.ndim > 1 else 0
    if sparse:
        counts = numpy.sum(_sparse_rows(x, num_classes, axis, "int32"), axis=folded)
        return tensors.cast(numpy.minimum(counts, 1), dtype)
    return jnp.max(jax.nn.one_hot(x, num_classes, axis=axis, dtype=dtype), axis=folded)


def _check_count(name: str, num_classes: int) -> None:
    if isinstance(num_classes, (str, float, bool)) or (
        isinstance(num_classes, (int, np.integer)) and num_classes < 0
    ):
        raise value_error(f"{name}: num_classes must be a non-negative int, got {num_classes!r}.")
