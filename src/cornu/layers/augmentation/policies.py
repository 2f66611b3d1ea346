"""RandAugment and AugMix: several random operations per image, drawn from one list.

    RandAugment   image -> operation -> ... -> operation          `num_ops` in a row
    AugMix        image -> operations -> \\
                        -> operations ->  weighted mean -> mean with the image
                        -> operations -> /                        `num_chains` chains

Operations are layers of this package. Parameters are drawn for every operation and image, and each
image then goes through its own operations alone, in a loop with a branch per operation: what was
not drawn costs nothing.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from cornu import random
from cornu.arguments import integer, is_number, one_of, positive_int
from cornu.errors import value_error
from cornu.layers.augmentation.affine import RandomRotation, RandomShear, RandomTranslation
from cornu.layers.augmentation.base import (
    Batch,
    ImageLayer,
    Transformation,
    checked_value_range,
    factor_range,
)
from cornu.layers.augmentation.color import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
)
from cornu.layers.augmentation.filters import RandomSharpness
from cornu.layers.augmentation.pixel_layer import Amount, Range
from cornu.layers.augmentation.tone import (
    AutoContrast,
    Equalization,
    RandomPosterization,
    Solarization,
)
from cornu.random.seed import SeedGenerator
from cornu.types import Tensor, Tensors

_GEOMETRY = ("random_shear", "random_translation", "random_rotation")
_TONE = ("random_posterization", "solarization", "auto_contrast", "equalization")
_COLOR = (
    "random_brightness",
    "random_color_degeneration",
    "random_contrast",
    "random_sharpness",
)


class _Policy(ImageLayer):
    """Base of layers that apply operations drawn from a list.

    Each operation is an attribute, under the name that it has in weights files.
    """

    _operations: Sequence[str] = ()

    def _make_operations(self, names: Sequence[str]) -> None:
        """Make the layers, of the strength `self.factor`."""
        factor, pixels = self.factor, {"value_range": self.value_range, "dtype": "float32"}
        warp = {
            "interpolation": self.interpolation,
            "seed": self.seed,
            "bounding_box_format": self.bounding_box_format,
            "dtype": "float32",
        }
        bits = max(1, int(8 * factor[1]))
        made: dict[str, Callable[[], ImageLayer]] = {
            "random_shear": lambda: RandomShear(factor, factor, **warp),
            "random_translation": lambda: RandomTranslation(factor, factor, **warp),
            "random_rotation": lambda: RandomRotation(factor, **warp),
            "random_posterization": lambda: RandomPosterization(bits, seed=self.seed, **pixels),
            "solarization": lambda: Solarization(factor, factor, seed=self.seed, **pixels),
            "auto_contrast": lambda: AutoContrast(**pixels),
            "equalization": lambda: Equalization(**pixels),
            "random_brightness": lambda: RandomBrightness(factor, seed=self.seed, **pixels),
            "random_color_degeneration": lambda: RandomColorDegeneration(
                factor, seed=self.seed, **pixels
            ),
            "random_contrast": lambda: RandomContrast(factor, seed=self.seed, **pixels),
            "random_sharpness": lambda: RandomSharpness(factor, seed=self.seed, **pixels),
        }
        for name in names:
            setattr(self, name, made[name]())
        self._operations = tuple(names)

    def _drawn(self, data: Batch, rounds: int, seed: SeedGenerator | None) -> list[Any]:
        """Parameters of every operation for `rounds` rounds of each image.

        Returns:
            For each operation, arrays `(batch, rounds, ...)`.
        """
        images = data["images"]
        repeated = (images.shape[0] * rounds, *images.shape[1:])
        asked = {"images": jax.ShapeDtypeStruct(repeated, images.dtype)}
        drawn = []
        for name in self._operations:
            layer = getattr(self, name)
            found = layer.get_random_transformation(asked, training=True, seed=seed)
            drawn.append(
                jax.tree.map(lambda x: x.reshape(images.shape[0], rounds, *x.shape[1:]), found)
            )
        return drawn

    def _applied(self, kind: str, value: Tensors, which: Tensor, drawn: Sequence[Any]) -> Any:
        """One image, its boxes or its mask after the operation `which`.

        Args:
            kind: "images", "bounding_boxes" or "segmentation_masks".
            value: what belongs to the image, without the axis of the batch.
            which: number of the operation; the number of operations for none.
            drawn: parameters of all operations for this image.
        """

        def branch(name: str, transformation: Any) -> Callable[[Tensors], Any]:
            transform = getattr(getattr(self, name), f"transform_{kind}")

            def run(value: Tensors) -> Any:
                batch = jax.tree.map(lambda x: x[None], (value, transformation))
                changed = transform(*batch, True)
                return jax.tree.map(lambda new, old: new[0].astype(old.dtype), changed, value)

            return run

        branches = [branch(n, t) for n, t in zip(self._operations, drawn, strict=True)]
        return lax.switch(which, [*branches, lambda value: value], value)


class RandAugment(_Policy):
    """Apply `num_ops` operations in a row, drawn for each image, while training.

    The operations are shear, translation, rotation, brightness, color, contrast, sharpness,
    posterization, solarization, auto-contrast and equalization (Cubuk et al. 2019, "RandAugment:
    Practical automated data augmentation with a reduced search space"). Boxes and masks follow
    the pixels.

    Args:
        value_range: the smallest and the largest value of a pixel.
        num_ops: number of operations.
        factor: strength of the operations, from 0 to 1: a pair `(lower, upper)`, or a number f for
            `(0, f)`.
        interpolation: "bilinear" or "nearest", where pixels are moved.
        seed: seed of the random numbers.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.

    Example:

        >>> import numpy as np
        >>> layer = RandAugment(value_range=(0, 1), seed=1)
        >>> layer(np.random.rand(2, 16, 16, 3), training=True).shape
        (2, 16, 16, 3)
    """

    def __init__(
        self,
        value_range: Range = (0, 255),
        num_ops: int = 2,
        factor: Amount = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = checked_value_range(value_range)
        self.num_ops = integer(num_ops, "num_ops", least=0)
        self.factor = factor_range(factor, "factor", (0, 1))
        self.interpolation = one_of(interpolation, ("bilinear", "nearest"), "interpolation")
        self._set_seed(seed)
        self._make_operations((*_GEOMETRY, *_COLOR, *_TONE))

    def get_random_transformation(
        self, data: Batch, training: bool = True, seed: SeedGenerator | None = None
    ) -> Transformation:
        if not training:
            return None
        shape = (data["images"].shape[0], self.num_ops)
        return {
            "layer_idxes": random.randint(shape, 0, len(self._operations), seed=seed),
            "transforms": self._drawn(data, self.num_ops, seed),
        }

    def _in_a_row(self, kind: str, values: Tensors, transformation: Transformation) -> Any:
        def one(values: Any) -> Any:
            value, rounds = values

            def step(value: Tensors, drawn: Any) -> tuple[Any, None]:
                return self._applied(kind, value, *drawn), None

            return lax.scan(step, value, rounds)[0]

        rounds = (transformation["layer_idxes"], transformation["transforms"])
        return lax.map(one, (values, rounds))

    def transform_images(
        self, images: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        if not training or transformation is None:
            return images
        return self._in_a_row("images", jnp.asarray(images, jnp.float32), transformation)

    def transform_bounding_boxes(
        self, bounding_boxes: Batch, transformation: Transformation, training: bool = True
    ) -> Batch:
        if not training or transformation is None:
            return bounding_boxes
        return self._in_a_row("bounding_boxes", bounding_boxes, transformation)

    def transform_segmentation_masks(
        self, segmentation_masks: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        if not training or transformation is None:
            return segmentation_masks
        return self._in_a_row("segmentation_masks", segmentation_masks, transformation)


class AugMix(_Policy):
    """Mix each image with differently augmented versions of itself, while training.

    `num_chains` chains of up to `chain_depth` operations start from the image. Their results are
    averaged with weights of a Dirichlet distribution, and the mean is averaged with the image by a
    weight of a beta distribution (Hendrycks et al. 2020, "AugMix: A Simple Data Processing Method
    to Improve Robustness and Uncertainty"). Everything is drawn for each image. Boxes and masks
    stay, since a mean of moved images has no place of its own.

    Args:
        value_range: the smallest and the largest value of a pixel.
        num_chains: number of chains.
        chain_depth: largest number of operations of a chain.
        factor: strength of the operations, from 0 to 1: a pair `(lower, upper)`, or a number f for
            `(0, f)`.
        alpha: parameter of the Dirichlet and the beta distribution.
        all_ops: whether brightness, color, contrast and sharpness are among the operations, which
            tests of robustness use as corruptions.
        interpolation: "bilinear" or "nearest", where pixels are moved.
        seed: seed of the random numbers.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.

    Example:

        >>> import numpy as np
        >>> layer = AugMix(value_range=(0, 1), seed=1)
        >>> layer(np.random.rand(2, 16, 16, 3), training=True).shape
        (2, 16, 16, 3)
    """

    def __init__(
        self,
        value_range: Range = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Amount = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = checked_value_range(value_range)
        self.num_chains = positive_int(num_chains, "num_chains", "num_chains=3")
        self.chain_depth = positive_int(chain_depth, "chain_depth", "chain_depth=3")
        self.factor = factor_range(factor, "factor", (0, 1))
        if not is_number(alpha) or alpha <= 0:
            raise value_error(f"alpha must be a positive number, got {alpha!r}.", fix="alpha=1.0")
        self.alpha = alpha
        self.all_ops = all_ops
        self.interpolation = one_of(interpolation, ("bilinear", "nearest"), "interpolation")
        self._set_seed(seed)
        self._make_operations((*_GEOMETRY, *_TONE, *(_COLOR if all_ops else ())))

    def get_random_transformation(
        self, data: Batch, training: bool = True, seed: SeedGenerator | None = None
    ) -> Transformation:
        if not training:
            return None
        count, rounds = data["images"].shape[0], self.num_chains * self.chain_depth
        parts = random.gamma((count, self.num_chains), self.alpha, dtype="float32", seed=seed)
        return {
            "chain_mixing_weights": parts / jnp.sum(parts, axis=-1, keepdims=True),
            "weight_sample": random.beta(
                (count,), self.alpha, self.alpha, dtype="float32", seed=seed
            ),
            # The last number stands for no operation, which makes chains of different lengths.
            "layer_idxes": random.randint((count, rounds), 0, len(self._operations) + 1, seed=seed),
            "transforms": self._drawn(data, rounds, seed),
        }

    def transform_images(
        self, images: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        if not training or transformation is None:
            return images

        def one(values: Any) -> Any:
            image, weights, kept, *rounds = values
            starts = jnp.arange(weights.size * self.chain_depth) % self.chain_depth == 0
            ends = jnp.roll(starts, -1)
            weights = jnp.repeat(weights, self.chain_depth)

            def step(carried: Any, drawn: Any) -> tuple[Any, None]:
                mean, current = carried
                start, end, weight, *operation = drawn
                current = jnp.where(start, image, current)
                current = self._applied("images", current, *operation)
                return (mean + jnp.where(end, weight, 0) * current, current), None

            drawn = (starts, ends, weights, *rounds)
            (mean, _), _ = lax.scan(step, (jnp.zeros_like(image), image), drawn)
            return kept * image + (1 - kept) * mean

        names = ("chain_mixing_weights", "weight_sample", "layer_idxes", "transforms")
        rounds = (transformation[name] for name in names)
        mixed = lax.map(one, (jnp.asarray(images, jnp.float32), *rounds))
        return jnp.clip(mixed, *self.value_range)
