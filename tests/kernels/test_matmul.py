"""Products of bfloat16 arrays: values and gradients against float32, and what is compiled."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cornu as keras
from cornu import layers, ops
from cornu.kernels import matmul as products
from cornu.kernels.platform import targeting

random = np.random.default_rng(0)


def draw(*shape):
    return jnp.asarray(random.normal(size=shape), "bfloat16")


ROWS = [
    ("ij,jk->ik", (5, 6), (6, 7)),
    ("ab,cb->ca", (3, 4), (5, 4)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("...x,xy->...y", (2, 3, 4), (4, 5)),
    ("abc,cde->abde", (3, 4, 8), (8, 2, 5)),
    ("abcd,cde->abe", (3, 4, 2, 5), (2, 5, 8)),
    ("btnh,bsnh->bnts", (2, 5, 3, 4), (2, 6, 3, 4)),
    ("bnts,bsnh->btnh", (2, 3, 5, 6), (2, 6, 3, 4)),
    ("i,j->ij", (3,), (4,)),
    ("ij,ij->", (3, 4), (3, 4)),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_values_and_gradients(row):
    subscripts, *shapes = row
    narrow = [draw(*shape) for shape in shapes]
    wide = [x.astype("float32") for x in narrow]
    y, back = jax.vjp(lambda a, b: products.einsum(subscripts, a, b), *narrow)
    expected, plain_back = jax.vjp(lambda a, b: jnp.einsum(subscripts, a, b), *wide)
    assert y.dtype == "bfloat16"
    g = draw(*y.shape)
    found = [y, *back(g)]
    wanted = [expected, *plain_back(g.astype("float32"))]
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape
        # the sums are exact to float32: what is lost is the rounding to 8 bits at the end
        np.testing.assert_allclose(a.astype("float32"), b, rtol=2**-8, atol=1e-5)


def test_gradients_of_gradients():
    x, w = jnp.ones((4, 3), "bfloat16"), jnp.ones((3, 2), "bfloat16")

    def slope(w):
        return jax.grad(lambda w: jnp.sum(products.matmul(x, w).astype("float32")) ** 2)(w)

    second = jax.grad(lambda w: jnp.sum(slope(w).astype("float32")))(w)
    assert second.tolist() == [[192.0, 192.0]] * 3  # 2 * 4 * 24


def test_batches_by_vmap():
    x = draw(2, 4, 3)
    found = jax.vmap(lambda a: products.einsum("ij,ik->jk", a, a))(x)
    np.testing.assert_array_equal(found[1], products.einsum("ij,ik->jk", x[1], x[1]))


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ii,ij->ij", [(3, 3), (3, 4)]),  # a diagonal
        ("ij,jk->k", [(3, 4), (4, 2)]),  # a letter summed in one operand alone
        ("ij,jk", [(3, 4), (4, 2)]),  # no result named
        ("...i,...i->...", [(2, 3), (4, 2, 3)]),  # axes that are broadcast
        ("ij,jk->ik", [(3, 1), (4, 2)]),
    ],
)
def test_left_to_jax(subscripts, shapes):
    assert products.einsum(subscripts, *(draw(*shape) for shape in shapes)) is None


def test_left_to_jax_by_dtype_and_machine():
    x = draw(3, 3)
    wide = x.astype("float32")
    assert products.matmul(wide, wide) is None
    assert products.matmul(x, wide) is None
    assert products.matmul(x[0], x) is None
    with targeting("gpu"):
        assert products.matmul(x, x) is None
    assert ops.matmul(x, wide).dtype == "float32"
    assert ops.matmul(draw(2, 1, 3, 4), draw(5, 4, 2)).shape == (2, 5, 3, 2)


# ---- what is compiled ---------------------------------------------------------------------------


def dots(jaxpr):
    """The dtypes of all products in a program: `(left, right, result)`."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            yield tuple(str(v.aval.dtype) for v in (*equation.invars, *equation.outvars))
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from dots(inner)


def attending():
    x = keras.Input((6, 8))
    y = layers.MultiHeadAttention(2, 4, dtype="mixed_bfloat16")(x, x)
    return keras.Model(x, y), (3, 6, 8), 3 * 6 + 1  # four projections, scores twice, values


def einsum_dense():
    x = keras.Input((6, 8))
    y = layers.EinsumDense("abc,cde->abde", (None, 2, 5), dtype="mixed_bfloat16")(x)
    return keras.Model(x, y), (3, 6, 8), 3


def dense():
    x = keras.Input((8,))
    y = layers.Dense(7, "relu", dtype="mixed_bfloat16")(x)
    return keras.Model(x, layers.Dense(3, dtype="bfloat16")(y)), (5, 8), 2 * 3


@pytest.mark.parametrize("build", [dense, einsum_dense, attending])
def test_all_products_of_a_training_step_are_narrow(build):
    model, shape, count = build()

    def loss(trainable, x):
        y, _ = model.stateless_call(trainable, [v.value for v in model.non_trainable_variables], x)
        return jnp.sum(jnp.square(y.astype("float32")))

    values = [v.value for v in model.trainable_variables]
    program = jax.make_jaxpr(jax.value_and_grad(loss, (0, 1)))(values, jnp.ones(shape))
    found = list(dots(program.jaxpr))
    assert set(found) == {("bfloat16", "bfloat16", "float32")}
    assert len(found) == count  # each forward, and to each of the two operands
