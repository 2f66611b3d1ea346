"""Files that cannot be read: each is named, and if asked skipped and counted.

on_error="raise"    UnreadableFileError, which names the file and says what is wrong with it
on_error="skip"     SkipElement; `faults.skipped` maps the file to what is wrong, and the first
                    file gives a warning
"""

import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from cornu import errors
from cornu.data.skip import SkipElement

T = TypeVar("T")

MAX_FILE_BYTES = 1 << 30  # of one image, text or sound
ON_ERROR = ("raise", "skip")


class UnreadableFileError(ValueError):
    """A file is not what its name says, is damaged, or exceeds a limit; the message names it."""


def read_file(path: str) -> bytes:
    """The content of a regular file of at most `MAX_FILE_BYTES` bytes.

    Raises:
        OSError: the file is gone or may not be read.
        ValueError: it is a pipe or a device, which may never end, or it is too large.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | _NONBLOCK)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a regular file")
        if status.st_size > MAX_FILE_BYTES:
            raise ValueError(
                f"it must have at most {MAX_FILE_BYTES:,} bytes, got {status.st_size:,}"
            )
        return file.read(MAX_FILE_BYTES + 1)


_NONBLOCK = getattr(os, "O_NONBLOCK", 0)  # opening a pipe must not wait for its other end


class Faults:
    """What to do with files that cannot be read, and which they were.

    Args:
        on_error: "raise" or "skip".
        kind: what the files hold, in messages: "an image".

    Attributes:
        skipped: path of each skipped file, and what is wrong with it.

    Example:

        >>> faults = Faults("raise", "an image")
        >>> faults.read("missing.jpg", len)
        Traceback (most recent call last):
        cornu.data.decode.faults.UnreadableFileError: missing.jpg cannot be read as an image...
    """

    def __init__(self, on_error: str, kind: str) -> None:
        if on_error not in ON_ERROR:
            raise errors.value_error(
                f"on_error must be 'raise' or 'skip', got {on_error!r}.",
                fix=errors.did_you_mean(str(on_error), ON_ERROR),
            )
        self.on_error, self.kind = on_error, kind
        self.skipped: dict[str, str] = {}
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, object]:
        return {"on_error": self.on_error, "kind": self.kind, "skipped": self.skipped}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    def read(self, path: str, decode: Callable[[bytes], T]) -> T:
        """`decode` of the content of a file.

        Raises:
            UnreadableFileError: reading or decoding fails, with `on_error="raise"`.
            SkipElement: the same with `on_error="skip"`.
        """
        with self.watching(path):
            return decode(read_file(path))

    @contextmanager
    def watching(self, name: str) -> Iterator[None]:
        """Take any error inside as a fault of the file of this name."""
        try:
            yield
        except (MemoryError, ImportError, SkipElement):  # no fault of the file
            raise
        except Exception as error:  # decoders fail with almost any type of error
            why = _reason(error, name)
            if self.on_error == "skip":
                self._skip(name, why)
                raise SkipElement(name) from error
            raise UnreadableFileError(
                errors.explain(
                    f"{name} cannot be read as {self.kind}.",
                    why=why,
                    fix="delete or replace the file,\nor leave such files out: on_error='skip'.",
                )
            ) from error

    def _skip(self, name: str, why: str) -> None:
        with self._lock:
            first = not self.skipped
            self.skipped[name] = why
        if first:
            errors.warn(
                f"{name} cannot be read as {self.kind} and is skipped: {why}. "
                "`skipped_files` of the data set lists all such files."
            )


def _reason(error: Exception, name: str) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    text = str(error).split("\n")[0].replace(repr(name), "it").strip().rstrip(".")
    return text[:200] or type(error).__name__
