"""`paused`: Python's garbage collector rests while much is made and next to nothing thrown away.

| while                  | objects made | what collections would cost (s of processor time) |
|------------------------|--------------|---------------------------------------------------|
| modules are imported   | 400,000      | 0.12: JAX is walked over again and again          |
| a program is traced    | 100,000      | 0.02 to 0.1                                       |

What only reference counts free is freed meanwhile; what they cannot free waits until the end.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
