"""MixUp and CutMix: each image of a batch mixed with another one, and its labels with it.

    MixUp     w a + (1 - w) b                   labels, soft masks: the same;  boxes: of both
    CutMix    b within a rectangle, a around    labels: by area;  masks: the same rectangle

Labels of two classes cannot be mixed as integers: they must be one-hot, `(batch, classes)`.
"""

from typing import Any

import jax.numpy as jnp

from cornu import errors, random
from cornu.arguments import is_number
from cornu.errors import value_error
from cornu.layers.augmentation import pixels
from cornu.layers.augmentation.base import (
    Batch,
    ImageLayer,
    Transformation,
    as_batch,
    factor_range,
)
from cornu.layers.augmentation.erasing import patches
from cornu.layers.augmentation.pixel_layer import Amount, numbers
from cornu.numeric import is_float, is_integer
from cornu.ops.image.boxes import convert_format
from cornu.random.seed import SeedGenerator
from cornu.types import Tensor, Tensors

_LEAST_ALPHA = 1e-6  # beta(0, 0) is no distribution


class _Mixing(ImageLayer):
    """Base of layers that mix each image of a batch with another."""

    def get_random_transformation(
        self, data: Batch, training: bool = True, seed: SeedGenerator | None = None
    ) -> Transformation:
        if not training:
            return None
        data = as_batch(data)
        count = data["images"].shape[0]
        if "labels" in data:
            _refuse_classes(self, data["labels"])
        return {
            "permutation_order": random.shuffle(jnp.arange(count, dtype=jnp.int32), seed=seed),
            **self.draw(data, seed),
        }

    def draw(self, data: Batch, seed: SeedGenerator | None) -> Batch:
        """The weight of each image, and what else is drawn."""
        raise NotImplementedError

    def call(self, data: Tensors, training: bool = True) -> Tensors:
        images = data.get("images") if isinstance(data, dict) else data
        if training and len(getattr(images, "shape", ())) == 3:
            errors.warn(
                errors.explain(
                    f"{type(self).__name__} mixes the images of a batch; a single image stays "
                    "as it is.",
                    fix="dataset = dataset.batch(32).map(layer)",
                )
            )
        return super().call(data, training)

    def transform_labels(
        self, labels: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        if not training or transformation is None:
            return labels
        return _mixed(labels, transformation)


class MixUp(_Mixing):
    """Mix each image with another of the batch, and their labels by the same weights.

    Active while training. An image becomes `w a + (1 - w) b` with a weight w of the distribution
    Beta(alpha, alpha), and so do labels (Zhang et al. 2017, "mixup: Beyond Empirical Risk
    Minimization").

    Labels must be one-hot, `(batch, classes)`, or numbers to regress on. Bounding boxes and their
    labels are those of both images, one after the other. Segmentation masks are averaged like
    labels, so they must be one-hot, `(batch, height, width, classes)`, or floats.

    Args:
        alpha: parameter of the beta distribution; the greater, the more evenly images are mixed.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.
        seed: seed of the random numbers.

    Example:

        >>> import numpy as np
        >>> images, labels = np.random.rand(4, 8, 8, 3), np.eye(4)
        >>> mixed = MixUp(alpha=0.2, seed=1)({"images": images, "labels": labels}, training=True)
        >>> mixed["labels"].sum(axis=-1).round(3).tolist()
        [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(
        self,
        alpha: float = 0.2,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        if not is_number(alpha) or alpha <= 0:
            raise value_error(f"alpha must be a positive number, got {alpha!r}.", fix="alpha=0.2")
        self.alpha = alpha
        self._set_seed(seed)

    def draw(self, data: Batch, seed: SeedGenerator | None) -> Batch:
        count = data["images"].shape[0]
        weights = random.beta((count,), self.alpha, self.alpha, dtype="float32", seed=seed)
        return {"mix_weight": weights}

    def transform_images(
        self, images: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        if not training or transformation is None:
            return images
        return _mixed(images, transformation)

    def transform_bounding_boxes(
        self, bounding_boxes: Batch, transformation: Transformation, training: bool = True
    ) -> Batch:
        if not training or transformation is None:
            return bounding_boxes
        order = transformation["permutation_order"]
        return {
            key: jnp.concatenate([value, jnp.take(value, order, axis=0)], axis=1)
            for key, value in bounding_boxes.items()
        }

    def transform_segmentation_masks(
        self, segmentation_masks: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        if not training or transformation is None:
            return segmentation_masks
        masks = segmentation_masks
        if is_integer(masks.dtype) and masks.shape[-1] == 1:
            raise value_error(
                f"{type(self).__name__} averages segmentation masks, which must be one-hot or "
                f"floats; got classes of dtype {masks.dtype}.",
                shape=tuple(masks.shape),
                fix="keras.ops.one_hot(masks[..., 0], num_classes)\n"
                "CutMix(), which moves masks as they are",
            )
        return _mixed(masks, transformation)


class CutMix(_Mixing):
    """Replace a rectangle of each image by that of another, and mix labels by area.

    Active while training. The share of the image that stays is drawn from Beta(alpha, alpha), with
    an alpha from `factor` (Yun et al. 2019, "CutMix: Regularization Strategy to Train Strong
    Classifiers with Localizable Features").

    Labels must be one-hot, `(batch, classes)`, or numbers to regress on; they are mixed by the
    numbers of pixels. The same rectangle is replaced in segmentation masks, which may hold classes.
    Bounding boxes are those of the image whose center stays visible, and those of the other one
    with the center in the rectangle, cut to it; the rest get the label -1.

    Args:
        factor: alpha of the beta distribution, from 0 to 1, drawn for each image: a pair
            `(lower, upper)`, or a number f for `(0, f)`.
        seed: seed of the random numbers.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.

    Example:

        >>> import numpy as np
        >>> data = {"images": np.ones((4, 8, 8, 3)), "labels": np.eye(4)}
        >>> mixed = CutMix(seed=1)(data, training=True)
        >>> mixed["labels"].sum(axis=-1).round(3).tolist()
        [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(
        self,
        factor: Amount = 1.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(factor, "factor", (0, 1))
        self._set_seed(seed)

    def draw(self, data: Batch, seed: SeedGenerator | None) -> Batch:
        count, height, width = data["images"].shape[:3]
        alpha = numbers(data, self.factor, seed) + _LEAST_ALPHA
        kept = random.beta((count,), alpha, alpha, dtype="float32", seed=seed)
        area = jnp.broadcast_to((1 - kept)[:, None], (count, 2))
        patch = patches(data, area, seed)
        pasted = jnp.mean(pixels.inside(patch, height, width), axis=(1, 2, 3))
        sizes = jnp.broadcast_to(jnp.asarray([height, width], jnp.float32), (count, 2))
        return {"patch": patch, "mix_weight": 1 - pasted, "sizes": sizes}

    def transform_images(
        self, images: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        if not training or transformation is None:
            return images
        other = jnp.take(images, transformation["permutation_order"], axis=0)
        patch = pixels.inside(transformation["patch"], *images.shape[1:3])
        return jnp.where(patch, other, images)

    def transform_segmentation_masks(
        self, segmentation_masks: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_bounding_boxes(
        self, bounding_boxes: Batch, transformation: Transformation, training: bool = True
    ) -> Batch:
        if not training or transformation is None:
            return bounding_boxes
        order, own = transformation["permutation_order"], self.bounding_box_format
        if own is None:
            raise value_error(
                f"CutMix '{self.name}' must know the format of the boxes that it cuts.",
                fix="CutMix(bounding_box_format='xyxy')",
            )
        height, width = transformation["sizes"][0]
        boxes = convert_format(bounding_boxes["boxes"], own, "rel_xyxy", height, width)
        first, last = jnp.split(transformation["patch"][:, None], 2, axis=-1)  # (batch, 1, 2)

        def in_patch(boxes: Tensor) -> Any:
            center = (boxes[..., :2] + boxes[..., 2:]) / 2
            return jnp.all((center >= first) & (center < last), axis=-1)  # (batch, boxes)

        others = jnp.take(boxes, order, axis=0)
        low, high = jnp.tile(first, 2), jnp.tile(last, 2)
        both = jnp.concatenate([boxes, jnp.clip(others, low, high)], axis=1)
        labels = jnp.asarray(bounding_boxes["labels"])
        kept = jnp.concatenate([~in_patch(boxes), in_patch(others)], axis=1)
        labels = jnp.concatenate([labels, jnp.take(labels, order, axis=0)], axis=1)
        return {
            "boxes": convert_format(both, "rel_xyxy", own, height, width),
            "labels": jnp.where(kept, labels, jnp.asarray(-1, labels.dtype)),
        }


def _mixed(values: Tensor, transformation: Batch) -> Any:
    """Weighted means with the other sample; what is no float becomes float32."""
    values = jnp.asarray(values)
    dtype = values.dtype if is_float(values.dtype) else jnp.float32
    weight = transformation["mix_weight"].reshape(-1, *(1,) * (values.ndim - 1))
    exact = values.astype(jnp.float32)
    other = jnp.take(exact, transformation["permutation_order"], axis=0)
    return (weight * exact + (1 - weight) * other).astype(dtype)


def _refuse_classes(layer: ImageLayer, labels: Tensor) -> None:
    """Refuse labels that are numbers of classes: the mean of classes 0 and 2 is not 1."""
    if is_integer(labels.dtype) and (labels.ndim == 1 or labels.shape[-1] == 1):
        raise value_error(
            f"{type(layer).__name__} mixes labels, which must be one-hot, (batch, classes); got "
            f"classes of dtype {labels.dtype}.",
            shape=tuple(labels.shape),
            fix="labels = keras.utils.to_categorical(labels)\n"
            "or, if they are numbers to regress on: labels = labels.astype('float32')",
        )
