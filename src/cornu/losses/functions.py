"""The loss functions: targets and predictions in, one loss a sample out.

All take `(y_true, y_pred)` of shape `(batch, ..., d)` and fold the last axis, unless they say
otherwise. The cross-entropies have a file of their own.
"""

import math

from cornu import ops, settings
from cornu.core.masks import set_mask
from cornu.errors import value_error
from cornu.losses.loss import comparable, in_full_precision, tensor
from cornu.types import Axis, Tensor

# ---- distances --------------------------------------------------------------------------------


@in_full_precision
def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """`mean((y_true - y_pred)**2)` over the last axis: `(batch, ..., d) -> (batch, ...)`.

    Example:

        >>> mean_squared_error([[0.0, 1.0]], [[2.0, 1.0]]).tolist()
        [2.0]
    """
    y_true, y_pred = comparable(y_true, y_pred)
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


@in_full_precision
def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """`mean(abs(y_true - y_pred))` over the last axis: `(batch, ..., d) -> (batch, ...)`.

    Example:

        >>> mean_absolute_error([[0.0, 1.0]], [[3.0, 1.0]]).tolist()
        [1.5]
    """
    y_true, y_pred = comparable(y_true, y_pred)
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


@in_full_precision
def mean_absolute_percentage_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """`100 * mean(abs(y_true - y_pred) / abs(y_true))` over the last axis.

    A target nearer to zero than `epsilon` counts as `epsilon`.

    Example:

        >>> mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 4.0]]).tolist()
        [25.0]
    """
    y_true, y_pred = comparable(y_true, y_pred)
    size = ops.maximum(ops.abs(y_true), settings.current.epsilon)
    return 100.0 * ops.mean(ops.abs((y_true - y_pred) / size), axis=-1)


@in_full_precision
def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """`mean((log(1 + y_true) - log(1 + y_pred))**2)` over the last axis.

    Values below `epsilon`, negative ones too, count as `epsilon`.

    Example:

        >>> mean_squared_logarithmic_error([[0.0]], [[math.e - 1]]).round(4)
        Array([1.], dtype=float32)
    """
    y_true, y_pred = comparable(y_true, y_pred)
    least = settings.current.epsilon
    first = ops.log(ops.maximum(y_pred, least) + 1.0)
    second = ops.log(ops.maximum(y_true, least) + 1.0)
    return ops.mean(ops.square(first - second), axis=-1)


@in_full_precision
def huber(y_true: Tensor, y_pred: Tensor, delta: float = 1.0) -> Tensor:
    """Squared up to an error of `delta`, straight beyond: mean over the last axis of

    `e**2 / 2` where `abs(e) <= delta`, else `delta * (abs(e) - delta / 2)`.

    Args:
        y_true: targets, `(batch, ..., d)`.
        y_pred: predictions, same shape.
        delta: where the curve becomes a line.

    Example:

        >>> huber([[0.0], [0.0]], [[1.0], [3.0]]).tolist()
        [0.5, 2.5]
    """
    y_true, y_pred = comparable(y_true, y_pred)
    size = ops.abs(y_pred - y_true)
    # A branch that is not taken has a slope, too, which must not overflow.
    curve = 0.5 * ops.square(ops.minimum(size, 2.0 * delta))
    return ops.mean(ops.where(size <= delta, curve, delta * size - 0.5 * delta**2), axis=-1)


@in_full_precision
def log_cosh(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """`mean(log(cosh(y_pred - y_true)))` over the last axis: a smooth absolute error.

    Example:

        >>> log_cosh([[0.0]], [[1000.0]]).round(1)
        Array([999.3], dtype=float32)
    """
    y_true, y_pred = comparable(y_true, y_pred)
    size = ops.abs(y_pred - y_true)
    # log(cosh(e)) without overflow
    return ops.mean(size + ops.softplus(-2.0 * size) - math.log(2.0), axis=-1)


@in_full_precision
def cosine_similarity(y_true: Tensor, y_pred: Tensor, axis: int = -1) -> Tensor:
    """Minus the cosine of the angle between the vectors: -1 the same direction, 1 the opposite.

    Args:
        y_true: vectors along `axis`.
        y_pred: same shape.
        axis: along which the vectors lie, and which is folded.

    Example:

        >>> cosine_similarity([[1.0, 0.0]], [[2.0, 0.0]]).tolist()
        [-1.0]
    """
    y_true, y_pred = (_direction(y, axis) for y in comparable(y_true, y_pred))
    return -ops.sum(y_true * y_pred, axis=axis)


def _direction(vectors: Tensor, axis: int) -> Tensor:
    """The vectors with length one; zero stays zero."""
    # Squares of large numbers overflow. The direction does not depend on the scale, so neither does
    # its gradient. (Beyond 1e30 the inverse of the scale would vanish.)
    scale = ops.clip(ops.max(ops.abs(vectors), axis=axis, keepdims=True), 1.0, 1e30)
    return ops.normalize(vectors / ops.stop_gradient(scale), axis=axis)


# ---- distributions ----------------------------------------------------------------------------


@in_full_precision
def kl_divergence(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """`sum(y_true * log(y_true / y_pred))` over the last axis, of probabilities.

    Example:

        >>> kl_divergence([[0.5, 0.5]], [[0.5, 0.5]]).tolist()
        [0.0]
    """
    y_true, y_pred = comparable(y_true, y_pred)
    y_true = ops.clip(y_true, settings.current.epsilon, 1)
    y_pred = ops.clip(y_pred, settings.current.epsilon, 1)
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


@in_full_precision
def poisson(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """`mean(y_pred - y_true * log(y_pred))` over the last axis: counts and their expectations.

    A negative expectation counts as zero.

    Example:

        >>> poisson([[2.0]], [[1.0]]).round(4)
        Array([1.], dtype=float32)
    """
    y_true, y_pred = comparable(y_true, y_pred)
    y_pred = ops.where(y_pred < 0, 0.0, y_pred)
    return ops.mean(y_pred - y_true * ops.log(y_pred + settings.current.epsilon), axis=-1)


# ---- margins ----------------------------------------------------------------------------------


def _signs(y_true: Tensor) -> Tensor:
    """Targets of 0 and 1 as -1 and 1; others, -1 and 1 above all, as they are."""
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0), ops.equal(y_true, 1)))
    return ops.where(binary, 2.0 * y_true - 1.0, y_true)


@in_full_precision
def hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """`mean(max(1 - y_true * y_pred, 0))` over the last axis; targets -1 and 1, or 0 and 1.

    Example:

        >>> hinge([[-1.0, 1.0]], [[-2.0, 0.0]]).tolist()
        [0.5]
    """
    y_true, y_pred = comparable(y_true, y_pred)
    return ops.mean(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0), axis=-1)


@in_full_precision
def squared_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """`mean(max(1 - y_true * y_pred, 0)**2)` over the last axis; targets as in `hinge`.

    Example:

        >>> squared_hinge([[-1.0, 1.0]], [[-2.0, -1.0]]).tolist()
        [2.0]
    """
    y_true, y_pred = comparable(y_true, y_pred)
    return ops.mean(ops.square(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0)), axis=-1)


@in_full_precision
def categorical_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """`max(1 + best wrong score - right score, 0)` of one-hot targets, over the last axis.

    Example:

        >>> categorical_hinge([[0.0, 1.0]], [[0.5, 0.75]]).tolist()
        [0.75]
    """
    y_true, y_pred = comparable(y_true, y_pred)
    right = ops.sum(y_true * y_pred, axis=-1)
    wrong = ops.max((1.0 - y_true) * y_pred, axis=-1)
    return ops.maximum(wrong - right + 1.0, 0.0)


# ---- overlap, embeddings, sequences -----------------------------------------------------------


@in_full_precision
def dice(y_true: Tensor, y_pred: Tensor, axis: Axis = None) -> Tensor:
    """`1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred))` over `axis`.

    Args:
        y_true: masks, 0 or 1, any shape.
        y_pred: same shape.
        axis: an int or several; all axes together if None, which gives one number.

    Example:

        >>> dice([[1.0, 0.0]], [[1.0, 1.0]]).round(4)
        Array(0.3333, dtype=float32)
    """
    y_true, y_pred = _masks(y_true, y_pred)
    both = ops.sum(y_true * y_pred, axis=axis)
    size = ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis)
    return 1.0 - _share(2.0 * both, size)


def _masks(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """A mask and a predicted one, whose sums and their squares are finite."""
    y_true, y_pred = comparable(y_true, y_pred)
    return y_true, ops.clip(y_pred, -1e12, 1e12)


def _share(part: Tensor, whole: Tensor) -> Tensor:
    """`part / whole`; a whole that is zero, or negative as no mask makes it, counts as epsilon."""
    return part / (ops.relu(whole) + settings.current.epsilon)


@in_full_precision
def tversky(
    y_true: Tensor, y_pred: Tensor, alpha: float = 0.5, beta: float = 0.5, axis: Axis = None
) -> Tensor:
    """`1 - TP / (TP + alpha * FN + beta * FP)` over `axis` (Salehi et al. 2017).

    As in Keras, whose documentation says it the other way round, alpha weighs what is missed.

    Args:
        y_true: masks, 0 or 1, any shape.
        y_pred: same shape.
        alpha: weight of the false negatives.
        beta: weight of the false positives.
        axis: an int or several; all axes together if None, which gives one number.

    Example:

        >>> float(tversky([[1.0, 0.0]], [[1.0, 1.0]], alpha=0.0, beta=1.0))
        0.5
    """
    y_true, y_pred = _masks(y_true, y_pred)
    found = ops.sum(y_true * y_pred, axis=axis)
    false = ops.sum((1.0 - y_true) * y_pred, axis=axis)
    missed = ops.sum(y_true * (1.0 - y_pred), axis=axis)
    return 1.0 - _share(found, found + alpha * missed + beta * false)


@in_full_precision
def circle(
    y_true: Tensor,
    y_pred: Tensor,
    ref_labels: Tensor | None = None,
    ref_embeddings: Tensor | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Tensor:
    """Pulls embeddings of one class together and pushes others apart (Sun et al. 2020).

    With `s` the cosine to each reference: `log(1 + sum exp(gamma * a_n * (s_n - margin)) *
    sum exp(-gamma * a_p * (s_p - 1 + margin)))`, `a` the distance of `s` from where it should be,
    the first sum over other classes and the second over the same class.

    Args:
        y_true: class numbers, `(batch,)`.
        y_pred: embeddings of length one, `(batch, d)`.
        ref_labels: classes of the references, `(refs,)`; those of the batch if None.
        ref_embeddings: references, `(refs, d)`; the batch itself if None.
        remove_diagonal: leave out the pair of each embedding with itself.
        gamma: scale of the similarities.
        margin: how far they should be apart.

    Returns:
        `(batch,)`, with a mask: False where there is no other embedding of the class.

    Example:

        >>> circle([0, 1], [[1.0, 0.0], [0.0, 1.0]]).tolist()
        [0.0, 0.0]
    """
    y_pred = _bounded(tensor(y_pred))
    labels = ops.reshape(ops.cast(tensor(y_true), "int32"), (-1, 1))
    refs = ref_embeddings
    refs = y_pred if refs is None else _bounded(ops.cast(tensor(refs), y_pred.dtype))
    ref_labels = labels if ref_labels is None else ops.cast(tensor(ref_labels), "int32")
    ref_labels = ops.reshape(ref_labels, (1, -1))

    far = 1.0 - margin - (similarity := ops.matmul(y_pred, ops.transpose(refs)))  # (batch, refs)
    same = ops.equal(labels, ref_labels)
    other = ops.logical_not(same)
    if remove_diagonal:
        rows, columns = ops.arange(y_pred.shape[0]), ops.arange(refs.shape[0])
        same = ops.logical_and(same, ops.expand_dims(rows, 1) != ops.expand_dims(columns, 0))
    # How far each similarity is from where it should be.
    pull, push = ops.relu(1.0 + margin - similarity), ops.relu(similarity + margin)
    positive = _log_sum_where(same, gamma * pull * far)
    negative = _log_sum_where(other, gamma * push * (similarity - margin))
    values = ops.softplus(positive + negative)
    set_mask(values, values > 0)  # a sample alone in its class says nothing, and does not count
    return values


def _bounded(embeddings: Tensor) -> Tensor:
    """Embeddings, which have length one, so near to that that products of cosines are finite."""
    return ops.clip(embeddings, -1e6, 1e6)


def _log_sum_where(where: Tensor, x: Tensor) -> Tensor:
    """`log(sum(exp(x)))` over the last axis, of what `where` takes; a large negative if nothing."""
    return ops.logsumexp(ops.where(where, x, ops.full_like(x, -1e9)), axis=-1)


@in_full_precision
def ctc(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Connectionist temporal classification: minus the log probability of a label sequence.

    Class 0 is the blank, and fills up label sequences that are shorter than others.

    Args:
        y_true: class numbers, `(batch, labels)`.
        y_pred: logits, `(batch, time, classes)`.

    Returns:
        `(batch,)`.

    Raises:
        ValueError: the ranks are others.

    Example:

        >>> ctc([[1]], [[[0.0, 0.0]]]).round(4)
        Array([0.6931], dtype=float32)
    """
    y_true, y_pred = tensor(y_true), tensor(y_pred)
    if len(y_true.shape) != 2 or len(y_pred.shape) != 3:
        raise value_error(
            "CTC takes labels (batch, labels) and logits (batch, time, classes).",
            y_true=tuple(y_true.shape),
            y_pred=tuple(y_pred.shape),
        )
    y_true = ops.cast(y_true, "int32")
    y_pred = ops.clip(y_pred, -1e30, 1e30)  # so that sums over the steps are finite
    lengths = ops.sum(ops.ones_like(y_pred[..., 0], dtype="int32"), axis=-1)
    label_lengths = ops.sum(ops.cast(ops.not_equal(y_true, 0), "int32"), axis=-1)
    return ops.ctc_loss(y_true, y_pred, label_lengths, lengths, mask_index=0)
