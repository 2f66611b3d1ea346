"""Weights that a file is about to fill are not drawn first.

    with blank_weights():               Dense(5000)  ->  kernel: 100 MB of pages never touched
        model = ...make, then load...   kernel.assign(array of the file)
                                        what nobody assigned is drawn at the end, as ever

Only random initial values of built-in initializers with a seed of their own are put off: they are
the same whenever they are drawn, and they take longer than reading the file.
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

LARGE = 4096  # elements; smaller ones are drawn in no time


class Blanks:
    """The variables whose initial values are put off."""

    def __init__(self) -> None:
        self._made: list[tuple[Any, jax.Array, Any]] = []

    def take(self, variable: Any, initializer: Any, shape: Any, dtype: str) -> jax.Array | None:
        """Zeros for a variable that will be filled; None if it has to have its values now."""
        repeats = isinstance(getattr(initializer, "seed", None), int)
        if not repeats or not registry.is_builtin(type(initializer)) or math.prod(shape) < LARGE:
            return None
        array = jax.device_put(_untouched(shape, dtypes.numpy_dtype(dtype)))
        self._made.append((variable, array, initializer))
        return array

    def fill(self) -> None:
        """Draw the values of those that nobody has assigned."""
        for variable, array, initializer in self._made:
            if variable._value is array:
                variable.assign(initializer(variable.shape, dtype=variable.dtype))


@contextmanager
def blank_weights() -> Iterator[None]:
    """Put off the random initial values of large variables to the end of the block.

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
    """Zeros that the system makes when somebody looks; XLA takes whole pages in place."""
    pages = mmap.mmap(-1, math.prod(shape) * dtype.itemsize)
    return np.frombuffer(pages, dtype).reshape(shape)
