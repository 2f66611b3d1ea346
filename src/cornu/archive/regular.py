"""Opening files: only regular ones, and in a folder from somebody else, no links to elsewhere."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from cornu.errors import UnsafeFileError, make_error, value_error

_NEVER_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def open_regular(path: str | os.PathLike[str], label: str) -> BinaryIO:
    """Open a file for reading; a named pipe would block for ever, and a device would never end.

    Args:
        path: path of the file; links are followed.
        label: name of the file in messages.

    Raises:
        FileNotFoundError, ValueError: the file does not exist, or is not a regular one.
    """
    try:
        file = os.open(path, os.O_RDONLY | _NEVER_WAIT)
    except FileNotFoundError as error:
        raise make_error(FileNotFoundError, f"{label} does not exist.") from error
    except IsADirectoryError as error:  # on some systems
        raise value_error(f"{label} is not a regular file.") from error
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise value_error(f"{label} is not a regular file.")
    return os.fdopen(file, "rb")


def open_within(folder: Path, name: str) -> BinaryIO:
    """Open one file of a folder, which must not lead out of it by symbolic links.

    Args:
        folder: folder of the file; may be a link itself, since the caller chose it.
        name: relative path with forward slashes.

    Raises:
        UnsafeFileError: a part of the name is a link.
        FileNotFoundError, ValueError: see `open_regular`.
    """
    require_no_links(folder, name)
    return open_regular(folder / name, f"The file {os.fspath(folder / name)!r}")


def require_no_links(folder: Path, name: str) -> None:
    """Refuse a path below `folder` that is a symbolic link, or leads through one."""
    place = folder
    for part in Path(name).parts:
        place = place / part
        if place.is_symlink():
            raise make_error(
                UnsafeFileError,
                f"{os.fspath(place)!r} is a symbolic link, through which an untrusted "
                "file could read others of yours.",
                target=os.readlink(place)[:200],
                fix=f"if you trust it, copy what the links lead to: cp -rL {folder} COPY.",
            )
