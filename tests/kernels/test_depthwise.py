"""Depthwise convolution against XLA's grouped convolution.

Tolerance: sums of a few hundred float32 products in another order; 2e-5 of the largest value.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from cornu.kernels.depthwise import depthwise_conv
from cornu.kernels.platform import targeting
from kernels.side_by_side import (
    as_written,
    assert_near,
    assert_same_values_and_gradients,
    optimized,
)


def normal(shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def plain(*arguments):
    with targeting("gpu"):
        return depthwise_conv(*arguments)


CASES = {
    # name: x, kernel, strides, padding, dilation
    "3x3 same": ((2, 7, 6, 4), (3, 3, 4, 1), 1, "same", 1),
    "3x3 valid": ((2, 7, 6, 4), (3, 3, 4, 1), 1, "valid", 1),
    "images side by side": ((6, 7, 6, 16), (3, 3, 16, 1), 1, "same", 1),
    "a batch that does not divide": ((7, 7, 6, 16), (3, 3, 16, 1), 1, "same", 1),
    "stride 2": ((2, 7, 8, 12), (3, 3, 12, 1), 2, "same", 1),
    "two strides": ((2, 7, 9, 4), (2, 3, 4, 1), (1, 3), "valid", 1),
    "dilation": ((2, 9, 9, 4), (3, 3, 4, 1), 1, "same", 2),
    "multiplier": ((2, 7, 6, 4), (3, 3, 4, 3), 1, "same", 1),
    "explicit pads": ((2, 5, 6, 4), (3, 3, 4, 1), 2, ((4, 0), (1, 3)), 1),
    "1-D causal": ((2, 9, 4), (3, 4, 2), 1, "causal", 2),
    "3-D": ((2, 5, 4, 6, 3), (3, 2, 3, 3, 1), 1, "same", 1),
    "many taps": ((1, 12, 12, 2), (9, 9, 2, 1), 1, "same", 1),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_equal_plain_xla(name):
    x_shape, w_shape, *options = CASES[name]
    x, w = normal(x_shape), normal(w_shape, 1)
    assert_same_values_and_gradients(
        lambda x, w: depthwise_conv(x, w, *options), lambda x, w: plain(x, w, *options), x, w
    )


def test_inside_a_loop():
    x, w = normal((2, 7, 6, 4)), normal((3, 3, 4, 1), 1)

    def descend(fn):
        step = lambda _, w: w - 1e-3 * jax.grad(lambda w: jnp.square(fn(x, w, 2, "same")).sum())(w)  # noqa: E731
        return lambda w: lax.fori_loop(0, 3, step, w)

    assert_near(optimized(descend(depthwise_conv), w), as_written(descend(plain), w))


@pytest.mark.parametrize("strides", [1, 2])
def test_gradient_of_a_gradient(strides):
    x, w = normal((2, 6, 6, 12)), normal((3, 3, 12, 1), 1)

    def penalty(fn):
        inner = jax.grad(lambda x, w: jnp.sum(fn(x, w, strides, "same") ** 3), argnums=(0, 1))
        total = lambda x, w: sum(jnp.mean(g**2) for g in inner(x, w))  # noqa: E731
        return jax.grad(total, argnums=(0, 1))

    got, wanted = optimized(penalty(depthwise_conv), x, w), as_written(penalty(plain), x, w)
    for mine, theirs in zip(got, wanted, strict=True):
        assert_near(mine, theirs, 2e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_as_good_as_its_last_digit(dtype):
    x, w = normal((2, 6, 6, 4)).astype(dtype), normal((3, 3, 4, 1), 1).astype(dtype)
    same = lambda fn: lambda x, w: fn(x, w, 1, "same")  # noqa: E731
    exact = as_written(same(plain), x.astype("float32"), w.astype("float32"))
    got = optimized(same(depthwise_conv), x, w)
    assert got.dtype == dtype
    assert_near(got.astype("float32"), exact, float(jnp.finfo(dtype).eps))


def test_vmap_and_symbolic_batch():
    x, w = normal((3, 2, 6, 6, 4)), normal((3, 3, 4, 1), 1)
    together = jax.vmap(lambda x: depthwise_conv(x, w))(x)
    assert_near(together[1], depthwise_conv(x[1], w))
    spec = jax.ShapeDtypeStruct(jax.export.symbolic_shape("b, 6, 6, 4"), jnp.float32)
    exported = jax.export.export(jax.jit(lambda x: depthwise_conv(x, w, 2, "same")))(spec)
    assert_near(exported.call(x[0]), depthwise_conv(x[0], w, 2, "same"))
