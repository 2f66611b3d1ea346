"""Regression metrics: mean errors, correlations, and the coefficient of determination."""

import jax.numpy as jnp

from cornu import ops
from cornu.arguments import one_of
from cornu.core.frame import is_tracer
from cornu.core.graph.op import fused
from cornu.core.graph.operands import tensor
from cornu.core.masks import mask_of
from cornu.core.variable import Variable
from cornu.errors import value_error, warn
from cornu.losses import functions as losses
from cornu.losses.loss import as_dtype, paired, same_rank
from cornu.metrics.metric import Metric
from cornu.metrics.reduction import Mean, MeanMetricWrapper, rising, weighted
from cornu.types import Axis, DTypeLike, Tensor


class _Error(MeanMetricWrapper):
    """Mean of an error that is itself a mean over the last axis."""

    _reduces_last_axis = True


class MeanSquaredError(_Error):
    """Mean squared error, `mean((y_true - y_pred)**2)`.

    Example:

        >>> float(MeanSquaredError()([[0.0, 1.0]], [[2.0, 1.0]]))
        2.0
    """

    def __init__(self, name: str = "mean_squared_error", dtype: DTypeLike | None = None):
        super().__init__(losses.mean_squared_error, name, dtype)


class RootMeanSquaredError(Mean):
    """Root mean squared error, `sqrt(mean((y_true - y_pred)**2))`, in the unit of the targets.

    Example:

        >>> float(RootMeanSquaredError()([[0.0, 0.0]], [[3.0, 3.0]]))
        3.0
    """

    direction = "down"

    def __init__(self, name: str = "root_mean_squared_error", dtype: DTypeLike | None = None):
        super().__init__(name, dtype)

    def update_state(  # type: ignore[override]
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Accumulate a batch; see `MeanMetricWrapper`."""
        mask = mask_of(y_pred)
        y_true, y_pred = same_rank(tensor(y_true), as_dtype(tensor(y_pred), self.dtype))
        squares = ops.square(as_dtype(y_true, self.dtype) - y_pred)
        self._add(*weighted(squares, sample_weight, self.dtype, mask))

    def result(self) -> Tensor:
        return ops.sqrt(super().result())


class MeanAbsoluteError(_Error):
    """Mean absolute error, `mean(abs(y_true - y_pred))`.

    Example:

        >>> float(MeanAbsoluteError()([[0.0, 1.0]], [[3.0, 1.0]]))
        1.5
    """

    def __init__(self, name: str = "mean_absolute_error", dtype: DTypeLike | None = None):
        super().__init__(losses.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(_Error):
    """Mean absolute percentage error, `100 * mean(abs(y_true - y_pred) / abs(y_true))`.

    Example:

        >>> float(MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]]))
        25.0
    """

    def __init__(
        self, name: str = "mean_absolute_percentage_error", dtype: DTypeLike | None = None
    ):
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(_Error):
    """Mean squared logarithmic error, `mean((log(1 + y_true) - log(1 + y_pred))**2)`.

    Example:

        >>> round(float(MeanSquaredLogarithmicError()([[0.0]], [[1.718282]])), 4)
        1.0
    """

    def __init__(
        self, name: str = "mean_squared_logarithmic_error", dtype: DTypeLike | None = None
    ):
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


class LogCoshError(_Error):
    """Mean log-cosh error, `mean(log(cosh(y_pred - y_true)))`.

    Example:

        >>> float(LogCoshError()([[1.0]], [[1.0]]))
        0.0
    """

    def __init__(self, name: str = "logcosh", dtype: DTypeLike | None = None):
        super().__init__(losses.log_cosh, name, dtype)


@rising
def cosine(y_true: Tensor, y_pred: Tensor, axis: int = -1) -> Tensor:
    """Cosine similarity of vectors along `axis`; 1 means the same direction."""
    return -losses.cosine_similarity(y_true, y_pred, axis=axis)


class CosineSimilarity(MeanMetricWrapper):
    """Mean cosine similarity, `sum(y_true * y_pred) / (norm(y_true) * norm(y_pred))`.

    Args:
        axis: axis of the vectors.

    Example:

        >>> float(CosineSimilarity()([[1.0, 0.0]], [[2.0, 0.0]]))
        1.0
    """

    def __init__(
        self, name: str = "cosine_similarity", dtype: DTypeLike | None = None, axis: int = -1
    ):
        super().__init__(cosine, name, dtype, axis=axis)
        self.axis = axis


# ---- correlation ------------------------------------------------------------------------------


def _moments(y_true: Tensor, y_pred: Tensor, axis: Axis) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Difference of the means, covariance and both variances along `axis`."""
    y_true, y_pred = paired(y_true, y_pred)
    axis = tuple(axis) if isinstance(axis, list) else axis
    means = [ops.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred)]
    a, b = y_true - means[0], y_pred - means[1]
    variances = ops.mean(a * a, axis=axis), ops.mean(b * b, axis=axis)
    return ops.squeeze(means[0] - means[1], axis), ops.mean(a * b, axis=axis), *variances


@rising
def pearson_correlation(y_true: Tensor, y_pred: Tensor, axis: Axis = -1) -> Tensor:
    """Pearson correlation, `cov / (std * std)`, along `axis`; NaN where an input is constant.

    Args:
        y_true: targets.
        y_pred: predictions, same shape.
        axis: axis or axes to reduce.

    Example:

        >>> pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]]).round(4).tolist()
        [1.0]
    """
    _, covariance, first, second = _moments(y_true, y_pred, axis)
    return covariance / (ops.sqrt(first) * ops.sqrt(second))


@rising
def concordance_correlation(y_true: Tensor, y_pred: Tensor, axis: Axis = -1) -> Tensor:
    """Concordance correlation, `2 cov / (var + var + (mean - mean)**2)`, along `axis`.

    Args:
        y_true: targets.
        y_pred: predictions, same shape.
        axis: axis or axes to reduce.

    Example:

        >>> concordance_correlation([[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]]).round(4).tolist()
        [1.0]
    """
    shift, covariance, first, second = _moments(y_true, y_pred, axis)
    return ops.divide_no_nan(2.0 * covariance, first + second + shift * shift)


class PearsonCorrelation(MeanMetricWrapper):
    """Mean Pearson correlation of `y_true` and `y_pred` per sample.

    Args:
        axis: axis or axes to correlate along.

    Example:

        >>> round(float(PearsonCorrelation()([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]])), 4)
        1.0
    """

    def __init__(
        self, name: str = "pearson_correlation", dtype: DTypeLike | None = None, axis: Axis = -1
    ):
        super().__init__(pearson_correlation, name, dtype, axis=axis)
        self.axis = axis


class ConcordanceCorrelation(MeanMetricWrapper):
    """Mean concordance correlation per sample, which is 1 only if both are equal.

    Args:
        axis: axis or axes to correlate along.

    Example:

        >>> round(float(ConcordanceCorrelation()([[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]])), 4)
        1.0
    """

    def __init__(
        self, name: str = "concordance_correlation", dtype: DTypeLike | None = None, axis: Axis = -1
    ):
        super().__init__(concordance_correlation, name, dtype, axis=axis)
        self.axis = axis


# ---- explained variance -----------------------------------------------------------------------

AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


class R2Score(Metric):
    """R2, the coefficient of determination: `1 - sum((y - y_pred)**2) / sum((y - mean(y))**2)`.

    Constant targets score 1 if the predictions are exact, else 0.

    Args:
        class_aggregation: average over several outputs: "uniform_average",
            "variance_weighted_average" (weighted by the variance of the targets), or None for one
            score per output.
        num_regressors: number of features `p` for the adjusted R2,
            `1 - (1 - R2) (n - 1) / (n - p - 1)`; 0 for the plain R2. `n` is the number of target
            values, that is, of samples times outputs, as in Keras.

    Example:

        >>> float(R2Score()([[1.0], [2.0], [3.0]], [[1.0], [2.0], [4.0]]))
        0.5
    """

    direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str = "r2_score",
        dtype: DTypeLike | None = None,
    ):
        super().__init__(name=name, dtype=dtype)
        one_of(class_aggregation, AGGREGATIONS, "class_aggregation")
        if num_regressors < 0:
            raise value_error(f"num_regressors must be >= 0, got {num_regressors}.")
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self.squared_sum: Variable | None = None

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Accumulate a batch.

        Args:
            y_true: targets, `(batch, outputs)`.
            y_pred: predictions, same shape.
            sample_weight: weights per sample, `(batch,)`.
        """
        y_true, y_pred = same_rank(tensor(y_true), tensor(y_pred))
        if len(y_true.shape) != 2 or y_true.shape != y_pred.shape:
            raise value_error(
                "R2Score needs targets and predictions of the same shape (batch, outputs).",
                y_true=tuple(y_true.shape),
                y_pred=tuple(y_pred.shape),
                fix="y_true, y_pred = y_true[:, None], y_pred[:, None]",
            )
        if self.squared_sum is None:
            shape = (y_true.shape[1],)
            self.squared_sum = self.add_variable(shape, "zeros", name="squared_sum")
            self.sum = self.add_variable(shape, "zeros", name="sum")
            self.total_mse = self.add_variable(shape, "zeros", name="residual")
            self.count = self.add_variable(shape, "zeros", name="count")
        y_true, weights = weighted(y_true, sample_weight, self.dtype)
        sums = (self.squared_sum, self.sum, self.total_mse, self.count)
        more = _sums(y_true, as_dtype(y_pred, self.dtype), weights)
        for variable, value in zip(sums, more, strict=True):
            variable.assign(variable.value + value.astype(self.dtype))
        self.num_samples.assign(self.num_samples.value + float(y_true.size))

    def result(self) -> Tensor:
        if self.squared_sum is None:
            return jnp.zeros((), self.dtype)
        sums = (self.squared_sum, self.sum, self.total_mse, self.count)
        score = _explained(*[v.value for v in sums], aggregation=self.class_aggregation)
        return self._adjusted(score) if self.num_regressors else score

    def _adjusted(self, score: Tensor) -> Tensor:
        samples = self.num_samples.value
        free = samples - self.num_regressors - 1
        if not is_tracer(free) and float(free) <= 0:
            warn(
                f"R2Score cannot be adjusted for {self.num_regressors} regressors with only "
                f"{int(samples)} samples; the plain R2 is returned."
            )
        enough = free > 0
        adjusted = 1 - (1 - score) * (samples - 1) / jnp.where(enough, free, 1)
        return jnp.where(enough, adjusted, score)


@fused
def _sums(y_true: Tensor, y_pred: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weighted sums over the samples of y_true**2, y_true, squared errors, and 1."""
    weights = jnp.broadcast_to(1.0 if weights is None else weights, y_true.shape)
    cells = (weights * y_true**2, weights * y_true, weights * (y_true - y_pred) ** 2, weights)
    squares, total, residual, count = (cell.sum(0) for cell in cells)
    return squares, total, residual, count


@fused(static=("aggregation",))
def _explained(
    squares: Tensor, total: Tensor, residual: Tensor, count: Tensor, aggregation: str | None
) -> Tensor:
    """R2 per output from the sums, averaged over the outputs according to `aggregation`."""
    variation = squares - ops.divide_no_nan(total**2, count)
    constant = jnp.where(residual == 0, 1.0, 0.0)
    varies = variation > 0
    score = jnp.where(varies, 1 - residual / jnp.where(varies, variation, 1), constant)
    if aggregation == "uniform_average":
        return score.mean()
    if aggregation == "variance_weighted_average":
        weights = jnp.maximum(variation, 0)
        return ops.divide_no_nan((score * weights).sum(), weights.sum())
    return score
