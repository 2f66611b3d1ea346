"""`Initializer`: the initial value of a weight, from its shape and dtype."""

from collections.abc import Sequence
from typing import Any, Self

import jax
import numpy as np

from cornu.core import dtypes
from cornu.core.objects.configurable import Configurable
from cornu.errors import explain
from cornu.types import DTypeLike, Tensor


class Initializer(Configurable):
    """Base of all initializers: a function `(shape, dtype) -> array`.

    Example:

        >>> class Ramp(Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return np.linspace(0.0, 1.0, shape[0], dtype=dtype)
        >>> Ramp()((3,)).tolist()
        [0.0, 0.5, 1.0]
    """

    def __init__(self) -> None:
        """Take no settings; without this, arguments would be ignored silently."""

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = None, **kwargs: Any) -> Tensor:
        """The initial value of a weight; written by subclasses.

        Args:
            shape: sizes of the axes.
            dtype: dtype of the weight; `floatx` if None.
            **kwargs: further settings, which these initializers ignore.
        """
        raise NotImplementedError(
            explain(
                f"{type(self).__name__} does not define __call__.",
                fix="def __call__(self, shape, dtype=None): return ...",
            )
        )

    def clone(self) -> Self:
        """A new initializer with the same settings."""
        return type(self).from_config(self.get_config())


def on_device(values: np.ndarray, dtype: DTypeLike | None) -> jax.Array:
    """A jax array of values computed by numpy.

    The transfer compiles nothing. `jnp.zeros` and `jnp.asarray` compile a program for each new
    shape (13 to 35 ms each), which makes building a model slow.
    """
    dtype = dtypes.numpy_dtype(dtypes.standardize_dtype(dtype))
    return jax.device_put(values.astype(jax.dtypes.canonicalize_dtype(dtype), copy=False))
