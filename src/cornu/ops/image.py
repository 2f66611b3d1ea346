"""Operations on images, single `(height, width, channels)` or in batches.

Everything is computed with channels last; `channels_first` images are transposed on the way in and
out. Integer images are computed in float32, rounded, and kept in their range.

    pixel coordinates:  row y downwards, column x to the right, the first pixel's middle at (0, 0)
"""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from cornu.core.op import fused, op, tensor, to_float
from cornu.errors import did_you_mean, explain
from cornu.kernels import resample
from cornu.ops.nn import channels_last
from cornu.random.seed import draw_seed

RESIZE_METHODS = {
    "bilinear": "linear",
    "nearest": "nearest",
    "bicubic": "cubic",
    "lanczos3": "lanczos3",
    "lanczos5": "lanczos5",
}
ORDERS = {"nearest": 0, "bilinear": 1}


def _one_of(name: str, value: Any, known: Any) -> Any:
    if value not in known:
        raise ValueError(
            explain(
                f"{name} is one of {tuple(known)}, got {value!r}.", fix=did_you_mean(value, known)
            )
        )
    return value


def _batched(name: str, images: Any, data_format: str | None, axes: int = 2) -> tuple[Any, Any]:
    """Images as a batch with channels last, and how to get back from there."""
    x = tensor(images)
    if x.ndim not in (axes + 1, axes + 2):
        raise ValueError(
            explain(
                f"{name} takes a batch with {axes + 2} axes or one image with {axes + 1}.",
                received=f"{tuple(x.shape)}",
            )
        )
    single = x.ndim == axes + 1
    x = x[None] if single else x
    x, first = channels_last(x, data_format)

    def back(y: Any) -> Any:
        y = jnp.moveaxis(y, -1, 1) if first else y
        return y[0] if single else y

    return x, back


def _like(y: Any, x: Any) -> Any:
    """Float results in the dtype of the images they come from."""
    if not jnp.issubdtype(x.dtype, jnp.integer):
        return y.astype(x.dtype)
    info = jnp.iinfo(x.dtype)
    return jnp.clip(jnp.round(y), info.min, info.max).astype(x.dtype)


# ---- colours ------------------------------------------------------------------------------------

_GRAY = (0.2989, 0.5870, 0.1140)  # how bright red, green and blue are to the eye


@op(file_name="RGBToGrayscale")
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """Brightness of colour images: `0.2989 red + 0.5870 green + 0.1140 blue`.

    Args:
        images: three channels.
        data_format: "channels_last" or "channels_first"; the setting if None.

    Returns:
        The same with one channel.
    """
    x, back = _batched("rgb_to_grayscale", images, data_format)
    _three(x, "rgb_to_grayscale")
    gray = jnp.tensordot(
        x.astype(_compute(x)), jnp.asarray(_GRAY, _compute(x)), axes=((-1,), (0,))
    )[..., None]
    return back(gray.astype(x.dtype))


def _compute(x: Any) -> Any:
    return x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else jnp.float32


def _three(x: Any, name: str, *, floating: bool = False) -> None:
    if x.shape[-1] != 3:
        raise ValueError(explain(f"{name} takes three channels, got {x.shape[-1]}."))
    if floating and not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(
            explain(f"{name} takes floating images, got {x.dtype}.", fix="images / 255.0")
        )


@op(file_name="RGBToHSV")
def rgb_to_hsv(images: Any, data_format: str | None = None) -> Any:
    """Red, green and blue to hue, saturation and value, all in [0, 1]."""
    x, back = _batched("rgb_to_hsv", images, data_format)
    _three(x, "rgb_to_hsv", floating=True)
    return back(_to_hsv(x))


@fused
def _to_hsv(x: Any) -> Any:
    r, g, b = x[..., 0], x[..., 1], x[..., 2]
    value = jnp.max(x, axis=-1)
    span = value - jnp.min(x, axis=-1)
    safe = jnp.where(span > 0, span, 1)
    saturation = jnp.where(value > 0, span / jnp.where(value > 0, value, 1), 0)
    sixth = jnp.where(
        r == value, (g - b) / safe, jnp.where(g == value, 2 + (b - r) / safe, 4 + (r - g) / safe)
    )
    hue = jnp.where(span > 0, sixth / 6 % 1.0, 0)
    return jnp.stack([hue, saturation, value], axis=-1).astype(x.dtype)


@op(file_name="HSVToRGB")
def hsv_to_rgb(images: Any, data_format: str | None = None) -> Any:
    """Hue, saturation and value to red, green and blue, all in [0, 1]."""
    x, back = _batched("hsv_to_rgb", images, data_format)
    _three(x, "hsv_to_rgb", floating=True)
    return back(_to_rgb(x))


@fused
def _to_rgb(x: Any) -> Any:
    hue, saturation, value = x[..., 0:1], x[..., 1:2], x[..., 2:3]
    distance = jnp.abs(hue * 6 - jnp.asarray([3, 2, 4], x.dtype))
    ramps = jnp.concatenate(
        [distance[..., :1] - 1, 2 - distance[..., 1:2], 2 - distance[..., 2:]], axis=-1
    )
    pure = jnp.clip(ramps, 0, 1)
    return (value * (1 + saturation * (pure - 1))).astype(x.dtype)


# ---- sizes --------------------------------------------------------------------------------------


@op
def resize(
    images: Any,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Images in another size.

    Args:
        images: one image or a batch.
        size: `(height, width)`.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        antialias: average over more pixels when shrinking.
        crop_to_aspect_ratio: cut the middle in the aspect ratio of `size` instead of distorting.
        pad_to_aspect_ratio: add a border instead of distorting.
        fill_mode: of the border, "constant".
        fill_value: of the border.
        data_format: "channels_last" or "channels_first"; the setting if None.

    Example:

        >>> resize(jnp.zeros((4, 4, 3)), (8, 6)).shape
        (8, 6, 3)
    """
    _one_of("interpolation", interpolation, RESIZE_METHODS)
    if fill_mode != "constant":
        raise ValueError(explain(f"resize fills with a constant, not by {fill_mode!r}."))
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            explain("resize crops or pads to the aspect ratio, not both.", fix="set one of them.")
        )
    if len(size) != 2:
        raise ValueError(explain(f"size is (height, width), got {size!r}."))
    height, width = (int(n) for n in size)
    x, back = _batched("resize", images, data_format)
    original = x
    if crop_to_aspect_ratio or pad_to_aspect_ratio:
        h, w = x.shape[1:3]
        fit = min if crop_to_aspect_ratio else max
        to_h, to_w = fit(h, int(w * height / width)), fit(w, int(h * width / height))
        top, left = int((to_h - h) / 2), int((to_w - w) / 2)
        if crop_to_aspect_ratio:
            x = x[:, -top : -top + to_h, -left : -left + to_w]
        else:
            widths = ((0, 0), (top, top), (left, left), (0, 0))
            x = jnp.pad(x, widths, constant_values=fill_value)
    shape = (x.shape[0], height, width, x.shape[-1])
    y = jax.image.resize(
        x.astype(_compute(x)), shape, RESIZE_METHODS[interpolation], antialias=antialias
    )
    return back(_like(y, original))


@op(tensors=4)
def scale_and_translate(
    images: Any,
    output_shape: Any,
    scale: Any,
    translation: Any,
    spatial_dims: Any,
    method: str,
    antialias: bool = True,
) -> Any:
    """Images scaled and moved along some axes; outside there are zeros.

    Args:
        images: array.
        output_shape: of the result, all axes.
        scale, translation: one number for each of `spatial_dims`.
        spatial_dims: the axes.
        method: "linear", "bilinear", "cubic", "bicubic", "lanczos3" or "lanczos5".
        antialias: average over more pixels when shrinking.
    """
    x = to_float(images)
    return jax.image.scale_and_translate(
        x,
        tuple(output_shape),
        tuple(spatial_dims),
        tensor(scale, "float32"),
        tensor(translation, "float32"),
        method,
        antialias=antialias,
    ).astype(x.dtype)


@op
def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Rows and columns of zeros around images.

    Give two of top, bottom and target height, and two of left, right and target width.

    Args:
        images: one image or a batch.
        top_padding, left_padding, bottom_padding, right_padding: rows and columns to add.
        target_height, target_width: of the result.
        data_format: "channels_last" or "channels_first"; the setting if None.
    """
    x, back = _batched("pad_images", images, data_format)
    names = ("top_padding", "bottom_padding", "target_height")
    rows = _margins(names, (top_padding, bottom_padding, target_height), x.shape[1], 1)
    names = ("left_padding", "right_padding", "target_width")
    columns = _margins(names, (left_padding, right_padding, target_width), x.shape[2], 1)
    return back(jnp.pad(x, ((0, 0), rows, columns, (0, 0))))


@op
def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """A part of images.

    Give two of top, bottom and target height, and two of left, right and target width.

    Args:
        images: one image or a batch.
        top_cropping, left_cropping, bottom_cropping, right_cropping: rows and columns to leave out.
        target_height, target_width: of the result.
        data_format: "channels_last" or "channels_first"; the setting if None.
    """
    x, back = _batched("crop_images", images, data_format)
    names = ("top_cropping", "bottom_cropping", "target_height")
    top, bottom = _margins(names, (top_cropping, bottom_cropping, target_height), x.shape[1], -1)
    names = ("left_cropping", "right_cropping", "target_width")
    left, right = _margins(names, (left_cropping, right_cropping, target_width), x.shape[2], -1)
    return back(x[:, top : x.shape[1] - bottom, left : x.shape[2] - right])


def _margins(
    names: Sequence[str], values: Sequence[int | None], size: int, direction: int
) -> tuple[int, int]:
    """The margins before and after an axis, from two of: before, after, size of the result."""
    if sum(v is None for v in values) != 1:
        given = ", ".join(f"{n}={v}" for n, v in zip(names, values, strict=True))
        raise ValueError(explain(f"Exactly two of {', '.join(names)} are needed.", received=given))
    before, after, target = (0 if v is None else v for v in values)
    if values[0] is None:
        before = direction * (target - size) - after
    elif values[1] is None:
        after = direction * (target - size) - before
    if before < 0 or after < 0:
        raise ValueError(
            explain(
                f"The margins {before} and {after} are not both at least 0.",
                received=", ".join(f"{n}={v}" for n, v in zip(names, values, strict=True)),
                size=size,
            )
        )
    if direction < 0 and before + after > size:
        raise ValueError(explain(f"An axis of size {size} has no {before} + {after} to leave out."))
    return before, after


# ---- patches ------------------------------------------------------------------------------------


@op
def extract_patches(
    images: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Rectangles of pixels laid out as channels.

    Args:
        images: one image or a batch.
        size: `(height, width)` of a patch, or one number.
        strides: from one patch to the next; the size if None, so that they tile the image.
        dilation_rate: distance of the pixels of a patch.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first"; the setting if None.

    Returns:
        `(batch, rows, columns, height * width * channels)`, rows of a patch first.
    """
    x, back = _batched("extract_patches", images, data_format)
    return back(_patches(x, size, strides, dilation_rate, padding, 2))


@op
def extract_patches_3d(
    volumes: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Boxes of voxels laid out as channels; see `extract_patches`."""
    x, back = _batched("extract_patches_3d", volumes, data_format, axes=3)
    return back(_patches(x, size, strides, dilation_rate, padding, 3))


def _patches(x: Any, size: Any, strides: Any, dilation: Any, padding: str, rank: int) -> Any:
    size = _per_axis(size, rank, "size")
    strides = size if strides is None else _per_axis(strides, rank, "strides")
    dilation = _per_axis(dilation, rank, "dilation_rate")
    _one_of("padding", padding, ("valid", "same"))
    channels = x.shape[-1]
    tiles = (
        strides == size and set(dilation) == {1} and all(isinstance(n, int) for n in x.shape[1:])
    )
    if tiles and (
        padding == "valid" or not any(n % s for n, s in zip(x.shape[1:], size, strict=False))
    ):
        # patches that tile the image need no gather: cut, exchange axes, join
        counts = [n // s for n, s in zip(x.shape[1:-1], size, strict=True)]
        x = x[(slice(None), *(slice(c * s) for c, s in zip(counts, size, strict=True)))]
        split = [n for pair in zip(counts, size, strict=True) for n in pair]
        x = x.reshape(x.shape[0], *split, channels)
        outer = [1 + 2 * i for i in range(rank)]
        inner = [2 + 2 * i for i in range(rank)]
        x = x.transpose(0, *outer, *inner, 1 + 2 * rank)
        return x.reshape(x.shape[0], *counts, math.prod(size) * channels)
    numbers = {2: ("NHWC", "HWIO", "NHWC"), 3: ("NDHWC", "DHWIO", "NDHWC")}[rank]
    found = lax.conv_general_dilated_patches(
        x, size, strides, padding.upper(), rhs_dilation=dilation, dimension_numbers=numbers
    )  # (..., channels * window)
    found = found.reshape(*found.shape[:-1], channels, math.prod(size))
    return jnp.swapaxes(found, -1, -2).reshape(*found.shape[:-2], math.prod(size) * channels)


def _per_axis(value: Any, rank: int, name: str) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,) * rank
    if not isinstance(value, (tuple, list)) or len(value) != rank:
        raise TypeError(explain(f"{name} is an int or {rank} of them, got {value!r}."))
    return tuple(int(v) for v in value)


# ---- warping ------------------------------------------------------------------------------------


@op(tensors=2)
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
    _one_of("interpolation", interpolation, ORDERS)
    _one_of("fill_mode", fill_mode, resample.FILL_MODES)
    x, back = _batched("affine_transform", images, data_format)
    t = to_float(transform)
    if t.ndim not in (1, 2) or t.shape[-1] != 8:
        raise ValueError(explain("transform is (8,) or (batch, 8).", received=f"{tuple(t.shape)}"))
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


@op(tensors=3)
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
    _one_of("interpolation", interpolation, ORDERS)
    x, back = _batched("perspective_transform", images, data_format)
    start, end = to_float(start_points), to_float(end_points)
    for name, points in (("start_points", start), ("end_points", end)):
        if points.ndim not in (2, 3) or points.shape[-2:] != (4, 2):
            raise ValueError(
                explain(f"{name} is (4, 2) or (batch, 4, 2).", received=f"{tuple(points.shape)}")
            )
    if start.ndim != end.ndim:
        raise ValueError(
            explain(
                "start_points and end_points have one shape.",
                shapes=f"{tuple(start.shape)}, {tuple(end.shape)}",
            )
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


@op(tensors=2)
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
    if places.shape[0] != x.ndim:
        raise ValueError(
            explain(
                f"map_coordinates takes one row of coordinates for each of {x.ndim} axes.",
                received=f"coordinates {tuple(places.shape)}",
            )
        )
    _one_of("order", order, (0, 1))
    _one_of("fill_mode", fill_mode, resample.FILL_MODES)
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
    _one_of("interpolation", interpolation, ORDERS)
    _one_of("fill_mode", fill_mode, resample.FILL_MODES)
    x, back = _batched("elastic_transform", images, data_format)
    words = draw_seed(seed)
    taps = int(6 * sigma) | 1
    field = jax.random.normal(words, (*x.shape[:3], 2), jnp.float32) * sigma
    field = _blurred(field, (taps, taps), (sigma, sigma)) * alpha
    rows, columns = _grid(x)
    row, column = rows + field[..., 1], columns + field[..., 0]
    order = ORDERS[interpolation]
    return back(resample.warp(x, row, column, order, fill_mode, fill_value))


# ---- filters ------------------------------------------------------------------------------------


@op
def gaussian_blur(
    images: Any, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0), data_format: str | None = None
) -> Any:
    """Images smoothed by a Gaussian.

    Args:
        images: one image or a batch.
        kernel_size: taps along height and width.
        sigma: width of the Gaussian along height and width, in pixels.
        data_format: "channels_last" or "channels_first"; the setting if None.
    """
    x, back = _batched("gaussian_blur", images, data_format)
    blurred = _blurred(x.astype(_compute(x)), tuple(kernel_size), sigma)
    return back(_like(blurred, x))


@fused(static=("taps",))
def _blurred(x: Any, taps: Sequence[int], sigma: Any) -> Any:
    """A Gaussian along height, then along width: two short filters instead of a large one."""
    for axis, count in ((1, taps[0]), (2, taps[1])):
        weights = _gaussian(count, sigma[axis - 1], x.dtype)
        before = (count - 1) // 2
        widths = [(0, 0)] * x.ndim
        widths[axis] = (before, count - 1 - before)
        padded = jnp.pad(x, widths)
        size = x.shape[axis]
        x = sum(weights[i] * lax.slice_in_dim(padded, i, i + size, axis=axis) for i in range(count))
    return x


def _gaussian(taps: int, sigma: Any, dtype: Any) -> Any:
    places = jnp.arange(taps, dtype=dtype) - (taps - 1) / 2
    weights = jnp.exp(-0.5 * jnp.square(places / jnp.asarray(sigma, dtype)))
    return weights / jnp.sum(weights)


@op
def sobel_edges(images: Any, data_format: str | None = None) -> Any:
    """Slopes of the brightness, along height and along width.

    Args:
        images: batch `(batch, height, width, channels)`, or with channels first.
        data_format: "channels_last" or "channels_first"; the setting if None.

    Returns:
        The images with a last axis of size 2: the slope downwards and to the right.
    """
    x, first = channels_last(to_float(images), data_format)
    if x.ndim != 4:
        raise ValueError(explain("sobel_edges takes a batch of images.", received=tuple(x.shape)))
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    h, w = x.shape[1:3]

    def filtered(axis: int) -> Any:
        other = 3 - axis
        smooth = sum(
            k * lax.slice_in_dim(padded, i, i + (h, w)[other - 1], axis=other)
            for i, k in enumerate((1, 2, 1))
        )
        size = (h, w)[axis - 1]
        ends = [lax.slice_in_dim(smooth, i, i + size, axis=axis) for i in (0, 2)]
        return ends[1] - ends[0]

    edges = jnp.stack([filtered(1), filtered(2)], axis=-1)
    return jnp.moveaxis(edges, 3, 1) if first else edges


@op(tensors=2, file_name="SSIM")
def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Any:
    """Structural similarity of images: 1 for equal ones (Wang et al. 2004).

    Args:
        image1, image2: batches of images of one shape.
        max_val: the largest value that pixels can have, 1 or 255.
        filter_size, filter_sigma: of the Gaussian over which statistics are taken.
        k1, k2: small constants against division by zero.
        data_format: "channels_last" or "channels_first"; the setting if None.

    Returns:
        `(batch,)`.
    """
    a, _ = channels_last(to_float(image1), data_format)
    b, _ = channels_last(to_float(image2), data_format)
    if a.shape != b.shape or a.ndim != 4:
        raise ValueError(
            explain(
                "ssim compares batches of images of one shape.",
                shapes=f"image1 {tuple(a.shape)}, image2 {tuple(b.shape)}",
            )
        )
    if min(a.shape[1:3]) < filter_size:
        raise ValueError(
            explain(
                f"The images are smaller than the filter of {filter_size} pixels.",
                received=f"{tuple(a.shape)}",
            )
        )
    weights = _gaussian(filter_size, filter_sigma, a.dtype)

    def mean(x: Any) -> Any:
        for axis in (1, 2):
            size = x.shape[axis] - filter_size + 1
            x = sum(
                weights[i] * lax.slice_in_dim(x, i, i + size, axis=axis) for i in range(filter_size)
            )
        return x

    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    ma, mb = mean(a), mean(b)
    va, vb = mean(a * a) - ma * ma, mean(b * b) - mb * mb
    cov = mean(a * b) - ma * mb
    score = (2 * ma * mb + c1) * (2 * cov + c2)
    score = score / ((ma * ma + mb * mb + c1) * (va + vb + c2))
    return jnp.mean(score, axis=(1, 2, 3))
