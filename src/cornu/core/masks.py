"""Masks: which time steps of an array count.

    KerasTensor, jax array   its attribute `_keras_mask`
    array of a trace         takes no attributes: a table for the process, from which the entry goes
                             when the array does

A mask is made of what came before its array and holds no reference to it, so arrays of a trace go,
and their entries with them, when the trace ends: nothing leaks out of it.
"""

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from cornu import bcoo, tree
from cornu.core.symbolic import KerasTensor, infer
from cornu.types import Tensors

# id(array) -> (weak reference to it, mask); the reference removes the entry when the array dies.
_kept: dict[int, tuple[Any, Any]] = {}

_WITHOUT_ATTRIBUTES = (jax.core.Tracer, np.ndarray)


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
    if isinstance(x, _WITHOUT_ATTRIBUTES):
        entry = _kept.get(id(x))
        return None if entry is None else entry[1]
    return getattr(x, "_keras_mask", None)


def set_mask(x: Any, mask: Any) -> None:
    """Remember the mask of a tensor; None forgets it.

    Args:
        x: array or symbolic tensor, `(batch, time, ...)`.
        mask: booleans `(batch, time)`, True where a step counts.
    """
    key = id(x)
    if not isinstance(x, _WITHOUT_ATTRIBUTES):
        x._keras_mask = mask
    elif mask is None:
        _kept.pop(key, None)
    else:
        _kept[key] = (weakref.ref(x, lambda _: _kept.pop(key, None)), mask)


@contextmanager
def lent(tensors: Any, masks: Any) -> Iterator[None]:
    """Give tensors masks for the length of a `with` block; None leaves a tensor as it is.

    Args:
        tensors: arrays or symbolic tensors, nested.
        masks: a mask or None for each, nested alike.
    """
    pairs = zip(tree.flatten(tensors), tree.flatten(masks), strict=True)
    before = [(x, mask_of(x)) for x, mask in pairs if mask is not None]
    try:
        for x, mask in zip(tree.flatten(tensors), tree.flatten(masks), strict=True):
            if mask is not None:
                set_mask(x, mask)
        yield
    finally:
        for x, mask in before:
            set_mask(x, mask)


def infer_with_masks(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """`infer`, whose symbolic tensors carry masks where the outputs of `fn` do."""

    def run(*args: Any, **kwargs: Any) -> Any:
        outputs = fn(*args, **kwargs)
        return outputs, [mask_of(x) for x in bcoo.leaves(outputs)]

    outputs, masks = infer(run, *args, **kwargs)
    for tensor, mask in zip(jax.tree.leaves(outputs), masks, strict=True):
        tensor._keras_mask = mask
    return outputs


def infer_by_symbols(fn: Callable[..., Any], inputs: Tensors) -> Any:
    """`infer_with_masks` for text, which cannot be traced: `fn` is called on symbolic tensors."""

    def copy(tensor: Tensors) -> Any:
        if not isinstance(tensor, KerasTensor):
            return tensor
        found = KerasTensor(tensor.shape, tensor.dtype, tensor.sparse)
        found._keras_mask = mask_of(tensor)
        return found

    return tree.map_structure(copy, fn(tree.map_structure(copy, inputs)))
