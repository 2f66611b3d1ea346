"""The same number of boxes for every image."""

from typing import Any

from cornu import ops
from cornu.arguments import integer
from cornu.layers.augmentation.base import Batch, ImageLayer, Transformation
from cornu.random.seed import SeedGenerator
from cornu.types import Tensor


class MaxNumBoundingBoxes(ImageLayer):
    """Give each image the same number of boxes: cut off those beyond it, and add padding.

    Input a dict with "images" and "bounding_boxes" (see `ImageLayer`).

    Args:
        max_number: number of boxes per image.
        fill_value: coordinates and label of padding.

    Example:

        >>> import numpy as np
        >>> boxes = {"boxes": np.ones((1, 2, 4)), "labels": np.array([[7, 8]])}
        >>> out = MaxNumBoundingBoxes(3)({"images": np.ones((1, 4, 4, 3)), "bounding_boxes": boxes})
        >>> out["bounding_boxes"]["labels"].tolist()
        [[7, 8, -1]]
    """

    _keeps_integers = True

    def __init__(self, max_number: int, fill_value: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.max_number = integer(max_number, "max_number")
        self.fill_value = int(fill_value)

    def get_random_transformation(
        self, data: Batch, training: bool = True, seed: SeedGenerator | None = None
    ) -> Transformation:
        return {}

    def transform_bounding_boxes(
        self, bounding_boxes: Batch, transformation: Transformation, training: bool = True
    ) -> Batch:
        def sized(x: Tensor) -> Tensor:
            x = x[:, : self.max_number]
            missing = [(0, 0), (0, self.max_number - x.shape[1]), *[(0, 0)] * (x.ndim - 2)]
            return ops.pad(x, missing, constant_values=self.fill_value)  # (batch, max_number, ...)

        return {key: sized(value) for key, value in bounding_boxes.items()}
