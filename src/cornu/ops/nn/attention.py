"""Scaled dot-product attention."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from cornu.core.graph.op import op
from cornu.core.graph.operands import tensor, to_float
from cornu.errors import value_error
from cornu.kernels import attention as attention_kernel
from cornu.types import Tensor


@op(tensors=3, named=("bias", "mask", "scale"), compiled=True)
def dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    scale: Tensor | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Tensor:
    """`softmax(query @ key * scale + bias) @ value` for each head.

    Args:
        query: `(batch, time, heads, head_dim)`.
        key, value: `(batch, source, kv_heads, head_dim)`; `kv_heads` divides `heads`.
        bias: added to the logits, broadcast to `(batch, heads, time, source)`.
        mask: bools of that shape; False hides a position.
        scale: factor of the logits; `1 / sqrt(head_dim)` if None.
        is_causal: whether each position attends to itself and earlier ones only.
        flash_attention: False computes all logits at once; True takes cuDNN where it can; None
            takes what `config.enable_flash_attention` and `disable_flash_attention` have set.
        attn_logits_soft_cap: soft cap of the logits, `cap * tanh(logits / cap)`.

    Returns:
        `(batch, time, heads, head_dim)`.
    """
    q, k, v = to_float(query), to_float(key), to_float(value)
    if not q.ndim == k.ndim == v.ndim == 4:
        raise value_error(
            "dot_product_attention: inputs must have shape (batch, time, heads, head_dim).",
            shapes=f"query {q.shape}, key {k.shape}, value {v.shape}",
        )
    _check_fit(q.shape, k.shape, v.shape)
    dtype = jnp.result_type(q, k, v)
    q, k, v = q.astype(dtype), k.astype(dtype), v.astype(dtype)
    bias = None if bias is None else tensor(bias)
    mask = None if mask is None else tensor(mask).astype(bool)
    if attn_logits_soft_cap is None:
        return attention_kernel.attention(q, k, v, bias, mask, is_causal, scale, flash_attention)
    return _capped_attention(q, k, v, bias, mask, is_causal, scale, attn_logits_soft_cap)


def _check_fit(q: Tensor, k: Tensor, v: Tensor) -> None:
    """Check that kv_heads divides heads, and that there is a value per key."""
    pairs = [(q[0], k[0]), *zip(k[:3], v[:3], strict=True), (q[3], k[3])]
    known = all(isinstance(n, int) for n in (q[2], k[2]))
    if any(isinstance(m, int) and isinstance(n, int) and m != n for m, n in pairs) or (
        known and (not k[2] or q[2] % k[2])
    ):
        raise value_error(
            "dot_product_attention: the shapes of query, key and value do not match.",
            shapes=f"query {tuple(q)}, key {tuple(k)}, value {tuple(v)}",
            fix="query (batch, time, heads, dim), key and value (batch, source, kv_heads, dim);"
            "\nkv_heads divides heads.",
        )


def _capped_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor,
    mask: Tensor,
    causal: bool,
    scale: Tensor,
    cap: float,
) -> Any:
    group = q.shape[2] // k.shape[2]
    k, v = jnp.repeat(k, group, axis=2), jnp.repeat(v, group, axis=2)
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    logits = jnp.einsum("btnh,bsnh->bnts", q, k, preferred_element_type=jnp.float32) * scale
    logits = cap * jnp.tanh(logits / cap)
    if bias is not None:
        logits = logits + bias
    hidden = jnp.asarray(jnp.finfo(logits.dtype).min * 0.7, logits.dtype)
    if mask is not None:
        logits = jnp.where(mask, logits, hidden)
    if causal:
        t, s = logits.shape[-2:]
        logits = jnp.where(jnp.tril(jnp.ones((t, s), bool)), logits, hidden)
    weights = jax.nn.softmax(logits, axis=-1).astype(v.dtype)
    return jnp.einsum("bnts,bsnh->btnh", weights, v)
