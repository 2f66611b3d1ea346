"""Linear filters of images."""

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
from cornu.types import DType, Tensor


@op
def gaussian_blur(
    images: Tensor,
    kernel_size: Sequence[int] = (3, 3),
    sigma: Sequence[float] = (1.0, 1.0),
    data_format: str | None = None,
) -> Tensor:
    """Gaussian blur.

    Args:
        images: one image or a batch.
        kernel_size: size of the kernel along height and width.
        sigma: standard deviation along height and width, in pixels.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.
    """
    x, back = batched("gaussian_blur", images, data_format)
    if is_tracer(kernel_size):
        raise value_error(
            "gaussian_blur: kernel_size must be known while tracing.",
            fix="kernel_size=(3, 3)",
        )
    blurred = blur(x.astype(floating_dtype(x)), tuple(index(n) for n in kernel_size), sigma)
    return back(in_dtype_of(blurred, x))


@fused(static=("taps",))
def blur(x: Tensor, taps: Sequence[int], sigma: Sequence[float]) -> Tensor:
    """A separable Gaussian: along height, then along width.

    The two deviations in `sigma` are numbers, or arrays `(batch,)` with one for each image.
    """
    for axis, count in ((1, taps[0]), (2, taps[1])):
        weights = gaussian_weights(count, sigma[axis - 1], x.dtype)  # (1 or batch, taps)
        weights = weights.T.reshape(count, -1, *(1,) * (x.ndim - 1))  # (taps, 1 or batch, 1, ...)
        before = (count - 1) // 2
        widths = [(0, 0)] * x.ndim
        widths[axis] = (before, count - 1 - before)
        padded = jnp.pad(x, widths)
        size = x.shape[axis]
        x = sum(weights[i] * lax.slice_in_dim(padded, i, i + size, axis=axis) for i in range(count))
    return x


def gaussian_weights(taps: int, sigma: float | Tensor, dtype: DType) -> Any:
    """Sampled Gaussians of the given standard deviations, which sum to one: `(sigmas, taps)`."""
    places = jnp.arange(taps, dtype=dtype) - (taps - 1) / 2
    weights = jnp.exp(-0.5 * jnp.square(places / jnp.asarray(sigma, dtype).reshape(-1, 1)))
    return weights / jnp.sum(weights, axis=-1, keepdims=True)


@op(compiled=True)
def sobel_edges(images: Tensor, data_format: str | None = None) -> Tensor:
    """Sobel gradients along height and width.

    Args:
        images: batch `(batch, height, width, channels)`, or with channels first.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.

    Returns:
        The images with a last axis of size 2: the gradients along height and width.
    """
    x, first = channels_last(to_float(images), data_format)
    if x.ndim != 4:
        raise value_error(
            "sobel_edges: images must have 4 axes, a batch of images.", received=tuple(x.shape)
        )
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
