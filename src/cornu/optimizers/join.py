"""The rule applied to all weights of a step."""

from typing import Any

import jax


def joined(
    optimizer: Any, grads: list[Any], params: list[Any], scalars: Any, t: Any, slots: list[Any]
) -> list[tuple[Any, ...]]:
    """`rule` for each weight; `(new weight, *new slots)` for each."""
    shared: dict[Any, Any] = {}
    after = []
    for g, p, own in zip(grads, params, slots, strict=True):
        if p.dtype not in shared:
            shared[p.dtype] = jax.tree.map(lambda x, d=p.dtype: x.astype(d), (scalars, t))
        lr, step = shared[p.dtype]
        after.append(tuple(optimizer.rule(g, p, lr, step, *own)))
    return after
