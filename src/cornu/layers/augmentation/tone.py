"""Layers that map the levels of an image to other levels.

    RandomPosterization   keep the highest bits of 8
    Solarization          invert what is above a threshold
    AutoContrast          stretch each channel over the whole range
    Equalization          make all levels about equally frequent
    ContrastLimitedAdaptiveHistogramEqualization      the same in tiles, with limited contrast

Each image of a batch is changed by itself.
"""

from typing import Any

import jax.numpy as jnp

from cornu import random
from cornu.arguments import non_negative, per_axis, positive_int
from cornu.layers.augmentation import pixels
from cornu.layers.augmentation.base import Batch, Transformation, checked_value_range, factor_range
from cornu.layers.augmentation.pixel_layer import (
    Amount,
    PixelLayer,
    Range,
    numbers,
)
from cornu.random.seed import SeedGenerator
from cornu.types import PerAxis, Tensor


class RandomPosterization(PixelLayer):
    """Keep the highest bits of each pixel, as one of 256 levels, and set the others to zero.

    Active while training.

    Args:
        factor: number of bits, from 1 to 8, drawn for each image: a pair `(lower, upper)` with both
            included, or a number n for `(1, n)`.
        value_range: the smallest and the largest value of a pixel.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.
        seed: seed of the random numbers.

    Example:

        >>> import numpy as np
        >>> x = np.array([3, 100, 200]).reshape(1, 1, 3, 1)
        >>> RandomPosterization((1, 1))(x, training=True).ravel().tolist()
        [0.0, 0.0, 128.0]
    """

    def __init__(
        self,
        factor: int | tuple[int, int],
        value_range: Range = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = checked_value_range(value_range)
        self._set_seed(seed)
        self.factor = factor_range(factor, "factor", (1, 8))

    def draw(self, data: Batch, seed: SeedGenerator | None) -> Any:
        fewest, most = (int(n) for n in self.factor)
        count = data["images"].shape[0]
        bits = random.randint((count,), fewest, most + 1, seed=seed)
        return {"shift_factor": (8 - bits).astype(jnp.uint8)}

    def change(self, images: Tensor, transformation: Transformation) -> Any:
        bits = 8 - pixels.per_image(transformation["shift_factor"])
        posterized = pixels.posterize(pixels.levels(images, self.value_range), bits)
        return pixels.from_levels(posterized, self.value_range)


class Solarization(PixelLayer):
    """Add an amount to all pixels, and invert those that then are not below a threshold.

    Active while training. By default nothing is added and all pixels are inverted.

    Args:
        addition_factor: the amount in units of the range, from 0 to 1, drawn for each image: a pair
            `(lower, upper)`, or a number f for `(0, f)`.
        threshold_factor: the threshold, likewise.
        value_range: the smallest and the largest value of a pixel.
        seed: seed of the random numbers.

    Example:

        >>> import numpy as np
        >>> x = np.array([3, 100, 200]).reshape(1, 1, 3, 1)
        >>> layer = Solarization(threshold_factor=(0.5, 0.5))
        >>> layer(x, training=True).ravel().tolist()
        [3.0, 100.0, 55.0]
    """

    def __init__(
        self,
        addition_factor: Amount = 0.0,
        threshold_factor: Amount = 0.0,
        value_range: Range = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._set_seed(seed)
        self.addition_factor = factor_range(addition_factor, "addition_factor", (0, 1))
        self.threshold_factor = factor_range(threshold_factor, "threshold_factor", (0, 1))
        self.value_range = checked_value_range(value_range)

    def draw(self, data: Batch, seed: SeedGenerator | None) -> Any:
        return {
            "additions": numbers(data, self.addition_factor, seed) * 255,
            "thresholds": numbers(data, self.threshold_factor, seed) * 255,
        }

    def change(self, images: Tensor, transformation: Transformation) -> Any:
        addition = pixels.per_image(transformation["additions"])
        threshold = pixels.per_image(transformation["thresholds"])
        levels = pixels.levels(images, self.value_range)
        solarized = pixels.solarize(levels, addition, threshold)
        return pixels.from_levels(solarized, self.value_range)


class _Always(PixelLayer):
    """Base of layers that do the same in training and at inference."""

    def get_random_transformation(
        self, data: Batch, training: bool = True, seed: SeedGenerator | None = None
    ) -> Transformation:
        return {}

    def transform_images(
        self, images: Tensor, transformation: Transformation = None, training: bool = True
    ) -> Tensor:
        return self.change(jnp.asarray(images, jnp.float32), transformation)


class AutoContrast(_Always):
    """Stretch each channel of each image over the whole range, in training and at inference.

    Channels of a single value stay as they are.

    Args:
        value_range: the smallest and the largest value of a pixel.

    Example:

        >>> import numpy as np
        >>> x = np.array([100, 120, 150]).reshape(1, 1, 3, 1)
        >>> AutoContrast()(x).ravel().round().tolist()
        [0.0, 102.0, 255.0]
    """

    def __init__(self, value_range: Range = (0, 255), **kwargs: Any):
        super().__init__(**kwargs)
        self.value_range = checked_value_range(value_range)

    def change(self, images: Tensor, transformation: Transformation) -> Any:
        return pixels.stretch(images, self.value_range)


class Equalization(PixelLayer):
    """Histogram equalization of each channel of each image while training.

    A level becomes the fraction of pixels that are darker, in units of the range. Called outside of
    a model, a layer is in training mode unless told otherwise.

    Args:
        value_range: the smallest and the largest value of a pixel.
        bins: number of bins of the histograms.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.

    Example:

        >>> import numpy as np
        >>> x = np.array([100, 101, 102, 103]).reshape(1, 2, 2, 1)
        >>> Equalization()(x, training=True).ravel().tolist()
        [0.0, 85.0, 170.0, 255.0]
    """

    def __init__(
        self,
        value_range: Range = (0, 255),
        bins: int = 256,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = checked_value_range(value_range)
        self.bins = positive_int(bins, "bins", "bins=256")

    def change(self, images: Tensor, transformation: Transformation) -> Any:
        equalized = pixels.equalize(pixels.levels(images, self.value_range), self.bins)
        return pixels.from_levels(equalized, self.value_range)


class ContrastLimitedAdaptiveHistogramEqualization(_Always):
    """CLAHE: histogram equalization of the neighborhood of each pixel, with limited contrast.

    In training and at inference, for each channel of each image (Zuiderveld 1994, "Contrast Limited
    Adaptive Histogram Equalization").

    Args:
        value_range: the smallest and the largest value of a pixel.
        clip_limit: largest count of a level, in units of the mean count; limits by how much
            contrast and noise grow. 0 for no limit.
        tile_grid_size: number of tiles along height and width.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.

    Example:

        >>> import numpy as np
        >>> x = np.linspace(100, 130, 32 * 32).reshape(1, 32, 32, 1)
        >>> y = ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))(x)
        >>> bool(y.std() > 2 * x.std())
        True
    """

    def __init__(
        self,
        value_range: Range = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: PerAxis = (8, 8),
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = checked_value_range(value_range)
        self.clip_limit = non_negative(clip_limit, "clip_limit")
        self.tile_grid_size = per_axis(tile_grid_size, 2, "tile_grid_size")

    def change(self, images: Tensor, transformation: Transformation) -> Any:
        levels = pixels.levels(images, self.value_range)
        equalized = pixels.clahe(levels, self.clip_limit, self.tile_grid_size)
        return pixels.from_levels(equalized, self.value_range)
