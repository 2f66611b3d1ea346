"""The native kernels as functions of arrays, and the sizes for which they pay.

| condition                       | lowering | measured (ms, one core with AVX-512)            |
|---------------------------------|----------|-------------------------------------------------|
| up to 64 channels, forward      | native   | batches of 64, 3x3: 16->16, 32x32 1.6 against   |
|                                 |          | 3.0 of XLA; 32->32, 16x16 1.25 against 1.8;     |
|                                 |          | 64->64, 8x8 1.2 against 1.4                     |
| weight gradient of the same, 8  | native   | 16->16 1.6 against 3.0; 32->32 1.3 against 1.8; |
| input channels or more          |          | 64->64 1.35 against 1.5                         |
| more channels                   | XLA      | 64->128 1.3 against 2.0, 256->256 17 against 19 |
| weight gradient, few inputs     | XLA      | 3->16 .8 against 1.7                            |
| output channels that fill no    | XLA      | not written                                     |
| vector, dilation, other ranks   |          |                                                 |
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from cornu.kernels.native import library
from cornu.kernels.platform import target_is_forced
from cornu.kernels.window import Geometry, extent

MOST_CHANNELS = 64
FEWEST_INPUTS = 8  # for a weight gradient
FEWEST_COLUMNS = 4


def takes_conv(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> bool:
    """Whether the native convolution is there and pays.

    Args:
        x: `(batch, height, width, in)`.
        kernel: `(*taps, in, out)`.
        geometry: sizes, strides and pads of the window.
    """
    return _fits(x, kernel.shape, geometry)


def takes_weights(x: jax.Array, g: jax.Array, window: Sequence[int], geometry: Geometry) -> bool:
    """Whether the native weight gradient is there and pays.

    Args:
        x: `(batch, height, width, in)`.
        g: `(batch, rows, columns, out)`.
        window: taps per axis.
        geometry: sizes, strides and pads of the window.
    """
    shape = (*window, x.shape[-1], g.shape[-1])
    return x.shape[-1] >= FEWEST_INPUTS and x.dtype == g.dtype and _fits(x, shape, geometry)


def _fits(x: jax.Array, kernel: Sequence[int], geometry: Geometry) -> bool:
    if x.ndim != 4 or x.dtype != jnp.float32 or 0 in x.shape:
        return False
    if {*geometry.spread, *geometry.dilation} != {1} or len(set(geometry.strides)) != 1:
        return False
    if max(kernel[-2:]) > MOST_CHANNELS or min(before for before, _ in geometry.pads) < 0:
        return False
    rows, columns = sizes_of_output(x.shape[1:-1], kernel[:-2], geometry)
    if rows < 1 or columns < FEWEST_COLUMNS or not _usable():
        return False
    return kernel[-1] % library.lanes() == 0


def _usable() -> bool:
    """Whether the program that is being traced may use the kernels.

    A program for another machine may not, nor one that is spread over several devices: XLA cannot
    see into a custom call, and would gather the whole array on each of them.
    """
    return library.lanes() > 0 and not target_is_forced() and jax.device_count() == 1


def sizes_of_output(
    image: Sequence[int], window: Sequence[int], geometry: Geometry
) -> tuple[int, ...]:
    """Positions of the window per axis.

    Example:

        >>> sizes_of_output((9, 8), (3, 3), Geometry((2, 2), ((1, 1), (0, 0)), (1, 1), (1, 1)))
        (5, 3)
    """
    axes = zip(image, window, *geometry, strict=True)
    return tuple((n + lo + hi - extent(k, d)) // s + 1 for n, k, s, (lo, hi), _, d in axes)


def conv(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """The convolution, where `takes_conv` says so.

    Returns:
        `(batch, rows, columns, out)`.
    """
    sizes = sizes_of_output(x.shape[1:-1], kernel.shape[:-2], geometry)
    return _call("cornu_conv", (x.shape[0], *sizes, kernel.shape[-1]), x, kernel, geometry)


def conv_weights(
    x: jax.Array, g: jax.Array, window: Sequence[int], geometry: Geometry
) -> jax.Array:
    """The gradient of the convolution to its kernel, where `takes_weights` says so.

    Returns:
        `(*taps, in, out)`.
    """
    shape = (*window, x.shape[-1], g.shape[-1])
    return _call("cornu_conv_weights", shape, x, g, geometry)


def _call(
    name: str, shape: tuple[int, ...], x: jax.Array, other: jax.Array, geometry: Geometry
) -> jax.Array:
    call = jax.ffi.ffi_call(
        name, jax.ShapeDtypeStruct(shape, jnp.float32), vmap_method="sequential"
    )
    (top, _), (left, _) = geometry.pads
    stride = geometry.strides[0]
    return call(x, other, stride=np.int64(stride), top=np.int64(top), left=np.int64(left))
