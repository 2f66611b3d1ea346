"""Reductions of formulas: the same numbers and gradients, whoever computes the formula."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu import ops
from cornu.kernels.platform import targeting
from cornu.kernels.reduce import apart

X = np.random.default_rng(0).normal(size=(4, 5, 6, 1)).astype("float32")


@pytest.mark.parametrize("axis", [None, -1, (1, 2), 0])
def test_numbers_and_gradients_are_those_of_jax(axis):
    def ours(x):
        return (ops.mean(ops.sigmoid(x), axis) * 3).sum()

    def plain(x):
        return (jnp.mean(jax.nn.sigmoid(x), axis) * 3).sum()

    for got, wanted in zip(
        jax.jit(jax.value_and_grad(ours))(X), jax.value_and_grad(plain)(X), strict=True
    ):
        np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_what_is_not_finite_stays_so():
    x = jnp.asarray([[1.0], [np.inf], [np.nan], [1e-45]])
    np.testing.assert_array_equal(jax.jit(apart)(x), x)


def steps(x):
    fresh = lambda x: apart(x)  # noqa: E731 - jax keeps what it traced by function
    return [step.primitive.name for step in jax.make_jaxpr(fresh)(x).eqns]


def test_only_where_it_pays():
    assert steps(X) == ["reduce_precision"]
    assert steps(X[..., 0]) == []
    assert steps(X[0, 0, 0]) == []  # one axis
    assert steps(X.astype("float16")) == []
    assert apart(X) is X  # no program
    with targeting("gpu"):
        assert steps(X) == []
