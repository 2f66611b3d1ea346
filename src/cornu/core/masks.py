"""Masks: which time steps of an array count.

Arrays are plain jax arrays, so a mask cannot be an attribute of one. It stands in a table beside:

    KerasTensor             its attribute `_keras_mask`
    array, also traced      a table for the process, from which the entry goes when the array does

A mask is made of what came before its array and holds no reference to it, so arrays of a trace go,
and their entries with them, when the trace ends: nothing leaks out of it.
"""

import weakref
from typing import Any

from cornu.core.symbolic import KerasTensor

# id(array) -> (weak reference to it, mask); the reference removes the entry when the array dies.
_kept: dict[int, tuple[Any, Any]] = {}


def mask_of(x: Any) -> Any:
    """The mask that was set on a tensor; None if it has none.

    Args:
        x: array or symbolic tensor, `(batch, time, ...)`.

    Returns:
        Booleans `(batch, time)`, True where a step counts, or None.

    Example:

        >>> import jax.numpy as jnp
        >>> x = jnp.ones((1, 3, 2))
        >>> set_mask(x, jnp.array([[True, True, False]]))
        >>> mask_of(x).tolist(), mask_of(x + 1)
        ([[True, True, False]], None)
    """
    if isinstance(x, KerasTensor):
        return x._keras_mask
    entry = _kept.get(id(x))
    return None if entry is None else entry[1]


def set_mask(x: Any, mask: Any) -> None:
    """Remember the mask of a tensor; None forgets it.

    Args:
        x: array or symbolic tensor, `(batch, time, ...)`.
        mask: booleans `(batch, time)`, True where a step counts.
    """
    key = id(x)
    if isinstance(x, KerasTensor):
        x._keras_mask = mask
    elif mask is None:
        _kept.pop(key, None)
    else:
        _kept[key] = (weakref.ref(x, lambda _: _kept.pop(key, None)), mask)
