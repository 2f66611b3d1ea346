"""Activation functions, and the logits behind a probability.

A cross-entropy is best computed from logits, but a model often ends in a softmax or a sigmoid. In a
`with remember_logits():` block (the training step opens one) these two leave a note of what went
in, which a loss finds by what came out:

    logits --softmax--> probabilities --loss--> logits_of(probabilities)  ->  logits
                             |                        ^
                             +----- id -> logits -----+         nothing outlives the block
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cornu import ops
from cornu.absent import names_of
from cornu.context import local, using
from cornu.core.objects.serialize import (
    deserialize_one,
    register_functions,
    resolve,
    serialize_keras_object,
)
from cornu.core.symbolic import is_symbolic

# ---- the logits behind a probability ----------------------------------------------------------


@contextmanager
def remember_logits() -> Iterator[None]:
    """Let `softmax` and `sigmoid` note their inputs for the length of a `with` block."""
    with using(logits={}):
        yield


def note_logits(output: Any, logits: Any, kind: str) -> None:
    """Note that `output` is the `kind` ("softmax" over the last axis, or "sigmoid") of `logits`."""
    if local.logits is not None:
        local.logits[id(output)] = (output, logits, kind)  # the output keeps its id taken


def logits_of(y: Any, kind: str | None = None) -> Any:
    """What went into the softmax or sigmoid that gave `y`; None if it is not known.

    Args:
        y: an output of this thread's open `remember_logits` block.
        kind: take it only from this function, "softmax" or "sigmoid".

    Returns:
        The logits, of the shape of `y`, or None.

    Example:

        >>> import jax.numpy as jnp
        >>> with remember_logits():
        ...     y = sigmoid(jnp.array([0.5]))
        ...     float(logits_of(y)[0]), logits_of(y, "softmax")
        (0.5, None)
        >>> logits_of(y) is None
        True
    """
    note = local.logits and local.logits.get(id(y))
    return note[1] if note and kind in (None, note[2]) else None


def same_logits(old: Any, new: Any) -> None:
    """Carry the note of `old` over to `new`, which is the same tensor in another dtype."""
    note = local.logits and local.logits.get(id(old))
    if note and new is not old:
        note_logits(new, ops.cast(note[1], new.dtype), note[2])


# ---- the functions ----------------------------------------------------------------------------


def relu(x: Any, negative_slope: float = 0.0, max_value: Any = None, threshold: float = 0.0) -> Any:
    """`max(x, 0)`, or with settings: `min(x, max_value)` where `x > threshold`.

    Elsewhere, at the threshold too, it is `negative_slope * (x - threshold)`.

    Args:
        x: any shape.
        negative_slope: slope below the threshold.
        max_value: largest output; none if None.
        threshold: value above which `x` is passed on.

    Returns:
        Same shape as `x`.

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
    return ops.where(x <= threshold, below, above)  # NaN is above, and stays


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """`x` where positive, `negative_slope * x` elsewhere.

    Example:

        >>> leaky_relu([-2.0, 3.0], negative_slope=0.5).tolist()
        [-1.0, 3.0]
    """
    return ops.leaky_relu(x, negative_slope=negative_slope)


def relu6(x: Any) -> Any:
    """`min(max(x, 0), 6)`.

    Example:

        >>> relu6([-2.0, 3.0, 8.0]).tolist()
        [0.0, 3.0, 6.0]
    """
    return ops.relu6(x)


def softmax(x: Any, axis: Any = -1) -> Any:
    """`exp(x) / sum(exp(x))` along `axis`: positive numbers that sum to one.

    Args:
        x: logits, any shape.
        axis: an int, or a tuple of axes over which to sum jointly.

    Returns:
        Same shape as `x`.

    Example:

        >>> softmax([[0.0, 0.0]]).tolist()
        [[0.5, 0.5]]
    """
    output = ops.softmax(x, axis=axis)
    if local.logits is not None and not is_symbolic(x) and axis in (-1, len(x.shape) - 1):
        note_logits(output, x, "softmax")
    return output


def log_softmax(x: Any, axis: Any = -1) -> Any:
    """`log(softmax(x))`, computed without rounding small probabilities to zero.

    Example:

        >>> log_softmax([0.0, 1000.0]).tolist()
        [-1000.0, 0.0]
    """
    return ops.log_softmax(x, axis=axis)


def sigmoid(x: Any) -> Any:
    """`1 / (1 + exp(-x))`: from 0 to 1.

    Example:

        >>> sigmoid([0.0, 1000.0]).tolist()
        [0.5, 1.0]
    """
    output = ops.sigmoid(x)
    if local.logits is not None and not is_symbolic(x):
        note_logits(output, x, "sigmoid")
    return output


def log_sigmoid(x: Any) -> Any:
    """`log(sigmoid(x)) = -softplus(-x)`.

    Example:

        >>> log_sigmoid([-1000.0]).tolist()
        [-1000.0]
    """
    return ops.log_sigmoid(x)


def hard_sigmoid(x: Any) -> Any:
    """`x / 6 + 1 / 2`, cut off at 0 and 1.

    Example:

        >>> hard_sigmoid([-4.0, 0.0, 4.0]).tolist()
        [0.0, 0.5, 1.0]
    """
    return ops.hard_sigmoid(x)


def sparse_sigmoid(x: Any) -> Any:
    """`(x + 1) / 2`, cut off at 0 and 1.

    Example:

        >>> sparse_sigmoid([-2.0, 0.0, 2.0]).tolist()
        [0.0, 0.5, 1.0]
    """
    return ops.sparse_sigmoid(x)


def tanh(x: Any) -> Any:
    """Hyperbolic tangent: from -1 to 1.

    Example:

        >>> tanh([0.0, 100.0]).tolist()
        [0.0, 1.0]
    """
    return ops.tanh(x)


def hard_tanh(x: Any) -> Any:
    """`x`, cut off at -1 and 1.

    Example:

        >>> hard_tanh([-2.0, 0.5]).tolist()
        [-1.0, 0.5]
    """
    return ops.hard_tanh(x)


def tanh_shrink(x: Any) -> Any:
    """`x - tanh(x)`.

    Example:

        >>> tanh_shrink([0.0]).tolist()
        [0.0]
    """
    return ops.tanh_shrink(x)


def softplus(x: Any) -> Any:
    """`log(1 + exp(x))`, a smooth `relu`.

    Example:

        >>> softplus([1000.0]).tolist()
        [1000.0]
    """
    return ops.softplus(x)


def softsign(x: Any) -> Any:
    """`x / (1 + abs(x))`.

    Example:

        >>> softsign([-1.0, 1.0]).tolist()
        [-0.5, 0.5]
    """
    return ops.softsign(x)


def sparse_plus(x: Any) -> Any:
    """0 below -1, `(x + 1)**2 / 4` up to 1, `x` above.

    Example:

        >>> sparse_plus([-2.0, 0.0, 2.0]).tolist()
        [0.0, 0.25, 2.0]
    """
    return ops.sparse_plus(x)


def squareplus(x: Any, b: float = 4) -> Any:
    """`(x + sqrt(x**2 + b)) / 2`, a smooth `relu` without exponentials.

    Example:

        >>> squareplus([0.0]).tolist()
        [1.0]
    """
    return ops.squareplus(x, b=b)


def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x` moved towards 0 by `threshold`; 0 where it is nearer than that.

    Example:

        >>> soft_shrink([-2.0, 0.25, 2.0]).tolist()
        [-1.5, 0.0, 1.5]
    """
    return ops.soft_shrink(x, threshold=threshold)


def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """`x`, or 0 where `abs(x) <= threshold`.

    Example:

        >>> hard_shrink([-2.0, 0.25, 2.0]).tolist()
        [-2.0, 0.0, 2.0]
    """
    return ops.hard_shrink(x, threshold=threshold)


def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """`x` where it is greater than `threshold`, `default_value` elsewhere.

    Example:

        >>> threshold([1.0, 2.0], threshold=1.5, default_value=9.0).tolist()
        [9.0, 2.0]
    """
    return ops.threshold(x, threshold, default_value)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """`x` where positive, `alpha * (exp(x) - 1)` elsewhere.

    Example:

        >>> elu([-1000.0, 2.0], alpha=0.5).tolist()
        [-0.5, 2.0]
    """
    return ops.elu(x, alpha=alpha)


def celu(x: Any, alpha: float = 1.0) -> Any:
    """`x` where positive, `alpha * (exp(x / alpha) - 1)` elsewhere.

    Example:

        >>> celu([-1000.0, 2.0], alpha=0.5).tolist()
        [-0.5, 2.0]
    """
    return ops.celu(x, alpha=alpha)


def selu(x: Any) -> Any:
    """`scale * elu(x, alpha)`, whose constants keep mean 0 and variance 1 from layer to layer.

    Use it with the `lecun_normal` initializer (Klambauer et al. 2017).

    Example:

        >>> selu([0.0]).tolist()
        [0.0]
    """
    return ops.selu(x)


def gelu(x: Any, approximate: bool = False) -> Any:
    """`x * P(Z <= x)` with `Z` normal (Hendrycks & Gimpel 2016).

    Args:
        x: any shape.
        approximate: use the `tanh` formula in place of the error function.

    Example:

        >>> gelu([0.0, 100.0]).tolist()
        [0.0, 100.0]
    """
    return ops.gelu(x, approximate=approximate)


def silu(x: Any) -> Any:
    """`x * sigmoid(x)`, also known as swish.

    Example:

        >>> silu([0.0, 100.0]).tolist()
        [0.0, 100.0]
    """
    return ops.silu(x)


def hard_silu(x: Any) -> Any:
    """`x * hard_sigmoid(x)`.

    Example:

        >>> hard_silu([-4.0, 0.0, 4.0]).tolist()
        [-0.0, 0.0, 4.0]
    """
    return ops.hard_silu(x)


def mish(x: Any) -> Any:
    """`x * tanh(softplus(x))` (Misra 2019).

    Example:

        >>> mish([0.0, 100.0]).tolist()
        [0.0, 100.0]
    """
    x = x if is_symbolic(x) else ops.convert_to_tensor(x)
    return x * ops.tanh(ops.softplus(x))


def glu(x: Any, axis: int = -1) -> Any:
    """`a * sigmoid(b)`, where `a` and `b` are the two halves of `x` along `axis`.

    Args:
        x: even size along `axis`.
        axis: which axis is halved.

    Example:

        >>> glu([3.0, 0.0]).tolist()
        [1.5]
    """
    return ops.glu(x, axis=axis)


def sparsemax(x: Any, axis: int = -1) -> Any:
    """The nearest point to `x` whose parts are not negative and sum to one.

    Like softmax, but small parts become exactly 0 (Martins & Astudillo 2016).

    Example:

        >>> sparsemax([[3.0, 0.0, 0.0]]).tolist()
        [[1.0, 0.0, 0.0]]
    """
    return ops.sparsemax(x, axis=axis)


def exponential(x: Any) -> Any:
    """`exp(x)`.

    Example:

        >>> exponential([0.0]).tolist()
        [1.0]
    """
    return ops.exp(x)


def linear(x: Any) -> Any:
    """`x` itself.

    Example:

        >>> linear([1.0, 2.0])
        [1.0, 2.0]
    """
    return x


swish = silu
hard_swish = hard_silu

_FUNCTIONS = (
    (celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh)
    + (leaky_relu, linear, log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu)
    + (soft_shrink, softmax, softplus, softsign, sparse_plus, sparse_sigmoid, sparsemax)
    + (squareplus, tanh, tanh_shrink, threshold)
)
_TABLE: dict[str, Callable[..., Any]] = {
    **{function.__name__: function for function in _FUNCTIONS},
    "swish": silu,
    "hard_swish": hard_silu,
}
register_functions(_TABLE)


def get(identifier: Any) -> Any:
    """The activation that a name, a config or a callable means; `linear` for None.

    Raises:
        ValueError: there is no such activation.

    Example:

        >>> get("swish").__name__, get(None).__name__
        ('silu', 'linear')
    """
    return linear if identifier is None else resolve("activation", identifier, _TABLE)


def serialize(activation: Any) -> Any:
    """The activation as JSON values: a built-in function as its name.

    Example:

        >>> serialize(silu)
        'silu'
    """
    return serialize_keras_object(activation)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The activation that `serialize` described."""
    if isinstance(config, str) and not custom_objects:
        return get(config)
    if isinstance(config, str):
        config = {"class_name": "function", "config": config}
    return deserialize_one(config, custom_objects)


globals()["__getattr__"] = names_of(__name__)
