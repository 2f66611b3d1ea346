"""Activation functions: most are operations, under the same names.

`softmax` and `sigmoid` also note their logits for the losses; see `core/logits.py`.
"""

from typing import Any

from cornu import ops
from cornu.absent import names_of
from cornu.context import local
from cornu.core.logits import note_logits
from cornu.core.objects.serialize import serialize_keras_object
from cornu.core.objects.vocabulary import Vocabulary
from cornu.core.symbolic import is_symbolic
from cornu.ops import (
    celu as celu,
    elu as elu,
    glu as glu,
    hard_shrink as hard_shrink,
    hard_sigmoid as hard_sigmoid,
    hard_silu as hard_silu,
    hard_swish as hard_swish,
    hard_tanh as hard_tanh,
    leaky_relu as leaky_relu,
    log_sigmoid as log_sigmoid,
    log_softmax as log_softmax,
    relu6 as relu6,
    selu as selu,
    silu as silu,
    soft_shrink as soft_shrink,
    softplus as softplus,
    softsign as softsign,
    sparse_plus as sparse_plus,
    sparse_sigmoid as sparse_sigmoid,
    sparsemax as sparsemax,
    squareplus as squareplus,
    swish as swish,
    tanh as tanh,
    tanh_shrink as tanh_shrink,
    threshold as threshold,
)
from cornu.types import ActivationLike, Axis, Tensor


def relu(
    x: Tensor,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Tensor:
    """Rectified linear unit, `max(x, 0)` by default.

    In general, `min(x, max_value)` where `x > threshold`, and `negative_slope * (x - threshold)`
    elsewhere.

    Args:
        x: array of any shape.
        negative_slope: slope at and below the threshold.
        max_value: upper bound of the output; None for no bound.
        threshold: value above which `x` is returned.

    Returns:
        An array of the same shape.

    Example:

        >>> relu([-2.0, 0.0, 3.0]).tolist()
        [0.0, 0.0, 3.0]
        >>> relu([-2.0, 0.5, 9.0], negative_slope=0.5, max_value=6.0, threshold=1.0).tolist()
        [-1.5, -0.25, 6.0]
    """
    if negative_slope == 0.0 and threshold == 0.0 and max_value in (None, 6):
        return ops.relu(x) if max_value is None else ops.relu6(x)
    x = x if is_symbolic(x) else ops.convert_to_tensor(x)
    above = x if max_value is None else ops.minimum(x, ops.cast(max_value, x.dtype))
    below = negative_slope * (x - threshold) if negative_slope else ops.zeros_like(x)
    return ops.where(x <= threshold, below, above)  # NaN is not <= anything, and stays


def softmax(x: Tensor, axis: Axis = -1) -> Tensor:
    """`exp(x) / sum(exp(x))` along `axis`: probabilities, which sum to 1.

    Args:
        x: logits of any shape.
        axis: axis or axes of the sum; all of them if None.

    Returns:
        An array of the same shape.

    Example:

        >>> softmax([[0.0, 0.0]]).tolist()
        [[0.5, 0.5]]
    """
    output = ops.softmax(x, axis=axis)
    if local.logits is not None and not is_symbolic(x) and axis in (-1, len(x.shape) - 1):
        note_logits(output, x, "softmax")
    return output


def sigmoid(x: Tensor) -> Tensor:
    """Logistic sigmoid, `1 / (1 + exp(-x))`, in (0, 1).

    Example:

        >>> sigmoid([0.0, 1000.0]).tolist()
        [0.5, 1.0]
    """
    output = ops.sigmoid(x)
    if local.logits is not None and not is_symbolic(x):
        note_logits(output, x, "sigmoid")
    return output


def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """Gaussian error linear unit, `x * P(Z <= x)` for a standard normal `Z`.

    From Hendrycks & Gimpel (2016). `ops.gelu` is the same function, approximate by default.

    Args:
        x: array of any shape.
        approximate: whether to use the tanh approximation instead of the error function.

    Example:

        >>> gelu([0.0, 100.0]).tolist()
        [0.0, 100.0]
    """
    return ops.gelu(x, approximate=approximate)


def mish(x: Tensor) -> Tensor:
    """Self-regularized non-monotonic activation, `x * tanh(softplus(x))` (Misra 2019).

    Example:

        >>> mish([0.0, 100.0]).tolist()
        [0.0, 100.0]
    """
    x = x if is_symbolic(x) else ops.convert_to_tensor(x)
    return x * ops.tanh(ops.softplus(x))


def exponential(x: Tensor) -> Tensor:
    """Exponential function, `exp(x)`.

    Example:

        >>> exponential([0.0]).tolist()
        [1.0]
    """
    return ops.exp(x)


def linear(x: Tensor) -> Tensor:
    """Identity function, `x`.

    Example:

        >>> linear([1.0, 2.0])
        [1.0, 2.0]
    """
    return x


class _Activations(Vocabulary):
    """The activations; None means `linear`."""

    def find(self, identifier: ActivationLike | None) -> Any:
        return linear if identifier is None else super().find(identifier)


_words = _Activations("activation", vars(), functions=(__name__, ops.__name__))
get, deserialize = _words.get, _words.deserialize


def serialize(activation: ActivationLike) -> Any:
    """The activation as JSON values: a built-in function as its name.

    Example:

        >>> serialize(silu)
        'silu'
    """
    return serialize_keras_object(activation)


globals()["__getattr__"] = names_of(__name__)
