"""Bounding boxes: conversion between formats, overlap, and offsets from anchors.

    convert_format                                  between the nine formats
    clip_to_image_size, crop, pad, affine_transform as images are changed
    compute_iou, compute_ciou                       overlap
    encode_box_to_deltas, decode_deltas_to_boxes    as detectors predict boxes

The formats are described where the first ones are, in `ops/image/boxes.py`.
"""

import math
from typing import Any

from cornu import ops
from cornu.arguments import one_of
from cornu.errors import value_error
from cornu.ops.image.boxes import (
    affine_transform as affine_transform,
    clip_to_image_size as clip_to_image_size,
    convert_format as convert_format,
    crop as crop,
    pad as pad,
)
from cornu.settings import current as settings
from cornu.types import Shape, Tensor


def compute_iou(
    boxes1: Tensor,
    boxes2: Tensor,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Shape | None = None,
) -> Tensor:
    """Intersection over union of each box of one set with each of another.

    Args:
        boxes1: `(n, 4)` or `(batch, n, 4)`.
        boxes2: `(m, 4)` or `(batch, m, 4)`.
        bounding_box_format: format of both.
        use_masking: whether pairs with a box of negative numbers alone, which is padding, get
            `mask_val`.
        mask_val: value of such pairs.
        image_shape: `(height, width, channels)`, needed by relative formats.

    Returns:
        `(n, m)`, or `(batch, n, m)` if either has a batch.

    Raises:
        ValueError: the boxes have other shapes.

    Example:

        >>> iou = compute_iou([[0, 0, 2, 2]], [[1, 0, 3, 2], [5, 5, 6, 6]], "xyxy")
        >>> [round(v, 3) for v in iou[0].tolist()]
        [0.333, 0.0]
    """
    boxes1 = _corners("boxes1", boxes1, bounding_box_format, image_shape)[..., :, None, :]
    boxes2 = _corners("boxes2", boxes2, bounding_box_format, image_shape)[..., None, :, :]
    shared = _intersection(boxes1, boxes2)  # (..., n, m)
    iou = shared / (_area(boxes1) + _area(boxes2) - shared + settings.epsilon)
    if not use_masking:
        return iou
    padding = (ops.max(boxes1, axis=-1) < 0) | (ops.max(boxes2, axis=-1) < 0)
    return ops.where(padding, ops.cast(mask_val, iou.dtype), iou)


def compute_ciou(
    boxes1: Tensor, boxes2: Tensor, bounding_box_format: str, image_shape: Shape | None = None
) -> Tensor:
    """Complete intersection over union of pairs of boxes.

    The intersection over union, less the distance of the centers, squared and relative to the
    diagonal of the box around both, less a penalty on different ratios of width and height (Zheng
    et al. 2020, "Distance-IoU Loss").

    Args:
        boxes1, boxes2: `(..., 4)`, of shapes that broadcast.
        bounding_box_format: format of both.
        image_shape: `(height, width, channels)`, needed by relative formats.

    Returns:
        `(...)`, from -1.5 to 1.

    Example:

        >>> round(float(compute_ciou([0, 0, 2, 2], [1, 0, 3, 2], "xyxy")), 3)
        0.256
    """
    boxes1, boxes2 = (_absolute(b, bounding_box_format, image_shape) for b in (boxes1, boxes2))
    epsilon = settings.epsilon
    shared = _intersection(boxes1, boxes2)
    iou = shared / (_area(boxes1) + _area(boxes2) - shared + epsilon)
    outer = ops.maximum(boxes1[..., 2:], boxes2[..., 2:]) - ops.minimum(
        boxes1[..., :2], boxes2[..., :2]
    )
    apart = (boxes1[..., :2] + boxes1[..., 2:] - boxes2[..., :2] - boxes2[..., 2:]) / 2
    distance = ops.sum(apart**2, axis=-1) / (ops.sum(outer**2, axis=-1) + epsilon)
    angles = []
    for boxes in (boxes1, boxes2):
        sides = boxes[..., 2:] - boxes[..., :2]
        angles.append(ops.arctan(sides[..., 0] / (sides[..., 1] + epsilon)))
    v = (4 / math.pi**2) * (angles[1] - angles[0]) ** 2
    alpha = v / (v - iou + 1 + epsilon)
    return iou - distance - v * alpha


def encode_box_to_deltas(
    anchors: Tensor,
    boxes: Tensor,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Tensor | None = None,
    image_shape: Shape | None = None,
) -> Tensor:
    """Boxes as offsets from anchors, which detectors learn (Ren et al. 2015, "Faster R-CNN").

    The center's offset is divided by the anchor's sizes; of the sizes' ratio the logarithm is
    taken.

    Args:
        anchors: `(n, 4)`.
        boxes: `(n, 4)` or `(batch, n, 4)`.
        anchor_format: format of the anchors.
        box_format: format of the boxes.
        encoding_format: "center_xywh" or "center_yxhw": the order of the result.
        variance: four numbers by which the result is divided.
        image_shape: `(height, width, channels)`, needed by relative formats.

    Returns:
        The shape of `boxes`.

    Example:

        >>> encode_box_to_deltas([[0, 0, 10, 10]], [[5, 0, 15, 10]], "xyxy", "xyxy").tolist()
        [[0.0, 0.5, 0.0, 0.0]]
    """
    factors = _variance(variance, encoding_format, "encoding_format")
    height, width = _size(image_shape)
    anchors = convert_format(anchors, anchor_format, encoding_format, height, width)
    boxes = convert_format(boxes, box_format, encoding_format, height, width)
    sizes = ops.maximum(anchors[..., 2:], settings.epsilon)
    ratios = ops.maximum(boxes[..., 2:], settings.epsilon) / sizes
    offsets = (boxes[..., :2] - anchors[..., :2]) / sizes
    return ops.concatenate([offsets, ops.log(ratios)], axis=-1) / factors


def decode_deltas_to_boxes(
    anchors: Tensor | dict[Any, Tensor],
    boxes_delta: Tensor | dict[Any, Tensor],
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Tensor | None = None,
    image_shape: Shape | None = None,
) -> Any:
    """Boxes from their offsets from anchors: the inverse of `encode_box_to_deltas`.

    Args:
        anchors: `(n, 4)`, or a dict of such arrays, one for each level of a pyramid.
        boxes_delta: `(n, 4)` or `(batch, n, 4)`, or a dict with the same keys.
        anchor_format: format of the anchors.
        box_format: format of the result.
        encoded_format: "center_xywh" or "center_yxhw": the order of `boxes_delta`.
        variance: four numbers by which the offsets are multiplied.
        image_shape: `(height, width, channels)`, needed by relative formats.

    Returns:
        Boxes of the shape of `boxes_delta`, or a dict of them.

    Example:

        >>> decode_deltas_to_boxes([[0, 0, 10, 10]], [[0.0, 0.5, 0, 0]], "xyxy", "xyxy").tolist()
        [[5.0, 0.0, 15.0, 10.0]]
    """
    factors = _variance(variance, encoded_format, "encoded_format")
    height, width = _size(image_shape)

    def decode(anchors: Tensor, deltas: Tensor) -> Tensor:
        anchors = convert_format(anchors, anchor_format, encoded_format, height, width)
        deltas = ops.convert_to_tensor(deltas) * factors
        sizes = anchors[..., 2:]
        boxes = ops.concatenate(
            [deltas[..., :2] * sizes + anchors[..., :2], ops.exp(deltas[..., 2:]) * sizes], axis=-1
        )
        return convert_format(boxes, encoded_format, box_format, height, width)

    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        return {level: decode(anchors[level], boxes_delta[level]) for level in anchors}
    return decode(anchors, boxes_delta)


def _size(image_shape: Shape | None) -> tuple[int | None, int | None]:
    return (None, None) if image_shape is None else (image_shape[0], image_shape[1])


def _absolute(boxes: Tensor, source: str, image_shape: Shape | None) -> Tensor:
    if str(source).startswith("rel_") and image_shape is None:
        raise value_error(
            f"Boxes in format {source!r} depend on the shape of the image.",
            fix="image_shape=image.shape\n(height, width, channels)",
        )
    return convert_format(boxes, source, "xyxy", *_size(image_shape))


def _corners(name: str, boxes: Tensor, source: str, image_shape: Shape | None) -> Tensor:
    boxes = _absolute(boxes, source, image_shape)
    if boxes.ndim not in (2, 3):
        raise value_error(
            f"{name} must have shape (n, 4) or (batch, n, 4).",
            received=f"shape {tuple(boxes.shape)}",
        )
    return boxes


def _intersection(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    low = ops.maximum(boxes1[..., :2], boxes2[..., :2])
    high = ops.minimum(boxes1[..., 2:], boxes2[..., 2:])
    return ops.prod(ops.maximum(high - low, 0), axis=-1)


def _area(boxes: Tensor) -> Tensor:
    return ops.prod(boxes[..., 2:] - boxes[..., :2], axis=-1)


def _variance(variance: Tensor | None, encoding: str, argument: str) -> Tensor:
    """The factors of the offsets, after a check of both arguments."""
    one_of(encoding, ("center_xywh", "center_yxhw"), argument)
    factors = ops.ones(4) if variance is None else ops.convert_to_tensor(variance, "float32")
    if factors.shape[-1:] != (4,):
        raise value_error(f"variance must be four numbers, got {variance!r}.")
    return factors
