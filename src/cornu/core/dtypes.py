"""Dtype names, promotion, and the casting of Python scalars.

A dtype is a plain string everywhere (`"float32"`). Promotion follows jax's lattice, in which Python
scalars are weak: `float16 + 2.5` stays `float16`.
"""

from typing import Any

import jax.numpy as jnp
import ml_dtypes
import numpy as np

from cornu import errors, settings
from cornu.numeric import is_float, is_integer
from cornu.types import DType

FLOATS = ("float16", "bfloat16", "float32", "float64", "float8_e4m3fn", "float8_e5m2")
INTEGERS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
COMPLEX = ("complex64", "complex128")
ALLOWED = frozenset(("bool", "string", "int4", "uint4", *FLOATS, *INTEGERS, *COMPLEX))

_PYTHON = {bool: "bool", int: "int32", complex: "complex64", str: "string"}


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype given as a name, a Python type, or a numpy, jax or foreign dtype.

    None means `floatx`.

    Raises:
        ValueError: it is none of the dtypes that arrays can have.

    Example:

        >>> standardize_dtype(None), standardize_dtype(int), standardize_dtype("float16")
        ('float32', 'int32', 'float16')
    """
    if type(dtype) is str and dtype in ALLOWED:
        return dtype
    if dtype is None or dtype is float:
        return settings.current.floatx
    if isinstance(dtype, type) and dtype in _PYTHON:
        return _PYTHON[dtype]
    name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or str(dtype)
    name = str(name).removeprefix("torch.")
    name = {"str": "string", "bool_": "bool", "int": "int32"}.get(name, name)
    if name not in ALLOWED:
        raise errors.value_error(
            f"{dtype!r} is not a dtype.", fix=errors.did_you_mean(name, ALLOWED)
        )
    return name


def numpy_dtype(name: str) -> np.dtype:
    """The numpy dtype of a dtype name, the small floats included."""
    return np.dtype(getattr(ml_dtypes, name, None) or name)


def is_float_dtype(dtype: DType | None) -> bool:
    """Whether what `standardize_dtype` takes for a dtype is floating; None means `floatx`."""
    return is_float(standardize_dtype(dtype))


def is_int_dtype(dtype: DType | None) -> bool:
    """Whether what `standardize_dtype` takes for a dtype is a signed or unsigned integer."""
    return is_integer(standardize_dtype(dtype))


def _is_weak(dtype: Any) -> bool:
    """Whether it is a Python type; the dtype of a bool array is equal to one without being it."""
    return isinstance(dtype, type) and dtype in (bool, int, float, complex)


def result_type(*dtypes: Any) -> str:
    """The dtype to which values of the given dtypes promote; Python types are weak.

    Example:

        >>> result_type("int32", "float16"), result_type("float16", float), result_type(int, float)
        ('float16', 'float16', 'float32')
    """
    if not dtypes:
        return settings.current.floatx
    weak = [d for d in dtypes if _is_weak(d)]
    strong = [standardize_dtype(d) for d in dtypes if not _is_weak(d)]
    zeros = [kind(0) for kind in weak]
    name = jnp.result_type(*[numpy_dtype(n) for n in strong], *zeros).name
    if not strong:  # nothing but Python scalars: our defaults decide
        name = {"float": settings.current.floatx, "int": "int32"}.get(
            name.rstrip("0123456789"), name
        )
    return name
