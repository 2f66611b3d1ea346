"""The loss functions: targets and predictions in, one loss a sample out.

All take `(y_true, y_pred)` of shape `(batch, ..., d)` and fold the last axis, unless they say
otherwise. A cross-entropy of probabilities looks first whether their logits are known
(`activations.logits_of`) and then starts from these, which is exact where the probability is near
zero, and faster; else the probabilities are kept `epsilon` away from 0 and 1.
"""

import math
from typing import Any

from cornu import ops, settings
from cornu.activations import logits_of
from cornu.core.masks import set_mask
from cornu.core.serialize import register_functions
from cornu.core.symbolic import is_symbolic
from cornu.errors import explain
from cornu.losses.loss import same_rank


def _tensor(x: Any) -> Any:
    return x if is_symbolic(x) else ops.convert_to_tensor(x)


def paired(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Both as tensors of the dtype of `y_pred` and, where a last axis of one differs, one rank."""
    y_pred = _tensor(y_pred)
    y_true = _tensor(y_true)
    if str(y_true.dtype) != str(y_pred.dtype):
        y_true = ops.cast(y_true, y_pred.dtype)
    return same_rank(y_true, y_pred)


# ---- distances --------------------------------------------------------------------------------


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """`mean((y_true - y_pred)**2)` over the last axis: `(batch, ..., d) -> (batch, ...)`.

    Example:

        >>> mean_squared_error([[0.0, 1.0]], [[2.0, 1.0]]).tolist()
        [2.0]
    """
    y_true, y_pred = paired(y_true, y_pred)
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """`mean(abs(y_true - y_pred))` over the last axis: `(batch, ..., d) -> (batch, ...)`.

    Example:

        >>> mean_absolute_error([[0.0, 1.0]], [[3.0, 1.0]]).tolist()
        [1.5]
    """
    y_true, y_pred = paired(y_true, y_pred)
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """`100 * mean(abs(y_true - y_pred) / abs(y_true))` over the last axis.

    A target nearer to zero than `epsilon` counts as `epsilon`.

    Example:

        >>> mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 4.0]]).tolist()
        [25.0]
    """
    y_true, y_pred = paired(y_true, y_pred)
    size = ops.maximum(ops.abs(y_true), settings.current.epsilon)
    return 100.0 * ops.mean(ops.abs((y_true - y_pred) / size), axis=-1)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """`mean((log(1 + y_true) - log(1 + y_pred))**2)` over the last axis.

    Values below `epsilon`, negative ones too, count as `epsilon`.

    Example:

        >>> mean_squared_logarithmic_error([[0.0]], [[math.e - 1]]).round(4)
        Array([1.], dtype=float32)
    """
    y_true, y_pred = paired(y_true, y_pred)
    least = settings.current.epsilon
    first = ops.log(ops.maximum(y_pred, least) + 1.0)
    second = ops.log(ops.maximum(y_true, least) + 1.0)
    return ops.mean(ops.square(first - second), axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
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
    y_true, y_pred = paired(y_true, y_pred)
    size = ops.abs(y_pred - y_true)
    return ops.mean(
        ops.where(size <= delta, 0.5 * ops.square(size), delta * size - 0.5 * delta**2), axis=-1
    )


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """`mean(log(cosh(y_pred - y_true)))` over the last axis: a smooth absolute error.

    Example:

        >>> log_cosh([[0.0]], [[1000.0]]).round(1)
        Array([999.3], dtype=float32)
    """
    y_true, y_pred = paired(y_true, y_pred)
    error = y_pred - y_true
    # log(cosh(e)) without overflow
    return ops.mean(error + ops.softplus(-2.0 * error) - math.log(2.0), axis=-1)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine of the angle between the vectors: -1 the same direction, 1 the opposite.

    Args:
        y_true: vectors along `axis`.
        y_pred: same shape.
        axis: along which the vectors lie, and which is folded.

    Example:

        >>> cosine_similarity([[1.0, 0.0]], [[2.0, 0.0]]).tolist()
        [-1.0]
    """
    y_true, y_pred = paired(y_true, y_pred)
    y_true = ops.normalize(y_true, axis=axis)
    y_pred = ops.normalize(y_pred, axis=axis)
    return -ops.sum(y_true * y_pred, axis=axis)


# ---- distributions ----------------------------------------------------------------------------


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """`sum(y_true * log(y_true / y_pred))` over the last axis, of probabilities.

    Example:

        >>> kl_divergence([[0.5, 0.5]], [[0.5, 0.5]]).tolist()
        [0.0]
    """
    y_true, y_pred = paired(y_true, y_pred)
    y_true = ops.clip(y_true, settings.current.epsilon, 1)
    y_pred = ops.clip(y_pred, settings.current.epsilon, 1)
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """`mean(y_pred - y_true * log(y_pred))` over the last axis: counts and their expectations.

    Example:

        >>> poisson([[2.0]], [[1.0]]).round(4)
        Array([1.], dtype=float32)
    """
    y_true, y_pred = paired(y_true, y_pred)
    return ops.mean(y_pred - y_true * ops.log(y_pred + settings.current.epsilon), axis=-1)


def _smoothed_binary(y_true: Any, label_smoothing: float) -> Any:
    return y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y_true


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """`mean(-y_true * log(p) - (1 - y_true) * log(1 - p))` over `axis`.

    Args:
        y_true: 0 or 1, `(batch, ..., d)`.
        y_pred: probabilities of 1, same shape.
        from_logits: `y_pred` are logits, whose sigmoid are the probabilities.
        label_smoothing: how far targets are moved towards 1/2: 0 not, 1 all the way.
        axis: over which the mean goes.

    Raises:
        ValueError: the shapes differ.

    Example:

        >>> binary_crossentropy([[1.0, 0.0]], [[0.5, 0.5]]).round(4)
        Array([0.6931], dtype=float32)
    """
    logits = None if from_logits else logits_of(y_pred, "sigmoid")
    y_true, y_pred = paired(y_true, y_pred if logits is None else logits)
    if len(y_true.shape) != len(y_pred.shape) or _differ(y_true.shape, y_pred.shape):
        raise ValueError(
            explain(
                "Binary cross-entropy needs a target for each output.",
                y_true=tuple(y_true.shape),
                y_pred=tuple(y_pred.shape),
                fix="one class of several: sparse_categorical_crossentropy after a softmax.\n"
                "several yes or no: targets of the shape of the output (to_categorical).",
            )
        )
    y_true = _smoothed_binary(y_true, label_smoothing)
    values = ops.binary_crossentropy(y_true, y_pred, from_logits or logits is not None)
    return ops.mean(values, axis=axis)


def _differ(a: Any, b: Any) -> bool:
    """Whether two shapes of one rank have sizes that are known and different."""
    return any(None not in (m, n) and m != n for m, n in zip(a, b, strict=True))


def _smoothed_categorical(y_true: Any, label_smoothing: float, axis: int) -> Any:
    if not label_smoothing:
        return y_true
    return y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[axis]


def _checked_axis(y_true: Any, y_pred: Any, axis: int) -> None:
    if len(y_true.shape) != len(y_pred.shape) or _differ(y_true.shape, y_pred.shape):
        raise ValueError(
            explain(
                "Categorical cross-entropy needs a probability of each class as target.",
                y_true=tuple(y_true.shape),
                y_pred=tuple(y_pred.shape),
                fix="class numbers as targets: sparse_categorical_crossentropy.\n"
                f"or keras.utils.to_categorical(y, {y_pred.shape[-1]}).",
            )
        )
    if not -len(y_pred.shape) <= axis < len(y_pred.shape):
        raise ValueError(explain(f"There is no axis {axis}.", y_pred=tuple(y_pred.shape)))


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """`-sum(y_true * log(p))` over the classes.

    Args:
        y_true: probabilities of the classes, one-hot as a rule, `(batch, ..., classes)`.
        y_pred: predicted probabilities, same shape; they are divided by their sum.
        from_logits: `y_pred` are logits, whose softmax are the probabilities.
        label_smoothing: how far targets are moved towards equal probabilities.
        axis: that of the classes.

    Raises:
        ValueError: the shapes differ.

    Example:

        >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
        Array([0.6931], dtype=float32)
    """
    y_pred = _tensor(y_pred)
    last = axis in (-1, len(y_pred.shape) - 1)
    logits = None if from_logits or not last else logits_of(y_pred, "softmax")
    y_true, y_pred = paired(y_true, y_pred if logits is None else logits)
    _checked_axis(y_true, y_pred, axis)
    y_true = _smoothed_categorical(y_true, label_smoothing, axis)
    from_logits = from_logits or logits is not None
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Any:
    """`-log(p[y_true])`: the cross-entropy of a class given by its number.

    Args:
        y_true: class numbers, `(batch, ...)` or `(batch, ..., 1)`.
        y_pred: probabilities of the classes, `(batch, ..., classes)`.
        from_logits: `y_pred` are logits, whose softmax are the probabilities.
        ignore_class: a class number at which the loss is zero, and is left out of means.
        axis: that of the classes.

    Raises:
        ValueError: `y_true` has another shape than `y_pred` without the classes.

    Example:

        >>> sparse_categorical_crossentropy([1, 0], [[0.5, 0.5], [1.0, 0.0]]).round(4)
        Array([0.6931, 0.    ], dtype=float32)
    """
    y_pred, y_true = _tensor(y_pred), _tensor(y_true)
    rank = len(y_pred.shape)
    last = axis in (-1, rank - 1)
    logits = None if from_logits or not last else logits_of(y_pred, "softmax")
    if logits is not None:
        y_pred, from_logits = logits, True
    if not last:
        y_pred = ops.moveaxis(y_pred, axis, -1)
    if len(y_true.shape) == rank and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    if len(y_true.shape) != rank - 1 or _differ(y_true.shape, y_pred.shape[:-1]):
        raise ValueError(
            explain(
                "Sparse categorical cross-entropy needs one class number for each prediction.",
                y_true=tuple(y_true.shape),
                y_pred=tuple(y_pred.shape),
                fix="one-hot targets: categorical_crossentropy, or y.argmax(-1).\n"
                "an image or a sequence as output: Flatten or pool it before the last layer.",
            )
        )
    if "int" not in str(y_true.dtype):
        y_true = ops.cast(y_true, "int32")
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits)
    counts = ops.not_equal(y_true, ops.cast(ignore_class, y_true.dtype))
    y_true = ops.where(counts, y_true, ops.zeros_like(y_true))
    loss = ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits)
    loss = ops.where(counts, loss, ops.zeros_like(loss))
    set_mask(loss, counts)
    return loss


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Binary cross-entropy times `(1 - p_t)**gamma`: what is right already counts little.

    `p_t` is the probability that was given to what is true (Lin et al. 2018).

    Args:
        y_true: 0 or 1, `(batch, ..., d)`.
        y_pred: probabilities of 1, same shape.
        apply_class_balancing: weigh 1 by `alpha` and 0 by `1 - alpha`.
        alpha: weight of class 1.
        gamma: how much easy examples are played down.
        from_logits: `y_pred` are logits.
        label_smoothing: how far targets are moved towards 1/2.
        axis: over which the mean goes.

    Example:

        >>> binary_focal_crossentropy([[1.0]], [[0.5]]).round(4)
        Array([0.1733], dtype=float32)
    """
    y_true, y_pred = paired(y_true, y_pred)
    y_true = _smoothed_binary(y_true, label_smoothing)
    p = ops.sigmoid(y_pred) if from_logits else y_pred
    values = ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits)
    p_true = y_true * p + (1.0 - y_true) * (1.0 - p)
    values = values * ops.power(1.0 - p_true, gamma)
    if apply_class_balancing:
        values = values * (y_true * alpha + (1.0 - y_true) * (1.0 - alpha))
    return ops.mean(values, axis=axis)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """`sum(-alpha * (1 - p)**gamma * y_true * log(p))` over the classes (Lin et al. 2018).

    Args:
        y_true: one-hot, `(batch, ..., classes)`.
        y_pred: probabilities of the classes, same shape; they are divided by their sum.
        alpha: weight of the classes, one number or one for each.
        gamma: how much easy examples are played down.
        from_logits: `y_pred` are logits.
        label_smoothing: how far targets are moved towards equal probabilities.
        axis: that of the classes.

    Example:

        >>> categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
        Array([0.0433], dtype=float32)
    """
    y_true, y_pred = paired(y_true, y_pred)
    _checked_axis(y_true, y_pred, axis)
    y_true = _smoothed_categorical(y_true, label_smoothing, axis)
    p = ops.softmax(y_pred, axis=axis) if from_logits else y_pred
    p = p / ops.sum(p, axis=axis, keepdims=True)
    p = ops.clip(p, settings.current.epsilon, 1.0 - settings.current.epsilon)
    weight = ops.power(1.0 - p, gamma) * ops.cast(ops.convert_to_tensor(alpha), p.dtype)
    return -ops.sum(weight * y_true * ops.log(p), axis=axis)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """`(1 - p[y_true]**q) / q`, which noisy labels pull less (Zhang & Sabuncu 2018).

    Args:
        y_true: class numbers, `(batch,)`.
        y_pred: probabilities of the classes, `(batch, classes)`.
        q: near 0 the cross-entropy, at 1 the mean absolute error.

    Example:

        >>> categorical_generalized_cross_entropy([1], [[0.75, 0.25]], q=0.5).tolist()
        [1.0]
    """
    y_pred, y_true = _tensor(y_pred), _tensor(y_true)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    if len(y_true.shape) != len(y_pred.shape) - 1:
        raise ValueError(
            explain(
                "Generalized cross-entropy needs one class number for each prediction.",
                y_true=tuple(y_true.shape),
                y_pred=tuple(y_pred.shape),
                fix="y.argmax(-1) for one-hot targets.",
            )
        )
    hot = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=y_pred.dtype)
    p = ops.sum(hot * y_pred, axis=-1)
    p = ops.clip(p, settings.current.epsilon, 1.0 - settings.current.epsilon)
    return (1.0 - ops.power(p, q)) / q


# ---- margins ----------------------------------------------------------------------------------


def _signs(y_true: Any) -> Any:
    """Targets of 0 and 1 as -1 and 1; others, -1 and 1 above all, as they are."""
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0), ops.equal(y_true, 1)))
    return ops.where(binary, 2.0 * y_true - 1.0, y_true)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """`mean(max(1 - y_true * y_pred, 0))` over the last axis; targets -1 and 1, or 0 and 1.

    Example:

        >>> hinge([[-1.0, 1.0]], [[-2.0, 0.0]]).tolist()
        [0.5]
    """
    y_true, y_pred = paired(y_true, y_pred)
    return ops.mean(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """`mean(max(1 - y_true * y_pred, 0)**2)` over the last axis; targets as in `hinge`.

    Example:

        >>> squared_hinge([[-1.0, 1.0]], [[-2.0, -1.0]]).tolist()
        [2.0]
    """
    y_true, y_pred = paired(y_true, y_pred)
    return ops.mean(ops.square(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """`max(1 + best wrong score - right score, 0)` of one-hot targets, over the last axis.

    Example:

        >>> categorical_hinge([[0.0, 1.0]], [[0.5, 0.75]]).tolist()
        [0.75]
    """
    y_true, y_pred = paired(y_true, y_pred)
    right = ops.sum(y_true * y_pred, axis=-1)
    wrong = ops.max((1.0 - y_true) * y_pred, axis=-1)
    return ops.maximum(wrong - right + 1.0, 0.0)


# ---- overlap, embeddings, sequences -----------------------------------------------------------


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """`1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred))` over `axis`.

    Args:
        y_true: masks, 0 or 1, any shape.
        y_pred: same shape.
        axis: an int or several; all axes together if None, which gives one number.

    Example:

        >>> dice([[1.0, 0.0]], [[1.0, 1.0]]).round(4)
        Array(0.3333, dtype=float32)
    """
    y_true, y_pred = paired(y_true, y_pred)
    both = ops.sum(y_true * y_pred, axis=axis)
    size = ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis)
    return 1.0 - ops.divide(2.0 * both, size + settings.current.epsilon)


def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None
) -> Any:
    """`1 - TP / (TP + alpha * FP + beta * FN)` over `axis` (Salehi et al. 2017).

    Args:
        y_true: masks, 0 or 1, any shape.
        y_pred: same shape.
        alpha: weight of what was found and is not there.
        beta: weight of what is there and was not found.
        axis: an int or several; all axes together if None, which gives one number.

    Example:

        >>> float(tversky([[1.0, 0.0]], [[1.0, 1.0]], alpha=1.0, beta=0.0))
        0.5
    """
    y_true, y_pred = paired(y_true, y_pred)
    found = ops.sum(y_true * y_pred, axis=axis)
    false = ops.sum((1.0 - y_true) * y_pred, axis=axis)
    missed = ops.sum(y_true * (1.0 - y_pred), axis=axis)
    return 1.0 - found / (found + alpha * false + beta * missed + settings.current.epsilon)


def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Any:
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
        `(batch,)`.

    Example:

        >>> circle([0, 1], [[1.0, 0.0], [0.0, 1.0]]).tolist()
        [0.0, 0.0]
    """
    y_pred = _tensor(y_pred)
    labels = ops.reshape(ops.cast(_tensor(y_true), "int32"), (-1, 1))
    refs = y_pred if ref_embeddings is None else ops.cast(_tensor(ref_embeddings), y_pred.dtype)
    ref_labels = labels if ref_labels is None else ops.cast(_tensor(ref_labels), "int32")
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
    return ops.softplus(positive + negative)


def _log_sum_where(where: Any, x: Any) -> Any:
    """`log(sum(exp(x)))` over the last axis, of what `where` takes; a large negative if nothing."""
    return ops.logsumexp(ops.where(where, x, ops.full_like(x, -1e9)), axis=-1)


def ctc(y_true: Any, y_pred: Any) -> Any:
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
    y_true, y_pred = _tensor(y_true), _tensor(y_pred)
    if len(y_true.shape) != 2 or len(y_pred.shape) != 3:
        raise ValueError(
            explain(
                "CTC takes labels (batch, labels) and logits (batch, time, classes).",
                y_true=tuple(y_true.shape),
                y_pred=tuple(y_pred.shape),
            )
        )
    y_true = ops.cast(y_true, "int32")
    lengths = ops.sum(ops.ones_like(y_pred[..., 0], dtype="int32"), axis=-1)
    label_lengths = ops.sum(ops.cast(ops.not_equal(y_true, 0), "int32"), axis=-1)
    return ops.ctc_loss(y_true, y_pred, label_lengths, lengths, mask_index=0)


FUNCTIONS = {
    function.__name__: function
    for function in (
        (binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy)
        + (categorical_focal_crossentropy, categorical_generalized_cross_entropy)
        + (categorical_hinge, circle, cosine_similarity, ctc, dice, hinge, huber, kl_divergence)
        + (log_cosh, mean_absolute_error, mean_absolute_percentage_error, mean_squared_error)
        + (mean_squared_logarithmic_error, poisson, sparse_categorical_crossentropy)
        + (squared_hinge, tversky)
    )
}
register_functions(FUNCTIONS)
