"""Resizing by taps beside the products of JAX: values and derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu.kernels.platform import targeting
from cornu.kernels.resize import resize

X = np.random.default_rng(0).normal(size=(2, 7, 10, 3)).astype("float32")


@pytest.mark.parametrize("method", ["linear", "cubic", "lanczos3", "nearest"])
@pytest.mark.parametrize(
    ("size", "antialias"), [((5, 23), False), ((5, 6), True), ((1, 1), True), ((7, 1), False)]
)
def test_values_are_those_of_jax(method, size, antialias):
    found = resize(jnp.asarray(X), size, method, antialias)
    expected = jax.image.resize(X, (2, *size, 3), method, antialias=antialias)
    np.testing.assert_allclose(found, expected, atol=2e-6, rtol=1e-5)


def test_derivatives_in_both_modes():
    def of(platform):
        def loss(x):
            return jnp.sum(jnp.sin(resize(x, (4, 17), "cubic", False)))

        with targeting(platform):
            return (
                jax.grad(loss)(X),
                jax.jvp(loss, (X,), (X * 2,)),
                jax.hessian(loss)(X[:1, :2, :2]),
            )

    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), of("cpu"), of("gpu"))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_floats_are_summed_in_float32(dtype):
    x = jnp.asarray(X, dtype)
    found = resize(x, (9, 5), "linear", False)
    assert found.dtype == dtype
    exact = resize(x.astype("float32"), (9, 5), "linear", False)
    np.testing.assert_array_equal(found, exact.astype(dtype))


def test_no_images_and_unknown_sizes():
    assert resize(jnp.zeros((0, 4, 4, 3)), (2, 2), "linear", False).shape == (0, 2, 2, 3)
    n = jax.export.symbolic_shape("n")[0]
    struct = jax.ShapeDtypeStruct((n, 4, 4, 3), "float32")
    out = jax.eval_shape(lambda x: resize(x, (2, 2), "linear", False), struct)
    assert out.shape[1:] == (2, 2, 3)
