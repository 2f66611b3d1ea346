"""What image layers do to pixels, as functions of arrays.

All take batches `(batch, height, width, channels)` of float32; settings of single images have
shape `(batch, 1, 1, 1)`. Functions of levels take pixels in [0, 255]; `levels` and `from_levels`
convert other ranges. No function mixes images of a batch.

    hue           turn the color wheel            needs neither the range nor HSV
    saturation    move away from gray of the same value
    smooth        3 x 3 filter, `kernels` of depthwise convolution would be slower
    equalize      histogram of each channel of each image, by one scatter
    clahe         the same for tiles, interpolated between their centers
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from cornu.ops.image.color import LUMA
from cornu.types import Tensor

Range = Sequence[float]

LEVELS = (0, 255)


def per_image(values: Tensor) -> Any:
    """One value per image, broadcast against images: `(batch, 1, 1, 1)`."""
    return jnp.reshape(jnp.asarray(values, jnp.float32), (-1, 1, 1, 1))


def rescaled(images: Tensor, source: Range, target: Range) -> Any:
    """Pixels of the range `source` in the range `target`."""
    if tuple(source) == tuple(target):
        return images
    unit = (images - source[0]) / (source[1] - source[0])
    return unit * (target[1] - target[0]) + target[0]


def levels(images: Tensor, value_range: Range) -> Any:
    """Pixels as levels in [0, 255]."""
    return rescaled(images, value_range, LEVELS)


def from_levels(images: Tensor, value_range: Range) -> Any:
    """Levels in [0, 255] as pixels of `value_range`."""
    return rescaled(images, LEVELS, value_range)


# ---- color ------------------------------------------------------------------------------------


def over_pixels(images: Tensor, reduce: Callable[..., Any]) -> Any:
    """A reduction over height and width: `(batch, 1, 1, channels)`.

    Whole rows are put together first, which is up to ten times faster on CPUs.
    """
    batch, height, width, channels = images.shape
    row = reduce(images.reshape(batch, height, width * channels), axis=1)
    return reduce(row.reshape(batch, width, channels), axis=1)[:, None, None]


def contrast(images: Tensor, factor: Tensor) -> Any:
    """Distances from the mean of each channel, times `factor`."""
    mean = over_pixels(images, jnp.mean)  # (batch, 1, 1, channels)
    return (images - mean) * factor + mean


def _planes(images: Tensor) -> tuple[Any, Any, Any]:
    """Red, green and blue, `(batch, height, width)` each.

    The largest of three planes is many times faster than a maximum over an axis of three.
    """
    return images[..., 0], images[..., 1], images[..., 2]


def hue(images: Tensor, turn: Tensor) -> Any:
    """Colors turned by `turn` of the color wheel, a fraction of its circumference.

    In HSV, a turn changes neither the largest nor the smallest channel of a pixel, so each channel
    is the smallest plus a part of the span, which follows from the hue alone.
    """
    r, g, b = _planes(images)
    low = jnp.minimum(jnp.minimum(r, g), b)
    span = jnp.maximum(jnp.maximum(r, g), b) - low
    # Channels are compared with one another: XLA may compute the largest again, otherwise rounded.
    first, second = (r >= g) & (r >= b), g >= b
    ahead = jnp.where(first, g - b, jnp.where(second, b - r, r - g))
    sector = jnp.where(first, 0, jnp.where(second, 2, 4)) + ahead / jnp.where(span > 0, span, 1)
    sector = sector + 6 * per_image(turn)[..., 0]
    sector = (sector - 6 * jnp.floor(sector / 6))[..., None]  # in [0, 6); (batch, h, w, 1)
    start, slope, center = jnp.array([[-1, 2, 2], [1, -1, -1], [3, 2, 4]], images.dtype)
    part = jnp.clip(start + slope * jnp.abs(sector - center), 0, 1)
    return low[..., None] + span[..., None] * part


def saturation(images: Tensor, factor: Tensor) -> Any:
    """The saturation of HSV times `factor`, at most 1; black is the value 0.

    Hue and value stay, so each channel moves away from the largest by the same factor.
    """
    r, g, b = _planes(images)
    high = jnp.maximum(jnp.maximum(r, g), b)
    span = high - jnp.minimum(jnp.minimum(r, g), b)
    most = high / jnp.where(span > 0, span, 1)  # beyond, the saturation would exceed 1
    factor = jnp.minimum(per_image(factor)[..., 0], most)[..., None]  # (batch, height, width, 1)
    return high[..., None] - (high[..., None] - images) * factor


def gray(images: Tensor) -> Any:
    """Luma of RGB images: `(batch, height, width, 1)`."""
    r, g, b = _planes(images)
    return (LUMA[0] * r + LUMA[1] * g + LUMA[2] * b)[..., None]


def sharpen(images: Tensor, factor: Tensor) -> Any:
    """Blend of smoothed (0), unchanged (1) and sharpened (above 1) images."""
    return images + (1 - factor) * (smooth(images) - images)


def smooth(images: Tensor) -> Any:
    """Weighted mean of the 3 x 3 neighbors: 5 for the center, 1 for the others; zero outside."""
    total = images
    for axis in (1, 2):
        size = total.shape[axis]
        widths = [(1, 1) if a == axis else (0, 0) for a in range(4)]
        padded = jnp.pad(total, widths)
        total = sum(lax.slice_in_dim(padded, i, i + size, axis=axis) for i in range(3))
    return (total + 4 * images) / 13


# ---- levels -----------------------------------------------------------------------------------


def posterize(images: Tensor, bits: Tensor) -> Any:
    """The `bits` highest bits of each level of 8 bits, the others zero."""
    step = jnp.exp2(8.0 - bits)
    return jnp.floor(jnp.clip(images, 0, 255) * (1 / step)) * step


def solarize(images: Tensor, addition: Tensor, threshold: Tensor) -> Any:
    """Add, then invert what is not below the threshold."""
    raised = jnp.clip(images + addition, 0, 255)
    return jnp.where(raised < threshold, raised, 255 - raised)


def stretch(images: Tensor, value_range: Range) -> Any:
    """Each channel over the whole range; constant channels stay as they are."""
    pixels = levels(images, value_range)
    low, high = over_pixels(pixels, jnp.min), over_pixels(pixels, jnp.max)
    scale = 255 / jnp.where(high > low, high - low, 1)
    stretched = jnp.clip(pixels * scale - low * scale, 0, 255)
    return jnp.where(high > low, from_levels(stretched, value_range), images)


def histograms(indices: Tensor, bins: int) -> Any:
    """Counts of the values 0, ..., bins - 1 along the last axis: `(..., bins)`, int32.

    One scatter for all rows: on CPUs 8 nanoseconds per value, where `bins` comparisons take 1,400.
    """
    rows = indices.reshape(-1, indices.shape[-1])
    starts = jnp.arange(rows.shape[0], dtype=jnp.int32)[:, None] * bins
    counts = jnp.zeros(rows.shape[0] * bins, jnp.int32)
    counts = counts.at[(rows + starts).ravel()].add(1, mode="promise_in_bounds")
    return counts.reshape(*indices.shape[:-1], bins)


def _looked_up(table: Tensor, indices: Tensor) -> Any:
    """`table[..., indices]` for each row of a table `(..., bins)` and indices `(..., n)`."""
    return jnp.take_along_axis(table, indices, axis=-1, mode="promise_in_bounds")


def equalize(images: Tensor, bins: int) -> Any:
    """Levels such that each is about equally frequent, per channel of each image.

    A level becomes `255 (C(level) - C_min) / (C_max - C_min)` with the cumulative histogram C.
    Channels of a single level stay as they are.
    """
    batch, height, width, channels = images.shape
    rows = jnp.moveaxis(images, -1, 1).reshape(batch, channels, height * width)
    indices = jnp.clip((rows * (bins - 1) / 255).astype(jnp.int32), 0, bins - 1)
    counts = histograms(indices, bins)
    total = jnp.cumsum(counts, axis=-1)
    first = jnp.min(jnp.where(total > 0, total, total[..., -1:]), axis=-1, keepdims=True)
    span = total[..., -1:] - first
    above = (total - first).astype(jnp.float32)
    table = jnp.clip(jnp.round(above * 255 / jnp.where(span > 0, span, 1)), 0, 255)
    equal = jnp.where(span > 0, _looked_up(table, indices), rows)
    return jnp.moveaxis(equal.reshape(batch, channels, height, width), 1, -1)


def clahe(images: Tensor, clip_limit: float, grid: Sequence[int]) -> Any:
    """Contrast-limited adaptive histogram equalization of levels.

    The image is cut into tiles. Histograms of tiles are clipped at `clip_limit` times their mean,
    what was cut off is spread over all levels, and cumulative histograms map levels to levels. A
    pixel gets the mappings of the four nearest tiles, interpolated (Zuiderveld 1994).
    """
    batch, height, width, channels = images.shape
    rows, columns = grid
    tall, wide = -(-height // rows), -(-width // columns)  # size of a tile
    padding = ((0, 0), (0, tall * rows - height), (0, wide * columns - width), (0, 0))
    padded = jnp.pad(images, padding, mode="symmetric")
    indices = jnp.clip(padded.astype(jnp.int32), 0, 255)
    tiles = indices.reshape(batch, rows, tall, columns, wide, channels)
    tiles = tiles.transpose(0, 1, 3, 5, 2, 4).reshape(batch, rows, columns, channels, tall * wide)
    table = _limited(histograms(tiles, 256), clip_limit, tall * wide)
    table = jnp.pad(table, ((0, 0), (1, 1), (1, 1), (0, 0), (0, 0)), mode="edge")
    flat = table.reshape(-1)  # (batch * (rows + 2) * (columns + 2) * channels * 256,)

    above, down = _between(height, tall)
    left, right = _between(width, wide)
    image = jnp.arange(batch)[:, None, None, None] * (rows + 2)
    channel = jnp.arange(channels)
    indices = indices[:, :height, :width]

    def mapped(tile_row: Tensor, tile_column: Tensor) -> Any:
        tile = (image + tile_row[:, None, None]) * (columns + 2) + tile_column[:, None]
        place = (tile * channels + channel) * 256 + indices  # (batch, height, width, channels)
        return flat.at[place].get(mode="promise_in_bounds")

    down, right = down[:, None, None], right[:, None]
    top = mapped(above, left) * (1 - right) + mapped(above, left + 1) * right
    bottom = mapped(above + 1, left) * (1 - right) + mapped(above + 1, left + 1) * right
    return top * (1 - down) + bottom * down


def _limited(counts: Tensor, clip_limit: float, pixels: int) -> Any:
    """Mappings of levels from histograms `(..., 256)` of tiles of `pixels` pixels."""
    counts = counts.astype(jnp.float32)
    if clip_limit > 0:
        clipped = jnp.minimum(counts, clip_limit * pixels / 256)
        counts = clipped + jnp.sum(counts - clipped, axis=-1, keepdims=True) / 256
    total = jnp.cumsum(counts, axis=-1)
    first = total[..., :1]
    rest = pixels - first
    return jnp.clip((total - first) * 255 / jnp.where(rest == 0, 1, rest), 0, 255)


def _between(size: int, tile: int) -> tuple[Any, Any]:
    """The tile before each position, in a grid with a border of one tile, and the way to the next.

    Tiles are known at their centers.
    """
    place = (jnp.arange(size) - tile / 2) / tile + 1
    before = jnp.floor(place)
    return before.astype(jnp.int32), place - before


# ---- patches ----------------------------------------------------------------------------------


def inside(patch: Tensor, height: int, width: int) -> Any:
    """Whether a pixel is in the patch of its image: `(batch, height, width, 1)`.

    Patches are `(left, top, right, bottom)` as fractions of the sides: `(batch, 4)`.
    """
    left, top, right, bottom = (side[:, None, None, None] for side in jnp.moveaxis(patch, -1, 0))
    y = jnp.arange(height)[:, None, None]
    x = jnp.arange(width)[:, None]
    across = (x >= left * width) & (x < right * width)  # (batch, 1, width, 1)
    down = (y >= top * height) & (y < bottom * height)  # (batch, height, 1, 1)
    return across & down


def placed(parts: Tensor, patch: Tensor, images: Tensor) -> Any:
    """Smaller images at the places of patches, on zeros of the size of `images`."""
    height, width = images.shape[1:3]
    start = jnp.floor(patch[:, 1::-1] * jnp.array([height, width])).astype(jnp.int32)  # y, x

    def one(part: Tensor, start: Tensor, image: Tensor) -> Any:
        return lax.dynamic_update_slice(jnp.zeros_like(image), part, (start[0], start[1], 0))

    return jax.vmap(one)(parts, start, images)
