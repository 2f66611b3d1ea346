"""Atomic replacement of several files of a folder.

    folder/.config.json.x7f3k2ab.cornu-tmp    written and flushed, one beside each old file
    folder/.cornu-commit.json                 the step: which they are, and which old files go
    folder/config.json                        renamed, one after the other; then the list is removed

A process that is killed before the list is there has changed nothing. After it, the list says what
remains to be done: who reads takes the temporary file in place of the old one, and the next save
finishes the renames first. So a reader meets all the old files or all the new ones.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from cornu.archive.atomic import (
    LIST,
    TEMPORARY,
    atomic_write,
    explained,
    flush,
    flush_folder,
    mode_for,
    temporary_file,
)
from cornu.archive.regular import open_within, require_no_links
from cornu.archive.safejson import parse
from cornu.archive.safezip import check_member_name
from cornu.errors import UnsafeFileError, make_error, value_error

_MAX_BYTES = 2**20


class Pending:
    """The renames that an interrupted save has left to do.

    Args:
        folder: folder of the files.

    Attributes:
        files: dict from the name of a file to that of the temporary file that replaces it.
        removed: names of removed files.

    Raises:
        UnsafeFileError, ValueError: the list is invalid.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.files: Mapping[str, str] = {}
        self.removed: Iterable[str] = ()
        if not os.path.lexists(folder / LIST):
            return
        label = f"The file {os.fspath(folder / LIST)!r}"
        with open_within(folder, LIST) as file:
            content = parse(file.read(_MAX_BYTES + 1), what=label, max_bytes=_MAX_BYTES)
        _check(content, label)
        self.files, self.removed = content["files"], content["removed"]

    def names(self, found: Iterable[str]) -> list[str]:
        """The names of all files, from those that are found under their own names."""
        names = [n for n in found if n != LIST and not TEMPORARY.fullmatch(n.rpartition("/")[2])]
        more = [n for n in self.files if n not in names]
        return [n for n in [*names, *more] if n not in self.removed]

    def place(self, name: str) -> str:
        """Where the content of a file stands now, relative to the folder."""
        temporary = self.files.get(name, name)
        return temporary if os.path.lexists(self._folder / temporary) else name

    def finish(self) -> None:
        """Do what is left to do."""
        for name, temporary in self.files.items():
            require_no_links(self._folder, temporary)
            require_no_links(self._folder, name)
            with suppress(FileNotFoundError):  # renamed already
                (self._folder / temporary).replace(self._folder / name)
        for name in self.removed:
            require_no_links(self._folder, name)
            (self._folder / name).unlink(missing_ok=True)
        for folder in {(self._folder / name).parent for name in self.files}:
            flush_folder(folder)
        with suppress(FileNotFoundError):
            (self._folder / LIST).unlink()


def replace_together(
    folder: Path, files: Iterable[tuple[str, Callable[[Path], Any]]], removed: Iterable[str] = ()
) -> None:
    """Write files of a folder, all of which take the place of old ones in one step.

    Args:
        folder: folder of the files.
        files: dict from names, relative to the folder and with forward slashes, to functions that
            write the content to a path.
        removed: names of files that are removed in the same step.

    Raises:
        UnsafeFileError: a name is a symbolic link, or leads through one.
        OSError: a file cannot be written; the old ones are unchanged. Or a new one could not be
            renamed after all were written, which is left to do for the next save.

    Example:

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as made:
        ...     folder = Path(made)
        ...     _ = (folder / "old.txt").write_text("old")
        ...     texts = [(n, lambda path, n=n: path.write_text(n)) for n in ("a.txt", "b.txt")]
        ...     replace_together(folder, texts, removed=["old.txt"])
        ...     sorted(path.name for path in folder.iterdir())
        ['a.txt', 'b.txt']
    """
    with explained(folder), ExitStack() as stack:
        unfinished(folder).finish()
        temporaries: dict[str, str] = {}
        committed = False
        for name, write in files:
            require_no_links(folder, name)
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = stack.enter_context(temporary_file(target, lambda: committed))
            write(temporary)
            temporary.chmod(mode_for(target))
            flush(temporary)
            temporaries[name] = temporary.relative_to(folder).as_posix()
        content = {"files": temporaries, "removed": list(removed)}
        with atomic_write(folder / LIST) as path:
            path.write_text(json.dumps(content))
        committed = True
        try:
            unfinished(folder).finish()
        except OSError as error:
            told = make_error(
                OSError,
                f"{os.fspath(folder)!r} was saved, but its files could not all be given their "
                f"names: {error.strerror}.",
                fix="save once more, which gives them theirs; loading finds them as they are.",
            )
            told.errno = error.errno
            raise told from error


def unfinished(folder: Path) -> Pending:
    """`Pending`; where the list is not ours, it is removed."""
    try:
        return Pending(folder)
    except ValueError:
        (folder / LIST).unlink()
        return Pending(folder)


def _check(content: object, label: str) -> None:
    entries = content if isinstance(content, dict) else {}
    files, removed = entries.get("files"), entries.get("removed")
    if not isinstance(files, dict) or not isinstance(removed, list):
        raise value_error(f"{label} is not a valid list of saved files.")
    for name, temporary in files.items():
        parent, _, last = name.rpartition("/")
        found = TEMPORARY.fullmatch(str(temporary).rpartition("/")[2])
        if not found or found["name"] != last[:40] or str(temporary).rpartition("/")[0] != parent:
            raise make_error(UnsafeFileError, f"{label} names a file that is not part of a save.")
    for name in [*files, *removed]:
        if not isinstance(name, str):
            raise make_error(UnsafeFileError, f"{label} names something that is not a file.")
        check_member_name(name)
