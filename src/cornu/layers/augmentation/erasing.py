"""Random erasing: a rectangle of noise or of one color, so that a model looks elsewhere, too."""

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from cornu import random
from cornu.arguments import is_number
from cornu.errors import value_error
from cornu.layers.augmentation import pixels
from cornu.layers.augmentation.base import Batch, Transformation, checked_value_range, factor_range
from cornu.layers.augmentation.pixel_layer import (
    Amount,
    PixelLayer,
    Range,
    chosen,
    numbers,
)
from cornu.random.seed import SeedGenerator
from cornu.types import Tensor


class RandomErasing(PixelLayer):
    """Fill a random rectangle of images while training.

    The sides of the rectangle are the square roots of two numbers drawn from `scale`, in units of
    the sides of the image, so that its area is about one of them (Zhong et al. 2017, "Random
    Erasing Data Augmentation").

    Args:
        factor: probability that an image is changed, from 0 to 1, drawn for each image: a pair
            `(lower, upper)`, or a number f for `(0, f)`.
        scale: fraction of the area that is erased, from 0 to 1: a pair `(lower, upper)`, or a
            number f for `(0, f)`.
        fill_value: value of the erased pixels, a number or one number per channel; normal noise
            times the largest value if None. It is clipped to the range.
        value_range: the smallest and the largest value of a pixel.
        seed: seed of the random numbers.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.

    Example:

        >>> import numpy as np
        >>> layer = RandomErasing((1, 1), scale=(0.25, 0.25), fill_value=0)
        >>> float(layer(np.ones((1, 8, 8, 3)), training=True).mean())
        0.75
    """

    def __init__(
        self,
        factor: Amount = 1.0,
        scale: Amount = (0.02, 0.33),
        fill_value: float | Sequence[float] | None = None,
        value_range: Range = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(factor, "factor", (0, 1))
        self.scale = factor_range(scale, "scale", (0, 1))
        self.fill_value = _checked_fill(fill_value)
        self.value_range = checked_value_range(value_range)
        self._set_seed(seed)

    def draw(self, data: Batch, seed: SeedGenerator | None) -> Any:
        drawn = {
            "patch": patches(data, numbers(data, self.scale, seed, 2), seed),
            "apply_erasing": chosen(data, self.factor, seed),
        }
        if self.fill_value is None:  # noise for the largest patch, which is a part of the image
            batch, height, width, channels = data["images"].shape
            tall, wide = (min(n, math.ceil(n * self.scale[1] ** 0.5) + 1) for n in (height, width))
            shape = (batch, tall, wide, channels)
            drawn["fill_value"] = random.normal(shape, dtype="float32", seed=seed)
        return drawn

    def change(self, images: Tensor, transformation: Transformation) -> Any:
        if self.fill_value is None:
            noise = pixels.placed(transformation["fill_value"], transformation["patch"], images)
            fill = noise * self.value_range[1]
        else:
            fill = jnp.asarray(self.fill_value, jnp.float32)
            if fill.size not in (1, images.shape[-1]):
                raise value_error(
                    f"fill_value of '{self.name}' must be a number or {images.shape[-1]} numbers, "
                    f"one for each channel, got {self.fill_value!r}.",
                )
        erased = pixels.inside(transformation["patch"], *images.shape[1:3])
        erased &= jnp.reshape(transformation["apply_erasing"], (-1, 1, 1, 1))
        return jnp.where(erased, jnp.clip(fill, *self.value_range), images)


def _checked_fill(value: object) -> float | tuple[float, ...] | None:
    if value is None or is_number(value):
        return value
    if isinstance(value, (tuple, list)) and value and all(map(is_number, value)):
        return tuple(value)
    raise value_error(
        f"fill_value must be None, a number, or one number for each channel, got {value!r}.",
        fix="fill_value=0",
    )


def patches(data: Batch, areas: Tensor, seed: SeedGenerator | None) -> Any:
    """Random rectangles within images, `(left, top, right, bottom)` as fractions of the sides.

    Args:
        data: the images.
        areas: squares of width and height as fractions of the sides, `(batch, 2)`.
        seed: generator of the place.
    """
    sides = jnp.sqrt(areas)
    first = numbers(data, (0, 1), seed, 2) * (1 - sides)
    return jnp.concatenate([first, first + sides], axis=-1)  # (batch, 4)
