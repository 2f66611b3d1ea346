"""Images bent: each pixel of the result is read at some place of the image, between its pixels.

Places are in pixels: row y downwards, column x to the right, the first pixel's middle at (0, 0).
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from cornu.arguments import one_of
from cornu.core.graph.op import op
from cornu.core.graph.operands import tensor, to_float
from cornu.errors import value_error
from cornu.kernels import resample
from cornu.ops.image.filtering import blur
from cornu.ops.image.layout import batched
from cornu.random.seed import draw_seed

# Interpolation -> order of the polynomial between pixels.
ORDERS = {"nearest": 0, "bilinear": 1}


@op(tensors=2, compiled=True)
def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: Any = 0,
    data_format: str | None = None,
) -> Any:
    """Images moved, turned, scaled and sheared.

    Args:
        images: one image or a batch.
        transform: `(8,)` or `(batch, 8)`, rows `[a0, a1, a2, b0, b1, b2, c0, c1]`: the pixel (x, y)
            of the result is read at `(a0 x + a1 y + a2, b0 x + b1 y + b2)`.
        interpolation: "bilinear" or "nearest".
        fill_mode: "constant", "nearest", "wrap", "mirror" or "reflect".
        fill_value: of mode "constant".
        data_format: "channels_last" or "channels_first"; the setting if None.
    """
    one_of(interpolation, ORDERS, "interpolation")
    one_of(fill_mode, resample.FILL_MODES, "fill_mode")
    x, back = batched("affine_transform", images, data_format)
    t = to_float(transform)
    if t.ndim not in (1, 2) or t.shape[-1] != 8:
        raise value_error("transform is (8,) or (batch, 8).", received=f"{tuple(t.shape)}")
    t = jnp.broadcast_to(t, (x.shape[0], 8))[:, :, None, None].astype(jnp.float32)
    rows, columns = _grid(x)
    column = t[:, 0] * columns + t[:, 1] * rows + t[:, 2]
    row = t[:, 3] * columns + t[:, 4] * rows + t[:, 5]
    order = ORDERS[interpolation]
    return back(resample.warp(x, row, column, order, fill_mode, fill_value))


def _grid(x: Any) -> tuple[Any, Any]:
    """Row and column numbers of the pixels, `(height, width)` each."""
    height, width = x.shape[1:3]
    return (
        lax.broadcasted_iota(jnp.float32, (height, width), 0),
        lax.broadcasted_iota(jnp.float32, (height, width), 1),
    )


@op(tensors=3, compiled=True)
def perspective_transform(
    images: Any,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: Any = 0,
    data_format: str | None = None,
) -> Any:
    """Images seen from another point: four points move, straight lines stay straight.

    Args:
        images: one image or a batch.
        start_points: `(4, 2)` or `(batch, 4, 2)`, points (x, y) of the images.
        end_points: likewise, where these points shall be.
        interpolation: "bilinear" or "nearest".
        fill_value: where the result is not covered.
        data_format: "channels_last" or "channels_first"; the setting if None.
    """
    one_of(interpolation, ORDERS, "interpolation")
    x, back = batched("perspective_transform", images, data_format)
    start, end = to_float(start_points), to_float(end_points)
    for name, points in (("start_points", start), ("end_points", end)):
        if points.ndim not in (2, 3) or points.shape[-2:] != (4, 2):
            raise value_error(
                f"{name} is (4, 2) or (batch, 4, 2).", received=f"{tuple(points.shape)}"
            )
    if start.ndim != end.ndim:
        raise value_error(
            "start_points and end_points have one shape.",
            shapes=f"{tuple(start.shape)}, {tuple(end.shape)}",
        )
    shape = (x.shape[0], 4, 2)
    h = _homography(jnp.broadcast_to(start, shape), jnp.broadcast_to(end, shape))
    h = h[:, :, None, None]
    rows, columns = _grid(x)
    depth = h[:, 6] * columns + h[:, 7] * rows + 1
    column = (h[:, 0] * columns + h[:, 1] * rows + h[:, 2]) / depth
    row = (h[:, 3] * columns + h[:, 4] * rows + h[:, 5]) / depth
    return back(resample.warp(x, row, column, ORDERS[interpolation], "constant", fill_value))


def _homography(start: Any, end: Any) -> Any:
    """The eight numbers of the map from the end points back to the start points."""
    (x, y), (u, v) = (jnp.moveaxis(p.astype(jnp.float32), -1, 0) for p in (end, start))
    one, zero = jnp.ones_like(x), jnp.zeros_like(x)
    for_u = jnp.stack([x, y, one, zero, zero, zero, -x * u, -y * u], axis=-1)
    for_v = jnp.stack([zero, zero, zero, x, y, one, -x * v, -y * v], axis=-1)
    matrix = jnp.concatenate([for_u, for_v], axis=1)  # (batch, 8, 8)
    return jnp.linalg.solve(matrix, jnp.concatenate([u, v], axis=1)[..., None])[..., 0]


@op(tensors=2, compiled=True)
def map_coordinates(
    inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: Any = 0
) -> Any:
    """An array read at given places between its elements.

    Args:
        inputs: array with k axes.
        coordinates: `(k, ...)`, one row an axis, in units of elements.
        order: 0 reads the nearest element, 1 interpolates linearly.
        fill_mode: beyond the ends: "constant", "nearest", "wrap", "mirror" or "reflect".
        fill_value: of mode "constant".

    Returns:
        The shape of `coordinates` without its first axis.

    Example:

        >>> map_coordinates([0.0, 10.0], [[0.5]], order=1).tolist()
        [5.0]
    """
    x, places = tensor(inputs), tensor(coordinates)
    if places.ndim < 2:
        raise value_error(
            "map_coordinates takes coordinates with two axes at least.",
            received=f"coordinates {tuple(places.shape)}",
            fix="to read one place: coordinates = coordinates[:, None]",
        )
    if places.shape[0] != x.ndim:
        raise value_error(
            f"map_coordinates takes one row of coordinates for each of {x.ndim} axes.",
            received=f"coordinates {tuple(places.shape)}",
        )
    one_of(order, (0, 1), "order")
    one_of(fill_mode, resample.FILL_MODES, "fill_mode")
    return resample.map_coordinates(x, list(places), order, fill_mode, fill_value)


@op
def elastic_transform(
    images: Any,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Any:
    """Images stretched and squeezed at random, as handwriting varies.

    Args:
        images: one image or a batch.
        alpha: how far pixels move.
        sigma: how smooth the field of movements is, in pixels.
        interpolation: "bilinear" or "nearest".
        fill_mode: "constant", "nearest", "wrap", "mirror" or "reflect".
        fill_value: of mode "constant".
        seed: int, `SeedGenerator`, or None.
        data_format: "channels_last" or "channels_first"; the setting if None.
    """
    one_of(interpolation, ORDERS, "interpolation")
    one_of(fill_mode, resample.FILL_MODES, "fill_mode")
    x, back = batched("elastic_transform", images, data_format)
    words = draw_seed(seed)
    taps = int(6 * sigma) | 1
    field = jax.random.normal(words, (*x.shape[:3], 2), jnp.float32) * sigma
    field = blur(field, (taps, taps), (sigma, sigma)) * alpha
    rows, columns = _grid(x)
    row, column = rows + field[..., 1], columns + field[..., 0]
    order = ORDERS[interpolation]
    return back(resample.warp(x, row, column, order, fill_mode, fill_value))
