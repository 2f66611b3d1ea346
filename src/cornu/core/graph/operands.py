"""What ops accept: arrays, Variables, nested lists, Python scalars, and what becomes of them.

tensor(x)       an array; a Python float becomes `floatx`, an int `int32`
weak(x)         the same, but a Python scalar stays one
pair(a, b)      two operands, of which a Python scalar decides no more than the kind of number
to_float(x)     an array in a floating dtype
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu import bcoo
from cornu.core import dtypes
from cornu.core.host import from_host
from cornu.core.variable import Variable
from cornu.errors import type_error, value_error
from cornu.numeric import as_numbers, refuse_what_wraps

SCALARS = (bool, int, float, complex)
HALVES = (jnp.dtype("float16"), jnp.dtype("bfloat16"))


def tensor(x: Any, dtype: Any = None) -> Any:
    """An array from what ops accept: arrays, Variables, nested lists, Python scalars.

    A Python float becomes `floatx`, an int `int32`.
    """
    if isinstance(x, jax.Array) and dtype is None:
        return x
    if isinstance(x, Variable):
        x = x.value
    if dtype is None:
        if isinstance(x, jax.Array):
            return x
        if isinstance(x, SCALARS):
            return from_host(x, dtypes.numpy_dtype(dtypes.standardize_dtype(type(x))))
        if isinstance(x, (list, tuple)):
            return _from_list(x)
        if hasattr(x, "todense"):  # sparse arrays of jax and scipy
            x = bcoo.dense(x) if bcoo.is_sparse(x) else x.todense()
        if x is None:
            raise value_error("An op needs an array of numbers, got None.")
        if isinstance(x, (str, bytes)):
            raise type_error(f"An op needs an array of numbers, got {x!r}.")
        return jnp.asarray(x) if hasattr(x, "__jax_array__") else _from_outside(x)
    if isinstance(x, (list, tuple)) and not _plain_numbers(x):
        x = _from_list(x)
    if hasattr(x, "todense"):
        x = bcoo.dense(x) if bcoo.is_sparse(x) else x.todense()
    if isinstance(x, np.ndarray) and (x.dtype.kind not in "biufc" or type(x) is not np.ndarray):
        x = as_numbers(x)
    return jnp.asarray(x, dtype=dtypes.numpy_dtype(dtypes.standardize_dtype(dtype)))


def _from_outside(x: Any) -> jax.Array:
    array = as_numbers(x)
    refuse_what_wraps(array, "x")
    return from_host(array)


def weak(x: Any) -> Any:
    """Like `tensor`, but a Python scalar stays one, so that it does not decide a dtype."""
    return x if type(x) in SCALARS else tensor(x)


def pair(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Two operands, of which a Python scalar decides no more than the kind of number.

    Example:

        >>> a, b = pair(np.int8(3), 0.5)
        >>> str(a.dtype), b
        ('float32', 0.5)
    """
    if type(x1) in SCALARS:
        if type(x2) in SCALARS:
            dtype = dtypes.result_type(type(x1), type(x2))
            return tensor(x1, dtype), tensor(x2, dtype)
        x2 = tensor(x2)
        common = _promoted(x2.dtype, x1.__class__)
        return x1, (x2 if x2.dtype == common else x2.astype(common))
    x1 = tensor(x1)
    if type(x2) in SCALARS:
        common = _promoted(x1.dtype, x2.__class__)
        return (x1 if x1.dtype == common else x1.astype(common)), x2
    return x1, tensor(x2)


def _promoted(dtype: np.dtype, kind: type) -> np.dtype:
    return _promotion(dtype, kind, jax.config.jax_enable_x64)


@functools.lru_cache(maxsize=256)
def _promotion(dtype: np.dtype, kind: type, wide: bool) -> np.dtype:
    return dtypes.numpy_dtype(dtypes.result_type(dtype.name, kind))


def _plain_numbers(values: Any) -> bool:
    return all(isinstance(x, (*SCALARS, np.generic)) for x in jax.tree.leaves(values))


def _from_list(values: Sequence[Any]) -> Any:
    """A nested list as an array; Variables and arrays inside are stacked."""
    leaves = jax.tree.leaves(list(values), is_leaf=lambda x: isinstance(x, Variable))
    if any(isinstance(x, (jax.Array, Variable)) for x in leaves):
        return jnp.stack([jnp.asarray(tensor(v)) for v in values])
    array = as_numbers(values)
    if array.dtype.kind == "f" and not any(isinstance(x, (np.ndarray, np.generic)) for x in leaves):
        return from_host(array, dtypes.numpy_dtype(dtypes.standardize_dtype(None)))
    refuse_what_wraps(array, "x")
    return from_host(array)


def to_float(x: Any) -> Any:
    """The array in a floating dtype: `floatx` for integers and bools."""
    x = tensor(x)
    if x.dtype.kind in "fcV" or jnp.issubdtype(x.dtype, jnp.inexact):
        return x
    return x.astype(dtypes.standardize_dtype(None))


def in_float32(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, computed in float32 where its arrays are in half precision.

    Sums and squares leave the range of float16 long before their mean or root does. Results come
    back in the dtype of the arrays.

    Args:
        function: takes arrays, or anything that ops accept as one, and settings.

    Example:

        >>> length = in_float32(lambda x: jnp.sqrt(jnp.sum(jnp.square(x))))
        >>> float(length(jnp.full(4, 1000, "float16")))
        2000.0
    """

    @functools.wraps(function)
    def computed(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = jax.tree.flatten((args, kwargs))
        kinds = {x.dtype for x in map(_value, leaves) if hasattr(x, "dtype") and is_inexact(x)}
        narrow = kinds.pop() if len(kinds) == 1 else None
        if narrow not in HALVES:
            return function(*args, **kwargs)
        args, kwargs = structure.unflatten(
            _value(x).astype("float32") if getattr(_value(x), "dtype", None) == narrow else x
            for x in leaves
        )
        return jax.tree.map(
            lambda y: y.astype(narrow) if y.dtype == "float32" else y, function(*args, **kwargs)
        )

    return computed


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Variable) else x


def is_inexact(x: Any) -> bool:
    """Whether an array holds floats or complex numbers."""
    return bool(jnp.issubdtype(x.dtype, jnp.inexact))


def axes(axis: Any) -> Any:
    """An axis argument as jax takes it: lists as tuples."""
    return tuple(axis) if isinstance(axis, list) else axis


def to_floats(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Two operands, of which integers become floats of the dtype that both promote to."""
    dtype = jnp.result_type(x1, x2)
    if jnp.issubdtype(dtype, jnp.inexact):
        return x1, x2
    floatx = dtypes.standardize_dtype(None)
    return jnp.asarray(x1, floatx), jnp.asarray(x2, floatx)
