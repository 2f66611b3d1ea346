"""Random changes of perspective and elastic deformations of images."""

from collections.abc import Sequence
from typing import Any

import jax

from cornu import ops, random
from cornu.arguments import fraction, one_of
from cornu.layers.augmentation.base import (
    Batch,
    Transformation,
    checked_value_range,
    factor_range,
)
from cornu.layers.augmentation.geometry import INTERPOLATIONS, Geometry
from cornu.ops.image.boxes import enclosing
from cornu.ops.image.warping import displaced, homography
from cornu.random.seed import SeedGenerator
from cornu.types import Tensor

ELASTIC_FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


def _chosen(count: int, factor: tuple[float, float], seed: SeedGenerator | None) -> Tensor:
    """Which images are changed, `(count,)`: each with a probability drawn from a range."""
    probability = random.uniform((count,), *factor, dtype="float32", seed=seed)
    return random.uniform((count,), dtype="float32", seed=seed) < probability


def _where(chosen: Tensor, changed: Tensor, given: Tensor) -> Tensor:
    """The changed values of the images that were chosen, the given ones of the others."""
    return ops.where(chosen.reshape(-1, *(1,) * (given.ndim - 1)), changed, given)


class RandomPerspective(Geometry):
    """Move the corners of each image at random in training, as if seen from another place.

    Input and output one image or a batch, or a dict (see `ImageLayer`); floats come out.

    Args:
        factor: probability of a change, or the range `(lowest, highest)` that the probability of
            each image is drawn from; a number f stands for 0 to f.
        scale: greatest movement of a corner, from 0 to 1: at 1 by half of the image's size.
        interpolation: "bilinear" or "nearest".
        fill_value: value outside of the image; masks get 0.
        seed: seed of the random numbers.
        data_format: "channels_last" or "channels_first".

    Example:

        >>> import numpy as np
        >>> RandomPerspective(scale=0.5)(np.ones((4, 8, 8, 3)), training=True).shape
        (4, 8, 8, 3)
    """

    def __init__(
        self,
        factor: float | Sequence[float] = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(factor, "factor", (0, 1))
        self.scale = fraction(scale, "scale")
        self.interpolation = one_of(interpolation, INTERPOLATIONS, "interpolation")
        self.fill_value = fill_value
        self._set_seed(seed)

    def _draw(self, shape: tuple[int, ...], seed: SeedGenerator | None, training: bool) -> Batch:
        batch, height, width = shape
        right, bottom = width - 1, height - 1
        corners = [[0, 0], [right, 0], [0, bottom], [right, bottom]]
        start = ops.broadcast_to(ops.convert_to_tensor(corners, "float32"), (batch, 4, 2))
        half = self.scale / 2
        moved = 1 + random.uniform((batch, 4, 2), -half, half, "float32", seed)
        chosen = _chosen(batch, self.factor, seed)
        return {"chosen": chosen, "start_points": start, "end_points": start * moved}

    def _move(self, pixels: Tensor, transformation: Transformation, masks: bool) -> Tensor:
        changed = ops.image.perspective_transform(
            pixels,
            transformation["start_points"],
            transformation["end_points"],
            interpolation="nearest" if masks else self.interpolation,
            fill_value=0 if masks else self.fill_value,
            data_format="channels_last",
        )
        return _where(transformation["chosen"], changed, pixels)

    def _move_boxes(self, boxes: Tensor, transformation: Transformation) -> Tensor:
        to_end = homography(transformation["end_points"], transformation["start_points"])
        moved = enclosing(boxes - 0.5, to_end) + 0.5  # points are centers of pixels
        return _where(transformation["chosen"], moved, boxes)


class RandomElasticTransform(Geometry):
    """Deform each image elastically in training (Simard et al. 2003, "Best practices for CNNs").

    Each pixel moves by a random distance; the distances are smoothed, so that neighbours move
    alike.

    Input and output one image or a batch, or a dict (see `ImageLayer`); floats come out.

    Args:
        factor: probability of a change, or the range `(lowest, highest)` that the probability of
            each image is drawn from; a number f stands for 0 to f.
        scale: amount of the deformation, or the range that the amount of each image is drawn from,
            from 0 to 1; a number f stands for 0 to f.
        interpolation: "bilinear" or "nearest".
        fill_mode: what is outside of the image: "reflect", "mirror", "wrap", "nearest" or
            "constant".
        fill_value: value outside of the image in mode "constant"; masks get 0.
        value_range: least and greatest value of the images, to which the result is clipped.
        seed: seed of the random numbers.
        data_format: "channels_last" or "channels_first".

    Example:

        >>> import numpy as np
        >>> RandomElasticTransform(scale=0.5)(np.ones((4, 8, 8, 3)), training=True).shape
        (4, 8, 8, 3)
    """

    def __init__(
        self,
        factor: float | Sequence[float] = 1.0,
        scale: float | Sequence[float] = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(factor, "factor", (0, 1))
        self.scale = factor_range(scale, "scale", (0, 1))
        self.interpolation = one_of(interpolation, INTERPOLATIONS, "interpolation")
        self.fill_mode = one_of(fill_mode, ELASTIC_FILL_MODES, "fill_mode")
        self.fill_value = fill_value
        self.value_range = checked_value_range(value_range)
        self._set_seed(seed)

    def _draw(self, shape: tuple[int, ...], seed: SeedGenerator | None, training: bool) -> Batch:
        batch, height, width = shape
        chosen = _chosen(batch, self.factor, seed)
        scale = random.uniform((batch,), *self.scale, dtype="float32", seed=seed)
        field = random.normal((batch, height, width, 2), dtype="float32", seed=seed)
        return {"chosen": chosen & (scale > 0), "field": _smooth(field, scale)}

    def _move(self, pixels: Tensor, transformation: Transformation, masks: bool) -> Tensor:
        how = "nearest" if masks else self.interpolation
        fill = 0 if masks else self.fill_value
        changed = displaced(pixels, transformation["field"], how, self.fill_mode, fill)
        return _where(transformation["chosen"], changed, pixels)

    def transform_images(
        self, images: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        images = super().transform_images(images, transformation, training)
        return images if transformation is None else ops.clip(images, *self.value_range)

    def _move_boxes(self, boxes: Tensor, transformation: Transformation) -> Tensor:
        def around(boxes: Tensor, field: Tensor) -> Tensor:
            return jax.lax.map(lambda box: _extent(box, field), boxes)  # (boxes, 4)

        moved = jax.vmap(around)(boxes, transformation["field"])
        return _where(transformation["chosen"], moved, boxes)


def _smooth(field: Tensor, scale: Tensor) -> Tensor:
    """Distances in pixels, from normal noise: blurred over 5 % of the image, of up to 10 % of it.

    Args:
        field: `(batch, height, width, 2)`.
        scale: factor of the standard deviation of the blur and of the distances, `(batch,)`.
    """
    height, width = field.shape[1:3]
    sigma = (min(height, width) * 0.05 * scale)[:, None, None]

    def blur(size: int) -> Tensor:
        """One row of weights per place along an axis, `(batch, size, size)`."""
        apart = ops.abs(ops.arange(size)[:, None] - ops.arange(size))
        weights = ops.exp(-0.5 * (apart / ops.maximum(sigma, 1e-3)) ** 2)
        weights = ops.where(apart <= 3 * sigma, weights, 0.0)
        offsets = ops.arange(-size, size + 1)
        whole = ops.exp(-0.5 * (offsets / ops.maximum(sigma[..., 0], 1e-3)) ** 2)
        whole = ops.where(ops.abs(offsets) <= 3 * sigma[..., 0], whole, 0.0)
        return weights / ops.sum(whole, axis=-1)[:, None, None]

    field = ops.einsum("bij,bjwc->biwc", blur(height), field)
    field = ops.einsum("bij,bhjc->bhic", blur(width), field)
    reach = max(height, width) * 0.1 * scale[:, None, None]
    return field * (sigma * reach)[..., None]


def _extent(box: Tensor, field: Tensor) -> Tensor:
    """The box around the pixels that are read inside of a box `(4,)` in "xyxy"."""
    height, width = field.shape[:2]
    rows, columns = ops.arange(height), ops.arange(width)
    x = columns + field[..., 0] + 0.5  # (height, width)
    y = rows[:, None] + field[..., 1] + 0.5
    inside = (box[0] <= x) & (x < box[2]) & (box[1] <= y) & (y < box[3])

    def ends(hit: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        low = ops.min(ops.where(hit, places, hit.shape[0]))
        return low, ops.max(ops.where(hit, places + 1, low))

    left, right = ends(ops.any(inside, axis=0), columns)
    top, bottom = ends(ops.any(inside, axis=1), rows)
    return ops.cast(ops.stack([left, top, right, bottom]), box.dtype)
