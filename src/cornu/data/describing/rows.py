"""Arrays, data frames and data sets, chunk by chunk."""

import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from cornu.data.describing.columns import Numbers, Values, facts_of
from cornu.data.describing.copies import Copies, Seen, copies_in, rows_as_bytes
from cornu.data.describing.description import Part
from cornu.data.describing.labels import Labels
from cornu.data.pipeline.dataset import Dataset
from cornu.errors import did_you_mean, value_error
from cornu.types import Tensors

CHUNK_BYTES = 8 << 20
MOST_ROWS = 8_192  # of a chunk


class Chunk(NamedTuple):
    """Some samples: columns by name, each `(rows, ...)`, and their labels if there are any."""

    columns: dict[str, np.ndarray]
    labels: np.ndarray | None


class Clock:
    """The time that a description may take.

    Args:
        seconds: that time; None for as long as it takes.
    """

    def __init__(self, seconds: float | None) -> None:
        self.began = time.monotonic()
        self.end = None if seconds is None else self.began + seconds

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self.end is not None and time.monotonic() > self.end


def part_of_chunks(
    name: str, chunks: Iterable[Chunk], samples: int | None, clock: Clock
) -> tuple[Part, Seen]:
    """What is in samples that pass by, and a hash of each."""
    part = Part(name, samples)
    facts: dict[str, Numbers | Values] = {}
    labels, copies = Labels(), Copies()
    has_labels = False
    for chunk in chunks:
        rows = len(next(iter(chunk.columns.values())))
        if not rows:
            continue
        for key, array in chunk.columns.items():
            if key not in facts:
                facts[key] = facts_of(key, array)
            facts[key].add(array)
        names = [""] * rows
        if chunk.labels is not None:
            has_labels = True
            names = labels.add(chunk.labels)
        copies.add(rows_as_bytes(list(chunk.columns.values())), names)
        part.seen += rows
        if clock.is_over:
            break
    else:
        part.samples = part.seen
    for key, fact in facts.items():
        many = isinstance(fact, Numbers) and fact.by_column and len(facts) > 1
        width = fact.shape[0] if isinstance(fact, Numbers) and many else 0
        titles = [f"{key} {k}" for k in range(width)] if many else None
        part.columns += fact.columns(titles) if isinstance(fact, Numbers) else fact.columns()
    if has_labels:
        labels.report(part)
    seen = copies.seen()
    part.copies, part.conflicts = copies_in(seen)
    return part, seen


def chunks_of_arrays(x: Tensors, y: Tensors) -> tuple[Iterator[Chunk], int]:
    """Chunks of arrays, frames or dicts of arrays, and the number of samples.

    Args:
        x: inputs.
        y: labels, or for a frame the name of the column that holds them; None for no labels.

    Raises:
        ValueError: the arrays differ in their number of rows, or there is no such column.
    """
    columns = columns_of(x)
    labels = None
    if isinstance(y, str):
        if y not in columns:
            raise value_error(f"There is no column {y!r}.", fix=did_you_mean(y, columns))
        labels = columns.pop(y)
    elif y is not None:
        several = columns_of(y)
        labels = next(iter(several.values()))
        for name, array in itertools.islice(several.items(), 1, None):
            columns[f"y {name}"] = array
    sizes = {name: len(array) for name, array in columns.items()}
    if labels is not None:
        sizes["y"] = len(labels)
    if not columns or len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} {size}" for name, size in list(sizes.items())[:10])
        raise value_error(
            "All arrays must have the same number of samples.",
            samples=listed or "no arrays",
            fix="pass test data as test=(x_test, y_test).",
        )
    return _cut(columns, labels), next(iter(sizes.values()))


def _cut(columns: dict[str, np.ndarray], labels: np.ndarray | None) -> Iterator[Chunk]:
    count = len(next(iter(columns.values())))
    size = sum(a.nbytes for a in columns.values()) // max(count, 1) + 1
    step = min(max(CHUNK_BYTES // size, 1), MOST_ROWS)
    for start in range(0, count, step):
        rows = slice(start, start + step)
        part = {name: array[rows] for name, array in columns.items()}
        yield Chunk(part, None if labels is None else labels[rows])


def columns_of(x: Tensors) -> dict[str, np.ndarray]:
    """The arrays in data by name: columns of a frame, entries of a dict, or "x" alone."""
    names = getattr(x, "columns", None)
    if isinstance(x, Mapping):
        return {str(name): as_rows(value) for name, value in x.items()}
    if names is not None and hasattr(x, "__getitem__") and not callable(names):
        names = getattr(x, "column_names", names)  # of Arrow, whose columns are the data
        return {str(name): as_rows(x[name]) for name in names}
    if isinstance(x, tuple) and all(np.ndim(part) > 0 for part in x):
        return {f"input {k}": as_rows(part) for k, part in enumerate(x)}
    return {"x": as_rows(x)}


def as_rows(x: Tensors) -> np.ndarray:
    """An array with an axis of samples; lists of different lengths become an array of lists."""
    try:
        array = np.asarray(x)
    except ValueError:  # lists of different lengths
        array = np.empty(len(x), object)
        for k, item in enumerate(x):
            array[k] = item
    if array.ndim == 0:
        raise value_error(
            f"Data must have an axis of samples, got a single {type(x).__name__}.",
            fix="describe([x])",
        )
    return array


def chunks_of_dataset(data: Any) -> tuple[Iterator[Chunk], int | None]:
    """Chunks of a data set of batches or of single samples, and their number if it is known."""
    found = Dataset.from_any(data)
    spec = found.element_spec
    first = _first_leaf(spec[0] if type(spec) is tuple else spec)
    shape: Any = getattr(first, "shape", ())
    batched = bool(shape) and shape[0] is None
    size = found.cardinality()
    return _batches(found, batched), (size if size >= 0 and not batched else None)


def _first_leaf(structure: Any) -> Any:
    while isinstance(structure, (dict, list)) or type(structure) is tuple:
        structure = next(iter(structure.values() if isinstance(structure, dict) else structure))
    return structure


def _batches(data: Iterable[Any], batched: bool) -> Iterator[Chunk]:
    for element in data:
        pair = list(element) if isinstance(element, tuple) else [element]
        x: Any = pair[0]
        y = pair[1] if len(pair) > 1 else None
        x = x[0] if isinstance(x, tuple) and len(x) == 1 else x
        columns = x if isinstance(x, Mapping) else {"x": x}
        if batched:
            arrays = {str(name): np.asarray(value) for name, value in columns.items()}
            yield Chunk(arrays, None if y is None else np.asarray(y))
        else:
            arrays = {str(name): np.asarray(value)[None] for name, value in columns.items()}
            yield Chunk(arrays, None if y is None else np.asarray(y)[None])
