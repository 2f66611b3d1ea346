"""Random changes of the neighborhood of pixels: sharpness and blur."""

from typing import Any

import jax.numpy as jnp

from cornu.arguments import is_int
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
from cornu.ops.image.filtering import blur
from cornu.random.seed import SeedGenerator
from cornu.types import PerAxis, Tensor

_LEAST_SIGMA = 1e-6  # a Gaussian of deviation 0 is one pixel


class RandomSharpness(PixelLayer):
    """Blur or sharpen each image by a random amount while training.

    Args:
        factor: 0 smooths, 0.5 changes nothing, 1 sharpens: a pair `(lower, upper)`, or a number f
            for `(0, f)`.
        value_range: the smallest and the largest value of a pixel; what leaves it is clipped.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.
        seed: seed of the random numbers.

    Example:

        >>> import numpy as np
        >>> x = np.zeros((1, 3, 3, 1)); x[0, 1, 1] = 130
        >>> RandomSharpness((0, 0))(x, training=True)[0, 1, :, 0].round(2).tolist()
        [10.0, 50.0, 10.0]
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
        self.factor = factor_range(factor, "factor", (0, 1))
        self.value_range = checked_value_range(value_range)
        self._set_seed(seed)

    def draw(self, data: Batch, seed: SeedGenerator | None) -> Any:
        return {"factor": numbers(data, self.factor, seed)}

    def change(self, images: Tensor, transformation: Transformation) -> Any:
        factor = 2 * pixels.per_image(transformation["factor"])
        return jnp.clip(pixels.sharpen(images, factor), *self.value_range)


class RandomGaussianBlur(PixelLayer):
    """Gaussian blur of images while training.

    Args:
        factor: probability that an image is blurred, from 0 to 1, drawn for each image: a pair
            `(lower, upper)`, or a number f for `(0, f)`.
        kernel_size: size of the kernel, an odd int, or a pair for height and width.
        sigma: standard deviation in pixels, drawn for each image: a pair `(lower, upper)`, or a
            number s for `(0, s)`.
        value_range: the smallest and the largest value of a pixel; what leaves it is clipped.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.
        seed: seed of the random numbers.

    Example:

        >>> import numpy as np
        >>> x = np.random.rand(2, 16, 16, 3) * 255
        >>> y = RandomGaussianBlur((1, 1), sigma=(1, 1))(x, training=True)
        >>> bool(y.std() < x.std())
        True
    """

    def __init__(
        self,
        factor: Amount = 1.0,
        kernel_size: PerAxis = 3,
        sigma: Amount = 1.0,
        value_range: Range = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(factor, "factor", (0, 1))
        self.kernel_size = _odd_pair(kernel_size)
        self.sigma = factor_range(sigma, "sigma", (0, 100))
        self.value_range = checked_value_range(value_range)
        self._set_seed(seed)

    def draw(self, data: Batch, seed: SeedGenerator | None) -> Any:
        return {
            "should_apply_blur": chosen(data, self.factor, seed),
            "blur_factor": numbers(data, self.sigma, seed, 2) + _LEAST_SIGMA,  # (batch, 2)
        }

    def change(self, images: Tensor, transformation: Transformation) -> Any:
        sigma = jnp.moveaxis(jnp.asarray(transformation["blur_factor"]), -1, 0)
        blurred = blur(images, self.kernel_size, sigma)
        applied = jnp.reshape(transformation["should_apply_blur"], (-1, 1, 1, 1))
        return jnp.clip(jnp.where(applied, blurred, images), *self.value_range)


def _odd_pair(value: object) -> tuple[int, int]:
    pair = (value, value) if is_int(value) else value
    if (
        not isinstance(pair, (tuple, list))
        or len(pair) != 2
        or not all(is_int(n) and n > 0 and n % 2 for n in pair)
    ):
        raise value_error(
            f"kernel_size must be a positive odd integer or two of them, got {value!r}.",
            fix="kernel_size=3\nor kernel_size=(3, 5)",
        )
    return int(pair[0]), int(pair[1])
