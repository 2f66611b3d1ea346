"""Ctrl-C without losing weights.

A step is given the buffers of the weights and returns new ones. An interrupt between the two would
lose both, so while a step runs Ctrl-C waits until its result has been written; a second Ctrl-C does
not wait.
"""

import signal
import threading
from types import FrameType
from typing import Any


class Interrupts:
    """Holds Ctrl-C back while `holding` is set, for the length of a `with` block."""

    def __init__(self) -> None:
        self.holding = False
        self._waiting = False
        self._before: Any = None

    def __enter__(self) -> "Interrupts":
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._on_interrupt)
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.holding and not self._waiting:
            self._waiting = True
            return
        self._waiting = False
        raise KeyboardInterrupt

    def release(self) -> None:
        """The result is safe: raise the interrupt that waited, if one did."""
        self.holding = False
        if self._waiting:
            self._waiting = False
            raise KeyboardInterrupt
