"""`describe`: from arrays, frames, data sets, files and folders to a description."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from cornu import errors
from cornu.data.describing import folder, tables
from cornu.data.describing.copies import Seen, shared_by
from cornu.data.describing.description import Description, Part
from cornu.data.describing.judge import findings_of
from cornu.data.describing.rows import (
    Chunk,
    Clock,
    chunks_of_arrays,
    chunks_of_dataset,
    part_of_chunks,
)
from cornu.types import Data, FilePath, Tensors

Found = tuple[Part, Seen]


@errors.trimmed
def describe(
    x: Data | FilePath,
    y: Tensors | None = None,
    *,
    test: Data | FilePath | None = None,
    seconds: float | None = 60.0,
) -> Description:
    """What is in data: counts, shapes, ranges, classes, missing and constant columns, copies.

    Args:
        x: arrays, a dict of arrays, a data frame, a data set of batches or samples, or the path of
            a folder (of images, sounds or texts) or of a file (.csv, .tsv, .parquet, .npy, .npz).
        y: labels `(samples, ...)`; for a table the name of the column that holds them.
        test: test data of the same kind, or `(x_test, y_test)`, in which samples of the training
            data are looked for.
        seconds: time to look for; of what is larger, as much is described as that allows. None to
            look at all of it.

    Returns:
        A `Description`; `print` it, or take its fields, `to_dict()` or `to_json()`.

    Raises:
        ValueError: arrays differ in their number of samples, or a file cannot be read.
        FileNotFoundError: there is no such file or folder.

    A folder that has subfolders `train` and `test` is described as training and test data. Memory
    does not grow with the data, but for 16 bytes per sample, by which copies are found.

    Example:

        >>> import numpy as np
        >>> found = describe(np.zeros((4, 2)), [0, 0, 1, 1])
        >>> print(found)  # doctest: +ELLIPSIS
        x: arrays
          samples: 4
          classes: 2: 0 2, 1 2
          copies: 3
          ...
    """
    began = time.monotonic()
    clock = Clock(seconds)
    if isinstance(x, (str, os.PathLike)):
        found, seen = _of_path(folder.checked_path(x), y, clock)
    else:
        part, hashes = _of_data("training" if test is not None else "", x, y, clock)
        found, seen = Description("x", _kind(x), [part]), [hashes]
    if test is not None:
        found.parts[0].name = found.parts[0].name or "training"
        more, hashes_of_more = _of_test(test, y, clock)
        found.parts += more
        seen += hashes_of_more
    found.shared = sum(shared_by(seen[0], other) for other in seen[1:])
    found.findings = findings_of(found)
    found.seconds = time.monotonic() - began
    return found


def _of_test(test: Data, y: Tensors | None, clock: Clock) -> tuple[list[Part], list[Seen]]:
    if isinstance(test, (str, os.PathLike)):
        column = y if isinstance(y, str) else None
        found, seen = _of_path(folder.checked_path(test), column, clock)
        for part in found.parts:
            part.name = part.name or "test"
        return found.parts, seen
    x, labels = test if isinstance(test, tuple) and len(test) == 2 else (test, None)
    part, hashes = _of_data("test", x, y if isinstance(y, str) else labels, clock)
    return [part], [hashes]


def _kind(x: Data) -> str:
    return "table" if hasattr(x, "columns") else "data set" if _passes_by(x) else "arrays"


def _passes_by(x: Data) -> bool:
    """Whether data come in batches or samples, rather than all at once."""
    is_array = hasattr(x, "shape") or hasattr(x, "columns") or hasattr(x, "__array__")
    return not (is_array or isinstance(x, (list, tuple, dict)))


def _of_data(name: str, x: Data, y: Tensors | None, clock: Clock) -> Found:
    if _passes_by(x):
        if y is not None:
            raise errors.value_error(
                "A data set brings its labels itself, so y cannot be given.", fix="describe(x)"
            )
        chunks, count = chunks_of_dataset(x)
        return part_of_chunks(name, chunks, count, clock)
    rows, size = chunks_of_arrays(x, y)
    return part_of_chunks(name, rows, size, clock)


def _of_path(path: Path, y: Tensors | None, clock: Clock) -> tuple[Description, list[Seen]]:
    if path.is_dir():
        return _of_folder(path, y, clock)
    ending = path.suffix.lower()
    read: dict[str, Callable[[Path, Tensors | None, Clock], tuple[str, list[Found]]]] = {
        **dict.fromkeys(tables.TEXT_TABLES, _of_text_table),
        ".parquet": _of_parquet,
        **dict.fromkeys(tables.ARRAYS, _of_arrays),
        ".txt": _of_lines,
    }
    if ending not in read:
        raise errors.value_error(
            f"{path.name} is no file that can be described.",
            fix=f"a folder, or a file with one of the endings {', '.join(read)}",
        )
    kind, found = read[ending](path, y, clock)
    return Description(str(path), kind, [part for part, _ in found]), [seen for _, seen in found]


def _of_folder(path: Path, y: Tensors | None, clock: Clock) -> tuple[Description, list[Seen]]:
    if y is not None:
        raise errors.value_error(
            "The subfolders of a folder are its classes, so y cannot be given.",
            fix="describe(folder)",
        )
    kind = folder.kind_of(str(path))
    parts = folder.parts_of(str(path))
    found = [folder.part_of_folder(name, place, kind, clock) for name, place in parts.items()]
    return Description(str(path), kind, [part for part, _ in found]), [seen for _, seen in found]


def _column(y: Tensors | None) -> str | None:
    if y is not None and not isinstance(y, str):
        raise errors.value_error(
            f"y must be the name of a column, got a {type(y).__name__}.", fix="y='price'"
        )
    return y


def _of_text_table(path: Path, y: Tensors | None, clock: Clock) -> tuple[str, list[Found]]:
    table = tables.TextTable(path, _column(y))
    part, seen = part_of_chunks("", table.chunks(), None, clock)
    part.facts |= {"values that are no numbers": dict(table.odd)} if table.odd else {}
    part.facts |= {"rows of another length": table.ragged} if table.ragged else {}
    return "table", [(part, seen)]


def _of_parquet(path: Path, y: Tensors | None, clock: Clock) -> tuple[str, list[Found]]:
    chunks, count = tables.chunks_of_parquet(path, _column(y))
    return "table", [part_of_chunks("", chunks, count, clock)]


def _of_arrays(path: Path, y: Tensors | None, clock: Clock) -> tuple[str, list[Found]]:
    parts = tables.parts_of_arrays(tables.arrays_in(path))
    return "arrays", [
        _of_data(name, x, labels if y is None else y, clock) for name, (x, labels) in parts.items()
    ]


def _of_lines(path: Path, y: Tensors | None, clock: Clock) -> tuple[str, list[Found]]:
    def chunks() -> Iterator[Chunk]:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            while lines := file.readlines(1 << 20):
                texts = [line.strip() for line in lines if not line.isspace()]
                yield Chunk({"line": np.array(texts, object)}, None)

    return "texts", [part_of_chunks("", chunks(), None, clock)]
