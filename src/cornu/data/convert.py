"""Conversion of a user's data to arrays.

    list, pandas, torch, float64 ...  --to_array()-->    one numpy or jax array
    a sparse matrix of scipy or jax   --to_array()-->    rows that become sparse batches
    x, y, sample_weight               --host_arrays()--> (x,), (x, y) or (x, y, sample_weight)
    what a loader yields              --to_batch()-->    Batch((x, y, ...), size)

Floating numbers become `floatx`; integers and booleans stay as they are. Python objects that are
numbers become floats, and None among them NaN. Nothing foreign is imported: an object is known by
its methods (`to_numpy` for tables, `detach` for torch tensors, `__array__` for everything else).

A list is ambiguous: several inputs, or one array written out. It holds several inputs when its
first item is itself an array or a dict; a model that knows better says so (`inputs_are_nested`).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np

from cornu import tree
from cornu.bcoo import is_sparse
from cornu.data.rows import Rows, SparseRows, dense, mapped_file
from cornu.data.source import Batch
from cornu.errors import value_error
from cornu.numeric import (
    are_numbers,
    as_numbers,
    is_float,
    refuse_what_is_no_number,
    refuse_what_wraps,
)
from cornu.types import Tensor, Tensors

PARTS = ("x", "y", "sample_weight")


def host_arrays(
    x: Tensors,
    y: Tensors | None = None,
    sample_weight: Tensors | None = None,
    *,
    floatx: str = "float32",
    inputs_are_nested: bool | None = None,
) -> tuple[Any, ...]:
    """The data set as arrays of the same number of samples.

    Args:
        x: an array, a table, nested lists of numbers, or a list, tuple or dict of these.
        y: targets, likewise, or None.
        sample_weight: sample weights, likewise, or None.
        floatx: dtype to which floats are converted.
        inputs_are_nested: whether a list or tuple `x` holds several inputs (True), is one array
            written out (False), or the first item decides (None).

    Returns:
        `(x,)`, `(x, y)` or `(x, y, sample_weight)`; a None before a value is kept.

    Raises:
        ValueError: a value is not an array of numbers, or the lengths differ.

    Example:

        >>> x, y = host_arrays([[1.0, 2.0], [3.0, 4.0]], [0, 1])
        >>> x.shape, str(x.dtype), y.shape
        ((2, 2), 'float32', (2,))
    """
    if x is None:
        raise value_error("x must be the inputs, got None.", fix="model.fit(x, y)")
    x = _nested(x, "x", floatx, inputs_are_nested)
    samples = next((len(leaf) for leaf in tree.flatten(x) if leaf is not None), None)
    y = _nested(y, "y", floatx, None, samples)
    sample_weight = _nested(sample_weight, "sample_weight", floatx, None, samples)
    parts: tuple[Any, ...] = (x, y, sample_weight)
    while parts[-1] is None:
        parts = parts[:-1]
    count_samples(parts)
    return parts


def count_samples(parts: tuple[Any, ...]) -> int:
    """The common length of the first axis of all arrays in `(x, y, sample_weight)`.

    Raises:
        ValueError: the lengths differ, or are zero.
    """
    sizes = {}
    for part, structure in zip(PARTS, parts, strict=False):
        for path, leaf in tree.flatten_with_path(structure):
            if leaf is not None:
                sizes[part + "".join(f"[{step!r}]" for step in path)] = len(leaf)
    if len(set(sizes.values())) > 1:
        shown = " | ".join(f"{name} {size}" for name, size in sizes.items())
        raise value_error(
            "All arrays must have the same number of samples (the first axis).",
            samples=shown,
            fix="pass one row of each array per sample.",
        )
    if not any(sizes.values()):
        raise value_error("The data hold no samples.", fix="check how x was selected.")
    return next(iter(sizes.values()))


def _nested(
    value: object, name: str, floatx: str, container: bool | None, samples: int | None = None
) -> Any:
    if value is None:
        return None
    if is_named(value):
        return {k: _nested(v, f"{name}[{k!r}]", floatx, None, samples) for k, v in value.items()}
    if not isinstance(value, list | tuple):
        return to_array(value, name, floatx)
    if hasattr(value, "_fields"):  # a named tuple is a container
        container = True
    elif container is None:
        container = _holds_arrays(value) and not _is_rows(value, samples)
    if not container:
        if len(value) == 1 and _holds_arrays(value):  # [x] for a model with one input
            return _nested(value[0], name, floatx, None, samples)
        return to_array(value, name, floatx)
    items = [_nested(v, f"{name}[{i}]", floatx, None, samples) for i, v in enumerate(value)]
    return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)


def is_named(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether a value is arrays by name. A DOK matrix of scipy is a dict, too: of its entries."""
    return isinstance(value, Mapping) and not hasattr(value, "tocsr")


def _is_array(value: object) -> bool:
    return hasattr(value, "to_numpy") or (hasattr(value, "shape") and len(value.shape) > 0)


def _holds_arrays(value: Iterable[Any]) -> bool:
    first = next((item for item in value if item is not None), None)
    if isinstance(first, list | tuple):
        return _holds_arrays(first)
    return is_named(first) or _is_array(first)


def _is_rows(value: Sequence[Any], samples: int | None) -> bool:
    """Whether a list of arrays is one array, row by row, in a data set of `samples` rows."""
    return (
        samples is not None
        and len(value) == samples
        and all(_is_array(v) and v.shape == value[0].shape for v in value)
        and value[0].shape[0] != samples
    )


def to_array(value: object, name: str, floatx: str = "float32") -> Any:
    """One array of numbers, with at least one axis; jax arrays stay on their device.

    Args:
        value: an array, a pandas table or column (a column becomes `(samples, 1)`), a torch or
            TensorFlow tensor, a sparse matrix of scipy or jax, or nested lists of numbers.
        name: name of the value in messages.
        floatx: dtype to which floats are converted, except those of memory-mapped files, which
            need not be read at once.

    Raises:
        ValueError: the value is a scalar, holds text or dates, or has rows of different lengths.
    """
    if isinstance(value, jax.Array | np.memmap):
        array: Any = value
    elif hasattr(value, "to_numpy"):
        array = _from_table(value, name)
    elif hasattr(value, "detach") and hasattr(value, "cpu"):
        array = _from_tensor(value.detach().cpu())
    elif is_sparse(value) or (hasattr(value, "toarray") and hasattr(value, "tocsr")):
        return _from_sparse(value, name, floatx)
    elif isinstance(value, Rows):
        return value
    else:
        array = _from_anything(value, name)
    if array.ndim == 0:
        raise value_error(
            f"{name} must be an array, got a single value of type {type(value).__name__}.",
            fix="pass an array whose first axis is the samples.",
        )
    refuse_what_is_no_number(array, name)
    if mapped_file(array) is not None:
        refuse_what_wraps(array[:: len(array) // 1000 + 1], name)  # a file is not read as a whole
        return array
    if is_float(array.dtype) and array.dtype != jnp.dtype(floatx):
        return array.astype(floatx)
    refuse_what_wraps(array, name)
    if isinstance(array, np.ndarray) and not array.dtype.isnative:
        return array.astype(array.dtype.newbyteorder("="))
    return array


def _from_sparse(matrix: Any, name: str, floatx: str) -> Any:
    """Sparse inputs stay sparse until a batch is made; labels and weights are small."""
    dtype = floatx if is_float(matrix.dtype) else matrix.dtype
    of_jax = is_sparse(matrix)
    if not name.startswith("x") or not (len(matrix.shape) if of_jax else len(matrix.shape) == 2):
        return dense(matrix, dtype)
    return (SparseRows.of_jax if of_jax else SparseRows.of_scipy)(matrix, jnp.dtype(dtype))


def _from_table(table: Any, name: str) -> np.ndarray:
    """pandas or polars: bool, integer and float columns may be mixed, text may not."""
    array = np.asarray(table.to_numpy())
    if array.dtype == object:
        columns = getattr(table, "columns", None)
        for column in [None] if columns is None else columns:
            values = table if column is None else table[column]
            if not _is_numeric(values):
                place = name if column is None else f"{name}, column {column!r},"
                raise value_error(
                    f"{place} holds values of dtype {values.dtype}, not numbers.",
                    fix=f"{name} = pandas.get_dummies({name})"
                    if column is None or values.dtype.kind == "O"
                    else f"leave the column out: {name} = {name}.drop(columns={column!r})",
                )
        array = np.asarray(table.to_numpy(dtype="float64", na_value=np.nan))
    if array.ndim == 1:
        array = array[:, None]
    return np.ascontiguousarray(array)


def _from_tensor(tensor: Tensor) -> np.ndarray:
    """A torch tensor; numpy itself has no bfloat16."""
    wide = tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor
    return wide.numpy()


def _is_numeric(column: Any) -> bool:
    kind = getattr(column.dtype, "kind", "O")
    if kind == "O" and "category" not in str(column.dtype):
        return are_numbers(np.asarray(column.to_numpy()))
    return kind in "biuf" and "category" not in str(column.dtype)


def _from_anything(value: object, name: str) -> np.ndarray:
    if isinstance(value, list | tuple) and _holds_arrays(value):
        value = [as_numbers(v, f"{name}[{i}]") for i, v in enumerate(value)]
    return as_numbers(value, name)


def only_read(x: Tensors, names: Collection[str] | None) -> Any:
    """A dict of inputs without the entries that the model does not read, such as row ids.

    Args:
        x: inputs; returned as they are unless they are a dict with all the names.
        names: names of the inputs that the model reads; None if unknown.

    Example:

        >>> only_read({"size": 1.5, "id": "row 1"}, ["size"])
        {'size': 1.5}
    """
    if names is None or not is_named(x) or not all(name in x for name in names):
        return x
    return {name: value for name, value in x.items() if name in names}


def to_batch(
    data: Tensors,
    origin: str,
    *,
    floatx: str = "float32",
    lists_are_batches: bool = False,
    input_names: Collection[str] | None = None,
    encode: Callable[[Tensors], Any] | None = None,
) -> Batch:
    """One item of a loader or generator as a batch.

    Args:
        data: `(x,)`, `(x, y)` or `(x, y, sample_weight)`; or the inputs alone, as an array or dict.
        origin: name of the loader in messages.
        floatx: dtype to which float64 is converted; other floats keep theirs.
        lists_are_batches: whether a list means the same as a tuple.
        input_names: names of the inputs that the model reads; see `only_read`.
        encode: function of the inputs that encodes text; None if there is none.

    Raises:
        ValueError: `data` is none of these, or the arrays differ in their number of samples.
    """
    if lists_are_batches and isinstance(data, list):
        data = tuple(data)
    if is_named(data) or _is_array(data):
        data = (data,)
    if not isinstance(data, tuple) or not 1 <= len(data) <= 3:
        length = f" of {len(data)}" if isinstance(data, tuple | list) else ""
        raise value_error(
            f"{origin} must give a batch, got a {type(data).__name__}{length}.",
            fix="give a tuple: (x,), (x, y) or (x, y, sample_weight).",
        )
    data = (only_read(data[0], input_names), *data[1:])
    if any(_is_single(leaf) for leaf in tree.flatten(data)):
        raise value_error(
            f"{origin} must give batches, got single samples.",
            fix="batch the samples: data.batch(32), or DataLoader(batch_size=32).",
        )
    if encode is not None:
        data = (encode(data[0]), *data[1:])
    parts = tuple(_batch_part(part, name, floatx) for part, name in zip(data, PARTS, strict=False))
    return Batch(parts, count_samples(parts))


def _is_single(leaf: object) -> bool:
    return hasattr(leaf, "dtype") and getattr(leaf, "shape", None) == ()


def _batch_part(value: object, name: str, floatx: str) -> Any:
    if is_named(value):
        return {k: _batch_part(v, f"{name}[{k!r}]", floatx) for k, v in value.items()}
    if isinstance(value, list | tuple) and (_holds_arrays(value) or hasattr(value, "_fields")):
        items = [_batch_part(v, f"{name}[{i}]", floatx) for i, v in enumerate(value)]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if value is None:
        return None
    dtype = str(getattr(value, "dtype", "float64"))
    kept = dtype.removeprefix("torch.") if is_float(dtype) and "float64" not in dtype else floatx
    array = to_array(value, name, kept)
    return array.take(slice(None)) if isinstance(array, Rows) else array
