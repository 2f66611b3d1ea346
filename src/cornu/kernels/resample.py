"""Arrays read at places between their elements.

    coordinates of the wanted places --fold back by the fill mode--> weights and neighbours --> sum

`map_coordinates` does this for any places and any number of axes; `warp` for images, whose places
are shared by all channels, so that one lookup fetches a whole pixel. Resizing, where the places
form a grid, is two small matrix products instead (`jax.image.resize`).

| fill mode  | beyond the ends                     | example, for a b c d                |
|------------|-------------------------------------|-------------------------------------|
| constant   | a given value                       | x x x x  a b c d  x x x x           |
| nearest    | the last element                    | a a a a  a b c d  d d d d           |
| wrap       | from the other end on               | a b c d  a b c d  a b c d           |
| reflect    | backwards, the last element twice   | d c b a  a b c d  d c b a           |
| mirror     | backwards, the last element once    | . d c b  a b c d  c b a .           |
"""

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from cornu.numeric import is_float, is_integer

FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


def _folded(index: jax.Array, size: int, mode: str) -> jax.Array:
    """An index beyond the ends as the index that the fill mode reads instead."""
    if mode == "wrap":
        return index % size
    if mode == "mirror":
        if size == 1:
            return jnp.zeros_like(index)
        return size - 1 - jnp.abs(index % (2 * size - 2) - (size - 1))
    if mode == "reflect":
        # each element stands twice: the pattern repeats after 2 * size
        index = index % (2 * size)
        return jnp.where(index < size, index, 2 * size - 1 - index)
    return jnp.clip(index, 0, size - 1)


def map_coordinates(
    x: jax.Array, coordinates: Sequence[jax.Array], order: int, mode: str, fill_value: float
) -> jax.Array:
    """An array read at given places, one coordinate per axis.

    Args:
        x: array with k axes.
        coordinates: k arrays of one shape, in units of elements.
        order: 0 reads the nearest element, 1 interpolates linearly.
        mode: one of `FILL_MODES`.
        fill_value: value beyond the ends in mode "constant".

    Returns:
        The shape of a coordinate array, in the dtype of `x`; integers are rounded.

    Example:

        >>> places = [jnp.array([0.5, 7.0])]
        >>> map_coordinates(jnp.array([0.0, 10.0]), places, 1, "nearest", 0).tolist()
        [5.0, 10.0]
    """
    return _read(x, coordinates, order, mode, fill_value)


def warp(
    images: jax.Array,
    rows: jax.Array,
    columns: jax.Array,
    order: int,
    mode: str,
    fill_value: float,
) -> jax.Array:
    """Images read at given pixels.

    Args:
        images: `(batch, height, width, channels)`.
        rows, columns: `(batch, new_height, new_width)`, in units of pixels.
        order, mode, fill_value: as for `map_coordinates`.

    Returns:
        `(batch, new_height, new_width, channels)`.
    """
    return jax.vmap(lambda x, r, c: _read(x, (r, c), order, mode, fill_value))(
        images, rows, columns
    )


@functools.partial(jax.jit, static_argnames=("order", "mode"), inline=True)
def _read(
    x: jax.Array, coordinates: Sequence[jax.Array], order: int, mode: str, fill_value: float
) -> jax.Array:
    """Read along the first axes of `x`; further axes are carried along."""
    axes = len(coordinates)
    dtype = x.dtype
    exact = is_integer(dtype)
    compute = jnp.float32 if exact else dtype
    neighbours = []
    for size, c in zip(x.shape[:axes], coordinates, strict=True):
        c = jnp.asarray(c)
        if not is_float(c.dtype):
            c = c.astype(jnp.float32)
        if order == 0:
            near = jnp.round(c).astype(jnp.int32)
            neighbours.append([(near, None, size)])
        else:
            low = jnp.floor(c)
            part = (c - low).astype(compute)
            low = low.astype(jnp.int32)
            neighbours.append([(low, 1 - part, size), (low + 1, part, size)])
    total: Any = None
    for corner in itertools.product(*neighbours):
        inside = None
        weight = None
        index = []
        for place, part, size in corner:
            index.append(_folded(place, size, mode))
            if mode == "constant":
                within = (place >= 0) & (place < size)
                inside = within if inside is None else inside & within
            if part is not None:
                weight = part if weight is None else weight * part
        value = x[tuple(index)]
        trailing = (1,) * (value.ndim - index[0].ndim)
        if inside is not None:
            inside = inside.reshape(inside.shape + trailing)
            value = jnp.where(inside, value, jnp.asarray(fill_value, dtype))
        if weight is not None:
            value = value.astype(compute) * weight.reshape(weight.shape + trailing)
        total = value if total is None else total + value
    if exact and total.dtype != dtype:
        total = jnp.round(total)
    return total.astype(dtype)
