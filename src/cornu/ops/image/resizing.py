"""Images resized, padded or cropped."""

from collections.abc import Sequence
from operator import index
from typing import Any

import jax
import jax.numpy as jnp

from cornu.arguments import one_of
from cornu.core.graph.op import fused, op
from cornu.core.graph.operands import tensor, to_float
from cornu.errors import value_error
from cornu.kernels.resize import resize as resized
from cornu.ops.image.layout import batched, floating_dtype, in_dtype_of
from cornu.types import Axis, Shape, Tensor

# Names of Keras -> names of jax.
RESIZE_METHODS = {
    "bilinear": "linear",
    "nearest": "nearest",
    "bicubic": "cubic",
    "lanczos3": "lanczos3",
    "lanczos5": "lanczos5",
}


@op(compiled=True)
def resize(
    images: Tensor,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Resize images.

    Args:
        images: one image or a batch.
        size: `(height, width)`.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        antialias: whether to low-pass filter before downsampling.
        crop_to_aspect_ratio: whether to center-crop to the aspect ratio of `size` first.
        pad_to_aspect_ratio: whether to pad to the aspect ratio of `size` first.
        fill_mode: mode of the padding, "constant".
        fill_value: value of the padding.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.

    Example:

        >>> resize(jnp.zeros((4, 4, 3)), (8, 6)).shape
        (8, 6, 3)
    """
    one_of(interpolation, RESIZE_METHODS, "interpolation")
    if fill_mode != "constant":
        raise value_error(f"resize: fill_mode must be 'constant', got {fill_mode!r}.")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise value_error(
            "resize: crop_to_aspect_ratio and pad_to_aspect_ratio cannot both be True."
        )
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise value_error(f"size must be (height, width), got {size!r}.")
    height, width = (index(n) for n in size)
    if height < 1 or width < 1:
        raise value_error(f"size must be positive, got {size!r}.")
    x, back = batched("resize", images, data_format)
    original = x
    if crop_to_aspect_ratio or pad_to_aspect_ratio:
        top, left, h, w = aspect_window(x.shape[1:3], (height, width), crop_to_aspect_ratio)
        if crop_to_aspect_ratio:
            x = x[:, top : top + h, left : left + w]
        else:
            widths = ((0, 0), (-top, -top), (-left, -left), (0, 0))
            x = jnp.pad(x, widths, constant_values=fill_value)
    method = RESIZE_METHODS[interpolation]
    y = resized(x.astype(floating_dtype(x)), (height, width), method, antialias)
    return back(in_dtype_of(y, original))


def aspect_window(
    size: Sequence[int], target: Sequence[int], inside: bool
) -> tuple[int, int, int, int]:
    """The part of an image that has the aspect ratio of a target size, around its center.

    Args:
        size: `(height, width)` of the image.
        target: `(height, width)` whose ratio it gets.
        inside: whether it is cut out of the image, or goes beyond it.

    Returns:
        `(top, left, height, width)`; top and left are negative beyond the image.

    Example:

        >>> aspect_window((10, 20), (5, 5), inside=True), aspect_window((10, 20), (5, 5), False)
        ((0, 5, 10, 10), (-5, 0, 20, 20))
    """
    (h, w), (height, width) = size, target
    fit = min if inside else max
    to_h = fit(h, max(int(w * height / width), 1))
    to_w = fit(w, max(int(h * width / height), 1))
    top, left = -int((to_h - h) / 2), -int((to_w - w) / 2)
    return (top, left, to_h, to_w) if inside else (top, left, h - 2 * top, w - 2 * left)


@op(tensors=4)
def scale_and_translate(
    images: Tensor,
    output_shape: Sequence[int],
    scale: Tensor,
    translation: Tensor,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Tensor:
    """Scale and translate images along some axes; zeros outside.

    Args:
        images: array.
        output_shape: shape of the result, all axes; None keeps the size of an axis.
        scale, translation: one number per axis of `spatial_dims`.
        spatial_dims: axes to transform.
        method: "linear", "bilinear", "cubic", "bicubic", "lanczos3" or "lanczos5".
        antialias: whether to low-pass filter before downsampling.
    """
    x = to_float(images)
    axes = tuple(index(axis) for axis in spatial_dims)
    shape = _output_shape(x.shape, output_shape, axes)
    scale, translation = tensor(scale, "float32"), tensor(translation, "float32")
    for name, given in (("scale", scale), ("translation", translation)):
        if given.shape != (len(axes),):
            raise ValueError(f"{name} must have one number per axis of spatial_dims.")
    return _moved(x, scale, translation, shape, axes, method, antialias)


def _output_shape(sizes: Any, output_shape: Any, moved: tuple[int, ...]) -> tuple[Any, ...]:
    if len(output_shape) != len(sizes):
        raise value_error(
            "output_shape must have one size per axis of the images.",
            images=tuple(sizes),
            output_shape=tuple(output_shape),
        )
    if any(output_shape[axis] is None for axis in moved):
        raise value_error(
            "output_shape must give the size of each axis of spatial_dims.",
            spatial_dims=moved,
            output_shape=tuple(output_shape),
        )
    wanted = zip(sizes, output_shape, strict=True)
    return tuple(n if given is None else index(given) for n, given in wanted)


@fused(static=("shape", "axes", "method", "antialias"))
def _moved(
    x: Tensor,
    scale: Tensor,
    translation: Tensor,
    shape: Shape,
    axes: Axis,
    method: str,
    antialias: bool,
) -> Tensor:
    y = jax.image.scale_and_translate(
        x, shape, axes, scale, translation, method, antialias=antialias
    )
    return y.astype(x.dtype)


@op
def pad_images(
    images: Tensor,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Zero-pad images.

    Give two of top, bottom and target height, and two of left, right and target width.

    Args:
        images: one image or a batch.
        top_padding, left_padding, bottom_padding, right_padding: rows and columns to add.
        target_height, target_width: size of the result.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.
    """
    x, back = batched("pad_images", images, data_format)
    names = ("top_padding", "bottom_padding", "target_height")
    rows = _margins(names, (top_padding, bottom_padding, target_height), x.shape[1], 1)
    names = ("left_padding", "right_padding", "target_width")
    columns = _margins(names, (left_padding, right_padding, target_width), x.shape[2], 1)
    return back(jnp.pad(x, ((0, 0), rows, columns, (0, 0))))


@op
def crop_images(
    images: Tensor,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Crop images.

    Give two of top, bottom and target height, and two of left, right and target width.

    Args:
        images: one image or a batch.
        top_cropping, left_cropping, bottom_cropping, right_cropping: rows and columns to remove.
        target_height, target_width: size of the result.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.
    """
    x, back = batched("crop_images", images, data_format)
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
        raise value_error(f"Exactly two of {', '.join(names)} must be given.", received=given)
    before, after, target = (0 if v is None else v for v in values)
    if values[0] is None:
        before = direction * (target - size) - after
    elif values[1] is None:
        after = direction * (target - size) - before
    if before < 0 or after < 0:
        raise value_error(
            f"The margins must be >= 0, got {before} and {after}.",
            received=", ".join(f"{n}={v}" for n, v in zip(names, values, strict=True)),
            size=size,
        )
    if direction < 0 and before + after > size:
        raise value_error(f"Cannot crop {before} + {after} from an axis of size {size}.")
    return before, after
