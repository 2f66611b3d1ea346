"""Splitting a validation set off a data set.

    rows         0 ................ at ......... n-1      at = floor(n * (1 - validation_split))
    last         training            validation           as they lie, before anything is shuffled
    random       any `at` rows       the others
    stratified   any rows, the same fraction of each class in both parts

Which rows are picked depends on their number (and the labels) alone, so that a second `fit` of the
same data validates on the same rows and never trains on them.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu import tree
from cornu.arguments import is_number
from cornu.data.arrays import permutation
from cornu.data.convert import count_samples, host_arrays
from cornu.data.dataset import PyDataset, like_a_dataset
from cornu.data.foreign import made_by
from cornu.data.pipeline.dataset import Dataset
from cornu.data.rows import PickedRows, is_lazy
from cornu.errors import did_you_mean, value_error
from cornu.types import Tensor, Tensors

PICKS = ("last", "random", "stratified")
OWN = ("cornu", "keras", "tensorflow", "tf_keras", "builtins")  # whose epoch methods do nothing


def train_validation_split(
    data: tuple[Any, ...],
    validation_split: float,
    pick: str = "last",
    *,
    floatx: str = "float32",
    inputs_are_nested: bool | None = None,
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Split data in two: for training, and for validation.

    Args:
        data: `(x,)`, `(x, y)` or `(x, y, sample_weight)`, each an array, a table, lists of numbers
            or a structure of them; or `(dataset,)`, a `PyDataset`, which is split between batches.
        validation_split: fraction of the rows or batches for validation, between 0 and 1.
        pick: rows for validation: "last", "random" or "stratified".
        floatx: dtype to which floats are converted.
        inputs_are_nested: whether a list `x` holds several inputs; see `host_arrays`.

    Returns:
        The same structure twice: training and validation. The last rows of numpy arrays are views;
        rows of memory-mapped files stay in their file.

    Raises:
        ValueError: the fraction leaves one side empty, or the data cannot be split so.

    Example:

        >>> train, validation = train_validation_split((np.arange(10),), 0.3)
        >>> train[0].tolist(), validation[0].tolist()
        ([0, 1, 2, 3, 4, 5, 6], [7, 8, 9])
        >>> y = np.array([0] * 8 + [1] * 4)
        >>> _, (x, y) = train_validation_split((np.arange(12), y), 0.25, "stratified")
        >>> y.tolist()
        [0, 0, 1]
    """
    if not is_number(validation_split) or not 0 < validation_split < 1:
        raise value_error(
            f"validation_split must lie between 0 and 1, got {validation_split!r}.",
            fix="validation_split=0.2",
        )
    if pick not in PICKS:
        raise value_error(
            f"No rows are picked as validation_pick={pick!r}; {did_you_mean(pick, PICKS)}"
        )
    data = (*data, None, None)[: max(len(data), 1)]
    if like_a_dataset(data[0]):
        return _cut_dataset(data, validation_split, pick)
    _refuse_what_has_no_rows(data[0])
    arrays = host_arrays(*data, floatx=floatx, inputs_are_nested=inputs_are_nested)
    training, validation = _rows(arrays, validation_split, pick)
    width = len(data)

    def cut(rows: slice | np.ndarray) -> tuple[Any, ...]:
        parts = tree.map_structure(lambda leaf: _pick(leaf, rows), arrays)
        return (*parts, *(None,) * (width - len(parts)))

    return cut(training), cut(validation)


def _rows(
    arrays: tuple[Any, ...], fraction: float, pick: str
) -> tuple[slice | np.ndarray, slice | np.ndarray]:
    samples = count_samples(arrays)
    at = _place_to_cut(samples, fraction, "samples")
    if pick == "last":
        return slice(None, at), slice(at, None)
    order = permutation(0, 0, samples)
    if pick == "random":
        return np.sort(order[:at]), np.sort(order[at:])
    classes = _classes(arrays[1] if len(arrays) > 1 else None)
    held_out = np.zeros(samples, dtype=bool)
    for rows, count in zip(*shares(order, classes, samples - at), strict=True):
        held_out[rows[:count]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _place_to_cut(size: int, fraction: float, what: str) -> int:
    at = math.floor(size * (1.0 - fraction))
    if at == 0 or at == size:
        side = "training" if at == 0 else "validation"
        raise value_error(
            f"validation_split={fraction} of {size} {what} leaves none for {side}.",
            fix="validation_split=0.5" if size > 1 else "pass more data.",
        )
    return at


def shares(
    order: np.ndarray, classes: np.ndarray, wanted: int
) -> tuple[list[np.ndarray], list[int]]:
    """The rows of each class in a mixed order, and how many of them are for validation.

    Each class gets its exact share rounded down; what is missing goes to the largest remainders.
    One row of each class stays for training.
    """
    by_class = [order[classes[order] == c] for c in range(int(classes.max()) + 1)]
    exact = [len(rows) * wanted / len(order) for rows in by_class]
    counts = [min(int(share), len(rows) - 1) for share, rows in zip(exact, by_class, strict=True)]
    missing = wanted - sum(counts)
    for c in sorted(range(len(exact)), key=lambda c: counts[c] - exact[c]):
        if missing and counts[c] < len(by_class[c]) - 1:
            counts[c] += 1
            missing -= 1
    return by_class, counts


def _classes(y: Tensors) -> np.ndarray:
    """The number of each sample's class, from integer labels or one-hot rows."""
    labels = None if y is None or tree.is_nested(y) else np.asarray(y)
    if labels is not None and labels.ndim == 2 and labels.shape[1] > 1:
        hot = np.allclose(labels.sum(-1), 1, atol=1e-3)
        labels = labels.argmax(-1) if hot else None
    if labels is None or labels.size != len(labels) or not np.array_equal(labels, np.rint(labels)):
        what = "is missing" if y is None else f"has {_described(y)}"
        raise value_error(
            f'validation_pick="stratified" needs one class per sample; y {what}.',
            fix='validation_pick="random"',
        )
    return np.unique(labels.reshape(-1), return_inverse=True)[1]


def _described(y: Tensors) -> str:
    return "several arrays" if tree.is_nested(y) else f"shape {y.shape} and dtype {y.dtype}"


def _pick(leaf: Tensor, rows: slice | np.ndarray) -> Any:
    if leaf is None:
        return None
    if is_lazy(leaf):
        if isinstance(rows, slice) and isinstance(leaf, np.ndarray):
            return leaf[rows]
        numbers = np.arange(len(leaf))[rows] if isinstance(rows, slice) else rows
        return PickedRows(leaf, numbers)
    if isinstance(leaf, jax.Array) and isinstance(rows, np.ndarray):
        return jnp.take(leaf, rows, axis=0)
    return leaf[rows]


def _refuse_what_has_no_rows(x: Tensors) -> None:
    """Generators and loaders: what they give next is not known, or differs each time."""
    if hasattr(x, "__next__"):
        fix = "pass validation_data: a generator of its own, or arrays."
    elif made_by(x, "tensorflow") and hasattr(x, "as_numpy_iterator"):
        fix = "fit(data.skip(n), validation_data=data.take(n)), with data that were not shuffled."
    elif made_by(x, "torch.utils.data"):
        fix = "split before loading: torch.utils.data.random_split(dataset, [0.8, 0.2]),\n"
        fix += "and pass a DataLoader of the second part as validation_data."
    elif made_by(x, "grain"):
        fix = "cut before batching: fit(data[n:].batch(32), validation_data=data[:n].batch(32))."
    elif isinstance(x, Dataset):
        fix = "data, held_out = keras.utils.split_dataset(data, 0.8)\n"
        fix += "fit(data, validation_data=held_out)"
    elif hasattr(x, "shape") or hasattr(x, "to_numpy") or isinstance(x, list | tuple | dict):
        return
    else:
        fix = "pass validation_data instead."
    raise value_error(
        f"validation_split needs arrays or a PyDataset, got x of type {type(x).__name__}.",
        fix=fix,
    )


# ---- data sets that make batches ----------------------------------------------------------------


class SomeBatches(PyDataset):
    """Some of the batches of a data set.

    Args:
        dataset: a `PyDataset`, or an object with its methods.
        numbers: indices of the batches, in their new order.
    """

    def __init__(self, dataset: Any, numbers: Sequence[int]) -> None:
        super().__init__(
            workers=getattr(dataset, "workers", 1),
            use_multiprocessing=getattr(dataset, "use_multiprocessing", False),
            max_queue_size=getattr(dataset, "max_queue_size", 10),
        )
        self.dataset = dataset
        self.numbers = list(numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[self.numbers[index]]


def _cut_dataset(
    data: tuple[Any, ...], fraction: float, pick: str
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    dataset, *rest = data
    name = type(dataset).__name__
    count = dataset.num_batches if hasattr(dataset, "num_batches") else len(dataset)
    why = None
    if count is None:
        why = f"{name} is endless."
    elif pick == "stratified":
        why = f'validation_pick="stratified" needs to know all labels, and {name} makes batches.'
    elif _changes(dataset):
        why = f"{name} changes at the end of an epoch: its batches may mix both parts."
    if why is not None:
        raise value_error(
            f"This data set cannot be split by validation_split: {why}",
            fix="pass validation_data, a data set of its own.",
        )
    at = _place_to_cut(count, fraction, "batches")
    order = list(range(count)) if pick == "last" else permutation(0, 0, count).tolist()
    training, validation = (SomeBatches(dataset, sorted(part)) for part in (order[:at], order[at:]))
    return (training, *rest), (validation, *rest)


def _changes(dataset: Any) -> bool:
    """Whether the user's class does something between epochs."""
    own = [c for c in type(dataset).__mro__ if c.__module__.split(".")[0] not in OWN]
    hooks = ("on_epoch_begin", "on_epoch_end", "get_state")
    return any(hook in vars(c) for c in own for hook in hooks)
