"""Accuracies: how often a prediction is right.

The class that a model prefers is the one whose score is the row's first maximum. To see whether
that is the given class, no `argmax` is needed (which is many times slower than a maximum on a CPU):
the score of the given class is compared with the others.
"""

from cornu import ops
from cornu.core.graph.op import fused
from cornu.core.graph.operands import tensor
from cornu.core.objects.serialize import register_functions
from cornu.errors import value_error
from cornu.kernels.crossentropy import picked_is_max
from cornu.losses.loss import same_rank
from cornu.metrics.reduction import MeanMetricWrapper
from cornu.types import DTypeLike, Tensor


def accuracy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """1 where both are equal, else 0; same shape as they.

    Example:

        >>> accuracy([1, 2], [1, 3]).tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = same_rank(tensor(y_true), tensor(y_pred))
    return ops.cast(ops.equal(y_true, y_pred), "float32")


def binary_accuracy(y_true: Tensor, y_pred: Tensor, threshold: float = 0.5) -> Tensor:
    """1 where `y_pred > threshold` is what `y_true` says, else 0; same shape as they.

    Example:

        >>> binary_accuracy([1, 1, 0], [0.9, 0.5, 0.1]).tolist()
        [1.0, 0.0, 1.0]
    """
    y_true, y_pred = same_rank(tensor(y_true), tensor(y_pred))
    said = ops.cast(y_pred > threshold, "float32")
    return ops.cast(ops.equal(ops.cast(y_true, "float32"), said), "float32")


@fused
def first_max(y: Tensor) -> Tensor:
    """The place of the first maximum along the last axis: `argmax`, in two plain reductions."""
    classes = y.shape[-1]
    column = ops.arange(classes, dtype="int32")
    is_max = ops.equal(y, ops.max(y, axis=-1, keepdims=True))
    return ops.min(ops.where(is_max, column, classes), axis=-1)


def categorical_accuracy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """1 where both prefer the same class: `(batch, ..., classes) -> (batch, ...)`.

    Raises:
        ValueError: the shapes differ.

    Example:

        >>> categorical_accuracy([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]]).tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = tensor(y_true), tensor(y_pred)
    _same_shape(y_true, y_pred, "categorical_accuracy")
    return _is_first(y_pred, first_max(y_true))


def sparse_categorical_accuracy(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """1 where the class preferred is the one given by number.

    Args:
        y_true: class numbers, `(batch, ...)` or `(batch, ..., 1)`.
        y_pred: scores of the classes, `(batch, ..., classes)`.

    Returns:
        `(batch, ...)`.

    Raises:
        ValueError: `y_true` has another shape than `y_pred` without the classes.

    Example:

        >>> sparse_categorical_accuracy([1, 0], [[0.1, 0.9], [0.2, 0.8]]).tolist()
        [1.0, 0.0]
    """
    labels, y_pred = _labels(y_true, y_pred, "sparse_categorical_accuracy")
    return _is_first(y_pred, labels)


@fused
def _is_first(y_pred: Tensor, labels: Tensor) -> Tensor:
    """1 where the score of a class is the row's first maximum."""
    return ops.cast(picked_is_max(y_pred, labels), "float32")


def top_k_categorical_accuracy(y_true: Tensor, y_pred: Tensor, k: int = 5) -> Tensor:
    """1 where fewer than `k` classes have a higher score than the one preferred by `y_true`.

    Args:
        y_true: one-hot, `(batch, ..., classes)`.
        y_pred: scores of the classes, same shape.
        k: how many places count.

    Returns:
        `(batch, ...)`.

    Example:

        >>> top_k_categorical_accuracy([[0, 0, 1]], [[0.5, 0.2, 0.3]], k=2).tolist()
        [1.0]
    """
    y_true, y_pred = tensor(y_true), tensor(y_pred)
    _same_shape(y_true, y_pred, "top_k_categorical_accuracy")
    return _in_top_k(first_max(y_true), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: Tensor, y_pred: Tensor, k: int = 5, from_sorted_ids: bool = False
) -> Tensor:
    """1 where fewer than `k` classes have a higher score than the one given by number.

    Args:
        y_true: class numbers, `(batch, ...)` or `(batch, ..., 1)`.
        y_pred: scores of the classes, `(batch, ..., classes)`.
        k: how many places count.
        from_sorted_ids: `y_pred` are class numbers, best first, instead of scores.

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
    """1 where the score of a class is among the `k` highest; equals share the better place."""
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
        y_true = ops.reshape(y_true, y_pred.shape[:-1])  # as many, with the axes of another order
    if y_true.shape != y_pred.shape[:-1]:
        raise value_error(
            f"{name} needs one class number for each prediction.",
            y_true=tuple(y_true.shape),
            y_pred=tuple(y_pred.shape),
            fix='one-hot targets: metrics=["categorical_accuracy"]\nor y = y.argmax(-1)',
        )
    return ops.cast(y_true, "int32"), y_pred


def _same_shape(y_true: Tensor, y_pred: Tensor, name: str) -> None:
    if y_true.shape != y_pred.shape:
        raise value_error(
            f"{name} needs targets of the shape of the predictions.",
            y_true=tuple(y_true.shape),
            y_pred=tuple(y_pred.shape),
            fix=f'class numbers as targets: metrics=["sparse_{name}"]',
        )


# ---- metrics ----------------------------------------------------------------------------------


class Accuracy(MeanMetricWrapper):
    """How often predictions equal targets.

    Args:
        name: shown in logs.
        dtype: of the state.

    Example:

        >>> float(Accuracy()([1, 2, 3, 4], [0, 2, 3, 4]))
        0.75
    """

    def __init__(self, name: str = "accuracy", dtype: DTypeLike | None = None):
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """How often yes or no is right.

    Args:
        name: shown in logs.
        dtype: of the state.
        threshold: what is above it means yes; 0 for logits.

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
    """How often the preferred class is that of a one-hot target.

    Args:
        name: shown in logs.
        dtype: of the state.

    Example:

        >>> float(CategoricalAccuracy()([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]]))
        0.5
    """

    def __init__(self, name: str = "categorical_accuracy", dtype: DTypeLike | None = None):
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the preferred class is the one given by number.

    Args:
        name: shown in logs.
        dtype: of the state.

    Example:

        >>> float(SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.2, 0.8]]))
        0.5
    """

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: DTypeLike | None = None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the class of a one-hot target is among the `k` preferred.

    Args:
        k: how many places count.
        name: shown in logs.
        dtype: of the state.

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
    """How often the class given by number is among the `k` preferred.

    Args:
        k: how many places count.
        name: shown in logs.
        dtype: of the state.
        from_sorted_ids: predictions are class numbers, best first, instead of scores.

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


FUNCTIONS = {
    function.__name__: function
    for function in (
        (accuracy, binary_accuracy, categorical_accuracy, sparse_categorical_accuracy)
        + (sparse_top_k_categorical_accuracy, top_k_categorical_accuracy)
    )
}
register_functions(FUNCTIONS)
