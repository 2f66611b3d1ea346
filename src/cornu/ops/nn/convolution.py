"""Convolutions over one to three spatial axes: the front doors to the kernels."""

from typing import Any

import jax.numpy as jnp

from cornu.core.graph.op import op
from cornu.core.graph.operands import tensor, to_float
from cornu.errors import value_error
from cornu.kernels import conv as conv_kernel, depthwise
from cornu.ops.nn.layout import channels_back, channels_last, standard_padding


def _images(name: str, x: Any, lowest: int = 3, highest: int = 5) -> Any:
    x = to_float(x)
    if not lowest <= x.ndim <= highest:
        raise value_error(
            f"{name} takes a batch with one to three spatial axes and one of channels.",
            received=f"inputs {tuple(x.shape)}",
        )
    return x


def _same_dtype(x: Any, kernel: Any) -> tuple[Any, Any]:
    dtype = jnp.promote_types(x.dtype, kernel.dtype)
    return x.astype(dtype), kernel.astype(dtype)


@op(tensors=2, compiled=True)
def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolution over one to three spatial axes; the kernel is not flipped.

    Args:
        inputs: `(batch, *spatial, in)`, or `(batch, in, *spatial)` with channels first.
        kernel: `(*window, in / groups, out)`; the number of groups follows from the shapes.
        strides: step of the window, one number or one an axis.
        padding: "valid" (none) or "same" (size divided by the stride, rounded up).
        data_format: "channels_last" or "channels_first"; the setting if None.
        dilation_rate: distance of the taps of the kernel.

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
            "conv: the kernel does not fit the channels of the inputs.",
            shapes=f"inputs {tuple(x.shape)} (channels last), kernel {tuple(kernel.shape)}",
            fix="kernel (*window, in / groups, out); groups divides in and out.",
        )
    x, kernel = _same_dtype(x, kernel)
    y = conv_kernel.conv(
        x, kernel, strides, standard_padding(padding), dilation_rate, groups=channels // taken
    )
    return channels_back(y, first)


@op(tensors=2, compiled=True)
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolution of each channel with kernels of its own.

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
            "depthwise_conv: the kernel does not fit the channels of the inputs.",
            shapes=f"inputs {tuple(x.shape)} (channels last), kernel {tuple(kernel.shape)}",
            fix="kernel (*window, in, multiplier).",
        )
    x, kernel = _same_dtype(x, kernel)
    y = depthwise.depthwise_conv(x, kernel, strides, standard_padding(padding), dilation_rate)
    return channels_back(y, first)


@op(tensors=3, compiled=True)
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """`depthwise_conv`, then a convolution with a window of one.

    Args:
        inputs: `(batch, *spatial, in)`, or `(batch, in, *spatial)` with channels first.
        depthwise_kernel: `(*window, in, multiplier)`.
        pointwise_kernel: `(1, ..., in * multiplier, out)`.
        strides, padding, data_format, dilation_rate: see `conv`; they belong to the first step.
    """
    along_space, across_channels = depthwise_conv.__wrapped__, conv.__wrapped__  # errors are ours
    x = along_space(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return across_channels(x, pointwise_kernel, 1, "valid", data_format, 1)


@op(tensors=2, compiled=True)
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Transposed convolution: images grow by the stride.

    Args:
        inputs: `(batch, *spatial, in)`, or `(batch, in, *spatial)` with channels first.
        kernel: `(*window, out, in)`.
        strides: how much the images grow.
        padding: "valid" or "same" (size times stride).
        output_padding: elements added at the end of each axis; found from `padding` if None.
        data_format, dilation_rate: see `conv`.
    """
    x, kernel = _images("conv_transpose", inputs), tensor(kernel)
    x, first = channels_last(x, data_format)
    if kernel.ndim != x.ndim or kernel.shape[-1] != x.shape[-1]:
        raise value_error(
            "conv_transpose: the kernel does not fit the channels of the inputs.",
            shapes=f"inputs {tuple(x.shape)} (channels last), kernel {tuple(kernel.shape)}",
            fix="kernel (*window, out, in).",
        )
    x, kernel = _same_dtype(x, kernel)
    y = conv_kernel.conv_transpose(
        x, kernel, strides, standard_padding(padding), output_padding, dilation_rate
    )
    return channels_back(y, first)
