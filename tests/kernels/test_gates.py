"""The rational `tanh` of the time loops against numpy in float64.

Tolerance: 3e-7 of the value, two and a half units of the last place of float32; jax's own is as
far off.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu.kernels.gates import sigmoid, tanh
from cornu.kernels.platform import targeting

WIDE = np.concatenate([np.linspace(-12, 12, 200_001), np.logspace(-30, 0, 50_001)])


def logistic(x):
    return 1 / (1 + np.exp(-x))


def test_tanh_is_right_to_float32_and_never_beyond_one():
    x = WIDE.astype("float32")
    got, wanted = np.asarray(jax.jit(tanh)(x), "float64"), np.tanh(x.astype("float64"))
    assert (np.abs(got - wanted) <= 3e-7 * np.abs(wanted)).all()
    assert np.abs(got).max() <= 1
    assert (np.asarray(jax.jit(tanh)(-x)) == -got).all()


def test_sigmoid_is_right_to_float32_and_stays_between_zero_and_one():
    x = 2 * WIDE.astype("float32")
    got = np.asarray(jax.jit(sigmoid)(x), "float64")
    assert np.abs(got - logistic(x.astype("float64"))).max() <= 2e-7
    assert got.min() >= 0 and got.max() <= 1


@pytest.mark.parametrize("function", [tanh, sigmoid])
def test_infinities_and_nan(function):
    edge = jnp.array([-jnp.inf, jnp.inf, jnp.nan])
    low, high, nothing = np.asarray(function(edge))
    assert abs(low - (-1 if function is tanh else 0)) <= 2e-7
    assert abs(high - 1) <= 2e-7
    assert np.isnan(nothing)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("mine, theirs", [(tanh, jnp.tanh), (sigmoid, jax.nn.sigmoid)])
def test_derivatives(mine, theirs, order):
    x = jnp.linspace(-12, 12, 501)
    for _ in range(order):
        mine, theirs = jax.grad(mine), jax.grad(theirs)
    np.testing.assert_allclose(jax.vmap(mine)(x), jax.vmap(theirs)(x), atol=2e-6)


def test_other_types_and_platforms_use_what_jax_has():
    x = jnp.linspace(-3, 3, 101)
    half = x.astype(jnp.bfloat16)
    assert (tanh(half) == jnp.tanh(half)).all() and tanh(half).dtype == jnp.bfloat16
    with targeting("gpu"):
        assert (tanh(x) == jnp.tanh(x)).all() and (sigmoid(x) == jax.nn.sigmoid(x)).all()
    with jax.enable_x64(True):
        exact = jnp.linspace(-3, 3, 101, dtype="float64")
        assert np.abs(tanh(exact) - np.tanh(np.asarray(exact))).max() < 1e-14
