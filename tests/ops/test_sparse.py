"""Sparse matrices: what stays sparse, and that every result is that of the dense matrix."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from jax.experimental.sparse import BCOO

from cornu import ops
from cornu.core.symbolic import KerasTensor
from cornu.ops.sparse import KEEP_ZERO

DENSE = np.array([[0, 0.5, 0], [0.25, 0, -0.75]], "float32")
FACTOR = np.arange(1.0, 7.0, dtype="float32").reshape(2, 3)
WEIGHTS = np.arange(12.0, dtype="float32").reshape(3, 4)


def doubled():
    """The matrix with a place that stands in it twice."""
    places = jnp.array([[0, 1], [0, 1], [1, 0], [1, 2]])
    return BCOO((jnp.array([0.25, 0.25, 0.25, -0.75]), places), shape=(2, 3))


def other():
    return BCOO.fromdense(np.array([[1.0, 0, 0], [0, 0, -2.0]], "float32"))


def dense(x):
    return np.asarray(x.todense() if isinstance(x, BCOO) else x)


STAY_SPARSE = {
    **{name: getattr(ops, name) for name in KEEP_ZERO},
    "cast": lambda x: ops.cast(x, "float16"),
    "add": lambda x: ops.add(x, other() if isinstance(x, BCOO) else dense(other())),
    "subtract": lambda x: ops.subtract(x, other() if isinstance(x, BCOO) else dense(other())),
    "maximum": lambda x: ops.maximum(x, other() if isinstance(x, BCOO) else dense(other())),
    "minimum": lambda x: ops.minimum(x, other() if isinstance(x, BCOO) else dense(other())),
    "multiply": lambda x: ops.multiply(x, other() if isinstance(x, BCOO) else dense(other())),
    "multiply by an array": lambda x: ops.multiply(x, FACTOR),
    "array times": lambda x: ops.multiply(FACTOR, x),
    "multiply by a row": lambda x: ops.multiply(x, FACTOR[0]),
    "multiply by a number": lambda x: ops.multiply(x, 3),
    "divide by an array": lambda x: ops.divide(x, FACTOR),
    "divide by a number": lambda x: ops.true_divide(x, 2.0),
    "transpose": ops.transpose,
    "reshape": lambda x: ops.reshape(x, (3, -1)),
    "expand_dims": lambda x: ops.expand_dims(x, 1),
    "squeeze": lambda x: ops.squeeze(ops.expand_dims(x, 1), 1),
    "concatenate": lambda x: ops.concatenate([x, x], axis=1),
    "sum": ops.sum,
    "sum over rows": lambda x: ops.sum(x, axis=1),
    "sum over both axes": lambda x: ops.sum(x, axis=(0, -1), keepdims=True),
    "sum with its axis": lambda x: ops.sum(x, 0, keepdims=True),
    "sum of small integers": lambda x: ops.sum(ops.cast(ops.multiply(x, 8), "int8"), axis=-1),
    "mean": ops.mean,
    "mean over columns": lambda x: ops.mean(x, axis=0),
    "mean of integers": lambda x: ops.mean(ops.cast(ops.multiply(x, 8), "int32"), axis=[1]),
    "a row": lambda x: ops.get_item(x, 1),
    "a column, negative": lambda x: ops.get_item(x, (slice(None), -1)),
    "slices and a new axis": lambda x: ops.get_item(x, (..., None, slice(0, 2))),
    "complex numbers": lambda x: ops.view_as_complex(ops.reshape(x, (3, 2))),
    "rearrange": lambda x: ops.rearrange(x, "a b -> b a"),
    "rearrange in groups": lambda x: ops.rearrange(x, "a b -> (b a)"),
}


@pytest.mark.parametrize("name", STAY_SPARSE)
def test_stays_sparse(name):
    got, expected = STAY_SPARSE[name](doubled()), STAY_SPARSE[name](DENSE)
    assert isinstance(got, BCOO)
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(dense(got), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "fn",
    [
        ops.exp,
        ops.relu,
        ops.softmax,
        lambda x: ops.max(x, axis=1),
        lambda x: ops.get_item(x, np.array([1, 0])),
        lambda x: ops.add(x, 1.0),
        lambda x: ops.multiply(x, np.ones((4, 2, 3), "float32")),
        lambda x: ops.where(ops.greater(x, 0), x, -1.0),
        lambda x: ops.matmul(x, WEIGHTS),
        lambda x: ops.matmul(WEIGHTS.T, ops.transpose(x)),
        lambda x: ops.convert_to_tensor(x),
    ],
)
def test_becomes_dense(fn):
    got = fn(doubled())
    assert isinstance(got, jax.Array)
    np.testing.assert_allclose(got, fn(DENSE), rtol=1e-6)


def test_products():
    both = ops.matmul(doubled(), BCOO.fromdense(WEIGHTS))
    assert isinstance(both, BCOO)
    np.testing.assert_allclose(dense(both), DENSE @ WEIGHTS, rtol=1e-6)
    gradient = jax.grad(lambda w: ops.sum(ops.matmul(doubled(), w)))(WEIGHTS)
    np.testing.assert_allclose(gradient, DENSE.T @ np.ones((2, 4)), rtol=1e-6)
    compiled = jax.jit(lambda x: ops.matmul(ops.abs(x), WEIGHTS))(doubled())
    np.testing.assert_allclose(compiled, np.abs(DENSE) @ WEIGHTS, rtol=1e-6)


SYMBOLIC = {
    "abs": lambda o, x, y: o.abs(x),
    "exp": lambda o, x, y: o.exp(x),
    "max": lambda o, x, y: o.max(x, axis=1),
    "add": lambda o, x, y: o.add(x, x),
    "add dense": lambda o, x, y: o.add(x, y),
    "multiply": lambda o, x, y: o.multiply(y, x),
    "scale": lambda o, x, y: o.multiply(x, 2.0),
    "divide": lambda o, x, y: o.divide(x, y),
    "divide dense": lambda o, x, y: o.divide(y, x),
    "minimum": lambda o, x, y: o.minimum(x, x),
    "sum": lambda o, x, y: o.sum(x, axis=1),
    "mean": lambda o, x, y: o.mean(x),
    "transpose": lambda o, x, y: o.transpose(x),
    "reshape": lambda o, x, y: o.reshape(x, (3, -1)),
    "expand_dims": lambda o, x, y: o.expand_dims(x, 1),
    "matmul": lambda o, x, y: o.matmul(x, o.transpose(x)),
    "matmul dense": lambda o, x, y: o.matmul(x, o.transpose(y)),
    "concatenate": lambda o, x, y: o.concatenate([x, x], axis=1),
}


@pytest.mark.parametrize("name", SYMBOLIC)
def test_symbolic_tensors_know_what_stays_sparse(name):
    made = [
        SYMBOLIC[name](library, tensor((None, 3), sparse=True), tensor((None, 3)))
        for library, tensor in ((ops, KerasTensor), (keras.ops, keras.KerasTensor))
    ]
    assert made[0].sparse == made[1].sparse
    assert made[0].shape == made[1].shape


def test_what_stays_sparse_in_keras_does():
    for call in (
        lambda o, x: o.sum(x, axis=1),
        lambda o, x: o.mean(x),
        lambda o, x: o.get_item(x, 0),
        lambda o, x: o.rearrange(x, "a b -> b a"),
        lambda o, x: o.view_as_complex(o.reshape(x, (3, 2))),
    ):
        got, expected = call(ops, other()), call(keras.ops, other())
        assert type(got) is type(expected) is BCOO
        assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(dense(got), dense(expected))
    with pytest.raises(IndexError, match="no element 2 along axis 0"):
        ops.get_item(other(), 2)
