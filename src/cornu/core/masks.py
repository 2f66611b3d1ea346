"""Masks: which time steps of an array count.

Arrays are plain jax arrays, so a mask cannot be an attribute of one. It stands in a table beside:

    KerasTensor     its attribute `_keras_mask`
    tracer          the table of the current layer call or training step: id(x) -> (x, mask)
    concrete array  a table for the whole process, from which the entry goes when the array does

The table of a call holds the arrays too, so that an id in it cannot come to mean another array.
"""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cornu.core.context import local, using
from cornu.core.frame import is_tracer
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
    if local.masks is not None:
        entry = local.masks.get(id(x))
        if entry is not None:
            return entry[1]
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
        if local.masks is not None:
            local.masks.pop(key, None)
    elif local.masks is not None and is_tracer(x):
        local.masks[key] = (x, mask)
    else:
        _kept[key] = (weakref.ref(x, lambda _: _kept.pop(key, None)), mask)


@contextmanager
def table() -> Iterator[None]:
    """Keep the masks of traced arrays for the length of a `with` block; inner blocks share it."""
    if local.masks is not None:
        yield
        return
    with using(masks={}):
        yield
