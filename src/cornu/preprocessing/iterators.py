"""Batches of `ImageDataGenerator`: what all have in common, and those of arrays.

All are `PyDataset`: `fit` takes them, also with `workers`. The order of an epoch and the
transformations of a batch follow from the seed, the epoch and the number of the batch alone.
"""

import os
import threading
from typing import Any, Protocol

import numpy as np

from cornu import errors
from cornu.arguments import integer
from cornu.data.dataset import PyDataset
from cornu.errors import warn
from cornu.settings import current
from cornu.types import DType, FilePath, Tensor
from cornu.utils.images import array_to_img

Random = np.random.RandomState
EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff")


class Transformer(Protocol):
    """What the iterators ask of an `ImageDataGenerator`."""

    _validation_split: float

    def get_random_transform(
        self, img_shape: tuple[int, ...], seed: int | None = None, *, rng: Random | None = None
    ) -> dict[str, Any]:
        """Random parameters."""

    def apply_transform(self, x: np.ndarray, transform_parameters: dict[str, Any]) -> np.ndarray:
        """The image transformed."""

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """The image normalized."""


class Iterator(PyDataset):
    """Base class: batches of `n` samples, one after the other without end, or by their number.

    Args:
        n: number of samples.
        batch_size: number of samples per batch.
        shuffle: whether to shuffle the samples, anew in each epoch.
        seed: seed of the order and of the transformations; drawn from `numpy.random` if None.
        **kwargs: `workers`, `use_multiprocessing` and `max_queue_size` of `PyDataset`.

    A subclass defines `_make_batch(indices, rng)`.
    """

    white_list_formats = tuple(ending[1:] for ending in EXTENSIONS)

    def __init__(
        self, n: int, batch_size: int, shuffle: bool, seed: int | None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.n = n
        self.batch_size = integer(batch_size, "batch_size")
        self.shuffle = shuffle
        self.seed = seed
        self.batch_index = 0
        self.total_batches_seen = 0
        self._epoch = 0
        self._base = int(np.random.randint(2**31 - 1)) if seed is None else int(seed)
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        """The batch of this number, of the current epoch."""
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(
                errors.explain(f"There are {len(self)} batches, and none of number {index}.")
            )
        return self._batch(self._epoch, index)

    def __iter__(self) -> "Iterator":
        return self

    def __next__(self) -> Any:
        """The next batch; after the last one the first of another epoch."""
        if not self.n:
            raise StopIteration
        with self._lock:
            epoch, index = divmod(self.total_batches_seen, len(self))
            self.total_batches_seen += 1
            self.batch_index = (index + 1) % len(self)
        return self._batch(epoch, index)

    next = __next__

    def reset(self) -> None:
        """Begin again: the next batch is the first one."""
        self.total_batches_seen = self.batch_index = 0

    def on_epoch_end(self) -> None:
        """Go on to another order."""
        self._epoch += 1

    def _batch(self, epoch: int, index: int) -> Any:
        start = self._base + epoch * len(self)
        order = np.arange(self.n)
        first = Random(start % 2**32)
        if self.shuffle:
            order = first.permutation(self.n)
        rng = first if index == 0 else Random((start + index) % 2**32)
        size = self.batch_size
        return self._make_batch(order[size * index : size * (index + 1)], rng)

    def _make_batch(self, indices: np.ndarray, rng: Random) -> Any:
        raise NotImplementedError


class Images(Iterator):
    """Batches of images, transformed and perhaps saved."""

    image_data_generator: Transformer | None
    data_format: str
    dtype: DType

    def keep_saving(self, folder: FilePath | None, prefix: str, file_format: str) -> None:
        """Note where every transformed image is saved, if it is."""
        self.save_to_dir, self.save_prefix, self.save_format = folder, prefix, file_format

    def transformed(self, x: np.ndarray, rng: Random) -> np.ndarray:
        """An image under a random transformation, normalized."""
        generator = self.image_data_generator
        if generator is None:
            return x
        parameters = generator.get_random_transform(x.shape, rng=rng)
        return generator.standardize(generator.apply_transform(x, parameters))

    def save(self, batch: np.ndarray, indices: np.ndarray, rng: Random) -> None:
        """Save the images of a batch, if that is wanted."""
        if self.save_to_dir is None or self.save_to_dir == "":
            return
        for x, index in zip(batch, indices.tolist(), strict=True):
            name = f"{self.save_prefix}_{index}_{rng.randint(10**7)}.{self.save_format}"
            array_to_img(x, self.data_format).save(os.path.join(self.save_to_dir, name))


class NumpyArrayIterator(Images):
    """Batches of an array of images.

    Args:
        x: images `(samples, height, width, channels)`; or a tuple of them and of other arrays,
            which go along unchanged.
        y: labels, or None.
        image_data_generator: what transforms the images.
        batch_size: number of images per batch.
        shuffle: whether to shuffle the images, anew in each epoch.
        sample_weight: weight of each sample, or None.
        seed: seed of the order and of the transformations.
        data_format: "channels_last" or "channels_first"; the setting of `config` if None.
        save_to_dir: folder in which every transformed image is saved; None for none.
        save_prefix: beginning of the names of these files.
        save_format: format of these files.
        subset: "training" or "validation" with a `validation_split` of the generator.
        ignore_class_split: whether the two subsets may have different classes.
        dtype: dtype of the batches; `config.floatx()` if None.
    """

    def __init__(
        self,
        x: Tensor,
        y: Tensor,
        image_data_generator: Transformer,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: Tensor = None,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: FilePath | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        ignore_class_split: bool = False,
        dtype: DType | None = None,
    ) -> None:
        self.dtype = current.floatx if dtype is None else dtype
        self.data_format = data_format or current.image_data_format
        self.image_data_generator = image_data_generator
        self.keep_saving(save_to_dir, save_prefix, save_format)
        x, others = (x[0], x[1]) if isinstance(x, tuple | list) else (x, [])
        others = [np.asarray(o) for o in (others if isinstance(others, list) else [others])]
        x = np.asarray(x, self.dtype)
        y, weights = (None if a is None else np.asarray(a) for a in (y, sample_weight))
        beside = {"y": y, "sample_weight": weights}
        beside |= {f"x[{place}]": other for place, other in enumerate(others, 1)}
        for name, array in beside.items():
            if array is not None and len(array) != len(x):
                raise errors.value_error(
                    f"x and {name} must have the same number of samples, "
                    f"got {len(x)} and {len(array)}."
                )
        if x.ndim != 4:
            raise errors.value_error(
                f"Images must have 4 axes (samples, height, width, channels), got shape {x.shape}.",
                fix="x[..., None] adds the channel of gray images.",
            )
        channels = x.shape[1 if self.data_format == "channels_first" else 3]
        if channels not in (1, 3, 4):
            warn(f"Images have 1, 3 or 4 channels; x has {channels}: shape {x.shape}.")
        part = slice(None)
        if subset is not None:
            count = int(len(x) * image_data_generator._validation_split)
            part = slice(count) if is_validation(subset) else slice(count, None)
            if y is not None and not ignore_class_split:
                _check_classes(y[:count], y[count:])
        self.x, self.x_misc = x[part], [other[part] for other in others]
        self.y = None if y is None else y[part]
        self.sample_weight = None if weights is None else weights[part]
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def _make_batch(self, indices: np.ndarray, rng: Random) -> Any:
        batch = np.zeros((len(indices), *self.x.shape[1:]), self.dtype)
        for place, index in enumerate(indices):
            batch[place] = self.transformed(self.x[index].copy(), rng)
        self.save(batch, indices, rng)
        inputs = [batch, *(other[indices] for other in self.x_misc)] if self.x_misc else batch
        if self.y is None:
            return inputs
        if self.sample_weight is None:
            return inputs, self.y[indices]
        return inputs, self.y[indices], self.sample_weight[indices]


def _check_classes(left: np.ndarray, right: np.ndarray) -> None:
    if not np.array_equal(np.unique(left), np.unique(right)):
        raise errors.value_error(
            "The training and validation subsets have different classes.",
            fix="shuffle x and y together first,\nor pass ignore_class_split=True.",
        )


def is_validation(subset: str) -> bool:
    """Whether a subset is the one for validation, and not the one for training."""
    if subset not in ("training", "validation"):
        raise errors.value_error(
            f"subset must be 'training' or 'validation', got {subset!r}.",
            fix=errors.did_you_mean(subset, ["training", "validation"]),
        )
    return subset == "validation"
