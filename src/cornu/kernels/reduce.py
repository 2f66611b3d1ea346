"""What a reduction reads, kept out of the reduction.

XLA:CPU hands a reduction and the elementwise formula before it to YNNPACK as one piece, which is
fast along the last axis; over a last axis of one it goes number by number.

| condition (CPU, in a program) | lowering                  | measured (ms, one core)            |
|-------------------------------|---------------------------|------------------------------------|
| float32, a last axis of one   | a step between formula    | 256x28x28x1, mean of sigmoid .27   |
|                               | and reduction that        | against 2.6, of softplus .8        |
|                               | YNNPACK does not know     | against 9.6                        |
| anything else                 | XLA's own                 | 4096x1024, mean of exp 1.5 against |
|                               |                           | 1.8, of softplus 2.5 against 8.7   |

The step is `reduce_precision` to the precision that float32 has: it changes no number.
"""

import jax
import jax.numpy as jnp
from jax import lax

from cornu.kernels.platform import tuned

FLOAT32 = {"exponent_bits": 8, "mantissa_bits": 23}


def apart(x: jax.Array) -> jax.Array:
    """The same numbers, made before the reduction that reads them where that is faster.

    Args:
        x: what is to be summed (or folded otherwise), of any shape.

    Example:

        >>> jax.jit(lambda x: apart(jnp.exp(x)).sum())(jnp.zeros((3, 1)))
        Array(3., dtype=float32)
    """
    slow = x.ndim > 1 and x.shape[-1] == 1 and x.dtype == jnp.float32
    if slow and isinstance(x, jax.core.Tracer) and tuned(x):
        return lax.reduce_precision(x, **FLOAT32)
    return x
