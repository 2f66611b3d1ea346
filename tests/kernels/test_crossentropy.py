"""Cross-entropies against float64 numpy, at ordinary and at extreme logits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from cornu.kernels.crossentropy import (
    picked_is_max,
    sigmoid_crossentropy,
    softmax_crossentropy,
    softplus,
    sparse_softmax_crossentropy,
)
from kernels.side_by_side import as_written, optimized

LARGE = float(np.finfo("float32").max) / 4


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def exact_log_softmax(x):
    x = np.asarray(x, "float64")
    below = x - x.max(-1, keepdims=True)
    return below - np.log(np.exp(below).sum(-1, keepdims=True))


EXTREME = np.array(
    [
        [0, 0, 0],
        [LARGE, -LARGE, 0],
        [-LARGE, -LARGE, -LARGE],
        [1e6, 1e6 + 1, 1e6],
        [-1e-30, 1e-30, 0],
        [88, -88, 100],
    ],
    "float32",
)


@pytest.mark.parametrize("x", [3 * normal(6, 5), EXTREME], ids=["ordinary", "extreme"])
def test_sparse_labels(x):
    labels = np.arange(len(x)) % x.shape[-1]
    log_softmax = exact_log_softmax(x)
    wanted = -log_softmax[np.arange(len(x)), labels]
    got, pull = jax.vjp(lambda x: sparse_softmax_crossentropy(x, labels), x)
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-6)
    slope = np.exp(log_softmax) - np.eye(x.shape[-1])[labels]
    np.testing.assert_allclose(pull(jnp.ones(len(x)))[0], slope, atol=1e-6)


@pytest.mark.parametrize("x", [3 * normal(6, 5), EXTREME], ids=["ordinary", "extreme"])
def test_soft_targets(x):
    targets = np.random.default_rng(1).dirichlet(np.ones(x.shape[-1]), len(x)).astype("float32")
    targets[0] = 2 * np.eye(x.shape[-1])[1]  # rows need not sum to one
    log_softmax = exact_log_softmax(x)
    wanted = -(targets * log_softmax).sum(-1)
    got, pull = jax.vjp(softmax_crossentropy, x, targets)
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-6)
    dx, dt = pull(jnp.ones(len(x)))
    slope = np.exp(log_softmax) * targets.sum(-1, keepdims=True) - targets
    np.testing.assert_allclose(dx, slope, atol=2e-6)
    np.testing.assert_allclose(dt, -log_softmax, rtol=1e-6, atol=1e-6)


def test_sigmoid():
    x = np.concatenate([3 * normal(40), EXTREME.ravel(), np.array([-LARGE, -20, 1e-7], "float32")])
    for z in (0.0, 1.0, 0.3):
        z = np.full(x.shape, z, "float32")
        wide, target = x.astype("float64"), z.astype("float64")
        wanted = np.where(wide > 0, wide * (1 - target), -wide * target)
        wanted = wanted + np.log1p(np.exp(-np.abs(wide)))
        got, pull = jax.vjp(sigmoid_crossentropy, x, z)
        # relative also where the loss is tiny: a confident hit keeps its digits
        np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-37)
        dx, dz = pull(jnp.ones(x.shape))
        sigmoid = np.exp(-np.logaddexp(0, -wide))
        np.testing.assert_allclose(dx, sigmoid - target, atol=1e-6)
        np.testing.assert_allclose(dz, -x)


def test_softplus_and_its_slope():
    x = np.concatenate([np.linspace(-80, 80, 1601), [-LARGE, LARGE]]).astype("float32")
    np.testing.assert_allclose(softplus(x), np.logaddexp(0, x.astype("float64")), rtol=1e-6)
    slope = jax.grad(lambda x: softplus(x).sum())(x)
    np.testing.assert_allclose(slope, np.exp(-np.logaddexp(0, -x.astype("float64"))), atol=1e-6)
    assert slope[800] == 0.5


@pytest.mark.parametrize("dtype", ["int32", "uint8", "int8"])
def test_labels_outside_the_classes_are_never_silent(dtype):
    labels = np.array([2, 3, 100, 0], dtype)
    if dtype != "uint8":
        labels[2] = -1
    loss, pull = jax.vjp(lambda x: sparse_softmax_crossentropy(x, labels), jnp.zeros((4, 3)))
    assert np.isnan(loss).tolist() == [False, True, True, False]
    assert np.isnan(pull(jnp.ones(4))[0]).any(-1).tolist() == [False, True, True, False]
    assert picked_is_max(jnp.zeros((4, 3)), labels).tolist() == [False, False, False, True]


def test_narrow_labels_of_many_classes():
    x = normal(2, 700)
    labels = np.array([3, 200], "uint8")
    got = jax.grad(lambda x: sparse_softmax_crossentropy(x, labels).sum())(x)
    wanted = jax.grad(lambda x: sparse_softmax_crossentropy(x, labels.astype("int32")).sum())(x)
    np.testing.assert_array_equal(got, wanted)
    assert (got < 0).sum() == 2


def test_every_mode_of_differentiation():
    x, t = normal(4, 5), normal(4, 5, seed=1)
    labels = np.array([0, 4, 2, 2])
    plain = lambda x: -jnp.take_along_axis(jax.nn.log_softmax(x), labels[:, None], 1)[:, 0]  # noqa: E731
    mine = lambda x: sparse_softmax_crossentropy(x, labels)  # noqa: E731

    def results(fn):
        def run(x, t):
            step = lambda _, x: x - jax.grad(lambda x: fn(x).sum())(x)  # noqa: E731
            tangent = jax.jvp(fn, (x,), (t,))[1]
            hessian = jax.hessian(lambda x: fn(x).sum())(x)
            looped = lax.fori_loop(0, 3, step, x)
            mapped = jax.vmap(lambda s: fn(x * s))(jnp.array([1.0, 2.0]))
            return tangent, hessian, looped, mapped

        return run

    every = zip(optimized(results(mine), x, t), as_written(results(plain), x, t), strict=True)
    for got, wanted in every:
        np.testing.assert_allclose(got, wanted, atol=2e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_loses_only_the_last_rounding(dtype):
    x, labels = jnp.asarray(5 * normal(4, 300), dtype), np.arange(4)
    got = sparse_softmax_crossentropy(x, labels)
    exact = sparse_softmax_crossentropy(x.astype("float32"), labels)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, exact.astype(dtype))


def test_accuracy_counts_ties_as_argmax_does():
    x = np.random.default_rng(0).integers(0, 3, (500, 4)).astype("float32")
    labels = np.random.default_rng(1).integers(0, 4, 500)
    got = picked_is_max(x, labels)
    np.testing.assert_array_equal(got, x.argmax(-1) == labels)
    assert got.sum() > 50
    x[:, 0] = -np.inf
    np.testing.assert_array_equal(picked_is_max(x, labels), x.argmax(-1) == labels)
    assert not picked_is_max(np.full((1, 3), np.nan, "float32"), np.array([0])).any()


def test_symbolic_batch():
    shapes = jax.export.symbolic_shape("b, 5")
    spec = jax.ShapeDtypeStruct(shapes, jnp.float32), jax.ShapeDtypeStruct(shapes[:1], jnp.int32)

    def run(x, labels):
        gradient = jax.grad(lambda x: sparse_softmax_crossentropy(x, labels).sum())(x)
        return gradient, picked_is_max(x, labels)

    exported = jax.export.export(jax.jit(run))(*spec)
    x, labels = normal(3, 5), np.array([0, 4, 2], "int32")
    for mine, theirs in zip(exported.call(x, labels), run(x, labels), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)
