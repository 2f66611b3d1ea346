"""Tensors: conversion, casts, and gradients of one's own."""

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
from cornu.types import DType, Tensor, Tensors

Fn = Callable[..., Any]


@op
def convert_to_tensor(
    x: Tensor, dtype: DType | None = None, sparse: bool | None = None, ragged: bool | None = None
) -> Tensor:
    """Convert numbers, nested lists, numpy arrays or Variables to a tensor.

    Args:
        x: value to convert.
        dtype: dtype of the result; if None, Python floats become `floatx` and Python ints int32.
        sparse: whether sparse arrays stay sparse; they do if None.
        ragged: must not be true.

    Example:

        >>> convert_to_tensor([1, 2]).dtype.name
        'int32'
    """
    if ragged:
        raise value_error(
            "convert_to_tensor: ragged tensors are not supported.", fix="pad to a common length."
        )
    return tensor(x, dtype)


@shape_rule(convert_to_tensor)
def _converted(
    x: KerasTensor,
    dtype: DType | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
) -> KerasTensor:
    return KerasTensor(
        x.shape, x.dtype if dtype is None else dtype, sparse=x.sparse and sparse is not False
    )


@explained
def convert_to_numpy(x: Tensor) -> np.ndarray:
    """A writable copy of the values as a numpy array.

    Example:

        >>> convert_to_numpy([1.0, 1.0]).tolist()
        [1.0, 1.0]
    """
    return np.array(x if isinstance(x, np.ndarray) else tensor(x))


def is_tensor(x: Any) -> bool:
    """Whether `x` is a JAX array or a KerasTensor; numpy arrays and Variables are not."""
    return isinstance(x, (jax.Array, KerasTensor)) or is_sparse(x)


@explained
def shape(x: Tensor) -> tuple[Any, ...]:
    """The shape as a tuple; None where the size of a symbolic tensor is unknown.

    Example:

        >>> shape([[1, 2, 3]])
        (1, 3)
    """
    found = getattr(x, "shape", None)
    return tuple(tensor(x).shape if found is None else found)


def dtype(x: Tensor) -> str:
    """The name of an array's dtype."""
    return dtypes.standardize_dtype(x.dtype)


@op
def cast(x: Tensor, dtype: DType) -> Tensor:
    """Cast to another dtype.

    Example:

        >>> cast([1.7, -2.3], "int32").tolist()
        [1, -2]
    """
    name = dtypes.standardize_dtype(dtype)
    x = x if isinstance(x, jax.Array) else tensor(x)
    return x if x.dtype == name else x.astype(name)


@shape_rule(cast)
def _cast(x: KerasTensor, dtype: DType) -> KerasTensor:
    return KerasTensor(x.shape, dtype, sparse=x.sparse)


@op(compiled=True)
def saturate_cast(x: Tensor, dtype: DType) -> Tensor:
    """Cast to another dtype, with values clipped to its range.

    Example:

        >>> saturate_cast([-3.0, 300.0], "uint8").tolist()
        [0, 255]
    """
    x = tensor(x)
    wanted = jax.dtypes.canonicalize_dtype(dtypes.numpy_dtype(dtypes.standardize_dtype(dtype)))
    return saturate(x, wanted)


@op
def stop_gradient(variable: Tensors) -> Tensors:
    """The same values, with a gradient of zero."""
    return jax.tree.map(
        lambda x: lax.stop_gradient(tensor(x)), variable, is_leaf=lambda x: isinstance(x, Variable)
    )


def custom_gradient(f: Fn) -> Fn:
    """Decorate a function that returns its value and its gradient function.

    Args:
        f: `f(*args) -> (value, grad)`, where `grad(upstream=g)` or `grad(g)` returns the gradients
            with respect to the arguments.

    Example:

        >>> import jax.numpy as jnp
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

    def gradient(g: Tensor) -> Any:
        try:
            return grad(upstream=g)
        except TypeError:
            return grad(g)

    return value, gradient
