"""`split_dataset`: two data sets of one, for training and for validation."""

import random
from collections.abc import Callable, Iterator
from typing import Any, TypeGuard

import numpy as np

from cornu.arguments import is_int, is_number
from cornu.data.arrays import permutation
from cornu.data.pipeline.dataset import INFINITE, Dataset
from cornu.data.pipeline.elements import to_numpy
from cornu.data.pipeline.selections import Picked
from cornu.data.split import shares
from cornu.errors import type_error, value_error
from cornu.types import Data, Tensor

BACKENDS = (None, "tensorflow", "torch", "jax", "numpy", "openvino", "grain")


def split_dataset(
    dataset: Data,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
    *,
    stratify: Tensor | Callable[[Any], Any] | None = None,
) -> tuple[Dataset, Dataset]:
    """Split a data set in two.

    Args:
        dataset: arrays, a list or tuple of arrays of the same length, a `Dataset`, or a data set of
            tf.data, torch, grain or another library (see `Dataset.from_any`). Without an index its
            elements are read into memory once.
        left_size: fraction of the elements in the first part, between 0 and 1, or their number as
            an int; None for all that are not in the second.
        right_size: the same for the second part.
        shuffle: whether to pick the elements at random.
        seed: seed of that choice.
        preferred_backend: accepted as in Keras; "grain" returns data sets of grain.
        stratify: class of each element, as an array `(n,)`, or a function of an element that
            returns it: both parts get the same fraction of each class.

    Returns:
        Two `Dataset`s, whose elements are those of `dataset`.

    Raises:
        TypeError, ValueError: a size is of another type or out of range, or leaves a part empty.

    Example:

        >>> left, right = split_dataset(np.arange(10), left_size=0.8)
        >>> len(left), [int(n) for n in right]
        (8, [8, 9])
        >>> labels = [0, 0, 0, 0, 1, 1]
        >>> left, right = split_dataset((np.arange(6), labels), 0.5, stratify=labels)
        >>> [int(label) for _, label in left], [int(label) for _, label in right]
        ([0, 0, 1], [0, 0, 1])
    """
    if preferred_backend not in BACKENDS:
        raise value_error(
            f"preferred_backend must be one of {BACKENDS}, got {preferred_backend!r}.",
            fix="preferred_backend=None",
        )
    whole = _opened(dataset)
    count = len(whole)
    left, right = _sizes(left_size, right_size, count)
    order = np.arange(count)
    if shuffle:
        order = permutation(random.randrange(2**31) if seed is None else seed, 0, count)
    if stratify is not None:
        parts = _stratified(_classes(stratify, whole), order, left, right)
    else:
        parts = order[:left], order[left : left + right]
    made = [Dataset(Picked(whole.stage, rows), whole.class_names) for rows in parts]
    if preferred_backend == "grain":
        return made[0].to_grain(), made[1].to_grain()
    return made[0], made[1]


def _opened(dataset: Data) -> Dataset:
    """The data as a `Dataset` with an index."""
    if isinstance(dataset, list) and dataset and all(map(_is_array, dataset)):
        dataset = tuple(dataset)  # arrays side by side, as in Keras
    whole = Dataset.from_any(dataset)
    if whole.cardinality() == INFINITE:
        raise value_error("An endless data set cannot be split.", fix="data.take(1000)")
    if not whole.stage.indexed:
        whole = Dataset.from_source(list(whole), batched=whole.stage.batched)
    return whole


def _is_array(part: object) -> bool:
    return len(getattr(part, "shape", ())) > 0


def _sizes(left: object, right: object, count: int) -> tuple[int, int]:
    """The numbers of elements of the two parts."""
    if left is None and right is None:
        raise value_error(
            "left_size or right_size must be given, got None for both.", fix="left_size=0.8"
        )
    if is_fraction(left) and is_fraction(right) and float(left) + float(right) > 1 + 1e-9:
        raise value_error(
            f"left_size and right_size must not be more than 1 together, got {left} and {right}.",
            fix=f"left_size={left}, right_size=None",
        )
    sizes = [
        _size(size, name, count) for size, name in ((left, "left_size"), (right, "right_size"))
    ]
    first = count - sizes[1] if sizes[0] is None else sizes[0]  # type: ignore[operator]
    second = count - first if sizes[1] is None else sizes[1]
    if first + second > count:
        second -= is_fraction(right) and first + second == count + 1  # both were rounded up
    if first < 1 or second < 1 or first + second > count:
        raise value_error(
            f"left_size={left} and right_size={right} do not split {count} elements in two parts "
            "with at least one each.",
            parts=f"{first} and {second}",
            fix="left_size=0.5, right_size=None" if count > 1 else "pass more data.",
        )
    return first, second


def is_fraction(size: object) -> TypeGuard[float]:
    """Whether a size is a fraction rather than a number of elements."""
    return is_number(size) and not is_int(size)


def _size(size: object, name: str, count: int) -> int | None:
    if size is None:
        return None
    if not is_number(size):
        raise type_error(
            f"{name} must be a fraction, a number of elements or None, got {size!r}.",
            fix=f"{name}=0.8",
        )
    if is_int(size):
        if not 0 < size < count:
            raise value_error(
                f"{name} must be between 1 and {count - 1} of {count} elements, got {size}.",
                fix=f"{name}=0.8",
            )
        return int(size)
    if not 0 < size < 1:
        raise value_error(
            f"{name} must be a fraction between 0 and 1, or an integer, got {size}.",
            fix=f"{name}=0.8",
        )
    return round(size * count)


def _classes(stratify: Any, whole: Dataset) -> np.ndarray:
    """The number of the class of each element."""
    labels = [stratify(element) for element in _each(whole)] if callable(stratify) else stratify
    array = np.asarray(to_numpy(labels))
    if array.ndim == 2 and array.shape[1] > 1:  # one-hot
        array = array.argmax(-1)
    if array.size != len(whole):
        raise value_error(
            f"stratify must give one class per element, got {array.size} for {len(whole)}.",
            fix="stratify=labels, or a function of an element that returns its class",
        )
    return np.unique(array.reshape(-1), return_inverse=True)[1]


def _each(whole: Dataset) -> Iterator[Any]:
    return (whole[index] for index in range(len(whole)))


def _stratified(
    classes: np.ndarray, order: np.ndarray, left: int, right: int
) -> tuple[np.ndarray, np.ndarray]:
    """The elements of both parts, each with the same fraction of every class."""
    second = _picked(classes, order, right)
    rest = order[~np.isin(order, second)]
    first = rest if left == len(rest) else _picked(classes, rest, left)
    return order[np.isin(order, first)], order[np.isin(order, second)]


def _picked(classes: np.ndarray, order: np.ndarray, count: int) -> np.ndarray:
    here = np.unique(classes[order], return_inverse=True)[1]
    by_class, counts = shares(np.arange(len(order)), here, count)
    places = [rows[len(rows) - n :] for rows, n in zip(by_class, counts, strict=True)]
    return order[np.concatenate(places)]
