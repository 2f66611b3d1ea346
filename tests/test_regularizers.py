"""Regularizers by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from cornu import regularizers


def test_penalties():
    x = jnp.array([[1.0, -2.0], [3.0, 0.0]])
    np.testing.assert_allclose(regularizers.L1(0.1)(x), 0.6, 1e-6)
    np.testing.assert_allclose(regularizers.L2(0.1)(x), 1.4, 1e-6)
    np.testing.assert_allclose(regularizers.L1L2(0.1, 0.2)(x), 3.4, 1e-6)
    assert float(regularizers.L1L2()(x)) == 0.0


def test_orthogonal_rows_cost_nothing():
    x = jnp.array([[3.0, 4.0], [-4.0, 3.0]])
    assert float(regularizers.OrthogonalRegularizer()(x)) < 1e-7
    assert float(regularizers.OrthogonalRegularizer(0.5)(jnp.ones((4, 2)))) == pytest.approx(0.5)


def test_factors_are_checked_and_named():
    with pytest.raises(ValueError, match="l2 must be a finite number >= 0, got -1"):
        regularizers.L2(-1)
    assert regularizers.L2(np.float32(0.5)).get_config() == {"l2": 0.5}


def test_a_class_of_ones_own():
    class Cube(regularizers.Regularizer):
        def __init__(self, factor):
            self.factor = factor

        def __call__(self, x):
            return self.factor * (abs(x) ** 3).sum()

    cube = Cube(2.0)
    assert Cube.from_config(cube.get_config()).factor == 2.0
    assert regularizers.get(cube) is cube
