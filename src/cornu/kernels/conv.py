"""Convolutions, channels last, with gradients that are ordinary convolutions again.

The file rests on one family of operations, closed under differentiation:

    y = C(x, w; stride s, pads p, input spread a, kernel dilation d)

    dx = C(g, flip(w) with in and out swapped;    stride a, spread s, dilation d)
    dw = C(x with batch and channels swapped, g;  stride d, spread a, dilation s)
    dw = flip of the same with x and g swapped                     where a > 1

An ordinary convolution has a = 1, a transposed one s = 1. `_family` is C with exactly these
gradients, written for the layout NHWC/HWIO with explicit transposes. A gradient of a gradient is
again a member and just as fast.

| condition (CPU, known sizes)  | lowering                   | measured                            |
|-------------------------------|----------------------------|-------------------------------------|
| kernel = stride, no pads      | rows of patches @ kernel   | 16x16 patches f+b 7 against 117;    |
| (patches, 1x1, upsampling)    |                            | 1x1 weight gradient 5.5 against 25  |
| <= 27 products per output     | multiply-adds over the     | 3x3x1->32 .42 against 2.3,          |
|                               | taps                       | 3x3x3->16 .75 against 2.4           |
| otherwise                     | XLA convolution, NHWC/HWIO | 100-200 GF/s                        |
| gradients                     | canonical members of C     | autodiff's labels run naive code in |
|                               |                            | loops: 20 against 1000-2900         |
| weight gradient, a > 1        | x and g swapped            | a spread image is slow: 4x4 stride  |
|                               |                            | 2, 64->64, f+b 10 against 266       |
| groups                        | one convolution per group  | f+b 19 against 564                  |
| one channel per group         | depthwise.py               | see there                           |
| native kernels, up to 64      | native/calls.py            | 16->16 1.6 against 3.0: see there   |
| channels                      |                            |                                     |
| float16, bfloat16             | computed in float32        | no fast half-precision convolution  |
| other platform, symbolic size | plain XLA, autodiff        | tuned there; nothing to compare     |

Rows of the benchmark: `conv 16x16 s16 3->192`, `conv 1x1 128->128`, `conv 3x3 1->32`,
`conv 3x3 32->64`, `conv 3x3 16->16`, `conv 3x3 s2 16->32`, `conv_transpose 4x4 s2 64->64`,
`conv 3x3 4 groups 64->64`.

The figures assume that XLA hands convolutions to Eigen. All derivatives exist, forward
and reverse.
"""

import functools
import math
from collections.abc import Iterable, Sequence

import jax
import jax.numpy as jnp
from jax import lax

from cornu.arguments import per_axis
from cornu.errors import value_error
from cornu.kernels.depthwise import depthwise_conv
from cornu.kernels.derivatives import Arrays, Differentiable
from cornu.kernels.memory import row_major
from cornu.kernels.native import calls as native
from cornu.kernels.platform import tuned
from cornu.kernels.rows import rows_product
from cornu.kernels.window import (
    LAYOUTS,
    Geometry,
    check_padding,
    extent,
    taps,
    window_pads,
    xla_padding,
)

# up to this many products per output, multiply-adds beat the convolution
FEW_PRODUCTS = 27


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
    window = kernel.shape[:-2]
    if not tuned(x, kernel):
        pads = xla_padding(x.shape[1:-1], window, strides, dilation, padding)
        return lax.conv_general_dilated(
            x, kernel, strides, pads, None, dilation, LAYOUTS[rank], feature_group_count=groups
        )
    if groups > 1 and groups == x.shape[-1]:
        by_channel = kernel.reshape(*window, groups, kernel.shape[-1] // groups)
        return depthwise_conv(x, by_channel, strides, padding, dilation)
    pads = window_pads(x.shape[1:-1], window, strides, dilation, padding)
    geometry = Geometry(strides, pads, (1,) * rank, dilation)
    if groups == 1:
        return _ordinary(x, kernel, geometry)
    slices = zip(jnp.split(x, groups, -1), jnp.split(kernel, groups, -1), strict=True)
    return jnp.concatenate([_ordinary(a, k, geometry) for a, k in slices], -1)


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
        raise value_error(
            f"padding must be 'valid' or 'same', got {padding!r}.", fix="padding='same'"
        )
    more: tuple[int | None, ...]
    if output_padding is None or isinstance(output_padding, int):
        more = (output_padding,) * rank
    else:
        more = tuple(output_padding)
    window = kernel.shape[:-2]
    pads = []
    for k, s, d, o in zip(window, strides, dilation, more, strict=True):
        e = extent(k, d)
        # surplus: how many positions the taps reach beyond the wanted size; it does not depend on n
        if padding == "same":
            surplus = e - s if o is None else 2 * (e // 2) - o
        else:
            surplus = min(e - s, 0) if o is None else -o
        lo = max(surplus, 0) // 2
        pads.append((e - 1 - lo, e - 1 - (surplus - lo)))
    if not tuned(x, kernel):
        return _plain(x, _flip(kernel), Geometry((1,) * rank, tuple(pads), strides, dilation))
    touching = [(k - 1, k - 1) for k in window]  # every tap once, side by side
    if window == strides and set(dilation) == {1} and pads == touching:
        return _tiles_from_rows(x, kernel)
    return _family(x, _flip(kernel), Geometry((1,) * rank, tuple(pads), strides, dilation))


# ---- windows that tile: products -----------------------------------------------------------------


def _ordinary(x: jax.Array, w: jax.Array, geometry: Geometry) -> jax.Array:
    """A convolution with spread 1: products where its windows tile the input."""
    strides, pads, _, dilation = geometry
    window = w.shape[:-2]
    if not any(map(any, pads)):
        if set(window) == {1}:
            x = x[(slice(None), *(slice(None, None, s) for s in strides))]
            return _rows_from_tiles(x, w)
        if window == strides and set(dilation) == {1}:
            return _rows_from_tiles(x, w)
    return _family(x, w, geometry)


def _rows_from_tiles(x: jax.Array, w: jax.Array) -> jax.Array:
    """Cut x into the tiles of the kernel's size; each becomes a row of one product."""
    rank, window = x.ndim - 2, w.shape[:-2]
    counts = [n // k for n, k in zip(x.shape[1:-1], window, strict=True)]
    if set(window) != {1}:
        whole = (slice(0, c * k) for c, k in zip(counts, window, strict=True))
        pairs = [size for pair in zip(counts, window, strict=True) for size in pair]
        x = x[(slice(None), *whole)].reshape(x.shape[0], *pairs, x.shape[-1])
        outer = range(1, 2 * rank, 2)
        x = x.transpose(0, *outer, *(axis + 1 for axis in outer), 2 * rank + 1)
    rows = x.reshape(-1, math.prod(w.shape[:-1]))
    y = rows_product(rows, w.reshape(-1, w.shape[-1]))
    return y.reshape(x.shape[0], *counts, w.shape[-1])


def _tiles_from_rows(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Each position becomes one tile of the output; the transpose of `_rows_from_tiles`."""
    rank, window = x.ndim - 2, kernel.shape[:-2]
    y = rows_product(x.reshape(-1, x.shape[-1]), kernel.reshape(-1, kernel.shape[-1]).T)
    y = y.reshape(*x.shape[:-1], *window, kernel.shape[-2])
    pairs = [axis for i in range(1, rank + 1) for axis in (i, i + rank)]
    y = y.transpose(0, *pairs, 2 * rank + 1)
    sizes = [n * k for n, k in zip(x.shape[1:-1], window, strict=True)]
    return y.reshape(x.shape[0], *sizes, kernel.shape[-2])


# ---- the family --------------------------------------------------------------------------------


def _plain(x: jax.Array, w: jax.Array, geometry: Geometry) -> jax.Array:
    strides, pads, spread, dilation = geometry
    return lax.conv_general_dilated(x, w, strides, pads, spread, dilation, LAYOUTS[x.ndim - 2])


def _flip(w: jax.Array) -> jax.Array:
    """Taps in reverse order, in and out swapped."""
    return jnp.flip(w, range(w.ndim - 2)).swapaxes(-1, -2)


@functools.partial(Differentiable, nondiff_argnums=(2,))
def _family(x: jax.Array, w: jax.Array, geometry: Geometry) -> jax.Array:
    wide = jnp.promote_types(x.dtype, jnp.float32)
    return _lowered(x.astype(wide), w.astype(wide), geometry).astype(x.dtype)


def _lowered(x: jax.Array, w: jax.Array, geometry: Geometry) -> jax.Array:
    if w.shape[-2] > 1 and native.takes_conv(x, w, geometry):
        return native.conv(x, w, geometry)
    if math.prod(w.shape[:-1]) <= FEW_PRODUCTS and set(geometry.spread) == {1}:
        return _multiply_adds(x, w, geometry)
    return _plain(x, w, geometry)


def _family_forward(x: jax.Array, w: jax.Array, geometry: Geometry) -> tuple[jax.Array, Arrays]:
    return _family(x, w, geometry), (x, w)


def _family_backward(geometry: Geometry, saved: Arrays, g: jax.Array) -> Arrays:
    x, w = saved
    return _to_input(x, w, geometry, g), _to_kernel(x, w, geometry, g)


_family.defvjp(_family_forward, _family_backward)


def _multiply_adds(x: jax.Array, w: jax.Array, geometry: Geometry) -> jax.Array:
    """Few products per output: one fused loop over taps and input channels."""
    terms = [
        part[..., channel : channel + 1] * w[position][channel]
        for position, part in taps(x, w.shape[:-2], geometry)
        for channel in range(w.shape[-2])
    ]
    return functools.reduce(jnp.add, terms)


def _axes(x: jax.Array, w: jax.Array, geometry: Geometry, g: jax.Array) -> Iterable[Arrays]:
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
    window = w.shape[:-2]
    if native.takes_weights(x, g, window, geometry):
        return _native_to_kernel(x, g, window, geometry)
    strides, _, spread, dilation = geometry
    swapped = set(spread) != {1}
    pads = []
    for n, k, o, s, (lo, _), a, d in _axes(x, w, geometry, g):
        before = extent(k, d) - 1 - lo if swapped else lo
        after = extent(n, a) - extent(o, s) if swapped else extent(o, s) - extent(n, a)
        pads.append((before, after + extent(k, d) - 1 - before))
    # A dilated kernel is cheap, a dilated image is not: let the spread side be the kernel. With the
    # roles of x and g swapped, the taps come out in reverse order.
    if swapped:
        return _flip(_correlate(g, x, Geometry(dilation, tuple(pads), strides, spread)))
    return _correlate(x, g, Geometry(dilation, tuple(pads), spread, strides))


@functools.partial(Differentiable, nondiff_argnums=(2, 3))
def _native_to_kernel(
    x: jax.Array, g: jax.Array, window: tuple[int, ...], geometry: Geometry
) -> jax.Array:
    return native.conv_weights(x, g, window, geometry)


def _native_to_kernel_forward(
    x: jax.Array, g: jax.Array, window: tuple[int, ...], geometry: Geometry
) -> tuple[jax.Array, Arrays]:
    return native.conv_weights(x, g, window, geometry), (x, g)


def _native_to_kernel_backward(
    window: tuple[int, ...], geometry: Geometry, saved: Arrays, v: jax.Array
) -> Arrays:
    """It is linear in x and in g; the slope `v` of the kernel takes the kernel's place."""
    x, g = saved
    return _to_input(x, v, geometry, g), _family(x, v, geometry)


_native_to_kernel.defvjp(_native_to_kernel_forward, _native_to_kernel_backward)


def _correlate(images: jax.Array, windows: jax.Array, geometry: Geometry) -> jax.Array:
    """Convolve over the batch: `(batch, *, in)` with `(batch, *, out)` gives `(*taps, in, out)`."""
    rank = images.ndim - 2
    middle = tuple(range(1, rank + 1))
    # As they come, in memory too. Left to itself, XLA lays the activations out in the order that
    # suits this one convolution, and all that reads them pays: ResNet-20 .82 s an epoch, not .61.
    images, windows = row_major(images), row_major(windows)
    # barriers keep XLA from folding the transposes into the labels of the convolution
    images = lax.optimization_barrier(images.transpose(rank + 1, *middle, 0))
    windows = lax.optimization_barrier(windows.transpose(*middle, 0, rank + 1))
    return _family(images, windows, geometry).transpose(*middle, 0, rank + 1)
