"""Convolutions, channels last, with gradients that are ordinary convolutions again.

The whole file rests on one family of operations, closed under differentiation:

    y = C(x, w; stride s, pads p, input dilation a, kernel dilation d)

    dx = C(g,  flip(w) with in and out swapped;  stride a, input dilation s, kernel dilation d)
    dw = C(x with batch and channels swapped, g as a kernel;
                                                 stride d, input dilation a, kernel dilation s)

An ordinary convolution has a = 1, a transposed one s = 1. `_family` is C with exactly these two
gradients, each written for the layout NHWC/HWIO with explicit transposes, so a gradient of a
gradient is again a member and just as fast.
"""

import functools
import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from cornu.errors import explain
from cornu.kernels.platform import tuned

Pads = tuple[tuple[int, int], ...]

_LAYOUTS = {1: ("NHC", "HIO", "NHC"), 2: ("NHWC", "HWIO", "NHWC"), 3: ("NDHWC", "DHWIO", "NDHWC")}


class Geometry(NamedTuple):
    """Everything about a member of the family but the arrays; one entry per spatial axis."""

    strides: tuple[int, ...]
    pads: Pads
    spread: tuple[int, ...]  # dilation of the input
    dilation: tuple[int, ...]  # dilation of the kernel


def per_axis(value: int | Sequence[int], rank: int, name: str) -> tuple[int, ...]:
    """One positive int per spatial axis.

    Example:

        >>> per_axis(2, 3, "strides")
        (2, 2, 2)
    """
    values = (value,) * rank if isinstance(value, int) else tuple(int(v) for v in value)
    if len(values) != rank or min(values) < 1:
        raise ValueError(
            explain(
                f"{name} takes one positive int or {rank} of them, got {value!r}.",
                fix=f"give {name}=1, or one entry for each of the {rank} spatial axes.",
            )
        )
    return values


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


def check_padding(padding: object, rank: int) -> None:
    """Refuse a padding that is neither a known word nor one pair per axis."""
    if isinstance(padding, str):
        if padding in ("valid", "same") or (padding == "causal" and rank == 1):
            return
        names = "'valid' or 'same'" + (", 'causal'" if rank == 1 else "")
        raise ValueError(
            explain(
                f"padding is {names} or pairs of ints, got {padding!r}.",
                fix="'causal' exists for one spatial axis only." if padding == "causal" else None,
            )
        )
    if len(padding) != rank:  # type: ignore[arg-type]
        raise ValueError(explain(f"padding needs {rank} pairs (before, after), got {padding!r}."))


# ---- public ------------------------------------------------------------------------------------


def conv(
    x: jax.Array,
    kernel: jax.Array,
    strides: int | Sequence[int] = 1,
    padding: str | Sequence[tuple[int, int]] = "valid",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> jax.Array:
    """Convolution over one to three spatial axes (a cross-correlation: the kernel is not flipped).

    Args:
        x: `(batch, *spatial, in)`.
        kernel: `(*taps, in / groups, out)`.
        strides: step of the window per axis.
        padding: `"valid"` (none), `"same"` (output size is input size / stride, rounded up),
            `"causal"` (one axis, all in front) or one `(before, after)` pair per axis.
        dilation: distance between the taps per axis.
        groups: number of independent slices of the channels.

    Returns:
        `(batch, *new_spatial, out)`.

    Example:

        >>> conv(jnp.ones((1, 5, 5, 2)), jnp.ones((3, 3, 2, 4))).shape
        (1, 3, 3, 4)
    """
    rank = x.ndim - 2
    strides = per_axis(strides, rank, "strides")
    dilation = per_axis(dilation, rank, "dilation")
    check_padding(padding, rank)
    if not tuned(x, kernel):
        if padding == "causal" or not isinstance(padding, str):
            pads = window_pads(x.shape[1:-1], kernel.shape[:-2], strides, dilation, padding)
        else:
            pads = padding.upper()
        return lax.conv_general_dilated(
            x, kernel, strides, pads, None, dilation, _LAYOUTS[rank], groups
        )
    pads = window_pads(x.shape[1:-1], kernel.shape[:-2], strides, dilation, padding)
    geometry = Geometry(strides, pads, (1,) * rank, dilation)
    if groups == 1:
        return _family(x, kernel, geometry)
    xs, ks = jnp.split(x, groups, -1), jnp.split(kernel, groups, -1)
    return jnp.concatenate([_family(a, k, geometry) for a, k in zip(xs, ks, strict=True)], -1)


def conv_transpose(
    x: jax.Array,
    kernel: jax.Array,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    output_padding: int | Sequence[int] | None = None,
    dilation: int | Sequence[int] = 1,
) -> jax.Array:
    """Transposed convolution: the gradient of `conv` to its input, used as a forward operation.

    Args:
        x: `(batch, *spatial, in)`.
        kernel: `(*taps, out, in)`.
        strides: factor of enlargement per axis.
        padding: `"valid"` (every position a tap reaches) or `"same"` (size times stride).
        output_padding: positions added at the end of each axis; `None` picks the usual size.
        dilation: distance between the taps per axis.

    Returns:
        `(batch, *new_spatial, out)`. With n positions and an extent e = (taps - 1) * dilation + 1
        the new size is: valid (n-1)*stride + max(e, stride), same n*stride; with an output padding
        o: valid (n-1)*stride + e + o, same (n-1)*stride + e - 2*(e//2) + o.

    Example:

        >>> conv_transpose(jnp.ones((1, 4, 4, 3)), jnp.ones((3, 3, 8, 3)), 2, "same").shape
        (1, 8, 8, 8)
    """
    rank = x.ndim - 2
    strides = per_axis(strides, rank, "strides")
    dilation = per_axis(dilation, rank, "dilation")
    if padding not in ("valid", "same"):
        raise ValueError(explain(f"padding is 'valid' or 'same', got {padding!r}."))
    more: tuple[int | None, ...]
    if output_padding is None or isinstance(output_padding, int):
        more = (output_padding,) * rank
    else:
        more = tuple(output_padding)
    pads = []
    for k, s, d, o in zip(kernel.shape[:-2], strides, dilation, more, strict=True):
        e = extent(k, d)
        # surplus: how many positions the taps reach beyond the wanted size; none depends on n
        if padding == "same":
            surplus = e - s if o is None else 2 * (e // 2) - o
        else:
            surplus = min(e - s, 0) if o is None else -o
        lo = max(surplus, 0) // 2
        pads.append((e - 1 - lo, e - 1 - (surplus - lo)))
    geometry = Geometry((1,) * rank, tuple(pads), strides, dilation)
    flipped = _flip(kernel)
    return _family(x, flipped, geometry) if tuned(x, kernel) else _plain(x, flipped, geometry)


# ---- the family --------------------------------------------------------------------------------


def _plain(x: jax.Array, w: jax.Array, geometry: Geometry) -> jax.Array:
    strides, pads, spread, dilation = geometry
    return lax.conv_general_dilated(x, w, strides, pads, spread, dilation, _LAYOUTS[x.ndim - 2])


def _flip(w: jax.Array) -> jax.Array:
    """Taps in reverse order, in and out swapped."""
    return jnp.flip(w, range(w.ndim - 2)).swapaxes(-1, -2)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _family(x: jax.Array, w: jax.Array, geometry: Geometry) -> jax.Array:
    return _plain(x, w, geometry)


def _family_forward(x, w, geometry):
    return _family(x, w, geometry), (x, w)


def _family_backward(geometry, saved, g):
    x, w = saved
    return _to_input(x, w, geometry, g), _to_kernel(x, w, geometry, g)


_family.defvjp(_family_forward, _family_backward)


def _axes(x: jax.Array, w: jax.Array, geometry: Geometry, g: jax.Array):
    return zip(x.shape[1:-1], w.shape[:-2], g.shape[1:-1], *geometry, strict=True)


def _to_input(x: jax.Array, w: jax.Array, geometry: Geometry, g: jax.Array) -> jax.Array:
    pads = []
    for n, k, o, s, (lo, _), a, d in _axes(x, w, geometry, g):
        before = extent(k, d) - 1 - lo
        pads.append((before, extent(n, a) + extent(k, d) - 1 - before - extent(o, s)))
    strides, _, spread, dilation = geometry
    dual = Geometry(spread, tuple(pads), strides, dilation)
    return _family(g, lax.optimization_barrier(_flip(w)), dual)


def _to_kernel(x: jax.Array, w: jax.Array, geometry: Geometry, g: jax.Array) -> jax.Array:
    pads = []
    for n, k, o, s, (lo, _), a, d in _axes(x, w, geometry, g):
        pads.append((lo, extent(k, d) - 1 + extent(o, s) - extent(n, a) - lo))
    strides, _, spread, dilation = geometry
    rank = x.ndim - 2
    middle = tuple(range(1, rank + 1))
    # barriers keep XLA from folding the transposes into the labels of the convolution
    images = lax.optimization_barrier(x.transpose(rank + 1, *middle, 0))
    windows = lax.optimization_barrier(g.transpose(*middle, 0, rank + 1))
    y = _family(images, windows, Geometry(dilation, tuple(pads), spread, strides))
    return y.transpose(*middle, 0, rank + 1)
