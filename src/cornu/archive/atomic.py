"""Files that are either wholly new or wholly old.

    write to  .model.keras.x7f3.tmp   (same directory, so the rename stays on one disk)
    flush and fsync                   (the bytes are on the disk before the name is)
    rename to  model.keras            (one step for every reader)

A failure before the rename removes the temporary file and leaves the old one as it was.
"""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path to write to, and move it to `path` when the block ends well.

    A symbolic link at `path` stays, and the file it points to is replaced. An existing file keeps
    its permissions; a new one gets those of the process.

    Args:
        path: the file to create or replace; its directory must exist.

    Yields:
        The path of an empty file beside it.

    Raises:
        OSError: the directory is missing or not writable, or the disk is full. The old file is
            then unchanged.

    Example:

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with atomic_write(Path(folder, "notes.txt")) as temporary:
        ...         _ = temporary.write_text("hello")
        ...     Path(folder, "notes.txt").read_text()
        'hello'
    """
    target = Path(os.path.realpath(path))
    # A long name leaves no room for a prefix in the 255 bytes that file systems allow.
    handle, name = tempfile.mkstemp(
        prefix=f".{target.name[:40]}.", suffix=".tmp", dir=target.parent
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(_mode_for(target))
        _flush(temporary)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # the new name itself; other systems cannot open a directory
        _flush(target.parent)


def _mode_for(target: Path) -> int:
    """Permissions of the old file, or those an ordinary new file would get."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _flush(path: Path) -> None:
    # Windows flushes only handles opened for writing; a directory opens only for reading.
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
