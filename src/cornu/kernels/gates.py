"""`tanh` and the logistic function inside loops over time, where they take most of the time.

    tanh(x) = x P(x^2) / Q(x^2)   up to |x| = 8.1; beyond, the value there, 1 - 2e-7
    sigmoid(x) = tanh(x / 2) / 2 + 1 / 2

P and Q have degree 4. Their ten coefficients make the largest error over [-8.1, 8.1] least (it is
6.5e-9 in exact arithmetic, 2.7e-7 of the value when computed in float32, as that of XLA's own
tanh). XLA's polynomials are longer, and it treats values near 0 apart.

| condition    | lowering      | measured (us: elementwise part of an LSTM step,              |
|              |               | 256 x 128, in vectors of 256 / 512 bits)                     |
|--------------|---------------|--------------------------------------------------------------|
| CPU, float32 | rational form | 42 / 21                                                      |
| other        | jax's own     | 55 / 28 (with tanh for the logistic function too 52 / 26)    |

Rows of the benchmark: `gates 256x128`.
"""

import jax
import jax.numpy as jnp
import numpy as np

from cornu.kernels.derivatives import Arrays
from cornu.kernels.platform import target

LARGEST = 8.1
ABOVE = (0.99999997, 0.13431881, 0.0035565689, 2.164293e-05, 1.4865621e-08)
BELOW = (1.0, 0.46765201, 0.026107408, 0.00033865625, 8.3770181e-07)


def tanh(x: jax.Array) -> jax.Array:
    """The hyperbolic tangent.

    Args:
        x: any shape.

    Returns:
        The same shape and type.

    Example:

        >>> round(float(tanh(jnp.float32(0.5))), 4)
        0.4621
    """
    return _rational_tanh(x) if _is_for_us(x) else jnp.tanh(x)


def sigmoid(x: jax.Array) -> jax.Array:
    """The logistic function, `1 / (1 + exp(-x))`.

    Args:
        x: any shape.

    Returns:
        The same shape and type.

    Example:

        >>> round(float(sigmoid(jnp.float32(1.0))), 4)
        0.7311
    """
    return 0.5 * _rational_tanh(0.5 * x) + 0.5 if _is_for_us(x) else jax.nn.sigmoid(x)


def _is_for_us(x: jax.Array) -> bool:
    return target() == "cpu" and x.dtype == jnp.float32


@jax.custom_jvp
def _rational_tanh(x: jax.Array) -> jax.Array:
    x = jnp.clip(x, -LARGEST, LARGEST)
    square = x * x
    return x * _polynomial(ABOVE, square) / _polynomial(BELOW, square)


@_rational_tanh.defjvp
def _slope(primals: Arrays, tangents: Arrays) -> Arrays:
    y = _rational_tanh(*primals)
    return y, (1 - y * y) * tangents[0]


def _polynomial(coefficients: tuple[float, ...], x: jax.Array) -> jax.Array:
    """The polynomial with these coefficients, constant first."""
    total = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + np.float32(coefficient)
    return total
