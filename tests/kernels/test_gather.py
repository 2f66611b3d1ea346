"""Lookups and segment sums against numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from cornu import ops
from cornu.kernels.gather import one_hot_rows, segment_sum


def lookup(table, ids):
    """Rows of a table, as `Embedding` looks them up."""
    return ops.take(table, ids, axis=0)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_lookup_and_its_gradient():
    table, ids = normal(7, 3), np.array([[0, 6, 2], [2, 2, -1]])
    got, pull = jax.vjp(lambda t: lookup(t, ids), table)
    np.testing.assert_array_equal(got, table[ids])
    g = normal(2, 3, 3, seed=1)
    wanted = np.zeros_like(table)
    np.add.at(wanted, ids, g)
    # three float32 numbers in any order
    np.testing.assert_allclose(pull(g)[0], wanted, atol=1e-6)


def test_rows_outside_the_table_are_never_silent():
    rows = jax.jit(lookup)(normal(4, 2), jnp.array([3, 4, -4, -5]))
    assert np.isnan(rows[:, 0]).tolist() == [False, True, False, True]
    gradient = jax.grad(lambda t: lookup(t, jnp.array([1, 9])).sum())(jnp.ones((4, 2)))
    assert gradient[:, 0].tolist() == [0, 1, 0, 0]


def test_lookup_trains_inside_a_loop():
    table, ids = jnp.asarray(normal(7, 3)), jnp.array([1, 1, 5])
    loss = lambda t: jnp.square(lookup(t, ids)).sum()  # noqa: E731
    step = lambda _, t: t - 0.1 * jax.grad(loss)(t)  # noqa: E731
    got = lax.fori_loop(0, 2, step, table)
    # row 1 is read twice: each step keeps 1 - 0.4 of it; row 5 keeps 1 - 0.2
    factor = np.ones((7, 1))
    factor[1], factor[5] = 0.36, 0.64
    np.testing.assert_allclose(got, table * factor, rtol=1e-5)


def test_one_hot_rows():
    got = one_hot_rows(jnp.array([[2, 0], [3, -1]]), 3, jnp.float16)
    assert got.dtype == jnp.float16
    assert got.tolist() == [[[0, 0, 1], [1, 0, 0]], [[0, 0, 0], [0, 0, 0]]]


@pytest.mark.parametrize("columns", [(), (4,), (2, 3)])
def test_segment_sum(columns):
    values, segments = normal(6, *columns), np.array([0, 2, 2, -1, 5, 0])
    got, pull = jax.vjp(lambda v: segment_sum(v, jnp.asarray(segments), 4), values)
    wanted = np.stack([values[segments == n].sum(0) for n in range(4)])
    np.testing.assert_allclose(got, wanted, atol=1e-6)
    g = normal(4, *columns, seed=1)
    inside = (segments >= 0) & (segments < 4)
    expected = np.where(inside.reshape(-1, *[1] * len(columns)), g[segments % 4], 0)
    np.testing.assert_array_equal(pull(g)[0], expected)


def test_symbolic_number_of_ids():
    table = normal(7, 3)
    spec = jax.ShapeDtypeStruct(jax.export.symbolic_shape("b, t"), jnp.int32)
    exported = jax.export.export(jax.jit(lambda ids: lookup(table, ids)))(spec)
    ids = np.array([[0, 6, 2]], "int32")
    np.testing.assert_array_equal(exported.call(ids), table[ids])
