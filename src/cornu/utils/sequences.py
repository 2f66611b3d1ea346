"""Sequences of different lengths as one array."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from cornu.arguments import one_of, optional_int
from cornu.errors import value_error, warn
from cornu.types import DType, Tensor


def pad_sequences(
    sequences: Sequence[Tensor],
    maxlen: int | None = None,
    dtype: DType = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: float | str = 0.0,
) -> np.ndarray:
    """An array of sequences, filled up or cut to one length.

    Args:
        sequences: lists or arrays, of numbers, texts, or steps of equal shape.
        maxlen: length of all; that of the longest if None.
        dtype: dtype of the result; `object` or `"str"` for texts.
        padding: where to fill up, "pre" or "post".
        truncating: where to cut, "pre" or "post".
        value: what to fill up with.

    Returns:
        `(sequences, maxlen, ...)`.

    Raises:
        ValueError: an item is no sequence, or steps differ in shape.

    Example:

        >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2).tolist()
        [[0, 1], [2, 3], [5, 6]]
        >>> pad_sequences([[1], [2, 3]], padding="post", value=-1).tolist()
        [[1, -1], [2, 3]]
    """
    one_of(padding, ("pre", "post"), "padding")
    one_of(truncating, ("pre", "post"), "truncating")
    optional_int(maxlen, "maxlen", least=0)
    rows = _cut(_rows(sequences), maxlen, truncating)
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    width = int(lengths.max(initial=0)) if maxlen is None else maxlen
    kind = _numpy_dtype(dtype, value)
    flat = _flat(rows, kind)  # (steps, ...)
    if kind.kind in "US" and not kind.itemsize:  # wide enough for all texts
        kind = np.result_type(flat.dtype, np.asarray(value, kind).dtype)
    found = np.full((len(rows), width, *flat.shape[1:]), value, kind)
    place = np.arange(width)
    held = place < lengths[:, None]  # (sequences, width)
    found[held if padding == "post" else held[:, ::-1]] = flat
    return found


def _rows(sequences: Any) -> list[Any]:
    if not hasattr(sequences, "__len__"):
        sequences = list(sequences) if hasattr(sequences, "__iter__") else [sequences]
    rows = list(sequences)
    for place, row in enumerate(rows):
        if not hasattr(row, "__len__"):
            raise value_error(
                f"Item {place} of sequences is no sequence, but {row!r:.60}.",
                fix="pad_sequences([sequence]), for a single one.",
            )
    return rows


def _cut(rows: list[Any], maxlen: int | None, truncating: str) -> list[Any]:
    if maxlen is None:
        return rows
    if truncating == "post" or maxlen == 0:
        return [row[:maxlen] if len(row) > maxlen else row for row in rows]
    return [row[-maxlen:] if len(row) > maxlen else row for row in rows]


def _numpy_dtype(dtype: DType, value: object) -> np.dtype:
    kind = np.dtype(dtype)
    if isinstance(value, str) and kind.kind not in "OUST":
        raise value_error(f"value {value!r} is text, dtype is {kind.name}.", fix="dtype=object")
    return kind


def _flat(rows: list[Any], kind: np.dtype) -> np.ndarray:
    """The steps of all rows, one after the other."""
    filled = [row for row in rows if len(row)]
    if not filled:
        return np.zeros(0, kind)
    if not all(isinstance(row, np.ndarray) for row in filled):
        steps = list(chain.from_iterable(filled))
        try:
            given = np.array(steps, kind if kind.kind in "OUST" else None)
        except ValueError:
            given = None
        if given is None:
            raise _uneven(filled)
    else:
        if len({row.shape[1:] for row in filled}) > 1:
            raise _uneven(filled)
        given = np.concatenate(filled)
    try:
        made = given.astype(kind, copy=False)
    except (ValueError, TypeError):
        raise _uneven(filled) from None
    if kind.kind in "iu" and given.dtype.kind in "iuf" and (made != given).any():
        lost = given[made != given].flat[0]
        if given.dtype.kind != "f":
            raise value_error(f"dtype {kind.name} cannot hold {lost}.", fix="dtype='int64'")
        warn(
            f"pad_sequences cuts {lost} to a whole number: "
            "pad_sequences(..., dtype='float32') keeps it."
        )
    return made


def _uneven(rows: list[Any]) -> ValueError:
    shapes = [np.shape(row[0]) for row in rows]
    other = next((i for i, shape in enumerate(shapes) if shape != shapes[0]), 0)
    return value_error(
        "The steps of the sequences must be numbers, or all of one shape.",
        shapes=f"{shapes[0]} and {shapes[other]}",
        fix="dtype=object, for texts and other values.",
    )
