"""`Geometry`: the base of layers that move pixels, and with them boxes and masks.

    images    interpolated as the layer says, filled with `fill_value`
    masks     resampled to the nearest pixel, filled with 0, in their own dtype
    boxes     (0, 0, width, height) is the whole image: edges of pixels, not centers

A layer writes `_draw`, `_move` and `_move_boxes`.
"""

from typing import Any

from cornu import ops
from cornu.errors import value_error
from cornu.layers.augmentation.base import Batch, ImageLayer, Transformation, as_batch
from cornu.layers.base.input_spec import describe
from cornu.ops.image.boxes import clip_to_image_size, convert_format
from cornu.random.seed import SeedGenerator
from cornu.types import Tensor

FILL_MODES = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("nearest", "bilinear")


class Geometry(ImageLayer):
    """A layer that moves pixels; in inference it does nothing, unless it draws nothing."""

    def _draw(self, shape: tuple[int, ...], seed: SeedGenerator | None, training: bool) -> Batch:
        """Parameters of the movement, arrays whose first axis is the batch.

        Args:
            shape: `(batch, height, width)`.
            seed: generator of layers that draw.
            training: whether the layer is called in training mode.
        """
        return {}

    def _move(self, pixels: Tensor, transformation: Transformation, masks: bool) -> Tensor:
        """Pixels `(batch, height, width, channels)` at their new places.

        Args:
            pixels: images, or masks: those take the nearest pixel, 0 outside, and keep their dtype.
            transformation: what `get_random_transformation` returned.
            masks: whether the pixels are masks.
        """
        raise NotImplementedError

    def _move_boxes(self, boxes: Tensor, transformation: Transformation) -> Tensor:
        """Boxes `(batch, boxes, 4)` in "xyxy" around the new places of their pixels."""
        raise NotImplementedError

    def _size_after(self, transformation: Transformation) -> Tensor:
        """Height and width of the images that come out, `(batch, 2)`."""
        return transformation["size"]

    # ---- what the base calls ------------------------------------------------------------------

    def get_random_transformation(
        self, data: Batch, training: bool = True, seed: SeedGenerator | None = None
    ) -> Transformation:
        if self._still(training):
            return None
        images = as_batch(data)["images"]
        if seed is None and self._draws:
            seed = self.generator
        shape = tuple(images.shape[:3])
        size = ops.broadcast_to(ops.convert_to_tensor(shape[1:], "float32"), (shape[0], 2))
        return {**self._draw(shape, seed, training), "size": size}

    def _still(self, training: bool) -> bool:
        """Whether the layer leaves everything as it is."""
        return not training and self._draws

    def transform_images(
        self, images: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        if transformation is None:
            return images
        return self._move(images, transformation, masks=False)

    def transform_segmentation_masks(
        self, segmentation_masks: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        if transformation is None:
            return segmentation_masks
        return self._move(segmentation_masks, transformation, masks=True)

    def transform_bounding_boxes(
        self, bounding_boxes: Batch, transformation: Transformation, training: bool = True
    ) -> Batch:
        if self.bounding_box_format is None:
            raise value_error(
                f"{describe(self)} moves pixels, and does not know the format of the boxes.",
                fix=f"{type(self).__name__}(..., bounding_box_format='xyxy')",
            )
        if transformation is None:
            return bounding_boxes
        labels, given = bounding_boxes["labels"], bounding_boxes["boxes"]
        source = self.bounding_box_format
        boxes = convert_format(given, source, "xyxy", *_axes(transformation["size"]))
        size = _axes(self._size_after(transformation))
        moved: dict[str, Any] = {"boxes": self._move_boxes(boxes, transformation), "labels": labels}
        moved = clip_to_image_size(moved, *size)
        boxes = convert_format(moved["boxes"], "xyxy", source, *size)
        classes = tuple(range(2, labels.ndim))  # axes of labels that are one number per class
        padding = ops.all(labels == -1, axis=classes) | ops.all(given == -1, axis=-1)
        return {
            **bounding_boxes,
            "boxes": ops.where(padding[..., None], given, boxes),
            "labels": moved["labels"],
        }


def _axes(size: Tensor) -> tuple[Tensor, Tensor]:
    """Heights and widths of shape `(batch, 1, 1)`, from sizes `(batch, 2)`."""
    return size[:, :1, None], size[:, 1:, None]
