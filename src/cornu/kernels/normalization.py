"""Moments and layer normalization."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax


def moments(
    x: jax.Array, axes: int | Sequence[int], keepdims: bool = False
) -> tuple[jax.Array, jax.Array]:
    wide = jnp.promote_types(x.dtype, jnp.float32)
    x = x.astype(wide)
    axes = (axes,) if isinstance(axes, int) else tuple(axes)
    mean = x.mean(axes, keepdims=True)
    variance = jnp.square(x - mean).mean(axes, keepdims=keepdims)
    return (mean if keepdims else jnp.squeeze(mean, axes)), variance


def layer_norm(
    x: jax.Array, scale: jax.Array | None, offset: jax.Array | None, epsilon: float
) -> jax.Array:
    mean, variance = moments(x, -1, keepdims=True)
    y = (x - mean) * lax.rsqrt(variance + epsilon)
    y = y if scale is None else y * scale
    y = y if offset is None else y + offset
    return y.astype(x.dtype)
