"""What attention with projections shares: who may see whom, and the two ways to compute it.

    fused      ops.dot_product_attention: nothing of size queries x keys is kept
    in steps   scores, softmax, dropout, weighted values: where the scores are asked for, or where
               some are dropped while training

All arrays here are `(batch, time, heads, head_dim)`.
"""

import functools
from typing import Any

from cornu import ops
from cornu.core.masks import set_mask
from cornu.errors import value_error


def check_batches(query: Any, value: Any) -> None:
    """Raise ValueError where shapes of queries and values have different batch sizes."""
    if query[0] != value[0] and not {None, 1} & {query[0], value[0]}:
        raise value_error(
            "Queries and values come in batches of the same size.",
            shapes=f"query {tuple(query)}, value {tuple(value)}",
            fix="one sequence of values for each sequence of queries",
        )


def visible(
    query_time: Any,
    key_time: Any,
    *,
    value_mask: Any = None,
    key_mask: Any = None,
    attention_mask: Any = None,
    sliding_window: int | None = None,
    causal: bool = False,
) -> Any:
    """Which keys a query sees, booleans that broadcast to `(batch, heads, queries, keys)`.

    Args:
        query_time: number of queries.
        key_time: number of keys.
        value_mask: `(batch, keys)`.
        key_mask: `(batch, keys)`.
        attention_mask: `(queries, keys)`, `(batch, queries, keys)` or
            `(batch, heads, queries, keys)`.
        sliding_window: query i sees keys i - window < j < i + window.
        causal: query i sees keys up to i.

    Returns:
        The mask, of four axes; None if every query sees every key.
    """
    masks = [] if attention_mask is None else [attention_mask]
    masks += [ops.expand_dims(m, -2) for m in (value_mask, key_mask) if m is not None]
    if sliding_window is not None or causal:
        queries = ops.expand_dims(ops.arange(query_time), -1)
        ahead = ops.arange(key_time) - queries  # (queries, keys)
        if sliding_window is not None:
            masks.append(ops.less(ops.absolute(ahead), sliding_window))
        if causal:
            masks.append(ops.less_equal(ahead, 0))
    return both(*map(over_heads, masks))


def over_heads(mask: Any) -> Any:
    """A mask of (queries, keys), of each sample or not, as one for each head."""
    mask = ops.cast(mask, "bool")
    while mask.ndim < 4:
        mask = ops.expand_dims(mask, -3)
    return mask  # (batch or 1, heads or 1, queries, keys)


def both(*masks: Any) -> Any:
    """What all masks let through; None of masks that let everything through."""
    given = [m for m in masks if m is not None]
    return functools.reduce(ops.logical_and, given) if given else None


def of_queries(query_mask: Any) -> Any:
    """A mask `(batch, queries)` as one over heads and keys: no keys for what does not count."""
    return None if query_mask is None else over_heads(ops.expand_dims(query_mask, -1))


def check_masks(
    query: Any,
    key: Any,
    *,
    query_mask: Any = None,
    value_mask: Any = None,
    key_mask: Any = None,
    attention_mask: Any = None,
) -> None:
    """Raise ValueError where a mask has other sizes than the heads that are attended to."""
    batch, queries, heads, _ = query.shape
    keys = key.shape[1]
    expected: tuple[tuple[str, Any, tuple[Any, ...]], ...] = (
        ("query_mask", query_mask, (batch, queries)),
        ("value_mask", value_mask, (batch, keys)),
        ("key_mask", key_mask, (batch, keys)),
        ("attention_mask", attention_mask, (batch, heads, queries, keys)),
    )
    for name, mask, sizes in expected:
        if mask is None:
            continue
        if name == "attention_mask" and mask.ndim == 3:
            sizes = (batch, queries, keys)
        if mask.ndim < min(2, len(sizes)) or not _fits(mask.shape, sizes):
            raise value_error(
                f"The {name} does not fit {queries} queries and {keys} keys.",
                shapes=f"{name} {tuple(mask.shape)}",
                fix="value_mask (batch, keys), attention_mask (batch, queries, keys)",
            )


def _fits(shape: Any, sizes: Any) -> bool:
    """Whether a mask's sizes are those of the heads, or 1, as far as they are known."""
    return len(shape) <= len(sizes) and all(
        m in (1, n) or not (isinstance(m, int) and isinstance(n, int))
        for m, n in zip(reversed(shape), reversed(sizes), strict=False)
    )


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
    set_mask(weights, None)  # it was one of scores, not of steps
    kept = dropout(weights, training=training)
    return ops.einsum("bnts,bsnh->btnh", kept, value), weights
