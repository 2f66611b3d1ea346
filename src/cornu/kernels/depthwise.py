"""Depthwise convolution: every channel has its own small kernels."""

from collections.abc import Sequence

import jax
from jax import lax


from cornu.kernels.conv import check_padding, per_axis, window_pads

_LAYOUTS = {1: ("NHC", "HIO", "NHC"), 2: ("NHWC", "HWIO", "NHWC"), 3: ("NDHWC", "DHWIO", "NDHWC")}


def depthwise_conv(
    x: jax.Array,
    kernel: jax.Array,
    strides: int | Sequence[int] = 1,
    padding: str | Sequence[tuple[int, int]] = "valid",
    dilation: int | Sequence[int] = 1,
) -> jax.Array:
    rank = x.ndim - 2
    strides = per_axis(strides, rank, "strides")
    dilation = per_axis(dilation, rank, "dilation")
    check_padding(padding, rank)
    channels = x.shape[-1]
    kernel = kernel.reshape(*kernel.shape[:-2], 1, channels * kernel.shape[-1])
    if not (isinstance(padding, str) and padding != "causal"):
        padding = window_pads(x.shape[1:-1], kernel.shape[:-2], strides, dilation, padding)
    else:
        padding = padding.upper()
    return lax.conv_general_dilated(
        x, kernel, strides, padding, None, dilation, _LAYOUTS[rank], channels
    )
