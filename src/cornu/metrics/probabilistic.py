"""Losses of probabilities and margins as metrics: their means over all samples."""

from cornu import ops
from cornu.core.graph.operands import tensor
from cornu.core.masks import mask_of
from cornu.losses import crossentropy, functions as losses
from cornu.metrics.reduction import MeanMetricWrapper, weighted
from cornu.types import DTypeLike, Tensor


class _ReducesLastAxis(MeanMetricWrapper):
    """Mean of a loss that is itself a mean over the last axis."""

    _reduces_last_axis = True


class Hinge(_ReducesLastAxis):
    """Mean hinge loss, `max(1 - y_true * y_pred, 0)`.

    Example:

        >>> float(Hinge()([[-1.0, 1.0]], [[-2.0, 0.0]]))
        0.5
    """

    def __init__(self, name: str = "hinge", dtype: DTypeLike | None = None):
        super().__init__(losses.hinge, name, dtype)


class SquaredHinge(_ReducesLastAxis):
    """Mean squared hinge loss, `max(1 - y_true * y_pred, 0)**2`.

    Example:

        >>> float(SquaredHinge()([[-1.0, 1.0]], [[-2.0, -1.0]]))
        2.0
    """

    def __init__(self, name: str = "squared_hinge", dtype: DTypeLike | None = None):
        super().__init__(losses.squared_hinge, name, dtype)


class CategoricalHinge(MeanMetricWrapper):
    """Mean categorical hinge loss, `max(1 + highest wrong score - true score, 0)`.

    Example:

        >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.75]]))
        0.75
    """

    def __init__(self, name: str = "categorical_hinge", dtype: DTypeLike | None = None):
        super().__init__(losses.categorical_hinge, name, dtype)


class KLDivergence(MeanMetricWrapper):
    """Mean Kullback-Leibler divergence, `sum(y_true * log(y_true / y_pred))`.

    Example:

        >>> float(KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]]))
        0.0
    """

    def __init__(self, name: str = "kl_divergence", dtype: DTypeLike | None = None):
        super().__init__(losses.kl_divergence, name, dtype)


class Poisson(_ReducesLastAxis):
    """Mean Poisson loss, `y_pred - y_true * log(y_pred)`.

    Example:

        >>> round(float(Poisson()([[2.0]], [[1.0]])), 4)
        1.0
    """

    def __init__(self, name: str = "poisson", dtype: DTypeLike | None = None):
        super().__init__(losses.poisson, name, dtype)


class BinaryCrossentropy(_ReducesLastAxis):
    """Mean binary cross-entropy.

    Args:
        from_logits: whether predictions are logits instead of probabilities.
        label_smoothing: fraction in [0, 1] by which targets move towards 1/2.

    Example:

        >>> round(float(BinaryCrossentropy()([[1.0, 0.0]], [[0.5, 0.5]])), 4)
        0.6931
    """

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: DTypeLike | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ):
        super().__init__(
            crossentropy.binary_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing


class CategoricalCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy of one-hot targets.

    Args:
        from_logits: whether predictions are logits instead of probabilities.
        label_smoothing: fraction in [0, 1] by which targets move towards the uniform distribution.
        axis: axis of the classes.

    Example:

        >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.6931
    """

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: DTypeLike | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ):
        super().__init__(
            crossentropy.categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy of integer labels.

    Args:
        from_logits: whether predictions are logits instead of probabilities.
        ignore_class: label at which the loss is zero; None for none. As in Keras, and unlike in
            the loss of this name, such a sample counts in the mean unless there are sample weights.
        axis: axis of the classes.

    Example:

        >>> round(float(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])), 4)
        0.6931
    """

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: DTypeLike | None = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ):
        super().__init__(
            crossentropy.sparse_categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis

    def update_state(  # type: ignore[override]
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Accumulate a batch; see `MeanMetricWrapper`."""
        if self.ignore_class is None or sample_weight is not None:
            super().update_state(y_true, y_pred, sample_weight)
            return
        values = self._fn(tensor(y_true), tensor(y_pred), **self._fn_kwargs)
        # A copy has no mask, so ignored samples count as a loss of zero.
        self._add(*weighted(ops.copy(values), None, self.dtype, mask_of(y_pred)))
