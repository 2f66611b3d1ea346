"""Depthwise convolution: every channel has its own small kernels.

The arithmetic is a handful of multiply-adds per element, so the whole kernel is a fused loop over
the taps of the window; what matters is how the loops vectorize.

| condition (CPU, known sizes)  | lowering                    | measured                           |
|-------------------------------|-----------------------------|------------------------------------|
| forward                       | sum over taps of slice * w  | 3x3 64x32x32x32 .8 against 45 of   |
|                               |                             | XLA's grouped convolution          |
| gradient to the input         | the same with the flipped   | stride 2 2.0; the transposed       |
|                               | kernel over g, spread by    | slices .6, but 7 inside a loop     |
|                               | the stride                  |                                    |
| gradient to the kernel        | loop over images, one array | 3x3 8x8x256 .9, as reductions 3.4; |
|                               | of partial sums per tap     | 5x5 16x16x64 1.5 against 5.7       |
| the same, 9-39 channels,      | several images side by side | 64x32x32x32 3.4 against 8.5        |
| stride 1                      | as channels                 |                                    |
| more than 64 taps             | plain XLA                   | compile time grows with the taps   |
| other platform, symbolic size | plain XLA                   | tuned there                        |

Rows of the benchmark: `depthwise 3x3 32`, `depthwise 3x3 s2 32`, `depthwise 5x5 64`.

All derivatives exist, forward and reverse.
"""

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from cornu.arguments import per_axis
from cornu.kernels.derivatives import Arrays, Differentiable
from cornu.kernels.platform import tuned
from cornu.kernels.window import (
    LAYOUTS,
    Geometry,
    check_padding,
    extent,
    taps,
    window_pads,
    xla_padding,
)

MOST_TAPS = 64

# inner loops of 9 to 36 elements are unrolled instead of vectorized: 4 ns an element against 1
SHORT_ROWS = (9, 40)


def depthwise_conv(
    x: jax.Array,
    kernel: jax.Array,
    strides: int | Sequence[int] = 1,
    padding: str | Sequence[tuple[int, int]] = "valid",
    dilation: int | Sequence[int] = 1,
) -> jax.Array:
    """Convolve each channel with its own kernels.

    Args:
        x: `(batch, *spatial, in)`.
        kernel: `(*taps, in, multiplier)`.
        strides, padding, dilation: as for `conv`.

    Returns:
        `(batch, *new_spatial, in * multiplier)`; the results of one channel stand together.

    Example:

        >>> depthwise_conv(jnp.ones((1, 5, 5, 2)), jnp.ones((3, 3, 2, 4))).shape
        (1, 3, 3, 8)
    """
    rank = x.ndim - 2
    strides = per_axis(strides, rank, "strides")
    dilation = per_axis(dilation, rank, "dilation")
    check_padding(padding, rank)
    window, channels, multiplier = kernel.shape[:-2], x.shape[-1], kernel.shape[-1]
    if not tuned(x, kernel) or math.prod(window) > MOST_TAPS:
        pads = xla_padding(x.shape[1:-1], window, strides, dilation, padding)
        grouped = kernel.reshape(*window, 1, channels * multiplier)
        return lax.conv_general_dilated(
            x, grouped, strides, pads, None, dilation, LAYOUTS[rank], feature_group_count=channels
        )
    if multiplier > 1:
        x = jnp.repeat(x, multiplier, -1)
    pads = window_pads(x.shape[1:-1], window, strides, dilation, padding)
    geometry = Geometry(strides, pads, (1,) * rank, dilation)
    wide = jnp.promote_types(x.dtype, jnp.float32)
    flat = kernel.reshape(*window, channels * multiplier)
    return _depthwise(x.astype(wide), flat.astype(wide), geometry).astype(x.dtype)


@functools.partial(Differentiable, nondiff_argnums=(2,))
def _depthwise(x: jax.Array, w: jax.Array, geometry: Geometry) -> jax.Array:
    """x `(batch, *spatial, channels)`, w `(*taps, channels)`."""
    return _sum_of_taps(x, w, geometry)


def _sum_of_taps(x: jax.Array, w: jax.Array, geometry: Geometry) -> jax.Array:
    terms = [part * w[position] for position, part in taps(x, w.shape[:-1], geometry)]
    return functools.reduce(jnp.add, terms)


def _depthwise_forward(x: jax.Array, w: jax.Array, geometry: Geometry) -> tuple[jax.Array, Arrays]:
    return _depthwise(x, w, geometry), (x, w)


def _depthwise_backward(geometry: Geometry, saved: Arrays, g: jax.Array) -> Arrays:
    x, w = saved
    return _to_input(x, w, geometry, g), _to_kernel(x, w, geometry, g)


_depthwise.defvjp(_depthwise_forward, _depthwise_backward)


def _to_input(x: jax.Array, w: jax.Array, geometry: Geometry, g: jax.Array) -> jax.Array:
    edges = [(0, 0, 0)]
    for n, o, k, s, (lo, _), _, d in zip(
        x.shape[1:-1], g.shape[1:-1], w.shape[:-1], *geometry, strict=True
    ):
        before = extent(k, d) - 1 - lo
        edges.append((before, n - extent(o, s) + extent(k, d) - 1 - before, s - 1))
    g = lax.pad(g, jnp.zeros((), g.dtype), [*edges, (0, 0, 0)])
    rank = len(geometry.strides)
    dense = Geometry((1,) * rank, ((0, 0),) * rank, (1,) * rank, geometry.dilation)
    return _depthwise(g, jnp.flip(w, range(rank)), dense)


def _to_kernel(x: jax.Array, w: jax.Array, geometry: Geometry, g: jax.Array) -> jax.Array:
    window, channels = w.shape[:-1], w.shape[-1]
    edges = [(0, 0, 0), *((lo, hi, 0) for lo, hi in geometry.pads), (0, 0, 0)]
    x = lax.pad(x, jnp.zeros((), x.dtype), edges)
    geometry = geometry._replace(pads=((0, 0),) * len(window))
    together = _images_side_by_side(x.shape[0], channels, geometry.strides)
    if together > 1:
        x, g = (jnp.concatenate(jnp.split(a, together), -1) for a in (x, g))

    def add_image(sums: list[jax.Array], image_and_g: Arrays) -> tuple[list[jax.Array], None]:
        image, g = image_and_g
        parts = [part[0] for _, part in taps(image[None], window, geometry)]
        return [s + part * g for s, part in zip(sums, parts, strict=True)], None

    zeros = [jnp.zeros(g.shape[1:], g.dtype)] * math.prod(window)
    sums, _ = lax.scan(add_image, zeros, (x, g))
    totals = [s.reshape(-1, together, channels).sum((0, 1)) for s in sums]
    return jnp.stack(totals).reshape(w.shape)


def _images_side_by_side(batch: int, channels: int, strides: tuple[int, ...]) -> int:
    """How many images share the channel axis, so that it is long enough for vector code."""
    if set(strides) != {1} or not SHORT_ROWS[0] <= channels < SHORT_ROWS[1]:
        return 1
    enough = -(-SHORT_ROWS[1] // channels)
    return next((f for f in range(enough, 2 * enough + 1) if batch % f == 0), 1)
