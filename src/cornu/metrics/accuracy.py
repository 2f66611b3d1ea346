"""Accuracies: the fraction of predictions that are correct.

The predicted class is the first maximum of a row of scores. Whether that is the target class needs
no `argmax`, which is many times slower than a maximum on a CPU: the score of the target class is
compared with the other scores.
"""

from cornu import ops
from cornu.core.graph.op import fused
from cornu.core.graph.operands import tensor
from cornu.core.objects.registry import register_functions
from cornu.errors import value_error
from cornu.kernels.crossentropy import picked_is_max
from cornu.losses.loss import same_rank
from cornu.metrics.reduction import MeanMetricWrapper, rising
from cornu.types import DTypeLike, Tensor


@rising
def accuracy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """1 where `y_pred` equals `y_true`, else 0; elementwise.

    Example:

        >>> accuracy([1, 2], [1, 3]).tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = same_rank(tensor(y_true), tensor(y_pred))
    return ops.cast(ops.equal(y_true, y_pred), "float32")


# Files name it, and the face does not, where this module has its name.
register_functions({"accuracy": accuracy})


@rising
def binary_accuracy(y_true: Tensor, y_pred: Tensor, threshold: float = 0.5) -> Tensor:
    """1 where `y_pred > threshold` equals `y_true`, else 0; elementwise.

    Example:

        >>> binary_accuracy([1, 1, 0], [0.9, 0.5, 0.1]).tolist()
        [1.0, 0.0, 1.0]
    """
    y_true, y_pred = same_rank(tensor(y_true), tensor(y_pred))
    predicted = ops.cast(y_pred > threshold, "float32")
    return ops.cast(ops.equal(ops.cast(y_true, "float32"), predicted), "float32")


@fused
def first_max(y: Tensor) -> Tensor:
    """Index of the first maximum along the last axis: `argmax`, as two plain reductions."""
    classes = y.shape[-1]
    column = ops.arange(classes, dtype="int32")
    is_max = ops.equal(y, ops.max(y, axis=-1, keepdims=True))
    return ops.min(ops.where(is_max, column, classes), axis=-1)


@rising
def categorical_accuracy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """1 where `argmax(y_true) == argmax(y_pred)`: `(batch, ..., classes) -> (batch, ...)`.

    Raises:
        ValueError: the shapes differ.

    Example:

        >>> categorical_accuracy([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]]).tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = tensor(y_true), tensor(y_pred)
    _same_shape(y_true, y_pred, "categorical_accuracy")
    return _is_first(y_pred, first_max(y_true))


@rising
def sparse_categorical_accuracy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """1 where `argmax(y_pred)` equals the integer label.

    Args:
        y_true: integer labels, `(batch, ...)` or `(batch, ..., 1)`.
        y_pred: scores per class, `(batch, ..., classes)`.

    Returns:
        `(batch, ...)`.

    Raises:
        ValueError: the shapes do not match.

    Example:

        >>> sparse_categorical_accuracy([1, 0], [[0.1, 0.9], [0.2, 0.8]]).tolist()
        [1.0, 0.0]
    """
    labels, y_pred = _labels(y_true, y_pred, "sparse_categorical_accuracy")
    return _is_first(y_pred, labels)


@fused
def _is_first(y_pred: Tensor, labels: Tensor) -> Tensor:
    """1 where the score of the label is the first maximum of its row."""
    return ops.cast(picked_is_max(y_pred, labels), "float32")


@rising
def top_k_categorical_accuracy(y_true: Tensor, y_pred: Tensor, k: int = 5) -> Tensor:
    """1 where the target class is among the `k` highest scores.

    Args:
        y_true: one-hot targets, `(batch, ..., classes)`.
        y_pred: scores per class, same shape.
        k: number of top scores to consider.

    Returns:
        `(batch, ...)`.

    Example:

        >>> top_k_categorical_accuracy([[0, 0, 1]], [[0.5, 0.2, 0.3]], k=2).tolist()
        [1.0]
    """
    y_true, y_pred = tensor(y_true), tensor(y_pred)
    _same_shape(y_true, y_pred, "top_k_categorical_accuracy")
    return _in_top_k(first_max(y_true), y_pred, k)


@rising
def sparse_top_k_categorical_accuracy(
    y_true: Tensor, y_pred: Tensor, k: int = 5, from_sorted_ids: bool = False
) -> Tensor:
    """1 where the integer label is among the `k` highest scores.

    Args:
        y_true: integer labels, `(batch, ...)` or `(batch, ..., 1)`.
        y_pred: scores per class, `(batch, ..., classes)`.
        k: number of top scores to consider.
        from_sorted_ids: whether `y_pred` holds class indices, best first, instead of scores.

    Returns:
        `(batch, ...)`.

    Example:

        >>> sparse_top_k_categorical_accuracy([2, 1], [[0.5, 0.2, 0.3]] * 2, k=2).tolist()
        [1.0, 0.0]
    """
    labels, y_pred = _labels(y_true, y_pred, "sparse_top_k_categorical_accuracy")
    if from_sorted_ids:
        ids = ops.cast(y_pred[..., :k], "int32")
        found = ops.any(ops.equal(ops.expand_dims(labels, -1), ids), axis=-1)
        return ops.cast(found, "float32")
    return _in_top_k(labels, y_pred, k)


@fused(static=("k",))
def _in_top_k(labels: Tensor, y_pred: Tensor, k: int) -> Tensor:
    """1 where fewer than `k` scores are higher than that of the label; ties count for the label."""
    classes = y_pred.shape[-1]
    hot = ops.equal(ops.expand_dims(labels, -1), ops.arange(classes, dtype="int32"))
    picked = ops.sum(ops.where(hot, y_pred, ops.zeros_like(y_pred)), axis=-1, keepdims=True)
    better = ops.sum(ops.cast(y_pred > picked, "int32"), axis=-1)
    known = ops.logical_and(labels >= 0, labels < classes)
    valid = ops.logical_and(known, ops.isfinite(picked[..., 0]))
    return ops.cast(ops.logical_and(valid, better < k), "float32")


def _labels(y_true: Tensor, y_pred: Tensor, name: str) -> tuple[Tensor, Tensor]:
    y_true, y_pred = tensor(y_true), tensor(y_pred)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    if y_true.shape != y_pred.shape[:-1] and y_true.size * y_pred.shape[-1] == y_pred.size:
        y_true = ops.reshape(y_true, y_pred.shape[:-1])  # same size, axes in another order
    if y_true.shape != y_pred.shape[:-1]:
        raise value_error(
            f"{name} needs one integer label per prediction.",
            y_true=tuple(y_true.shape),
            y_pred=tuple(y_pred.shape),
            fix='one-hot targets: metrics=["categorical_accuracy"]\nor y = y.argmax(-1)',
        )
    return ops.cast(y_true, "int32"), y_pred


def _same_shape(y_true: Tensor, y_pred: Tensor, name: str) -> None:
    if y_true.shape != y_pred.shape:
        raise value_error(
            f"{name} needs targets with the shape of the predictions.",
            y_true=tuple(y_true.shape),
            y_pred=tuple(y_pred.shape),
            fix=f'integer labels as targets: metrics=["sparse_{name}"]',
        )


# ---- metrics ----------------------------------------------------------------------------------


class Accuracy(MeanMetricWrapper):
    """Fraction of predictions that equal the targets.

    Example:

        >>> float(Accuracy()([1, 2, 3, 4], [0, 2, 3, 4]))
        0.75
    """

    def __init__(self, name: str = "accuracy", dtype: DTypeLike | None = None):
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """Fraction of binary predictions, `y_pred > threshold`, that equal the targets.

    Args:
        threshold: score above which class 1 is predicted; use 0 for logits.

    Example:

        >>> float(BinaryAccuracy()([[1], [1], [0], [0]], [[0.98], [1.0], [0.0], [0.6]]))
        0.75
    """

    def __init__(
        self, name: str = "binary_accuracy", dtype: DTypeLike | None = None, threshold: float = 0.5
    ):
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)
        self.threshold = threshold


class CategoricalAccuracy(MeanMetricWrapper):
    """Fraction of predictions whose `argmax` is the class of the one-hot target.

    Example:

        >>> float(CategoricalAccuracy()([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]]))
        0.5
    """

    def __init__(self, name: str = "categorical_accuracy", dtype: DTypeLike | None = None):
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """Fraction of predictions whose `argmax` is the integer label.

    Example:

        >>> float(SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.2, 0.8]]))
        0.5
    """

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: DTypeLike | None = None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """Fraction of samples whose one-hot target class is among the `k` highest scores.

    Args:
        k: number of top scores to consider.

    Example:

        >>> float(TopKCategoricalAccuracy(k=2)([[0, 0, 1]], [[0.5, 0.2, 0.3]]))
        1.0
    """

    def __init__(
        self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: DTypeLike | None = None
    ):
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """Fraction of samples whose integer label is among the `k` highest scores.

    Args:
        k: number of top scores to consider.
        from_sorted_ids: whether predictions are class indices, best first, instead of scores.

    Example:

        >>> float(SparseTopKCategoricalAccuracy(k=2)([2, 1], [[0.5, 0.2, 0.3]] * 2))
        0.5
    """

    def __init__(
        self,
        k: int = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: DTypeLike | None = None,
        from_sorted_ids: bool = False,
    ):
        super().__init__(
            sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids
        )
        self.k = k
        self.from_sorted_ids = from_sorted_ids
