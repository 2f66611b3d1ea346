"""Data sets of other libraries as stages. They are known by their methods and the name of their
module; nothing foreign is imported.

    with an index          torch Dataset, grain MapDataset and sources, Hugging Face Dataset,
                           Arrow and pandas tables, PyDataset (whose elements are batches)
    in order               torch DataLoader and IterableDataset, tf.data, grain IterDataset and
                           DataLoader, Hugging Face IterableDataset, Arrow data sets, iterables
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cornu.data.dataset import like_a_dataset
from cornu.data.foreign import made_by
from cornu.data.pipeline.batching import Unbatched
from cornu.data.pipeline.elements import leaves, mapped, stacked, to_numpy, unstacked
from cornu.data.pipeline.origins import Arrays, Generated, Sourced
from cornu.data.pipeline.stage import Stage
from cornu.errors import type_error
from cornu.types import Data, Tensors


def foreign_stage(data: Data) -> Stage | None:
    """The stage that reads a data set of another library; None if it is arrays or a function.

    Raises:
        TypeError: it can be read once only.
    """
    if hasattr(data, "shape") and hasattr(data, "dtype"):
        return None  # an array, which some libraries let iterate as well
    for make in (_tensorflow, _torch, _grain, _hugging_face, _arrow, _frame):
        stage = make(data)
        if stage is not None:
            return stage
    if like_a_dataset(data):
        return _indexed(data, batched=True)
    if isinstance(data, list | tuple | Mapping | str | bytes) or not hasattr(data, "__iter__"):
        return None
    kind = type(data).__name__
    if hasattr(data, "__next__"):
        raise type_error(
            f"A Dataset is read more than once, and a {kind} can be read once only.",
            fix="Dataset.from_generator(make), where `def make():` yields the elements.",
        )
    return _in_order(data, f"the {kind}")


# ---- the two kinds ------------------------------------------------------------------------------


class _Converted:
    """Elements of a data set with an index, with numpy arrays as leaves."""

    work = "reading"

    def __init__(self, data: Data) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: int) -> Any:
        return element_of(self._data[index])


def element_of(item: Tensors) -> Any:
    """An element of another library: numpy arrays as leaves, a list of them as a tuple."""
    if isinstance(item, list) and any(np.ndim(leaf) for leaf in leaves(item)):
        item = tuple(item)
    return mapped(to_numpy, item)


def _indexed(data: Data, batched: bool = False) -> Stage:
    stage = Sourced(_Converted(data))
    stage.batched = batched
    return stage


def _in_order(data: Data, name: str, length: int | None = None, batched: bool = False) -> Stage:
    return Generated(lambda: iter(data), name, length, batched, element_of)


def _length(data: Data) -> int | None:
    try:
        return len(data)
    except (TypeError, NotImplementedError):  # a stream
        return None


# ---- libraries ----------------------------------------------------------------------------------


def _tensorflow(data: Data) -> Stage | None:
    if not made_by(data, "tensorflow") or not hasattr(data, "as_numpy_iterator"):
        return None
    count = int(data.cardinality())  # -1 is endless, -2 unknown
    length = sys.maxsize if count == -1 else count if count >= 0 else None
    shapes = [getattr(spec, "shape", None) for spec in leaves(getattr(data, "element_spec", None))]
    batched = bool(shapes) and all(
        shape is not None and len(shape) > 0 and shape[0] is None for shape in shapes
    )
    return Generated(data.as_numpy_iterator, "the tf.data.Dataset", length, batched, element_of)


def _torch(data: Data) -> Stage | None:
    if not made_by(data, "torch.utils.data"):
        return None
    if hasattr(data, "collate_fn"):
        batched = getattr(data, "batch_size", None) is not None
        return _in_order(data, "the DataLoader", _length(data), batched)
    if hasattr(data, "__len__") and hasattr(data, "__getitem__"):
        return _indexed(data)
    return _in_order(data, "the torch IterableDataset", _length(data))


def _grain(data: Data) -> Stage | None:
    if not made_by(data, "grain"):
        return None
    length = _length(data)
    if length is None or not hasattr(data, "__getitem__"):
        return _in_order(data, f"the grain {type(data).__name__}")
    return _indexed(data)  # sys.maxsize elements are an endless number of them, here as there


class _Table:
    """The rows of a table of a library that reads several at once, as dicts."""

    work = "reading"

    def __init__(self, table: Data) -> None:
        self._table = table

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, index: int) -> Any:
        return unstacked(self.gather(np.array([index])))[0]

    def gather(self, indices: np.ndarray) -> dict[str, Any]:
        """Rows as a batch."""
        return {name: _column(values) for name, values in self.read(indices.tolist()).items()}

    def read(self, rows: list[int]) -> Mapping[str, Any]:
        """Columns of some rows."""
        raise NotImplementedError


class _HuggingFace(_Table):
    def __init__(self, table: Data) -> None:
        super().__init__(table.with_format("numpy"))

    def read(self, rows: list[int]) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._table[rows]
        return found

    def fingerprint(self) -> str:
        """What the library itself calls the state of the data."""
        return str(getattr(self._table, "_fingerprint", ""))


def _hugging_face(data: Data) -> Stage | None:
    if not made_by(data, "datasets"):
        return None
    if hasattr(data, "with_format") and hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        if isinstance(data, Mapping):  # train, test, ...
            raise type_error(
                f"A DatasetDict holds several data sets: {', '.join(map(str, data))}.",
                fix=f"Dataset.from_any(data[{next(iter(data), 'train')!r}])",
            )
        return Sourced(_HuggingFace(data))
    return _in_order(data, "the Hugging Face data set")


class _Arrow(_Table):
    def read(self, rows: list[int]) -> Mapping[str, Any]:
        part = self._table.take(rows)
        return {name: part.column(name) for name in part.schema.names}


def _arrow(data: Data) -> Stage | None:
    if not made_by(data, "pyarrow"):
        return None
    if hasattr(data, "take") and hasattr(data, "schema") and hasattr(data, "num_rows"):
        return Sourced(_Arrow(data))
    if hasattr(data, "to_batches"):  # a data set of files

        def parts() -> Iterator[Any]:
            for part in data.to_batches():
                if part.num_rows:
                    yield {n: _column(part.column(n)) for n in part.schema.names}

        return Unbatched(Generated(parts, "the Arrow data set", batched=True))
    return None


def _frame(data: Data) -> Stage | None:
    """A data frame of pandas or polars."""
    columns = getattr(data, "columns", None)
    if columns is None or not hasattr(data, "to_numpy"):
        return None
    return Arrays({str(name): _column(data[name]) for name in columns})


def _column(values: Data) -> np.ndarray:
    """The values of a column as an array; lists of one length as rows, None as NaN."""
    if isinstance(values, np.ndarray):
        array = values
    elif hasattr(values, "to_pylist") and _is_nested(values.type):
        array = np.empty(len(values), object)
        array[:] = [None if v is None else np.asarray(v) for v in values.to_pylist()]
    elif hasattr(values, "combine_chunks"):  # several pieces, whose copy may be refused
        array = values.to_numpy()
    elif hasattr(values, "to_pylist"):
        array = values.to_numpy(zero_copy_only=False)
    else:
        array = np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)
    if array.dtype != object:
        return array
    rows: Sequence[Any] = array.tolist()
    if all(isinstance(row, str) for row in rows):
        return np.array(rows, dtype=str)
    if all(isinstance(row, np.ndarray | list) for row in rows) and len(rows):
        shapes = {np.shape(row) for row in rows}
        return np.asarray(stacked([np.asarray(row) for row in rows])) if len(shapes) == 1 else array
    if all(row is None or isinstance(row, int | float) for row in rows):
        return np.array([np.nan if row is None else row for row in rows], float)
    return array


def _is_nested(kind: object) -> bool:
    return hasattr(kind, "value_type") and not hasattr(kind, "index_type")
