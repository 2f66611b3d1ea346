"""Bounding boxes: their formats, and what moving pixels does to them.

A format says what four numbers mean. It is read from left to right:

    rel_ | nothing            fractions of the image's width and height, or pixels
    center_ | nothing         a pair of sizes goes with the center, or with the left top corner
    xyxy, yxyx                two corners, x or y first
    xywh, yxhw                a point and two sizes

A pixel covers an area: the box of the pixel in row 2, column 5 is `(5, 2, 6, 3)` in "xyxy", so that
the box of a whole image is `(0, 0, width, height)`.
"""

import math
from typing import Any, NamedTuple

from cornu import ops
from cornu.errors import did_you_mean, value_error
from cornu.types import DType, Tensor

FORMATS = (
    "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh",
    "rel_center_xywh",
)  # fmt: skip


class _Format(NamedTuple):
    relative: bool
    centered: bool
    y_first: bool
    sized: bool


def check_format(name: str, argument: str) -> None:
    """Raise ValueError where an argument is not a format of boxes."""
    _format(name, argument)


def _format(name: str, argument: str) -> _Format:
    lower = name.lower() if isinstance(name, str) else name
    if lower not in FORMATS:
        raise value_error(
            f"{argument} must be a format of boxes, got {name!r}.",
            expected=", ".join(FORMATS),
            fix=did_you_mean(str(lower), FORMATS) or f"{argument}='xyxy'",
        )
    order = lower.rpartition("_")[2]
    return _Format(lower.startswith("rel_"), "center_" in lower, order[0] == "y", order[2] in "wh")


def convert_format(
    boxes: Tensor | dict[str, Tensor],
    source: str,
    target: str,
    height: Tensor | None = None,
    width: Tensor | None = None,
    dtype: DType = "float32",
) -> Any:
    """Boxes in another format.

    Args:
        boxes: `(..., 4)`, or a dict with such boxes under "boxes".
        source: format of the boxes: "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw",
            "rel_xyxy", "rel_yxyx", "rel_xywh" or "rel_center_xywh".
        target: format of the result, one of the same.
        height, width: size of the image in pixels, needed between relative and absolute formats.
        dtype: dtype of the result.

    Raises:
        ValueError: a format is not known, the last axis has not size 4, or the size of the image is
            missing.

    Example:

        >>> convert_format([[10, 20, 30, 60]], "xyxy", "center_xywh").tolist()
        [[20.0, 40.0, 20.0, 40.0]]
    """
    if isinstance(boxes, dict):
        changed = convert_format(boxes["boxes"], source, target, height, width, dtype)
        return {**boxes, "boxes": changed}
    boxes = ops.cast(boxes, dtype)
    if not boxes.shape or boxes.shape[-1] != 4:
        raise value_error(
            "boxes must have shape (..., 4): four numbers for each.",
            received=f"shape {tuple(boxes.shape)}",
        )
    one, other = _format(source, "source"), _format(target, "target")
    if one == other:
        return boxes
    first, second = _corners(boxes, one)  # left top and right bottom, (..., 2) each
    if one.relative != other.relative:
        if height is None or width is None:
            raise value_error(
                f"Between {source!r} and {target!r}, boxes depend on the size of the image.",
                fix="height=image.shape[0], width=image.shape[1]",
            )
        width, height = ops.cast(width, dtype), ops.cast(height, dtype)
        if other.relative:
            width, height = 1 / width, 1 / height
        first, second = (
            ops.concatenate([p[..., :1] * width, p[..., 1:] * height], -1) for p in (first, second)
        )
    return _numbers(first, second, other)


def _corners(boxes: Tensor, how: _Format) -> tuple[Tensor, Tensor]:
    first, second = boxes[..., :2], boxes[..., 2:]
    if how.sized:
        if how.centered:
            first = first - second / 2
        second = first + second
    return (first[..., ::-1], second[..., ::-1]) if how.y_first else (first, second)


def _numbers(first: Tensor, second: Tensor, how: _Format) -> Tensor:
    """Boxes in a format, from their corners."""
    if how.y_first:
        first, second = first[..., ::-1], second[..., ::-1]
    if how.sized:
        second = second - first
        if how.centered:
            first = first + second / 2
    return ops.concatenate([first, second], axis=-1)  # (..., 4)


def clip_to_image_size(
    bounding_boxes: dict[str, Tensor],
    height: Tensor | None = None,
    width: Tensor | None = None,
    bounding_box_format: str = "xyxy",
) -> dict[str, Tensor]:
    """Boxes cut off at the edges of the image; those that keep no area get the label -1.

    Args:
        bounding_boxes: dict of "boxes" `(..., boxes, 4)` and "labels" `(..., boxes)`.
        height, width: size of the image in pixels; relative formats need none.
        bounding_box_format: format of the boxes.

    Example:

        >>> boxes = {"boxes": [[-10, 0, 5, 5], [20, 0, 30, 5]], "labels": [1, 2]}
        >>> clipped = clip_to_image_size(boxes, height=10, width=10)
        >>> clipped["boxes"].tolist(), clipped["labels"].tolist()
        ([[0.0, 0.0, 5.0, 5.0], [10.0, 0.0, 10.0, 5.0]], [1, -1])
    """
    relative = _format(bounding_box_format, "bounding_box_format").relative
    if not relative and (height is None or width is None):
        raise value_error(
            f"Boxes in format {bounding_box_format!r} are clipped to a size in pixels.",
            fix="height=image.shape[0], width=image.shape[1]",
        )
    corners = "rel_xyxy" if relative else "xyxy"
    boxes = convert_format(bounding_boxes["boxes"], bounding_box_format, corners)
    clipped = _clipped(boxes, *((1, 1) if relative else (height, width)))
    out = {**bounding_boxes, "boxes": convert_format(clipped, corners, bounding_box_format)}
    if bounding_boxes.get("labels") is not None:
        labels = ops.convert_to_tensor(bounding_boxes["labels"])
        sides = clipped[..., 2:] - clipped[..., :2]  # (..., boxes, 2)
        kept = ops.all(sides > 0, axis=-1)
        kept = ops.reshape(kept, (*kept.shape, *(1,) * (labels.ndim - kept.ndim)))
        out["labels"] = ops.where(kept, labels, ops.cast(-1, labels.dtype))
    return out


def _clipped(boxes: Tensor, height: Tensor, width: Tensor) -> Tensor:
    """Boxes in "xyxy" without what is outside."""
    width, height = ops.cast(width, boxes.dtype), ops.cast(height, boxes.dtype)
    x, y = ops.clip(boxes[..., ::2], 0, width), ops.clip(boxes[..., 1::2], 0, height)
    return ops.stack([x[..., 0], y[..., 0], x[..., 1], y[..., 1]], axis=-1)


def crop(
    boxes: Tensor,
    top: Tensor,
    left: Tensor,
    height: Tensor,
    width: Tensor,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """Boxes in a part that is cut out of the image, clipped to it.

    Args:
        boxes: `(..., 4)`, in pixels.
        top, left: position of the part in the image.
        height, width: size of the part.
        bounding_box_format: format of the boxes; not a relative one.

    Example:

        >>> crop([[10, 20, 50, 60]], top=10, left=20, height=40, width=25).tolist()
        [[0.0, 10.0, 25.0, 40.0]]
    """
    moved = pad(boxes, -ops.convert_to_tensor(top), -ops.convert_to_tensor(left),
                bounding_box_format=bounding_box_format)  # fmt: skip
    corners = _clipped(convert_format(moved, bounding_box_format, "xyxy"), height, width)
    return convert_format(corners, "xyxy", bounding_box_format)


def pad(
    boxes: Tensor,
    top: Tensor,
    left: Tensor,
    height: Tensor | None = None,
    width: Tensor | None = None,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """Boxes in an image to which rows and columns were added.

    Args:
        boxes: `(..., 4)`, in pixels.
        top, left: number of rows added above and of columns added to the left.
        height, width: size of the image, on which nothing depends.
        bounding_box_format: format of the boxes; not a relative one.

    Example:

        >>> pad([[10, 20, 50, 60]], top=5, left=1).tolist()
        [[11.0, 25.0, 51.0, 65.0]]
    """
    if _format(bounding_box_format, "bounding_box_format").relative:
        raise value_error(
            f"Boxes in format {bounding_box_format!r} depend on the size of the image.",
            fix="boxes = convert_format(boxes, source, 'xyxy', height=height, width=width)",
        )
    boxes = convert_format(boxes, bounding_box_format, "xyxy")
    by = ops.stack([ops.cast(n, boxes.dtype) for n in (left, top, left, top)], axis=-1)
    return convert_format(boxes + by, "xyxy", bounding_box_format)


def affine_transform(
    boxes: Tensor,
    angle: Tensor,
    translate_x: Tensor,
    translate_y: Tensor,
    scale: Tensor,
    shear_x: Tensor,
    shear_y: Tensor,
    height: Tensor,
    width: Tensor,
    center_x: float | None = None,
    center_y: float | None = None,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """The boxes around boxes that are rotated, sheared, scaled and translated.

    Args:
        boxes: `(boxes, 4)`, or `(batch, boxes, 4)` with arguments of shape `(batch,)`.
        angle: rotation in degrees.
        translate_x, translate_y: translation as a fraction of the image's size.
        scale: factor of the sizes.
        shear_x, shear_y: angles of the shear in degrees.
        height, width: size of the image in pixels.
        center_x, center_y: fixed point as a fraction of the image's size; 0.5 if None.
        bounding_box_format: format of the boxes.

    Example:

        >>> box = affine_transform([[0, 0, 2, 1]], 90.0, 0, 0, 1.0, 0, 0, height=5, width=5)
        >>> [round(n) for n in box[0].tolist()]
        [0, 2, 1, 4]
    """
    corners = convert_format(boxes, bounding_box_format, "xyxy", height, width)
    width, height = ops.cast(width, "float32"), ops.cast(height, "float32")
    given = [angle, translate_x, translate_y, scale, shear_x, shear_y]
    angle, tx, ty, scale, shear_x, shear_y = (ops.cast(v, "float32") for v in given)
    turn, lean_x, lean_y = (-v * (math.pi / 180) for v in (angle, shear_x, shear_y))
    cx = (0.5 if center_x is None else center_x) * (width - 1)
    cy = (0.5 if center_y is None else center_y) * (height - 1)
    to_x, to_y = cx - tx * (width - 1), cy - ty * (height - 1)
    a = ops.cos(turn - lean_y) / ops.cos(lean_y)
    c = -ops.sin(turn - lean_y) / ops.cos(lean_y)
    b = a * ops.tan(lean_x) + ops.sin(turn)
    d = ops.cos(turn) - c * ops.tan(lean_x)
    a0, a1, b0, b1 = d * scale, -b * scale, -c * scale, a * scale
    rows = [a0, a1, cx - a0 * to_x - a1 * to_y, b0, b1, cy - b0 * to_x - b1 * to_y]
    moved = enclosing(corners, ops.stack([*rows, 0 * a0, 0 * a0], axis=-1))
    return convert_format(moved, "xyxy", bounding_box_format, height, width)


def enclosing(boxes: Tensor, transform: Tensor) -> Tensor:
    """The boxes around boxes whose corners are moved by a projective transform.

    Args:
        boxes: `(..., boxes, 4)` in "xyxy".
        transform: `(..., 8)`, `[a0, a1, a2, b0, b1, b2, c0, c1]`: the point (x, y) moves to
            `((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k)`, where `k = c0 x + c1 y + 1`.

    Returns:
        The shape of `boxes`.

    Example:

        >>> enclosing([[0.0, 0.0, 2.0, 1.0]], [0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]).tolist()
        [[-1.0, 0.0, 0.0, 2.0]]
    """
    boxes, t = ops.convert_to_tensor(boxes), ops.convert_to_tensor(transform)
    x, y = boxes[..., (0, 2, 0, 2)], boxes[..., (1, 1, 3, 3)]  # corners, (..., boxes, 4)
    a0, a1, a2, b0, b1, b2, c0, c1 = (t[..., i, None, None] for i in range(8))
    k = c0 * x + c1 * y + 1
    x, y = (a0 * x + a1 * y + a2) / k, (b0 * x + b1 * y + b2) / k
    ends = [ops.min(x, -1), ops.min(y, -1), ops.max(x, -1), ops.max(y, -1)]
    return ops.stack(ends, axis=-1)
