"""Batches of `ImageDataGenerator` from image files, in folders or named by data frames."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from cornu import errors
from cornu.data.decode.images import CHANNELS
from cornu.data.folders.index import chosen_classes
from cornu.data.folders.scan import checked_folder, list_classes, subfolders
from cornu.errors import warn
from cornu.preprocessing.iterators import EXTENSIONS, Images, Random, Transformer, is_validation
from cornu.settings import current
from cornu.types import DType, FilePath
from cornu.utils.images import img_to_array, load_img

_LABELLED = ("binary", "categorical", "sparse")


class _Files(Images):
    """Batches of images in files."""

    class_mode: str | None
    class_indices: dict[str, int]
    classes: Any
    filenames: list[str]
    filepaths: list[str]
    targets: Any = None  # of the modes "raw" and "multi_output"
    sample_weight: np.ndarray | None = None
    allowed_class_modes: tuple[str | None, ...]

    def _set_up(
        self,
        image_data_generator: Transformer | None,
        target_size: tuple[int, int],
        color_mode: str,
        data_format: str | None,
        class_mode: str | None,
        interpolation: str,
        keep_aspect_ratio: bool,
        dtype: DType | None,
    ) -> None:
        for name, value, allowed in (
            ("color_mode", color_mode, tuple(CHANNELS)),
            ("class_mode", class_mode, self.allowed_class_modes),
        ):
            if value not in allowed:
                raise errors.value_error(
                    f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}.",
                    fix=errors.did_you_mean(str(value), [a for a in allowed if a]),
                )
        self.image_data_generator = image_data_generator
        self.target_size = (int(target_size[0]), int(target_size[1]))
        self.color_mode, self.class_mode = color_mode, class_mode
        self.data_format = data_format or current.image_data_format
        self.interpolation, self.keep_aspect_ratio = interpolation, keep_aspect_ratio
        self.dtype = current.floatx if dtype is None else dtype
        channels = CHANNELS[color_mode]
        first = self.data_format == "channels_first"
        self.image_shape = (channels, *self.target_size) if first else (*self.target_size, channels)

    @property
    def labels(self) -> Any:
        """The labels of all files."""
        return self.classes if self.targets is None else self.targets

    def _make_batch(self, indices: np.ndarray, rng: Random) -> Any:
        batch = np.zeros((len(indices), *self.image_shape), self.dtype)
        for place, index in enumerate(indices):
            image = load_img(
                self.filepaths[index],
                color_mode=self.color_mode,
                target_size=self.target_size,
                interpolation=self.interpolation,
                keep_aspect_ratio=self.keep_aspect_ratio,
            )
            x = img_to_array(image, self.data_format, self.dtype).copy()
            batch[place] = self.transformed(x, rng)
        self.save(batch, indices, rng)
        if self.class_mode is None:
            return batch
        y = self._targets_of(batch, indices)
        if self.sample_weight is None:
            return batch, y
        return batch, y, self.sample_weight[indices]

    def _targets_of(self, batch: np.ndarray, indices: np.ndarray) -> Any:
        if self.class_mode == "input":
            return batch.copy()
        if self.class_mode == "multi_output":
            return [target[indices] for target in self.targets]
        if self.class_mode == "raw":
            return self.targets[indices]
        classes = [self.classes[index] for index in indices]
        if self.class_mode != "categorical":
            return np.array(classes, self.dtype)
        hot = np.zeros((len(indices), len(self.class_indices)), self.dtype)
        for row, own in zip(hot, classes, strict=True):
            row[own] = 1
        return hot


class DirectoryIterator(_Files):
    """Batches of the images in the subfolders of a folder, each a class.

    Args:
        directory: path of the folder.
        image_data_generator: what transforms the images.
        target_size: height and width to which they are resized.
        color_mode: "rgb", "rgba" or "grayscale".
        classes: subfolders to take, in the order of the classes; all, sorted, if None.
        class_mode: "categorical" for one-hot vectors, "binary" or "sparse" for class indices,
            "input" for the images themselves, None for images alone.
        batch_size: number of images per batch.
        shuffle: whether to shuffle the images, anew in each epoch.
        seed: seed of the order and of the transformations.
        data_format: "channels_last" or "channels_first"; the setting of `config` if None.
        save_to_dir: folder in which every transformed image is saved; None for none.
        save_prefix: beginning of the names of these files.
        save_format: format of these files.
        follow_links: whether to enter links to folders.
        subset: "training" or "validation" with a `validation_split` of the generator, which is
            taken of each class.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos", "box" or "hamming".
        keep_aspect_ratio: whether to crop images rather than distort them.
        dtype: dtype of the batches; `config.floatx()` if None.
    """

    allowed_class_modes = ("categorical", "binary", "sparse", "input", None)

    def __init__(
        self,
        directory: FilePath,
        image_data_generator: Transformer,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: FilePath | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: DType | None = None,
    ) -> None:
        self._set_up(
            image_data_generator, target_size, color_mode, data_format, class_mode, interpolation,
            keep_aspect_ratio, dtype,
        )  # fmt: skip
        self.keep_saving(save_to_dir, save_prefix, save_format)
        self.directory = folder = checked_folder(directory)
        names = chosen_classes(subfolders(folder), list(classes) if classes else None, folder)
        self.class_indices = {name: number for number, name in enumerate(names)}
        self.num_classes = len(names)
        files = list_classes(folder, names, EXTENSIONS, follow_links)
        if subset is not None:
            fraction = image_data_generator._validation_split
            parts = (0, fraction) if is_validation(subset) else (fraction, 1)
            files = [f[int(parts[0] * len(f)) : int(parts[1] * len(f))] for f in files]
        self.filepaths = [path for paths in files for path in paths]
        self.filenames = [os.path.relpath(path, folder) for path in self.filepaths]
        self.samples = len(self.filepaths)
        self.classes = np.repeat(np.arange(len(names), dtype="int32"), list(map(len, files)))
        print(f"Found {self.samples} images belonging to {self.num_classes} classes.")
        super().__init__(self.samples, batch_size, shuffle, seed)


class DataFrameIterator(_Files):
    """Batches of the images that a data frame names, with labels from its columns.

    Args:
        dataframe: a data frame of pandas.
        directory: folder in which the files are; None for paths in the data frame.
        image_data_generator: what transforms the images.
        x_col: column of the paths.
        y_col: column of the labels, or a list of columns for "multi_output" and "raw".
        weight_col: column of the sample weights, or None.
        target_size: height and width to which images are resized.
        color_mode: "rgb", "rgba" or "grayscale".
        classes: classes to take, in their order; all, sorted, if None.
        class_mode: see `DirectoryIterator`; also "raw" for the values of `y_col`, and
            "multi_output" for a list of them, one per column.
        batch_size: number of images per batch.
        shuffle: whether to shuffle the images, anew in each epoch.
        seed: seed of the order and of the transformations.
        data_format: "channels_last" or "channels_first".
        save_to_dir: folder in which every transformed image is saved; None for none.
        save_prefix: beginning of the names of these files.
        save_format: format of these files.
        subset: "training" or "validation" with a `validation_split` of the generator.
        interpolation: see `DirectoryIterator`.
        keep_aspect_ratio: whether to crop images rather than distort them.
        dtype: dtype of the batches.
        validate_filenames: whether to leave out rows whose file does not exist.
    """

    allowed_class_modes = (
        "binary", "categorical", "input", "multi_output", "raw", "sparse", None,
    )  # fmt: skip

    def __init__(
        self,
        dataframe: Any,
        directory: FilePath | None = None,
        image_data_generator: Transformer | None = None,
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
        data_format: str | None = "channels_last",
        save_to_dir: FilePath | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: DType | None = "float32",
        validate_filenames: bool = True,
    ) -> None:
        self._set_up(
            image_data_generator, target_size, color_mode, data_format, class_mode, interpolation,
            keep_aspect_ratio, dtype,
        )  # fmt: skip
        self.keep_saving(save_to_dir, save_prefix, save_format)
        self.directory = os.fspath(directory or "")
        columns = [x_col] if weight_col is None else [x_col, weight_col]
        if class_mode not in ("input", None):
            columns += [y_col] if isinstance(y_col, str) else y_col
        for name in columns:
            if name not in dataframe.columns:
                raise errors.make_error(
                    errors.NoSuchNameError,
                    f"The data frame has no column {name!r}.",
                    fix=errors.did_you_mean(str(name), map(str, dataframe.columns)),
                )
        if not all(isinstance(name, str) for name in dataframe[x_col]):
            raise errors.type_error(
                f"Column {x_col!r} must hold paths as text.",
                fix=f"dataframe[{x_col!r}] = dataframe[{x_col!r}].astype(str)",
            )
        frame = dataframe
        if validate_filenames:
            kept = [self._is_image(name) for name in frame[x_col]]
            if not all(kept):
                warn(f"{kept.count(False)} files in column {x_col!r} do not exist or are no images "
                     "and are left out.")  # fmt: skip
                frame = frame[kept]
        if class_mode in _LABELLED:
            frame, names = self._labelled(frame, str(y_col), classes)
            self.class_indices = {name: number for number, name in enumerate(names)}
        if subset is not None:
            fraction = getattr(image_data_generator, "_validation_split", 0.0)
            count = int(fraction * len(frame))
            frame = frame.iloc[:count] if is_validation(subset) else frame.iloc[count:]
        self.classes = None
        if class_mode in _LABELLED:
            self.classes = [self._numbers(label) for label in frame[y_col]]
        elif class_mode == "multi_output":
            if isinstance(y_col, str):
                raise errors.type_error(
                    "class_mode='multi_output' needs a list of columns.", fix=f"y_col=[{y_col!r}]"
                )
            self.targets = [np.array(frame[name].tolist()) for name in y_col]
        elif class_mode == "raw":
            self.targets = frame[y_col].to_numpy()
        self.filenames = frame[x_col].tolist()
        self.filepaths = [os.path.join(self.directory, name) for name in self.filenames]
        self.samples = len(self.filenames)
        if weight_col is not None:
            self.sample_weight = frame[weight_col].to_numpy()
        validated = "validated" if validate_filenames else "non-validated"
        belonging = f" belonging to {len(names)} classes" if class_mode in _LABELLED else ""
        print(f"Found {self.samples} {validated} image filenames{belonging}.")
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _is_image(self, name: str) -> bool:
        path = os.path.join(self.directory, name)
        return path.lower().endswith(EXTENSIONS) and os.path.isfile(path)

    def _labelled(
        self, frame: Any, y_col: str, classes: Sequence[str] | None
    ) -> tuple[Any, list[str]]:
        """The rows with a label of these classes, and the classes."""
        lists = (list, tuple) if self.class_mode == "categorical" else ()
        if not all(isinstance(label, (str, *lists)) for label in frame[y_col]):
            raise errors.type_error(
                f"Column {y_col!r} must hold text for class_mode={self.class_mode!r}.",
                fix=f"dataframe[{y_col!r}] = dataframe[{y_col!r}].astype(str)\n"
                "or class_mode='raw' for numbers.",
            )
        own = [[label] if isinstance(label, str) else list(label) for label in frame[y_col]]
        names = list(dict.fromkeys(classes)) if classes else sorted({c for row in own for c in row})
        if self.class_mode == "binary" and len(names) != 2:
            raise errors.value_error(
                f"class_mode='binary' needs exactly 2 classes, got {len(names)}.",
                fix="class_mode='categorical'",
            )
        known = set(names)
        return frame[[any(label in known for label in row) for row in own]], names

    def _numbers(self, label: str | Sequence[str]) -> int | list[int]:
        if isinstance(label, str):
            return self.class_indices[label]
        return [self.class_indices[name] for name in label if name in self.class_indices]
