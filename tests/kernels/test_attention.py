"""Attention against jax.nn.dot_product_attention, in values and gradients.

Tolerance: softmax and two products in float32 in another order; 2e-5 of the largest value.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from cornu import config, settings
from cornu.kernels.attention import Plan, attention
from kernels.side_by_side import (
    as_written,
    assert_near,
    assert_same_values_and_gradients,
    normal,
    optimized,
)


def plain(q, k, v, bias=None, mask=None, causal=False, scale=None):
    return jax.nn.dot_product_attention(q, k, v, bias, mask, scale=scale, is_causal=causal)


def random_mask(*shape):
    return jnp.asarray(np.random.default_rng(7).random(shape) < 0.6)


CASES = {
    # name: queries, keys, heads, key heads, options
    "simple": (5, 5, 2, 2, {}),
    "cross": (5, 9, 2, 2, {}),
    "causal": (6, 6, 2, 2, {"causal": True}),
    "causal, more keys": (5, 8, 2, 2, {"causal": True}),
    "causal, more queries": (8, 5, 2, 2, {"causal": True}),
    "causal in blocks": (256, 256, 1, 1, {"causal": True}),
    "causal in blocks, fewer keys": (256, 100, 1, 1, {"causal": True}),
    "long in blocks": (512, 512, 1, 1, {}),
    "scale": (5, 5, 2, 2, {"scale": 0.7}),
    "bias": (5, 6, 2, 2, {"bias": (2, 2, 5, 6)}),
    "bias that spreads": (5, 6, 2, 2, {"bias": (1, 2, 1, 6)}),
    "bias per query, blocks": (256, 256, 1, 1, {"bias": (1, 1, 256, 1), "causal": True}),
    "mask": (5, 6, 2, 2, {"mask": (2, 1, 5, 6)}),
    "mask and causal": (6, 6, 2, 2, {"mask": (2, 1, 1, 6), "causal": True}),
    "mask in blocks": (256, 256, 1, 1, {"mask": (2, 1, 1, 256), "causal": True}),
    "mask, bias, causal": (
        6,
        6,
        2,
        2,
        {"mask": (2, 1, 6, 6), "bias": (1, 2, 6, 6), "causal": True},
    ),
    "shared key heads": (5, 6, 4, 2, {}),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name):
    queries, keys, heads, key_heads, options = CASES[name]
    options = dict(options)
    q = normal(2, queries, heads, 4)
    k, v = normal(2, keys, key_heads, 4, seed=1), normal(2, keys, key_heads, 4, seed=2)
    bias = normal(*options.pop("bias"), seed=3) if "bias" in options else None
    if "mask" in options:
        options["mask"] = random_mask(*options["mask"])
    arrays = (q, k, v) if bias is None else (q, k, v, bias)
    assert_same_values_and_gradients(
        lambda *a: attention(*a, **options), lambda *a: plain(*a, **options), *arrays
    )


def test_a_query_without_keys_takes_the_mean_of_the_values():
    q = k = v = normal(1, 4, 1, 3)
    mask = jnp.ones((1, 1, 4, 4), bool).at[0, 0, 2].set(False)
    for causal in (False, True):
        got = optimized(lambda *a, c=causal: attention(*a, mask=mask, causal=c), q, k, v)
        assert_near(got[0, 2, 0], v[0, :, 0].mean(0))
        assert_near(got, as_written(lambda *a, c=causal: plain(*a, mask=mask, causal=c), q, k, v))


def test_large_scores_stay_finite():
    q, v = 100 * normal(1, 6, 1, 4), normal(1, 6, 1, 4, seed=1)
    gradients = optimized(jax.grad(lambda q, v: attention(q, q, v).sum(), (0, 1)), q, v)
    assert all(np.isfinite(g).all() for g in gradients)


def test_inside_a_loop_vmap_and_second_derivative():
    q, k, v = (normal(2, 5, 2, 4, seed=n) for n in range(3))

    def descend(fn):
        step = lambda _, q: q - 0.1 * jax.grad(lambda q: jnp.square(fn(q, k, v)).sum())(q)  # noqa: E731
        return lambda q: lax.fori_loop(0, 3, step, q)

    assert_near(optimized(descend(attention), q), as_written(descend(plain), q))
    scales = jnp.array([1.0, 2.0])
    together = optimized(jax.vmap(lambda s: attention(q * s, k, v)), scales)
    assert_near(together[1], optimized(attention, 2 * q, k, v))

    def penalty(fn):
        inner = jax.grad(lambda q: jnp.square(fn(q, k, v, causal=True)).sum())
        return jax.grad(lambda q: jnp.square(inner(q)).sum())

    assert_near(optimized(penalty(attention), q), as_written(penalty(plain), q), 2e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_as_good_as_its_last_digits(dtype):
    q, k, v = (normal(2, 5, 2, 4, seed=n).astype(dtype) for n in range(3))
    exact = as_written(plain, *(a.astype("float32") for a in (q, k, v)))
    got = optimized(attention, q, k, v)
    assert got.dtype == dtype
    # the scaled query and the result are rounded once each
    assert_near(got.astype("float32"), exact, 4 * float(jnp.finfo(dtype).eps))


def test_symbolic_sizes():
    shape = jax.export.symbolic_shape("b, t, 2, 4")
    spec = jax.ShapeDtypeStruct(shape, jnp.float32)
    exported = jax.export.export(jax.jit(lambda q: attention(q, q, q, causal=True)))(spec)
    q = normal(2, 5, 2, 4)
    assert_near(exported.call(q), attention(q, q, q, causal=True))


def test_blocks_of_queries():
    assert Plan(True, False).blocks(256, 256) == [
        (0, 64, 64),
        (64, 128, 128),
        (128, 192, 192),
        (192, 256, 256),
    ]
    assert Plan(True, False).blocks(100, 100) == [(0, 100, 100)]
    assert Plan(True, True).blocks(128, 128) == [(0, 64, 128), (64, 128, 128)]
    assert Plan(False, False).blocks(128, 128) == [(0, 128, 128)]


@pytest.mark.parametrize("value_dim", [4, 8, 16])
def test_flash_attention_can_be_disabled(value_dim):
    q, k, v = normal(2, 6, 2, 8), normal(2, 6, 2, 8), normal(2, 6, 2, value_dim)

    def runs_in_blocks():
        long = jnp.ones((1, 256, 1, 8))
        return "concatenate" in str(jax.make_jaxpr(lambda q: attention(q, q, q, causal=True))(long))

    assert runs_in_blocks()
    blocks = attention(q, k, v, causal=True)
    config.disable_flash_attention()
    try:
        at_once = attention(q, k, v, causal=True)
        assert config.is_flash_attention_enabled() is False
        assert not runs_in_blocks()
    finally:
        settings.current.flash_attention = None
    np.testing.assert_allclose(blocks, at_once, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(blocks, attention(q, k, v, causal=True, flash=False), atol=1e-5)
    assert config.is_flash_attention_enabled() is None
    config.enable_flash_attention()
    try:
        assert config.is_flash_attention_enabled()
        assert (attention(q, k, v, causal=True) == blocks).all()
    finally:
        settings.current.flash_attention = None
