"""Elements and blocks at given indices, read and written."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from cornu.core.frame import is_tracer
from cornu.core.graph.op import op, shape_rule
from cornu.core.graph.operands import tensor
from cornu.core.symbolic import KerasTensor, is_symbolic
from cornu.core.variable import Variable
from cornu.errors import value_error
from cornu.numeric import is_integer
from cornu.types import Shape, Tensor


@op(tensors=2, compiled=True)
def scatter(indices: Tensor, values: Tensor, shape: Shape) -> Tensor:
    """Zeros of the given shape with values added at indices; duplicate indices add up.

    Args:
        indices: `(..., k)` integers, the first k coordinates of each element or slice.
        values: `(..., *shape[k:])`.
        shape: shape of the result.

    Example:

        >>> scatter([[0], [2], [2]], [1.0, 2.0, 3.0], (4,)).tolist()
        [1.0, 0.0, 5.0, 0.0]
    """
    values = tensor(values)
    places = _places(indices)
    return jnp.zeros(tuple(shape), values.dtype).at[places].add(values)


def _places(indices: Tensor) -> tuple[Any, ...]:
    """Rows of coordinates as one array of indices per axis."""
    indices = tensor(indices)
    if not is_integer(indices.dtype):
        raise TypeError(f"indices must be integers, got {indices.dtype}.")
    return tuple(jnp.moveaxis(indices, -1, 0))


_REDUCTIONS = (None, "add", "max", "min", "mul")


@op(tensors=3, compiled=True)
def scatter_update(
    inputs: Tensor, indices: Tensor, updates: Tensor, reduction: str | None = None
) -> Tensor:
    """A copy of `inputs` in which the elements at `indices` are replaced or combined.

    Args:
        inputs: array of any shape.
        indices: `(..., k)` integers, the first k coordinates of each element or slice.
        updates: `(..., *inputs.shape[k:])`.
        reduction: None replaces; "add", "max", "min" and "mul" combine with the old element.

    Example:

        >>> scatter_update([1.0, 2.0, 3.0], [[1]], [9.0]).tolist()
        [1.0, 9.0, 3.0]
    """
    if reduction not in _REDUCTIONS:
        raise value_error(
            f"scatter_update: reduction must be one of {_REDUCTIONS}, got {reduction!r}."
        )
    inputs = tensor(inputs)
    updates = tensor(updates, inputs.dtype)
    places = inputs.at[_places(indices)]
    return getattr(places, reduction or "set")(updates)


@op(tensors=2)
def slice(inputs: Tensor, start_indices: Tensor | Sequence[int], shape: Shape) -> Tensor:
    """A block of the array.

    Args:
        inputs: array with k axes.
        start_indices: k ints or a vector of k, clipped so that the block lies inside.
        shape: k sizes of the block; -1 extends it to the end of the axis.

    Example:

        >>> slice([[1, 2], [3, 4]], (1, 0), (1, -1)).tolist()
        [[3, 4]]
    """
    inputs, starts = tensor(inputs), _starts(start_indices)
    sizes = _block(inputs.shape, starts, shape)
    if None in sizes:
        raise value_error(
            "slice: a size of -1 needs start_indices that are known while tracing.",
            fix="give the size of the block, or the start as a number.",
        )
    return lax.dynamic_slice(inputs, starts, sizes)


@shape_rule(slice)
def _sliced(
    inputs: KerasTensor, start_indices: Tensor | Sequence[int], shape: Shape
) -> KerasTensor:
    if isinstance(start_indices, KerasTensor):
        start_indices = [None] * inputs.ndim
    sizes = _block(inputs.shape, list(start_indices), shape)
    known = [pair for pair in zip(sizes, inputs.shape, strict=True) if None not in pair]
    if any(size > n for size, n in known):
        raise value_error(
            "slice: the block must not be larger than the array.", array=inputs.shape, block=sizes
        )
    return KerasTensor(sizes, inputs.dtype)


def _block(sizes: Shape, starts: Sequence[Any], shape: Shape) -> tuple[Any, ...]:
    """The sizes of a block; None for a size of -1 that is not known."""
    if not len(sizes) == len(starts) == len(shape):
        raise value_error(
            "slice: start_indices and shape must have one entry per axis of inputs.",
            inputs=f"{len(sizes)} axes",
            start_indices=f"{len(starts)} entries",
            shape=tuple(shape),
        )

    def rest(n: Any, start: Tensor) -> Any:
        if n is None or start is None or is_symbolic(start) or is_tracer(start):
            return None
        return n - int(start) if start >= 0 else -int(start)

    block = zip(sizes, starts, shape, strict=True)
    return tuple(rest(n, start) if size == -1 else size for n, start, size in block)


def _starts(start_indices: Tensor | Sequence[int]) -> list[Any]:
    if isinstance(start_indices, np.ndarray):
        return start_indices.tolist()
    if isinstance(start_indices, (list, tuple)):
        return [i.value if isinstance(i, Variable) else i for i in start_indices]
    return list(tensor(start_indices))


@op(tensors=3)
def slice_update(inputs: Tensor, start_indices: Tensor | Sequence[int], updates: Tensor) -> Tensor:
    """A copy of `inputs` with a block replaced.

    Example:

        >>> slice_update([1, 2, 3], [1], [9]).tolist()
        [1, 9, 3]
    """
    inputs = tensor(inputs)
    return lax.dynamic_update_slice(inputs, tensor(updates, inputs.dtype), _starts(start_indices))


@op
def unstack(x: Tensor, num: int | None = None, axis: int = 0) -> list[Any]:
    """The slices along an axis, as a list without that axis.

    Args:
        x: array.
        num: number of slices; required if the size of the axis is unknown.
        axis: axis to unstack along.
    """
    x = tensor(x)
    if num is not None and isinstance(x.shape[axis], int) and num != x.shape[axis]:
        raise value_error(
            f"unstack: num must be {x.shape[axis]}, the size of axis {axis}, got {num}.",
            received=x.shape,
        )
    return list(jnp.unstack(x, axis=axis))


@shape_rule(unstack)
def _unstacked(x: KerasTensor, num: int | None = None, axis: int = 0) -> list[KerasTensor]:
    if not -x.ndim <= axis < x.ndim:
        raise value_error(f"unstack: x has no axis {axis}.", received=x.shape)
    count = x.shape[axis] if num is None else num
    if count is None:
        raise value_error(f"unstack: the size of axis {axis} is unknown.", fix="num=...")
    rest = [n for i, n in enumerate(x.shape) if i != axis % x.ndim]
    return [KerasTensor(rest, x.dtype) for _ in range(count)]
