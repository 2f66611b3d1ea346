"""The confusion matrix of binary predictions: its four counts, precision and recall."""

from collections.abc import Sequence

from cornu import ops
from cornu.core.variable import Variable
from cornu.metrics.counts import BELOW_ALL, checked_thresholds, count
from cornu.metrics.metric import Metric
from cornu.types import Config, DTypeLike, Tensor


class _ConfusionMetric(Metric):
    """Weighted sums of the counts named by `_counted`, at one or several thresholds."""

    _counted: tuple[str, ...]

    def _start(
        self,
        names: tuple[str, ...],
        thresholds: float | Sequence[float] | None,
        top_k: int | None,
        class_id: int | None,
    ) -> None:
        """Keep the settings and create one variable per name."""
        self.init_thresholds = thresholds
        default = 0.5 if top_k is None else BELOW_ALL
        self.thresholds = checked_thresholds(thresholds, default)
        self.top_k = top_k
        self.class_id = class_id
        for name in names:
            setattr(self, name, self.add_variable((len(self.thresholds),), "zeros", name=name))

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Accumulate a batch.

        Args:
            y_true: binary targets, 0 or 1, `(batch, ...)`.
            y_pred: scores, same shape.
            sample_weight: weights per sample `(batch,)` or per element.
        """
        counts = count(
            y_true,
            y_pred,
            self.thresholds,
            self.dtype,
            sample_weight=sample_weight,
            top_k=self.top_k,
            class_id=self.class_id,
        )
        for variable, name in zip(self._variables, self._counted, strict=True):
            variable.assign(variable.value + getattr(counts, name))

    def _one_or_all(self, x: Tensor) -> Tensor:
        """A scalar if there is one threshold, else `(thresholds,)`."""
        return x[0] if len(self.thresholds) == 1 else x

    def get_config(self) -> Config:
        return {**super().get_config(), "thresholds": self.init_thresholds}


class _Count(_ConfusionMetric):
    """One of the four counts, as the result."""

    accumulator: Variable

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self._start(("accumulator",), thresholds, top_k=None, class_id=None)

    def result(self) -> Tensor:
        return self._one_or_all(self.accumulator.value)


class _Ratio(_ConfusionMetric):
    """`first / (first + second)` of two counts; 0 if both are zero."""

    direction = "up"

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self._start(self._counted, thresholds, top_k, class_id)

    def result(self) -> Tensor:
        first, second = (variable.value for variable in self._variables)
        return self._one_or_all(ops.divide_no_nan(first, first + second))


class TruePositives(_Count):
    """Number of positives that are predicted positive (weighted).

    Args:
        thresholds: one or several decision thresholds in [0, 1]; 0.5 if None.

    Example:

        >>> float(TruePositives()([0, 1, 1, 1], [1.0, 0.0, 1.0, 1.0]))
        2.0
    """

    direction = "up"
    _counted = ("true_positives",)


class FalsePositives(_Count):
    """Number of negatives that are predicted positive (weighted).

    Args:
        thresholds: one or several decision thresholds in [0, 1]; 0.5 if None.

    Example:

        >>> float(FalsePositives()([0, 1, 0, 0], [0.0, 0.0, 1.0, 1.0]))
        2.0
    """

    direction = "down"
    _counted = ("false_positives",)


class TrueNegatives(_Count):
    """Number of negatives that are predicted negative (weighted).

    Args:
        thresholds: one or several decision thresholds in [0, 1]; 0.5 if None.

    Example:

        >>> float(TrueNegatives()([0, 1, 0, 0], [1.0, 1.0, 0.0, 0.0]))
        2.0
    """

    direction = "up"
    _counted = ("true_negatives",)


class FalseNegatives(_Count):
    """Number of positives that are predicted negative (weighted).

    Args:
        thresholds: one or several decision thresholds in [0, 1]; 0.5 if None.

    Example:

        >>> float(FalseNegatives()([0, 1, 1, 1], [0.0, 1.0, 0.0, 0.0]))
        2.0
    """

    direction = "down"
    _counted = ("false_negatives",)


class Precision(_Ratio):
    """Precision, `TP / (TP + FP)`: the fraction of predicted positives that are positive.

    It is 0 if nothing is predicted positive.

    Args:
        thresholds: one or several decision thresholds in [0, 1]; 0.5 if None.
        top_k: number of highest scores per row that can be predicted positive; without
            `thresholds` all of these are.
        class_id: index of the only class to consider; all classes if None.

    Example:

        >>> round(float(Precision()([0, 1, 1, 1], [1.0, 0.0, 1.0, 1.0])), 4)
        0.6667
    """

    _counted = ("true_positives", "false_positives")


class Recall(_Ratio):
    """Recall, `TP / (TP + FN)`: the fraction of positives that are predicted positive.

    It is 0 if there are no positives.

    Args:
        thresholds: one or several decision thresholds in [0, 1]; 0.5 if None.
        top_k: number of highest scores per row that can be predicted positive; without
            `thresholds` all of these are.
        class_id: index of the only class to consider; all classes if None.

    Example:

        >>> round(float(Recall()([0, 1, 1, 1], [1.0, 0.0, 1.0, 1.0])), 4)
        0.6667
    """

    _counted = ("true_positives", "false_negatives")
