"""Base of the layers that change pixels and leave them where they are, and what they share.

Labels, bounding boxes and segmentation masks pass through. Pixels are computed in float32, so that
half-precision images are rounded once.
"""

from typing import Any

import jax
import jax.numpy as jnp

from cornu import random
from cornu.layers.augmentation.base import Batch, ImageLayer, Transformation, as_batch
from cornu.random.seed import SeedGenerator
from cornu.types import Tensor

# An interval of random amounts, or a number that stands for one.
Amount = float | tuple[float, float]
Range = tuple[float, float]


class PixelLayer(ImageLayer):
    """Base of layers that change pixels and leave them where they are.

    A subclass writes `change`, and `draw` if it is random.
    """

    def draw(self, data: Batch, seed: SeedGenerator | None) -> Any:
        """What happens to each image: arrays whose first axis is the batch."""
        return {}

    def change(self, images: Tensor, transformation: Transformation) -> Any:
        """The changed images, `(batch, height, width, channels)`, from and in float32."""
        raise NotImplementedError

    def get_random_transformation(
        self, data: Batch, training: bool = True, seed: SeedGenerator | None = None
    ) -> Transformation:
        if not training:
            return None
        data = as_batch(data)
        return self.draw(data, self.generator if seed is None and self._draws else seed)

    def transform_images(
        self, images: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        if not training or transformation is None:
            return images
        return self.change(jnp.asarray(images, jnp.float32), transformation)


def numbers(data: Batch, between: Range, seed: SeedGenerator | None, *shape: int) -> jax.Array:
    """Random numbers of an interval for each image: `(batch, *shape)`."""
    size = (data["images"].shape[0], *shape)
    return random.uniform(size, *between, dtype="float32", seed=seed)


def chosen(data: Batch, probability: Range, seed: SeedGenerator | None) -> jax.Array:
    """Which images are chosen, with a probability that is drawn for each: `(batch,)`."""
    return numbers(data, (0, 1), seed) < numbers(data, probability, seed)
