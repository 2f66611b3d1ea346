"""Pooling windows, channels last.

    x --taps--> one strided slice per tap --max--> y        kept for the gradient: the number of the
                                          `-----> index     winning tap, one int8 per output

| condition (CPU, known sizes) | lowering                       | measured                         |
|------------------------------|--------------------------------|----------------------------------|
| max, windows that tile (<=   | maximum over the taps; the     | 2x2 128x26x26x32 f+b .8 against  |
| 16 taps)                     | gradient compares the index in | 23 of select-and-scatter         |
|                              | a reshaped view                |                                  |
| the same, 64 channels or     | XLA reduce_window: joins with  | 3x3 256x13x13x32->64 and pool    |
| more, no gradient wanted     | the convolution before it      | 5.2 against 7.0, but after multi-|
|                              |                                | ply-adds (few channels) 6 to 1.3 |
| max, windows that overlap    | the same along one axis after  | 3x3 stride 2 f+b 3.4; over all   |
|                              | the other, the last axis first | taps at once 6.9; XLA 37         |
| average, windows that tile   | mean over a reshaped view      | f+b .7, as reduce_window         |
| average otherwise            | sums along one axis after the  | 3x3 stride 2 f+b 1.8 against 13  |
|                              | other                          |                                  |
| more than 16 taps an axis    | XLA reduce_window              | compile time grows with the taps |
| other platform, symbolic     | XLA reduce_window              | tuned there                      |
| size                         |                                |                                  |

Rows of the benchmark: `pool max 2x2`, `pool max 3x3 s2`, `pool average 2x2`, `pool average 3x3 s2`.

All derivatives exist, forward and reverse. Where several elements of a window are the largest, the
first one gets the gradient.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cornu import budget
from cornu.arguments import per_axis
from cornu.errors import value_error
from cornu.kernels.derivatives import Arrays
from cornu.kernels.platform import known, tuned
from cornu.kernels.window import Geometry, taps, window_pads
from cornu.numeric import is_float

MOST_TAPS = 16
MANY_CHANNELS = 64


def max_pool(
    x: jax.Array,
    window: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
) -> jax.Array:
    """The largest element of each window.

    Args:
        x: `(batch, *spatial, channels)`, one to three spatial axes.
        window: size per axis.
        strides: step per axis; `None` is the window.
        padding: `"valid"` or `"same"`; elements outside never win.

    Returns:
        `(batch, *new_spatial, channels)`.

    Example:

        >>> max_pool(jnp.array([[[1.0], [3.0], [2.0], [0.0]]]), 2)[0, :, 0]
        Array([3., 2.], dtype=float32)
    """
    sizes, steps = _checked(x, window, strides, padding)
    floating = is_float(x.dtype)
    lowest = -jnp.inf if floating else jnp.iinfo(x.dtype).min
    if not (tuned(x) and floating and max(sizes) <= MOST_TAPS):
        return _reduce_window(x, lowest, lax.max, sizes, steps, padding)
    pads = window_pads(x.shape[1:-1], sizes, steps, (1,) * len(sizes), padding)
    x = _padded(x, pads, lowest)
    if sizes == steps and math.prod(sizes) <= MOST_TAPS:
        return _max(_whole_tiles(x, sizes), Plan(sizes, steps))
    for line in _lines(sizes, steps):
        x = _max(x, line)
    return x


def average_pool(
    x: jax.Array,
    window: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
) -> jax.Array:
    """The mean of the elements of each window; elements outside the input do not count.

    Args:
        x: `(batch, *spatial, channels)`, one to three spatial axes.
        window: size per axis.
        strides: step per axis; `None` is the window.
        padding: `"valid"` or `"same"`.

    Returns:
        `(batch, *new_spatial, channels)`.

    Example:

        >>> average_pool(jnp.array([[[1.0], [3.0], [2.0]]]), 2, padding="same")[0, :, 0]
        Array([2., 2.], dtype=float32)
    """
    sizes, steps = _checked(x, window, strides, padding)
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    if tuned(x):
        pads = window_pads(x.shape[1:-1], sizes, steps, (1,) * len(sizes), padding)
        if sizes == steps and not any(map(any, pads)):
            view = _tile_view(_whole_tiles(wide, sizes), sizes)
            return view.mean(tuple(range(2, 2 * len(sizes) + 1, 2))).astype(x.dtype)
    if tuned(x) and max(sizes) <= MOST_TAPS:
        total = _padded(wide, pads, 0)
        for line in _lines(sizes, steps):
            total = functools.reduce(jnp.add, line.parts(total))
    else:
        total = _reduce_window(wide, 0, lax.add, sizes, steps, padding)
    if padding == "valid":
        count: jax.Array | np.ndarray | int = math.prod(sizes)
    elif known(x.shape[1:-1]):
        count = _counts(x.shape[1:-1], sizes, steps)
    else:
        ones = jnp.ones((1, *x.shape[1:-1], 1), wide.dtype)
        count = _reduce_window(ones, 0, lax.add, sizes, steps, padding)
    return (total / count).astype(x.dtype)


def _checked(
    x: jax.Array,
    window: int | Sequence[int],
    strides: int | Sequence[int] | None,
    padding: str,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Window and strides, one entry per axis."""
    rank = x.ndim - 2
    if padding not in ("valid", "same"):
        raise value_error(
            f"padding must be 'valid' or 'same', got {padding!r}.", fix="padding='same'"
        )
    sizes = per_axis(window, rank, "window")
    return sizes, sizes if strides is None else per_axis(strides, rank, "strides")


def _reduce_window(
    x: jax.Array,
    start: jax.typing.ArrayLike,
    combine: Callable[..., jax.Array],
    window: tuple[int, ...],
    strides: tuple[int, ...],
    padding: str,
) -> jax.Array:
    start = np.array(start, x.dtype)  # a traced start has no gradient
    return lax.reduce_window(x, start, combine, (1, *window, 1), (1, *strides, 1), padding.upper())


def _counts(sizes: Sequence[int], window: Sequence[int], strides: Sequence[int]) -> np.ndarray:
    """How many real elements each window of a "same" pooling holds: `(1, *new_spatial, 1)`."""
    count = np.ones((1,) * (len(sizes) + 2), np.float32)
    pads = window_pads(sizes, window, strides, (1,) * len(sizes), "same")
    for axis, (n, k, s, (lo, hi)) in enumerate(zip(sizes, window, strides, pads, strict=True), 1):
        if isinstance(n, int):
            budget.table(count.size * (-(-n // s)))
        first = np.arange(0, n + lo + hi - k + 1, s) - lo
        here = np.minimum(first + k, n) - np.maximum(first, 0)
        shape = [1] * count.ndim
        shape[axis] = -1
        count = count * here.reshape(shape).astype(np.float32)
    return count


def _padded(x: jax.Array, pads: Sequence[tuple[int, int]], value: float) -> jax.Array:
    if not any(map(any, pads)):
        return x
    edges = [(0, 0, 0), *((lo, hi, 0) for lo, hi in pads), (0, 0, 0)]
    return lax.pad(x, jnp.array(value, x.dtype), edges)


# ---- tiles -------------------------------------------------------------------------------------


def _whole_tiles(x: jax.Array, window: Sequence[int]) -> jax.Array:
    """Leave out the positions behind the last complete tile."""
    whole = (slice(0, n // k * k) for n, k in zip(x.shape[1:-1], window, strict=True))
    return x[(slice(None), *whole)]


def _tile_view(x: jax.Array, window: Sequence[int]) -> jax.Array:
    """`(batch, h, w, channels)` as `(batch, h / k, k, w / k, k, channels)`."""
    pairs = [size for n, k in zip(x.shape[1:-1], window, strict=True) for size in (n // k, k)]
    return x.reshape(x.shape[0], *pairs, x.shape[-1])


# ---- maximum with a remembered winner ------------------------------------------------------------


class Plan(NamedTuple):
    """Which windows; the input already holds its padding."""

    window: tuple[int, ...]
    strides: tuple[int, ...]

    def tiles(self) -> bool:
        return self.window == self.strides

    def parts(self, x: jax.Array) -> list[jax.Array]:
        unit, none = (1,) * len(self.window), ((0, 0),) * len(self.window)
        geometry = Geometry(self.strides, none, unit, unit)
        return [part for _, part in taps(x, self.window, geometry)]


def _lines(window: Sequence[int], strides: Sequence[int]) -> list[Plan]:
    """A window as one-axis windows, the last axis first.

    In this order the winner of the winners is the first maximum in row-major order.
    """
    plans = []
    for axis in reversed(range(len(window))):
        one = [(1, 1)] * len(window)
        one[axis] = (window[axis], strides[axis])
        plans.append(Plan(*zip(*one, strict=True)))
    return plans


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _max(x: jax.Array, plan: Plan) -> jax.Array:
    if plan.tiles() and x.shape[-1] >= MANY_CHANNELS:
        return _reduce_window(x, -jnp.inf, lax.max, plan.window, plan.strides, "valid")
    return functools.reduce(jnp.maximum, plan.parts(x))


@_max.defjvp
def _max_tangent(plan: Plan, primals: Arrays, tangents: Arrays) -> Arrays:
    (x,), (t,) = primals, tangents
    first, *others = plan.parts(x)
    y, winner = first, jnp.zeros(first.shape, jnp.int8)
    for number, part in enumerate(others, 1):
        winner = jnp.where(part > y, jnp.int8(number), winner)
        y = jnp.maximum(y, part)
    return y, _select(t, winner, plan)


def _select(t: jax.Array, winner: jax.Array, plan: Plan) -> jax.Array:
    """From each window the element whose number is `winner`; linear in t, so jax transposes it."""
    if not plan.tiles():
        first, *others = plan.parts(t)
        chosen = jnp.where(winner == 0, first, 0)
        for number, part in enumerate(others, 1):
            chosen = chosen + jnp.where(winner == number, part, 0)
        return chosen
    rank = len(plan.window)
    view = _tile_view(t, plan.window)
    inner = tuple(range(2, 2 * rank + 1, 2))
    order = jnp.zeros(view.shape, jnp.int8)
    for axis, k in zip(inner, plan.window, strict=True):
        order = order * jnp.int8(k) + lax.broadcasted_iota(jnp.int8, view.shape, axis)
    return jnp.where(order == jnp.expand_dims(winner, inner), view, 0).sum(inner)
