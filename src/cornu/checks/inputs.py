"""Checks of the inputs of a model before the first step.

    check                 looks at                    says
    NaN, infinite         every number (*)            how many, and where the first one is
    shape                 shapes alone                which axis differs, and how to mend it
    scale                 1000 rows, evenly spread    raw bytes, columns of wild size

(*) A block of numbers is clean if its product with itself is finite: one read at memory speed, and
only a block that fails is looked at number by number. Memory-mapped files and arrays above 2 GB
are sampled instead.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from cornu import bcoo
from cornu.checks.shapes import misfit
from cornu.findings import ERROR, Finding, by_severity, error, warning
from cornu.numeric import is_float
from cornu.types import Tensor, Tensors

BLOCK = 1 << 20  # numbers looked at together
SAMPLE_ABOVE = 2 << 30  # bytes
SAMPLE_BLOCKS = 16
SAMPLE_ROWS = 1000

RAW = 128  # whole numbers from 0 up to here and beyond are pixels
WILD = 1000.0  # columns with a mean or spread above this slow training down


NOT_FINITE = "not finite"  # kind of the findings about NaN and infinite numbers


class NotFinite(NamedTuple):
    """How many numbers of an array are not finite, and where the first NaN is."""

    nans: int
    infinite: int
    first: tuple[int, ...]  # the first NaN, or else the first infinite number
    exact: bool  # False if only a part of the array was looked at


def check_inputs(
    x: Tensors, input_shapes: Any = None, *, rescales: bool = False, samples: int | None = None
) -> list[Finding]:
    """All findings about the inputs.

    Args:
        x: an array, or a list, tuple or dict of arrays, each `(samples, ...)`.
        input_shapes: expected shape, with None for a free axis and for the batch; or a list or
            dict of shapes, like `x`; None if unknown.
        rescales: whether the model rescales or embeds its inputs (it begins with Rescaling,
            Normalization, Embedding, ...), so that their scale does not matter.
        samples: number of labels, if any.

    Returns:
        Findings, errors first.

    Example:

        >>> for finding in check_inputs(np.zeros((8, 4)), (None, 5)):
        ...     print(finding.severity, "-", finding.what)
        error - The model expects 5 features, x has 4.
    """
    findings: list[Finding] = []
    for name, leaf, expected in named_leaves(x, input_shapes, "x"):
        if expected is not None:
            shape = _check_shape(name, tuple(leaf.shape), expected, samples)
            findings += [] if shape is None else [shape]
        array = looked_at(leaf)
        findings += _check_finite(name, array)
        if not rescales and array.size:
            findings += _check_scale(name, array)
    return by_severity(findings)


def looked_at(leaf: Tensor) -> np.ndarray:
    """An array to look at; of one that lies in pieces, or is put together from them, some rows."""
    return leaf.some(SAMPLE_ROWS) if hasattr(leaf, "some") else np.asarray(bcoo.dense(leaf))


def check_shapes(x: Tensors, input_shapes: Any = None) -> list[Finding]:
    """What is wrong with the axes of inputs alone; takes shapes in place of arrays, too."""
    found = (
        _check_shape(name, tuple(leaf.shape), expected)
        for name, leaf, expected in named_leaves(x, input_shapes, "x")
        if expected is not None
    )
    return [finding for finding in found if finding is not None]


def named_leaves(x: Tensors, shapes: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
    """Each array with its name and the shape expected of it, None where that is unknown."""
    if x is None:
        return
    if isinstance(x, Mapping):
        known: Any = shapes if isinstance(shapes, Mapping) else {}
        for key, value in x.items():
            yield from named_leaves(value, known.get(key), f"{name}[{key!r}]")
    elif isinstance(x, list | tuple):
        known = [None] * len(x)
        if isinstance(shapes, list | tuple) and not _is_shape(shapes) and len(shapes) == len(x):
            known = list(shapes)
        for i, value in enumerate(x):
            yield from named_leaves(value, known[i], f"{name}[{i}]")
    elif hasattr(x, "shape"):
        if isinstance(shapes, list | tuple) and not _is_shape(shapes) and len(shapes) == 1:
            shapes = shapes[0]
        yield name, x, tuple(shapes) if _is_shape(shapes) else None


def _is_shape(value: object) -> bool:
    return isinstance(value, list | tuple) and all(d is None or isinstance(d, int) for d in value)


def _check_shape(
    name: str, shape: tuple[int, ...], expected: Any, samples: int | None = None
) -> Finding | None:
    found = misfit(name, shape, expected, samples)
    if found is None:
        return None
    return error(found.what, shapes=f"{name} {shape}, model {expected}", fix=found.fix)


def _unfinished(bad: NotFinite, what: str, fix: str) -> Finding:
    return Finding(ERROR, what, fix=fix, kind=NOT_FINITE, row=bad.first[0])


def _check_finite(name: str, array: np.ndarray, labelled: bool = True) -> list[Finding]:
    bad = not_finite(array)
    say = nan_finding if bad.nans else infinite_finding
    found = say(name, bad, labelled)
    return [] if found is None else [found]


def check_finite(x: Tensors, name: str = "x", *, labelled: bool = True) -> list[Finding]:
    """Findings about NaN and infinity in an array, or in a list, tuple or dict of arrays.

    Args:
        x: the arrays.
        name: name of the arrays in messages.
        labelled: whether the fix drops rows of inputs and labels together.
    """
    return [
        finding
        for part, leaf, _ in named_leaves(x, None, name)
        if isinstance(leaf, np.ndarray) or not hasattr(leaf, "some")
        for finding in _check_finite(part, np.asarray(leaf), labelled)
    ]


def infinite_finding(name: str, bad: NotFinite, labelled: bool = True) -> Finding | None:
    """The error about infinite numbers in an array; None if there are none."""
    if not bad.infinite:
        return None
    count = "1 infinite number" if bad.infinite == 1 else f"{bad.infinite} infinite numbers"
    return _unfinished(
        bad,
        f"{count} in {name}, first at {place_of(bad.first)}; divisions by zero leave such.",
        f"{name} = numpy.nan_to_num({name}, posinf=0, neginf=0)\n"
        f"or keep the other rows: {_other_rows(name, bad, labelled)}",
    )


def nan_finding(name: str, bad: NotFinite, labelled: bool = True) -> Finding:
    """The error about NaN in an array."""
    count = f"{bad.nans} NaN" if bad.exact else f"At least {bad.nans} NaN"
    fill = f"numpy.nan_to_num({name}{', posinf=0, neginf=0' if bad.infinite else ''})"
    return _unfinished(
        bad,
        f"{count} in {name}, first at {place_of(bad.first)}.",
        f"fill them: {name} = {fill}\nor keep the other rows: {_other_rows(name, bad, labelled)}",
    )


def _other_rows(name: str, bad: NotFinite, labelled: bool) -> str:
    ndim = len(bad.first)
    axes = "" if ndim < 2 else f".all(axis={1 if ndim == 2 else tuple(range(1, ndim))})"
    rest = (
        "x, y = x[keep], y[keep]" if labelled and name in ("x", "y") else f"{name} = {name}[keep]"
    )
    return f"keep = numpy.isfinite({name}){axes}; {rest}"


def place_of(index: tuple[int, ...]) -> str:
    """An index in words: row, column, or position within the sample."""
    if len(index) == 1:
        return f"row {index[0]}"
    if len(index) == 2:
        return f"row {index[0]}, column {index[1]}"
    return f"row {index[0]}, position {index[1:]}"


def not_finite(array: np.ndarray) -> NotFinite:
    """Count NaN and infinite numbers.

    Example:

        >>> not_finite(np.array([[1.0, 2.0], [np.nan, np.inf]]))
        NotFinite(nans=1, infinite=1, first=(1, 0), exact=True)
    """
    if not is_float(array.dtype) or not array.size:
        return NotFinite(0, 0, (), True)
    mapped = is_mapped(array)
    rows = max((BLOCK // 4 if mapped else BLOCK) * len(array) // array.size, 1)
    starts = range(0, len(array), rows)
    exact = array.nbytes <= SAMPLE_ABOVE and not mapped
    exact = exact or len(starts) <= SAMPLE_BLOCKS
    if not exact:
        starts = starts[:: len(starts) // SAMPLE_BLOCKS]
    quick = array.flags.c_contiguous and array.dtype.name in ("float32", "float64")
    nans = infinite = 0
    first_nan: tuple[int, ...] = ()
    first_infinite: tuple[int, ...] = ()
    for start in starts:
        block = array[start : start + rows]
        if quick:
            flat = block.reshape(-1)
            with np.errstate(over="ignore", invalid="ignore"):
                if math.isfinite(np.dot(flat, flat)):
                    continue
        where_nan, where_infinite = np.isnan(block), np.isinf(block)
        nans += int(where_nan.sum())
        infinite += int(where_infinite.sum())
        first_nan = first_nan or _first(where_nan, start)
        first_infinite = first_infinite or _first(where_infinite, start)
    return NotFinite(nans, infinite, first_nan or first_infinite, exact)


def is_mapped(array: object) -> bool:
    """Whether an array, or what it is a view of, is mapped from a file."""
    while isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        array = array.base
    return isinstance(array, np.memmap)


def _first(found: np.ndarray, start: int) -> tuple[int, ...]:
    if not found.any():
        return ()
    row, *rest = np.unravel_index(int(found.argmax()), found.shape)
    return (start + int(row), *map(int, rest))


def spread_rows(array: np.ndarray, count: int = SAMPLE_ROWS) -> np.ndarray:
    """At most `count` rows, evenly spread over the array; all of them if there are no more."""
    return array[:: -(-len(array) // count)] if len(array) > count else array


def _check_scale(name: str, array: np.ndarray) -> list[Finding]:
    kind = array.dtype.name
    if kind != "uint8" and not is_float(kind):  # other integers are mostly indices
        return []
    few = SAMPLE_ROWS // 10 if is_mapped(array) else SAMPLE_ROWS  # each maps many pages
    rows = spread_rows(array, few).astype("float32")
    rows = np.where(np.isfinite(rows), rows, 0)
    low, high = float(rows.min()), float(rows.max())
    looks_like_image = array.ndim > 2 or (array.ndim == 2 and array.shape[1] >= 64)
    is_raw = low >= 0 and RAW <= high <= 255 and bool((rows == np.rint(rows)).all())
    if is_raw and (kind == "uint8" or looks_like_image):
        fix = f'{name} = {name}.astype("float32") / 255'
        return [
            warning(
                f"{name} holds integers from {low:.0f} to {high:.0f}, "
                "which looks like unscaled pixels.",
                fix=fix,
            )
        ]
    if kind == "uint8":
        return []
    if array.ndim == 2:
        size = np.maximum(abs(rows.mean(0)), rows.std(0))
        wild = np.flatnonzero(size > WILD)
        if len(wild):
            shown = ", ".join(map(str, wild[:5])) + (", ..." if len(wild) > 5 else "")
            what = f"Column {shown} of {name}" if len(wild) == 1 else f"Columns {shown} of {name}"
            return [_wild(name, f"{what} hold values of size {size[wild].max():.2g}", "0")]
    elif max(-low, high) > 10 * WILD:
        return [_wild(name, f"{name} holds values from {low:.2g} to {high:.2g}", "")]
    return []


def _wild(name: str, what: str, axes: str) -> Finding:
    return warning(
        f"{what}; models learn best from values of order 1.",
        fix=f"{name} = ({name} - {name}.mean({axes})) / ({name}.std({axes}) + 1e-7)\n"
        "or begin the model with layers.BatchNormalization()",
    )
