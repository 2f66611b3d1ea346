"""Convolutions against the plain XLA form, in values and gradients, alone and inside a loop.

Tolerance: a sum of up to a few thousand float32 products in another order differs by about 1e-6 of
the largest term; 2e-5 of the largest value leaves a margin.
"""

import itertools
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from cornu.kernels.conv import conv, conv_transpose
from cornu.kernels.platform import targeting
from cornu.kernels.window import LAYOUTS
from kernels.side_by_side import (
    as_written,
    assert_near,
    assert_same_values_and_gradients,
    optimized,
)


def normal(shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def plain(x, w, strides, padding, dilation, groups):
    if padding == "causal":
        padding = [((w.shape[0] - 1) * dilation, 0)]
    rank = x.ndim - 2
    return lax.conv_general_dilated(
        x,
        w,
        (strides,) * rank if isinstance(strides, int) else strides,
        padding.upper() if isinstance(padding, str) else padding,
        rhs_dilation=(dilation,) * rank,
        dimension_numbers=LAYOUTS[rank],
        feature_group_count=groups,
    )


CASES = {
    # name: x, kernel, strides, padding, dilation, groups
    "3x3 valid": ((2, 9, 8, 6), (3, 3, 6, 5), 1, "valid", 1, 1),
    "3x3 same": ((2, 9, 8, 6), (3, 3, 6, 5), 1, "same", 1, 1),
    "even kernel same": ((2, 9, 8, 6), (4, 2, 6, 5), 1, "same", 1, 1),
    "stride 2 same": ((2, 9, 8, 6), (3, 3, 6, 5), 2, "same", 1, 1),
    "stride 3 leaves a rest": ((2, 10, 9, 6), (2, 2, 6, 5), 3, "valid", 1, 1),
    "two strides": ((2, 9, 11, 6), (3, 3, 6, 5), (1, 3), "valid", 1, 1),
    "dilation": ((2, 9, 11, 6), (3, 3, 6, 5), 1, "same", 2, 1),
    "stride and dilation": ((2, 9, 11, 6), (3, 2, 6, 5), 2, "valid", 2, 1),
    "explicit pads": ((2, 6, 7, 6), (3, 3, 6, 5), 2, ((3, 0), (1, 4)), 1, 1),
    "kernel larger than input": ((2, 3, 3, 6), (5, 5, 6, 5), 1, "same", 1, 1),
    "one channel": ((2, 9, 8, 1), (3, 3, 1, 5), 1, "same", 1, 1),
    "three channels, stride 2": ((2, 9, 8, 3), (3, 3, 3, 4), 2, "same", 1, 1),
    "pointwise": ((2, 5, 6, 7), (1, 1, 7, 3), 1, "same", 1, 1),
    "pointwise stride 2": ((2, 5, 6, 7), (1, 1, 7, 3), 2, "same", 1, 1),
    "patches": ((2, 9, 8, 3), (4, 4, 3, 10), 4, "valid", 1, 1),
    "groups": ((2, 6, 6, 6), (3, 3, 3, 4), 1, "same", 1, 2),
    "one channel a group": ((2, 6, 6, 4), (3, 3, 1, 8), 2, "same", 1, 4),
    "1-D": ((3, 12, 6), (5, 6, 7), 2, "same", 1, 1),
    "1-D causal": ((3, 12, 6), (3, 6, 7), 1, "causal", 2, 1),
    "3-D": ((2, 5, 6, 4, 6), (3, 2, 3, 6, 4), 1, "same", 1, 1),
    "3-D stride 2": ((2, 5, 6, 5, 2), (3, 3, 3, 2, 4), 2, "valid", 1, 1),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_equal_plain_xla(name):
    x_shape, w_shape, *options = CASES[name]
    x, w = normal(x_shape), normal(w_shape, 1)
    assert_same_values_and_gradients(
        lambda x, w: conv(x, w, *options), lambda x, w: plain(x, w, *options), x, w
    )


@pytest.mark.parametrize("name", ["3x3 valid", "stride 2 same", "one channel", "patches", "groups"])
def test_inside_a_loop_gives_the_same_steps(name):
    x_shape, w_shape, *options = CASES[name]
    x, w = normal(x_shape), normal(w_shape, 1)

    def descend(fn):
        def step(_, w):
            return w - 1e-3 * jax.grad(lambda w: jnp.square(fn(x, w, *options)).mean())(w)

        return lambda w: lax.fori_loop(0, 3, step, w)

    assert_near(optimized(descend(conv), w), as_written(descend(plain), w))


@pytest.mark.parametrize("name", ["3x3 same", "stride and dilation", "one channel", "patches"])
def test_gradient_of_a_gradient(name):
    x_shape, w_shape, *options = CASES[name]
    x, w = normal(x_shape), normal(w_shape, 1)

    def penalty(fn):
        inner = jax.grad(lambda x, w: jnp.sum(fn(x, w, *options) ** 3), argnums=0)
        return jax.grad(lambda x, w: jnp.mean(inner(x, w) ** 2), argnums=(0, 1))

    got, wanted = optimized(penalty(conv), x, w), as_written(penalty(plain), x, w)
    # cubes and squares of values: compare to the scale of the result, with ten times the margin
    for mine, theirs in zip(got, wanted, strict=True):
        assert_near(mine, theirs, 2e-4)


def test_vmap_over_kernels_equals_one_at_a_time():
    x, w = normal((2, 6, 6, 3)), normal((4, 3, 3, 3, 5), 1)

    def gradient(w):
        return jax.grad(lambda w: jnp.square(conv(x, w, 1, "same")).sum())(w)

    one_at_a_time = jax.jit(gradient)
    together = optimized(jax.vmap(gradient), w)
    assert_near(together, jnp.stack([one_at_a_time(one) for one in w]))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["3x3 same", "pointwise", "one channel"])
def test_half_precision_is_as_good_as_its_last_digit(dtype, name):
    x_shape, w_shape, *options = CASES[name]
    x, w = normal(x_shape).astype(dtype), normal(w_shape, 1).astype(dtype)
    wide = as_written(lambda x, w: plain(x.astype("float32"), w.astype("float32"), *options), x, w)

    def total(w):
        y = conv(x, w, *options)
        return y.astype("float32").sum(), y

    dw, y = optimized(jax.grad(total, has_aux=True), w)
    # one rounding of the result: half a unit in the last place
    assert_near(y.astype("float32"), wide, float(jnp.finfo(dtype).eps))
    assert dw.dtype == dtype


@pytest.mark.parametrize(
    ("x_spec", "w_shape", "options"),
    [("b, 8, 8, 3", (3, 3, 3, 4), (1, "same")), ("b, h, w, 3", (3, 3, 3, 4), (2, "same"))],
)
def test_symbolic_sizes_use_the_plain_form(x_spec, w_shape, options):
    shape = jax.export.symbolic_shape(x_spec)
    spec = jax.ShapeDtypeStruct(shape, jnp.float32)
    exported = jax.export.export(jax.jit(lambda x: conv(x, jnp.ones(w_shape), *options)))(spec)
    x = normal((2, 8, 8, 3))
    assert_near(exported.call(x), plain(x, jnp.ones(w_shape), *options, 1, 1))


def test_other_targets_get_the_plain_form_with_forward_mode():
    x, w = normal((1, 5, 5, 2)), normal((3, 3, 2, 2), 1)
    with targeting("gpu"):
        text = str(jax.make_jaxpr(lambda x, w: conv(x, w))(x, w))
        tangent = jax.jvp(lambda w: conv(x, w), (w,), (w,))[1]
    assert "custom_vjp" not in text
    assert_near(tangent, conv(x, w))


@pytest.mark.parametrize("padding", ["full", "causal", ((1, 1),)])
def test_unknown_padding_is_named(padding):
    with pytest.raises(ValueError, match="padding"):
        conv(normal((1, 5, 5, 2)), normal((3, 3, 2, 2)), 1, padding)


# ---- transposed --------------------------------------------------------------------------------

TRANSPOSED = [
    *itertools.product(("valid", "same"), (1, 2, 3), (1, 2, 3, 4), (1,), (None, 0, 1)),
    *itertools.product(("valid", "same"), (1, 2, 3), (3,), (2,), (None,)),
]


@pytest.mark.parametrize(("padding", "stride", "size", "dilation", "more"), TRANSPOSED)
def test_transposed_equals_keras(padding, stride, size, dilation, more):
    keras = pytest.importorskip("keras")
    x, w = normal((2, 6, 3)), normal((size, 4, 3), 1)
    wanted = keras.ops.conv_transpose(
        x, w, stride, padding=padding, output_padding=more, dilation_rate=dilation
    )
    assert_near(conv_transpose(x, w, stride, padding, more, dilation), jnp.asarray(wanted))


def transposed_by_definition(x, w, strides, padding):
    """The gradient of the ordinary convolution to its input."""
    sizes = tuple(
        n * strides if padding == "same" else (n - 1) * strides + max(k, strides)
        for n, k in zip(x.shape[1:-1], w.shape[:-2], strict=True)
    )
    spec = jax.ShapeDtypeStruct((x.shape[0], *sizes, w.shape[-2]), x.dtype)
    forward = lambda y: plain(y, w, strides, padding, 1, 1)  # noqa: E731
    return jax.linear_transpose(forward, spec)(x)[0]


@pytest.mark.parametrize(
    ("x_shape", "w_shape", "strides", "padding"),
    [
        ((2, 5, 4, 3), (3, 3, 6, 3), 2, "same"),
        ((2, 5, 4, 3), (4, 3, 6, 3), 2, "valid"),
        ((2, 5, 4, 3), (2, 2, 6, 3), 2, "valid"),  # tiles
        ((2, 5, 4, 3), (2, 2, 6, 3), 2, "same"),
        ((2, 5, 4, 3), (1, 1, 6, 3), 2, "same"),
        ((2, 3, 4, 2, 3), (3, 3, 2, 5, 3), 2, "same"),
        ((2, 7, 3), (5, 6, 3), 3, "same"),
    ],
)
def test_transposed_gradients(x_shape, w_shape, strides, padding):
    x, w = normal(x_shape), normal(w_shape, 1)
    assert_same_values_and_gradients(
        lambda x, w: conv_transpose(x, w, strides, padding),
        lambda x, w: transposed_by_definition(x, w, strides, padding),
        x,
        w,
    )


def test_transposed_gradient_of_a_gradient():
    x, w = normal((2, 4, 4, 3)), normal((3, 3, 5, 3), 1)

    def penalty(fn):
        inner = jax.grad(lambda x, w: jnp.sum(fn(x, w, 2, "same") ** 3), argnums=1)
        return jax.grad(lambda x, w: jnp.mean(inner(x, w) ** 2), argnums=(0, 1))

    got = optimized(penalty(conv_transpose), x, w)
    wanted = as_written(penalty(transposed_by_definition), x, w)
    for mine, theirs in zip(got, wanted, strict=True):
        assert_near(mine, theirs, 2e-4)
