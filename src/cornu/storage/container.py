"""The container of a saved model: a zip archive, or a directory with the same content.

names       of all members, never to be used as paths
read        a text, within limits
weights     the store of variables; any store by its name with `store`
copy        a member to a path that the caller chose
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from cornu.archive.regular import open_within, require_no_links
from cornu.archive.safezip import MAX_JSON_BYTES, SafeZip
from cornu.archive.stores import H5Reader
from cornu.archive.together import Pending, replace_together, unfinished
from cornu.errors import value_error
from cornu.storage.assets import FOLDER
from cornu.types import FilePath

METADATA, CONFIG = "metadata.json", "config.json"
WEIGHTS, STATE = "model.weights.h5", "cornu.state.h5"
TRAINING = "cornu.training.json"


class Archive:
    """A `.keras` file opened for reading."""

    def __init__(self, source: FilePath | BinaryIO):
        self._zip = SafeZip(source)
        self.label, self.names = self._zip.label, self._zip.names

    def close(self) -> None:
        self._zip.close()

    def read(self, name: str) -> bytes:
        return self._zip.read(name)

    def store(self, name: str) -> H5Reader:
        return H5Reader(self._zip.open(name), packed=self._zip.packed_size(name))

    def weights(self) -> H5Reader:
        _require_weights(self)
        return self.store(WEIGHTS)

    def copy(self, name: str, target: Path) -> int:
        with self._zip.open(name) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
        return self._zip.size(name)


class Directory:
    """The same content in a directory."""

    def __init__(self, path: Path):
        self._path = path
        self.label = f"The directory {os.fspath(path)!r}"
        self._pending = Pending(path)
        top = (f.name for f in sorted(path.iterdir()) if f.is_file())
        files = (f for f in sorted((path / FOLDER).rglob("*")) if f.is_file())
        found = [*top, *(f.relative_to(path).as_posix() for f in files)]
        self.names = self._pending.names(found)

    def close(self) -> None:
        """Nothing stays open."""

    def read(self, name: str) -> bytes:
        with open_within(self._path, self._pending.place(name)) as file:
            return file.read(MAX_JSON_BYTES + 1)  # `parse` refuses what is longer

    def store(self, name: str) -> H5Reader:
        place = self._pending.place(name)
        require_no_links(self._path, place)
        return H5Reader(self._path / place)

    def weights(self) -> H5Reader:
        _require_weights(self)
        return self.store(WEIGHTS)

    def copy(self, name: str, target: Path) -> int:
        place = self._pending.place(name)
        with open_within(self._path, place) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
        return target.stat().st_size


def _require_weights(content: Any) -> None:
    if WEIGHTS not in content.names:
        raise value_error(
            f"{content.label} has no weights ({WEIGHTS}).",
            found=", ".join(content.names[:10]),
            fix="get it again from its source.",
        )


@contextmanager
def opened(filepath: FilePath | BinaryIO) -> Iterator[Any]:
    """Open a saved model for reading.

    Raises:
        ValueError: there is no such file, or it has another suffix.
        UnsafeFileError: the archive is malicious.
    """
    if isinstance(filepath, (str, os.PathLike)):
        path = Path(filepath)
        if not path.exists():
            raise value_error(
                f"There is no file {os.fspath(path)!r}.", directory=path.parent.absolute()
            )
        if not path.is_dir() and not path.name.endswith(".keras"):
            raise value_error(
                f"The file of a model must end in '.keras', got {os.fspath(path)!r}.",
                fix="for a '.weights.h5' file, make the model and call load_weights.",
            )
        content: Any = Directory(path) if path.is_dir() else Archive(path)
    else:
        content = Archive(filepath)
    try:
        yield content
    finally:
        content.close()


def is_model_file(filepath: FilePath | BinaryIO) -> bool:
    """Whether the name is that of a whole model rather than of weights."""
    if isinstance(filepath, (str, os.PathLike)):
        return os.fspath(filepath).endswith(".keras") or Path(filepath).is_dir()
    return False


def write_directory(path: Path, members: Iterable[tuple[str, str | Path]]) -> None:
    """Write members, texts or copies of files, in place of all that an older save left there."""

    def writing(content: str | Path) -> Any:
        if isinstance(content, Path):
            return lambda temporary: shutil.copyfile(content, temporary)
        return lambda temporary: temporary.write_text(content)

    files = [(name, writing(content)) for name, content in members]
    unfinished(path).finish()
    older = [name for name in Directory(path).names if _is_member(name)]
    replace_together(path, files, removed=set(older) - {name for name, _ in files})


def _is_member(name: str) -> bool:
    return name in (METADATA, CONFIG, WEIGHTS, STATE, TRAINING) or name.startswith(f"{FOLDER}/")
