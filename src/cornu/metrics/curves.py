"""Metrics over many thresholds: the area under a curve, and the best point on it."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from cornu import ops, settings
from cornu.arguments import one_of
from cornu.budget import counted
from cornu.core.graph.op import fused
from cornu.core.graph.operands import tensor
from cornu.core.objects.configurable import plain
from cornu.core.objects.serialize import deserialize_keras_object
from cornu.core.variable import Variable
from cornu.errors import value_error
from cornu.metrics.counts import Counts, count
from cornu.metrics.metric import Metric
from cornu.types import Config, DTypeLike, Tensor


class _Curve(Metric):
    """Base of metrics that keep the four counts of the confusion matrix at many thresholds."""

    def _make_counts(self, shape: tuple[int, ...]) -> None:
        self.true_positives: Variable | None = self._zeros(shape, "true_positives")
        self.false_positives = self._zeros(shape, "false_positives")
        self.true_negatives = self._zeros(shape, "true_negatives")
        self.false_negatives = self._zeros(shape, "false_negatives")

    def _zeros(self, shape: tuple[int, ...], name: str) -> Variable:
        return self.add_variable(shape, "zeros", name=name)

    def _add(self, counts: Counts) -> None:
        for name, value in counts._asdict().items():
            variable = getattr(self, name)
            variable.assign(variable.value + value)

    def _counts(self) -> Counts:
        return Counts(*[getattr(self, name).value for name in Counts._fields])


def _evenly_spaced(number: int) -> list[float]:
    """Evenly spaced thresholds from 0 to 1."""
    return [i / (number - 1) for i in counted(range(number))] if number > 1 else [0.5]


CURVES = ("ROC", "PR", "PRGAIN")
SUMMATIONS = ("interpolation", "minoring", "majoring")


class AUC(_Curve):
    """Area under the ROC or precision-recall curve, approximated with finitely many thresholds.

        curve     x                     y
        ROC       FP / (FP + TN)        TP / (TP + FN)
        PR        TP / (TP + FN)        TP / (TP + FP)
        PRGAIN    1 - FN P / (TP N)     1 - FP P / (TP N)

    P and N are the numbers of positives and negatives. PRGAIN is the precision-recall-gain curve of
    Flach & Kull (2015), with negative `x` set to 0.

    Args:
        num_thresholds: number of evenly spaced thresholds; at least 2.
        curve: "ROC", "PR" or "PRGAIN".
        summation_method: height between two thresholds: "interpolation" (trapezoids; for PR, the
            interpolation of Davis & Goadrich 2006), or the lower ("minoring") or higher
            ("majoring") of the two.
        thresholds: thresholds between 0 and 1, instead of evenly spaced ones.
        multi_label: whether to compute one area per index of the last axis, and average them.
        num_labels: size of the last axis with `multi_label`; taken from the first batch if None.
        label_weights: weights of the labels in that average; without `multi_label`, weights of the
            last axis in the counts.
        from_logits: whether scores are logits instead of probabilities.

    Example:

        >>> float(AUC(num_thresholds=3)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]))
        0.75
    """

    direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: DTypeLike | None = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Tensor | None = None,
        from_logits: bool = False,
    ):
        one_of(curve.upper(), CURVES, "curve")
        one_of(summation_method.lower(), SUMMATIONS, "summation_method")
        super().__init__(name=name, dtype=dtype)
        self._inner_thresholds = None if thresholds is None else sorted(thresholds)
        if self._inner_thresholds is not None:
            inner = [float(t) for t in self._inner_thresholds]
            num_thresholds = len(inner) + 2
        else:
            if num_thresholds <= 1:
                raise value_error(f"num_thresholds must be an integer > 1, got {num_thresholds}.")
            inner = _evenly_spaced(num_thresholds)[1:-1]
        # The outer thresholds are beyond all possible scores.
        beyond = settings.current.epsilon
        self._thresholds = [-beyond, *inner, 1 + beyond]
        self.num_thresholds = num_thresholds
        self.curve = curve.upper()
        self.summation_method = summation_method.lower()
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = deserialize_keras_object(label_weights)
        self.from_logits = from_logits
        self.true_positives = None
        if not multi_label:
            self._make_counts((num_thresholds,))
        elif num_labels:
            self._make_counts((num_thresholds, num_labels))

    @property
    def thresholds(self) -> list[float]:
        """All thresholds, from just below 0 to just above 1."""
        return list(self._thresholds)

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Accumulate a batch.

        Args:
            y_true: binary targets, 0 or 1, `(batch, ...)`.
            y_pred: scores from 0 to 1, same shape.
            sample_weight: weights per sample `(batch,)` or per element.
        """
        y_pred = tensor(y_pred)
        shape = tuple(y_pred.shape)
        if self.multi_label and (len(shape) != 2 or shape[-1] != self._labels(shape)):
            raise value_error(
                "AUC with multi_label=True needs scores of shape (batch, num_labels).",
                y_pred=shape,
                num_labels=self.num_labels,
            )
        if self.true_positives is None:
            self._make_counts((self.num_thresholds, shape[-1]))
        scores = ops.sigmoid(y_pred) if self.from_logits else ops.clip(y_pred, 0.0, 1.0)
        counts = count(
            y_true,
            scores,
            self._thresholds,
            self.dtype,
            sample_weight=sample_weight,
            label_weights=None if self.multi_label else self.label_weights,
            by_label=self.multi_label,
        )
        self._add(counts)

    def _labels(self, shape: tuple[int, ...]) -> int:
        if self.true_positives is not None:
            return self.true_positives.shape[-1]
        return self.num_labels or shape[-1]

    def interpolate_pr_auc(self) -> Tensor:
        """Area under the precision-recall curve, interpolated as by Davis & Goadrich (2006).

        Between two thresholds the true positives are a linear function of the predicted positives,
        so precision is a hyperbola, whose integral has a logarithm.
        """
        if self.true_positives is None:
            return jnp.zeros((), self.dtype)
        return self._averaged(_interpolated_pr_area(*self._counts()))

    def _averaged(self, areas: Tensor) -> Tensor:
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return areas.mean()
        weights = jnp.asarray(self.label_weights, self.dtype)
        return ops.divide_no_nan((areas * weights).sum(), weights.sum())

    def result(self) -> Tensor:
        if self.true_positives is None:
            return jnp.zeros((), self.dtype)
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self.interpolate_pr_auc()
        areas = _area(*self._counts(), curve=self.curve, summation=self.summation_method)
        return self._averaged(areas)

    def get_config(self) -> Config:
        config = super().get_config()
        del config["thresholds"]
        weights = self.label_weights
        config["label_weights"] = None if weights is None else np.asarray(weights).tolist()
        if self._inner_thresholds is not None:
            config["thresholds"] = plain(self._inner_thresholds)
        return config


@fused(static=("curve", "summation"))
def _area(tp: Tensor, fp: Tensor, tn: Tensor, fn: Tensor, curve: str, summation: str) -> Tensor:
    """Area under the curve, per label if the counts have an axis of labels."""
    recall = ops.divide_no_nan(tp, tp + fn)
    if curve == "ROC":
        x, y = ops.divide_no_nan(fp, fp + tn), recall
    elif curve == "PR":
        x, y = recall, ops.divide_no_nan(tp, tp + fp)
    else:
        ratio = ops.divide_no_nan(tp + fn, fp + tn)
        x = jnp.where(tp > 0, jnp.maximum(1 - ratio * ops.divide_no_nan(fn, tp), 0), 0)
        y = 1 - ratio * ops.divide_no_nan(fp, tp)
    low, high = jnp.minimum(y[:-1], y[1:]), jnp.maximum(y[:-1], y[1:])
    heights = {"minoring": low, "majoring": high}.get(summation, (low + high) / 2)
    return ((x[:-1] - x[1:]) * heights).sum(0)


@fused
def _interpolated_pr_area(tp: Tensor, fp: Tensor, tn: Tensor, fn: Tensor) -> Tensor:
    """See `AUC.interpolate_pr_auc`."""
    predicted = tp + fp
    gain = tp[:-1] - tp[1:]
    slope = ops.divide_no_nan(gain, ops.maximum(predicted[:-1] - predicted[1:], 0))
    start = tp[1:] - slope * predicted[1:]
    both = (predicted[:-1] > 0) & (predicted[1:] > 0)
    growth = jnp.where(both, predicted[:-1] / jnp.where(both, predicted[1:], 1), 1)
    area = slope * (gain + start * jnp.log(growth))
    return ops.divide_no_nan(area, ops.maximum(tp[1:] + fn[1:], 0)).sum(0)


class _BestAtConstraint(_Curve):
    """The maximum of one rate over the thresholds at which another rate reaches a minimum."""

    direction = "up"

    def __init__(
        self,
        value: float,
        kind: str,
        num_thresholds: int,
        class_id: int | None,
        name: str | None,
        dtype: DTypeLike | None,
    ):
        if not 0 <= value <= 1:
            raise value_error(f"{kind} must be between 0 and 1, got {value}.")
        if num_thresholds <= 0:
            raise value_error(f"num_thresholds must be a positive integer, got {num_thresholds}.")
        super().__init__(name=name, dtype=dtype)
        self.value = value
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self.thresholds = _evenly_spaced(num_thresholds)
        self._make_counts((num_thresholds,))

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Accumulate a batch.

        Args:
            y_true: binary targets, 0 or 1, `(batch, ...)`.
            y_pred: scores from 0 to 1, same shape.
            sample_weight: weights per sample `(batch,)` or per element.
        """
        counts = count(
            y_true,
            ops.clip(tensor(y_pred), 0.0, 1.0),
            self.thresholds,
            self.dtype,
            sample_weight=sample_weight,
            class_id=self.class_id,
        )
        self._add(counts)

    def _best(self, rate: jax.Array, constraint: jax.Array) -> Tensor:
        """The maximum of `rate` where `constraint >= value`; 0 if that is nowhere."""
        return jnp.where(constraint >= self.value, rate, 0).max()

    def _rates(self) -> tuple[Tensor, Tensor, Tensor]:
        """Recall (also called sensitivity), specificity and precision at each threshold."""
        return _rates(*self._counts())


@fused
def _rates(tp: Tensor, fp: Tensor, tn: Tensor, fn: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """See `_BestAtConstraint._rates`."""
    recall = ops.divide_no_nan(tp, tp + fn)
    return recall, ops.divide_no_nan(tn, tn + fp), ops.divide_no_nan(tp, tp + fp)


class SensitivityAtSpecificity(_BestAtConstraint):
    """Best sensitivity, `TP / (TP + FN)`, where specificity, `TN / (TN + FP)`, reaches a minimum.

    Args:
        specificity: smallest allowed specificity, in [0, 1].
        num_thresholds: number of evenly spaced thresholds to try.
        class_id: index of the only class to consider; all classes if None.

    Example:

        >>> float(SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8]))
        0.5
    """

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ):
        super().__init__(specificity, "specificity", num_thresholds, class_id, name, dtype)
        self.specificity = specificity

    def result(self) -> Tensor:
        sensitivity, specificity, _ = self._rates()
        return self._best(sensitivity, specificity)


class SpecificityAtSensitivity(_BestAtConstraint):
    """Best specificity, `TN / (TN + FP)`, where sensitivity, `TP / (TP + FN)`, reaches a minimum.

    Args:
        sensitivity: smallest allowed sensitivity, in [0, 1].
        num_thresholds: number of evenly spaced thresholds to try.
        class_id: index of the only class to consider; all classes if None.

    Example:

        >>> m = SpecificityAtSensitivity(0.5)
        >>> round(float(m([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])), 4)
        0.6667
    """

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ):
        super().__init__(sensitivity, "sensitivity", num_thresholds, class_id, name, dtype)
        self.sensitivity = sensitivity

    def result(self) -> Tensor:
        sensitivity, specificity, _ = self._rates()
        return self._best(specificity, sensitivity)


class PrecisionAtRecall(_BestAtConstraint):
    """Best precision, `TP / (TP + FP)`, where recall, `TP / (TP + FN)`, reaches a minimum.

    Args:
        recall: smallest allowed recall, in [0, 1].
        num_thresholds: number of evenly spaced thresholds to try.
        class_id: index of the only class to consider; all classes if None.

    Example:

        >>> float(PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8]))
        0.5
    """

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ):
        super().__init__(recall, "recall", num_thresholds, class_id, name, dtype)
        self.recall = recall

    def result(self) -> Tensor:
        recall, _, precision = self._rates()
        return self._best(precision, recall)


class RecallAtPrecision(_BestAtConstraint):
    """Best recall, `TP / (TP + FN)`, where precision, `TP / (TP + FP)`, reaches a minimum.

    Args:
        precision: smallest allowed precision, in [0, 1].
        num_thresholds: number of evenly spaced thresholds to try.
        class_id: index of the only class to consider; all classes if None.

    Example:

        >>> float(RecallAtPrecision(0.8)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]))
        0.5
    """

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ):
        super().__init__(precision, "precision", num_thresholds, class_id, name, dtype)
        self.precision = precision

    def result(self) -> Tensor:
        recall, _, precision = self._rates()
        return self._best(recall, precision)
