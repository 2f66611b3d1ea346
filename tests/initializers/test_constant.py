"""Initializers without chance."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu import initializers


def test_constant_keeps_integers_and_bools():
    assert initializers.Constant(3)((2,), "int32").tolist() == [3, 3]
    assert initializers.Ones()((2,), "bool").tolist() == [True, True]


def test_constant_of_another_shape_says_both():
    with pytest.raises(ValueError, match=r"shape of the weight, \(3,\), got .*\(2,\)"):
        initializers.Constant([1.0, 2.0])((3,))


def test_an_array_is_taken_as_the_value_itself():
    value = np.arange(4.0).reshape(2, 2)
    initializer = initializers.get(value)
    assert initializer((2, 2)).tolist() == value.tolist()
    with pytest.raises(ValueError, match="must have the shape of the weight"):
        initializer((4,))


def test_the_names_of_older_files_are_read():
    config = {
        "module": "keras.initializers",
        "class_name": "OrthogonalInitializer",
        "config": {"gain": 2.0, "seed": 3},
        "registered_name": None,
    }
    assert initializers.get(config).gain == 2.0
    assert initializers.deserialize(config).seed == 3


def test_nothing_is_compiled(caplog):
    with jax.log_compiles():
        for name in ("zeros", "ones", "he_normal", "glorot_uniform", "orthogonal"):
            assert initializers.get(name)((7, 11)).shape == (7, 11)
    assert "Compiling" not in caplog.text
    with jax.log_compiles():
        jnp.zeros((7, 13))
    assert "Compiling" in caplog.text
