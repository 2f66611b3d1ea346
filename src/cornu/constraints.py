"""Constraints on the values of weights, which the optimizer applies after every update."""

from cornu import ops, settings
from cornu.absent import names_of
from cornu.core.objects.configurable import Configurable
from cornu.core.objects.serialize import serialize_keras_object
from cornu.core.objects.vocabulary import Vocabulary
from cornu.names import to_snake_case
from cornu.types import Axis, Config, Tensor


class Constraint(Configurable):
    """Base of all constraints: a function from a weight to its constrained value.

    Example:

        >>> class Halves(Constraint):
        ...     def __call__(self, w):
        ...         return ops.round(w * 2) / 2
        >>> Halves()(ops.array([0.6, 0.9])).tolist()
        [0.5, 1.0]
    """

    def __init__(self) -> None:
        """Take no settings; without this, arguments would be ignored silently."""

    def __call__(self, w: Tensor) -> Tensor:
        """The constrained value of a weight with value `w`; `w` itself here."""
        return w


def _norms(w: Tensor, axis: Axis) -> Tensor:
    """Euclidean norms along `axis`, which is kept with size 1."""
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


class MaxNorm(Constraint):
    """Scales vectors down to a norm of at most `max_value`.

    Args:
        max_value: maximum norm.
        axis: axis or axes of one vector: 0 for the inputs of each Dense unit, (0, 1, 2) for each
            filter of Conv2D.

    Example:

        >>> w = MaxNorm(1.0)(ops.array([[3.0, 0.1], [4.0, 0.0]]))
        >>> print(ops.convert_to_numpy(w).round(4))
        [[0.6 0.1]
         [0.8 0. ]]
    """

    def __init__(self, max_value: float = 2, axis: Axis = 0):
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        w = ops.convert_to_tensor(w)
        norms = _norms(w, self.axis)
        wanted = ops.clip(norms, 0, self.max_value)
        return w * (wanted / (settings.current.epsilon + norms))


class NonNeg(Constraint):
    """Makes weights non-negative: negative values become 0.

    Example:

        >>> NonNeg()(ops.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def __call__(self, w: Tensor) -> Tensor:
        w = ops.convert_to_tensor(w)
        return ops.where(w >= 0, w, ops.zeros_like(w))


class UnitNorm(Constraint):
    """Scales every vector to unit norm.

    Args:
        axis: axis or axes of one vector, as in `MaxNorm`.

    Example:

        >>> w = UnitNorm()(ops.array([[3.0], [4.0]]))
        >>> print(ops.convert_to_numpy(w).round(4))
        [[0.6]
         [0.8]]
    """

    def __init__(self, axis: Axis = 0):
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        w = ops.convert_to_tensor(w)
        return w / (settings.current.epsilon + _norms(w, self.axis))


class MinMaxNorm(Constraint):
    """Moves the norm of every vector into the interval from `min_value` to `max_value`.

    The new norm is `rate * clip(norm, min_value, max_value) + (1 - rate) * norm`.

    Args:
        min_value: minimum norm.
        max_value: maximum norm.
        rate: fraction of the distance to the interval that an update removes; 1 for all of it.
        axis: axis or axes of one vector, as in `MaxNorm`.

    Example:

        >>> w = MinMaxNorm(max_value=1.0, rate=0.5)(ops.array([[3.0], [4.0]]))
        >>> print(ops.convert_to_numpy(w).round(4))
        [[1.8]
         [2.4]]
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0
    ):
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        w = ops.convert_to_tensor(w)
        norms = _norms(w, self.axis)
        inside = ops.clip(norms, self.min_value, self.max_value)
        wanted = self.rate * inside + (1 - self.rate) * norms
        return w * (wanted / (settings.current.epsilon + norms))


max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm

_words = Vocabulary("constraint", vars(), Constraint, spelled=to_snake_case)
get, deserialize = _words.get, _words.deserialize


def serialize(constraint: Constraint) -> Config:
    """The constraint as JSON values.

    Example:

        >>> serialize(UnitNorm(axis=1))["config"]
        {'axis': 1}
    """
    return serialize_keras_object(constraint)


globals()["__getattr__"] = names_of(__name__)
