"""Layers that give images a size: resizing and cropping.

Each takes a window of the image, which may go beyond its edges, and resizes it to the target size
where it has another.
"""

from typing import Any

from cornu import ops, random
from cornu.arguments import one_of, positive_int, yes_or_no
from cornu.errors import value_error
from cornu.layers.augmentation.base import Batch, Transformation
from cornu.layers.augmentation.geometry import Geometry
from cornu.ops.image.resizing import RESIZE_METHODS, aspect_window
from cornu.random.seed import SeedGenerator
from cornu.types import Tensor


class Sized(Geometry):
    """A layer with a target size, also in inference."""

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format=data_format, **kwargs)
        self.height = positive_int(height, "height")
        self.width = positive_int(width, "width")

    def _still(self, training: bool) -> bool:
        return False

    def _window(self, size: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Top, left, height and width of the part of the image that becomes the result."""
        return aspect_window(size, (self.height, self.width), inside=True)

    def _draw(self, shape: tuple[int, ...], seed: SeedGenerator | None, training: bool) -> Batch:
        window = ops.convert_to_tensor(self._window(shape[1:]), "float32")
        return {"window": ops.broadcast_to(window, (shape[0], 4))}

    def _move_boxes(self, boxes: Tensor, transformation: Transformation) -> Tensor:
        top, left, height, width = ops.unstack(transformation["window"][:, None, None], 4, axis=-1)
        x = (boxes[..., ::2] - left) * (self.width / width)
        y = (boxes[..., 1::2] - top) * (self.height / height)
        return ops.stack([x[..., 0], y[..., 0], x[..., 1], y[..., 1]], axis=-1)

    def _size_after(self, transformation: Transformation) -> Tensor:
        size = ops.convert_to_tensor((self.height, self.width), "float32")
        return ops.broadcast_to(size, transformation["size"].shape)


class Resizing(Sized):
    """Resize images.

    Input one image or a batch, or a dict (see `ImageLayer`), output the same with the size of the
    images changed. Integer images come out in their own dtype, rounded.

    Args:
        height, width: size of the result in pixels.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5"; masks are
            resampled to the nearest pixel.
        crop_to_aspect_ratio: whether to cut images to the aspect ratio of the result first, around
            their center, so that nothing is stretched.
        pad_to_aspect_ratio: whether to pad them to it instead.
        fill_mode: what they are padded with: "constant".
        fill_value: value of the padding; masks get 0.
        antialias: whether to low-pass filter images before downsampling.
        data_format: "channels_last" or "channels_first".

    Example:

        >>> import numpy as np
        >>> Resizing(4, 6)(np.ones((2, 8, 8, 3), "uint8")).shape
        (2, 4, 6, 3)
    """

    _keeps_integers = True

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(height, width, data_format, **kwargs)
        self.interpolation = one_of(interpolation, RESIZE_METHODS, "interpolation")
        self.crop_to_aspect_ratio = yes_or_no(crop_to_aspect_ratio, "crop_to_aspect_ratio")
        self.pad_to_aspect_ratio = yes_or_no(pad_to_aspect_ratio, "pad_to_aspect_ratio")
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise value_error(
                "crop_to_aspect_ratio and pad_to_aspect_ratio cannot both be True.",
                fix="crop_to_aspect_ratio=True, pad_to_aspect_ratio=False",
            )
        self.fill_mode = one_of(fill_mode, ("constant",), "fill_mode")
        self.fill_value = fill_value
        self.antialias = bool(antialias)

    def _window(self, size: tuple[int, ...]) -> tuple[int, int, int, int]:
        if not (self.crop_to_aspect_ratio or self.pad_to_aspect_ratio):
            return (0, 0, size[0], size[1])
        return aspect_window(size, (self.height, self.width), self.crop_to_aspect_ratio)

    def _move(self, pixels: Tensor, transformation: Transformation, masks: bool) -> Tensor:
        return ops.image.resize(
            pixels,
            (self.height, self.width),
            interpolation="nearest" if masks else self.interpolation,
            antialias=self.antialias and not masks,
            crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio,
            fill_value=0 if masks else self.fill_value,
            data_format="channels_last",
        )


class Crop(Sized):
    """A layer that cuts a part out of images, which it resizes only where they are too small."""

    def _fits(self, size: tuple[int, ...]) -> bool:
        return size[0] >= self.height and size[1] >= self.width

    def _window(self, size: tuple[int, ...]) -> tuple[int, int, int, int]:
        if not self._fits(size):
            return super()._window(size)
        top, left = (size[0] - self.height) // 2, (size[1] - self.width) // 2
        return (top, left, self.height, self.width)

    def _move(self, pixels: Tensor, transformation: Transformation, masks: bool) -> Tensor:
        size = tuple(pixels.shape[1:3])
        if not self._fits(size):
            return self._cut_and_resized(pixels, masks)
        top, left, height, width = self._window(size)
        return pixels[:, top : top + height, left : left + width]

    def _cut_and_resized(self, pixels: Tensor, masks: bool) -> Tensor:
        return ops.image.resize(
            pixels,
            (self.height, self.width),
            interpolation="nearest" if masks else "bilinear",
            crop_to_aspect_ratio=True,
            data_format="channels_last",
        )


class CenterCrop(Crop):
    """Cut the center out of images.

    An image that is smaller than the target along an axis is cut to the aspect ratio of the target
    and resized.

    Input one image or a batch, or a dict (see `ImageLayer`), output the same with the size of the
    images changed; floats come out.

    Args:
        height, width: size of the result in pixels.
        data_format: "channels_last" or "channels_first".

    Example:

        >>> import numpy as np
        >>> CenterCrop(1, 2)(np.arange(16.0).reshape(4, 4, 1)).ravel().tolist()
        [5.0, 6.0]
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any):
        super().__init__(height, width, data_format, **kwargs)


class RandomCrop(Crop):
    """Cut a random part out of images in training, the same for all images of a batch.

    In inference, and where an image is smaller than the target along an axis, the largest part
    around the center that has the aspect ratio of the target is cut out and resized.

    Input one image or a batch, or a dict (see `ImageLayer`), output the same with the size of the
    images changed; floats come out.

    Args:
        height, width: size of the result in pixels.
        seed: seed of the random numbers.
        data_format: "channels_last" or "channels_first".

    Example:

        >>> import numpy as np
        >>> RandomCrop(3, 2)(np.ones((2, 4, 4, 3)), training=True).shape
        (2, 3, 2, 3)
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(height, width, data_format, name=name, **kwargs)
        self._set_seed(seed)

    def _draw(self, shape: tuple[int, ...], seed: SeedGenerator | None, training: bool) -> Batch:
        if not (training and self._fits(shape[1:])):
            window = ops.convert_to_tensor(Sized._window(self, shape[1:]), "float32")
            return {"window": ops.broadcast_to(window, (shape[0], 4)), "place": None}
        top, left = (
            random.randint((), 0, size - target + 1, seed=seed)
            for size, target in zip(shape[1:], (self.height, self.width), strict=True)
        )
        place = ops.stack([top, left])
        window = ops.concatenate([place, ops.convert_to_tensor((self.height, self.width), "int32")])
        return {
            "window": ops.broadcast_to(ops.cast(window, "float32"), (shape[0], 4)),
            "place": ops.broadcast_to(place, (shape[0], 2)),
        }

    def _move(self, pixels: Tensor, transformation: Transformation, masks: bool) -> Tensor:
        if transformation["place"] is None:
            return self._cut_and_resized(pixels, masks)
        top, left = transformation["place"][0]
        shape = (pixels.shape[0], self.height, self.width, pixels.shape[3])
        return ops.slice(pixels, (0, top, left, 0), shape)
