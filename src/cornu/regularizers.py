"""Regularizers: penalties on the values of weights, which training adds to the loss."""

import math
from typing import Any

from cornu import ops
from cornu.absent import names_of
from cornu.arguments import one_of
from cornu.core.objects.configurable import Configurable
from cornu.core.objects.serialize import serialize_keras_object
from cornu.core.objects.vocabulary import Vocabulary
from cornu.errors import value_error
from cornu.names import to_snake_case
from cornu.types import Config, RegularizerLike, Tensor


class Regularizer(Configurable):
    """Base of all regularizers: a function from a weight to a scalar.

    Example:

        >>> class SquareOfSum(Regularizer):
        ...     def __call__(self, x):
        ...         return ops.square(ops.sum(x))
        >>> float(SquareOfSum()(ops.ones((3,))))
        9.0
    """

    def __init__(self) -> None:
        """Take no settings; without this, arguments would be ignored silently."""

    def __call__(self, x: Tensor) -> Tensor:
        """The penalty for a weight with value `x`, a scalar; 0 here."""
        return 0.0


def _factor(value: float, name: str) -> float:
    """The factor of a penalty as a float.

    Raises:
        ValueError: the value is not a finite number >= 0.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, str) or not math.isfinite(number) or number < 0:
        raise value_error(f"{name} must be a finite number >= 0, got {value!r}.")
    return number


class L1(Regularizer):
    """Lasso penalty `l1 * sum(abs(x))`, which makes weights sparse.

    Args:
        l1: factor of the penalty.

    Example:

        >>> float(L1(0.5)(ops.ones((4,))))
        2.0
    """

    def __init__(self, l1: float = 0.01):
        self.l1 = _factor(0.01 if l1 is None else l1, "l1")

    def __call__(self, x: Tensor) -> Tensor:
        return self.l1 * ops.sum(ops.abs(x))


class L2(Regularizer):
    """Ridge penalty `l2 * sum(x**2)`, which keeps weights small.

    Args:
        l2: factor of the penalty.

    Example:

        >>> float(L2(0.5)(2 * ops.ones((4,))))
        8.0
    """

    def __init__(self, l2: float = 0.01):
        self.l2 = _factor(0.01 if l2 is None else l2, "l2")

    def __call__(self, x: Tensor) -> Tensor:
        return self.l2 * ops.sum(ops.square(x))


class L1L2(Regularizer):
    """Elastic net penalty, `l1 * sum(abs(x)) + l2 * sum(x**2)`.

    Args:
        l1: factor of the sum of absolute values.
        l2: factor of the sum of squares.

    Example:

        >>> float(L1L2(0.5, 0.25)(2 * ops.ones((4,))))
        8.0
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0):
        self.l1 = _factor(l1 or 0.0, "l1")
        self.l2 = _factor(l2 or 0.0, "l2")

    def __call__(self, x: Tensor) -> Tensor:
        penalty = 0.0
        if self.l1:
            penalty = penalty + self.l1 * ops.sum(ops.abs(x))
        if self.l2:
            penalty = penalty + self.l2 * ops.sum(ops.square(x))
        return penalty if self.l1 or self.l2 else 0.0 * ops.sum(x)


class OrthogonalRegularizer(Regularizer):
    """Penalty for rows (or columns) of a matrix that are not orthogonal.

    It is `factor` times the mean of the absolute cosine similarity over all pairs.

    Args:
        factor: factor of the penalty.
        mode: "rows" or "columns".

    Example:

        >>> regularizer = OrthogonalRegularizer(factor=1.0)
        >>> round(float(regularizer(ops.ones((3, 2)))), 5), float(regularizer(ops.eye(3)))
        (1.0, 0.0)
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        one_of(mode, ("rows", "columns"), "mode")
        self.factor = _factor(factor, "factor")
        self.mode = mode

    def __call__(self, x: Tensor) -> Tensor:
        if len(x.shape) != 2:
            raise value_error(
                f"OrthogonalRegularizer needs a weight with 2 axes, got shape {tuple(x.shape)}."
            )
        if self.mode == "columns":
            x = ops.transpose(x)
        x = ops.normalize(x, axis=-1)  # (vectors, size)
        count = x.shape[0]
        cosines = ops.matmul(x, ops.transpose(x)) * (1.0 - ops.eye(count, dtype=x.dtype))
        pairs = count * (count - 1) / 2
        return self.factor * 0.5 * ops.sum(ops.abs(cosines)) / pairs


l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer


class _Regularizers(Vocabulary):
    """The regularizers; a number could be the factor of any of them, and is refused."""

    def find(self, identifier: RegularizerLike) -> Any:
        if isinstance(identifier, int | float):
            raise value_error(
                f"A regularizer must be a name, a function or an instance, got {identifier}.",
                fix=f"keras.regularizers.L2({identifier}) in place of {identifier}",
            )
        return super().find(identifier)


_words = _Regularizers("regularizer", vars(), Regularizer, spelled=to_snake_case)
get, deserialize = _words.get, _words.deserialize


def serialize(regularizer: Regularizer) -> Config:
    """The regularizer as JSON values.

    Example:

        >>> serialize(L2(0.5))["config"]
        {'l2': 0.5}
    """
    return serialize_keras_object(regularizer)


globals()["__getattr__"] = names_of(__name__)
