"""`adapt`: the state of a preprocessing layer, learned from data in one streaming pass.

    layer.adapt(data)
        reset_state()             forget what was learned before
        update_state(batch)       once per batch: an array of numbers or strings, on the host
        finalize_state()          turn what was summed up into what `call` reads

`batches_of` is the one reader of data: arrays, tables and lists are cut into rows; everything else
is iterated over once and may be larger than the memory. A summary that merges (counts, sums,
weighted quantiles) makes the result independent of the order and size of the batches.
"""

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import jax
import numpy as np

from cornu import bcoo
from cornu.arguments import optional_int
from cornu.errors import located, type_error, value_error
from cornu.layers.base.data_layer import DataLayer
from cornu.numeric import ragged
from cornu.reports.progress import Progress
from cornu.types import Config, Data, Tensor

CHUNK = 1 << 18  # numbers or strings of an array that are taken in at once
ROWS = 32  # rows per batch of an array if `steps` counts batches, and no batch size is given
PATIENCE = 2.0  # seconds until a bar shows how far a pass is


class AdaptingLayer(DataLayer):
    """Base of layers whose state is learned by `adapt`.

    A subclass defines `reset_state`, `update_state` and `finalize_state`. What `call` reads should
    change in `finalize_state` alone, so that a pass that fails leaves the layer as it was.
    """

    @property
    def _learns(self) -> bool:
        """Whether there is something to learn; not if what `call` reads was given."""
        return True

    def adapt(self, data: Data, steps: int | None = None, batch_size: int | None = None) -> None:
        """Learn the state of the layer from data, in one pass; what was learned before is lost.

        Args:
            data: array, table, list, or an iterable of batches: a data set, loader or generator.
                Of a batch `(x, y)`, the first item is read.
            steps: number of batches to read; all if None.
            batch_size: number of rows per batch of an array.

        Raises:
            ValueError: the data give no batch, or never end while `steps` is None.
            TypeError: the data are no arrays and cannot be iterated over.
        """
        self.reset_state()
        for batch in batches_of(data, steps, batch_size):
            with located(self.name, ", while adapting"):
                self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Begin a new summary."""
        raise NotImplementedError

    def update_state(self, data: Tensor) -> None:
        """Add one batch to the summary."""
        raise NotImplementedError

    def finalize_state(self) -> None:
        """Make the state of the layer from the summary."""
        raise NotImplementedError

    def build_from_config(self, config: Config | None) -> None:
        if config:
            super().build_from_config(config)


def batches_of(
    data: Data, steps: int | None = None, batch_size: int | None = None
) -> Iterator[np.ndarray]:
    """The inputs in data of any kind as arrays of numpy, read once, with a bar if that takes long.

    Args:
        data: array of any library, table, column, list, or an iterable of batches, each an array
            or a tuple whose first item is one.
        steps: number of batches to read; all if None.
        batch_size: number of rows per batch of an array.

    Raises:
        ValueError: there is no batch, a batch is a dict of several columns, or the data are
            endless and `steps` is None.
        TypeError: the data are no arrays and cannot be iterated over.

    Example:

        >>> [batch.shape for batch in batches_of(np.zeros((5, 2)), steps=2, batch_size=2)]
        [(2, 2), (2, 2)]
        >>> [batch.tolist() for batch in batches_of(([i, i + 1], "y") for i in range(2))]
        [[0, 1], [1, 2]]
    """
    if isinstance(data, dict) or is_whole(data):
        array = data if hasattr(data, "shape") else as_array(data)
        steps, rows = _rows_per_batch(steps, batch_size, _row_size(array))
        count = -(-_length(array) // rows)
        items: Iterable[Any] = (_rows(array, i * rows, rows) for i in range(count))
        for item in _read(data, items, count, steps):
            yield as_array(item)
    else:
        for item in _read(data, *_items(data, steps), steps):
            yield as_array(_inputs_of(item))


def columns_of(data: Data, steps: int | None = None) -> Iterator[dict[str, np.ndarray]]:
    """The columns of tables, and of data sets of dicts, read as by `batches_of`.

    Args:
        data: dict of arrays and lists, data frame, or an iterable of such dicts, or of tuples
            whose first item is one.
        steps: number of batches to read; all if None.

    Example:

        >>> [batch["a"].tolist() for batch in columns_of({"a": [1, 2], "b": ["x", "y"]})]
        [[1, 2]]
    """
    if isinstance(data, dict) or hasattr(data, "columns"):
        names = data if isinstance(data, dict) else data.columns
        table = {name: as_array(data[name]) for name in names}
        size, rows = max(map(_length, table.values()), default=0), CHUNK
        items = (
            {name: _rows(a, i * rows, rows) for name, a in table.items()}
            for i in range(-(-size // rows))
        )
        yield from _read(data, items, None, steps)
        return
    for item in _read(data, *_items(data, steps), steps):
        columns = _inputs_of(item)
        if not isinstance(columns, dict):
            raise type_error(
                f"The data must give dicts of columns, got {type(columns).__name__}.",
                fix="data = data.map(lambda row: {'age': row[0], 'name': row[1]})",
            )
        yield {name: as_array(value) for name, value in columns.items()}


def _inputs_of(item: Data) -> Data:
    """The inputs of a batch `(x,)`, `(x, y)` or `(x, y, sample_weight)`."""
    return item[0] if isinstance(item, tuple) and item else item


def _rows_per_batch(
    steps: int | None, batch_size: int | None, row_size: int
) -> tuple[int | None, int]:
    steps, batch_size = optional_int(steps, "steps"), optional_int(batch_size, "batch_size")
    return steps, batch_size or (ROWS if steps else max(CHUNK // max(row_size, 1), 1))


def _read(data: Data, items: Iterable[Any], count: int | None, steps: int | None) -> Iterator[Any]:
    """The first items, all if `steps` is None; with a bar if that takes long.

    Raises:
        ValueError: there is none.
    """
    if steps is not None:
        items, count = islice(items, steps), steps if count is None else min(steps, count)
    found = False
    for item in _with_progress(items, count):
        found = True
        yield item
    if not found:
        raise value_error(
            f"The {type(data).__name__} given to adapt holds no data.",
            fix="check how it was selected; a generator that was read before is empty.",
        )


def is_whole(data: object) -> bool:
    """Whether data are one array or table, rather than something that gives batches."""
    if isinstance(data, list | tuple):
        first: Any = data[0] if data else None
        first = first[0] if isinstance(first, tuple) and first else first
        return not len(getattr(first, "shape", ())) and not isinstance(first, dict)
    if _is_py_dataset(data) or hasattr(data, "__next__") or isinstance(data, str | bytes):
        return False
    return any(hasattr(data, name) for name in ("to_numpy", "tocsr", "__array__", "dtype"))


def as_array(value: Data) -> np.ndarray:
    """An array of numpy, whatever its dtype; a column of numbers becomes `(samples, 1)`.

    Args:
        value: array of any library, table, column, nested list, number or string.

    Raises:
        ValueError: it is a dict, or rows of numbers that differ in length.

    Example:

        >>> as_array([["a", "b"], ["c"]])
        array([list(['a', 'b']), list(['c'])], dtype=object)
    """
    if isinstance(value, dict):
        raise value_error(
            f"adapt reads one array, got a dict of {', '.join(map(repr, list(value)[:10]))}.",
            fix=f"choose one: data.map(lambda x, y: x[{next(iter(value), 'name')!r}])\n"
            "or learn all columns at once: keras.utils.FeatureSpace",
        )
    if isinstance(value, jax.Array):
        return np.asarray(value)
    if bcoo.is_sparse(value):
        return np.asarray(bcoo.dense(value))
    if hasattr(value, "toarray") and hasattr(value, "tocsr"):
        return value.toarray()
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu()
        return (value.float() if "bfloat16" in str(value.dtype) else value).numpy()
    if hasattr(value, "to_numpy"):
        array = np.asarray(value.to_numpy())
        return array[:, None] if array.ndim == 1 and array.dtype.kind in "biuf" else array
    try:
        return np.asarray(value)
    except ValueError:  # rows of different lengths
        rows = list(value)
        if not all(np.asarray(row).dtype.kind in "OUST" for row in rows if len(row)):
            raise ValueError(ragged("data")) from None
        return np.fromiter(rows, object, len(rows))  # lists of strings, one per document


def _is_py_dataset(data: Data) -> bool:
    """Whether batches are taken by index, as from a `PyDataset` of this library or of Keras."""
    return hasattr(data, "on_epoch_end") and hasattr(data, "__getitem__")


def _items(data: Data, steps: int | None) -> tuple[Iterable[Any], int | None]:
    """What the data give, and how many if that is known."""
    steps = optional_int(steps, "steps")
    if isinstance(data, list | tuple):
        return data, len(data)
    if _is_py_dataset(data):
        known = getattr(data, "num_batches", None)  # None where it is endless
        size = steps or (len(data) if known is None else known)
        size = size if known is None else min(size, known)
        return (data[i] for i in range(size)), size
    if not hasattr(data, "__iter__") or isinstance(data, str | bytes):
        raise type_error(
            f"adapt reads arrays, tables, and iterables of batches, got {type(data).__name__}.",
            fix="layer.adapt(numpy.asarray(data))",
        )
    count = _count_of(data)
    if count == -1 and steps is None:
        raise value_error(
            f"The {type(data).__name__} is endless.", fix="layer.adapt(data.take(100))"
        )
    start = data.as_numpy_iterator if hasattr(data, "as_numpy_iterator") else data.__iter__
    return start(), None if count is None or count < 0 else count


def _count_of(data: Data) -> int | None:
    """The number of batches; -1 if endless, None if unknown."""
    if hasattr(data, "cardinality"):
        count = data.cardinality
        count = int(count() if callable(count) else count)
        return count if count >= -1 else None
    try:
        count = len(data)
    except (TypeError, NotImplementedError):
        return None
    return -1 if count > 1 << 60 else count  # grain says so after .repeat()


def _length(array: Tensor) -> int:
    return array.shape[0] if len(array.shape) else 1


def _row_size(array: Tensor) -> int:
    return int(np.prod(array.shape[1:], dtype=np.int64))


def _rows(array: Tensor, start: int, count: int) -> Any:
    if not len(array.shape):
        return array
    array = array.tocsr() if hasattr(array, "tocsr") else array
    array = array.iloc if hasattr(array, "iloc") else array
    return array[start : start + count]


def _with_progress(items: Iterable[Any], count: int | None) -> Iterator[Any]:
    """The items; after a while, a bar on a terminal or in a notebook says how far they are."""
    start, shown = time.monotonic(), None
    try:
        for step, item in enumerate(items, 1):
            yield item
            if shown is None and time.monotonic() - start > PATIENCE:
                shown = Progress(count)
            if shown is not None and shown.mode != "line":
                shown.update(step, {}, finished=step == count)
    finally:
        if shown is not None:
            shown.close()
