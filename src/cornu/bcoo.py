"""Sparse arrays of JAX, recognized without importing them.

`jax.experimental.sparse` takes a tenth of a second to import. Where nobody has imported it there is
no sparse array, so nothing here does, except what makes one of others.
"""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

_MODULE = "jax.experimental.sparse"


def may_exist() -> bool:
    """Whether there may be sparse arrays at all."""
    return _MODULE in sys.modules


def is_sparse(x: Any) -> bool:
    """Whether it is a sparse array of JAX, in any format."""
    module = sys.modules.get(_MODULE)
    return module is not None and isinstance(x, module.JAXSparse)


def is_bcoo(x: Any) -> bool:
    """Whether it is a sparse array in the format that ops compute with."""
    return is_sparse(x) and isinstance(x, sys.modules[_MODULE].BCOO)


def holds_sparse(values: Any) -> bool:
    """Whether there is a sparse array in a list, tuple or dict of values, however deep."""
    values = values.values() if isinstance(values, dict) else values
    return any(
        holds_sparse(x) if isinstance(x, (list, tuple, dict)) else is_sparse(x) for x in values
    )


def leaves(structure: Any) -> list[Any]:
    """`jax.tree.leaves`, for which a sparse array is one leaf."""
    return jax.tree.leaves(structure, is_leaf=is_sparse)


def dense(x: Any) -> Any:
    """A sparse array as a dense one, also within lists, tuples and dicts; the rest as it is."""
    if is_sparse(x):
        # JAX does not add booleans up, as it would have to where a place occurs twice.
        return x.todense() if x.dtype != bool else astype(x, "int32").todense() != 0
    if isinstance(x, dict):
        return {key: dense(value) for key, value in x.items()}
    if type(x) in (list, tuple):
        return type(x)(map(dense, x))
    return x


def on_values(fn: Callable[[Any], Any], x: Any) -> Any:
    """A sparse array with `fn` of its values at the same places."""
    (values, *places), structure = jax.tree.flatten(x)
    return structure.unflatten([fn(values), *places])


def astype(x: Any, dtype: Any) -> Any:
    """A sparse array with its values in another dtype."""
    return on_values(lambda values: values.astype(dtype), x)


def with_rows(x: Any, count: int) -> Any:
    """A sparse array with rows of zeros added, until it has `count` of them."""
    return coordinates(x.data, x.indices, (count, *x.shape[1:]), unique=x.unique_indices)


def coordinates(values: Any, places: Any, shape: Any, *, unique: bool = False) -> Any:
    """A sparse array from its values and where they stand.

    Args:
        values: `(count, ...)`; a place outside of the shape is padding, its value must be 0.
        places: integers `(count, axes)`.
        shape: the sizes; those behind `axes` are the further ones of `values`.
        unique: whether no place occurs twice, and they are in order.

    Example:

        >>> import numpy as np
        >>> coordinates(np.ones(2), np.array([[0, 1], [1, 0]]), (2, 2)).todense().tolist()
        [[0.0, 1.0], [1.0, 0.0]]
    """
    from jax.experimental.sparse import BCOO

    return BCOO((values, places), shape=shape, indices_sorted=unique, unique_indices=unique)


def with_layout(x: Any, n_batch: int, n_dense: int) -> Any:
    """The sparse array with `n_batch` batch axes in front and `n_dense` dense axes behind.

    Args:
        x: a sparse array; its batch axes may be stored once for all.
        n_batch: number of axes that each have values and places of their own.
        n_dense: number of axes that the values have and the places do not.
    """
    if (x.n_batch, x.n_dense) == (n_batch, n_dense):
        return x
    from jax.experimental import sparse  # a tenth of a second to import, so only when it is met

    # JAX takes what is stored once for all for the first of the batch alone.
    values, places = (
        jnp.broadcast_to(part, (*x.shape[: x.n_batch], *part.shape[x.n_batch :]))
        for part in (x.data, x.indices)
    )
    order = {"indices_sorted": x.indices_sorted, "unique_indices": x.unique_indices}
    full = sparse.BCOO((values, places), shape=x.shape, **order)
    return sparse.bcoo_update_layout(full, n_batch=n_batch, n_dense=n_dense, on_inefficient=None)


def blank(shape: Any, dtype: Any, count: int) -> Any:
    """What a sparse array of `count` values looks like, for tracers; `shape` may be symbolic."""
    values = jax.ShapeDtypeStruct((count,), dtype)
    places = jax.ShapeDtypeStruct((count, len(shape)), "int32")
    return jax.eval_shape(partial(coordinates, shape=tuple(shape), unique=True), values, places)
