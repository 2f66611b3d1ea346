"""Normalization: unit norm, or mean 0 and variance 1.

Moments are taken in float32 at least, and results have the dtype of the input.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from cornu import settings
from cornu.core.graph.op import fused, op
from cornu.core.graph.operands import axes, tensor, to_float
from cornu.errors import value_error, warn
from cornu.kernels import normalization
from cornu.types import Axis, Tensor


@op(wide=True)
def normalize(
    x: Tensor, axis: Axis = -1, order: int | float = 2, epsilon: float | None = None
) -> Tensor:
    """`x` divided by its norm along `axis`, or by `epsilon` where that is larger.

    Args:
        x: array of any shape.
        axis: the axis or axes that the norm is taken over.
        order: order of the norm, at least 1: 1, 2 (Euclidean), ..., or `inf`.
        epsilon: lower bound of the divisor; `config.epsilon()` if None.

    Example:

        >>> [round(v, 3) for v in normalize([3.0, 4.0]).tolist()]
        [0.6, 0.8]
    """
    if not isinstance(order, (int, float)) or order < 1:
        raise value_error(f"normalize: order must be >= 1, got {order!r}.")
    epsilon = settings.current.epsilon if epsilon is None else epsilon
    return _normalize(to_float(x), axis=axes(axis), order=order, epsilon=epsilon)


@fused(static=("axis", "order", "epsilon"))
def _normalize(x: Tensor, axis: Axis, order: int | float, epsilon: float) -> Tensor:
    if order == 2:
        # the larger of the squares under the root: the gradient at the zero vector stays finite
        squares = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
        return x * lax.rsqrt(jnp.maximum(squares, epsilon**2))
    if order == math.inf:
        size = jnp.max(jnp.abs(x), axis=axis, keepdims=True)
    else:
        powers = jnp.sum(jnp.power(jnp.abs(x), order), axis=axis, keepdims=True)
        size = jnp.power(jnp.maximum(powers, epsilon**order), 1 / order)
    return x / jnp.maximum(size, epsilon)


@op(compiled=True)
def moments(x: Tensor, axes: Axis, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Mean and variance over axes, computed in float32 at least.

    Args:
        x: array of any shape.
        axes: the axis or axes; all of them if None.
        keepdims: whether reduced axes stay with size 1.
        synchronized: kept for Keras's signature; under sharding the moments are those of the whole.

    Example:

        >>> [float(m) for m in moments([1.0, 3.0], axes=0)]
        [2.0, 1.0]
    """
    x = to_float(x)
    axes = tuple(range(x.ndim)) if axes is None else _places(axes, x.ndim)
    mean, variance = _moments(x, axes=axes, keepdims=keepdims)
    if x.dtype == mean.dtype:
        return mean, variance
    limit = float(jnp.finfo(x.dtype).max)
    return tuple(jnp.clip(m, -limit, limit).astype(x.dtype) for m in (mean, variance))


def _places(axis: Axis, ndim: int) -> tuple[int, ...]:
    """Axes as non-negative numbers."""
    found = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
    if not all(-ndim <= a < ndim for a in found):
        raise IndexError("there is no such axis.")
    return tuple([a % ndim for a in found])


_moments = fused(normalization.moments, static=("axes", "keepdims"))


@op(tensors=("x", "mean", "variance", "offset", "scale"), file_name="BatchNorm")
def batch_normalization(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    axis: int,
    offset: Tensor | None = None,
    scale: Tensor | None = None,
    epsilon: float = 1e-3,
) -> Tensor:
    """`(x - mean) / sqrt(variance + epsilon) * scale + offset`, one of each per index of `axis`."""
    offset, scale = (None if v is None else tensor(v) for v in (offset, scale))
    x, mean, variance = to_float(x), tensor(mean), tensor(variance)
    given = {"mean": mean, "variance": variance, "offset": offset, "scale": scale}
    for name, vector in given.items():
        size, wanted = getattr(vector, "shape", None), x.shape[axis]
        if size is None or not isinstance(wanted, int):
            continue
        if size == () or math.prod(size) not in (1, wanted):
            raise value_error(
                f"batch_normalization: {name} must have shape ({wanted},), "
                f"the size of axis {axis}.",
                shapes=f"x {tuple(x.shape)}, {name} {tuple(size)}",
            )
    return _batch_norm(x, mean, variance, offset, scale, axis=axis, epsilon=epsilon)


@fused(static=("axis", "epsilon"))
def _batch_norm(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    offset: Tensor,
    scale: Tensor,
    axis: int,
    epsilon: float,
) -> Tensor:
    shape = [1] * x.ndim
    shape[axis] = -1

    def along(vector: Tensor) -> Any:
        return vector.reshape(shape)

    # two passes over x become one: x * factor + shift, with small vectors
    factor = normalization.reciprocal_root(along(variance) + epsilon)
    if scale is not None:
        factor = factor * along(scale)
    shift = -along(mean) * factor
    if offset is not None:
        shift = shift + along(offset)
    return (x * factor + shift).astype(x.dtype)


@op(tensors=("x", "gamma", "beta"), file_name="LayerNorm", compiled=True)
def layer_normalization(
    x: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    axis: Axis = -1,
    epsilon: float | None = None,
    **kwargs: Any,
) -> Tensor:
    """Mean 0 and variance 1 within each sample, then `* gamma + beta`.

    Args:
        x: array of any shape.
        gamma, beta: scale and offset, of the shape of the normalized axes; not applied if None.
        axis: the axis or axes to normalize over.
        epsilon: constant added to the variance; `config.epsilon()` if None.

    Example:

        >>> [round(v, 3) for v in layer_normalization([1.0, 3.0]).tolist()]
        [-1.0, 1.0]
    """
    x = to_float(x)
    epsilon = settings.current.epsilon if epsilon is None else epsilon
    over = sorted(_places(axis, x.ndim))
    gamma, beta = (None if v is None else tensor(v) for v in (gamma, beta))
    if over == [x.ndim - 1] and not kwargs.get("rms_scaling"):
        return _layer_norm(x, gamma, beta, epsilon=epsilon)
    shape = [n if i in over else 1 for i, n in enumerate(x.shape)]
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    mean, variance = normalization.moments(wide, over, keepdims=True)
    if kwargs.get("rms_scaling"):
        warn(
            "rms_scaling=True divides by the standard deviation, not by the root of the mean "
            "square; use rms_normalization for that."
        )
        y = wide * lax.rsqrt(variance + epsilon)
        beta = None
    else:
        y = (wide - mean) * lax.rsqrt(variance + epsilon)
    y = y if gamma is None else y * _beside(gamma, shape)
    y = y if beta is None else y + _beside(beta, shape)
    return y.astype(x.dtype)


def _beside(weights: Tensor, shape: Sequence[int]) -> Any:
    """Weights reshaped to broadcast along the normalized axes."""
    return weights.reshape(shape) if weights.size == math.prod(shape) else weights


_layer_norm = fused(normalization.layer_norm, static=("epsilon",))


@op(named=("scale",), file_name="RMSNorm")
def rms_normalization(
    x: Tensor, scale: Tensor | None = None, axis: Axis = -1, epsilon: float | None = None
) -> Tensor:
    """`x / sqrt(mean(x ** 2) + epsilon) * scale` over `axis`.

    Args:
        x: array of any shape.
        scale: factors of the shape of the normalized axes, or broadcast against `x`; or None.
        axis: the axis or axes that the mean is taken over.
        epsilon: constant added to the mean; `config.epsilon()` if None.

    Example:

        >>> [round(v, 3) for v in rms_normalization([3.0, 4.0]).tolist()]
        [0.849, 1.131]
    """
    x = to_float(x)
    epsilon = settings.current.epsilon if epsilon is None else epsilon
    over = _places(axis, x.ndim)
    scale = None if scale is None else tensor(scale)
    return _rms_norm(x, scale, over=over, epsilon=epsilon)


@fused(static=("over", "epsilon"))
def _rms_norm(x: Tensor, scale: Tensor, over: tuple[int, ...], epsilon: float) -> Tensor:
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    y = wide * lax.rsqrt(jnp.mean(jnp.square(wide), axis=over, keepdims=True) + epsilon)
    if scale is not None:
        y = y * _beside(scale, [n if i in over else 1 for i, n in enumerate(x.shape)])
    return y.astype(x.dtype)
