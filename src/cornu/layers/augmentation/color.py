"""Random changes of color: each pixel by itself, with one amount per image.

RandomBrightness         x + delta (high - low)
RandomContrast           (x - mean) factor + mean, per channel
RandomSaturation         saturation of HSV times f / (1 - f)
RandomHue                a turn of the color wheel, half of it at most
RandomColorJitter        these four, one after the other
RandomColorDegeneration  x + factor (gray - x)
RandomGrayscale          gray or not
RandomInvert             low + high - x, or not
"""

from typing import Any

import jax.numpy as jnp

from cornu.arguments import fraction
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

_EPSILON = 1e-7  # a factor of 1 gives the largest saturation


class RandomBrightness(PixelLayer):
    """Add a random amount to all pixels of an image while training.

    Args:
        factor: the amount in units of the range, from -1 (all black) to 1 (all white): a pair
            `(lower, upper)`, or a number f for `(-f, f)`.
        value_range: the smallest and the largest value of a pixel; what leaves it is clipped.
        seed: seed of the random numbers.

    Example:

        >>> import numpy as np
        >>> layer = RandomBrightness((0.5, 0.5), value_range=(0, 1))
        >>> layer(np.array([0.25, 0.75]).reshape(1, 1, 2, 1), training=True).ravel().tolist()
        [0.75, 1.0]
    """

    def __init__(
        self, factor: Amount, value_range: Range = (0, 255), seed: int | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.value_range = checked_value_range(value_range)
        self._set_seed(seed)
        self.factor = factor_range(factor, "factor")

    def draw(self, data: Batch, seed: SeedGenerator | None) -> Any:
        low, high = self.value_range
        return {"rgb_delta": numbers(data, self.factor, seed) * (high - low)}

    def change(self, images: Tensor, transformation: Transformation) -> Any:
        return jnp.clip(images + pixels.per_image(transformation["rgb_delta"]), *self.value_range)


class RandomContrast(PixelLayer):
    """Change the contrast of each image while training: `(x - mean) * c + mean` per channel.

    Args:
        factor: `c` is drawn from `[1 - lower, 1 + upper]`: a pair `(lower, upper)`, or a number f
            for both.
        value_range: the smallest and the largest value of a pixel; what leaves it is clipped.
        seed: seed of the random numbers.

    Example:

        >>> import numpy as np
        >>> x = np.array([0.25, 0.75]).reshape(1, 1, 2, 1)
        >>> y = RandomContrast(0.5, value_range=(0, 1))(x, training=True)
        >>> round(float(y.mean()), 3)
        0.5
    """

    def __init__(
        self, factor: Amount, value_range: Range = (0, 255), seed: int | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.value_range = checked_value_range(value_range)
        self._set_seed(seed)
        pair = factor if isinstance(factor, (tuple, list)) else (factor, factor)
        factor_range(pair, "factor", (0, 1))
        self.factor = pair[0], pair[1]  # two distances from 1, which have no order

    def draw(self, data: Batch, seed: SeedGenerator | None) -> Any:
        lower, upper = self.factor
        return {"contrast_factor": numbers(data, (1 - lower, 1 + upper), seed)}

    def change(self, images: Tensor, transformation: Transformation) -> Any:
        factor = pixels.per_image(transformation["contrast_factor"])
        return jnp.clip(pixels.contrast(images, factor), *self.value_range)


class RandomSaturation(PixelLayer):
    """Multiply the saturation of each RGB image by `factor / (1 - factor)` while training.

    Args:
        factor: 0 makes gray, 0.5 changes nothing, 1 gives the strongest colors: a pair
            `(lower, upper)`, or a number f for `(0, f)`. Negative numbers make gray.
        value_range: the smallest and the largest value of a pixel.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.
        seed: seed of the random numbers.

    Example:

        >>> import numpy as np
        >>> x = np.array([1.0, 0.5, 0.5]).reshape(1, 1, 1, 3)
        >>> RandomSaturation((0, 0), value_range=(0, 1))(x, training=True).ravel().tolist()
        [1.0, 1.0, 1.0]
    """

    def __init__(
        self,
        factor: Amount,
        value_range: Range = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = checked_value_range(value_range)
        self._set_seed(seed)
        self.factor = _from_zero(factor)

    def draw(self, data: Batch, seed: SeedGenerator | None) -> Any:
        factor = numbers(data, self.factor, seed)
        return {"factor": factor / (1 - factor + _EPSILON)}

    def change(self, images: Tensor, transformation: Transformation) -> Any:
        _rgb(self, images)
        low = self.value_range[0]
        factor = jnp.maximum(pixels.per_image(transformation["factor"]), 0)
        return jnp.clip(pixels.saturation(images - low, factor) + low, *self.value_range)


class RandomHue(PixelLayer):
    """Turn the hue of each RGB image on the color wheel, in either direction, while training.

    Args:
        factor: the turn in units of half the wheel, from 0 (none) to 1 (complementary colors): a
            pair `(lower, upper)`, or a number f for `(0, f)`.
        value_range: the smallest and the largest value of a pixel.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.
        seed: seed of the random numbers.

    Example:

        >>> import numpy as np
        >>> red = np.array([1.0, 0.0, 0.0]).reshape(1, 1, 1, 3)
        >>> RandomHue((1, 1), value_range=(0, 1))(red, training=True).ravel().tolist()
        [0.0, 1.0, 1.0]
    """

    def __init__(
        self,
        factor: Amount,
        value_range: Range = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = checked_value_range(value_range)
        self._set_seed(seed)
        self.factor = factor_range(factor, "factor", (0, 1))

    def draw(self, data: Batch, seed: SeedGenerator | None) -> Any:
        direction = jnp.where(numbers(data, (0, 1), seed) > 0.5, -1, 1)
        return {"factor": direction * numbers(data, self.factor, seed) * 0.5}

    def change(self, images: Tensor, transformation: Transformation) -> Any:
        _rgb(self, images)
        return jnp.clip(
            pixels.hue(images, pixels.per_image(transformation["factor"])), *self.value_range
        )


class RandomColorJitter(PixelLayer):
    """Change brightness, contrast, saturation and hue of each RGB image while training.

    They are changed in this order, by the layers `RandomBrightness`, `RandomContrast`,
    `RandomSaturation` and `RandomHue`.

    Args:
        value_range: the smallest and the largest value of a pixel; what leaves it is clipped.
        brightness_factor: `factor` of `RandomBrightness`, or None to leave it.
        contrast_factor: `factor` of `RandomContrast`, or None.
        saturation_factor: `factor` of `RandomSaturation`, or None.
        hue_factor: `factor` of `RandomHue`, or None.
        seed: seed of the random numbers.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.

    Example:

        >>> import numpy as np
        >>> layer = RandomColorJitter(brightness_factor=0.2, saturation_factor=(0.4, 0.6), seed=1)
        >>> layer(np.zeros((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        value_range: Range = (0, 255),
        brightness_factor: Amount | None = None,
        contrast_factor: Amount | None = None,
        saturation_factor: Amount | None = None,
        hue_factor: Amount | None = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = checked_value_range(value_range)
        self._set_seed(seed)
        self.brightness_factor = brightness_factor
        self.contrast_factor = contrast_factor
        self.saturation_factor = saturation_factor
        self.hue_factor = hue_factor

        def part(kind: type, factor: Amount | None) -> Any:
            if factor is None:
                return None
            return kind(factor, value_range, seed=seed, data_format=self.data_format)

        self.random_brightness = part(RandomBrightness, brightness_factor)
        self.random_contrast = part(RandomContrast, contrast_factor)
        self.random_saturation = part(RandomSaturation, saturation_factor)
        self.random_hue = part(RandomHue, hue_factor)

    def _parts(self) -> list[PixelLayer]:
        parts = (
            self.random_brightness,
            self.random_contrast,
            self.random_saturation,
            self.random_hue,
        )
        return [part for part in parts if part is not None]

    def draw(self, data: Batch, seed: SeedGenerator | None) -> Any:
        return [part.draw(data, seed) for part in self._parts()]

    def change(self, images: Tensor, transformation: Transformation) -> Any:
        for part, drawn in zip(self._parts(), transformation, strict=True):
            images = part.change(images, drawn)
        return images


class RandomColorDegeneration(PixelLayer):
    """Blend each RGB image with its grayscale version while training.

    Args:
        factor: weight of the grayscale version, from 0 to 1: a pair `(lower, upper)`, or a number f
            for `(0, f)`. Negative numbers make colors stronger.
        value_range: the smallest and the largest value of a pixel; what leaves it is clipped.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.
        seed: seed of the random numbers.

    Example:

        >>> import numpy as np
        >>> green = np.array([0.0, 100.0, 0.0]).reshape(1, 1, 1, 3)
        >>> RandomColorDegeneration((1, 1))(green, training=True).ravel().round(1).tolist()
        [58.70000076293945, 58.70000076293945, 58.70000076293945]
    """

    def __init__(
        self,
        factor: Amount,
        value_range: Range = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = checked_value_range(value_range)
        self._set_seed(seed)
        self.factor = _from_zero(factor)

    def draw(self, data: Batch, seed: SeedGenerator | None) -> Any:
        return {"factor": numbers(data, self.factor, seed)}

    def change(self, images: Tensor, transformation: Transformation) -> Any:
        _rgb(self, images)
        factor = pixels.per_image(transformation["factor"])
        return jnp.clip(images + factor * (pixels.gray(images) - images), *self.value_range)


class RandomGrayscale(PixelLayer):
    """Make RGB images gray with probability `factor` while training; three channels remain.

    Args:
        factor: probability, from 0 to 1.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.
        seed: seed of the random numbers.

    Example:

        >>> import numpy as np
        >>> y = RandomGrayscale(1.0)(np.random.rand(2, 4, 4, 3), training=True)
        >>> bool((y[..., 0] == y[..., 2]).all())
        True
    """

    def __init__(
        self,
        factor: float = 0.5,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self._set_seed(seed)
        self.factor = fraction(factor, "factor")

    def draw(self, data: Batch, seed: SeedGenerator | None) -> Any:
        return numbers(data, (0, 1), seed) < self.factor

    def change(self, images: Tensor, transformation: Transformation) -> Any:
        _rgb(self, images)
        chosen = jnp.reshape(transformation, (-1, 1, 1, 1))
        return jnp.where(chosen, pixels.gray(images), images)


class RandomInvert(PixelLayer):
    """Invert the colors of images while training: `low + high - x` for a range `(low, high)`.

    Args:
        factor: probability, from 0 to 1, drawn for each image: a pair `(lower, upper)`, or a number
            f for `(0, f)`.
        value_range: the smallest and the largest value of a pixel.
        seed: seed of the random numbers.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.

    Example:

        >>> import numpy as np
        >>> RandomInvert((1, 1))(np.full((1, 1, 1, 3), 55), training=True).ravel().tolist()
        [200.0, 200.0, 200.0]
    """

    def __init__(
        self,
        factor: Amount = 1.0,
        value_range: Range = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = checked_value_range(value_range)
        self._set_seed(seed)
        self.factor = factor_range(factor, "factor", (0, 1))

    def draw(self, data: Batch, seed: SeedGenerator | None) -> Any:
        return {"apply_inversion": chosen(data, self.factor, seed)}

    def change(self, images: Tensor, transformation: Transformation) -> Any:
        inverted = jnp.reshape(transformation["apply_inversion"], (-1, 1, 1, 1))
        return jnp.where(inverted, sum(self.value_range) - images, images)


def _from_zero(factor: Amount) -> Range:
    """The range of a factor, which for a number f starts at 0."""
    pair = factor_range(factor, "factor")
    return pair if isinstance(factor, (tuple, list)) else (0, pair[1])


def _rgb(layer: PixelLayer, images: Tensor) -> None:
    if images.shape[-1] != 3:
        raise value_error(
            f"{type(layer).__name__} '{layer.name}' changes the colors of RGB images, which must "
            f"have 3 channels, got {images.shape[-1]}.",
            data_format=layer.data_format,
            fix="data_format='channels_first', if the channels come before height and width",
        )
