"""Scaled dot-product attention."""

import jax


def attention(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    bias: jax.Array | None = None,
    mask: jax.Array | None = None,
    causal: bool = False,
    scale: float | None = None,
) -> jax.Array:
    return jax.nn.dot_product_attention(q, k, v, bias, mask, scale=scale, is_causal=causal)
