"""Atomic writes: a file is the old one or the new one, whole.

    write to  .model.keras.x7f3k2ab.cornu-tmp   (same directory, so the rename stays on one disk)
    flush and fsync                             (the bytes are on the disk before the name is)
    rename to  model.keras                      (one step for every reader)

A failure before the rename removes the temporary file and leaves the old one as it was. A process
that is killed leaves its temporary file behind. The next save of the same file removes it: the
system has released the lock that the process held on it.
"""

import errno
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cornu.errors import explain

if sys.platform != "win32":
    import fcntl

ENDING = ".cornu-tmp"
LIST = ".cornu-commit.json"  # in a folder: names temporary files that are still to be renamed
TEMPORARY = re.compile(r"\.(?P<name>.{1,40})\.[a-z0-9_]{8}" + re.escape(ENDING), re.DOTALL)
OLD = 24 * 3600  # seconds; where files cannot be locked, a temporary file is left over after that

_FULL = "free some space on the disk, or save to another one."
_NOT_MINE = "save to a folder that you may write to."
_FIXES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: "delete files of yours, or save to a disk without this quota.",
    errno.EFBIG: "raise the limit on the size of a file (ulimit -f), or save to another disk.",
    errno.EACCES: _NOT_MINE,
    errno.EPERM: _NOT_MINE,
    errno.EROFS: _NOT_MINE,
    errno.ENOENT: "make the folder first.",
}
# What may be over a minute later. Wrong names are not among them: those stay wrong.
_PASSING = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS),
    *(errno.EIO, errno.ENODEV, errno.ENXIO, errno.ETIMEDOUT, errno.ESTALE, errno.ENFILE),
    *(errno.EMFILE, errno.ENOLCK, errno.ENOMEM),
)


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path to write to, and rename it to `path` when the block succeeds.

    A symbolic link at `path` stays, and the file it points to is replaced. An existing file keeps
    its permissions; a new one gets those of the process. What killed processes left of earlier
    saves of the same file is removed.

    Args:
        path: file to create or replace; its directory must exist.

    Yields:
        The path of an empty file beside it.

    Raises:
        OSError: the directory is missing or not writable, or the disk is full; the old file is not
            changed.

    Example:

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with atomic_write(Path(folder, "notes.txt")) as temporary:
        ...         _ = temporary.write_text("hello")
        ...     Path(folder, "notes.txt").read_text()
        'hello'
    """
    target = Path(os.path.realpath(path))
    with explained(target), temporary_file(target) as temporary:
        yield temporary
        temporary.chmod(mode_for(target))
        flush(temporary)
        temporary.replace(target)
        flush_folder(target.parent)


@contextmanager
def temporary_file(target: Path, kept: Callable[[], bool] = lambda: False) -> Iterator[Path]:
    """An empty file beside `target`, removed at the end if it is still there and not `kept`."""
    remove_leftovers(target)
    prefix = f".{target.name[:40]}."  # file systems allow names of 255 bytes
    while True:
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=ENDING, dir=target.parent)
        if sys.platform == "win32":  # an open file cannot be renamed there
            os.close(handle)
            break
        with suppress(OSError):  # file systems without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            break
        os.close(handle)  # another process took it for a leftover before it was locked
    try:
        yield Path(name)
    finally:
        if not kept():
            with suppress(OSError):
                Path(name).unlink(missing_ok=True)
        if sys.platform != "win32":
            os.close(handle)


@contextmanager
def temporary_folder(target: Path) -> Iterator[Path]:
    """An empty folder beside `target`, for parts of it; removed at the end."""
    with temporary_file(target) as lock:  # the folder belongs to whoever holds this file
        folder = Path(f"{lock}.d")
        try:
            folder.mkdir(mode=0o700)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(target: Path) -> None:
    """Remove the temporary files of `target` whose processes have ended."""
    if os.path.lexists(target.parent / LIST):
        return
    with suppress(OSError), os.scandir(target.parent) as entries:
        names = {e.name.removesuffix(".d") for e in entries if ENDING in e.name}
        for name in names:
            found = TEMPORARY.fullmatch(name)
            if found and found["name"] == target.name[:40]:
                with suppress(OSError):
                    _remove_if_left(target.parent / name)


def _remove_if_left(path: Path) -> None:
    if not path.exists():  # of a folder, which is made after its file and removed before it
        shutil.rmtree(f"{path}.d")
        return
    handle = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        left = stat.S_ISREG(os.fstat(handle).st_mode) and _is_left(handle)
        if left:
            shutil.rmtree(f"{path}.d", ignore_errors=True)
        if left and sys.platform != "win32":  # while it is locked
            path.unlink(missing_ok=True)
    finally:
        os.close(handle)
    if left:
        path.unlink(missing_ok=True)


def _is_left(handle: int) -> bool:
    """Whether no process works on an open file any more."""
    if sys.platform != "win32":
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False
        except OSError:  # file systems without locks
            pass
    return time.time() - os.fstat(handle).st_mtime > OLD


def mode_for(target: Path) -> int:
    """Permissions of the old file, or those an ordinary new file would get."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def flush(path: Path) -> None:
    """Wait until what a file holds is on the disk."""
    # Windows flushes only handles opened for writing.
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def flush_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where a system can tell.

    Where it cannot, the names are as they are: after a power cut the old ones, or the new.
    """
    if sys.platform != "win32":
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


# ---- what went wrong --------------------------------------------------------------------------


@contextmanager
def explained(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say in our words that `path` could not be written; type and `errno` of the error stay."""
    try:
        yield
    except OSError as error:
        if error.strerror is None:  # it says so already
            raise
        kind = type(error) if type(error).__module__ == "builtins" else OSError
        told = kind(
            explain(
                f"{os.fspath(path)!r} could not be written: {error.strerror}.",
                kept="what was there before is unchanged",
                fix=_FIXES.get(error.errno or 0),
            )
        )
        told.errno = error.errno
        raise told from error


def may_pass(error: OSError) -> bool:
    """Whether the disk is at fault rather than the program, so that it may work later.

    Example:

        >>> may_pass(OSError(errno.ENOSPC, "full")), may_pass(IsADirectoryError(21, "a folder"))
        (True, False)
    """
    return error.errno in _PASSING
