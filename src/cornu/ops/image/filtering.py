"""Filters: a pixel of the result is a weighted sum of the pixels around it."""

from collections.abc import Sequence
from operator import index
from typing import Any

import jax.numpy as jnp
from jax import lax

from cornu.core.frame import is_tracer
from cornu.core.graph.op import fused, op
from cornu.core.graph.operands import to_float
from cornu.errors import value_error
from cornu.ops.image.layout import batched, floating_dtype, in_dtype_of
from cornu.ops.nn.layout import channels_last


@op
def gaussian_blur(
    images: Any, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0), data_format: str | None = None
) -> Any:
    """Images smoothed by a Gaussian.

    Args:
        images: one image or a batch.
        kernel_size: taps along height and width.
        sigma: width of the Gaussian along height and width, in pixels.
        data_format: "channels_last" or "channels_first"; the setting if None.
    """
    x, back = batched("gaussian_blur", images, data_format)
    if is_tracer(kernel_size):
        raise value_error(
            "gaussian_blur: kernel_size must be known before anything is computed.",
            fix="kernel_size=(3, 3)",
        )
    blurred = blur(x.astype(floating_dtype(x)), tuple(index(n) for n in kernel_size), sigma)
    return back(in_dtype_of(blurred, x))


@fused(static=("taps",))
def blur(x: Any, taps: Sequence[int], sigma: Any) -> Any:
    """A Gaussian along height, then along width: two short filters instead of a large one."""
    for axis, count in ((1, taps[0]), (2, taps[1])):
        weights = gaussian_weights(count, sigma[axis - 1], x.dtype)
        before = (count - 1) // 2
        widths = [(0, 0)] * x.ndim
        widths[axis] = (before, count - 1 - before)
        padded = jnp.pad(x, widths)
        size = x.shape[axis]
        x = sum(weights[i] * lax.slice_in_dim(padded, i, i + size, axis=axis) for i in range(count))
    return x


def gaussian_weights(taps: int, sigma: Any, dtype: Any) -> Any:
    """A Gaussian of width `sigma` at whole numbers around the middle; they sum to one."""
    places = jnp.arange(taps, dtype=dtype) - (taps - 1) / 2
    weights = jnp.exp(-0.5 * jnp.square(places / jnp.asarray(sigma, dtype)))
    return weights / jnp.sum(weights)


@op(compiled=True)
def sobel_edges(images: Any, data_format: str | None = None) -> Any:
    """Slopes of the brightness, along height and along width.

    Args:
        images: batch `(batch, height, width, channels)`, or with channels first.
        data_format: "channels_last" or "channels_first"; the setting if None.

    Returns:
        The images with a last axis of size 2: the slope downwards and to the right.
    """
    x, first = channels_last(to_float(images), data_format)
    if x.ndim != 4:
        raise value_error("sobel_edges takes a batch of images.", received=tuple(x.shape))
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    h, w = x.shape[1:3]

    def filtered(axis: int) -> Any:
        other = 3 - axis
        smooth = sum(
            k * lax.slice_in_dim(padded, i, i + (h, w)[other - 1], axis=other)
            for i, k in enumerate((1, 2, 1))
        )
        size = (h, w)[axis - 1]
        ends = [lax.slice_in_dim(smooth, i, i + size, axis=axis) for i in (0, 2)]
        return ends[1] - ends[0]

    edges = jnp.stack([filtered(1), filtered(2)], axis=-1)
    return jnp.moveaxis(edges, 3, 1) if first else edges
