"""Scaled dot-product attention, in blocks of queries, with the gradient written out.

    scores = q k^T * scale + bias       per block of queries, only up to the last key it may see
    p      = exp(scores - max)
    output = (p v) / sum(p)             one division per output instead of one per score

Only q, k, v, the output and the log of the row sums are kept; the backward pass computes the scores
again, so nothing of size time x time outlives a block.

| condition (CPU, known sizes)  | lowering                     | measured                         |
|-------------------------------|------------------------------|----------------------------------|
| causal or long, >= 64 queries | four blocks of queries       | (4, 512, 8x64) causal: f+b 45    |
| a block                       |                              | against 106                      |
| otherwise                     | one block                    | (128, 28, 4x32): f+b 3.2 against |
|                               |                              | 5.4                              |
| bfloat16 throughout           | bfloat16 operands, float32   | (4, 512, 8x64) causal: f+b 36    |
|                               | sums, also in the gradients  | against 50                       |
| other platform, symbolic size | jax.nn.dot_product_attention | fused by XLA; by cuDNN where      |
|                               |                              | flash attention is enabled       |
| flash attention is disabled   | the same, by XLA             | all scores at once               |

Rows of the benchmark: `attention 512, 8x64 causal`, `attention 28, 4x32`,
`attention bfloat16 causal`.

A query that may see no key at all gets the plain mean of the values it is compared with, as softmax
of equal scores does. All derivatives exist, forward and reverse.
"""

import contextlib
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cornu import budget, settings
from cornu.kernels import matmul
from cornu.kernels.derivatives import Arrays, Differentiable
from cornu.kernels.platform import target, target_is_forced, tuned

BLOCKS = 4
BLOCK_LEAST = 64
# queries times keys above which one block no longer stays in cache
LONG = 512 * 512


class Plan(NamedTuple):
    """What the kernel knows before it sees numbers."""

    causal: bool
    masked: bool
    narrow: bool = False  # bfloat16 operands

    def product(self, subscripts: str, a: jax.Array, b: jax.Array) -> jax.Array:
        """A product with sums in float32; of bfloat16 operands where the inputs have it."""
        return matmul.sums(subscripts, a, b) if self.narrow else jnp.einsum(subscripts, a, b)

    def blocks(self, queries: int, keys: int) -> list[tuple[int, int, int]]:
        """`(first query, end, keys in sight)` of each block."""
        wanted = self.causal or queries * keys >= LONG
        count = BLOCKS if wanted else 1
        while count > 1 and (queries % count or queries // count < BLOCK_LEAST):
            count //= 2
        size = queries // count
        # with a mask of its own a row may lose all its keys; then every key counts alike
        ahead = self.causal and not self.masked
        return [
            (start, start + size, min(start + size, keys) if ahead else keys)
            for start in range(0, queries, size)
        ]


def attention(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    bias: jax.Array | None = None,
    mask: jax.Array | None = None,
    causal: bool = False,
    scale: float | None = None,
    flash: bool | None = None,
) -> jax.Array:
    """`softmax(q k^T * scale + bias) v` per head.

    Args:
        q: `(batch, queries, heads, head_dim)`.
        k: `(batch, keys, key_heads, head_dim)`; `heads` is a multiple of `key_heads`, and
            neighbouring query heads share a key head.
        v: `(batch, keys, key_heads, value_dim)`.
        bias: broadcasts to `(batch, heads, queries, keys)`, added to the scores.
        mask: same shape, booleans, False hides a key from a query.
        causal: query i sees keys 0 ... i only.
        scale: factor of the scores; `None` is `1 / sqrt(head_dim)`.
        flash: False computes all scores at once, True takes cuDNN where it can; None takes
            `settings.current.flash_attention`, and by default the lowering of the table.

    Returns:
        `(batch, queries, heads, value_dim)`.

    Example:

        >>> q = jnp.ones((1, 3, 2, 4))
        >>> attention(q, q, q, causal=True).shape
        (1, 3, 2, 4)
    """
    arrays = [a for a in (q, k, v, bias, mask) if a is not None]
    flash = settings.current.flash_attention if flash is None else flash
    if flash is False or not (tuned(*arrays) and q.shape[1] and k.shape[1]):
        return _plain(q, k, v, bias, mask, causal, scale, bool(flash))
    if k.shape[2] != q.shape[2]:
        k, v = (jnp.repeat(a, q.shape[2] // a.shape[2], 2) for a in (k, v))
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    wide = jnp.promote_types(q.dtype, jnp.float32)
    # (batch, heads, time, head_dim)
    heads_first = [a.astype(wide).swapaxes(1, 2) for a in (q * jnp.asarray(scale, q.dtype), k, v)]
    narrow = q.dtype == k.dtype == v.dtype == jnp.bfloat16
    bias = None if bias is None else bias.astype(wide)
    y = _attend(*heads_first, bias, mask, Plan(causal, mask is not None, narrow))
    return y.swapaxes(1, 2).astype(q.dtype)


def _plain(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    bias: jax.Array | None,
    mask: jax.Array | None,
    causal: bool,
    scale: float | None,
    flash: bool,
) -> jax.Array:
    """The form of jax, which takes heads of one size; zeros change neither scores nor sums."""
    wanted = v.shape[-1]
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    if wanted != q.shape[-1]:
        size = max(wanted, q.shape[-1])
        q, k, v = (jnp.pad(a, [(0, 0)] * 3 + [(0, size - a.shape[-1])]) for a in (q, k, v))
    compute = functools.partial(
        jax.nn.dot_product_attention, q, k, v, bias, mask, scale=scale, is_causal=causal
    )
    if flash and target() == "gpu" and not target_is_forced():
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
            return compute(implementation="cudnn")[..., :wanted]  # raises where it cannot
    return compute(implementation="xla")[..., :wanted]


def _scores(
    q: jax.Array,
    k: jax.Array,
    bias: jax.Array | None,
    mask: jax.Array | None,
    causal_from: int | None,
    plan: Plan,
) -> jax.Array:
    """`(batch, heads, queries, keys)` of one block; hidden ones are far below all others."""
    s = plan.product("bhqd,bhkd->bhqk", q, k)
    s = s if bias is None else s + bias
    lowest = jnp.asarray(-0.7 * float(jnp.finfo(s.dtype).max), s.dtype)
    if mask is not None:
        s = jnp.where(mask, s, lowest)
    if causal_from is not None:
        budget.table(s.shape[-2] + s.shape[-1])
        rows = causal_from + np.arange(s.shape[-2])[:, None]
        s = jnp.where(rows >= np.arange(s.shape[-1]), s, lowest)
    return s


def _block(a: jax.Array | None, start: int, end: int, sight: int) -> jax.Array | None:
    """The part of a bias or mask for some queries and keys; axes of size one stay."""
    if a is None:
        return None
    a = a.reshape((1,) * (4 - a.ndim) + a.shape)
    a = a if a.shape[2] == 1 else a[:, :, start:end]
    return a if a.shape[3] == 1 else a[:, :, :, :sight]


def _outputs(*arguments: Any) -> jax.Array:
    return _attend_forward(*arguments)[0]


_attend = Differentiable(_outputs, nondiff_argnums=(5,))


def _attend_forward(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    bias: jax.Array | None,
    mask: jax.Array | None,
    plan: Plan,
) -> tuple[jax.Array, Arrays]:
    outputs, logs = [], []
    for start, end, sight in plan.blocks(q.shape[2], k.shape[2]):
        part, seen = (_block(a, start, end, sight) for a in (bias, mask))
        first = start if plan.causal else None
        s = _scores(q[:, :, start:end], k[:, :, :sight], part, seen, first, plan)
        highest = s.max(-1, keepdims=True)
        p = jnp.exp(s - highest)
        total = p.sum(-1, keepdims=True)
        outputs.append(plan.product("bhqk,bhkd->bhqd", p, v[:, :, :sight]) / total)
        logs.append((highest, total))
    y = outputs[0] if len(outputs) == 1 else jnp.concatenate(outputs, 2)
    return y, (q, k, v, bias, mask, y, logs)


def _attend_backward(plan: Plan, saved: Arrays, g: jax.Array) -> Arrays:
    q, k, v, bias, mask, y, logs = saved
    along = (g * y).sum(-1, keepdims=True)
    dqs, dk, dv = [], jnp.zeros_like(k), jnp.zeros_like(v)
    dbias = None if bias is None else jnp.zeros((1,) * (4 - bias.ndim) + bias.shape, bias.dtype)
    blocks = plan.blocks(q.shape[2], k.shape[2])
    for (start, end, sight), (highest, total) in zip(blocks, logs, strict=True):
        part, seen = (_block(a, start, end, sight) for a in (bias, mask))
        qs, ks, gs = q[:, :, start:end], k[:, :, :sight], g[:, :, start:end]
        s = _scores(qs, ks, part, seen, start if plan.causal else None, plan)
        # a row of hidden keys keeps its equal scores; log(total) next to `highest` would be lost
        p = jnp.exp(s - highest) / total
        dp = plan.product("bhqd,bhkd->bhqk", gs, v[:, :, :sight])
        ds = p * (dp - along[:, :, start:end])
        rest = ((0, 0), (0, 0), (0, k.shape[2] - sight), (0, 0))
        dv += jnp.pad(plan.product("bhqk,bhqd->bhkd", p, gs), rest)
        hidden = _hidden(mask, plan, start, end, sight)
        ds = ds if hidden is None else jnp.where(hidden, 0, ds)
        dk += jnp.pad(plan.product("bhqk,bhqd->bhkd", ds, qs), rest)
        dqs.append(plan.product("bhqk,bhkd->bhqd", ds, ks))
        if dbias is not None:
            dbias = _add_block(dbias, ds, start, end, sight)
    dbias = None if dbias is None else dbias.reshape(bias.shape)
    dq = dqs[0] if len(dqs) == 1 else jnp.concatenate(dqs, 2)
    return dq, dk, dv, dbias, None


_attend.defvjp(_attend_forward, _attend_backward)


def _hidden(
    mask: jax.Array | None, plan: Plan, start: int, end: int, sight: int
) -> jax.Array | None:
    """Scores that a mask has replaced: nothing flows through them."""
    if mask is None:
        return None  # hidden causal scores have p = 0 already: each row sees its own key
    hidden = jnp.logical_not(_block(mask, start, end, sight))
    if plan.causal:
        rows = start + np.arange(end - start)[:, None]
        hidden = hidden | (rows < np.arange(sight))
    return hidden


def _add_block(dbias: jax.Array, ds: jax.Array, start: int, end: int, sight: int) -> jax.Array:
    """Add the gradient of one block of scores, summed over the axes that the bias spreads over."""
    ones = tuple(axis for axis in range(4) if dbias.shape[axis] == 1)
    ds = ds.sum(ones, keepdims=True) if ones else ds
    rows = slice(None) if dbias.shape[2] == 1 else slice(start, end)
    columns = slice(None) if dbias.shape[3] == 1 else slice(0, sight)
    return dbias.at[:, :, rows, columns].add(ds)
