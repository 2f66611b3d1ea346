"""What the loading of one file may take in all, counted in one place.

    with within(Budget("m.keras")):
        SafeZip, SafeH5, ...    grow(size of the file)    what is allowed grows with it
                                unpack(bytes)             what comes out of packed data
        parse, objects, calls   spend(units)              work; a unit is about a traced primitive
        Variable                take(shape, ...)          memory, before the first value is made

So ratios cannot multiply, and many small things add up: bytes that one format unpacks count with
those that the next one unpacks from them, and a name, a layer, a threshold and an addition that is
traced are all paid from one purse. Honest files weigh about as much as the work they ask for.

Every thread has its own current budget; without one nothing is counted. This file is on the ground
because kernels and readers of files count too. What JAX traces is counted by `core/tracing.py`.
"""

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import contextmanager
from typing import TypeVar

from cornu import settings
from cornu.context import local, using
from cornu.errors import UnsafeFileError, explain

S = TypeVar("S", bound=Sized)

# What looks on from above, set up at the first load of the process (`core/tracing.py`).
WATCHES: list[Callable[[], None]] = []

# Prices in units of work; a unit is about a primitive that is traced, 0.1 ms.
OBJECT = 4  # something made from a config: a layer, an initializer, a metric
CALL = 3  # a call of a layer or an op that a graph remembers, besides what it traces
VARIABLE = 3
VALUES = 25  # JSON values for one unit
ELEMENTS = 10_000  # of an array that is computed while a program is traced, for one unit
SECONDS = 1e-3  # of the processor that a unit may take in the mean, on a slow machine too
PATIENCE = 15.0  # seconds that any file may take: a user's own class may compute, or import much
_LOOK = 100  # units after which to look at the clock

WORK = 4_000  # units that any file may ask for
BYTES_FOR_A_UNIT = 16  # of the file, for each unit more; models have 30 and more
UNPACKED = 200  # bytes for each byte of the file; a config.json packs 10 to 60 times smaller
SLACK = 2**20  # bytes
TIMES = 8  # elements for each one in the file: a model, an optimizer with all options, and room
SLACK_ELEMENTS = 2**22  # a layer that is not built has no weights in the file
SLACK_ARRAYS = 1000
BYTES_WITHOUT_WEIGHTS = 2**31  # of a model whose text comes alone
DEPTH = 128  # of objects in a text, and of groups in a file of weights


class Budget:
    """An upper bound of what loading a file takes, which everything uses up together.

    Args:
        what: how messages name the file.
        size: bytes of it that are known already; readers add those that they open.
        trusted: count bytes against the machine alone: the user vouches for the file.
        elements: numbers that all variables may have together; None for no bound.
        nbytes: memory that variables may take; the setting `max_load_bytes` if None, else what
            the machine has.

    Example:

        >>> Budget("the file", elements=10).take((4, 5), 4, "dense/kernel")
        Traceback (most recent call last):
        cornu.errors.UnsafeFileError: The model in the file asks for more memory than its weights...
    """

    def __init__(
        self,
        what: str,
        size: int = 0,
        *,
        trusted: bool = False,
        elements: int | None = None,
        nbytes: int | None = None,
    ) -> None:
        self.what, self.trusted, self.elements = what, trusted, elements
        self._size = size
        self._nbytes = nbytes
        self.arrays: int | None = None
        self._work = self._unpacked = self._elements = self._bytes = self._arrays = 0
        self._look, self._began = _LOOK, time.thread_time()

    @property
    def nbytes(self) -> int | None:
        """Memory that variables may take, in bytes; None for no bound."""
        if self._nbytes is None:
            self._nbytes = settings.current.max_load_bytes or memory_of_machine()
        return self._nbytes

    def grow(self, size: int) -> None:
        """Allow for one more file of `size` bytes."""
        self._size += size

    def stored(self, elements: int, arrays: int) -> None:
        """Bound the variables by the numbers of elements and arrays that the file has for them."""
        if not self.trusted:
            self.elements = TIMES * elements + SLACK_ELEMENTS
            self.arrays = TIMES * arrays + SLACK_ARRAYS

    def without_weights(self) -> None:
        """Bound the variables of a text that comes without a file of weights."""
        if not self.trusted and not settings.current.max_load_bytes:
            self._nbytes = min(self.nbytes or BYTES_WITHOUT_WEIGHTS, BYTES_WITHOUT_WEIGHTS)

    # ---- counting ------------------------------------------------------------------------

    def unpack(self, nbytes: int, label: str) -> None:
        """Count bytes that come out of packed data.

        Raises:
            UnsafeFileError: they are too many for the size of the file.
        """
        self._unpacked += nbytes
        if self._unpacked > UNPACKED * self._size + SLACK:
            raise UnsafeFileError(
                explain(
                    f"{label} unpacks to far more than a model file does.",
                    file=f"{self._size} bytes",
                    unpacked=f"{self._unpacked} bytes at least",
                    limit=f"{UNPACKED} times the file",
                )
            )

    def work(self, units: int) -> None:
        """Count work.

        Raises:
            UnsafeFileError: it is too much for the size of the file.
        """
        self._work += units
        self.require(0)
        if self._work >= self._look:
            self._look = self._work + _LOOK
            allowed = WORK + self._size // BYTES_FOR_A_UNIT
            seconds = time.thread_time() - self._began
            most = max(PATIENCE, allowed * SECONDS)
            if seconds > most:
                self._refuse_work(f"{seconds:.0f} seconds at least", f"{most:.0f} seconds")

    def require(self, units: int) -> None:
        """Refuse what is known to take more work than is left, before it begins.

        Raises:
            UnsafeFileError: so it is.
        """
        allowed = WORK + self._size // BYTES_FOR_A_UNIT
        if self._work + units > allowed:
            self._refuse_work(f"{self._work + units} steps at least", f"{allowed} steps")

    def _refuse_work(self, work: str, limit: str) -> None:
        if self.trusted:
            return
        raise UnsafeFileError(
            explain(
                f"{self.what[:1].upper()}{self.what[1:]} asks for far more work than a file of "
                "its size does.",
                file=f"{self._size} bytes",
                work=work,
                limit=limit,
                fix="if you trust the file, load it with safe_mode=False.",
            )
        )

    def take(self, shape: Sequence[int], itemsize: int, path: str) -> None:
        """Count one variable.

        Raises:
            UnsafeFileError: it does not fit any more.
        """
        count = math.prod(shape)
        self._elements += count
        self._bytes += count * itemsize
        facts = {"variable": path[:200], "shape": str(tuple(shape))[:200]}
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
        self._arrays += 1
        if self.arrays is not None and self._arrays > self.arrays:
            self._refuse_work(f"{self._arrays} variables at least", f"{self.arrays} variables")
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
        self.work(VARIABLE)


def memory_of_machine() -> int | None:
    """Bytes of memory that the machine has; None where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


# ---- the current budget -----------------------------------------------------------------------


def current() -> Budget | None:
    """The budget of the load that this thread is in; None outside of any."""
    budget: Budget | None = local.budget
    return budget


def of(label: str) -> Budget:
    """The current budget; outside of any load, a new one for a file that is read alone."""
    return current() or Budget(label)


def spend(units: int) -> None:
    """Count work against the current budget, if there is one."""
    if local.budget is not None:
        local.budget.work(units)


def table(elements: int) -> None:
    """Count an array that is about to be computed while a program is traced."""
    spend(elements // ELEMENTS)


def counted(items: S) -> S:
    """The items of a loop that is as long as a setting says, counted before it starts.

    Example:

        >>> with within(Budget("the file")):
        ...     list(counted(range(3)))
        [0, 1, 2]
    """
    spend(len(items))
    return items


@contextmanager
def within(budget: Budget | None) -> Iterator[Budget | None]:
    """Count against a budget for the length of a `with` block; with None, against none."""
    while WATCHES:
        WATCHES.pop()()
    with using(budget=budget):
        yield budget
