"""Blocks of pixels rearranged into channels or columns, and back.

Every op has its inverse, or its adjoint, beside it:

    depth_to_space <-> space_to_depth    square blocks that tile the image
    unfold         <-> fold              windows that may overlap; fold adds where they do
"""

import jax.numpy as jnp
from jax import lax

from cornu.arguments import positive_int
from cornu.core.graph.op import op
from cornu.core.graph.operands import tensor, to_float
from cornu.errors import value_error
from cornu.ops.nn.layout import channels_back, channels_last
from cornu.types import PerAxis, Tensor


def _four(value: PerAxis) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


@op(compiled=True)
def depth_to_space(x: Tensor, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Channels rearranged into square blocks of pixels.

    Args:
        x: `(batch, height, width, channels * block_size ** 2)`, or with channels first.
        block_size: height and width of a block.
        data_format: "channels_last" or "channels_first".
    """
    x, first = channels_last(tensor(x), data_format)
    b, (n, h, w, c) = positive_int(block_size, "block_size"), x.shape
    if c % (b * b):
        raise value_error(
            f"depth_to_space: the number of channels must be a multiple of {b} * {b}, got {c}."
        )
    y = x.reshape(n, h, w, b, b, c // (b * b)).transpose(0, 1, 3, 2, 4, 5)
    return channels_back(y.reshape(n, h * b, w * b, c // (b * b)), first)


@op(compiled=True)
def space_to_depth(x: Tensor, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Square blocks of pixels rearranged into channels: the inverse of `depth_to_space`."""
    x, first = channels_last(tensor(x), data_format)
    b, (n, h, w, c) = positive_int(block_size, "block_size"), x.shape
    if isinstance(h, int) and isinstance(w, int) and (h % b or w % b):
        raise value_error(
            f"space_to_depth: height and width must be multiples of {b}, got {h} x {w}."
        )
    y = x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5)
    return channels_back(y.reshape(n, h // b, w // b, b * b * c), first)


@op(compiled=True)
def unfold(
    x: Tensor,
    kernel_size: PerAxis,
    dilation: PerAxis = 1,
    padding: PerAxis = 0,
    stride: PerAxis = 1,
) -> Tensor:
    """Each sliding window of the images as a column (im2col).

    Args:
        x: `(batch, channels, height, width)`.
        kernel_size, dilation, padding, stride: geometry of the window, an int or a pair.

    Returns:
        `(batch, channels * window, positions)`.
    """
    x = tensor(x)
    k, d, p, s = map(_four, (kernel_size, dilation, padding, stride))
    patches = lax.conv_general_dilated_patches(
        x, k, s, [(p[0], p[0]), (p[1], p[1])], rhs_dilation=d
    )
    return patches.reshape(x.shape[0], patches.shape[1], -1)


@op(compiled=True)
def fold(
    x: Tensor,
    output_size: PerAxis,
    kernel_size: PerAxis,
    dilation: PerAxis = 1,
    padding: PerAxis = 0,
    stride: PerAxis = 1,
) -> Tensor:
    """Columns put back in place and summed where windows overlap (col2im): the adjoint of `unfold`.

    Args:
        x: `(batch, channels * window, positions)`.
        output_size: `(height, width)` of the images.
        kernel_size, dilation, padding, stride: geometry of the window, an int or a pair.

    Returns:
        `(batch, channels, height, width)`.
    """
    x = to_float(x)
    size = _four(output_size)
    k, d, p, s = map(_four, (kernel_size, dilation, padding, stride))
    counts = [
        (n + 2 * b - e * (m - 1) - 1) // t + 1
        for n, b, e, m, t in zip(size, p, d, k, s, strict=True)
    ]
    channels = x.shape[1] // (k[0] * k[1])
    if x.shape[1] % (k[0] * k[1]) or x.shape[2] != counts[0] * counts[1]:
        raise value_error(
            "fold: the shape of x does not match the windows.",
            received=f"x {tuple(x.shape)}",
            expected=f"{counts[0]} x {counts[1]} positions of windows {k}",
        )
    columns = x.reshape(x.shape[0], channels, *k, *counts)
    out = jnp.zeros((x.shape[0], channels, size[0] + 2 * p[0], size[1] + 2 * p[1]), x.dtype)
    for i in range(k[0]):
        for j in range(k[1]):
            rows = slice(i * d[0], i * d[0] + counts[0] * s[0], s[0])
            cols = slice(j * d[1], j * d[1] + counts[1] * s[1], s[1])
            out = out.at[:, :, rows, cols].add(columns[:, :, i, j])
    return out[:, :, p[0] : p[0] + size[0], p[1] : p[1] + size[1]]
