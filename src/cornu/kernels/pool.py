"""Pooling."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from cornu.kernels.conv import per_axis


def max_pool(
    x: jax.Array,
    window: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
) -> jax.Array:
    rank = x.ndim - 2
    window = per_axis(window, rank, "window")
    strides = window if strides is None else per_axis(strides, rank, "strides")
    floor = -jnp.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min
    return lax.reduce_window(
        x, jnp.array(floor, x.dtype), lax.max, (1, *window, 1), (1, *strides, 1), padding.upper()
    )


def average_pool(
    x: jax.Array,
    window: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
) -> jax.Array:
    rank = x.ndim - 2
    window = per_axis(window, rank, "window")
    strides = window if strides is None else per_axis(strides, rank, "strides")

    def total(a):
        return lax.reduce_window(
            a, jnp.zeros((), a.dtype), lax.add, (1, *window, 1), (1, *strides, 1), padding.upper()
        )

    return total(x) / total(jnp.ones((1, *x.shape[1:-1], 1), x.dtype))
