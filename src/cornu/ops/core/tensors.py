"""Tensors: made, converted, cast, and cut off from gradients."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax import lax

from cornu.bcoo import is_sparse
from cornu.core import dtypes
from cornu.core.graph.op import op, shape_rule
from cornu.core.graph.op_errors import explained
from cornu.core.graph.operands import tensor
from cornu.core.symbolic import KerasTensor
from cornu.core.variable import Variable
from cornu.errors import value_error
from cornu.kernels import derivatives
from cornu.kernels.saturate import saturate

Fn = Callable[..., Any]


@op
def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Any:
    """An array from numbers, nested lists, numpy arrays or Variables.

    Args:
        x: what to convert.
        dtype: of the result; Python floats become `floatx`, Python ints int32 if None.
        sparse: False makes sparse arrays dense; otherwise they stay sparse.
        ragged: must not be true.

    Example:

        >>> convert_to_tensor([1, 2]).dtype.name
        'int32'
    """
    if ragged:
        raise value_error("There are no ragged tensors.", fix="pad to a common length.")
    return tensor(x, dtype)


@shape_rule(convert_to_tensor)
def _converted(
    x: KerasTensor, dtype: Any = None, sparse: Any = None, ragged: Any = None
) -> KerasTensor:
    return KerasTensor(
        x.shape, x.dtype if dtype is None else dtype, sparse=x.sparse and sparse is not False
    )


@explained
def convert_to_numpy(x: Any) -> np.ndarray:
    """The values as a numpy array of its own, which may be written to.

    Example:

        >>> convert_to_numpy(jnp.ones(2)).tolist()
        [1.0, 1.0]
    """
    return np.array(x if isinstance(x, np.ndarray) else tensor(x))


def is_tensor(x: Any) -> bool:
    """Whether it is an array of the engine; numpy arrays and Variables are not."""
    return isinstance(x, (jax.Array, KerasTensor)) or is_sparse(x)


@explained
def shape(x: Any) -> tuple[Any, ...]:
    """The shape as a tuple; None where a symbolic tensor's size is unknown.

    Example:

        >>> shape([[1, 2, 3]])
        (1, 3)
    """
    found = getattr(x, "shape", None)
    return tuple(tensor(x).shape if found is None else found)


def dtype(x: Any) -> str:
    """The name of an array's dtype."""
    return dtypes.standardize_dtype(x.dtype)


@op
def cast(x: Any, dtype: Any) -> Any:
    """The elements in another dtype.

    Example:

        >>> cast([1.7, -2.3], "int32").tolist()
        [1, -2]
    """
    name = dtypes.standardize_dtype(dtype)
    x = x if isinstance(x, jax.Array) else tensor(x)
    return x if x.dtype == name else x.astype(name)


@shape_rule(cast)
def _cast(x: KerasTensor, dtype: Any) -> KerasTensor:
    return KerasTensor(x.shape, dtype, sparse=x.sparse)


@op(compiled=True)
def saturate_cast(x: Any, dtype: Any) -> Any:
    """The elements in another dtype, values beyond its range moved to its ends.

    Example:

        >>> saturate_cast([-3.0, 300.0], "uint8").tolist()
        [0, 255]
    """
    x = tensor(x)
    wanted = jax.dtypes.canonicalize_dtype(dtypes.numpy_dtype(dtypes.standardize_dtype(dtype)))
    return saturate(x, wanted)


@op
def stop_gradient(variable: Any) -> Any:
    """The same values, through which no gradient passes."""
    return jax.tree.map(
        lambda x: lax.stop_gradient(tensor(x)), variable, is_leaf=lambda x: isinstance(x, Variable)
    )


def custom_gradient(f: Fn) -> Fn:
    """Decorate a function that returns its value and the function of its gradient.

    Args:
        f: `f(*args) -> (value, grad)`, where `grad(upstream=g)` or `grad(g)` returns the gradients
            with respect to the arguments.

    Example:

        >>> @custom_gradient
        ... def log1pexp(x):
        ...     e = jnp.exp(x)
        ...     return jnp.log(1 + e), lambda upstream: upstream * (1 - 1 / (1 + e))
        >>> bool(jnp.isfinite(jax.grad(log1pexp)(100.0)))
        True
    """
    wrapped = derivatives.custom_gradient(lambda *args: _with_tuple(f(*args)))

    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            bound = derivatives.custom_gradient(lambda *a: _with_tuple(f(*a, **kwargs)))
            return bound(*_values(args))
        return wrapped(*_values(args))

    call.__name__ = getattr(f, "__name__", "custom_gradient")
    call.__doc__ = f.__doc__
    return call


def _values(args: Sequence[Any]) -> list[Any]:
    return [a.value if isinstance(a, Variable) else a for a in args]


def _with_tuple(result: tuple[Any, Fn]) -> tuple[Any, Fn]:
    value, grad = result

    def gradient(g: Any) -> Any:
        try:
            return grad(upstream=g)
        except TypeError:
            return grad(g)

    return value, gradient
