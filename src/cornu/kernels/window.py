"""Sliding windows: the arithmetic of sizes, strides, pads and taps that all window kernels share.

    input   . . x x x x x x . .        dots are pads (lo, hi)
    window  ^   ^   ^                  three taps with dilation 2: extent 5
              ^   ^   ^                the next position, one stride further

A *tap* is one entry of the window. `taps` turns the picture round: for each tap it gives the
strided slice of the padded input that the tap reads at all positions at once.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from cornu.errors import value_error

Pads = tuple[tuple[int, int], ...]

# channels last, kernels (*taps, in, out): the one layout in which XLA:CPU is fast inside loops too
LAYOUTS = {1: ("NHC", "HIO", "NHC"), 2: ("NHWC", "HWIO", "NHWC"), 3: ("NDHWC", "DHWIO", "NDHWC")}


class Geometry(NamedTuple):
    """Everything about a window operation but the arrays; one entry per spatial axis."""

    strides: tuple[int, ...]
    pads: Pads
    spread: tuple[int, ...]  # dilation of the input
    dilation: tuple[int, ...]  # dilation of the kernel


def extent(size: int, dilation: int) -> int:
    """How many positions a window of `size` taps spans.

    Example:

        >>> extent(3, 2)
        5
    """
    return (size - 1) * dilation + 1


def window_pads(
    sizes: Sequence[int],
    window: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
) -> Pads:
    """Positions added before and after each axis.

    Args:
        sizes: spatial sizes of the input.
        window: taps of the window.
        strides, dilation: one per axis.
        padding: `"valid"`, `"same"`, `"causal"` (everything in front, one axis) or explicit pairs.

    Example:

        >>> window_pads((5,), (3,), (2,), (1,), "same")
        ((1, 1),)
    """
    if not isinstance(padding, str):
        return tuple((int(lo), int(hi)) for lo, hi in padding)
    if padding == "valid":
        return ((0, 0),) * len(sizes)
    if padding == "causal":
        return tuple((extent(k, d) - 1, 0) for k, d in zip(window, dilation, strict=True))
    pads = []
    for n, k, s, d in zip(sizes, window, strides, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + extent(k, d) - n, 0)
        pads.append((total // 2, total - total // 2))
    return tuple(pads)


def check_padding(padding: str | Sequence[Any], rank: int) -> None:
    """Refuse a padding that is neither a known word nor one pair per axis."""
    if isinstance(padding, str):
        if padding in ("valid", "same") or (padding == "causal" and rank == 1):
            return
        names = "'valid' or 'same'" + (", 'causal'" if rank == 1 else "")
        raise value_error(
            f"padding must be {names} or pairs of ints, got {padding!r}.",
            fix="padding='same'; 'causal' exists for one spatial axis only."
            if padding == "causal"
            else "padding='same'",
        )
    if len(padding) != rank:
        raise value_error(f"padding must have {rank} pairs (before, after), got {padding!r}.")


def taps(
    x: jax.Array, window: Sequence[int], geometry: Geometry
) -> Iterator[tuple[tuple[int, ...], jax.Array]]:
    """For each tap of a window its position and the slice of the padded input it reads.

    Each slice is `(batch, *new_spatial, channels)`; taps come in row-major order. The geometry must
    not spread the input.
    """
    edges = [(0, 0, 0), *((lo, hi, 0) for lo, hi in geometry.pads), (0, 0, 0)]
    x = lax.pad(x, jnp.zeros((), x.dtype), edges)  # pads of a gradient may be negative
    for position in itertools.product(*map(range, window)):
        part: list[slice] = [slice(None)]
        for n, k, i, s, d in zip(
            x.shape[1:-1], window, position, geometry.strides, geometry.dilation, strict=True
        ):
            size = (n - extent(k, d)) // s + 1
            part.append(slice(i * d, i * d + (size - 1) * s + 1, s))
        yield position, x[tuple(part)]


def xla_padding(
    sizes: Sequence[Any],
    window: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
) -> str | Pads:
    """The padding as XLA's own operations take it, for sizes that may be symbols.

    Example:

        >>> xla_padding((5,), (3,), (2,), (1,), "same")
        'SAME'
    """
    if padding in ("valid", "same"):
        return str(padding).upper()
    return window_pads(sizes, window, strides, dilation, padding)
