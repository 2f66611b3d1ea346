"""Shapes of ops without tracing them: what whole families of ops share, and what was found before.

Tracing an op on shapes (`core/symbolic.py`) costs a few tenths of a millisecond. Most calls need
less:

    element by element   the shape of the input                    relu(x)
    two operands         the broadcast shape                       add(x, y)
    folded axes          the shape without them                    sum(x, axis=1)
    any other op         traced once for each combination of shapes, dtypes and settings

Dtypes are never derived by rule: each op is traced on scalars once for each combination of dtypes.
Where a rule has no answer, a mistake in the arguments among them, the op is traced as it is.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from cornu.core import dtypes
from cornu.core.programs.cache import Cache
from cornu.core.symbolic import KerasTensor, infer
from cornu.core.variable import Variable
from cornu.errors import value_error

SMALL = 127  # a Python int up to it fits every dtype

_outputs: Cache[Any] = Cache(limit=4096)
_dtypes: Cache[str] = Cache(limit=4096)


class _NoRuleError(Exception):
    """The rule has no answer to these arguments."""


# ---- families -----------------------------------------------------------------------------------


def element_by_element(function: Callable[..., Any]) -> Callable[..., Any]:
    """The shape rule of an op whose result has the shape of its one tensor."""

    def rule(x: Any) -> Any:
        try:
            return KerasTensor(
                x.shape, _dtype(function, (), _kind(x)), _is_sparse(function, [x], [_SAME])
            )
        except Exception:  # the trace says it better
            return infer(function, x)

    return rule


def broadcast(function: Callable[..., Any]) -> Callable[..., Any]:
    """The shape rule of an op whose two operands are broadcast against each other."""

    def rule(**operands: Any) -> Any:
        x1, x2 = operands.values()
        try:
            shapes = [getattr(x, "shape", ()) for x in (x1, x2)]
            shape = broadcast_shape(*shapes)
            return KerasTensor(
                shape,
                _dtype(function, (), _kind(x1), _kind(x2)),
                _is_sparse(function, [x1, x2], [_like(s, shape) for s in shapes]),
            )
        except Exception:  # the trace says it better
            return infer(function, x1, x2)

    return rule


def folded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The shape rule of an op `(x, axis=None, keepdims=False)` that folds axes."""

    def rule(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        gone = _folded_axes(function, x, axis)
        try:
            if gone is None or 0 in x.shape or not isinstance(keepdims, bool):
                raise _NoRuleError
            sizes = [
                1 if i in gone else n for i, n in enumerate(x.shape) if keepdims or i not in gone
            ]
            return KerasTensor(
                sizes, _dtype(function, _SAME, _kind(x)), _is_sparse(function, [x], [_SAME])
            )
        except Exception:  # the trace says it better
            return infer(lambda x: function(x, axis=axis, keepdims=keepdims), x)

    return rule


def _folded_axes(function: Callable[..., Any], x: KerasTensor, axis: Any) -> set[int] | None:
    """The axes as numbers from 0 on; None if they are no numbers."""
    given = range(x.ndim) if axis is None else axis
    given = given if isinstance(given, (tuple, list, range)) else (given,)
    if not all(type(a) is int for a in given):
        return None
    wrong = [a for a in given if not -x.ndim <= a < x.ndim]
    if wrong:
        name = getattr(function, "__name__", "the op")
        raise value_error(f"{name}: there is no axis {wrong[0]}.", received=f"x {x.shape}")
    return {a % x.ndim for a in given}


def broadcast_shape(a: Any, b: Any) -> tuple[Any, ...]:
    """The shape to which two shapes broadcast; an unknown size is that of a known one it meets.

    Raises:
        ValueError: sizes differ and neither is 1.

    Example:

        >>> broadcast_shape((None, 4), (3, 1)), broadcast_shape((None, 1), (4,))
        ((3, 4), (None, 4))
    """
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    sizes = list(longer)
    for i, n in enumerate(shorter, start=len(longer) - len(shorter)):
        m = sizes[i]
        if m == n or n == 1:
            continue
        if m == 1 or m is None:
            sizes[i] = n
        elif n is not None:
            raise ValueError(f"{a} and {b} do not broadcast.")
    return tuple(sizes)


def _kind(x: Any) -> Any:
    """What an operand contributes to the dtype: the name of a dtype, or the type of a number."""
    if isinstance(x, KerasTensor):
        if x.dtype == "string":
            raise _NoRuleError
        return x.dtype
    if type(x) in (bool, float, complex) or (type(x) is int and abs(x) <= SMALL):
        return type(x)
    if isinstance(x, (jax.Array, Variable)) or (isinstance(x, np.ndarray) and x.itemsize <= 4):
        return dtypes.standardize_dtype(x.dtype)
    raise _NoRuleError


def _dtype(function: Callable[..., Any], shape: tuple[int, ...], *kinds: Any) -> str:
    return _dtypes.get((function, shape, kinds), lambda: _traced_dtype(function, shape, kinds))


def _traced_dtype(
    function: Callable[..., Any], shape: tuple[int, ...], kinds: tuple[Any, ...]
) -> str:
    numbers = [kind(1) if isinstance(kind, type) else None for kind in kinds]
    arrays = [
        jax.ShapeDtypeStruct(shape, dtypes.numpy_dtype(kind))
        for kind in kinds
        if not isinstance(kind, type)
    ]

    def run(*arrays: Any) -> Any:
        feed = iter(arrays)
        return function(*[next(feed) if n is None else n for n in numbers])

    return jax.eval_shape(run, *arrays).dtype.name


_SAME, _STRETCHED = (2,), (1,)  # stand for the shape of the result, and one that broadcasts to it


def _like(shape: Any, result: Any) -> tuple[int, ...]:
    if not len(shape):
        return ()
    alike = len(shape) == len(result) and all(
        n is None or n == m for n, m in zip(shape, result, strict=True)
    )
    return _SAME if alike else _STRETCHED


def _is_sparse(function: Callable[..., Any], operands: list[Any], shapes: list[Any]) -> bool:
    """Whether the result is a sparse array; asked of the op with small operands of such shapes."""
    if not any(getattr(x, "sparse", False) for x in operands):
        return False

    def small(x: Any, shape: Any) -> Any:
        if not hasattr(x, "dtype") or not (shape or isinstance(x, KerasTensor)):
            return x  # a number, whose value may decide
        dtype = dtypes.standardize_dtype(x.dtype)
        return KerasTensor(shape, dtype, sparse=getattr(x, "sparse", False))

    return infer(function, *map(small, operands, shapes)).sparse


# ---- what was found before ----------------------------------------------------------------------


def remembered(
    function: Callable[..., Any],
    call: Callable[..., Any],
    given: dict[str, Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """`infer(call, *args, **kwargs)`, traced once for the same op, settings, shapes and dtypes.

    Args:
        function: the op.
        call: the op with its settings.
        given: its settings.
        args, kwargs: its tensors, nested as it takes them.
    """
    leaves, structure = jax.tree.flatten((args, kwargs))
    values, kinds = jax.tree.flatten(given)
    try:
        described = (*map(_described, leaves), *map(_setting, values))
        key = (function, structure, kinds, described)
        hash(key)
    except (_NoRuleError, TypeError):  # values may count; a setting without a hash
        return infer(call, *args, **kwargs)
    outputs = _outputs.get(key, lambda: infer(call, *args, **kwargs))
    return jax.tree.map(_again, outputs)


def _described(leaf: Any) -> Any:
    if isinstance(leaf, KerasTensor):
        return leaf.shape, leaf.dtype, leaf.sparse
    if isinstance(leaf, (jax.Array, np.ndarray, Variable)):
        if leaf.dtype == bool:  # as an index, its values count
            raise _NoRuleError
        return jax.Array, tuple(leaf.shape), str(leaf.dtype)
    return _setting(leaf)


def _setting(leaf: Any) -> Any:
    if isinstance(leaf, (jax.Array, np.ndarray, Variable)) or callable(leaf):
        raise _NoRuleError
    if isinstance(leaf, slice):  # has no hash
        return slice, leaf.start, leaf.stop, leaf.step
    return type(leaf), leaf


def _again(leaf: Any) -> Any:
    """A tensor of its own for each call: a graph tells tensors apart."""
    return KerasTensor(leaf.shape, leaf.dtype, leaf.sparse) if type(leaf) is KerasTensor else leaf
