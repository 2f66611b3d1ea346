"""Products of many rows against the plain form: values, gradients, and when they are used."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cornu as keras
from cornu.kernels import rows
from cornu.kernels.platform import targeting
from cornu.kernels.rows import rows_product, tall_product


def normal(shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def assert_near(got, wanted):
    assert got.shape == wanted.shape and got.dtype == wanted.dtype
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)


def test_products_with_tall_sides():
    a, b, g = normal((50, 7)), normal((7, 3), 1), normal((50, 3), 2)
    assert_near(tall_product(a, g), a.T @ g)
    assert_near(tall_product(g, a), g.T @ a)
    y, pull = jax.vjp(rows_product, a, b)
    assert_near(y, a @ b)
    for mine, wanted in zip(pull(g), (g @ b.T, a.T @ g), strict=True):
        assert_near(mine, wanted)


CASES = [
    ("...i,io->...o", (16, 64, 5), (5, 3)),
    ("btd,dhk->bthk", (32, 32, 6), (6, 2, 3)),
    ("bthk,hkd->btd", (32, 32, 2, 3), (2, 3, 4)),
]


@pytest.mark.parametrize(("subscripts", "x", "w"), CASES)
def test_einsum_of_many_rows(subscripts, x, w):
    x, w = normal(x), normal(w, 1)
    y, pull = jax.vjp(lambda x, w: rows.einsum(subscripts, x, w), x, w)
    wanted, plain_pull = jax.vjp(lambda x, w: jnp.einsum(subscripts, x, w), x, w)
    assert_near(y, wanted)
    g = normal(y.shape, 2)
    for mine, plain in zip(pull(g), plain_pull(g), strict=True):
        assert_near(mine, plain)


@pytest.mark.parametrize(
    ("subscripts", "x", "w", "why"),
    [
        ("btd,dk->btk", (4, 8, 3), (3, 2), "few rows"),
        ("btd,dk->bkt", (32, 64, 3), (3, 2), "axes change places"),
        ("btd,bdk->btk", (32, 64, 3), (32, 3, 2), "a product for each sample"),
        ("bd,dk->bk", (2048, 3), (3, 2), "one leading axis"),
    ],
)
def test_other_products_are_left_to_jax(subscripts, x, w, why):
    assert rows.einsum(subscripts, normal(x), normal(w)) is None, why


def test_other_dtypes_sizes_and_machines_are_left_to_jax():
    x, w = normal((32, 64, 3)), normal((3, 2))
    assert rows.matmul(x, w) is not None
    assert rows.matmul(x.astype("bfloat16"), w.astype("bfloat16")) is None
    assert rows.matmul(x[:1, :5], w) is None
    assert rows.matmul(x, normal((4, 2))) is None
    with targeting("gpu"):
        assert rows.matmul(x, w) is None


def test_a_gradient_of_a_gradient():
    x, w = normal((16, 64, 3)), normal((3, 2), 1)

    def penalty(product):
        inner = jax.grad(lambda x, w: jnp.sum(product(x, w) ** 3))
        return jax.grad(lambda w: jnp.mean(inner(x, w) ** 2))(w)

    assert_near(penalty(rows.matmul), penalty(jnp.matmul))


def test_dense_over_many_time_steps():
    layer = keras.layers.Dense(4)
    x = np.random.default_rng(0).normal(size=(32, 64, 3)).astype("float32")
    y = layer(x)
    np.testing.assert_allclose(y, x @ layer.kernel.numpy(), rtol=1e-4, atol=1e-5)
