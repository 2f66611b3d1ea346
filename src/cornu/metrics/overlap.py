"""Overlap of what is so with what is said to be so: intersection over union, F-scores.

Both start from counts: a table of classes that are so (rows) against classes that are said
(columns), or true and false positives of each class.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from cornu import ops, settings
from cornu.arguments import is_number
from cornu.core.frame import is_tracer
from cornu.core.graph.op import fused
from cornu.core.graph.operands import tensor
from cornu.core.variable import Variable
from cornu.errors import did_you_mean, value_error, warn
from cornu.losses.loss import aligned, as_dtype
from cornu.metrics.accuracy import first_max
from cornu.metrics.metric import Metric
from cornu.metrics.reduction import weighted
from cornu.numeric import is_integer
from cornu.types import DTypeLike, Tensor


class IoU(Metric):
    """Intersection over union, `TP / (TP + FP + FN)`, averaged over chosen classes.

    Classes that do not occur at all are left out of the average.

    Args:
        num_classes: how many classes there are.
        target_class_ids: the classes that are averaged.
        name: shown in logs.
        dtype: dtype of the state.
        ignore_class: targets of this class are left out.
        sparse_y_true: targets are class numbers, else one-hot.
        sparse_y_pred: predictions are class numbers, else scores.
        axis: that of the classes where there is one.

    Example:

        >>> round(float(IoU(2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1])), 4)
        0.3333
    """

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
                raise value_error(f"There is no class {target}.", classes=f"0 to {num_classes - 1}")
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
        """Take in a batch.

        Args:
            y_true: class numbers `(batch, ...)`, or one-hot with an axis of classes.
            y_pred: class numbers `(batch, ...)`, or scores with an axis of classes.
            sample_weight: for the leading axes. With an integer `dtype`, the default, fractions of
                weights are cut off.
        """
        y_true = self._classes(y_true, self.sparse_y_true)
        y_pred = self._classes(y_pred, self.sparse_y_pred)
        y_true, y_pred = _flat_pair(y_true, y_pred)
        weights = jnp.ones((), self.dtype)
        if sample_weight is not None:
            self._warn_of_fractions(sample_weight)
            _, weights = aligned(y_true, as_dtype(tensor(sample_weight), self.dtype))
        weights = jnp.broadcast_to(weights.reshape(_fitting(weights, y_true)), y_true.shape)
        before = self.total_cm.value
        after = _with_counts(before, y_true, y_pred, weights, ignore_class=self.ignore_class)
        self.total_cm.assign(after)

    def _classes(self, y: Tensor, sparse: bool) -> Tensor:
        """Class numbers, `(batch, ...)`."""
        y = tensor(y)
        if not sparse:
            y = first_max(jnp.moveaxis(y, self.axis, -1))
        return y.astype("int32")

    def _warn_of_fractions(self, sample_weight: Tensor) -> None:
        if not is_integer(self.dtype) or is_tracer(sample_weight):
            return
        weights = np.asarray(sample_weight)
        if (weights != np.trunc(weights)).any():
            warn(
                f"{type(self).__name__} counts in {self.dtype}, so the fractions of sample_weight "
                "are cut off; dtype='float32' keeps them."
            )

    def result(self) -> Tensor:
        """Mean over the chosen classes that occur, of intersection over union."""
        table = self.total_cm.value.astype(settings.current.floatx)
        return _mean_of_overlaps(table, classes=tuple(self.target_class_ids))


@fused(static=("ignore_class",))
def _with_counts(
    table: Tensor, y_true: Tensor, y_pred: Tensor, weights: Tensor, ignore_class: int | None
) -> Tensor:
    """A table of classes against classes with more pairs; those of unknown classes are left out."""
    y_true, y_pred, weights = y_true.reshape(-1), y_pred.reshape(-1), weights.reshape(-1)
    classes = table.shape[0]
    known = (y_true >= 0) & (y_true < classes) & (y_pred >= 0) & (y_pred < classes)
    if ignore_class is not None:
        known &= y_true != ignore_class
    place = jnp.where(known, y_true * classes + y_pred, 0)
    more = jnp.zeros(table.size, table.dtype).at[place].add(jnp.where(known, weights, 0))
    return table + more.reshape(table.shape)


@fused(static=("classes",))
def _mean_of_overlaps(table: Tensor, classes: tuple[int, ...]) -> Tensor:
    """See `IoU.result`."""
    both = jnp.diagonal(table)
    union = table.sum(0) + table.sum(1) - both
    chosen = np.array(classes)
    both, union = both[chosen], union[chosen]
    occurs = union > 0
    iou = jnp.where(occurs, both / jnp.where(occurs, union, 1), 0)
    return ops.divide_no_nan(iou.sum(), occurs.sum().astype(iou.dtype))


def _flat_pair(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Both with the same shape; one may have axes of size one that the other has not."""
    if y_true.shape == y_pred.shape:
        return y_true, y_pred
    if y_true.size != y_pred.size:
        raise value_error(
            "Targets and predictions name different numbers of classes.",
            y_true=tuple(y_true.shape),
            y_pred=tuple(y_pred.shape),
            fix="sparse_y_true=False or sparse_y_pred=False for one-hot classes or scores.",
        )
    return y_true.reshape(y_pred.shape), y_pred


def _fitting(weights: Tensor, values: Tensor) -> tuple[int, ...]:
    """The shape in which weights broadcast to values.

    Raises:
        ValueError: there is none.
    """
    shape = tuple(weights.shape)
    shape = shape[: values.ndim] if weights.size == np.prod(shape[: values.ndim]) else shape
    if len(shape) > values.ndim or any(
        n not in (1, m) for m, n in zip(values.shape[::-1], shape[::-1], strict=False)
    ):
        raise value_error(
            "sample_weight does not fit the classes that it weighs.",
            classes=tuple(values.shape),
            sample_weight=tuple(weights.shape),
        )
    return shape


class BinaryIoU(IoU):
    """Intersection over union of yes or no.

    Args:
        target_class_ids: which are averaged: 0 is no, 1 is yes.
        threshold: a score that reaches it says yes; None if predictions are 0 and 1 already.
        name: shown in logs.
        dtype: dtype of the state.

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
        """Take in a batch.

        Args:
            y_true: 0 or 1, `(batch, ...)`.
            y_pred: scores, same shape.
            sample_weight: for the leading axes.
        """
        y_pred = tensor(y_pred)
        if self.threshold is not None:
            y_pred = y_pred >= self.threshold
        super().update_state(y_true, y_pred, sample_weight)


class MeanIoU(IoU):
    """Intersection over union, averaged over all classes that occur.

    Args:
        num_classes: how many classes there are.
        name: shown in logs.
        dtype: dtype of the state.
        ignore_class: targets of this class are left out.
        sparse_y_true: targets are class numbers, else one-hot.
        sparse_y_pred: predictions are class numbers, else scores.
        axis: that of the classes where there is one.

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
        num_classes: how many classes there are.
        target_class_ids: the classes that are averaged.
        name: shown in logs.
        dtype: dtype of the state.
        ignore_class: targets of this class are left out.
        sparse_y_pred: predictions are class numbers, else scores.
        axis: that of the classes.

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
        num_classes: how many classes there are.
        name: shown in logs.
        dtype: dtype of the state.
        ignore_class: targets of this class are left out.
        sparse_y_pred: predictions are class numbers, else scores.
        axis: that of the classes.

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
    """`(1 + b**2) * precision * recall / (b**2 * precision + recall)` of each class.

    Args:
        average: how the classes become one number: by counting all together ("micro"), the mean of
            their scores ("macro"), the mean weighted by how often they occur ("weighted"), or not
            at all (None).
        beta: how many times as important recall is as precision.
        threshold: scores above it say yes; if None, the highest score of a row does.
        name: shown in logs.
        dtype: dtype of the state.

    Example:

        >>> m = FBetaScore(beta=2.0, threshold=0.5)
        >>> m([[1, 1], [1, 0]], [[0.2, 0.6], [0.6, 0.4]]).round(4)
        Array([0.5556, 1.    ], dtype=float32)
    """

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str = "fbeta_score",
        dtype: DTypeLike | None = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if average not in AVERAGES:
            raise value_error(
                f"There is no average {average!r}.", fix=did_you_mean(average, map(str, AVERAGES))
            )
        if not is_number(beta) or beta <= 0:
            raise value_error(f"beta is a positive number, got {beta!r}.")
        if threshold is not None and (not is_number(threshold) or not 0 < threshold <= 1):
            raise value_error(f"threshold is above 0 and at most 1, got {threshold!r}.")
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self.true_positives: Variable | None = None

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Take in a batch.

        Args:
            y_true: 0 or 1, `(batch, classes)`.
            y_pred: scores, same shape.
            sample_weight: weights of samples, `(batch,)`.
        """
        y_true, y_pred = tensor(y_true), tensor(y_pred)
        if len(y_true.shape) != 2 or y_true.shape != y_pred.shape:
            raise value_error(
                f"{type(self).__name__} takes targets and predictions of one shape "
                "(batch, classes).",
                y_true=tuple(y_true.shape),
                y_pred=tuple(y_pred.shape),
                fix="y[:, None] for yes or no, to_categorical(y) for class numbers.",
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
        tp, fp, fn = _found_and_missed(truth, y_pred, weights, threshold=self.threshold, axis=axis)
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
def _found_and_missed(
    truth: Tensor, y_pred: Tensor, weights: Tensor, threshold: float | None, axis: int | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Weighted true positives, false positives and false negatives along an axis."""
    if threshold is None:
        said = (y_pred >= y_pred.max(-1, keepdims=True)) & (abs(y_pred) > 1e-9)
    else:
        said = y_pred > threshold
    said = said.astype(truth.dtype)
    weights = 1.0 if weights is None else weights
    cells = (truth * said, (1 - truth) * said, truth * (1 - said))
    tp, fp, fn = ((weights * cell).sum(axis) for cell in cells)
    return tp, fp, fn


class F1Score(FBetaScore):
    """`2 * precision * recall / (precision + recall)` of each class.

    Args:
        average: how the classes become one number; see `FBetaScore`.
        threshold: scores above it say yes; if None, the highest score of a row does.
        name: shown in logs.
        dtype: dtype of the state.

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
