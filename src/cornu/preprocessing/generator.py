"""`ImageDataGenerator` of Keras 2: random transformations and normalization of single images.

Today this is a pipeline: `image_dataset_from_directory`, then layers such as `RandomFlip`,
`RandomRotation` and `Normalization`, in the model or in `Dataset.map`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cornu import errors
from cornu.errors import warn
from cornu.preprocessing.advice import advise
from cornu.preprocessing.affine import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    flip_axis,
    pair_of,
)
from cornu.preprocessing.file_iterators import DataFrameIterator, DirectoryIterator
from cornu.preprocessing.iterators import NumpyArrayIterator, Random
from cornu.settings import current
from cornu.types import DType, FilePath, Tensor

_EPSILON = 1e-6


class ImageDataGenerator:
    """Batches of images, transformed at random and normalized, as in Keras 2.

    Args:
        featurewise_center: whether to subtract the mean of the data, per channel; see `fit`.
        samplewise_center: whether to subtract the mean of each image.
        featurewise_std_normalization: whether to divide by the standard deviation of the data.
        samplewise_std_normalization: whether to divide each image by its standard deviation.
        zca_whitening: whether to make the pixels uncorrelated; see `fit`.
        zca_epsilon: number added to the singular values.
        rotation_range: largest angle of a rotation, in degrees.
        width_shift_range: largest shift along the width: a fraction below 1, else pixels; or a list
            of shifts to choose from.
        height_shift_range: the same along the height.
        brightness_range: pair of factors between which the brightness is drawn.
        shear_range: largest angle of a shear, in degrees.
        zoom_range: pair of factors, or `z` for `(1 - z, 1 + z)`.
        channel_shift_range: largest number added to all values of an image.
        fill_mode: what is beyond the edges: "nearest", "constant", "reflect" or "wrap".
        cval: value beyond the edges for "constant".
        horizontal_flip: whether half of the images are flipped left to right.
        vertical_flip: whether half of the images are flipped top to bottom.
        rescale: factor by which all values are multiplied; None or 0 for none.
        preprocessing_function: function of an image, applied after the transformations.
        data_format: "channels_last" or "channels_first"; the setting of `config` if None.
        validation_split: fraction of the images for `subset="validation"`: the first ones.
        interpolation_order: order of the spline that interpolates.
        dtype: dtype of the batches; `config.floatx()` if None.

    Example:

        >>> generator = ImageDataGenerator(horizontal_flip=True, rescale=1 / 255)
        >>> batches = generator.flow(np.ones((5, 8, 8, 3)), np.arange(5), batch_size=2, seed=1)
        >>> x, y = next(batches)
        >>> x.shape, y.shape, len(batches)
        ((2, 8, 8, 3), (2,), 3)
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: float | Sequence[float] = 0.0,
        height_shift_range: float | Sequence[float] = 0.0,
        brightness_range: tuple[float, float] | None = None,
        shear_range: float = 0.0,
        zoom_range: float | tuple[float, float] = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[np.ndarray], np.ndarray] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: DType | None = None,
    ) -> None:
        advise(
            "image.ImageDataGenerator",
            "keras.utils.image_dataset_from_directory and layers such as RandomFlip",
        )
        self.featurewise_center = featurewise_center
        self.samplewise_center = samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening = zca_whitening
        self.zca_epsilon = zca_epsilon
        self.rotation_range = rotation_range
        self.width_shift_range = width_shift_range
        self.height_shift_range = height_shift_range
        self.shear_range = shear_range
        self.channel_shift_range = channel_shift_range
        self.fill_mode = fill_mode
        self.cval = cval
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.rescale = rescale
        self.preprocessing_function = preprocessing_function
        self.interpolation_order = interpolation_order
        self.dtype = current.floatx if dtype is None else dtype
        self.data_format = data_format or current.image_data_format
        if self.data_format not in ("channels_last", "channels_first"):
            raise errors.value_error(
                f"data_format must be 'channels_last' or 'channels_first', got {data_format!r}."
            )
        # Axes of a batch.
        first = self.data_format == "channels_first"
        self.channel_axis, self.row_axis, self.col_axis = (1, 2, 3) if first else (3, 1, 2)
        if validation_split and not 0 < validation_split < 1:
            raise errors.value_error(
                f"validation_split must be between 0 and 1, got {validation_split}.",
                fix="validation_split=0.2",
            )
        self._validation_split = validation_split
        self.brightness_range = (
            None if brightness_range is None else pair_of(brightness_range, "brightness_range")
        )
        if isinstance(zoom_range, int | float):
            zoom_range = (1 - zoom_range, 1 + zoom_range)
        self.zoom_range = list(pair_of(zoom_range, "zoom_range"))
        self.mean: np.ndarray | None = None
        self.std: np.ndarray | None = None
        self.zca_whitening_matrix: np.ndarray | None = None
        if zca_whitening and featurewise_std_normalization:
            self.featurewise_std_normalization = False
            warn("zca_whitening takes the place of featurewise_std_normalization.")
        self._centered("featurewise_center", zca_whitening or self.featurewise_std_normalization)
        self._centered("samplewise_center", samplewise_std_normalization)

    def _centered(self, name: str, needed: bool) -> None:
        if needed and not getattr(self, name):
            setattr(self, name, True)
            warn(f"{name} is set to True, which the normalization asked for needs.")

    # ---- batches -------------------------------------------------------------------------------

    def flow(
        self,
        x: Tensor,
        y: Tensor = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Tensor = None,
        seed: int | None = None,
        save_to_dir: FilePath | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
    ) -> NumpyArrayIterator:
        """Batches of images in an array; see `NumpyArrayIterator`."""
        return NumpyArrayIterator(
            x, y, self, batch_size=batch_size, shuffle=shuffle, sample_weight=sample_weight,
            seed=seed, data_format=self.data_format, save_to_dir=save_to_dir,
            save_prefix=save_prefix, save_format=save_format,
            ignore_class_split=ignore_class_split, subset=subset, dtype=self.dtype,
        )  # fmt: skip

    def flow_from_directory(
        self,
        directory: FilePath,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: FilePath | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> DirectoryIterator:
        """Batches of the images in the subfolders of a folder; see `DirectoryIterator`."""
        return DirectoryIterator(
            directory, self, target_size=target_size, color_mode=color_mode, classes=classes,
            class_mode=class_mode, batch_size=batch_size, shuffle=shuffle, seed=seed,
            data_format=self.data_format, save_to_dir=save_to_dir, save_prefix=save_prefix,
            save_format=save_format, follow_links=follow_links, subset=subset,
            interpolation=interpolation, keep_aspect_ratio=keep_aspect_ratio, dtype=self.dtype,
        )  # fmt: skip

    def flow_from_dataframe(
        self,
        dataframe: Any,
        directory: FilePath | None = None,
        x_col: str = "filename",
        y_col: str | list[str] = "class",
        weight_col: str | None = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: FilePath | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        **kwargs: Any,
    ) -> DataFrameIterator:
        """Batches of the images that a data frame names; see `DataFrameIterator`."""
        for old in ("has_ext", "sort", "drop_duplicates"):
            if kwargs.pop(old, None) is not None:
                warn(f"{old} of flow_from_dataframe has no effect any more.", DeprecationWarning)
        if kwargs:
            raise TypeError(errors.unknown_arguments("flow_from_dataframe", kwargs, []))
        return DataFrameIterator(
            dataframe, directory, self, x_col=x_col, y_col=y_col, weight_col=weight_col,
            target_size=target_size, color_mode=color_mode, classes=classes,
            class_mode="raw" if class_mode == "other" else class_mode, batch_size=batch_size,
            shuffle=shuffle, seed=seed, data_format=self.data_format, save_to_dir=save_to_dir,
            save_prefix=save_prefix, save_format=save_format, subset=subset,
            interpolation=interpolation, dtype=self.dtype, validate_filenames=validate_filenames,
        )  # fmt: skip

    # ---- single images -------------------------------------------------------------------------

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """The image after `preprocessing_function`, `rescale` and the normalizations.

        Args:
            x: an image, or a batch; overwritten.
        """
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
        if self.rescale:
            x *= self.rescale
        if self.samplewise_center:
            x -= np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, keepdims=True) + _EPSILON
        if self.featurewise_center and (mean := self._fitted(self.mean)) is not None:
            x -= mean
        if self.featurewise_std_normalization and (std := self._fitted(self.std)) is not None:
            x /= std + _EPSILON
        if self.zca_whitening:
            matrix = self._fitted(self.zca_whitening_matrix)
            if matrix is not None:
                x = (x.reshape(-1, len(matrix)) @ matrix).reshape(x.shape)
        return x

    @staticmethod
    def _fitted(value: np.ndarray | None) -> np.ndarray | None:
        if value is None:
            warn(
                errors.explain(
                    "The ImageDataGenerator normalizes by the data, which it has not seen.",
                    fix="generator.fit(x)",
                )
            )
        return value

    def get_random_transform(
        self, img_shape: tuple[int, ...], seed: int | None = None, *, rng: Random | None = None
    ) -> dict[str, Any]:
        """Random parameters for `apply_transform`.

        Args:
            img_shape: shape of the image.
            seed: seed of the numbers; the state of `numpy.random` if None.
            rng: generator of the numbers, in the place of a seed.

        Returns:
            `theta` (degrees), `tx` and `ty` (pixels along columns and rows), `shear` (degrees),
            `zx`, `zy`, `flip_horizontal`, `flip_vertical`, `channel_shift_intensity` and
            `brightness`.
        """
        draw: Any = np.random if seed is None and rng is None else rng or Random(seed)
        theta = (
            draw.uniform(-self.rotation_range, self.rotation_range) if self.rotation_range else 0
        )
        height, width = img_shape[self.row_axis - 1], img_shape[self.col_axis - 1]
        ty = self._shift(draw, self.height_shift_range, height)
        tx = self._shift(draw, self.width_shift_range, width)
        shear = draw.uniform(-self.shear_range, self.shear_range) if self.shear_range else 0
        zx, zy = (1, 1) if self.zoom_range == [1, 1] else draw.uniform(*self.zoom_range, 2)
        flips = [bool(draw.random_sample() < 0.5) for _ in range(2)]
        intensity = brightness = None
        if self.channel_shift_range:
            intensity = draw.uniform(-self.channel_shift_range, self.channel_shift_range)
        if self.brightness_range is not None:
            brightness = draw.uniform(*self.brightness_range)
        return {
            "theta": theta, "tx": tx, "ty": ty, "shear": shear, "zx": zx, "zy": zy,
            "flip_horizontal": flips[0] and self.horizontal_flip,
            "flip_vertical": flips[1] and self.vertical_flip,
            "channel_shift_intensity": intensity, "brightness": brightness,
        }  # fmt: skip

    @staticmethod
    def _shift(draw: Any, bound: float | Sequence[float], size: int) -> float:
        """A shift in pixels along an axis of this size."""
        if not np.any(bound):
            return 0
        if isinstance(bound, float):
            shift = draw.uniform(-bound, bound)
        else:  # a choice; an int stands for 0 ... bound - 1
            shift = draw.choice(bound) * draw.choice([-1, 1])
        return shift * size if np.max(bound) < 1 else shift

    def apply_transform(self, x: np.ndarray, transform_parameters: dict[str, Any]) -> np.ndarray:
        """The image under the transformation that `get_random_transform` describes.

        Args:
            x: an image with 3 axes.
            transform_parameters: some or all of its parameters.
        """
        given = transform_parameters
        rows, columns, channels = self.row_axis - 1, self.col_axis - 1, self.channel_axis - 1
        x = apply_affine_transform(
            x, **{k: given[k] for k in ("theta", "tx", "ty", "shear", "zx", "zy") if k in given},
            row_axis=rows, col_axis=columns, channel_axis=channels, fill_mode=self.fill_mode,
            cval=self.cval, order=self.interpolation_order,
        )  # fmt: skip
        if given.get("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, given["channel_shift_intensity"], channels)
        if given.get("flip_horizontal"):
            x = flip_axis(x, columns)
        if given.get("flip_vertical"):
            x = flip_axis(x, rows)
        if given.get("brightness") is not None:
            bright = apply_brightness_shift(
                np.moveaxis(x, channels, 2), given["brightness"], scale=False
            )
            x = np.moveaxis(bright, 2, channels)
        return x

    def random_transform(self, x: np.ndarray, seed: int | None = None) -> np.ndarray:
        """The image under a random transformation; see `get_random_transform`."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def fit(
        self, x: Tensor, augment: bool = False, rounds: int = 1, seed: int | None = None
    ) -> None:
        """Learn the mean, the standard deviation and the whitening matrix of the data.

        Args:
            x: images, with 4 axes; rescaled by `rescale` first.
            augment: whether to transform them at random.
            rounds: number of times that each image is transformed.
            seed: seed of these transformations.
        """
        x = np.array(x, dtype=self.dtype)
        if x.ndim != 4:
            raise errors.value_error(
                f"Images must have 4 axes (samples, height, width, channels), got shape {x.shape}.",
                fix="x[..., None] adds the channel of gray images.",
            )
        if self.rescale:
            x *= self.rescale
        if augment:
            draw = None if seed is None else Random(seed)
            x = np.stack(
                [
                    self.apply_transform(image, self.get_random_transform(image.shape, rng=draw))
                    for _ in range(rounds)
                    for image in x
                ]
            ).astype(x.dtype)
        axes = (0, self.row_axis, self.col_axis)
        if self.featurewise_center:
            self.mean = x.mean(axis=axes, keepdims=True)[0]
            x -= self.mean
        if self.featurewise_std_normalization:
            self.std = x.std(axis=axes, keepdims=True)[0]
            x /= self.std + _EPSILON
        if self.zca_whitening:
            flat = x.reshape(len(x), -1)
            u, s, _ = np.linalg.svd(flat.T, full_matrices=False)
            self.zca_whitening_matrix = (u * (np.sqrt(len(x)) / (s + self.zca_epsilon))) @ u.T
