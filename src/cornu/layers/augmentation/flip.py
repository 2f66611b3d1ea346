"""Random flips of images."""

from typing import Any

from cornu import ops, random
from cornu.arguments import one_of
from cornu.layers.augmentation.base import Batch, Transformation
from cornu.layers.augmentation.geometry import Geometry
from cornu.ops.image.boxes import enclosing
from cornu.random.seed import SeedGenerator
from cornu.types import Tensor

# Mode -> the axes of (batch, height, width, channels) that may be flipped.
_AXES = {"horizontal": (2,), "vertical": (1,), "horizontal_and_vertical": (2, 1)}


class RandomFlip(Geometry):
    """Flip each image in training with probability 0.5, along each axis of `mode` independently.

    Input and output one image or a batch, or a dict (see `ImageLayer`); floats come out.

    Args:
        mode: "horizontal" (left becomes right), "vertical" or "horizontal_and_vertical".
        seed: seed of the random numbers.
        data_format: "channels_last" or "channels_first".

    Example:

        >>> import numpy as np
        >>> layer = RandomFlip("horizontal", seed=1)
        >>> sorted({tuple(row) for row in layer(np.tile([[[[1.0], [2.0]]]], (9, 1, 1, 1)),
        ...                                     training=True).reshape(9, 2).tolist()})
        [(1.0, 2.0), (2.0, 1.0)]
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format=data_format, **kwargs)
        self.mode = one_of(mode, _AXES, "mode")
        self._set_seed(seed)

    def _draw(self, shape: tuple[int, ...], seed: SeedGenerator | None, training: bool) -> Batch:
        axes = _AXES[self.mode]
        drawn = random.uniform((shape[0], len(axes)), seed=seed, dtype="float32") <= 0.5
        return {"flips": drawn}

    def _move(self, pixels: Tensor, transformation: Transformation, masks: bool) -> Tensor:
        for number, axis in enumerate(_AXES[self.mode]):
            flips = transformation["flips"][:, number, None, None, None]
            pixels = ops.where(flips, ops.flip(pixels, axis), pixels)
        return pixels

    def _move_boxes(self, boxes: Tensor, transformation: Transformation) -> Tensor:
        size = transformation["size"]
        zero, one = ops.zeros_like(size[:, 0]), ops.ones_like(size[:, 0])
        signs, ends = {1: one, 2: one}, {1: zero, 2: zero}
        for number, axis in enumerate(_AXES[self.mode]):
            flips = transformation["flips"][:, number]
            signs[axis] = ops.where(flips, -1.0, 1.0)
            ends[axis] = ops.where(flips, size[:, axis - 1], 0.0)
        rows = [signs[2], zero, ends[2], zero, signs[1], ends[1], zero, zero]
        return enclosing(boxes, ops.stack(rows, axis=-1))
