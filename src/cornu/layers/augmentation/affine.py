"""Random affine transforms of images: rotation, translation, zoom, shear.

Each draws a matrix per image, from the pixel (x, y) of the result to the place where it is read:
`(a0 x + a1 y + a2, b0 x + b1 y + b2)`. Boxes go the other way, through the inverse.
"""

import math
from collections.abc import Sequence
from typing import Any

from cornu import ops, random
from cornu.arguments import is_number, one_of
from cornu.errors import value_error
from cornu.layers.augmentation.base import Batch, Transformation, factor_range
from cornu.layers.augmentation.geometry import FILL_MODES, INTERPOLATIONS, Geometry
from cornu.ops.image.boxes import enclosing
from cornu.random.seed import SeedGenerator
from cornu.types import Config, Tensor

# A number f, for the range from -f to f, or (lowest, highest).
Factor = float | Sequence[float]


class Affine(Geometry):
    """A layer that draws an affine transform for each image."""

    def _set_filling(self, fill_mode: str, interpolation: str, fill_value: float) -> None:
        self.fill_mode = one_of(fill_mode, FILL_MODES, "fill_mode")
        self.interpolation = one_of(interpolation, INTERPOLATIONS, "interpolation")
        self.fill_value = fill_value

    def _move(self, pixels: Tensor, transformation: Transformation, masks: bool) -> Tensor:
        return ops.image.affine_transform(
            pixels,
            transformation["transform"],
            interpolation="nearest" if masks else self.interpolation,
            fill_mode=self.fill_mode,
            fill_value=0 if masks else self.fill_value,
            data_format="channels_last",
        )

    def _move_boxes(self, boxes: Tensor, transformation: Transformation) -> Tensor:
        a0, a1, a2, b0, b1, b2, zero, _ = ops.unstack(transformation["transform"], 8, axis=-1)
        # The matrix is about centers of pixels, half a pixel from the edges that boxes are about.
        a2, b2 = a2 + 0.5 - (a0 + a1) / 2, b2 + 0.5 - (b0 + b1) / 2
        a0, a1, b0, b1 = (v / (a0 * b1 - a1 * b0) for v in (b1, -a1, -b0, a0))
        a2, b2 = -a0 * a2 - a1 * b2, -b0 * a2 - b1 * b2
        return enclosing(boxes, ops.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=-1))


def _rows(*entries: Tensor) -> Tensor:
    """Matrices `(batch, 8)` from their first six entries, arrays `(batch,)` or numbers."""
    like = next(entry for entry in entries if hasattr(entry, "shape"))
    return ops.stack([entry + ops.zeros_like(like) for entry in (*entries, 0, 0)], axis=-1)


def _around_center(a0: Tensor, a1: Tensor, b0: Tensor, b1: Tensor, shape: Any) -> Tensor:
    """Matrices that leave the center of the image where it is."""
    y, x = (shape[1] - 1) / 2, (shape[2] - 1) / 2
    return _rows(a0, a1, x * (1 - a0) - a1 * y, b0, b1, y * (1 - b1) - b0 * x)


class RandomRotation(Affine):
    """Rotate each image by a random angle in training.

    Input and output one image or a batch, or a dict (see `ImageLayer`); floats come out.

    Args:
        factor: range of the angle as a fraction of a full turn, counter-clockwise if positive: a
            number f for -f to f, or `(lowest, highest)`.
        fill_mode: what is outside of the image: "reflect" (`d c b a | a b c d | d c b a`), "wrap"
            (`a b c d | a b c d`), "nearest" (`a a a a | a b c d`) or "constant".
        interpolation: "bilinear" or "nearest".
        seed: seed of the random numbers.
        fill_value: value outside of the image in mode "constant"; masks get 0.
        data_format: "channels_last" or "channels_first".

    Example:

        >>> import numpy as np
        >>> RandomRotation(0.1)(np.ones((4, 8, 8, 3)), training=True).shape
        (4, 8, 8, 3)
    """

    def __init__(
        self,
        factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(factor, "factor")
        self._set_filling(fill_mode, interpolation, fill_value)
        self._set_seed(seed)

    def _draw(self, shape: tuple[int, ...], seed: SeedGenerator | None, training: bool) -> Batch:
        lower, upper = (2 * math.pi * f for f in self.factor)
        angle = random.uniform(shape[:1], lower, upper, "float32", seed)
        cos, sin = ops.cos(angle), ops.sin(angle)
        return {"transform": _around_center(cos, -sin, sin, cos, shape)}


class RandomTranslation(Affine):
    """Translate each image by a random distance in training.

    Input and output one image or a batch, or a dict (see `ImageLayer`); floats come out.

    Args:
        height_factor: range of the distance as a fraction of the height, down if positive: a number
            f for -f to f, or `(lowest, highest)`.
        width_factor: range of the distance as a fraction of the width, to the right if positive.
        fill_mode: what is outside of the image: "reflect", "wrap", "nearest" or "constant".
        interpolation: "bilinear" or "nearest".
        seed: seed of the random numbers.
        fill_value: value outside of the image in mode "constant"; masks get 0.
        data_format: "channels_last" or "channels_first".

    Example:

        >>> import numpy as np
        >>> layer = RandomTranslation(0, (0.25, 0.25), fill_mode="constant")
        >>> layer(np.ones((1, 1, 4, 1)), training=True).ravel().tolist()
        [0.0, 1.0, 1.0, 1.0]
    """

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.height_lower, self.height_upper = _bounds(height_factor, "height_factor", -1.0)
        self.width_lower, self.width_upper = _bounds(width_factor, "width_factor", -1.0)
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._set_filling(fill_mode, interpolation, fill_value)
        self._set_seed(seed)

    def _draw(self, shape: tuple[int, ...], seed: SeedGenerator | None, training: bool) -> Batch:
        batch, height, width = shape
        down = random.uniform((batch,), self.height_lower, self.height_upper, "float32", seed)
        right = random.uniform((batch,), self.width_lower, self.width_upper, "float32", seed)
        return {"transform": _rows(1, 0, -right * width, 0, 1, -down * height)}


class RandomZoom(Affine):
    """Zoom into or out of each image by a random factor in training.

    Input and output one image or a batch, or a dict (see `ImageLayer`); floats come out.

    Args:
        height_factor: range of the change of the visible height, as a fraction of it: positive
            numbers zoom out, negative ones in. A number f stands for -f to f, a pair for `(lowest,
            highest)`; more than -1, at most 1.
        width_factor: the same for the width; None keeps the ratio of height and width.
        fill_mode: what is outside of the image: "reflect", "wrap", "nearest" or "constant".
        interpolation: "bilinear" or "nearest".
        seed: seed of the random numbers.
        fill_value: value outside of the image in mode "constant"; masks get 0.
        data_format: "channels_last" or "channels_first".

    Example:

        >>> import numpy as np
        >>> layer = RandomZoom((1.0, 1.0), fill_mode="constant")    # half the size
        >>> float(layer(np.ones((1, 8, 8, 1)), training=True).sum())
        16.0
    """

    def __init__(
        self,
        height_factor: Factor,
        width_factor: Factor | None = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.height_lower, self.height_upper = _bounds(
            height_factor, "height_factor", -1.0, above=True
        )
        self.height_factor = height_factor
        self.width_factor = width_factor
        if width_factor is not None:
            self.width_lower, self.width_upper = _bounds(
                width_factor, "width_factor", -1.0, above=True
            )
        self._set_filling(fill_mode, interpolation, fill_value)
        self._set_seed(seed)

    def _draw(self, shape: tuple[int, ...], seed: SeedGenerator | None, training: bool) -> Batch:
        def zoom(lower: float, upper: float) -> Tensor:
            return random.uniform(shape[:1], 1 + lower, 1 + upper, "float32", seed)

        height = width = zoom(self.height_lower, self.height_upper)
        if self.width_factor is not None:
            width = zoom(self.width_lower, self.width_upper)
        return {"transform": _around_center(width, 0, 0, height, shape)}


class RandomShear(Affine):
    """Shear each image by a random amount in training.

    Input and output one image or a batch, or a dict (see `ImageLayer`); floats come out.

    Args:
        x_factor: range of the distance by which rows are moved, as a fraction of their distance
            from the first row: a number f for -f to f, or `(lowest, highest)`. The signs of both
            factors of an image are turned round half of the time.
        y_factor: the same for columns.
        interpolation: "bilinear" or "nearest".
        fill_mode: what is outside of the image: "reflect", "wrap", "nearest" or "constant".
        fill_value: value outside of the image in mode "constant"; masks get 0.
        data_format: "channels_last" or "channels_first".
        seed: seed of the random numbers.

    Example:

        >>> import numpy as np
        >>> RandomShear(0.3)(np.ones((4, 8, 8, 3)), training=True).shape
        (4, 8, 8, 3)
    """

    def __init__(
        self,
        x_factor: Factor = 0.0,
        y_factor: Factor = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.x_factor = _bounds(x_factor, "x_factor", -1.0)
        self.y_factor = _bounds(y_factor, "y_factor", -1.0)
        self._set_filling(fill_mode, interpolation, fill_value)
        self._set_seed(seed)

    def _draw(self, shape: tuple[int, ...], seed: SeedGenerator | None, training: bool) -> Batch:
        sign = ops.where(random.uniform(shape[:1], seed=seed, dtype="float32") > 0.5, -1.0, 1.0)
        y = random.uniform(shape[:1], *self.y_factor, dtype="float32", seed=seed)
        x = random.uniform(shape[:1], *self.x_factor, dtype="float32", seed=seed)
        return {"transform": _rows(1, sign * x, 0, sign * y, 1, 0)}

    def get_config(self) -> Config:
        config = super().get_config()
        for name in ("x_factor", "y_factor"):  # Keras reads no pair with a negative number
            low, high = config[name]
            config[name] = high if low == -high else (low, high)
        return config


def _bounds(factor: Factor, name: str, least: float, above: bool = False) -> tuple[float, float]:
    """The range of a factor from `least` (or from above it) to 1; a number f is -f to f."""
    pair = factor if isinstance(factor, (tuple, list)) else (factor,)
    fits = len(pair) in (1, 2) and all(is_number(f) and least <= f <= 1 for f in pair)
    if not fits or (above and least in pair):
        allowed = f"above {least} and at most 1" if above else f"from {least} to 1"
        raise value_error(
            f"{name} must be a number {allowed}, or two of them, got {factor!r}.",
            fix=f"{name}=0.2",
        )
    low, high = (-abs(pair[0]), abs(pair[0])) if len(pair) == 1 else sorted(pair)
    return low, high
