"""Cross-entropies, with the focal and generalized ones: one loss per sample.

If the logits of the given probabilities are known (`core.logits.logits_of`), they are used instead,
which is faster, and exact for probabilities near zero. Otherwise probabilities are clipped to
`[epsilon, 1 - epsilon]`.
"""

from collections.abc import Sequence

from cornu import ops, settings
from cornu.core.logits import logits_of
from cornu.core.masks import set_mask
from cornu.errors import value_error
from cornu.losses.loss import in_full_precision, paired, tensor
from cornu.numeric import is_integer
from cornu.types import Tensor


def _smoothed_binary(y_true: Tensor, label_smoothing: float) -> Tensor:
    return y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y_true


@in_full_precision
def binary_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Binary cross-entropy, `mean(-y_true * log(p) - (1 - y_true) * log(1 - p))` over `axis`.

    Args:
        y_true: binary targets, 0 or 1, `(batch, ..., d)`.
        y_pred: probabilities of class 1, same shape.
        from_logits: whether `y_pred` holds logits; the probabilities are their sigmoid.
        label_smoothing: fraction in [0, 1] by which targets move towards 1/2.
        axis: axis of the mean.

    Raises:
        ValueError: the shapes differ.

    Example:

        >>> binary_crossentropy([[1.0, 0.0]], [[0.5, 0.5]]).round(4)
        Array([0.6931], dtype=float32)
    """
    logits = None if from_logits else logits_of(y_pred, "sigmoid")
    y_true, y_pred = paired(y_true, y_pred if logits is None else logits)
    if len(y_true.shape) != len(y_pred.shape) or _differ(y_true.shape, y_pred.shape):
        raise value_error(
            "Binary cross-entropy needs one target per output.",
            y_true=tuple(y_true.shape),
            y_pred=tuple(y_pred.shape),
            fix='one class of several, after a softmax: loss="sparse_categorical_crossentropy"\n'
            "several binary labels: targets with the shape of the output (to_categorical).",
        )
    y_true = _smoothed_binary(y_true, label_smoothing)
    values = ops.binary_crossentropy(y_true, y_pred, from_logits or logits is not None)
    return ops.mean(values, axis=axis)


def _differ(a: Tensor, b: Tensor) -> bool:
    """Whether two shapes of the same rank have known sizes that differ."""
    return any(None not in (m, n) and m != n for m, n in zip(a, b, strict=True))


def _smoothed_categorical(y_true: Tensor, label_smoothing: float, axis: int) -> Tensor:
    if not label_smoothing:
        return y_true
    return y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[axis]


def _checked_axis(y_true: Tensor, y_pred: Tensor, axis: int) -> None:
    if len(y_true.shape) != len(y_pred.shape) or _differ(y_true.shape, y_pred.shape):
        raise value_error(
            "Categorical cross-entropy needs targets with one probability per class.",
            y_true=tuple(y_true.shape),
            y_pred=tuple(y_pred.shape),
            fix="integer labels as targets: sparse_categorical_crossentropy.\n"
            f"or y = keras.utils.to_categorical(y, {y_pred.shape[-1]})",
        )
    if not -len(y_pred.shape) <= axis < len(y_pred.shape):
        raise value_error(f"axis={axis} is out of range.", y_pred=tuple(y_pred.shape))


@in_full_precision
def categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Cross-entropy, `-sum(y_true * log(p))` over the classes.

    Args:
        y_true: target probabilities per class, usually one-hot, `(batch, ..., classes)`.
        y_pred: predicted probabilities, same shape; normalized to sum to one.
        from_logits: whether `y_pred` holds logits; the probabilities are their softmax.
        label_smoothing: fraction in [0, 1] by which targets move towards the uniform distribution.
        axis: axis of the classes.

    Raises:
        ValueError: the shapes differ.

    Example:

        >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
        Array([0.6931], dtype=float32)
    """
    y_pred = tensor(y_pred)
    last = axis in (-1, len(y_pred.shape) - 1)
    logits = None if from_logits or not last else logits_of(y_pred, "softmax")
    y_true, y_pred = paired(y_true, y_pred if logits is None else logits)
    _checked_axis(y_true, y_pred, axis)
    y_true = _smoothed_categorical(y_true, label_smoothing, axis)
    from_logits = from_logits or logits is not None
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


@in_full_precision
def sparse_categorical_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Tensor:
    """Cross-entropy of integer labels, `-log(p[y_true])`.

    Args:
        y_true: integer labels, `(batch, ...)` or `(batch, ..., 1)`.
        y_pred: probabilities per class, `(batch, ..., classes)`.
        from_logits: whether `y_pred` holds logits; the probabilities are their softmax.
        ignore_class: label at which the loss is zero and left out of means; None for none.
        axis: axis of the classes.

    Raises:
        ValueError: the shapes do not match.

    Example:

        >>> sparse_categorical_crossentropy([1, 0], [[0.5, 0.5], [1.0, 0.0]]).round(4)
        Array([0.6931, 0.    ], dtype=float32)
    """
    y_pred, y_true = tensor(y_pred), tensor(y_true)
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
        raise value_error(
            "Sparse categorical cross-entropy needs one integer label per prediction.",
            y_true=tuple(y_true.shape),
            y_pred=tuple(y_pred.shape),
            fix="one-hot targets: categorical_crossentropy.\nor y = y.argmax(-1)\n"
            "an image or a sequence as output: Flatten or pooling before the last layer.",
        )
    if not is_integer(y_true.dtype):
        y_true = ops.cast(y_true, "int32")
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits)
    counts = ops.not_equal(y_true, ops.cast(ignore_class, y_true.dtype))
    y_true = ops.where(counts, y_true, ops.zeros_like(y_true))
    loss = ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits)
    loss = ops.where(counts, loss, ops.zeros_like(loss))
    set_mask(loss, counts)
    return loss


# The loss of a label outside the classes is NaN, also when multiplied by a weight of zero.
PLACEHOLDER_LABEL = 0
sparse_categorical_crossentropy._placeholder_label = PLACEHOLDER_LABEL  # type: ignore[attr-defined]


@in_full_precision
def binary_focal_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Focal loss, binary cross-entropy times `(1 - p_t)**gamma` (Lin et al. 2018).

    `p_t` is the predicted probability of the true class, so easy examples count less.

    Args:
        y_true: binary targets, 0 or 1, `(batch, ..., d)`.
        y_pred: probabilities of class 1, same shape.
        apply_class_balancing: whether to weight class 1 by `alpha` and class 0 by `1 - alpha`.
        alpha: weight of class 1.
        gamma: focusing parameter; larger values weight easy examples less.
        from_logits: whether `y_pred` holds logits instead of probabilities.
        label_smoothing: fraction in [0, 1] by which targets move towards 1/2.
        axis: axis of the mean.

    Example:

        >>> binary_focal_crossentropy([[1.0]], [[0.5]]).round(4)
        Array([0.1733], dtype=float32)
    """
    y_true, y_pred = paired(y_true, y_pred)
    y_true = _smoothed_binary(y_true, label_smoothing)
    p = ops.sigmoid(y_pred) if from_logits else _probability(y_pred)
    values = ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits)
    p_true = y_true * p + (1.0 - y_true) * (1.0 - p)
    values = values * _modulation(p_true, gamma)
    if apply_class_balancing:
        values = values * (y_true * alpha + (1.0 - y_true) * (1.0 - alpha))
    return ops.mean(values, axis=axis)


def _probability(p: Tensor) -> Tensor:
    """`p` clipped to [0, 1], with gradient 1 at both ends, where that of `clip` is 1/2."""
    return ops.where(p < 0.0, 0.0, ops.where(p > 1.0, 1.0, p))


def _modulation(p_true: Tensor, gamma: float) -> Tensor:
    """`(1 - p_true)**gamma`, with a finite gradient at `p_true = 1`."""
    return ops.power(ops.maximum(1.0 - p_true, settings.current.epsilon), gamma)


@in_full_precision
def categorical_focal_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    alpha: float | Sequence[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Focal loss, `sum(-alpha * (1 - p)**gamma * y_true * log(p))` (Lin et al. 2018).

    Args:
        y_true: one-hot targets, `(batch, ..., classes)`.
        y_pred: probabilities per class, same shape; normalized to sum to one.
        alpha: weight of the classes, a number or one per class.
        gamma: focusing parameter; larger values weight easy examples less.
        from_logits: whether `y_pred` holds logits instead of probabilities.
        label_smoothing: fraction in [0, 1] by which targets move towards the uniform distribution.
        axis: axis of the classes, which is summed over.

    Example:

        >>> categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
        Array([0.0433], dtype=float32)
    """
    y_true, y_pred = paired(y_true, y_pred)
    _checked_axis(y_true, y_pred, axis)
    y_true = _smoothed_categorical(y_true, label_smoothing, axis)
    p = ops.softmax(y_pred, axis=axis) if from_logits else y_pred
    total = ops.sum(p, axis=axis, keepdims=True)
    p = p / ops.where(total > 1e-12, total, 1e-12)  # neither zero nor the NaN of inf - inf
    p = ops.clip(p, settings.current.epsilon, 1.0 - settings.current.epsilon)
    weight = _modulation(p, gamma) * ops.cast(ops.convert_to_tensor(alpha), p.dtype)
    return -ops.sum(weight * y_true * ops.log(p), axis=axis)


@in_full_precision
def categorical_generalized_cross_entropy(y_true: Tensor, y_pred: Tensor, q: float) -> Tensor:
    """Loss robust to label noise, `(1 - p[y_true]**q) / q` (Zhang & Sabuncu 2018).

    Args:
        y_true: integer labels, `(batch,)`.
        y_pred: probabilities per class, `(batch, classes)`.
        q: exponent; cross-entropy as it goes to 0, mean absolute error at 1.

    Example:

        >>> categorical_generalized_cross_entropy([1], [[0.75, 0.25]], q=0.5).tolist()
        [1.0]
    """
    y_pred, y_true = tensor(y_pred), tensor(y_true)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    if len(y_true.shape) != len(y_pred.shape) - 1:
        raise value_error(
            "Generalized cross-entropy needs one integer label per prediction.",
            y_true=tuple(y_true.shape),
            y_pred=tuple(y_pred.shape),
            fix="one-hot targets: y = y.argmax(-1)",
        )
    hot = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=y_pred.dtype)
    p = ops.sum(hot * y_pred, axis=-1)
    # The gradient of the power is unbounded at 0, so it is linear below epsilon.
    small = settings.current.epsilon
    power = ops.power(ops.maximum(p, small), q)
    power = ops.where(p < small, p * small ** (q - 1.0), power)
    return (1.0 - power) / q
