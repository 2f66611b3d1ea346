"""What a stream can display, and a line on it that can be rewritten.

Everything here takes the stream as an argument and asks it nothing but `isatty`, `encoding`,
`fileno`, `write` and `flush`, so a `StringIO` serves as well as a terminal.

    terminal    one line is rewritten: carriage return, new text, blanks over what is left over
    notebook    the same, and the width is unknown
    anything    a file, a pipe, a log: whole lines only, no control characters
"""

import os
import shutil
import sys
from typing import Any, TextIO

WIDTH = 80  # columns where nothing says how many there are


def is_terminal(stream: TextIO | None) -> bool:
    """Whether `stream` is a terminal that understands a carriage return."""
    if stream is None or os.environ.get("TERM") == "dumb":
        return False
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # not a real file, or closed
        return False


def is_notebook(stream: TextIO | None) -> bool:
    """Whether `stream` is the output of a notebook cell, which an IPython kernel runs."""
    ipython = sys.modules.get("IPython")
    if ipython is None or stream is None or stream not in (sys.stdout, sys.stderr):
        return False
    shell: Any = ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


def has_colour(stream: TextIO | None) -> bool:
    """Whether colours may be used: a terminal whose user has not set `NO_COLOR`."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def can_write(stream: TextIO | None, text: str) -> bool:
    """Whether the encoding of `stream` has all characters of `text`; unknown means yes.

    Example:

        >>> import io
        >>> can_write(io.TextIOWrapper(io.BytesIO(), encoding="ascii"), "━")
        False
    """
    encoding = getattr(stream, "encoding", None)
    if not encoding:
        return True
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def columns(stream: TextIO | None) -> int:
    """How many characters fit on a line of `stream`: asked of a terminal, else 80."""
    if not is_terminal(stream):
        return WIDTH
    try:
        found = os.get_terminal_size(stream.fileno()).columns  # type: ignore[union-attr]
    except (AttributeError, OSError, ValueError):  # a stand-in for a terminal
        found = shutil.get_terminal_size((WIDTH, 24)).columns
    return found or WIDTH  # some terminals answer 0


class LiveLine:
    """One line of a stream that is written again and again, then finished.

    Escape sequences may be part of the text; `visible` says how many columns it takes.
    """

    __slots__ = ("_shown", "stream")

    def __init__(self, stream: TextIO | None):
        self.stream = stream
        self._shown = 0  # columns taken by what stands on the line; 0: the line is fresh

    @property
    def is_open(self) -> bool:
        """Whether the cursor stands behind text that is not finished."""
        return self._shown > 0

    def rewrite(self, text: str, visible: int) -> None:
        """Replace what stands on the line by `text`, `visible` columns wide."""
        self._write("\r" + text + " " * (self._shown - visible))
        self._shown = max(visible, 1)

    def finish(self) -> None:
        """End the line, so that whatever comes next starts on a fresh one."""
        if self.is_open:
            self._shown = 0
            self._write("\n")

    def _write(self, text: str) -> None:
        put(self.stream, text)


def put(stream: TextIO | None, text: str) -> None:
    """Write a text at once. What a full disk or a terminal that is gone refuses is lost.

    Args:
        stream: stream to write to; None without a standard output, as in a windowed Python.
        text: text to write.
    """
    if stream is not None:
        try:
            stream.write(text)
            stream.flush()
        except BrokenPipeError:  # nobody wants the rest: `| head`
            raise
        except OSError:  # training must not end for its progress bar
            pass
