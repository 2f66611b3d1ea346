"""Weights whose random initial values wait, because a file is about to replace them.

    with blank_weights():               Dense(5000)  ->  kernel: 100 MB of untouched pages
        model = ...make, then load...   kernel.assign(array of the file)
                                        weights without an assignment are drawn at the end

Only values of built-in random initializers with an int as seed are deferred: they are the same
whenever they are drawn, and drawing them takes longer than reading the file.
"""

import math
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from cornu.context import using
from cornu.core import dtypes
from cornu.core.objects import registry

LARGE = 4096  # elements; drawing fewer takes no time


class Blanks:
    """The variables whose initial values are deferred."""

    def __init__(self) -> None:
        self._made: list[tuple[Any, jax.Array, Any]] = []

    def take(self, variable: Any, initializer: Any, shape: Any, dtype: str) -> jax.Array | None:
        """Zeros for a variable whose values are deferred; None if it needs its values now."""
        repeats = isinstance(getattr(initializer, "seed", None), int)
        if not repeats or not registry.is_builtin(type(initializer)) or math.prod(shape) < LARGE:
            return None
        array = jax.device_put(_untouched(shape, dtypes.numpy_dtype(dtype)))
        self._made.append((variable, array, initializer))
        return array

    def fill(self) -> None:
        """Draw the values of the variables that were not assigned."""
        for variable, array, initializer in self._made:
            if variable._value is array:
                variable.assign(initializer(variable.shape, dtype=variable.dtype))


@contextmanager
def blank_weights() -> Iterator[None]:
    """Defer the random initial values of large variables to the end of the block.

    Example:

        >>> from cornu.context import local
        >>> with blank_weights():
        ...     local.blanks is None
        False
    """
    blanks = Blanks()
    with using(blanks=blanks):
        yield
    blanks.fill()


def _untouched(shape: Any, dtype: Any) -> np.ndarray:
    """Zeros in pages that the system makes on first access; XLA uses whole pages in place."""
    pages = mmap.mmap(-1, math.prod(shape) * dtype.itemsize)
    return np.frombuffer(pages, dtype).reshape(shape)
