"""`ImageLayer`: the base of all layers that preprocess or augment images.

    layer(image)    layer(batch)    layer({"images": ..., "labels": ..., "bounding_boxes": ...,
                                           "segmentation_masks": ...})
          |              |              |
           one batch, channels last, images in a float dtype         `_apply`
                         |
      get_random_transformation(batch)  ->  transformation, drawn once
                         |
      transform_images, transform_labels, transform_bounding_boxes, transform_segmentation_masks
                         |
           the layout that came in, images in the dtype of the computation

A layer writes those of the five methods that it needs. They see batches with the channels last,
whatever the caller gave, and read the random parameters of each image from the same transformation,
so that boxes and masks follow the pixels. Outside of a trace all of it runs as one compiled
program, which is a pure function of the data and of two words of seed.
"""

import weakref
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import jax
import numpy as np

from cornu import ops, tree
from cornu.arguments import channels_format, is_number
from cornu.core.frame import is_tracing
from cornu.core.host import from_host
from cornu.core.objects.registry import is_builtin
from cornu.core.objects.tracking import Snapshot
from cornu.core.programs.cache import Cache
from cornu.errors import value_error
from cornu.layers.base.data_layer import DataLayer
from cornu.layers.base.input_spec import describe
from cornu.layers.base.layer import Layer
from cornu.numeric import as_numbers, is_float, is_integer, refuse_what_wraps
from cornu.ops.image.boxes import check_format
from cornu.random.seed import SeedGenerator
from cornu.types import DType, Tensor, Tensors

# What is drawn for a batch: arrays whose first axis is the batch, nested in any way. None leaves
# the batch as it is.
Transformation = Any

# {"images": (batch, height, width, channels), "labels": ..., ...}
Batch = dict[str, Any]


class ImageLayer(DataLayer):
    """A layer that transforms images, and with them labels, boxes and masks.

    Inputs are one image `(height, width, channels)`, a batch `(batch, height, width, channels)`, or
    a dict of either with the key "images" and any of

        "labels"               any shape, first axis the batch
        "bounding_boxes"       {"boxes": (batch, boxes, 4), "labels": (batch, boxes)}; boxes of
                               label -1 are padding. Lists of different lengths are padded.
        "segmentation_masks"   (batch, height, width, channels) or (batch, height, width)

    Other keys pass through. Images come out in the dtype of the computation; if that is an integer
    dtype, they are rounded and clipped to its range. Masks keep their dtype, boxes are float32.

    Args:
        bounding_box_format: format of the boxes, one of `utils.bounding_boxes`; needed by layers
            that move pixels where boxes are given.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.
    """

    _weightless = True
    _takes_sparse = False
    _converts_inputs = False  # what the layer does not change stays what it is, also text
    _config_omits_none = Layer._config_omits_none | {"bounding_box_format"}
    _made_anew: ClassVar = {"_program": lambda _: Program()}
    _untracked_attributes: ClassVar = frozenset(("_program",))

    _keeps_integers = False  # whether integer images come out in their own dtype
    generator: SeedGenerator  # of layers that draw

    def __init__(
        self, bounding_box_format: str | None = None, data_format: str | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        if bounding_box_format is not None:
            check_format(bounding_box_format, "bounding_box_format")
        self.bounding_box_format = bounding_box_format
        self.data_format = channels_format(data_format)
        self._program = Program()

    def _set_seed(self, seed: int | None) -> None:
        """Make the generator of a layer that draws."""
        self.seed = seed
        self.generator = SeedGenerator(seed)

    @property
    def _draws(self) -> bool:
        """Whether the layer draws random numbers."""
        return "generator" in vars(self)

    # ---- what a layer writes ------------------------------------------------------------------

    def get_random_transformation(
        self, data: Batch, training: bool = True, seed: SeedGenerator | None = None
    ) -> Transformation:
        """Draw the parameters of every image of a batch.

        Args:
            data: dict with "images" `(batch, height, width, channels)`, and what came with them.
            training: whether the layer is called in training mode.
            seed: generator that gives a new seed for each draw.

        Returns:
            Arrays whose first axis is the batch, nested in any way; None if nothing changes.
        """
        return {} if training else None

    def transform_images(
        self, images: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        """The images of a batch, `(batch, height, width, channels)`, transformed."""
        return images

    def transform_labels(
        self, labels: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        """The labels of a batch, which most layers leave as they are."""
        return labels

    def transform_bounding_boxes(
        self, bounding_boxes: Batch, transformation: Transformation, training: bool = True
    ) -> Batch:
        """Boxes `(batch, boxes, 4)` and their labels; they follow the pixels."""
        return bounding_boxes

    def transform_segmentation_masks(
        self, segmentation_masks: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        """Masks `(batch, height, width, channels)`; they follow the pixels and keep their dtype."""
        return segmentation_masks

    def transform_single_image(
        self, image: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        """One image `(height, width, channels)`; the transformation is that of a batch of one."""
        image = ops.convert_to_tensor(image)
        return self.transform_images(image[None], transformation, training)[0]

    def transform_single_label(
        self, label: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        """The label of one image."""
        label = ops.convert_to_tensor(label)
        return self.transform_labels(label[None], transformation, training)[0]

    def transform_single_bounding_box(
        self, bounding_box: Batch, transformation: Transformation, training: bool = True
    ) -> Batch:
        """The boxes `(boxes, 4)` of one image, and their labels."""
        batch = {key: ops.convert_to_tensor(value)[None] for key, value in bounding_box.items()}
        moved = self.transform_bounding_boxes(batch, transformation, training)
        return {key: value[0] for key, value in moved.items()}

    def transform_single_segmentation_mask(
        self, segmentation_mask: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        """The mask of one image, `(height, width, channels)`."""
        mask = ops.convert_to_tensor(segmentation_mask)
        return self.transform_segmentation_masks(mask[None], transformation, training)[0]

    # ---- a call -------------------------------------------------------------------------------

    def call(self, data: Tensors, training: bool = True) -> Tensors:
        given = as_batch(data)
        changed = {key: given[key] for key in self._changes() if key in given}
        if "bounding_boxes" in changed:
            changed["bounding_boxes"] = dense_boxes(changed["bounding_boxes"])
        changed = tree.map_structure(_array, changed)
        _check(self, given, changed)
        words = self.generator.next() if training and self._draws else None
        if is_tracing():
            out = self._apply(changed, words, training)
        else:
            out = self._program.of(self, bool(training))(changed, words)
        return {**given, **out} if isinstance(data, dict) else out["images"]

    def _changes(self) -> list[str]:
        """The keys of the data that the layer changes: those whose method it writes."""
        cls = type(self)
        return ["images"] + [
            key
            for key in ("labels", "bounding_boxes", "segmentation_masks")
            if getattr(cls, f"transform_{key}") is not getattr(ImageLayer, f"transform_{key}")
        ]

    def _apply(self, data: Batch, words: Tensor | None, training: bool) -> Batch:
        """What a call makes of the data that the layer changes; traceable."""
        images = data["images"]
        single = images.ndim == 3
        dtype = images.dtype if self._keeps_integers and is_integer(images.dtype) else None
        masks = data.get("segmentation_masks")
        flat_masks = masks is not None and masks.ndim == images.ndim - 1  # without channels
        batch = jax.tree.map(lambda x: ops.expand_dims(x, 0), data) if single else dict(data)
        if flat_masks:
            channel = -1 if self.data_format == "channels_last" else 1
            batch["segmentation_masks"] = ops.expand_dims(batch["segmentation_masks"], channel)
        first = self.data_format == "channels_first"
        pixels = [key for key in ("images", "segmentation_masks") if key in batch]
        if first:
            batch |= {key: ops.moveaxis(batch[key], 1, -1) for key in pixels}
        batch = self._transform(batch, words, training)
        batch["images"] = _cast(batch["images"], dtype or self.compute_dtype)
        if first:
            batch |= {key: ops.moveaxis(batch[key], -1, 1) for key in pixels}
        if flat_masks:
            batch["segmentation_masks"] = ops.squeeze(batch["segmentation_masks"], channel)
        return jax.tree.map(lambda x: x[0], batch) if single else batch

    def _transform(self, batch: Batch, words: Tensor | None, training: bool) -> Batch:
        """A batch with the channels last, transformed by the methods of the layer."""
        seed = None if words is None else _SeedsOfCall(words)
        transformation = self.get_random_transformation(batch, training=training, seed=seed)
        if transformation is None:
            return batch
        keeps = self._keeps_integers and is_integer(batch["images"].dtype)
        floats = self.compute_dtype if is_float(self.compute_dtype) else "float32"
        images = batch["images"] if keeps else ops.cast(batch["images"], floats)
        out = {"images": self.transform_images(images, transformation, training)}
        for key in [key for key in batch if key != "images"]:
            out[key] = getattr(self, f"transform_{key}")(batch[key], transformation, training)
        return out


class _SeedsOfCall(SeedGenerator):
    """The seeds of one call: a new one for each draw, all from the two words of the call."""

    def __init__(self, words: Tensor):
        self._words = words
        self._drawn = 0

    def next(self, ordered: bool = True) -> jax.Array:
        self._drawn += 1
        return jax.random.fold_in(self._words, self._drawn)


class Program:
    """The compiled programs of a layer, for as long as its attributes are what they were."""

    def __init__(self) -> None:
        self._kept: tuple[Snapshot, Cache[Callable[..., Batch]]] | None = None

    def of(self, layer: ImageLayer, training: bool) -> Callable[[Batch, Tensor | None], Batch]:
        """The program `(data, words) -> data` of a layer.

        A class of a user may do in its methods what a compiled program would do but once.
        """
        kept = self._kept
        if kept is None or not kept[0].holds():
            self._kept = kept = (Snapshot(layer._flatten_layers()), Cache(limit=4))
        return kept[1].get(training, lambda: _compiled(layer, training))


def _compiled(layer: ImageLayer, training: bool) -> Callable[[Batch, Tensor | None], Batch]:
    this = weakref.ref(layer)  # which keeps its programs

    def run(data: Batch, words: Tensor | None) -> Batch:
        found = this()
        assert found is not None
        return found._apply(data, words, training)

    ours = all(is_builtin(type(each)) for each in layer._flatten_layers())
    return jax.jit(run) if ours else run


def _cast(x: Tensor, dtype: DType) -> Tensor:
    """Values in a dtype; rounded and clipped to its range if it is an integer dtype."""
    if is_integer(dtype) and is_float(x.dtype):
        return ops.saturate_cast(ops.round(x), dtype)
    return ops.cast(x, dtype)


def as_batch(data: Tensors) -> Batch:
    """A batch of images alone as a dict."""
    return data if isinstance(data, dict) else {"images": data}


# ---- what is given ----------------------------------------------------------------------------


def _check(layer: ImageLayer, given: Batch, changed: Batch) -> None:
    """Raise ValueError where data are no images, or not as many as labels, boxes and masks."""
    images = given.get("images")
    if images is None:
        raise value_error(
            f"{describe(layer)} was given no images.",
            received="keys " + ", ".join(map(repr, given)),
            fix='{"images": images, "labels": labels}',
        )
    rank = len(getattr(images, "shape", ()))
    if rank not in (3, 4):
        last = layer.data_format == "channels_last"
        shape = "(height, width, channels)" if last else "(channels, height, width)"
        raise value_error(
            f"{describe(layer)} needs one image {shape} or a batch of images.",
            received=f"shape {tuple(getattr(images, 'shape', ()))}",
            fix="x = x[..., None]" if rank == 2 else None,
        )
    if rank == 3:
        return
    for key, value in changed.items():
        for leaf in jax.tree.leaves(value):
            count = np.shape(leaf)[0] if np.ndim(leaf) else None
            if count != images.shape[0] and not (count and _unknown(count, images.shape[0])):
                raise value_error(
                    f"{describe(layer)} needs as many {key} as images.",
                    shapes=f"images {tuple(images.shape)}, {key} {np.shape(leaf)}",
                )


def _array(x: Tensor) -> Tensor:
    """A value as an array; boxes and labels keep their dtype, whatever the layer computes in."""
    if isinstance(x, jax.Array):
        return x
    x = as_numbers(np.asarray(x))
    refuse_what_wraps(x, "x")
    return from_host(x)


def _unknown(*sizes: object) -> bool:
    return not all(isinstance(size, int) for size in sizes)


def dense_boxes(boxes: Batch) -> Batch:
    """Boxes and their labels as arrays; lists of different lengths are padded.

    Args:
        boxes: dict of "boxes" and "labels", arrays or lists with one entry per image.

    Returns:
        Boxes `(..., boxes, 4)` in float32 and labels `(..., boxes)`, -1 where a list was shorter.
    """
    if not isinstance(boxes, dict) or not {"boxes", "labels"} <= boxes.keys():
        raise value_error(
            "bounding_boxes must be a dict with the keys 'boxes' and 'labels'.",
            received=", ".join(map(repr, boxes)) if isinstance(boxes, dict) else type(boxes),
            fix='{"boxes": boxes, "labels": labels}',
        )
    found = {key: _padded(value) for key, value in boxes.items()}
    coordinates = ops.cast(found["boxes"], "float32")
    if 0 in coordinates.shape and coordinates.shape[-1] != 4:  # from lists without a box
        coordinates = ops.zeros((*coordinates.shape, 4))
    found["boxes"] = coordinates
    if found["boxes"].ndim not in (2, 3) or found["boxes"].shape[-1] != 4:
        raise value_error(
            "boxes must have shape (boxes, 4) for one image, (batch, boxes, 4) for a batch.",
            received=f"shape {tuple(found['boxes'].shape)}",
        )
    return found


def _padded(values: Any) -> Tensor:
    """An array; from lists of different lengths with -1 at the ends of the shorter ones."""
    if not isinstance(values, (list, tuple)):
        return values
    rows = [np.asarray(row) for row in values]
    filled = [row for row in rows if row.size]
    if not filled:
        return ops.zeros((len(rows), 0) if rows else (0,), "int32")
    if len({row.shape for row in rows}) == 1:
        return ops.convert_to_tensor(np.stack(rows))
    longest, inner = max(map(len, filled)), filled[0].shape[1:]
    full = np.full((len(rows), longest, *inner), -1, np.result_type(*filled))
    for place, row in zip(full, rows, strict=True):
        if row.size:
            place[: len(row)] = row
    return ops.convert_to_tensor(full)


# ---- settings of constructors -----------------------------------------------------------------


def factor_range(
    factor: float | Sequence[float], name: str, bounds: tuple[float, float] = (-1.0, 1.0)
) -> tuple[float, float]:
    """The range that random factors are drawn from.

    Args:
        factor: `(lower, upper)`, or a number f for `(-f, f)` within the bounds.
        name: name of the argument.
        bounds: smallest and greatest factor allowed.

    Raises:
        ValueError: the factor is neither, or is out of bounds.

    Example:

        >>> factor_range(0.2, "factor"), factor_range(0.5, "factor", (0, 1))
        ((-0.2, 0.2), (0, 0.5))
    """
    low, high = bounds
    pair = factor if isinstance(factor, (tuple, list)) else (factor,)
    if (
        len(pair) not in (1, 2)
        or not all(is_number(f) for f in pair)
        or (pair[0] > high or pair[-1] < low)
    ):
        raise value_error(
            f"{name} must be a number from {low} to {high} or two of them, got {factor!r}.",
            fix=f"{name}={high / 2}",
        )
    if len(pair) == 2:
        return tuple(sorted(pair))
    size = abs(pair[0])
    return max(-size, low), size


def checked_value_range(value_range: Sequence[float]) -> tuple[float, float]:
    """The least and the greatest value that images have.

    Raises:
        ValueError: they are not two numbers, the smaller one first.

    Example:

        >>> checked_value_range((0, 255))
        (0, 255)
    """
    pair = tuple(value_range) if isinstance(value_range, (tuple, list)) else ()
    if len(pair) != 2 or not all(map(is_number, pair)) or not pair[0] < pair[1]:
        raise value_error(
            f"value_range must be (lowest, highest), got {value_range!r}.",
            fix="value_range=(0, 255)\nor value_range=(0, 1) for images scaled to it",
        )
    return pair
