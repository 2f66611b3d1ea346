"""Color spaces: RGB, grayscale and HSV."""

import jax.numpy as jnp

from cornu.core.graph.op import fused, op
from cornu.errors import value_error
from cornu.numeric import is_float
from cornu.ops.image.layout import batched, floating_dtype
from cornu.types import Tensor

LUMA = (0.2989, 0.5870, 0.1140)  # luma coefficients of red, green and blue


@op(file_name="RGBToGrayscale", compiled=True)
def rgb_to_grayscale(images: Tensor, data_format: str | None = None) -> Tensor:
    """RGB images to grayscale: `0.2989 red + 0.5870 green + 0.1140 blue`.

    Args:
        images: RGB images, with three channels.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.

    Returns:
        The images with one channel.
    """
    x, back = batched("rgb_to_grayscale", images, data_format)
    _three(x, "rgb_to_grayscale")
    gray = jnp.tensordot(
        x.astype(floating_dtype(x)), jnp.asarray(LUMA, floating_dtype(x)), axes=((-1,), (0,))
    )[..., None]
    return back(gray.astype(x.dtype))


def _three(x: Tensor, name: str, *, floating: bool = False) -> None:
    if x.shape[-1] != 3:
        raise value_error(f"{name}: images must have three channels, got {x.shape[-1]}.")
    if floating and not is_float(x.dtype):
        raise value_error(
            f"{name}: images must have a floating dtype, got {x.dtype}.", fix="images / 255.0"
        )


@op(file_name="RGBToHSV", compiled=True)
def rgb_to_hsv(images: Tensor, data_format: str | None = None) -> Tensor:
    """RGB images to HSV (hue, saturation, value), all in [0, 1]."""
    x, back = batched("rgb_to_hsv", images, data_format)
    _three(x, "rgb_to_hsv", floating=True)
    return back(_to_hsv(x))


@fused
def _to_hsv(x: Tensor) -> Tensor:
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


@op(file_name="HSVToRGB", compiled=True)
def hsv_to_rgb(images: Tensor, data_format: str | None = None) -> Tensor:
    """HSV (hue, saturation, value) images to RGB, all in [0, 1]."""
    x, back = batched("hsv_to_rgb", images, data_format)
    _three(x, "hsv_to_rgb", floating=True)
    return back(_to_rgb(x))


@fused
def _to_rgb(x: Tensor) -> Tensor:
    hue, saturation, value = x[..., 0:1], x[..., 1:2], x[..., 2:3]
    distance = jnp.abs(hue * 6 - jnp.asarray([3, 2, 4], x.dtype))
    ramps = jnp.concatenate(
        [distance[..., :1] - 1, 2 - distance[..., 1:2], 2 - distance[..., 2:]], axis=-1
    )
    pure = jnp.clip(ramps, 0, 1)
    return (value * (1 + saturation * (pure - 1))).astype(x.dtype)
