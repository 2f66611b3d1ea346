"""Counts of true and false positives and negatives at many thresholds at once.

A score is a predicted positive at every threshold below it. So the weight of each score is added
to one of the intervals between the sorted thresholds, and the counts are cumulative sums of
intervals, from the right (positives) or from the left (negatives):

    thresholds      t0      t1      t2
    intervals    0  |   1   |   2   |   3         interval = number of thresholds < score
    positives at t1:            2   +   3         negatives at t1:  0 + 1

That costs one search and one addition per score, where a comparison of all scores with all
thresholds costs one operation per pair. A few thresholds are compared directly.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from cornu.core.graph.op import fused
from cornu.core.graph.operands import tensor
from cornu.errors import value_error
from cornu.losses.loss import same_rank
from cornu.metrics.reduction import weighted
from cornu.types import Tensor

FEW = 4  # number of thresholds up to which comparing all is cheaper than intervals


class Counts(NamedTuple):
    """Weighted counts, each `(thresholds,)`, or `(thresholds, labels)` if counted per label."""

    true_positives: jax.Array
    false_positives: jax.Array
    true_negatives: jax.Array
    false_negatives: jax.Array


def count(
    y_true: Tensor,
    y_pred: Tensor,
    thresholds: Sequence[float],
    dtype: str,
    *,
    sample_weight: Tensor | None = None,
    label_weights: Tensor | None = None,
    top_k: int | None = None,
    class_id: int | None = None,
    by_label: bool = False,
) -> Counts:
    """Count true and false positives and negatives of one batch.

    Args:
        y_true: binary targets, `(batch, ...)`; anything but 0 is positive.
        y_pred: scores, same shape.
        thresholds: scores above which a prediction is positive.
        dtype: dtype of the counts.
        sample_weight: weights of the leading axes of `y_pred`.
        label_weights: weights of the last axis of `y_pred`.
        top_k: number of highest scores per row that can be positive.
        class_id: index on the last axis of the only class to count.
        by_label: whether to count each index of the last axis separately.

    Raises:
        ValueError: the shapes differ, or there is no class `class_id`.
    """
    y_true, y_pred = same_rank(tensor(y_true), jnp.asarray(tensor(y_pred), dtype))
    if y_true.shape != y_pred.shape:
        raise value_error(
            "Targets and predictions have different shapes.",
            y_true=tuple(y_true.shape),
            y_pred=tuple(y_pred.shape),
            fix="integer labels: y = keras.utils.to_categorical(y)",
        )
    y_pred, weights = weighted(y_pred, sample_weight, dtype)
    if label_weights is not None:
        label_weights = jnp.asarray(label_weights, dtype)
    if class_id is not None and len(y_pred.shape) < 2:
        raise value_error(
            f"class_id={class_id} needs predictions with an axis of classes.",
            y_pred=tuple(y_pred.shape),
            fix="class_id=None\nor scores of shape (batch, classes)",
        )
    if class_id is not None and not -y_pred.shape[-1] <= class_id < y_pred.shape[-1]:
        raise value_error(f"class_id={class_id} is out of range.", y_pred=tuple(y_pred.shape))
    if top_k is not None and top_k > y_pred.shape[-1]:
        raise value_error(
            f"top_k={top_k} is more than the number of classes.", y_pred=tuple(y_pred.shape)
        )
    return _counted(
        y_true,
        y_pred,
        weights,
        label_weights,
        thresholds=tuple(thresholds),
        top_k=top_k,
        class_id=class_id,
        by_label=by_label,
    )


@fused(static=("thresholds", "top_k", "class_id", "by_label"))
def _counted(
    y_true: jax.Array,
    y_pred: jax.Array,
    weights: Tensor,
    label_weights: Tensor | None,
    thresholds: tuple[float, ...],
    top_k: int | None,
    class_id: int | None,
    by_label: bool,
) -> Counts:
    """`count`, of arrays with matching shapes."""
    dtype = y_pred.dtype
    weights = jnp.broadcast_to(jnp.ones((), dtype) if weights is None else weights, y_pred.shape)
    if label_weights is not None:
        weights = weights * label_weights
    if top_k is not None:
        y_pred = _only_top_k(y_pred, top_k)
    y_true = y_true.astype(bool)
    if class_id is not None:
        y_true, y_pred, weights = (x[..., class_id] for x in (y_true, y_pred, weights))
    labels = y_pred.shape[-1] if by_label else 1
    y_true, y_pred, weights = (x.reshape(-1, labels) for x in (y_true, y_pred, weights))

    values = np.asarray(thresholds, dtype=dtype)
    positive = jnp.where(y_true, weights, 0)
    negative = jnp.where(y_true, 0, weights)
    split = _by_table if len(values) <= FEW else _by_interval
    (tp, fn), (fp, tn) = split(y_pred, values, [positive, negative])
    counts = Counts(tp, fp, tn, fn)
    return counts if by_label else Counts(*[x[:, 0] for x in counts])


def _only_top_k(y_pred: jax.Array, k: int) -> jax.Array:
    """The scores, with all but the `k` highest of each row set far below any threshold."""
    _, top = jax.lax.top_k(y_pred, k)  # (..., k)
    kept = (top[..., None] == jnp.arange(y_pred.shape[-1])).any(-2)
    return jnp.where(kept, y_pred, BELOW_ALL)


BELOW_ALL = -1e10  # a score below every threshold, and a threshold below every other score


def _by_table(
    y_pred: jax.Array, thresholds: np.ndarray, weights: list[jax.Array]
) -> list[tuple[jax.Array, jax.Array]]:
    """Sums above and below each threshold, by comparing all scores of shape (n, labels)."""
    above = y_pred > thresholds[:, None, None]  # (thresholds, n, labels)
    return [(jnp.where(above, w, 0).sum(1), jnp.where(above, 0, w).sum(1)) for w in weights]


def _by_interval(
    y_pred: jax.Array, thresholds: np.ndarray, weights: list[jax.Array]
) -> list[tuple[jax.Array, jax.Array]]:
    """Sums above and below each threshold, by cumulative sums over intervals."""
    order = np.argsort(thresholds, kind="stable")
    labels, size = y_pred.shape[1], len(thresholds) + 1
    index = jnp.searchsorted(thresholds[order], y_pred, side="left")  # (n, labels)
    index = index * labels + jnp.arange(labels)
    back = np.argsort(order, kind="stable")
    sums = []
    for w in weights:
        held = jnp.zeros(size * labels, w.dtype).at[index].add(w).reshape(size, labels)
        above = held[:0:-1].cumsum(0)[::-1]
        below = held[:-1].cumsum(0)
        sums.append((above[back], below[back]))
    return sums


def checked_thresholds(
    thresholds: float | Sequence[float] | None, default: float = 0.5
) -> list[float]:
    """Thresholds as a list; the default if None.

    Raises:
        ValueError: a threshold is outside [0, 1].

    Example:

        >>> checked_thresholds(None), checked_thresholds([0.2, 0.8])
        ([0.5], [0.2, 0.8])
    """
    if thresholds is None:
        return [default]
    values: list[Any] = (
        list(thresholds) if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
    )
    if any(t is None or not 0 <= t <= 1 for t in values):
        raise value_error("Thresholds must be between 0 and 1.", thresholds=values)
    return values
