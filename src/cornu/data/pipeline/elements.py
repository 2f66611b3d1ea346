"""Elements and batches: structures of numpy arrays.

    elements   [(image, 3), (image, 7)]  --stacked-->   batch   (images, array([3, 7]))
                                         <--unstacked--

A structure is a tuple, a list or a dict, nested as it may be; anything else is a leaf, and becomes
a numpy array: jax arrays and tensors of other libraries, numbers, text. None stays None.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cornu.data.arrays import aligned_empty
from cornu.errors import value_error
from cornu.types import Tensor, Tensors

TEXT = "OSTU"  # kinds of dtypes whose items are text, or Python objects


def mapped(fn: Callable[..., Any], first: Tensors, *others: Tensors) -> Any:
    """`fn` of the leaves at each place of one structure, or of several of the same form.

    Example:

        >>> mapped(lambda a, b: a + b, {"x": 1, "y": (2, None)}, {"x": 10, "y": (20, None)})
        {'x': 11, 'y': (22, None)}
    """
    if isinstance(first, tuple | list):
        parts = [mapped(fn, *items) for items in zip(first, *others, strict=True)]
        return like(first, parts)
    if isinstance(first, Mapping):
        return {key: mapped(fn, item, *(o[key] for o in others)) for key, item in first.items()}
    return None if first is None else fn(first, *others)


def like(container: Sequence[Any], parts: Sequence[Any]) -> Any:
    """The parts in a tuple, named tuple or list of the kind of another."""
    kind: Any = type(container)
    return kind(*parts) if hasattr(container, "_fields") else kind(parts)


def leaves(structure: Tensors) -> list[Any]:
    """The leaves in order, without those that are None.

    Example:

        >>> leaves({"x": 1, "y": (2, None)})
        [1, 2]
    """
    found: list[Any] = []
    mapped(found.append, structure)
    return found


def to_numpy(leaf: Tensor) -> Any:
    """A leaf as a numpy array, or as a scalar of numpy; text in lists becomes an array of text."""
    if isinstance(leaf, np.ndarray) and leaf.ndim and leaf.dtype.kind not in "SO":
        return leaf
    if isinstance(leaf, np.generic) and not isinstance(leaf, bytes):
        return leaf
    if hasattr(leaf, "detach") and hasattr(leaf, "cpu"):  # torch
        leaf = leaf.detach().cpu()
    elif hasattr(leaf, "to_numpy"):  # pandas, polars, Arrow
        leaf = leaf.to_numpy()
    if isinstance(leaf, bytes):
        return _text_of(leaf)
    array = np.asarray(leaf)
    return (_decoded(array) if array.dtype.kind in "SO" else array)[()]  # no axes: a scalar


def in_numpy(structure: Tensors) -> Any:
    """A structure with numpy arrays as leaves."""
    kind = type(structure)
    if kind is np.ndarray and structure.ndim and structure.dtype.kind not in "SO":
        return structure
    if kind is tuple:
        return tuple([in_numpy(part) for part in structure])
    return mapped(to_numpy, structure)


def lists_as_arrays(tensors: Tensors) -> Any:
    """Lists of numbers or text as arrays, as in tf.data; tuples and dicts are structures."""
    if isinstance(tensors, tuple):
        parts = [lists_as_arrays(part) for part in tensors]
        return type(tensors)(*parts) if hasattr(tensors, "_fields") else tuple(parts)
    if isinstance(tensors, Mapping):
        return {key: lists_as_arrays(part) for key, part in tensors.items()}
    return None if tensors is None else to_numpy(tensors)


def _decoded(array: np.ndarray) -> np.ndarray:
    """Bytes as the text that they are where other libraries give it; what is no text stays."""
    if not any(isinstance(item, bytes) for item in array.flat):
        return array
    items = [_text_of(item) if isinstance(item, bytes) else item for item in array.flat]
    is_text = all(isinstance(item, str) for item in items)
    decoded = np.empty(len(items), object)
    decoded[:] = items if is_text else list(array.flat)
    return (decoded.astype(str) if is_text else decoded).reshape(array.shape)


def _text_of(item: bytes) -> Any:
    try:
        return np.str_(item.decode())
    except UnicodeDecodeError:  # the content of an image, say
        return item


def stacked(rows: Sequence[Any]) -> Any:
    """Elements as a batch: each leaf gets a first axis, of the elements.

    Raises:
        ValueError: leaves at the same place differ in shape, or the elements in structure.

    Example:

        >>> stacked([(np.zeros(2), 1), (np.ones(2), 2)])
        (array([[0., 0.],
               [1., 1.]]), array([1, 2]))
    """
    first = rows[0]
    kind = type(first)
    if isinstance(first, tuple | list):
        if any(type(row) is not kind or len(row) != len(first) for row in rows):
            raise _differ("in structure", rows)
        return like(first, [stacked(column) for column in zip(*rows, strict=True)])
    if isinstance(first, Mapping):
        if any(type(row) is not kind or row.keys() != first.keys() for row in rows):
            raise _differ("in structure", rows)
        return {key: stacked([row[key] for row in rows]) for key in first}
    if first is None:
        return None
    if isinstance(first, int | float | str | bool | np.generic):
        return np.array(rows)
    arrays = [row if type(row) is np.ndarray else np.asarray(to_numpy(row)) for row in rows]
    shape, dtype = arrays[0].shape, arrays[0].dtype
    if any(a.shape != shape for a in arrays):
        raise _differ("in shape", rows)
    if dtype.kind in TEXT or any(a.dtype != dtype for a in arrays):
        return np.stack(arrays)
    batch = aligned_empty((len(arrays), *shape), dtype)
    if shape:
        for place, array in enumerate(arrays):
            batch[place] = array
    else:
        batch[...] = arrays
    return batch


def _differ(how: str, rows: Sequence[Any]) -> ValueError:
    seen = list(dict.fromkeys(map(described, rows)))
    shown = " | ".join(seen[:3]) + (f" and {len(seen) - 3} more" if len(seen) > 3 else "")
    return value_error(
        f"Elements of a batch must not differ {how}.",
        elements=shown,
        fix="map(function) before batch(...), with a function that resizes, crops or pads."
        if how == "in shape"
        else "let the mapped function return the same structure for every element.",
    )


def described(structure: Tensors) -> str:
    """Shapes and dtypes of an element or a batch, in short.

    Example:

        >>> described((np.zeros((2, 3), "uint8"), {"label": 1}))
        "(uint8 (2, 3), {'label': int64 ()})"
    """
    if isinstance(structure, tuple | list):
        inside = ", ".join(map(described, structure))
        return f"({inside})" if isinstance(structure, tuple) else f"[{inside}]"
    if isinstance(structure, Mapping):
        return "{" + ", ".join(f"{k!r}: {described(v)}" for k, v in structure.items()) + "}"
    if structure is None:
        return "None"
    array = np.asarray(to_numpy(structure))
    return f"{'text' if array.dtype.kind in 'STU' else array.dtype} {array.shape}"


def unstacked(batch: Tensors) -> list[Any]:
    """The elements of a batch, views of it.

    Example:

        >>> unstacked({"x": np.arange(2), "y": (None, np.ones((2, 1)))})
        [{'x': np.int64(0), 'y': (None, array([1.]))}, {'x': np.int64(1), 'y': (None, array([1.]))}]
    """
    return _split(batch, size_of(batch))


def size_of(batch: Tensors) -> int:
    """The number of elements in a batch."""
    return next((len(leaf) for leaf in leaves(batch)), 0)


def _split(batch: Tensors, count: int) -> list[Any]:
    if isinstance(batch, tuple | list):
        columns = [_split(part, count) for part in batch]
        return [like(batch, row) for row in zip(*columns, strict=True)]
    if isinstance(batch, Mapping):
        parts = {key: _split(part, count) for key, part in batch.items()}
        return [{key: part[i] for key, part in parts.items()} for i in range(count)]
    return [None] * count if batch is None else list(batch)


def taken(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows of an array in memory of their own, which XLA takes without a copy."""
    if array.dtype.kind in TEXT or not array.flags.c_contiguous:
        return array[rows]
    batch = aligned_empty((len(rows), *array.shape[1:]), array.dtype)
    return np.take(array, rows, axis=0, out=batch, mode="clip")  # "raise" would buffer


def scattered(parts: Sequence[tuple[np.ndarray, Any]], count: int) -> Any:
    """Batches of parts as one batch: each with the places where its elements belong."""
    if len(parts) == 1:
        return parts[0][1]
    places = [p for p, _ in parts]

    def join(*pieces: np.ndarray) -> np.ndarray:
        if any(a.shape[1:] != pieces[0].shape[1:] for a in pieces):
            raise _differ("in shape", [a[0] for a in pieces])
        whole = np.empty((count, *pieces[0].shape[1:]), np.result_type(*pieces))
        for place, piece in zip(places, pieces, strict=True):
            whole[place] = piece
        return whole

    return mapped(join, *(batch for _, batch in parts))
