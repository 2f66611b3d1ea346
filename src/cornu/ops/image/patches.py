"""Patches of images and volumes."""

import math
from operator import index
from typing import Any

import jax.numpy as jnp
from jax import lax

from cornu.arguments import one_of
from cornu.core.graph.op import op
from cornu.errors import explain
from cornu.ops.image.layout import batched
from cornu.types import PerAxis, Tensor


@op(compiled=True)
def extract_patches(
    images: Tensor,
    size: PerAxis,
    strides: PerAxis | None = None,
    dilation_rate: PerAxis = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Patches of images or volumes, flattened into channels.

    Args:
        images: one image or a batch; volumes if `size` has three entries.
        size: `(height, width)` of a patch, or one int; `(depth, height, width)` for volumes.
        strides: step from one patch to the next; `size` if None, so that patches do not overlap.
        dilation_rate: spacing between the pixels of a patch.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.

    Returns:
        `(batch, rows, columns, height * width * channels)`, in row-major order within a patch.
    """
    rank = 3 if isinstance(size, (tuple, list)) and len(size) == 3 else 2
    x, back = batched("extract_patches", images, data_format, axes=rank)
    size = _per_axis(size, rank, "size")
    return back(_patches(x, size, strides, dilation_rate, padding, rank))


@op(compiled=True)
def extract_patches_3d(
    volumes: Tensor,
    size: PerAxis,
    strides: PerAxis | None = None,
    dilation_rate: PerAxis = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Patches of volumes, flattened into channels; see `extract_patches`."""
    x, back = batched("extract_patches_3d", volumes, data_format, axes=3)
    size = _per_axis(size, 3, "size", TypeError)
    return back(_patches(x, size, strides, dilation_rate, padding, 3))


def _patches(
    x: Tensor,
    size: tuple[int, ...],
    strides: PerAxis | None,
    dilation: PerAxis,
    padding: str,
    rank: int,
) -> Any:
    strides = size if strides is None else _per_axis(strides, rank, "strides")
    dilation = _per_axis(dilation, rank, "dilation_rate")
    one_of(padding, ("valid", "same"), "padding")
    channels = x.shape[-1]
    tiles = (
        strides == size and set(dilation) == {1} and all(isinstance(n, int) for n in x.shape[1:])
    )
    if tiles and (
        padding == "valid" or not any(n % s for n, s in zip(x.shape[1:], size, strict=False))
    ):
        # patches that tile the image need no gather: cut, exchange axes, join
        counts = [n // s for n, s in zip(x.shape[1:-1], size, strict=True)]
        x = x[(slice(None), *(slice(c * s) for c, s in zip(counts, size, strict=True)))]
        split = [n for pair in zip(counts, size, strict=True) for n in pair]
        x = x.reshape(x.shape[0], *split, channels)
        outer = [1 + 2 * i for i in range(rank)]
        inner = [2 + 2 * i for i in range(rank)]
        x = x.transpose(0, *outer, *inner, 1 + 2 * rank)
        return x.reshape(x.shape[0], *counts, math.prod(size) * channels)
    numbers = {2: ("NHWC", "HWIO", "NHWC"), 3: ("NDHWC", "DHWIO", "NDHWC")}[rank]
    found = lax.conv_general_dilated_patches(
        x, size, strides, padding.upper(), rhs_dilation=dilation, dimension_numbers=numbers
    )  # (..., channels * window)
    found = found.reshape(*found.shape[:-1], channels, math.prod(size))
    return jnp.swapaxes(found, -1, -2).reshape(*found.shape[:-2], math.prod(size) * channels)


def _per_axis(
    value: PerAxis, rank: int, name: str, wrong_length: type[Exception] = ValueError
) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,) * rank
    sequence = isinstance(value, (tuple, list))
    if not sequence or len(value) != rank:
        error = wrong_length if sequence else TypeError
        raise error(explain(f"{name} must be an int or {rank} ints, got {value!r}."))
    return tuple(index(v) for v in value)
