"""Dtype names and promotion, side by side with Keras."""

import itertools
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax.numpy as jnp
import keras
import ml_dtypes
import numpy as np
import pytest

from cornu.core.dtypes import numpy_dtype, result_type, standardize_dtype


@pytest.mark.parametrize(
    "dtype",
    [
        "float32", "bfloat16", "uint16", "bool", "int", None, int, float, bool, str,
        np.float16, np.dtype("int8"), jnp.bfloat16, jnp.float32, jnp.ones(1).dtype,
        ml_dtypes.bfloat16, np.bool_,
    ],
    ids=repr,
)  # fmt: skip
def test_names_as_keras(dtype):
    expected = keras.backend.standardize_dtype(dtype)
    assert standardize_dtype(dtype) == expected


def test_unknown_names_get_a_suggestion():
    with pytest.raises(ValueError, match="'flaot32' is not a dtype") as caught:
        standardize_dtype("flaot32")
    assert "did you mean 'float32'" in str(caught.value)


DTYPES = ["bool", "uint8", "int8", "int32", "uint32", "float16", "bfloat16", "float32", int, float]


@pytest.mark.parametrize(
    ("a", "b"), list(itertools.combinations_with_replacement(DTYPES, 2)), ids=repr
)
def test_promotion_as_keras(a, b):
    assert result_type(a, b) == keras.backend.result_type(a, b)


@pytest.mark.parametrize("b", ["int8", float, np.dtype("float16"), jnp.bool_, bool], ids=repr)
def test_dtypes_of_bool_arrays_are_dtypes(b):
    a = np.ones(1, bool).dtype  # equal to Python's bool
    assert result_type(a, b) == result_type(b, a) == keras.backend.result_type(a, b)


def test_promotion_of_nothing_and_of_many():
    assert result_type() == "float32"
    assert result_type("int8", "int32", float) == "float32"
    assert result_type("float16", float, int, bool) == "float16"


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float8_e5m2", "int4", "bool"])
def test_numpy_dtypes(name):
    assert numpy_dtype(name).name == name
