"""Turns: threads that use the same variables take them one after the other.

A compiled step is given the buffers of the weights and returns new ones. A thread that reads the
weights in between would find memory that is gone, or the half of one state and of the next.

    training   |--turn: read, step, write--|  callbacks, data  |--turn--|  ...
    predict                                |--turn--|                        another thread waits

A turn belongs to variables, not to models: two models that share a layer share its turn. A thread
may take a turn again that it has, so callbacks and eager steps call what they like.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from cornu.context import local

_given = threading.Lock()  # held while turns are given to variables
_looping: dict[int, int] = {}  # thread -> how many loops over batches it is in


# A thread that has turns of other variables does not wait longer, or two might wait for each other.
SECONDS_WITH_OTHERS = 1.0


class Turn:
    """What one thread at a time may hold; the thread itself as often as it likes."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._waiting = 0

    def __enter__(self) -> None:
        self.take(-1 if not local.turns else SECONDS_WITH_OTHERS)

    def take(self, seconds: float) -> None:
        """Wait for it, at most so long; -1 is without an end."""
        if not self._lock.acquire(blocking=False):
            self._waiting += 1
            try:
                if not self._lock.acquire(timeout=seconds):
                    return
            finally:
                self._waiting -= 1
        local.turns += 1

    def __exit__(self, *error: object) -> None:
        try:
            self._lock.release()
        except RuntimeError:  # it was not got in time
            return
        local.turns -= 1
        if self._waiting:
            time.sleep(1e-4)  # whoever waits would else find it taken again, time after time

    def __reduce__(self) -> Any:
        return Turn, ()  # a copy is used by nobody yet


class _Turns:
    """Several turns, taken in the order of their identity, so that nobody waits in a circle."""

    def __init__(self, turns: Iterable[Turn]):
        self._turns = sorted(turns, key=id)

    def __enter__(self) -> None:
        seconds = SECONDS_WITH_OTHERS if local.turns else -1
        for turn in self._turns:
            turn.take(seconds)

    def __exit__(self, *error: object) -> None:
        for turn in reversed(self._turns):
            turn.__exit__()


def turn_of(variables: Iterable[Any]) -> Turn | _Turns:
    """What to hold, in a `with` block, while these variables are read or replaced.

    Variables that are used together get one turn, which is theirs from then on.
    """
    variables = list(variables)
    turns = {id(v.turn): v.turn for v in variables}
    if id(None) in turns:
        with _given:
            known = {id(v.turn): v.turn for v in variables if v.turn is not None}
            fresh = next(iter(known.values())) if len(known) == 1 else Turn()
            for variable in variables:
                if variable.turn is None:
                    variable.turn = fresh
            turns = {id(v.turn): v.turn for v in variables}
    return next(iter(turns.values())) if len(turns) == 1 else _Turns(turns.values())


@contextmanager
def looping() -> Iterator[None]:
    """Say that this thread trains, evaluates or predicts for the length of a block."""
    me = threading.get_ident()
    _looping[me] = _looping.get(me, 0) + 1
    try:
        yield
    finally:
        _looping[me] -= 1
        if not _looping[me]:
            del _looping[me]


def others_loop() -> bool:
    """Whether another thread trains, evaluates or predicts just now."""
    return bool(_looping) and (len(_looping) > 1 or threading.get_ident() not in _looping)
