"""Tables and arrays in files, chunk by chunk."""

import contextlib
import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cornu import errors
from cornu.data.describing.rows import Chunk, columns_of

TEXT_TABLES = (".csv", ".tsv", ".tab")
TABLES = (*TEXT_TABLES, ".parquet")
ARRAYS = (".npy", ".npz")
ROWS = 4_096  # of a chunk
MOST_FIELDS = 10_000
MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "-"}
SAMPLE = 1 << 16  # characters that the form of a table is read from

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?inf|nan", re.IGNORECASE)


class TextTable:
    """A table in a text file: its separator, its names, and what does not fit them.

    Args:
        path: path of the file.
        label: name of the column of labels; None for none.

    Attributes:
        names: names of the columns; "0", "1", ... if the first row is one of data.
        odd: number of values in each column of numbers that are none.
        ragged: number of rows that have more or fewer fields than the first.
    """

    def __init__(self, path: Path, label: str | None) -> None:
        self.path, self.label = path, label
        with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
            sample = file.read(SAMPLE)
        self._words = False
        self._separator = self._find_separator(sample)
        first = next(self._split(iter(sample.splitlines())), [])
        self._has_names = bool(first) and not any(_is_number(field) for field in first)
        names = [field.strip() for field in first] if self._has_names else []
        self.names = [name or str(k) for k, name in enumerate(names)] or list(
            map(str, range(len(first)))
        )
        if len(self.names) > MOST_FIELDS:
            raise errors.value_error(
                f"A table must have at most {MOST_FIELDS:,} columns, got {len(self.names):,}."
            )
        if label is not None and label not in self.names:
            raise errors.value_error(
                f"There is no column {label!r} in {path.name}.",
                columns=", ".join(self.names[:20]),
                fix=errors.did_you_mean(label, self.names),
            )
        self.odd: Counter[str] = Counter()
        self.ragged = 0
        self._numeric: list[bool] | None = None

    def _find_separator(self, sample: str) -> str:
        lines = [line for line in sample.splitlines()[:20] if line.strip()]
        if not lines:
            raise errors.value_error(f"{self.path.name} is empty.")
        counts = {sep: [line.count(sep) for line in lines[:10]] for sep in (",", "\t", ";", "|")}
        best = max(counts, key=lambda sep: (min(counts[sep]), sum(counts[sep])))
        self._words = max(counts[best]) == 0 and len(lines[0].split()) > 1
        return best

    def _split(self, lines: Iterator[str]) -> Iterator[list[str]]:
        if self._words:  # separated by blanks
            return (line.split() for line in lines if line.strip())
        return self._rows(csv.reader(lines, delimiter=self._separator))

    def _rows(self, reader: Iterator[list[str]]) -> Iterator[list[str]]:
        """The rows that are not empty."""
        try:
            yield from (row for row in reader if row)
        except csv.Error as error:
            raise errors.value_error(
                f"{self.path.name} cannot be read as a table.",
                why=error,
                fix="look for a quotation mark that is not closed.",
            ) from error

    def chunks(self) -> Iterator[Chunk]:
        """The rows of the table."""
        with open(self.path, encoding="utf-8-sig", errors="replace", newline="") as file:
            rows = self._split(iter(file))
            if self._has_names:
                next(rows, None)
            while True:
                block: list[list[str]] = []
                with contextlib.suppress(StopIteration):
                    while len(block) < ROWS:
                        row = next(rows)
                        if len(row) == len(self.names):
                            block.append(row)
                        else:
                            self.ragged += 1
                if not block:
                    return
                yield self._chunk(block)

    def _chunk(self, block: list[list[str]]) -> Chunk:
        fields = [[field.strip() for field in column] for column in zip(*block, strict=True)]
        if self._numeric is None:
            self._numeric = [_are_numbers(column) for column in fields]
        columns: dict[str, np.ndarray] = {}
        for name, column, numeric in zip(self.names, fields, self._numeric, strict=True):
            columns[name] = self._numbers(name, column) if numeric else _texts(column)
        labels = columns.pop(self.label) if self.label is not None else None
        return Chunk(columns, labels)

    def _numbers(self, name: str, column: list[str]) -> np.ndarray:
        with contextlib.suppress(ValueError):
            return np.array(column, np.float64)
        values = np.full(len(column), np.nan)
        for k, field in enumerate(column):
            if _NUMBER.fullmatch(field):
                values[k] = float(field)
            elif field.lower() not in MISSING:
                self.odd[name] += 1
        return values


def _is_number(field: str) -> bool:
    return bool(_NUMBER.fullmatch(field.strip()))


def _are_numbers(column: list[str]) -> bool:
    """Whether nine in ten of the values that are there are numbers."""
    there = [field for field in column if field.lower() not in MISSING]
    return bool(there) and sum(map(_is_number, there)) >= 0.9 * len(there)


def _texts(column: list[str]) -> np.ndarray:
    values = np.empty(len(column), object)
    values[:] = [None if field.lower() in MISSING else field for field in column]
    return values


def chunks_of_parquet(path: Path, label: str | None) -> tuple[Iterator[Chunk], int]:
    """Chunks of a Parquet file, and its number of rows."""
    parquet = errors.need("pyarrow.parquet", for_="reading Parquet files", install="pyarrow")
    file = parquet.ParquetFile(path)
    names = file.schema_arrow.names
    if label is not None and label not in names:
        raise errors.value_error(
            f"There is no column {label!r} in {path.name}.", fix=errors.did_you_mean(label, names)
        )

    def chunks() -> Iterator[Chunk]:
        for batch in file.iter_batches(ROWS):
            columns = columns_of({name: batch.column(name).to_numpy(zero_copy_only=False)
                                  for name in names})  # fmt: skip
            yield Chunk(columns, columns.pop(label, None) if label is not None else None)

    return chunks(), file.metadata.num_rows


def arrays_in(path: Path) -> dict[str, np.ndarray]:
    """The arrays in an .npy or .npz file; those of an .npy file stay on the disk.

    Raises:
        ValueError: it is damaged, or holds pickled objects.
    """
    try:
        if path.suffix.lower() == ".npy":
            return {"x": np.load(path, mmap_mode="r", allow_pickle=False)}
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, KeyError) as error:
        raise errors.value_error(
            f"{path.name} cannot be read as arrays.",
            why=str(error).split("\n")[0][:200],
            fix="save arrays of numbers: numpy.savez(path, x=x, y=y)",
        ) from error


def parts_of_arrays(arrays: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Inputs and labels by the part that the names of arrays stand for.

    Example:

        >>> parts_of_arrays({"x_train": 1, "y_train": 2, "x_test": 3, "y_test": 4})
        {'training': (1, 2), 'test': (3, 4)}
    """
    known = {"training": ("x_train", "y_train"), "test": ("x_test", "y_test"), "": ("x", "y")}
    parts = {part: (arrays[x], arrays.get(y)) for part, (x, y) in known.items() if x in arrays}
    if parts:
        return parts
    if len({len(array) for array in arrays.values() if array.ndim}) == 1:
        return {"": (arrays, None)}
    return {name: (array, None) for name, array in arrays.items() if array.ndim}
