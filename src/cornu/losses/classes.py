"""The loss classes: one for each loss function of `functions.py` and `crossentropy.py`.

A class keeps the settings of its function under the same names; the function documents them. All
take `reduction`, `name` and `dtype`, which `Loss` documents.
"""

from collections.abc import Sequence

from cornu.errors import value_error
from cornu.losses import crossentropy, functions
from cornu.losses.loss import FunctionLoss
from cornu.types import Axis, DTypeLike

_MEAN = "sum_over_batch_size"


class MeanSquaredError(FunctionLoss):
    """Mean squared error, `mean((y_true - y_pred)**2)`; see `mean_squared_error`.

    Example:

        >>> float(MeanSquaredError()([[0.0, 1.0]], [[2.0, 1.0]]))
        2.0
    """

    _function = staticmethod(functions.mean_squared_error)


class MeanAbsoluteError(FunctionLoss):
    """Mean absolute error, `mean(abs(y_true - y_pred))`; see `mean_absolute_error`.

    Example:

        >>> float(MeanAbsoluteError()([[0.0, 1.0]], [[3.0, 1.0]]))
        1.5
    """

    _function = staticmethod(functions.mean_absolute_error)


class MeanAbsolutePercentageError(FunctionLoss):
    """`100 * mean(abs(y_true - y_pred) / abs(y_true))`; see `mean_absolute_percentage_error`.

    Example:

        >>> float(MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]]))
        25.0
    """

    _function = staticmethod(functions.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(FunctionLoss):
    """Mean squared error of `log(1 + y)`; see `mean_squared_logarithmic_error`.

    Example:

        >>> round(float(MeanSquaredLogarithmicError()([[0.0]], [[1.718282]])), 4)
        1.0
    """

    _function = staticmethod(functions.mean_squared_logarithmic_error)


class CosineSimilarity(FunctionLoss):
    """Negative cosine similarity, from -1 (same direction) to 1; see `cosine_similarity`.

    Example:

        >>> float(CosineSimilarity()([[1.0, 0.0]], [[2.0, 0.0]]))
        -1.0
    """

    _function = staticmethod(functions.cosine_similarity)

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = _MEAN,
        name: str = "cosine_similarity",
        dtype: DTypeLike | None = None,
    ):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.axis = axis


class Huber(FunctionLoss):
    """Huber loss: quadratic for small errors, linear for large ones; see `huber`.

    Example:

        >>> float(Huber(delta=2.0)([[0.0]], [[3.0]]))
        4.0
    """

    _function = staticmethod(functions.huber)

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = _MEAN,
        name: str = "huber_loss",
        dtype: DTypeLike | None = None,
    ):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.delta = delta


class LogCosh(FunctionLoss):
    """Log-cosh loss, `mean(log(cosh(y_pred - y_true)))`; see `log_cosh`.

    Example:

        >>> float(LogCosh()([[1.0]], [[1.0]]))
        0.0
    """

    _function = staticmethod(functions.log_cosh)


class Hinge(FunctionLoss):
    """Hinge loss, `mean(max(1 - y_true * y_pred, 0))`; see `hinge`.

    Example:

        >>> float(Hinge()([[-1.0, 1.0]], [[-2.0, 0.0]]))
        0.5
    """

    _function = staticmethod(functions.hinge)


class SquaredHinge(FunctionLoss):
    """Squared hinge loss, `mean(max(1 - y_true * y_pred, 0)**2)`; see `squared_hinge`.

    Example:

        >>> float(SquaredHinge()([[-1.0, 1.0]], [[-2.0, -1.0]]))
        2.0
    """

    _function = staticmethod(functions.squared_hinge)


class CategoricalHinge(FunctionLoss):
    """Multi-class hinge loss of one-hot targets; see `categorical_hinge`.

    Example:

        >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.75]]))
        0.75
    """

    _function = staticmethod(functions.categorical_hinge)


class KLDivergence(FunctionLoss):
    """Kullback-Leibler divergence, `sum(y_true * log(y_true / y_pred))`; see `kl_divergence`.

    Example:

        >>> float(KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]]))
        0.0
    """

    _function = staticmethod(functions.kl_divergence)


class Poisson(FunctionLoss):
    """Poisson negative log-likelihood, `mean(y_pred - y_true * log(y_pred))`; see `poisson`.

    Example:

        >>> round(float(Poisson()([[2.0]], [[1.0]])), 4)
        1.0
    """

    _function = staticmethod(functions.poisson)


class BinaryCrossentropy(FunctionLoss):
    """Binary cross-entropy; see `binary_crossentropy`.

    Example:

        >>> round(float(BinaryCrossentropy()([[1.0, 0.0]], [[0.5, 0.5]])), 4)
        0.6931
    """

    _function = staticmethod(crossentropy.binary_crossentropy)

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _MEAN,
        name: str = "binary_crossentropy",
        dtype: DTypeLike | None = None,
    ):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class BinaryFocalCrossentropy(FunctionLoss):
    """Focal loss of binary targets, which weights hard examples; see `binary_focal_crossentropy`.

    Example:

        >>> round(float(BinaryFocalCrossentropy()([[1.0]], [[0.5]])), 4)
        0.1733
    """

    _function = staticmethod(crossentropy.binary_focal_crossentropy)

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _MEAN,
        name: str = "binary_focal_crossentropy",
        dtype: DTypeLike | None = None,
    ):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.apply_class_balancing = apply_class_balancing
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class CategoricalCrossentropy(FunctionLoss):
    """Cross-entropy of one-hot targets; see `categorical_crossentropy`.

    Example:

        >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.6931
    """

    _function = staticmethod(crossentropy.categorical_crossentropy)

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _MEAN,
        name: str = "categorical_crossentropy",
        dtype: DTypeLike | None = None,
    ):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class CategoricalFocalCrossentropy(FunctionLoss):
    """Focal loss of one-hot targets; see `categorical_focal_crossentropy`.

    Example:

        >>> round(float(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.0433
    """

    _function = staticmethod(crossentropy.categorical_focal_crossentropy)

    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _MEAN,
        name: str = "categorical_focal_crossentropy",
        dtype: DTypeLike | None = None,
    ):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class SparseCategoricalCrossentropy(FunctionLoss):
    """Cross-entropy of integer labels; see `sparse_categorical_crossentropy`.

    Example:

        >>> round(float(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])), 4)
        0.6931
    """

    _function = staticmethod(crossentropy.sparse_categorical_crossentropy)
    _labels_are_classes = True
    _placeholder_label = crossentropy.PLACEHOLDER_LABEL

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = _MEAN,
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: DTypeLike | None = None,
    ):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis


class CategoricalGeneralizedCrossEntropy(FunctionLoss):
    """Loss for noisy integer labels; see `categorical_generalized_cross_entropy`.

    Args:
        q: exponent, in (0, 1).

    Example:

        >>> float(CategoricalGeneralizedCrossEntropy(q=0.5)([1], [[0.75, 0.25]]))
        1.0
    """

    _function = staticmethod(crossentropy.categorical_generalized_cross_entropy)
    _labels_are_classes = True

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = _MEAN,
        name: str = "categorical_generalized_cross_entropy",
        dtype: DTypeLike | None = None,
    ):
        if not 0 < q < 1:
            raise value_error(f"q must be in (0, 1), got {q}.")
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.q = q


class CTC(FunctionLoss):
    """Connectionist temporal classification, for unaligned sequences; see `ctc`.

    Example:

        >>> round(float(CTC()([[1]], [[[0.0, 0.0]]])), 4)
        0.6931
    """

    _function = staticmethod(functions.ctc)
    _labels_are_classes = True


class Dice(FunctionLoss):
    """Dice loss: one minus the Dice coefficient of two masks; see `dice`.

    Example:

        >>> round(float(Dice()([[1.0, 0.0]], [[1.0, 1.0]])), 4)
        0.3333
    """

    _function = staticmethod(functions.dice)

    def __init__(
        self,
        reduction: str | None = _MEAN,
        name: str = "dice",
        axis: Axis = None,
        dtype: DTypeLike | None = None,
    ):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.axis = axis


class Tversky(FunctionLoss):
    """Tversky loss: Dice with separate weights of false negatives and positives; see `tversky`.

    Example:

        >>> float(Tversky(alpha=0.0, beta=1.0)([[1.0, 0.0]], [[1.0, 1.0]]))
        0.5
    """

    _function = staticmethod(functions.tversky)

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = _MEAN,
        name: str = "tversky",
        axis: Axis = None,
        dtype: DTypeLike | None = None,
    ):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.alpha = alpha
        self.beta = beta
        self.axis = axis


class Circle(FunctionLoss):
    """Circle loss, for embeddings; see `circle`.

    Example:

        >>> float(Circle()([0, 1], [[1.0, 0.0], [0.0, 1.0]]))  # no other sample of the class
        0.0
    """

    _function = staticmethod(functions.circle)
    _labels_are_classes = True

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = _MEAN,
        name: str = "circle",
        dtype: DTypeLike | None = None,
    ):
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.gamma = gamma
        self.margin = margin
        self.remove_diagonal = remove_diagonal
