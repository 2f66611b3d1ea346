"""From the host to the device, without compiling.

`jnp.asarray` of a numpy array compiles a program for each new shape (30 ms); `jax.device_put` does
not, but may use the host's memory in place, so the array is copied first.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu.core.frame import is_tracing


def from_host(x: Any, dtype: Any = None) -> jax.Array:
    """A jax array with the values of a numpy array, a number or a nested list of numbers.

    Args:
        x: the values.
        dtype: numpy dtype to convert to; the array's own if None, in 32 bits unless JAX has 64.

    Example:

        >>> from_host(np.ones(3)).dtype.name
        'float32'
    """
    if is_tracing():  # a constant of the program that is traced
        return jnp.asarray(x, dtype=dtype)
    return jax.device_put(np.array(x, dtype=dtype))
