"""Tables as data sets: CSV, Parquet, data frames, Arrow tables, dicts of columns.

    age,city,income        {"age": array, "city": array of text}, and the label: array
    31,Oslo,1

A column becomes an array of its own, `(rows,)`: integers int64, other numbers float32 with NaN
where one is missing, text as text with "" where it is missing, dates as text in ISO 8601. CSV is
read by pyarrow where that is installed, else by the standard library, with the same result.
"""

import csv
import glob
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cornu import errors
from cornu.arguments import integer
from cornu.data.pipeline.dataset import Dataset
from cornu.types import FilePath

# What a number that is missing is written as.
MISSING = ("", "#N/A", "N/A", "NA", "NULL", "NaN", "n/a", "nan", "null")
_BOOLS = {"true": True, "false": False, "True": True, "False": False, "TRUE": True, "FALSE": False}
_PARQUET = (".parquet", ".pq")

Columns = dict[str, np.ndarray]


@errors.trimmed
def table_dataset(
    data: FilePath | Sequence[FilePath] | Mapping[str, Any] | Any,
    label: str | Sequence[str] | None = None,
    *,
    columns: Sequence[str] | None = None,
    batch_size: int | None = 32,
    shuffle: bool = True,
    seed: int | None = None,
    delimiter: str = ",",
    names: Sequence[str] | None = None,
) -> Dataset:
    """A data set of the rows of a table: dicts of columns, and a label.

    Args:
        data: path of a CSV or Parquet file, a pattern such as `"part-*.csv"`, a list of paths, a
            data frame of pandas or polars, an Arrow table, or a dict of columns.
        label: name of the column to predict; a list of names for several; None for none. Text is
            replaced by class indices, in the order of the sorted classes.
        columns: names of the other columns to take; all if None.
        batch_size: number of rows per batch; None for single rows.
        shuffle: whether to shuffle the rows, anew in each epoch.
        seed: seed of the order; drawn if None.
        delimiter: what separates the columns of a CSV file.
        names: names of the columns of a CSV file whose first line is no header.

    Returns:
        A `Dataset` of dicts from names to arrays `(batch,)`, or of tuples of such a dict and the
        label. Its `class_names` are the classes of a label that is text.

    Raises:
        FileNotFoundError: there is no such file.
        KeyError: there is no such column.
        ValueError: a file is damaged, or its columns differ from those of the others.

    Example:

        >>> table = {"age": [31, 45, 28], "buys": ["no", "yes", "no"]}
        >>> data = table_dataset(table, label="buys", shuffle=False)
        >>> [(x["age"].tolist(), y.tolist()) for x, y in data], data.class_names
        ([([31, 45, 28], [0, 1, 0])], ['no', 'yes'])
    """
    table, paths = read_table(data, delimiter=delimiter, names=names)
    labels = [label] if isinstance(label, str) else list(label or ())
    wanted = [n for n in table if n not in labels] if columns is None else list(columns)
    for name in (*wanted, *labels):
        if name not in table:
            raise errors.make_error(
                errors.NoSuchNameError,
                f"The table has no column {name!r}.",
                fix=errors.did_you_mean(name, table),
            )
    features = {name: table[name] for name in wanted}
    if not features:
        raise errors.value_error("No columns are left besides the label.", label=labels)
    class_names = None
    targets: list[np.ndarray] = []
    for name in labels:
        column = table[name]
        if column.dtype.kind in "TU":
            classes, column = np.unique(column, return_inverse=True)
            class_names, column = [str(c) for c in classes], column.astype(np.int32)
        targets.append(column)
    y = targets[0] if isinstance(label, str) else dict(zip(labels, targets, strict=True))
    made = Dataset.from_tensor_slices((features, y) if labels else features)
    made.class_names, made.file_paths = class_names, paths
    if shuffle:
        made = made.shuffle(max(len(made), 1), seed=seed)
    return made if batch_size is None else made.batch(integer(batch_size, "batch_size"))


def read_table(
    data: Any, *, delimiter: str = ",", names: Sequence[str] | None = None
) -> tuple[Columns, list[str] | None]:
    """The columns of a table, and the files that they come from; see `table_dataset`."""
    if isinstance(data, str | os.PathLike):
        paths = _paths([data])
    elif isinstance(data, list | tuple) and data and isinstance(data[0], str | os.PathLike):
        paths = _paths(data)
    else:
        return _of_frame(data), None
    parts = [_read_file(path, delimiter, names) for path in paths]
    for path, part in zip(paths, parts, strict=True):
        if list(part) != list(parts[0]):
            raise errors.value_error(
                "All files of a table must have the same columns.",
                first=f"{list(parts[0])} in {paths[0]}",
                other=f"{list(part)} in {path}",
            )
    if len(parts) == 1:
        return parts[0], paths
    return {name: _joined([part[name] for part in parts]) for name in parts[0]}, paths


def _joined(pieces: list[np.ndarray]) -> np.ndarray:
    if any(piece.dtype.kind == "T" for piece in pieces):  # digits alone, in one of the files
        pieces = [piece.astype(np.dtypes.StringDType()) for piece in pieces]
    return np.concatenate(pieces)


def _paths(given: Sequence[FilePath]) -> list[str]:
    found: list[str] = []
    for item in given:
        path = os.path.expanduser(os.fspath(item))
        matches = [path] if os.path.isfile(path) else sorted(glob.glob(path))
        if not matches:
            raise FileNotFoundError(
                errors.explain(f"There is no file {path!r}.", working_directory=os.getcwd())
            )
        found += matches
    return found


def _read_file(path: str, delimiter: str, names: Sequence[str] | None) -> Columns:
    try:
        if path.lower().endswith(_PARQUET):
            parquet = errors.need("pyarrow.parquet", for_="Parquet files")
            return _of_arrow(parquet.read_table(path))
        try:
            errors.need("pyarrow.csv", for_="fast CSV")
        except ImportError:
            return _by_csv(path, delimiter, names)
        return _by_arrow(path, delimiter, names)
    except (ValueError, csv.Error) as error:  # pyarrow's errors are ValueErrors
        raise errors.value_error(
            f"{path} cannot be read as a table.",
            why=str(error).split("\n")[0][:300],
            fix="give its delimiter, for example delimiter=';',\nor the names of its columns.",
        ) from error


# ---- CSV ---------------------------------------------------------------------------------------


def _by_arrow(path: str, delimiter: str, names: Sequence[str] | None) -> Columns:
    arrow = errors.need("pyarrow", for_="fast CSV")
    reader = errors.need("pyarrow.csv", for_="fast CSV")
    parse = reader.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    read = reader.ReadOptions(column_names=list(names) if names else None)
    options = {"null_values": list(MISSING), "strings_can_be_null": False}
    convert = reader.ConvertOptions(**options)
    table = reader.read_csv(path, read, parse, convert)
    kinds = arrow.types
    dated = {
        field.name: arrow.string()
        for field in table.schema
        if kinds.is_temporal(field.type) or kinds.is_null(field.type)
    }
    if dated:  # kept as they are written
        convert = reader.ConvertOptions(column_types=dated, **options)
        table = reader.read_csv(path, read, parse, convert)
    return _of_arrow(table)


def _by_csv(path: str, delimiter: str, names: Sequence[str] | None) -> Columns:
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.reader(file, delimiter=delimiter, strict=True) if row]
    header = list(names) if names else rows.pop(0) if rows else []
    for number, row in enumerate(rows, 1 if names else 2):
        if len(row) != len(header):
            raise ValueError(f"line {number} has {len(row)} columns, not {len(header)}")
    columns = zip(*rows, strict=True) if rows else [() for _ in header]
    return {name: _inferred(column) for name, column in zip(header, columns, strict=True)}


def _inferred(column: Sequence[str]) -> np.ndarray:
    """Text as integers, truth values or numbers, if all of it is."""
    present = [item for item in column if item not in MISSING]
    whole = len(present) == len(column)
    if present:
        if all(item in _BOOLS for item in present) and whole:
            return np.array([_BOOLS[item] for item in column])
        try:
            if whole:
                return np.array([int(item) for item in column], np.int64)
        except (ValueError, OverflowError):
            pass
        try:
            numbers = [float(item) if item not in MISSING else np.nan for item in column]
            return np.array(numbers, np.float32)
        except ValueError:
            pass
    return np.array(column, np.dtypes.StringDType())


# ---- tables in memory --------------------------------------------------------------------------


def _of_frame(data: Any) -> Columns:
    if hasattr(data, "schema") and hasattr(data, "column_names"):  # Arrow
        return _of_arrow(data)
    if isinstance(data, Mapping):
        names = list(data)
    elif hasattr(data, "columns") and hasattr(data, "__getitem__"):  # pandas, polars
        names = list(data.columns)
    else:
        raise errors.type_error(
            "A table must be a path, a data frame, an Arrow table or a dict of columns, "
            f"got {type(data).__name__}.",
            fix="table_dataset('data.csv', label='y')",
        )
    table = {str(name): _column(data[name], str(name)) for name in names}
    lengths = {name: len(column) for name, column in table.items()}
    if len(set(lengths.values())) > 1:
        raise errors.value_error("All columns must have the same length.", lengths=lengths)
    return table


def _of_arrow(table: Any) -> Columns:
    """The columns of an Arrow table."""
    arrow = errors.need("pyarrow", for_="Arrow tables")
    kinds = arrow.types
    columns: Columns = {}
    for name in table.column_names:
        column, kind = table.column(name), table.schema.field(name).type
        if kinds.is_dictionary(kind):
            column, kind = column.cast(kind.value_type), kind.value_type
        if kinds.is_fixed_size_list(kind):
            flat = np.asarray(column.combine_chunks().flatten())
            columns[name] = _column(flat.reshape(len(table), kind.list_size), name)
        elif kinds.is_decimal(kind):
            columns[name] = _column(column.cast(arrow.float64()).to_numpy(), name)
        else:
            columns[name] = _column(column.to_numpy(), name)
    return columns


def _column(values: Any, name: str) -> np.ndarray:
    """A column of any library as an array of numbers or text."""
    array = values.to_numpy() if hasattr(values, "to_numpy") else np.asarray(values)
    kind = array.dtype.kind
    if kind == "O":
        gone = values.isna() if hasattr(values, "isna") else [_is_missing(v) for v in array]
        return _of_objects(array.tolist(), np.asarray(gone, bool).tolist(), name)
    if kind in "Mm":
        text = array.astype(str)
        return np.where(text == "NaT", "", text).astype(np.dtypes.StringDType())
    if kind == "S":
        array = np.char.decode(array, "utf-8")
    if kind in "SUT":
        return array.astype(np.dtypes.StringDType())
    if kind == "f":
        return array.astype(np.float32)
    return array.astype(np.int64) if kind in "iu" else array


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def _of_objects(items: list[Any], missing: list[bool], name: str) -> np.ndarray:
    """Python objects as an array: text or numbers with None, or lists of the same length."""
    present = [item for item, gone in zip(items, missing, strict=True) if not gone]
    if all(isinstance(item, str) for item in present):
        text = ["" if gone else item for item, gone in zip(items, missing, strict=True)]
        return np.array(text, np.dtypes.StringDType())
    if all(isinstance(item, int | float | np.number) for item in present):
        numbers = [np.nan if gone else item for item, gone in zip(items, missing, strict=True)]
        return np.array(numbers, np.float32)
    if all(isinstance(item, list | np.ndarray) for item in items):
        shapes = {np.shape(item) for item in items}
        if len(shapes) == 1:
            return _column(np.stack([np.asarray(item) for item in items]), name)
    if all(hasattr(item, "isoformat") for item in present):  # dates
        text = ["" if gone else item.isoformat() for item, gone in zip(items, missing, strict=True)]
        return np.array(text, np.dtypes.StringDType())
    kinds = sorted({type(item).__name__ for item in present})
    raise errors.value_error(
        f"Column {name!r} must hold numbers, text, or lists of one length, got {', '.join(kinds)}.",
        fix="leave it out: columns=[...], or convert it first.",
    )
