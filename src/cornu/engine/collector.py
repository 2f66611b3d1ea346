"""When Python's garbage collector works.

`paused`: it rests while much is made and next to nothing thrown away.

| while                  | objects made | what collections would cost (s of processor time) |
|------------------------|--------------|---------------------------------------------------|
| modules are imported   | 400,000      | 0.12: JAX is walked over again and again          |
| a program is traced    | 100,000      | 0.02 to 0.1                                       |

What only reference counts free is freed meanwhile; what they cannot free waits until the end.

`left_in_circles`: it works when large arrays wait for it. A layer of a graph and its calls refer to
each other, so the weights of a model that is gone wait for a collection; and Python, which counts
objects and not bytes, sees no reason for one.
"""

import gc
import sys
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

MOST_WAITING = 64 << 20  # bytes of weights; a collection of everything takes about 0.1 s
_SMALL = 1024  # bytes; whatever is smaller does not add up to much

_waiting: list[tuple[weakref.ref[Any], int]] = []


def left_in_circles(owners: Iterable[tuple[Any, int]]) -> None:
    """Note what waits for a collection, which is started when it is much.

    Args:
        owners: objects that hold memory, each with its number of bytes. Whoever calls holds them
            still, so they do not count until the next call.
    """
    now = [(weakref.ref(owner), nbytes) for owner, nbytes in owners if nbytes >= _SMALL]
    make_room()
    _waiting.extend(now)


def make_room() -> None:
    """Start a collection if much waits for one; to be called before much is made.

    What was made not long ago, such as a model that was loaded and looked at, is among the young
    objects, and found in a hundredth of the time that a collection of everything takes.
    """
    there = [(owner, nbytes) for owner, nbytes in _waiting if owner() is not None]
    _waiting[:] = there
    much = sum(nbytes for _, nbytes in there) > MOST_WAITING
    if not much or not gc.isenabled() or sys.is_finalizing():
        return
    _waiting.clear()
    gc.collect(1)
    if any(owner() is not None for owner, _ in there):
        gc.collect()


@contextmanager
def paused(lasting: bool = False) -> Iterator[None]:
    """Do without collections inside the block; where they are off already, nothing changes.

    Args:
        lasting: what is made stays for good, as modules do, so it joins the oldest generation
            without being looked at.

    Example:

        >>> with paused():
        ...     gc.isenabled()
        False
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if lasting and not gc.get_freeze_count():  # what somebody froze must stay frozen
            gc.freeze()
            gc.unfreeze()
        gc.enable()
