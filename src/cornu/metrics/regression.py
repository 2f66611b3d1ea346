"""How far predictions of quantities are from the targets, and how well they go along with them."""

import jax.numpy as jnp

from cornu import ops
from cornu.core.frame import is_tracer
from cornu.core.graph.op import fused
from cornu.core.graph.operands import tensor
from cornu.core.masks import mask_of
from cornu.core.objects.serialize import register_functions
from cornu.core.variable import Variable
from cornu.errors import did_you_mean, value_error, warn
from cornu.losses import functions as losses
from cornu.losses.loss import as_dtype, paired, same_rank
from cornu.metrics.metric import Metric
from cornu.metrics.reduction import Mean, MeanMetricWrapper, weighted
from cornu.types import Axis, DTypeLike, Tensor


class _Error(MeanMetricWrapper):
    """Mean of an error that folds the last axis."""

    _folds_last_axis = True


class MeanSquaredError(_Error):
    """Mean of squared differences.

    Args:
        name: shown in logs.
        dtype: of the state.

    Example:

        >>> float(MeanSquaredError()([[0.0, 1.0]], [[2.0, 1.0]]))
        2.0
    """

    def __init__(self, name: str = "mean_squared_error", dtype: DTypeLike | None = None):
        super().__init__(losses.mean_squared_error, name, dtype)


class RootMeanSquaredError(Mean):
    """Root of the mean of squared differences, in the unit of the targets.

    Args:
        name: shown in logs.
        dtype: of the state.

    Example:

        >>> float(RootMeanSquaredError()([[0.0, 0.0]], [[3.0, 3.0]]))
        3.0
    """

    def __init__(self, name: str = "root_mean_squared_error", dtype: DTypeLike | None = None):
        super().__init__(name, dtype)

    def update_state(  # type: ignore[override]
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Take in a batch.

        Args:
            y_true: targets, `(batch, ...)`.
            y_pred: predictions, `(batch, ...)`.
            sample_weight: weights of samples `(batch,)`, or of all elements.
        """
        mask = mask_of(y_pred)
        y_true, y_pred = same_rank(tensor(y_true), as_dtype(tensor(y_pred), self.dtype))
        squares = ops.square(as_dtype(y_true, self.dtype) - y_pred)
        self._add(*weighted(squares, sample_weight, self.dtype, mask))

    def result(self) -> Tensor:
        return ops.sqrt(super().result())


class MeanAbsoluteError(_Error):
    """Mean of absolute differences.

    Args:
        name: shown in logs.
        dtype: of the state.

    Example:

        >>> float(MeanAbsoluteError()([[0.0, 1.0]], [[3.0, 1.0]]))
        1.5
    """

    def __init__(self, name: str = "mean_absolute_error", dtype: DTypeLike | None = None):
        super().__init__(losses.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(_Error):
    """Mean difference in percent of the target.

    Args:
        name: shown in logs.
        dtype: of the state.

    Example:

        >>> float(MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]]))
        25.0
    """

    def __init__(
        self, name: str = "mean_absolute_percentage_error", dtype: DTypeLike | None = None
    ):
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(_Error):
    """Mean of squared differences of logarithms.

    Args:
        name: shown in logs.
        dtype: of the state.

    Example:

        >>> round(float(MeanSquaredLogarithmicError()([[0.0]], [[1.718282]])), 4)
        1.0
    """

    def __init__(
        self, name: str = "mean_squared_logarithmic_error", dtype: DTypeLike | None = None
    ):
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


class LogCoshError(_Error):
    """Mean of the logarithm of the hyperbolic cosine of the error.

    Args:
        name: shown in logs.
        dtype: of the state.

    Example:

        >>> float(LogCoshError()([[1.0]], [[1.0]]))
        0.0
    """

    def __init__(self, name: str = "logcosh", dtype: DTypeLike | None = None):
        super().__init__(losses.log_cosh, name, dtype)


def cosine(y_true: Tensor, y_pred: Tensor, axis: int = -1) -> Tensor:
    """The cosine of the angle between vectors along `axis`: 1 the same direction."""
    return -losses.cosine_similarity(y_true, y_pred, axis=axis)


class CosineSimilarity(MeanMetricWrapper):
    """Mean cosine of the angle between vectors; 1 is the same direction.

    Args:
        name: shown in logs.
        dtype: of the state.
        axis: along which the vectors lie.

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


def pearson_correlation(y_true: Tensor, y_pred: Tensor, axis: Axis = -1) -> Tensor:
    """`cov / (std * std)` along `axis`; NaN where one of them is constant.

    Args:
        y_true: values along `axis`.
        y_pred: same shape.
        axis: an int or several, which are folded.

    Example:

        >>> pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]]).round(4).tolist()
        [1.0]
    """
    _, covariance, first, second = _moments(y_true, y_pred, axis)
    return covariance / (ops.sqrt(first) * ops.sqrt(second))


def concordance_correlation(y_true: Tensor, y_pred: Tensor, axis: Axis = -1) -> Tensor:
    """`2 cov / (var + var + (mean - mean)**2)` along `axis`: 1 only where both are equal.

    Args:
        y_true: values along `axis`.
        y_pred: same shape.
        axis: an int or several, which are folded.

    Example:

        >>> concordance_correlation([[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]]).round(4).tolist()
        [1.0]
    """
    shift, covariance, first, second = _moments(y_true, y_pred, axis)
    return ops.divide_no_nan(2.0 * covariance, first + second + shift * shift)


class PearsonCorrelation(MeanMetricWrapper):
    """Mean of the linear correlation of each sample.

    Args:
        name: shown in logs.
        dtype: of the state.
        axis: along which to correlate.

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
    """Mean of the concordance of each sample: correlation that also asks for equal values.

    Args:
        name: shown in logs.
        dtype: of the state.
        axis: along which to correlate.

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
    """How much of the variance of the targets is explained: `1 - sum(e**2) / sum((y - mean)**2)`.

    Targets that do not vary score 1 if they are met exactly, else 0.

    Args:
        class_aggregation: how the scores of several outputs become one: their mean
            ("uniform_average"), their mean weighted by variance ("variance_weighted_average"), or
            not at all (None).
        num_regressors: number `p` of the features; if not 0, the score is adjusted for it:
            `1 - (1 - R2) (n - 1) / (n - p - 1)`, where `n` counts the targets: of several outputs
            each one, as in Keras.
        name: shown in logs.
        dtype: of the state.

    Example:

        >>> float(R2Score()([[1.0], [2.0], [3.0]], [[1.0], [2.0], [4.0]]))
        0.5
    """

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str = "r2_score",
        dtype: DTypeLike | None = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in AGGREGATIONS:
            raise value_error(
                f"There is no class_aggregation {class_aggregation!r}.",
                fix=did_you_mean(class_aggregation, map(str, AGGREGATIONS)),
            )
        if num_regressors < 0:
            raise value_error(f"num_regressors is not negative, got {num_regressors}.")
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self.squared_sum: Variable | None = None

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Take in a batch.

        Args:
            y_true: targets, `(batch, outputs)`.
            y_pred: predictions, same shape.
            sample_weight: weights of samples, `(batch,)`.
        """
        y_true, y_pred = same_rank(tensor(y_true), tensor(y_pred))
        if len(y_true.shape) != 2 or y_true.shape != y_pred.shape:
            raise value_error(
                "R2Score takes targets and predictions of one shape (batch, outputs).",
                y_true=tuple(y_true.shape),
                y_pred=tuple(y_pred.shape),
                fix="y[:, None] for one output.",
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
                f"{int(samples)} samples; the plain score is returned."
            )
        enough = free > 0
        adjusted = 1 - (1 - score) * (samples - 1) / jnp.where(enough, free, 1)
        return jnp.where(enough, adjusted, score)


@fused
def _sums(y_true: Tensor, y_pred: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Over the samples: squares of the targets, targets, squares of the errors, weights."""
    weights = jnp.broadcast_to(1.0 if weights is None else weights, y_true.shape)
    cells = (weights * y_true**2, weights * y_true, weights * (y_true - y_pred) ** 2, weights)
    squares, total, residual, count = (cell.sum(0) for cell in cells)
    return squares, total, residual, count


@fused(static=("aggregation",))
def _explained(
    squares: Tensor, total: Tensor, residual: Tensor, count: Tensor, aggregation: str | None
) -> Tensor:
    """The score of each output from the sums, and these as one number if asked for."""
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


FUNCTIONS = {
    "concordance_correlation": concordance_correlation,
    "pearson_correlation": pearson_correlation,
}
register_functions(FUNCTIONS)
