"""Casts that move values beyond the range of a dtype to its ends.

from            to                lowering
bool            any               cast
any             float             cast, clip: what overflowed is infinite and comes back
float, int      int, bool         clip, cast: an integer that overflows would wrap around
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu.numeric import is_float, is_integer


def saturate(x: jax.Array, dtype: np.dtype) -> jax.Array:
    """The elements in another dtype, those beyond its range at its ends.

    Args:
        x: array of any shape.
        dtype: dtype of the result.

    Returns:
        An array of the same shape.

    Example:

        >>> saturate(jnp.array([-3.0, 300.0]), np.dtype("uint8")).tolist()
        [0, 255]
    """
    if x.dtype == bool:
        return x.astype(dtype)
    source, target = _limits(x.dtype), _limits(dtype)
    if is_float(dtype):
        return jnp.clip(x.astype(dtype), *target)
    # rounded to the dtype of x, where the next number may be beyond the largest integer
    low = np.asarray(max(source[0], target[0])).astype(x.dtype)
    high = np.asarray(min(source[1], target[1])).astype(x.dtype)
    moved = jnp.clip(x, low, high).astype(dtype)
    if source[1] > target[1]:
        return jnp.where(x >= high, jnp.asarray(target[1], dtype), moved)
    return moved


def _limits(dtype: Any) -> tuple[Any, Any]:
    if jnp.issubdtype(dtype, jnp.bool_):
        return 0, 1
    if is_integer(dtype):
        info = jnp.iinfo(dtype)
        return int(info.min), int(info.max)
    finfo = jnp.finfo(dtype)
    return float(finfo.min), float(finfo.max)
