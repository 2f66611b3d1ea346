"""Loss functions: one loss per sample from targets and predictions.

All take `(y_true, y_pred)` of shape `(batch, ..., d)` and reduce the last axis, unless documented
otherwise. The cross-entropies are in `crossentropy.py`.
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
    """Mean squared error, `mean((y_true - y_pred)**2)`: `(batch, ..., d) -> (batch, ...)`.

    Example:

        >>> mean_squared_error([[0.0, 1.0]], [[2.0, 1.0]]).tolist()
        [2.0]
    """
    y_true, y_pred = comparable(y_true, y_pred)
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


@in_full_precision
def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Mean absolute error, `mean(abs(y_true - y_pred))`: `(batch, ..., d) -> (batch, ...)`.

    Example:

        >>> mean_absolute_error([[0.0, 1.0]], [[3.0, 1.0]]).tolist()
        [1.5]
    """
    y_true, y_pred = comparable(y_true, y_pred)
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


@in_full_precision
def mean_absolute_percentage_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Mean absolute percentage error, `100 * mean(abs(y_true - y_pred) / abs(y_true))`.

    The denominator is at least `epsilon`.

    Example:

        >>> mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 4.0]]).tolist()
        [25.0]
    """
    y_true, y_pred = comparable(y_true, y_pred)
    size = ops.maximum(ops.abs(y_true), settings.current.epsilon)
    return 100.0 * ops.mean(ops.abs((y_true - y_pred) / size), axis=-1)


@in_full_precision
def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Mean squared logarithmic error, `mean((log(1 + y_true) - log(1 + y_pred))**2)`.

    Values below `epsilon`, also negative ones, are replaced by `epsilon`.

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
    """Huber loss: quadratic for errors up to `delta`, linear beyond.

    With `e = y_pred - y_true` it is the mean of `e**2 / 2` where `abs(e) <= delta`, and of
    `delta * (abs(e) - delta / 2)` elsewhere.

    Args:
        y_true: targets, `(batch, ..., d)`.
        y_pred: predictions, same shape.
        delta: error at which the loss becomes linear.

    Example:

        >>> huber([[0.0], [0.0]], [[1.0], [3.0]]).tolist()
        [0.5, 2.5]
    """
    y_true, y_pred = comparable(y_true, y_pred)
    size = ops.abs(y_pred - y_true)
    # The branch that is not taken has a gradient too, which must not overflow.
    quadratic = 0.5 * ops.square(ops.minimum(size, 2.0 * delta))
    return ops.mean(ops.where(size <= delta, quadratic, delta * size - 0.5 * delta**2), axis=-1)


@in_full_precision
def log_cosh(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Log-cosh loss, `mean(log(cosh(y_pred - y_true)))`: a smooth absolute error.

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
    """Negative cosine similarity: -1 for the same direction, 1 for the opposite.

    Args:
        y_true: target vectors along `axis`.
        y_pred: predicted vectors, same shape.
        axis: axis of the vectors, which is reduced.

    Example:

        >>> cosine_similarity([[1.0, 0.0]], [[2.0, 0.0]]).tolist()
        [-1.0]
    """
    y_true, y_pred = (_direction(y, axis) for y in comparable(y_true, y_pred))
    return -ops.sum(y_true * y_pred, axis=axis)


def _direction(vectors: Tensor, axis: int) -> Tensor:
    """The vectors, normalized to unit length; zero vectors stay zero."""
    # Squares of large numbers overflow. The direction does not depend on the scale, nor does
    # its gradient. (Beyond 1e30 the inverse of the scale would underflow.)
    scale = ops.clip(ops.max(ops.abs(vectors), axis=axis, keepdims=True), 1.0, 1e30)
    return ops.normalize(vectors / ops.stop_gradient(scale), axis=axis)


# ---- distributions ----------------------------------------------------------------------------


@in_full_precision
def kl_divergence(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Kullback-Leibler divergence, `sum(y_true * log(y_true / y_pred))`, of probabilities.

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
    """Poisson negative log-likelihood, up to a constant: `mean(y_pred - y_true * log(y_pred))`.

    `y_true` holds counts and `y_pred` their expected values; negative ones are set to zero.

    Example:

        >>> poisson([[2.0]], [[1.0]]).round(4)
        Array([1.], dtype=float32)
    """
    y_true, y_pred = comparable(y_true, y_pred)
    y_pred = ops.where(y_pred < 0, 0.0, y_pred)
    return ops.mean(y_pred - y_true * ops.log(y_pred + settings.current.epsilon), axis=-1)


# ---- margins ----------------------------------------------------------------------------------


def _signs(y_true: Tensor) -> Tensor:
    """Targets of 0 and 1 mapped to -1 and 1; other targets unchanged."""
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0), ops.equal(y_true, 1)))
    return ops.where(binary, 2.0 * y_true - 1.0, y_true)


@in_full_precision
def hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Hinge loss, `mean(max(1 - y_true * y_pred, 0))`, for targets -1 and 1, or 0 and 1.

    Example:

        >>> hinge([[-1.0, 1.0]], [[-2.0, 0.0]]).tolist()
        [0.5]
    """
    y_true, y_pred = comparable(y_true, y_pred)
    return ops.mean(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0), axis=-1)


@in_full_precision
def squared_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Squared hinge loss, `mean(max(1 - y_true * y_pred, 0)**2)`; targets as in `hinge`.

    Example:

        >>> squared_hinge([[-1.0, 1.0]], [[-2.0, -1.0]]).tolist()
        [2.0]
    """
    y_true, y_pred = comparable(y_true, y_pred)
    return ops.mean(ops.square(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0)), axis=-1)


@in_full_precision
def categorical_hinge(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Multi-class hinge loss, `max(1 + highest wrong score - true score, 0)`; one-hot targets.

    Example:

        >>> categorical_hinge([[0.0, 1.0]], [[0.5, 0.75]]).tolist()
        [0.75]
    """
    y_true, y_pred = comparable(y_true, y_pred)
    true = ops.sum(y_true * y_pred, axis=-1)
    wrong = ops.max((1.0 - y_true) * y_pred, axis=-1)
    return ops.maximum(wrong - true + 1.0, 0.0)


# ---- overlap, embeddings, sequences -----------------------------------------------------------


@in_full_precision
def dice(y_true: Tensor, y_pred: Tensor, axis: Axis = None) -> Tensor:
    """Dice loss, `1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred))` over `axis`.

    Args:
        y_true: target masks, 0 or 1, any shape.
        y_pred: predicted masks, same shape.
        axis: axis or axes to reduce; all axes, for a scalar, if None.

    Example:

        >>> dice([[1.0, 0.0]], [[1.0, 1.0]]).round(4)
        Array(0.3333, dtype=float32)
    """
    y_true, y_pred = _masks(y_true, y_pred)
    overlap = ops.sum(y_true * y_pred, axis=axis)
    size = ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis)
    return 1.0 - _ratio(2.0 * overlap, size)


def _masks(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Target and predicted mask, clipped so that their sums and the squares of these are finite."""
    y_true, y_pred = comparable(y_true, y_pred)
    return y_true, ops.clip(y_pred, -1e12, 1e12)


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    """`part / (whole + epsilon)`; a negative whole, which masks never have, is set to zero."""
    return part / (ops.relu(whole) + settings.current.epsilon)


@in_full_precision
def tversky(
    y_true: Tensor, y_pred: Tensor, alpha: float = 0.5, beta: float = 0.5, axis: Axis = None
) -> Tensor:
    """Tversky loss, `1 - TP / (TP + alpha * FN + beta * FP)` over `axis` (Salehi et al. 2017).

    Args:
        y_true: target masks, 0 or 1, any shape.
        y_pred: predicted masks, same shape.
        alpha: weight of the false negatives, as in the code of Keras; its documentation says
            false positives.
        beta: weight of the false positives.
        axis: axis or axes to reduce; all axes, for a scalar, if None.

    Example:

        >>> float(tversky([[1.0, 0.0]], [[1.0, 1.0]], alpha=0.0, beta=1.0))
        0.5
    """
    y_true, y_pred = _masks(y_true, y_pred)
    tp = ops.sum(y_true * y_pred, axis=axis)
    fp = ops.sum((1.0 - y_true) * y_pred, axis=axis)
    fn = ops.sum(y_true * (1.0 - y_pred), axis=axis)
    return 1.0 - _ratio(tp, tp + alpha * fn + beta * fp)


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
    """Circle loss, which draws embeddings of a class together and others apart (Sun et al. 2020).

    `log(1 + sum(exp(gamma * a_n * (s_n - margin))) * sum(exp(-gamma * a_p * (s_p - 1 + margin))))`,
    where `s` are the cosine similarities to the references of other classes (`s_n`) and of the same
    class (`s_p`), and `a` are the distances to their optima, `-margin` and `1 + margin`.

    Args:
        y_true: integer labels, `(batch,)`.
        y_pred: embeddings of unit length, `(batch, d)`.
        ref_labels: labels of the references, `(refs,)`; those of the batch if None.
        ref_embeddings: reference embeddings, `(refs, d)`; those of the batch if None.
        remove_diagonal: whether to leave out the pair of each embedding with itself.
        gamma: scale of the similarities.
        margin: relaxation margin of the similarities, in [0, 1].

    Returns:
        `(batch,)`, with a mask that is False where there is no other embedding of the class.

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
    # Distances of the similarities to their optima, which weight them.
    pull, push = ops.relu(1.0 + margin - similarity), ops.relu(similarity + margin)
    positive = _log_sum_where(same, gamma * pull * far)
    negative = _log_sum_where(other, gamma * push * (similarity - margin))
    values = ops.softplus(positive + negative)
    set_mask(values, values > 0)  # a sample without a pair in its class does not count
    return values


def _bounded(embeddings: Tensor) -> Tensor:
    """Embeddings, clipped so that similarities and their products are finite."""
    return ops.clip(embeddings, -1e6, 1e6)


def _log_sum_where(where: Tensor, x: Tensor) -> Tensor:
    """`log(sum(exp(x)))` over the last axis where `where` is True; about -1e9 if it is nowhere."""
    return ops.logsumexp(ops.where(where, x, ops.full_like(x, -1e9)), axis=-1)


@in_full_precision
def ctc(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """Connectionist temporal classification: the negative log probability of a label sequence.

    Class 0 is the blank, and pads shorter label sequences.

    Args:
        y_true: integer labels, `(batch, labels)`.
        y_pred: logits, `(batch, time, classes)`.

    Returns:
        `(batch,)`.

    Raises:
        ValueError: an argument has the wrong rank.

    Example:

        >>> ctc([[1]], [[[0.0, 0.0]]]).round(4)
        Array([0.6931], dtype=float32)
    """
    y_true, y_pred = tensor(y_true), tensor(y_pred)
    if len(y_true.shape) != 2 or len(y_pred.shape) != 3:
        raise value_error(
            "CTC needs labels of shape (batch, labels) and logits of shape (batch, time, classes).",
            y_true=tuple(y_true.shape),
            y_pred=tuple(y_pred.shape),
        )
    y_true = ops.cast(y_true, "int32")
    y_pred = ops.clip(y_pred, -1e30, 1e30)  # so that sums over time are finite
    lengths = ops.sum(ops.ones_like(y_pred[..., 0], dtype="int32"), axis=-1)
    label_lengths = ops.sum(ops.cast(ops.not_equal(y_true, 0), "int32"), axis=-1)
    return ops.ctc_loss(y_true, y_pred, label_lengths, lengths, mask_index=0)
