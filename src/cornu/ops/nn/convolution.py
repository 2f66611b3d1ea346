"""Convolutions over one to three spatial axes."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from cornu.core.graph.op import op
from cornu.core.graph.operands import tensor, to_float
from cornu.errors import value_error
from cornu.kernels import conv as conv_kernel, depthwise
from cornu.ops.nn.layout import channels_back, channels_last, standard_padding
from cornu.types import PerAxis, Tensor


def _images(name: str, x: Tensor, lowest: int = 3, highest: int = 5) -> Any:
    x = to_float(x)
    if not lowest <= x.ndim <= highest:
        raise value_error(
            f"{name}: inputs must have a batch axis, one to three spatial axes, and channels.",
            received=f"inputs {tuple(x.shape)}",
        )
    return x


def _same_dtype(x: Tensor, kernel: Tensor) -> tuple[Any, Any]:
    dtype = jnp.promote_types(x.dtype, kernel.dtype)
    return x.astype(dtype), kernel.astype(dtype)


@op(tensors=2, compiled=True)
def conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: PerAxis = 1,
    padding: str | Sequence[tuple[int, int]] = "valid",
    data_format: str | None = None,
    dilation_rate: PerAxis = 1,
) -> Tensor:
    """Convolution over one to three spatial axes; the kernel is not flipped.

    Args:
        inputs: `(batch, *spatial, in)`, or `(batch, in, *spatial)` with channels first.
        kernel: `(*window, in / groups, out)`; the number of groups follows from the shapes.
        strides: step of the window, one int or one per axis.
        padding: "valid" (none) or "same" (output size is `ceil(size / stride)`).
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.
        dilation_rate: spacing between the elements of the kernel.

    Returns:
        `(batch, *new_spatial, out)`, or with channels first.

    Example:

        >>> conv(jnp.ones((1, 5, 5, 3)), jnp.ones((3, 3, 3, 8))).shape
        (1, 3, 3, 8)
    """
    x, kernel = _images("conv", inputs), tensor(kernel)
    x, first = channels_last(x, data_format)
    channels, taken = x.shape[-1], kernel.shape[-2]
    if kernel.ndim != x.ndim or channels % taken or kernel.shape[-1] % (channels // taken):
        raise value_error(
            "conv: the shape of the kernel does not match the channels of the inputs.",
            shapes=f"inputs {tuple(x.shape)} (channels last), kernel {tuple(kernel.shape)}",
            fix="kernel (*window, in / groups, out); groups must divide in and out.",
        )
    x, kernel = _same_dtype(x, kernel)
    y = conv_kernel.conv(
        x, kernel, strides, standard_padding(padding), dilation_rate, groups=channels // taken
    )
    return channels_back(y, first)


@op(tensors=2, compiled=True)
def depthwise_conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: PerAxis = 1,
    padding: str | Sequence[tuple[int, int]] = "valid",
    data_format: str | None = None,
    dilation_rate: PerAxis = 1,
) -> Tensor:
    """Depthwise convolution: each channel has its own kernels.

    Args:
        inputs: `(batch, *spatial, in)`, or `(batch, in, *spatial)` with channels first.
        kernel: `(*window, in, multiplier)`.
        strides, padding, data_format, dilation_rate: see `conv`.

    Returns:
        `(batch, *new_spatial, in * multiplier)`, or with channels first.
    """
    x, kernel = _images("depthwise_conv", inputs), tensor(kernel)
    x, first = channels_last(x, data_format)
    if kernel.ndim != x.ndim or kernel.shape[-2] != x.shape[-1]:
        raise value_error(
            "depthwise_conv: the shape of the kernel does not match the channels of the inputs.",
            shapes=f"inputs {tuple(x.shape)} (channels last), kernel {tuple(kernel.shape)}",
            fix="kernel (*window, in, multiplier).",
        )
    x, kernel = _same_dtype(x, kernel)
    y = depthwise.depthwise_conv(x, kernel, strides, standard_padding(padding), dilation_rate)
    return channels_back(y, first)


@op(tensors=3, compiled=True)
def separable_conv(
    inputs: Tensor,
    depthwise_kernel: Tensor,
    pointwise_kernel: Tensor,
    strides: PerAxis = 1,
    padding: str | Sequence[tuple[int, int]] = "valid",
    data_format: str | None = None,
    dilation_rate: PerAxis = 1,
) -> Tensor:
    """`depthwise_conv`, then a pointwise (1x1) convolution.

    Args:
        inputs: `(batch, *spatial, in)`, or `(batch, in, *spatial)` with channels first.
        depthwise_kernel: `(*window, in, multiplier)`.
        pointwise_kernel: `(1, ..., in * multiplier, out)`.
        strides, padding, data_format, dilation_rate: arguments of the depthwise step; see `conv`.
    """
    along_space, across_channels = depthwise_conv.__wrapped__, conv.__wrapped__  # errors are ours
    x = along_space(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return across_channels(x, pointwise_kernel, 1, "valid", data_format, 1)


@op(tensors=2, compiled=True)
def conv_transpose(
    inputs: Tensor,
    kernel: Tensor,
    strides: PerAxis = 1,
    padding: str = "valid",
    output_padding: PerAxis | None = None,
    data_format: str | None = None,
    dilation_rate: PerAxis = 1,
) -> Tensor:
    """Transposed convolution, which upsamples by `strides`.

    Args:
        inputs: `(batch, *spatial, in)`, or `(batch, in, *spatial)` with channels first.
        kernel: `(*window, out, in)`.
        strides: upsampling factor, one int or one per axis.
        padding: "valid" or "same" (size times stride).
        output_padding: elements added at the end of each axis; inferred from `padding` if None.
        data_format, dilation_rate: see `conv`.
    """
    x, kernel = _images("conv_transpose", inputs), tensor(kernel)
    x, first = channels_last(x, data_format)
    if kernel.ndim != x.ndim or kernel.shape[-1] != x.shape[-1]:
        raise value_error(
            "conv_transpose: the shape of the kernel does not match the channels of the inputs.",
            shapes=f"inputs {tuple(x.shape)} (channels last), kernel {tuple(kernel.shape)}",
            fix="kernel (*window, out, in).",
        )
    x, kernel = _same_dtype(x, kernel)
    y = conv_kernel.conv_transpose(
        x, kernel, strides, standard_padding(padding), output_padding, dilation_rate
    )
    return channels_back(y, first)
