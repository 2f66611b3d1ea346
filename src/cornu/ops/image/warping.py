"""Warps: each pixel of the result is interpolated at some coordinates of the image.

Coordinates are in pixels: y down, x to the right; the center of the first pixel is (0, 0).
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
from cornu.types import Tensor

# Interpolation -> order of the polynomial between pixels.
ORDERS = {"nearest": 0, "bilinear": 1}


@op(tensors=2, compiled=True)
def affine_transform(
    images: Tensor,
    transform: Tensor,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: Tensor = 0,
    data_format: str | None = None,
) -> Tensor:
    """Affine (or projective) transform of images.

    Args:
        images: one image or a batch.
        transform: `(8,)` or `(batch, 8)`, rows `[a0, a1, a2, b0, b1, b2, c0, c1]`: the pixel (x, y)
            of the result is read at `(a0 x + a1 y + a2, b0 x + b1 y + b2)`.
        interpolation: "bilinear" or "nearest".
        fill_mode: "constant", "nearest", "wrap", "mirror" or "reflect".
        fill_value: fill value of mode "constant".
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.
    """
    one_of(interpolation, ORDERS, "interpolation")
    one_of(fill_mode, resample.FILL_MODES, "fill_mode")
    x, back = batched("affine_transform", images, data_format)
    t = to_float(transform)
    if t.ndim not in (1, 2) or t.shape[-1] != 8:
        raise value_error("transform must have shape (8,) or (batch, 8).", received=tuple(t.shape))
    t = jnp.broadcast_to(t, (x.shape[0], 8))[:, :, None, None].astype(jnp.float32)
    rows, columns = _grid(x)
    column = t[:, 0] * columns + t[:, 1] * rows + t[:, 2]
    row = t[:, 3] * columns + t[:, 4] * rows + t[:, 5]
    order = ORDERS[interpolation]
    return back(resample.warp(x, row, column, order, fill_mode, fill_value))


def _grid(x: Tensor) -> tuple[Any, Any]:
    """Row and column numbers of the pixels, `(height, width)` each."""
    height, width = x.shape[1:3]
    return (
        lax.broadcasted_iota(jnp.float32, (height, width), 0),
        lax.broadcasted_iota(jnp.float32, (height, width), 1),
    )


@op(tensors=3, compiled=True)
def perspective_transform(
    images: Tensor,
    start_points: Tensor,
    end_points: Tensor,
    interpolation: str = "bilinear",
    fill_value: Tensor = 0,
    data_format: str | None = None,
) -> Tensor:
    """Perspective transform that maps `start_points` to `end_points`.

    Args:
        images: one image or a batch.
        start_points: `(4, 2)` or `(batch, 4, 2)`, four points (x, y) of the images.
        end_points: targets of these points, of the same shape.
        interpolation: "bilinear" or "nearest".
        fill_value: fill value outside the images.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.
    """
    one_of(interpolation, ORDERS, "interpolation")
    x, back = batched("perspective_transform", images, data_format)
    start, end = to_float(start_points), to_float(end_points)
    for name, points in (("start_points", start), ("end_points", end)):
        if points.ndim not in (2, 3) or points.shape[-2:] != (4, 2):
            raise value_error(
                f"{name} must have shape (4, 2) or (batch, 4, 2).",
                received=f"{tuple(points.shape)}",
            )
    if start.ndim != end.ndim:
        raise value_error(
            "start_points and end_points must have the same shape.",
            shapes=f"{tuple(start.shape)}, {tuple(end.shape)}",
        )
    shape = (x.shape[0], 4, 2)
    h = homography(jnp.broadcast_to(start, shape), jnp.broadcast_to(end, shape))
    h = h[:, :, None, None]
    rows, columns = _grid(x)
    depth = h[:, 6] * columns + h[:, 7] * rows + 1
    column = (h[:, 0] * columns + h[:, 1] * rows + h[:, 2]) / depth
    row = (h[:, 3] * columns + h[:, 4] * rows + h[:, 5]) / depth
    return back(resample.warp(x, row, column, ORDERS[interpolation], "constant", fill_value))


def homography(start: Tensor, end: Tensor) -> Any:
    """The eight coefficients of the homography from end points to start points.

    Args:
        start, end: `(batch, 4, 2)`, four points (x, y) each.

    Returns:
        `(batch, 8)`, `[a0, a1, a2, b0, b1, b2, c0, c1]`: the point (x, y) goes to
        `((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k)`, where `k = c0 x + c1 y + 1`.
    """
    (x, y), (u, v) = (jnp.moveaxis(p.astype(jnp.float32), -1, 0) for p in (end, start))
    one, zero = jnp.ones_like(x), jnp.zeros_like(x)
    for_u = jnp.stack([x, y, one, zero, zero, zero, -x * u, -y * u], axis=-1)
    for_v = jnp.stack([zero, zero, zero, x, y, one, -x * v, -y * v], axis=-1)
    matrix = jnp.concatenate([for_u, for_v], axis=1)  # (batch, 8, 8)
    return jnp.linalg.solve(matrix, jnp.concatenate([u, v], axis=1)[..., None])[..., 0]


@op(tensors=2, compiled=True)
def map_coordinates(
    inputs: Tensor,
    coordinates: Tensor,
    order: int,
    fill_mode: str = "constant",
    fill_value: Tensor = 0,
) -> Tensor:
    """Interpolate an array at given coordinates.

    Args:
        inputs: array with k axes.
        coordinates: `(k, ...)`, one row per axis, in units of elements.
        order: order of interpolation: 0 (nearest) or 1 (linear).
        fill_mode: mode outside the array: "constant", "nearest", "wrap", "mirror" or "reflect".
        fill_value: fill value of mode "constant".

    Returns:
        The shape of `coordinates` without its first axis.

    Example:

        >>> map_coordinates([0.0, 10.0], [[0.5]], order=1).tolist()
        [5.0]
    """
    x, places = tensor(inputs), tensor(coordinates)
    if places.ndim < 2:
        raise value_error(
            "map_coordinates: coordinates must have at least two axes.",
            received=f"coordinates {tuple(places.shape)}",
            fix="to read one place: coordinates = coordinates[:, None]",
        )
    if places.shape[0] != x.ndim:
        raise value_error(
            f"map_coordinates: coordinates must have {x.ndim} rows, one per axis.",
            received=f"coordinates {tuple(places.shape)}",
        )
    one_of(order, (0, 1), "order")
    one_of(fill_mode, resample.FILL_MODES, "fill_mode")
    return resample.map_coordinates(x, list(places), order, fill_mode, fill_value)


@op
def elastic_transform(
    images: Tensor,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Random elastic deformation of images (Simard et al., 2003).

    Args:
        images: one image or a batch.
        alpha: amplitude of the displacements.
        sigma: smoothness of the displacement field, in pixels.
        interpolation: "bilinear" or "nearest".
        fill_mode: "constant", "nearest", "wrap", "mirror" or "reflect".
        fill_value: fill value of mode "constant".
        seed: an int, a `SeedGenerator`, or None.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.
    """
    one_of(interpolation, ORDERS, "interpolation")
    one_of(fill_mode, resample.FILL_MODES, "fill_mode")
    x, back = batched("elastic_transform", images, data_format)
    words = draw_seed(seed)
    taps = int(6 * sigma) | 1
    field = jax.random.normal(words, (*x.shape[:3], 2), jnp.float32) * sigma
    field = blur(field, (taps, taps), (sigma, sigma)) * alpha
    return back(displaced(x, field, interpolation, fill_mode, fill_value))


def displaced(
    images: Tensor, field: Tensor, interpolation: str, fill_mode: str, fill_value: Tensor
) -> Tensor:
    """Images read at some distance from each pixel.

    Args:
        images: `(batch, height, width, channels)`.
        field: `(batch, height, width, 2)`, distances to the right and down, in pixels.
        interpolation, fill_mode, fill_value: as for `elastic_transform`.
    """
    rows, columns = _grid(images)
    row, column = rows + field[..., 1], columns + field[..., 0]
    return resample.warp(images, row, column, ORDERS[interpolation], fill_mode, fill_value)
