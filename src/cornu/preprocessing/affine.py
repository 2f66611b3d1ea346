"""Images turned, shifted, sheared and zoomed, as Keras 2 did it, by scipy.

In coordinates (x, y) of columns and rows from the middle of the image, each pixel of the result is

    out(x, y) = in(R T S Z (x, y))        R rotation, T shift, S shear, Z zoom

Today `keras.layers.RandomRotation` and its like do this, for whole batches.
"""

from typing import Any

import numpy as np

from cornu import errors
from cornu.preprocessing.advice import advise
from cornu.utils.images import array_to_img, img_to_array

Random = np.random.RandomState


def apply_affine_transform(
    x: np.ndarray,
    theta: float = 0,
    tx: float = 0,
    ty: float = 0,
    shear: float = 0,
    zx: float = 1,
    zy: float = 1,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> np.ndarray:
    """An image under an affine transformation about its middle.

    Args:
        x: an image with 3 axes.
        theta: angle of the rotation, in degrees.
        tx: shift along the columns, in pixels.
        ty: shift along the rows, in pixels.
        shear: angle of the shear, in degrees.
        zx: zoom along the columns; more than 1 shows more of the image.
        zy: zoom along the rows.
        row_axis: axis of the rows.
        col_axis: axis of the columns.
        channel_axis: axis of the channels, 0 or 2.
        fill_mode: what is beyond the edges: "nearest", "constant", "reflect" or "wrap".
        cval: value beyond the edges for "constant".
        order: order of the spline that interpolates; 0 for the nearest pixel, 1 for linear.

    Example:

        >>> x = np.arange(3.0).reshape(1, 3, 1)
        >>> apply_affine_transform(x, tx=1, row_axis=0, col_axis=1, channel_axis=2)[0, :, 0]
        array([1., 2., 2.])
    """
    if sorted([row_axis, col_axis, channel_axis]) != [0, 1, 2] or channel_axis == 1:
        raise errors.value_error(
            "row_axis, col_axis and channel_axis must be 0, 1 and 2, the channels first or last.",
            got=(row_axis, col_axis, channel_axis),
            fix="row_axis=0, col_axis=1, channel_axis=2",
        )
    if x.ndim != 3:
        raise errors.value_error(f"An image must have 3 axes, got shape {x.shape}.", fix="x[0]")
    if (theta, tx, ty, shear, zx, zy) == (0, 0, 0, 0, 1, 1):
        return x
    turn, slant = np.deg2rad(theta), np.deg2rad(shear)
    matrix = (
        np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
        @ np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
        @ np.array([[1, -np.sin(slant), 0], [0, np.cos(slant), 0], [0, 0, 1]])
        @ np.diag([zx, zy, 1])
    )
    middle = np.eye(3)
    middle[:2, 2] = (x.shape[col_axis] - 1) / 2, (x.shape[row_axis] - 1) / 2
    matrix = middle @ matrix @ np.linalg.inv(middle)
    if row_axis < col_axis:  # scipy counts in the order of the axes
        matrix = matrix[[1, 0, 2]][:, [1, 0, 2]]
    ndimage = errors.need("scipy.ndimage", for_="affine transformations", install="scipy")
    channels = [
        ndimage.affine_transform(
            channel, matrix[:2, :2], matrix[:2, 2], order=order, mode=fill_mode, cval=cval
        )
        for channel in np.moveaxis(x, channel_axis, 0)
    ]
    return np.stack(channels, axis=channel_axis)


def apply_channel_shift(x: np.ndarray, intensity: float, channel_axis: int = 0) -> np.ndarray:
    """An image whose values are all `intensity` larger, cut to the range that they had.

    Example:

        >>> apply_channel_shift(np.array([[[0.0, 5.0, 9.0]]]), 5.0)
        array([[[5., 9., 9.]]])
    """
    return np.clip(x + intensity, x.min(), x.max())


def apply_brightness_shift(x: np.ndarray, brightness: float, scale: bool = True) -> np.ndarray:
    """An image that is `brightness` times as bright.

    Args:
        x: `(height, width, channels)`.
        brightness: 0 for black, 1 for the image as it is.
        scale: whether to map its values to 0 to 255 first.

    Example:

        >>> apply_brightness_shift(np.full((1, 1, 3), 100.0), 0.5, scale=False)[0, 0]
        array([50., 50., 50.], dtype=float32)
    """
    enhance = errors.need("PIL.ImageEnhance", for_="brightness", install="Pillow")
    low, high = x.min(), x.max()
    beyond = bool(low < 0 or high > 255)
    image = array_to_img(x, "channels_last", scale=beyond or scale)
    bright = img_to_array(enhance.Brightness(image).enhance(brightness), "channels_last")
    return bright / 255 * (high - low) + low if beyond and not scale else bright


def flip_axis(x: np.ndarray, axis: int) -> np.ndarray:
    """An image in the other direction along an axis.

    Example:

        >>> flip_axis(np.array([1, 2, 3]), 0)
        array([3, 2, 1])
    """
    return np.flip(x, axis)


# ---- with random strength ----------------------------------------------------------------------


def random_rotation(
    x: np.ndarray,
    rg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """An image turned by up to `rg` degrees; see `apply_affine_transform`.

    Example:

        >>> random_rotation(np.zeros((3, 8, 8)), 20).shape
        (3, 8, 8)
    """
    advise("image.random_rotation", "keras.layers.RandomRotation")
    theta = np.random.uniform(-rg, rg)
    return apply_affine_transform(
        x, theta=theta, row_axis=row_axis, col_axis=col_axis, channel_axis=channel_axis,
        fill_mode=fill_mode, cval=cval, order=interpolation_order,
    )  # fmt: skip


def random_shift(
    x: np.ndarray,
    wrg: float,
    hrg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """An image shifted by up to fractions `wrg` of its width and `hrg` of its height.

    Example:

        >>> random_shift(np.zeros((3, 8, 8)), 0.2, 0.1).shape
        (3, 8, 8)
    """
    advise("image.random_shift", "keras.layers.RandomTranslation")
    ty = np.random.uniform(-hrg, hrg) * x.shape[row_axis]
    tx = np.random.uniform(-wrg, wrg) * x.shape[col_axis]
    return apply_affine_transform(
        x, tx=tx, ty=ty, row_axis=row_axis, col_axis=col_axis, channel_axis=channel_axis,
        fill_mode=fill_mode, cval=cval, order=interpolation_order,
    )  # fmt: skip


def random_shear(
    x: np.ndarray,
    intensity: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """An image sheared by up to `intensity` degrees; see `apply_affine_transform`.

    Example:

        >>> random_shear(np.zeros((3, 8, 8)), 10).shape
        (3, 8, 8)
    """
    advise("image.random_shear", "keras.layers.RandomShear")
    shear = np.random.uniform(-intensity, intensity)
    return apply_affine_transform(
        x, shear=shear, row_axis=row_axis, col_axis=col_axis, channel_axis=channel_axis,
        fill_mode=fill_mode, cval=cval, order=interpolation_order,
    )  # fmt: skip


def random_zoom(
    x: np.ndarray,
    zoom_range: tuple[float, float],
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """An image zoomed by factors between the two of `zoom_range`; see `apply_affine_transform`.

    Example:

        >>> random_zoom(np.zeros((3, 8, 8)), (0.8, 1.2)).shape
        (3, 8, 8)
    """
    advise("image.random_zoom", "keras.layers.RandomZoom")
    low, high = pair_of(zoom_range, "zoom_range")
    zx, zy = (1, 1) if low == high == 1 else np.random.uniform(low, high, 2)
    return apply_affine_transform(
        x, zx=zx, zy=zy, row_axis=row_axis, col_axis=col_axis, channel_axis=channel_axis,
        fill_mode=fill_mode, cval=cval, order=interpolation_order,
    )  # fmt: skip


def random_channel_shift(
    x: np.ndarray, intensity_range: float, channel_axis: int = 0
) -> np.ndarray:
    """An image whose values are shifted by up to `intensity_range`.

    Example:

        >>> random_channel_shift(np.zeros((3, 8, 8)), 10).shape
        (3, 8, 8)
    """
    advise("image.random_channel_shift", "keras.layers.RandomBrightness")
    return apply_channel_shift(x, np.random.uniform(-intensity_range, intensity_range))


def random_brightness(
    x: np.ndarray, brightness_range: tuple[float, float], scale: bool = True
) -> np.ndarray:
    """An image made brighter by a factor between the two of `brightness_range`.

    Example:

        >>> random_brightness(np.zeros((8, 8, 3)), (0.5, 1.5)).shape
        (8, 8, 3)
    """
    advise("image.random_brightness", "keras.layers.RandomBrightness")
    low, high = pair_of(brightness_range, "brightness_range")
    return apply_brightness_shift(x, np.random.uniform(low, high), scale)


def pair_of(value: Any, name: str) -> tuple[float, float]:
    """Two numbers, or an error that names the argument."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise errors.value_error(
            f"{name} must be a pair of numbers, got {value!r}.", fix=f"{name}=(0.8, 1.2)"
        )
    return value[0], value[1]
