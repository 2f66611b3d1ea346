"""Overlap of targets and predictions: intersection over union, and F-scores.

Both are computed from counts: a confusion matrix (rows: true classes, columns: predicted classes),
or true and false positives per class.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from cornu import ops, settings
from cornu.arguments import is_number, one_of
from cornu.core.frame import is_tracer
from cornu.core.graph.op import fused
from cornu.core.graph.operands import tensor
from cornu.core.variable import Variable
from cornu.errors import value_error, warn
from cornu.losses.loss import aligned, as_dtype
from cornu.metrics.accuracy import first_max
from cornu.metrics.metric import Metric
from cornu.metrics.reduction import weighted
from cornu.numeric import is_integer
from cornu.types import DTypeLike, Tensor


class IoU(Metric):
    """Intersection over union, `TP / (TP + FP + FN)`, averaged over chosen classes.

    Classes that occur neither in the targets nor in the predictions are left out of the average.

    Args:
        num_classes: number of classes.
        target_class_ids: classes to average over.
        ignore_class: class whose targets are left out; None for none.
        sparse_y_true: whether targets are integer labels; one-hot otherwise.
        sparse_y_pred: whether predictions are integer labels; scores otherwise.
        axis: axis of the classes of one-hot targets and scores.

    Example:

        >>> round(float(IoU(2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1])), 4)
        0.3333
    """

    direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: DTypeLike | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        # The counts are integers, unless weights are fractions.
        super().__init__(name=name, dtype=dtype or "int32")
        self.num_classes = num_classes
        self.target_class_ids = list(target_class_ids)
        for target in self.target_class_ids:
            if not 0 <= target < num_classes:
                raise value_error(
                    f"target_class_ids holds class {target}, which is out of range.",
                    classes=f"0 to {num_classes - 1}",
                )
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_cm = self.add_variable(
            (num_classes, num_classes), "zeros", name="total_confusion_matrix"
        )

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Accumulate a batch.

        Args:
            y_true: integer labels `(batch, ...)`, or one-hot targets with an axis of classes.
            y_pred: integer labels `(batch, ...)`, or scores with an axis of classes.
            sample_weight: weights of the leading axes. An integer `dtype`, the default, truncates
                them to integers.
        """
        y_true = self._classes(y_true, self.sparse_y_true)
        y_pred = self._classes(y_pred, self.sparse_y_pred)
        y_true, y_pred = _same_shape(y_true, y_pred)
        weights = jnp.ones((), self.dtype)
        if sample_weight is not None:
            self._warn_if_truncated(sample_weight)
            _, weights = aligned(y_true, as_dtype(tensor(sample_weight), self.dtype))
        weights = jnp.broadcast_to(weights.reshape(_broadcast_shape(weights, y_true)), y_true.shape)
        before = self.total_cm.value
        after = _add_pairs(before, y_true, y_pred, weights, ignore_class=self.ignore_class)
        self.total_cm.assign(after)

    def _classes(self, y: Tensor, sparse: bool) -> Tensor:
        """Integer labels, `(batch, ...)`."""
        y = tensor(y)
        if not sparse:
            y = first_max(jnp.moveaxis(y, self.axis, -1))
        return y.astype("int32")

    def _warn_if_truncated(self, sample_weight: Tensor) -> None:
        if not is_integer(self.dtype) or is_tracer(sample_weight):
            return
        weights = np.asarray(sample_weight)
        if (weights != np.trunc(weights)).any():
            warn(
                f"{type(self).__name__} counts in {self.dtype}, which truncates sample_weight to "
                "integers; dtype='float32' keeps fractions."
            )

    def result(self) -> Tensor:
        """Mean intersection over union of the chosen classes that occur."""
        matrix = self.total_cm.value.astype(settings.current.floatx)
        return _mean_iou(matrix, classes=tuple(self.target_class_ids))


@fused(static=("ignore_class",))
def _add_pairs(
    matrix: Tensor, y_true: Tensor, y_pred: Tensor, weights: Tensor, ignore_class: int | None
) -> Tensor:
    """The confusion matrix plus a batch of pairs; pairs of unknown classes are left out."""
    y_true, y_pred, weights = y_true.reshape(-1), y_pred.reshape(-1), weights.reshape(-1)
    classes = matrix.shape[0]
    known = (y_true >= 0) & (y_true < classes) & (y_pred >= 0) & (y_pred < classes)
    if ignore_class is not None:
        known &= y_true != ignore_class
    cell = jnp.where(known, y_true * classes + y_pred, 0)
    added = jnp.zeros(matrix.size, matrix.dtype).at[cell].add(jnp.where(known, weights, 0))
    return matrix + added.reshape(matrix.shape)


@fused(static=("classes",))
def _mean_iou(matrix: Tensor, classes: tuple[int, ...]) -> Tensor:
    """See `IoU.result`."""
    intersection = jnp.diagonal(matrix)
    union = matrix.sum(0) + matrix.sum(1) - intersection
    chosen = np.array(classes)
    intersection, union = intersection[chosen], union[chosen]
    occurs = union > 0
    iou = jnp.where(occurs, intersection / jnp.where(occurs, union, 1), 0)
    return ops.divide_no_nan(iou.sum(), occurs.sum().astype(iou.dtype))


def _same_shape(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the shape of `y_pred`; they may differ in axes of size one."""
    if y_true.shape == y_pred.shape:
        return y_true, y_pred
    if y_true.size != y_pred.size:
        raise value_error(
            "Targets and predictions have different numbers of labels.",
            y_true=tuple(y_true.shape),
            y_pred=tuple(y_pred.shape),
            fix="scores as predictions: sparse_y_pred=False\none-hot targets: sparse_y_true=False",
        )
    return y_true.reshape(y_pred.shape), y_pred


def _broadcast_shape(weights: Tensor, values: Tensor) -> tuple[int, ...]:
    """The shape in which the weights broadcast to the values.

    Raises:
        ValueError: the weights do not broadcast.
    """
    shape = tuple(weights.shape)
    shape = shape[: values.ndim] if weights.size == np.prod(shape[: values.ndim]) else shape
    if len(shape) > values.ndim or any(
        n not in (1, m) for m, n in zip(values.shape[::-1], shape[::-1], strict=False)
    ):
        raise value_error(
            "sample_weight does not broadcast to the labels.",
            labels=tuple(values.shape),
            sample_weight=tuple(weights.shape),
            fix="one weight per sample, (batch,), or per label.",
        )
    return shape


class BinaryIoU(IoU):
    """Intersection over union of two classes, 0 and 1, after thresholding the scores.

    Args:
        target_class_ids: classes to average over.
        threshold: smallest score that is predicted 1; None if predictions are 0 and 1 already.

    Example:

        >>> round(float(BinaryIoU(threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 4)
        0.3333
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float | None = 0.5,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ):
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Accumulate a batch.

        Args:
            y_true: binary targets, 0 or 1, `(batch, ...)`.
            y_pred: scores, same shape.
            sample_weight: weights of the leading axes.
        """
        y_pred = tensor(y_pred)
        if self.threshold is not None:
            y_pred = y_pred >= self.threshold
        super().update_state(y_true, y_pred, sample_weight)


class MeanIoU(IoU):
    """Intersection over union, averaged over all classes that occur.

    Args:
        num_classes: number of classes.
        ignore_class: class whose targets are left out; None for none.
        sparse_y_true: whether targets are integer labels; one-hot otherwise.
        sparse_y_pred: whether predictions are integer labels; scores otherwise.
        axis: axis of the classes of one-hot targets and scores.

    Example:

        >>> round(float(MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])), 4)
        0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: DTypeLike | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        every = range(num_classes)
        super().__init__(
            num_classes, every, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis
        )


class OneHotIoU(IoU):
    """Intersection over union of one-hot targets, averaged over chosen classes.

    Args:
        num_classes: number of classes.
        target_class_ids: classes to average over.
        ignore_class: class whose targets are left out; None for none.
        sparse_y_pred: whether predictions are integer labels; scores otherwise.
        axis: axis of the classes.

    Example:

        >>> m = OneHotIoU(2, target_class_ids=[0, 1])
        >>> float(m([[0, 1], [1, 0]], [[0.2, 0.8], [0.6, 0.4]]))
        1.0
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: DTypeLike | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis
        )


class OneHotMeanIoU(MeanIoU):
    """Intersection over union of one-hot targets, averaged over all classes that occur.

    Args:
        num_classes: number of classes.
        ignore_class: class whose targets are left out; None for none.
        sparse_y_pred: whether predictions are integer labels; scores otherwise.
        axis: axis of the classes.

    Example:

        >>> float(OneHotMeanIoU(2)([[0, 1], [1, 0]], [[0.2, 0.8], [0.6, 0.4]]))
        1.0
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: DTypeLike | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)


# ---- F-scores ---------------------------------------------------------------------------------

AVERAGES = (None, "micro", "macro", "weighted")


class FBetaScore(Metric):
    """F-beta score, `(1 + beta**2) * precision * recall / (beta**2 * precision + recall)`.

    Args:
        average: average over the classes: of all counts together ("micro"), the mean of the scores
            per class ("macro"), their mean weighted by the number of positives ("weighted"), or
            none, which gives one score per class (None).
        beta: importance of recall relative to precision.
        threshold: score above which a class is predicted; the highest score of each row if None.

    Example:

        >>> m = FBetaScore(beta=2.0, threshold=0.5)
        >>> m([[1, 1], [1, 0]], [[0.2, 0.6], [0.6, 0.4]]).round(4)
        Array([0.5556, 1.    ], dtype=float32)
    """

    direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str = "fbeta_score",
        dtype: DTypeLike | None = None,
    ):
        super().__init__(name=name, dtype=dtype)
        one_of(average, AVERAGES, "average")
        if not is_number(beta) or beta <= 0:
            raise value_error(f"beta must be a positive number, got {beta!r}.")
        if threshold is not None and (not is_number(threshold) or not 0 < threshold <= 1):
            raise value_error(f"threshold must be in (0, 1], got {threshold!r}.")
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self.true_positives: Variable | None = None

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Accumulate a batch.

        Args:
            y_true: binary targets, 0 or 1, `(batch, classes)`.
            y_pred: scores, same shape.
            sample_weight: weights per sample, `(batch,)`.
        """
        y_true, y_pred = tensor(y_true), tensor(y_pred)
        if len(y_true.shape) != 2 or y_true.shape != y_pred.shape:
            raise value_error(
                f"{type(self).__name__} needs targets and predictions of the same shape "
                "(batch, classes).",
                y_true=tuple(y_true.shape),
                y_pred=tuple(y_pred.shape),
                fix="integer labels: y = keras.utils.to_categorical(y)\n"
                "binary targets: y = y[:, None]",
            )
        if self.true_positives is None:
            shape = () if self.average == "micro" else (y_true.shape[-1],)
            self.true_positives = self.add_variable(shape, "zeros", name="true_positives")
            self.false_positives = self.add_variable(shape, "zeros", name="false_positives")
            self.false_negatives = self.add_variable(shape, "zeros", name="false_negatives")
            self.intermediate_weights = self.add_variable(
                shape, "zeros", name="intermediate_weights"
            )
        truth, weights = weighted(y_true, sample_weight, self.dtype)
        axis = None if self.average == "micro" else 0
        tp, fp, fn = _true_and_false(truth, y_pred, weights, threshold=self.threshold, axis=axis)
        for variable, value in (
            (self.true_positives, tp),
            (self.false_positives, fp),
            (self.false_negatives, fn),
            (self.intermediate_weights, tp + fn),
        ):
            variable.assign(variable.value + value)

    def result(self) -> Tensor:
        if self.true_positives is None:
            return jnp.zeros((), self.dtype)
        tp, fp = self.true_positives.value, self.false_positives.value
        fn = self.false_negatives.value
        square = self.beta**2
        score = ops.divide_no_nan((1 + square) * tp, (1 + square) * tp + square * fn + fp)
        if self.average == "weighted":
            weights = self.intermediate_weights.value
            return (score * ops.divide_no_nan(weights, weights.sum())).sum()
        return score.mean() if self.average == "macro" else score


@fused(static=("threshold", "axis"))
def _true_and_false(
    truth: Tensor, y_pred: Tensor, weights: Tensor, threshold: float | None, axis: int | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Weighted true positives, false positives and false negatives, summed over `axis`."""
    if threshold is None:
        predicted = (y_pred >= y_pred.max(-1, keepdims=True)) & (abs(y_pred) > 1e-9)
    else:
        predicted = y_pred > threshold
    predicted = predicted.astype(truth.dtype)
    weights = 1.0 if weights is None else weights
    cells = (truth * predicted, (1 - truth) * predicted, truth * (1 - predicted))
    tp, fp, fn = ((weights * cell).sum(axis) for cell in cells)
    return tp, fp, fn


class F1Score(FBetaScore):
    """F1 score, `2 * precision * recall / (precision + recall)`; see `FBetaScore`.

    Args:
        average: average over the classes.
        threshold: score above which a class is predicted; the highest score of each row if None.

    Example:

        >>> F1Score(threshold=0.5)([[1, 1], [1, 0]], [[0.2, 0.6], [0.6, 0.4]]).round(4)
        Array([0.6667, 1.    ], dtype=float32)
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str = "f1_score",
        dtype: DTypeLike | None = None,
    ):
        super().__init__(average, 1.0, threshold, name, dtype)
