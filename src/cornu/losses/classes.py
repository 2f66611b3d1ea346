"""The losses as objects: one short class for each function of `functions.py`.

A class keeps the settings of its function under their own names; what the settings mean is said at
the function. All take `reduction`, `name` and `dtype` as `FunctionLoss` does, whose constructor is
all that a loss without settings needs.
"""

from collections.abc import Sequence

from cornu.errors import value_error
from cornu.losses import crossentropy, functions
from cornu.losses.loss import FunctionLoss
from cornu.types import Axis, DTypeLike

_MEAN = "sum_over_batch_size"


class MeanSquaredError(FunctionLoss):
    """Mean of squared differences; see `mean_squared_error`.

    Example:

        >>> float(MeanSquaredError()([[0.0, 1.0]], [[2.0, 1.0]]))
        2.0
    """

    _function = staticmethod(functions.mean_squared_error)


class MeanAbsoluteError(FunctionLoss):
    """Mean of absolute differences; see `mean_absolute_error`.

    Example:

        >>> float(MeanAbsoluteError()([[0.0, 1.0]], [[3.0, 1.0]]))
        1.5
    """

    _function = staticmethod(functions.mean_absolute_error)


class MeanAbsolutePercentageError(FunctionLoss):
    """Mean difference in percent of the target; see `mean_absolute_percentage_error`.

    Example:

        >>> float(MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]]))
        25.0
    """

    _function = staticmethod(functions.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(FunctionLoss):
    """Mean of squared differences of logarithms; see `mean_squared_logarithmic_error`.

    Example:

        >>> round(float(MeanSquaredLogarithmicError()([[0.0]], [[1.718282]])), 4)
        1.0
    """

    _function = staticmethod(functions.mean_squared_logarithmic_error)


class CosineSimilarity(FunctionLoss):
    """Minus the cosine of the angle between vectors; see `cosine_similarity`.

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
    """Squared near zero, absolute far from it; see `huber`.

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
    """Logarithm of the hyperbolic cosine of the error; see `log_cosh`.

    Example:

        >>> float(LogCosh()([[1.0]], [[1.0]]))
        0.0
    """

    _function = staticmethod(functions.log_cosh)


class Hinge(FunctionLoss):
    """Distance to the right side of the margin; see `hinge`.

    Example:

        >>> float(Hinge()([[-1.0, 1.0]], [[-2.0, 0.0]]))
        0.5
    """

    _function = staticmethod(functions.hinge)


class SquaredHinge(FunctionLoss):
    """Squared distance to the right side of the margin; see `squared_hinge`.

    Example:

        >>> float(SquaredHinge()([[-1.0, 1.0]], [[-2.0, -1.0]]))
        2.0
    """

    _function = staticmethod(functions.squared_hinge)


class CategoricalHinge(FunctionLoss):
    """By how much a wrong class beats the right one; see `categorical_hinge`.

    Example:

        >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.75]]))
        0.75
    """

    _function = staticmethod(functions.categorical_hinge)


class KLDivergence(FunctionLoss):
    """Divergence of two distributions; see `kl_divergence`.

    Example:

        >>> float(KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]]))
        0.0
    """

    _function = staticmethod(functions.kl_divergence)


class Poisson(FunctionLoss):
    """Counts against their expectation; see `poisson`.

    Example:

        >>> round(float(Poisson()([[2.0]], [[1.0]])), 4)
        1.0
    """

    _function = staticmethod(functions.poisson)


class BinaryCrossentropy(FunctionLoss):
    """Cross-entropy of yes or no; see `binary_crossentropy`.

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
    """Cross-entropy of yes or no that looks at the hard cases; see `binary_focal_crossentropy`.

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
    """Cross-entropy of one-hot classes; see `categorical_crossentropy`.

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
    """Cross-entropy of classes that looks at the hard cases; see `categorical_focal_crossentropy`.

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
    """Cross-entropy of class numbers; see `sparse_categorical_crossentropy`.

    Example:

        >>> round(float(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])), 4)
        0.6931
    """

    _function = staticmethod(crossentropy.sparse_categorical_crossentropy)
    _labels_are_classes = True
    _label_left_out = crossentropy.LEFT_OUT

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
    """Between cross-entropy and absolute error; see `categorical_generalized_cross_entropy`.

    Args:
        q: between 0 and 1, both excluded.

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
            raise value_error(f"q lies between 0 and 1, got {q}.")
        super().__init__(reduction=reduction, name=name, dtype=dtype)
        self.q = q


class CTC(FunctionLoss):
    """Loss of unaligned label sequences; see `ctc`.

    Example:

        >>> round(float(CTC()([[1]], [[[0.0, 0.0]]])), 4)
        0.6931
    """

    _function = staticmethod(functions.ctc)
    _labels_are_classes = True


class Dice(FunctionLoss):
    """One minus the overlap of two masks; see `dice`.

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
    """One minus the overlap, false and missed parts weighed apart; see `tversky`.

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
    """Embeddings of a class together, others apart; see `circle`.

    Example:

        >>> float(Circle()([0, 1], [[1.0, 0.0], [0.0, 1.0]]))  # nothing to pull together
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
