"""Constraints: what a weight must satisfy after every update; the optimizer applies them."""

from typing import Any

from cornu import ops, settings
from cornu.absent import names_of
from cornu.core.objects.configurable import Configurable
from cornu.core.objects.serialize import serialize_keras_object
from cornu.core.objects.vocabulary import Vocabulary
from cornu.names import to_snake_case
from cornu.types import Config


class Constraint(Configurable):
    """Base of all constraints: a function from a weight to the weight that is allowed.

    Example:

        >>> class Halves(Constraint):
        ...     def __call__(self, w):
        ...         return ops.round(w * 2) / 2
        >>> Halves()(ops.array([0.6, 0.9])).tolist()
        [0.5, 1.0]
    """

    def __init__(self) -> None:
        """Nothing to set here; without this, arguments would be ignored silently."""

    def __call__(self, w: Any) -> Any:
        """The allowed value nearest to `w`; `w` itself here."""
        return w


def _lengths(w: Any, axis: Any) -> Any:
    """Euclidean lengths along `axis`, which stays with size 1."""
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


class MaxNorm(Constraint):
    """Shortens vectors that are longer than `max_value`.

    Args:
        max_value: greatest length.
        axis: axis or axes along which a vector lies: 0 for the inputs of one Dense unit,
            (0, 1, 2) for one filter of Conv2D.

    Example:

        >>> w = MaxNorm(1.0)(ops.array([[3.0, 0.1], [4.0, 0.0]]))
        >>> print(ops.convert_to_numpy(w).round(4))
        [[0.6 0.1]
         [0.8 0. ]]
    """

    def __init__(self, max_value: float = 2, axis: Any = 0):
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        w = ops.convert_to_tensor(w)
        lengths = _lengths(w, self.axis)
        wanted = ops.clip(lengths, 0, self.max_value)
        return w * (wanted / (settings.current.epsilon + lengths))


class NonNeg(Constraint):
    """Sets negative weights to zero.

    Example:

        >>> NonNeg()(ops.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def __call__(self, w: Any) -> Any:
        w = ops.convert_to_tensor(w)
        return ops.where(w >= 0, w, ops.zeros_like(w))


class UnitNorm(Constraint):
    """Gives every vector length one.

    Args:
        axis: axis or axes along which a vector lies.

    Example:

        >>> w = UnitNorm()(ops.array([[3.0], [4.0]]))
        >>> print(ops.convert_to_numpy(w).round(4))
        [[0.6]
         [0.8]]
    """

    def __init__(self, axis: Any = 0):
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        w = ops.convert_to_tensor(w)
        return w / (settings.current.epsilon + _lengths(w, self.axis))


class MinMaxNorm(Constraint):
    """Moves the length of every vector towards the interval from `min_value` to `max_value`.

    The new length is `rate * clip(length, min_value, max_value) + (1 - rate) * length`.

    Args:
        min_value: least length.
        max_value: greatest length.
        rate: how far to go at each step: 1 all the way.
        axis: axis or axes along which a vector lies.

    Example:

        >>> w = MinMaxNorm(max_value=1.0, rate=0.5)(ops.array([[3.0], [4.0]]))
        >>> print(ops.convert_to_numpy(w).round(4))
        [[1.8]
         [2.4]]
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0
    ):
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        w = ops.convert_to_tensor(w)
        lengths = _lengths(w, self.axis)
        inside = ops.clip(lengths, self.min_value, self.max_value)
        wanted = self.rate * inside + (1 - self.rate) * lengths
        return w * (wanted / (settings.current.epsilon + lengths))


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
