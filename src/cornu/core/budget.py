"""What the variables of a model from a file may take in all, counted before it is taken.

    with within(Budget("config.json", elements=40_000)):      what the weights of the file fill
        Dense(10**9)  ->  Variable  ->  budget.take((4, 10**9), ...)  ->  UnsafeFileError

Every variable asks here before its first value is made: of layers, of optimizers and of metrics, in
a graph, a Sequential or a class of the user's. Outside of such a block nothing is counted.
"""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from cornu import settings
from cornu.core.context import local, using
from cornu.errors import UnsafeFileError, explain


@dataclass
class Budget:
    """An upper bound that variables use up.

    Args:
        what: how messages name the file.
        elements: numbers that all variables may have together; None for no bound.
        nbytes: memory that they may take; the setting `max_load_bytes` if None, else what the
            machine has.

    Example:

        >>> Budget("the file", elements=10).take((4, 5), 4, "dense/kernel")
        Traceback (most recent call last):
        cornu.errors.UnsafeFileError: The model in the file asks for more memory than its weights...
    """

    what: str
    elements: int | None = None
    nbytes: int | None = None
    _elements: int = field(default=0, init=False)
    _bytes: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.nbytes is None:
            self.nbytes = settings.current.max_load_bytes or memory_of_machine()

    def take(self, shape: Sequence[int], itemsize: int, path: str) -> None:
        """Count one variable.

        Raises:
            UnsafeFileError: it does not fit any more.
        """
        count = math.prod(shape)
        self._elements += count
        self._bytes += count * itemsize
        facts = {"variable": path[:200], "shape": str(tuple(shape))}
        if self.elements is not None and self._elements > self.elements:
            raise UnsafeFileError(
                explain(
                    f"The model in {self.what} asks for more memory than its weights account for.",
                    fix="if you trust the file, load it with safe_mode=False.",
                    **facts,
                    model=f"{self._elements} elements at least",
                    limit=f"{self.elements} elements",
                )
            )
        if self.nbytes is not None and self._bytes > self.nbytes:
            raise UnsafeFileError(
                explain(
                    f"The model in {self.what} does not fit the memory.",
                    fix="load it on a larger machine, or raise the limit with "
                    "cornu.config.set_max_load_bytes.",
                    **facts,
                    model=f"{self._bytes} bytes at least",
                    limit=f"{self.nbytes} bytes",
                )
            )


def memory_of_machine() -> int | None:
    """Bytes of memory that the machine has; None where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


@contextmanager
def within(budget: Budget | None) -> Iterator[None]:
    """Count the variables that are made in the block; an outer budget goes on counting its own."""
    with using(budget=budget or local.budget):
        yield
