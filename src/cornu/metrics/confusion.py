"""Yes and no: counts of what is found and missed, precision and recall."""

from collections.abc import Sequence
from typing import Any

from cornu import ops
from cornu.core.variable import Variable
from cornu.metrics.counts import BELOW_ALL, checked_thresholds, count
from cornu.metrics.metric import Metric
from cornu.types import DTypeLike, Tensor


class _AtThresholds(Metric):
    """Sums of the counts named by `_counted`, at given thresholds."""

    _counted: tuple[str, ...]

    def _start(
        self,
        names: tuple[str, ...],
        thresholds: float | Sequence[float] | None,
        top_k: int | None,
        class_id: int | None,
    ) -> None:
        """Keep the settings, and make a variable with one of the names for each count."""
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
        """Take in a batch.

        Args:
            y_true: what is so, 0 or 1, `(batch, ...)`.
            y_pred: scores, same shape.
            sample_weight: weights of samples `(batch,)`, or of all elements.
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
        """A number if there is one threshold, else one for each."""
        return x[0] if len(self.thresholds) == 1 else x

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds}


class _Count(_AtThresholds):
    """One of the four counts."""

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


class _Share(_AtThresholds):
    """The first of two counts as a share of both; 0 if there is none."""

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
    """How much that is so was said to be so.

    Args:
        thresholds: scores above it say yes; 0.5 if None, one or several.
        name: shown in logs.
        dtype: of the state.

    Example:

        >>> float(TruePositives()([0, 1, 1, 1], [1.0, 0.0, 1.0, 1.0]))
        2.0
    """

    _counted = ("true_positives",)


class FalsePositives(_Count):
    """How much that is not so was said to be so.

    Args:
        thresholds: scores above it say yes; 0.5 if None, one or several.
        name: shown in logs.
        dtype: of the state.

    Example:

        >>> float(FalsePositives()([0, 1, 0, 0], [0.0, 0.0, 1.0, 1.0]))
        2.0
    """

    _counted = ("false_positives",)


class TrueNegatives(_Count):
    """How much that is not so was said not to be so.

    Args:
        thresholds: scores above it say yes; 0.5 if None, one or several.
        name: shown in logs.
        dtype: of the state.

    Example:

        >>> float(TrueNegatives()([0, 1, 0, 0], [1.0, 1.0, 0.0, 0.0]))
        2.0
    """

    _counted = ("true_negatives",)


class FalseNegatives(_Count):
    """How much that is so was said not to be so.

    Args:
        thresholds: scores above it say yes; 0.5 if None, one or several.
        name: shown in logs.
        dtype: of the state.

    Example:

        >>> float(FalseNegatives()([0, 1, 1, 1], [0.0, 1.0, 0.0, 0.0]))
        2.0
    """

    _counted = ("false_negatives",)


class Precision(_Share):
    """How much of what was said to be so is so: `TP / (TP + FP)`; 0 if nothing was.

    Args:
        thresholds: scores above it say yes; 0.5 if None, one or several.
        top_k: the `k` highest scores of a row say yes, instead of those above 0.5.
        class_id: look at this class only.
        name: shown in logs.
        dtype: of the state.

    Example:

        >>> round(float(Precision()([0, 1, 1, 1], [1.0, 0.0, 1.0, 1.0])), 4)
        0.6667
    """

    _counted = ("true_positives", "false_positives")


class Recall(_Share):
    """How much of what is so was said to be so: `TP / (TP + FN)`; 0 if nothing is.

    Args:
        thresholds: scores above it say yes; 0.5 if None, one or several.
        top_k: the `k` highest scores of a row say yes, instead of those above 0.5.
        class_id: look at this class only.
        name: shown in logs.
        dtype: of the state.

    Example:

        >>> round(float(Recall()([0, 1, 1, 1], [1.0, 0.0, 1.0, 1.0])), 4)
        0.6667
    """

    _counted = ("true_positives", "false_negatives")
