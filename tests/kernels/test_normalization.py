"""Moments and layer normalization against numpy in float64 and against autodiff."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from cornu.kernels.normalization import layer_norm, moments, reciprocal_root
from cornu.kernels.platform import targeting


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape).astype("float32"))


@pytest.mark.parametrize("axes", [0, -1, (0, 1, 2), (1, 3), ()])
@pytest.mark.parametrize("keepdims", [False, True])
def test_moments_equal_numpy(axes, keepdims):
    x = normal(6, 5, 20, 3)
    mean, variance = moments(x, axes, keepdims)
    exact = np.asarray(x, "float64")
    # sums of a few hundred float32 numbers
    np.testing.assert_allclose(mean, exact.mean(axes, keepdims=keepdims), atol=1e-6)
    np.testing.assert_allclose(variance, exact.var(axes, keepdims=keepdims), atol=1e-5)


@pytest.mark.parametrize(
    "shift", ["far", "first element far", "first rows far", "last rows far", "constant"]
)
def test_the_variance_keeps_its_digits(shift):
    x = np.random.default_rng(0).normal(size=(4000, 2)).astype("float32")
    if shift == "far":
        x += 10_000
    elif shift == "first element far":
        x[0] += 10_000
    elif shift == "first rows far":
        x[:250] += 1000
    elif shift == "last rows far":
        x[-250:] += 1000
    else:
        x[:] = 0.1
    exact = x.astype("float64").var(0)
    variance = np.asarray(moments(jnp.asarray(x), 0)[1])
    # the trial mean costs at most four of the 24 bits; a plain one pass would be off by 100 %
    np.testing.assert_allclose(variance, exact, rtol=5e-5, atol=1e-12)
    assert (variance >= 0).all()


def test_gradient_of_the_moments():
    x, weight = normal(8, 4, 6) + 3, normal(6, seed=1)

    def loss(x):
        mean, variance = moments(x, (0, 1))
        return (weight * mean + weight**2 * variance).sum()

    got = jax.grad(loss)(x)
    with targeting("gpu"):
        wanted = jax.grad(loss)(x)
    np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_second_and_forward_derivatives_of_the_moments():
    x, direction = normal(40, 3) + 3, normal(40, 3, seed=1)

    def loss(x):
        mean, variance = moments(x, 0)
        return (mean**3 + variance**2).sum()

    def derivatives():
        slope = jax.jvp(loss, (x,), (direction,))[1]
        return slope, jax.jvp(jax.grad(loss), (x,), (direction,))[1]

    got = derivatives()
    with targeting("gpu"):
        wanted = derivatives()
    for g, w in zip(got, wanted, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-5)


def test_the_variance_of_equal_numbers_has_no_slope():
    slope = jax.grad(lambda x: moments(x, 0)[1].sum())(jnp.full((64, 2), 0.1))
    np.testing.assert_allclose(slope, 0, atol=1e-8)


def test_derivatives_of_the_reciprocal_root():
    x = jnp.asarray([1e-8, 1e-3, 1.0, 7.0, 1e6], "float32")
    assert (reciprocal_root(x) == lax.rsqrt(x)).all()
    exact = np.asarray(x, "float64")
    slope = jax.vmap(jax.grad(reciprocal_root))(x)
    np.testing.assert_allclose(slope, -0.5 * exact**-1.5, rtol=1e-6)
    bend = jax.vmap(jax.grad(jax.grad(reciprocal_root)))(x)
    np.testing.assert_allclose(bend, 0.75 * exact**-2.5, rtol=1e-6)


@pytest.mark.parametrize("affine", [True, False])
def test_layer_norm_values_and_gradients(affine):
    x, scale, offset = 2 * normal(4, 5, 16) + 1, normal(16, seed=1), normal(16, seed=2)
    if not affine:
        scale = offset = None
    numbers = (0, 1, 2) if affine else (0,)

    def loss(x, scale, offset):
        return (layer_norm(x, scale, offset, 1e-3) ** 3).sum()

    y = layer_norm(x, scale, offset, 1e-3)
    exact = np.asarray(x, "float64")
    exact = (exact - exact.mean(-1, keepdims=True)) / np.sqrt(exact.var(-1, keepdims=True) + 1e-3)
    exact = exact * np.asarray(scale) + np.asarray(offset) if affine else exact
    np.testing.assert_allclose(y, exact, atol=1e-5)
    got = jax.grad(loss, numbers)(x, scale, offset)
    with targeting("gpu"):
        wanted = jax.grad(loss, numbers)(x, scale, offset)
    for mine, theirs in zip(got, wanted, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=2e-5 * np.abs(theirs).max())


def test_layer_norm_in_every_mode_of_differentiation():
    x, t = normal(3, 8), normal(3, 8, seed=1)
    loss = lambda x: (layer_norm(x, None, None, 1e-3) ** 3).sum()  # noqa: E731
    results = []
    for name in ("cpu", "gpu"):
        with targeting(name):
            tangent = jax.jvp(loss, (x,), (t,))[1]
            second = jax.grad(lambda x: jnp.square(jax.grad(loss)(x)).sum())(x)
            step = lambda _, x: x - 0.01 * jax.grad(loss)(x)  # noqa: E731
            looped = jax.jit(lambda x, step=step: lax.fori_loop(0, 3, step, x))(x)
            results.append((tangent, second, looped))
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4 * max(1, np.abs(theirs).max()))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_sums_in_float32(dtype):
    x = (normal(4, 2048) + 8).astype(dtype)
    mean, variance = moments(x, -1)
    assert mean.dtype == variance.dtype == jnp.float32
    exact = np.asarray(x.astype("float32"), "float64")
    np.testing.assert_allclose(mean, exact.mean(-1), rtol=1e-6)
    np.testing.assert_allclose(variance, exact.var(-1), rtol=1e-4)
    assert layer_norm(x, None, None, 1e-3).dtype == dtype


def test_symbolic_batch():
    spec = jax.ShapeDtypeStruct(jax.export.symbolic_shape("b, 8"), jnp.float32)

    def run(x):
        return layer_norm(x, None, None, 1e-3), *moments(x, 0)

    exported = jax.export.export(jax.jit(run))(spec)
    x = normal(3, 8)
    for mine, theirs in zip(exported.call(x), run(x), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
