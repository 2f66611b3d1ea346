"""Sums and means of values, and of a function of each sample."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cornu import ops
from cornu.core.graph.operands import HALVES, tensor
from cornu.core.logits import same_logits
from cornu.core.masks import mask_of
from cornu.core.objects.configurable import plain
from cornu.core.objects.serialize import (
    deserialize_keras_object,
    serialize_in_full,
)
from cornu.errors import returns_nothing
from cornu.losses.loss import (
    Function,
    as_dtype,
    broadcast_weights,
    combined_mask,
    weights_and_mask,
)
from cornu.metrics.metric import Metric
from cornu.types import Config, DTypeLike, Tensor


def weighted(
    values: Tensor, sample_weight: Tensor | None, dtype: str, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Values in a dtype, and weights that broadcast to them; None if all weights are one.

    Args:
        values: values, `(batch, ...)`.
        sample_weight: weights of the leading axes of `values`.
        dtype: dtype of both results.
        mask: mask, True where a value counts, in addition to the mask of `values`.

    Raises:
        ValueError: the weights do not broadcast to the values.
    """
    values = tensor(values)
    mask = combined_mask(mask, mask_of(values))
    values = as_dtype(values, dtype)
    weights = weights_and_mask(sample_weight, mask, dtype, "sum")
    if weights is None:
        return values, None
    return broadcast_weights(values, weights, trailing=False)


class Sum(Metric):
    """Weighted sum of everything seen since the last reset: `sum(w * x)`.

    Example:

        >>> metric = Sum()
        >>> metric.update_state([1.0, 3.0]); metric.update_state([2.0], sample_weight=[0.5])
        >>> float(metric.result())
        5.0
    """

    def __init__(self, name: str = "sum", dtype: DTypeLike | None = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, values: Tensor, sample_weight: Tensor | None = None) -> None:
        """Add `values` of any shape."""
        values, weights = weighted(values, sample_weight, self.dtype)
        values = values if weights is None else values * weights
        self.total.assign(self.total.value + ops.sum(values))

    def result(self) -> Tensor:
        return self.total.value


class Mean(Metric):
    """Weighted mean of everything seen since the last reset: `sum(w * x) / sum(w)`.

    Values with more than one axis are first averaged per sample.

    Example:

        >>> metric = Mean()
        >>> metric.update_state([1.0, 3.0]); metric.update_state([5.0], sample_weight=[2.0])
        >>> float(metric.result())
        3.5
    """

    def __init__(self, name: str | None = "mean", dtype: DTypeLike | None = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, values: Tensor, sample_weight: Tensor | None = None) -> None:
        """Accumulate `values` of shape `(batch, ...)`, or a scalar."""
        values, weights = weighted(values, sample_weight, self.dtype)
        self._add(values, weights)

    def _add(self, values: Tensor, weights: Tensor) -> None:
        inner = math.prod(values.shape[1:])  # values per sample
        if weights is None:
            count = float(values.shape[0]) if values.shape else 1.0
        else:
            repeats = values.size // max(weights.size, 1) / inner if inner else 0.0
            count = ops.sum(weights) * repeats
            values = values * weights
        total = ops.sum(values)
        self.total.assign(self.total.value + (total / inner if inner > 1 else total))
        self.count.assign(self.count.value + count)

    def result(self) -> Tensor:
        return ops.divide_no_nan(self.total.value, self.count.value)


def rising(function: Function) -> Function:
    """The function, marked as one of which more is better, like an accuracy."""
    function.direction = "up"  # type: ignore[attr-defined]
    return function


class MeanMetricWrapper(Mean):
    """Mean of a function `fn(y_true, y_pred, **kwargs)` over all samples.

    Args:
        fn: function that returns one value per sample or per time step.
        **kwargs: keyword arguments of `fn`.

    Example:

        >>> metric = MeanMetricWrapper(lambda y_true, y_pred: ops.abs(y_true - y_pred))
        >>> float(metric(ops.array([1.0, 2.0]), ops.array([2.0, 5.0])))
        2.0
    """

    _reduces_last_axis = False  # whether a (batch,) input is read as (batch, 1)

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str | None = None,
        dtype: DTypeLike | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._fn_kwargs = kwargs
        if self.direction is None:  # unless the class says it
            self.direction = getattr(fn, "direction", None)

    def update_state(  # type: ignore[override]
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Accumulate a batch.

        Args:
            y_true: targets, `(batch, ...)`.
            y_pred: predictions, `(batch, ...)`.
            sample_weight: weights per sample `(batch,)` or per time step `(batch, time)`.
        """
        mask = mask_of(y_pred)
        y_true, y_pred = self._widened(tensor(y_true)), self._widened(tensor(y_pred))
        if self._reduces_last_axis and len(np.shape(y_true)) == len(np.shape(y_pred)) == 1:
            y_true, y_pred = y_true[:, None], y_pred[:, None]
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        if values is None:
            raise ValueError(returns_nothing(self._fn))
        self._add(*weighted(values, sample_weight, self.dtype, mask))

    def _widened(self, y: Tensor) -> Tensor:
        """Half-precision values in the dtype of the state, in which squares do not overflow."""
        if y.dtype not in HALVES:
            return y
        wide = y.astype(self.dtype)
        same_logits(y, wide)
        return wide

    def get_config(self) -> Config:
        config = {"name": self.name, "dtype": self._dtype_config()}
        if type(self) is not MeanMetricWrapper:
            return {**config, **self._settings()}
        kwargs = {key: plain(value) for key, value in self._fn_kwargs.items()}
        return {**config, "fn": serialize_in_full(self._fn), **kwargs}

    def _settings(self) -> dict[str, Any]:
        """The arguments of a named metric other than `name` and `dtype`."""
        names = [n for n in inspect.signature(type(self)).parameters if n not in ("name", "dtype")]
        return {n: plain(getattr(self, n)) for n in names if hasattr(self, n)}

    @classmethod
    def from_config(cls, config: Config) -> Any:
        config = dict(config)
        fn = config.get("fn")
        if isinstance(fn, str):
            config["fn"] = deserialize_keras_object({"class_name": "function", "config": fn})
        elif isinstance(fn, dict):
            config["fn"] = deserialize_keras_object(fn)
        return cls(**config)
