"""What attention with projections shares: who may see whom, and the two ways to compute it.

    fused      kernels/attention.py: nothing of size queries x keys is kept
    in steps   scores, softmax, dropout, weighted values: where the scores are asked for, or where
               some are dropped while training

All arrays here are `(batch, time, heads, head_dim)`.
"""

from typing import Any

from cornu import ops
from cornu.errors import explain
from cornu.kernels import attention
from cornu.layers.base.arguments import is_int


def checked_window(sliding_window: Any) -> int | None:
    """How far a query sees.

    Raises:
        ValueError: it is neither None nor a positive int.
    """
    if sliding_window is None or (is_int(sliding_window) and sliding_window > 0):
        return sliding_window
    raise ValueError(
        explain(f"sliding_window is a positive int or None, got {sliding_window!r}.", fix="128")
    )


def check_batches(query: Any, value: Any) -> None:
    """Raise ValueError where shapes of queries and values have different batch sizes."""
    if query[0] != value[0] and not {None, 1} & {query[0], value[0]}:
        raise ValueError(
            explain(
                "Queries and values come in batches of the same size.",
                shapes=f"query {tuple(query)}, value {tuple(value)}",
                fix="one sequence of values for each sequence of queries",
            )
        )


def visible(
    query_time: Any,
    key_time: Any,
    *,
    query_mask: Any = None,
    value_mask: Any = None,
    key_mask: Any = None,
    attention_mask: Any = None,
    sliding_window: int | None = None,
    causal: bool = False,
) -> Any:
    """Which keys a query sees, booleans that broadcast to `(batch, queries, keys)`; None if all.

    Args:
        query_time: number of queries.
        key_time: number of keys.
        query_mask: `(batch, queries)`; a query that does not count sees none, so all alike.
        value_mask: `(batch, keys)`.
        key_mask: `(batch, keys)`.
        attention_mask: `(batch, ..., queries, keys)`.
        sliding_window: query i sees keys i - window < j < i + window.
        causal: query i sees keys up to i.
    """
    found = None if attention_mask is None else ops.cast(attention_mask, "bool")

    def also(mask: Any) -> Any:
        return mask if found is None else ops.logical_and(found, mask)

    if query_mask is not None:
        found = also(ops.expand_dims(ops.cast(query_mask, "bool"), -1))
    for mask in (value_mask, key_mask):
        if mask is not None:
            found = also(ops.expand_dims(ops.cast(mask, "bool"), -2))
    if sliding_window is not None or causal:
        queries = ops.expand_dims(ops.arange(query_time), -1)
        ahead = ops.arange(key_time) - queries  # (queries, keys)
        if sliding_window is not None:
            found = also(ops.less(ops.absolute(ahead), sliding_window))
        if causal:
            found = also(ops.less_equal(ahead, 0))
    return found


def check_masks(
    query_time: Any, key_time: Any, value_mask: Any, key_mask: Any, attention_mask: Any
) -> None:
    """Raise ValueError where a mask has other sizes than queries and keys."""
    for name, mask, sizes in (
        ("value_mask", value_mask, (key_time,)),
        ("key_mask", key_mask, (key_time,)),
        ("attention_mask", attention_mask, (query_time, key_time)),
    ):
        if mask is not None and not _fits(mask.shape[-len(sizes) :], sizes):
            raise ValueError(
                explain(
                    f"The {name} does not fit {query_time} queries and {key_time} keys.",
                    shapes=f"{name} {tuple(mask.shape)}",
                    fix="value_mask (batch, keys), attention_mask (batch, queries, keys)",
                )
            )


def _fits(shape: Any, sizes: Any) -> bool:
    """Whether a mask's sizes are those of the steps, or 1, as far as they are known."""
    return len(shape) == len(sizes) and all(
        m in (1, n) or not (isinstance(m, int) and isinstance(n, int))
        for m, n in zip(shape, sizes, strict=True)
    )


def fused(query: Any, key: Any, value: Any, mask: Any, causal: bool) -> Any:
    """Attention in one kernel; `mask` broadcasts to `(batch, heads, queries, keys)`."""
    return attention.attention(query, key, value, mask=mask, causal=causal)


def in_steps(
    query: Any, key: Any, value: Any, mask: Any, softmax: Any, dropout: Any, training: Any
) -> tuple[Any, Any]:
    """Attention and its weights `(batch, heads, queries, keys)`, of which some may be dropped."""
    groups = query.shape[2] // key.shape[2]
    if groups > 1:
        key, value = ops.repeat(key, groups, axis=2), ops.repeat(value, groups, axis=2)
    query = query * ops.cast(query.shape[-1] ** -0.5, query.dtype)
    scores = ops.einsum("btnh,bsnh->bnts", query, key)
    weights = softmax(scores, mask=mask)
    kept = dropout(weights, training=training)
    return ops.einsum("bnts,bsnh->btnh", kept, value), weights
