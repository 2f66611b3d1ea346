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
from collections.abc import Iterator
from contextlib import contextmanager

MOST_WAITING = 64 << 20  # bytes of weights; a collection takes about 0.1 s

_waiting = 0


def left_in_circles(nbytes: int) -> None:
    """Count bytes that wait for a collection, which is started when they are many."""
    global _waiting
    _waiting += nbytes
    if _waiting > MOST_WAITING and gc.isenabled() and not sys.is_finalizing():
        _waiting = 0
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
