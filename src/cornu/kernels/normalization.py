"""Moments and layer normalization.

| condition (CPU, known sizes)  | lowering             | measured                                 |
|-------------------------------|----------------------|------------------------------------------|
| moments                       | one pass around a    | 64x32x32x16: batch norm f+b 1.07, two    |
|                               | trial mean           | passes 1.16                              |
| layer normalization           | two passes, gradient | 4096x256: f+b 2.3 against 2.2 here; 2.8  |
|                               | written out          | against 4.0 with 2 MB of cache a core    |
| float16, bfloat16             | computed in float32  | a mean of 2048 halves is off by percents |
| other platform, symbolic size | two passes, autodiff | fused there                              |

Rows of the benchmark: `moments 64x32x32x16`, `layer_norm 4096x256`.

The one-pass variance E[(x - s)^2] - E[x - s]^2 is exact for any s, but loses digits where s is far
from the mean. s is the mean of a sixteenth of the elements, so (s - mean)^2 is at most 16 times the
variance, whatever the data: four bits are lost at worst. All derivatives exist, forward and
reverse.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from cornu.kernels.derivatives import Arrays
from cornu.kernels.platform import tuned

# the trial mean reads one element of this many
TRIAL = 16


def moments(
    x: jax.Array, axes: int | Sequence[int], keepdims: bool = False
) -> tuple[jax.Array, jax.Array]:
    """Mean and (biased) variance over some axes.

    Args:
        x: any shape.
        axes: axes to reduce.
        keepdims: keep them with size one.

    Returns:
        `(mean, variance)` in float32 for half-precision input, else in the dtype of `x`. The
        variance is never negative.

    Example:

        >>> mean, variance = moments(jnp.array([[1.0, 3.0], [5.0, 7.0]]), 0)
        >>> mean.tolist(), variance.tolist()
        ([3.0, 5.0], [4.0, 4.0])
    """
    x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    axes = (axes,) if isinstance(axes, int) else tuple(axes)
    axes = tuple(sorted(axis % x.ndim for axis in axes))
    if tuned(x) and axes and x.size:
        mean, variance = _one_pass(x, axes)
    else:
        mean = x.mean(axes, keepdims=True)
        variance = jnp.square(x - mean).mean(axes, keepdims=True)
    if keepdims:
        return mean, variance
    return jnp.squeeze(mean, axes), jnp.squeeze(variance, axes)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _one_pass(x: jax.Array, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    longest = max(axes, key=lambda axis: x.shape[axis])
    few = lax.slice_in_dim(x, 0, -(-x.shape[longest] // TRIAL), axis=longest)
    trial = few.mean(axes, keepdims=True)
    shifted = x - trial
    mean = shifted.mean(axes, keepdims=True)
    variance = jnp.square(shifted).mean(axes, keepdims=True) - jnp.square(mean)
    return mean + trial, jnp.maximum(variance, 0)


@_one_pass.defjvp
def _one_pass_tangent(
    axes: tuple[int, ...], primals: Arrays, tangents: Arrays
) -> tuple[Arrays, ...]:
    # that of the formula itself: the trial mean and the limit at zero only take up programs
    (x,), (t,) = primals, tangents
    mean, variance = _one_pass(x, axes)
    along = ((x - mean) * t).mean(axes, keepdims=True)
    return (mean, variance), (t.mean(axes, keepdims=True), 2 * along)


@jax.custom_jvp
def reciprocal_root(x: jax.Array) -> jax.Array:
    """`1 / sqrt(x)`, whose slope is made of the result, not of a division by `x`.

    Args:
        x: any shape.

    Returns:
        Same shape and dtype.

    Example:

        >>> reciprocal_root(jnp.float32(4.0)).item()
        0.5
    """
    return lax.rsqrt(x)


@reciprocal_root.defjvp
def _reciprocal_root_tangent(primals: Arrays, tangents: Arrays) -> Arrays:
    y = reciprocal_root(primals[0])
    return y, -0.5 * (y * y * y) * tangents[0]


def layer_norm(
    x: jax.Array, scale: jax.Array | None, offset: jax.Array | None, epsilon: float
) -> jax.Array:
    """`(x - mean) / sqrt(variance + epsilon) * scale + offset` over the last axis.

    Args:
        x: `(..., features)`.
        scale, offset: `(features,)` or `None`.
        epsilon: added to the variance.

    Returns:
        Shape and dtype of `x`.

    Example:

        >>> layer_norm(jnp.array([[1.0, 3.0]]), None, None, 0.0).tolist()
        [[-1.0, 1.0]]
    """
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    y = _standardize(wide, epsilon) if tuned(x) else _standardize_plain(wide, epsilon)[0]
    y = y if scale is None else y * scale.astype(y.dtype)
    y = y if offset is None else y + offset.astype(y.dtype)
    return y.astype(x.dtype)


def _standardize_plain(x: jax.Array, epsilon: float) -> tuple[jax.Array, jax.Array]:
    centred = x - x.mean(-1, keepdims=True)
    factor = lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + epsilon)
    return centred * factor, factor


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _standardize(x: jax.Array, epsilon: float) -> jax.Array:
    return _standardize_plain(x, epsilon)[0]


@_standardize.defjvp
def _standardize_tangent(epsilon: float, primals: Arrays, tangents: Arrays) -> Arrays:
    (x,), (t,) = primals, tangents
    y, factor = _standardize_plain(x, epsilon)
    # the map from t is its own transpose but for the place of the factor
    along = (y * t).mean(-1, keepdims=True)
    return y, (t - t.mean(-1, keepdims=True) - y * along) * factor
