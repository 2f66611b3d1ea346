"""Kinds of dtypes, by dtype, name or type, those that numpy itself lacks included."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu.numeric import is_float, is_integer

FLOATS = ["float16", "bfloat16", "float32", "float64", "float8_e4m3fn", "float8_e5m2"]
INTEGERS = ["int4", "uint4", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64"]
OTHERS = ["bool", "complex64"]


@pytest.mark.parametrize("name", FLOATS + INTEGERS + OTHERS)
@pytest.mark.parametrize("spelled", [str, jnp.dtype, lambda name: jnp.dtype(name).type])
def test_kinds_of_dtypes(name, spelled):
    assert is_float(spelled(name)) == (name in FLOATS)
    assert is_integer(spelled(name)) == (name in INTEGERS)


@pytest.mark.parametrize(
    "dtype", ["string", np.dtype("M8[s]"), np.dtype("m8[s]"), np.dtype(object), jax.dtypes.float0]
)
def test_what_holds_no_numbers_is_neither(dtype):
    assert not is_float(dtype) and not is_integer(dtype)


def test_types_of_python():
    assert (is_float(float), is_integer(int)) == (True, True)
    assert not is_float(bool) and not is_integer(bool)
