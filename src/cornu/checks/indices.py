"""Checks of the indices of embeddings.

A compiled program cannot raise: an index out of range gives NaN. Negative indices count from the
end, as in Python.
"""

from typing import Any

import numpy as np

from cornu.checks.inputs import (
    SAMPLE_ABOVE,
    is_mapped,
    looked_at,
    named_leaves,
    place_of,
    spread_rows,
)
from cornu.findings import Finding, error, warning
from cornu.types import Tensor, Tensors


def check_indices(x: Tensors, rows: Tensor) -> list[Finding]:
    """Findings about the indices among the inputs.

    Args:
        x: an array, or a list, tuple or dict of arrays.
        rows: nested like `x`: `(number of rows,)` of the embedding of an input, `(None,)` where
            integers are used otherwise, or None.

    Returns:
        An error for an index out of range, a warning for one that is negative or not an integer.
        Memory-mapped arrays, and those above 2 GB, are sampled.

    Example:

        >>> for finding in check_indices(np.array([[1, 4], [10, 2]]), (10,)):
        ...     print(finding.severity, "-", finding.what)
        error - x holds index 10 (row 1, column 0), but the embedding has rows 0 to 9.
    """
    findings = []
    for name, leaf, limit in named_leaves(x, rows, "x"):
        array = looked_at(leaf)
        if limit is not None and array.size and array.dtype.kind in "iuf":
            if array.nbytes > SAMPLE_ABOVE or is_mapped(array):
                array = spread_rows(array)
            findings += _check(name, array, limit[0])
    return findings


def _check(name: str, array: np.ndarray, rows: int | None) -> list[Finding]:
    if array.dtype.kind != "f":
        return _check_range(name, array, rows)
    reader = "an embedding looks up" if rows is not None else "the model takes"
    missing = ~np.isfinite(array)
    if missing.any():
        place = _first(missing)
        found = error(
            f"{name} holds {_number(array[place])} ({place_of(place)}): {reader} integers.",
            fix=f'{name} = numpy.nan_to_num({name}, posinf=0, neginf=0).astype("int32")\n'
            "with an index of its own for missing values, if they mean something",
        )
        return [found]
    whole = np.trunc(array)  # as the table reads them
    broken = array != whole
    if not broken.any():
        return _check_range(name, array, rows)
    place = _first(broken)
    found = warning(
        f"{name} holds {_number(array[place])} ({place_of(place)}): {reader} "
        "integers, and truncates.",
        fix=f"{name} = numpy.unique({name}, return_inverse=True)[1].reshape({name}.shape)\n"
        "or leave the Embedding layer out: numbers go straight into Dense"
        if rows is not None
        else f'{name} = {name}.round().astype("int32")\n'
        'or let the model take any: keras.Input(..., dtype="float32")',
    )
    return [found, *_check_range(name, whole, rows)]


def _check_range(name: str, array: np.ndarray, rows: int | None) -> list[Finding]:
    if rows is None:
        return []
    low, high = array.min(), array.max()
    if high >= rows or low < -rows:
        place = _first((array >= rows) | (array < -rows))
        found = error(
            f"{name} holds index {_number(array[place])} ({place_of(place)}), but the "
            f"embedding has rows 0 to {rows - 1}.",
            fix=_fix(name, int(high), int(low), rows),
        )
        return [found]
    if low < 0:
        place = _first(array < 0)
        found = warning(
            f"{name} holds index {_number(array[place])} ({place_of(place)}); negative "
            "indices count from the end of the table.",
            fix=f"{name} = {name} - {name}.min()",
        )
        return [found]
    return []


def _fix(name: str, high: int, low: int, rows: int) -> str:
    if high < rows:
        return f"{name} = {name} - {name}.min()"
    return (
        f"give the table a row for each: input_dim={high + 1}\n"
        f"or let the rare ones share the last row: {name} = numpy.minimum({name}, {rows - 1})"
    )


def _first(found: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(int(found.argmax()), found.shape))


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, np.floating) else str(value)
