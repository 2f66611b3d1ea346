"""Weight stores: arrays at paths, in HDF5 files laid out as Keras lays them out.

    layers/dense          inner path of an object (see walk.py)
      vars                group, attribute name="h1": what the user called the object
        0                 dataset: its first variable; bfloat16 is 2 opaque bytes and the
        1                          attribute dtype="bfloat16"

    big.weights.json      the same over several files: which groups are in which shards, and a
    big_00000.weights.h5  checksum of all arrays, which the shards have too, so that shards of
                          different saves are never taken for one

A save writes shards under numbers that the index does not name, then the new index, in one rename,
and then removes the old shards. Whenever it is interrupted, the index names shards of one save.

Whatever is read goes through `SafeH5`, which checks a file as a whole before it reads an array.
"""

import json
import os
import re
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from cornu import budget
from cornu.archive.atomic import atomic_write
from cornu.archive.hdf5.writing import Writer
from cornu.archive.regular import open_regular, require_no_links
from cornu.archive.safeh5 import SafeH5, Source, Spec, fits, h5_writer, put, shown
from cornu.archive.safejson import parse
from cornu.errors import UnsafeFileError, make_error, value_error

MAX_VALUES = 500_000  # of the index; a group has about four
MAX_SHARDS = 500  # each holds a file open, and systems allow about 1000
_SAVE = "save"  # attribute and key of the checksum
_SHARD_NAME = re.compile(r"[\w.-]+_\d{5}\.weights\.h5")


class H5Reader:
    """Reads the variables of objects at inner paths.

    Args:
        source: path, or seekable binary file that stays open.
        packed: packed size in bytes, see `SafeH5`.

    Raises:
        UnsafeFileError, ValueError: see `SafeH5`.

    Example:

        >>> import io
        >>> file = io.BytesIO()
        >>> with H5Writer(file) as store:
        ...     store.write("layers/dense", "h1", [np.ones((4, 3), "float32")])
        >>> with H5Reader(file) as store:
        ...     store.paths(), store.name("layers/dense"), store.shapes("layers/dense")
        (['layers/dense'], 'h1', [((4, 3), dtype('float32'))])
    """

    def __init__(self, source: Source, *, packed: int | None = None) -> None:
        self.label = ""
        self._files: list[SafeH5] = []
        self._entries: dict[str, dict[str, SafeH5]] = {}
        self._add(source, packed)

    def __enter__(self) -> "H5Reader":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file or files."""
        for file in self._files:
            file.close()

    def paths(self) -> list[str]:
        """Inner paths of all objects in the store, sorted, those without variables too."""
        return sorted(self._entries)

    def name(self, inner_path: str) -> str | None:
        """What the user called the object at `inner_path`, if the file says so.

        Not needed for loading, and the one thing here that reads text of variable length: do not
        ask it of a file from an unknown source.
        """
        group = _group(inner_path)
        names = (f.text(group, "name") for f in self._files if group in f.groups)
        return next((n for n in names if n is not None), None)

    def entries(self, inner_path: str) -> dict[str, Spec]:
        """Key -> shape and dtype: keys are `"0"`, `"1"`, ... unless a layer chose its own."""
        files, group = self._entries[inner_path], _group(inner_path)
        keys = sorted(files, key=lambda k: (not k.isdecimal(), len(k) if k.isdecimal() else 0, k))
        found = {key: files[key].datasets[f"{group}/{key}"] for key in keys}
        return {key: (stored.shape, stored.dtype) for key, stored in found.items()}

    def shapes(self, inner_path: str) -> list[Spec]:
        """Shape and dtype of each variable of an object, in order; nothing is read.

        Raises:
            KeyError: the store has no such object.
        """
        return list(self.entries(inner_path).values())

    def read(self, inner_path: str, expected: Sequence[Spec]) -> list[np.ndarray]:
        """The variables of an object, which must be as expected.

        Args:
            inner_path: inner path of the object.
            expected: shape and dtype of each variable, in order.

        Returns:
            The arrays, in the expected dtypes.

        Raises:
            KeyError: the store has no such object.
            ValueError: their number, a shape or a kind of dtype differs; nothing is read.
        """
        found = self.entries(inner_path)
        pairs = list(zip(found.values(), expected, strict=False))
        wrong = len(found) != len(expected) or any(
            have[0] != tuple(want[0]) or not fits(have[1], want[1]) for have, want in pairs
        )
        if wrong:
            raise value_error(
                f"{self.label} does not match the object at {inner_path!r}.",
                expected=shown(expected),
                found=shown(found.values()),
            )
        group, files = _group(inner_path), self._entries[inner_path]
        return [
            files[key].array(f"{group}/{key}", shape, dtype)
            for key, (shape, dtype) in zip(found, expected, strict=True)
        ]

    def _add(self, source: Source, packed: int | None = None) -> None:
        file = SafeH5(source, packed=packed)
        self._files.append(file)
        self.label = self.label or file.label
        for group in file.groups:
            parent, _, last = group.rpartition("/")
            if last == "vars":
                self._entries.setdefault(parent, {})
        for path in file.datasets:
            group, _, key = path.rpartition("/")
            inner, _, last = group.rpartition("/")
            if last != "vars":
                continue
            if key in self._entries[inner]:
                raise make_error(
                    UnsafeFileError, f"{path!r} comes in two shards.", shard=file.label
                )
            self._entries[inner][key] = file


class ShardedReader(H5Reader):
    """Reads `<stem>.weights.json` and the shards beside it, as if they were one file.

    Raises:
        UnsafeFileError: the index names files that are not its shards; see also `SafeH5`.
        ValueError: a shard is missing or damaged, or lacks a group that the index promises.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        folder, label = Path(path).parent, f"The file {os.fspath(path)!r}"
        index = _read_index(path, label)
        self.label, self._files, self._entries = label, [], {}
        groups = _weight_map(index, label)
        names = sorted({name for shards in groups.values() for name in shards})
        if len(names) > MAX_SHARDS:
            raise make_error(UnsafeFileError, f"{label} names too many shards.", limit=MAX_SHARDS)
        try:
            for name in names:
                require_no_links(folder, name)
                self._add(folder / name)
            self._check_save(index, names)
            for group, shards in groups.items():
                for name in shards:
                    if group.strip("/") not in self._files[names.index(name)].groups:
                        raise value_error(
                            f"{label} lists {group!r} in {name!r}, which does not have it."
                        )
        except BaseException:
            self.close()
            raise

    def _check_save(self, index: dict[str, Any], names: Sequence[str]) -> None:
        """Whether the shards were written together with the index; Keras does not say."""
        metadata = index.get("metadata")
        expected = metadata.get(_SAVE) if isinstance(metadata, dict) else None
        if not isinstance(expected, str):
            return
        for name, file in zip(names, self._files, strict=True):
            if file.text("", _SAVE) != expected:
                raise value_error(
                    f"{self.label} and {name!r} are from different saves.",
                    fix="a save was interrupted, or files were mixed up: save again.",
                )


class H5Writer:
    """Writes the variables of objects at inner paths.

    Use it in a `with` block: a path is written beside the old file and takes its place when the
    block ends well.

    Args:
        target: path, or seekable binary file.
    """

    def __init__(self, target: Source) -> None:
        self._stack = ExitStack()
        self._writer = self._stack.enter_context(h5_writer(target))

    def __enter__(self) -> "H5Writer":
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stack.__exit__(*exception)

    def mark(self, name: str, text: str) -> None:
        """Give the file an attribute of its own."""
        self._writer.attribute("", name, np.array(text.encode()))

    def write(
        self, inner_path: str, name: str, arrays: Sequence[Any] | Mapping[str, Any] = ()
    ) -> None:
        """Write one object.

        Args:
            inner_path: inner path of the object; `""` is the root.
            name: name of the object.
            arrays: variables in order, or by key if the object chooses its own.
        """
        group = _group(inner_path)
        self._writer.attribute(group, "name", name)
        for key, array in _keyed(arrays):
            put(self._writer, f"{group}/{key}", np.asarray(array))


class ShardedWriter:
    """Writes `<stem>.weights.json` and shards of limited size beside it.

    The index comes last, and until then no file that the old one names is touched.

    Args:
        path: path of the index, which ends in `.weights.json`.
        max_shard_size: maximum size of a shard in GiB; a larger array has a shard of its own.

    Raises:
        UnsafeFileError: there is a symbolic link where a shard belongs.
    """

    def __init__(self, path: str | os.PathLike[str], max_shard_size: float) -> None:
        if not os.fspath(path).endswith(".weights.json") or max_shard_size <= 0:
            raise value_error(
                "A sharded store needs a path that ends in '.weights.json' and a size > 0.",
                path=os.fspath(path),
                max_shard_size=max_shard_size,
            )
        self._path, self._limit = Path(path), max_shard_size * 2**30
        self._stem = self._path.name.removesuffix(".weights.json")
        self._total = self._size = 0
        self._map: dict[str, list[str]] = {}
        self._writers: list[Writer] = []
        self._checksum = 0
        self._older = self._shards_there()
        self._names = (name for name in map(self._shard_name, count()) if self._is_free(name))
        self._stack, self._open = ExitStack(), ExitStack()
        self._index = self._stack.enter_context(atomic_write(path))  # first in, so last out
        with self._undone_if_that_fails():
            self._next_shard()

    def __enter__(self) -> "ShardedWriter":
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stack.push(self._open)  # last in, so first out: all is written before a rename
        with self._undone_if_that_fails():
            if exception[0] is None:
                self._write_index()
        self._stack.__exit__(*exception)
        if exception[0] is None:
            self._remove_older()

    def write(
        self, inner_path: str, name: str, arrays: Sequence[Any] | Mapping[str, Any] = ()
    ) -> None:
        """Write one object, as `H5Writer.write` does; it may go on in further shards."""
        where = _group(inner_path)
        self._writers[-1].attribute(where, "name", name)
        for key, given in _keyed(arrays):
            array = np.asarray(given)
            if self._size and self._size + array.nbytes > self._limit:
                self._next_shard()
                self._writers[-1].group(where)
            put(self._writers[-1], f"{where}/{key}", array)
            self._checksum = zlib.crc32(f"{where}/{key}{array.shape}".encode(), self._checksum)
            plain = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
            self._checksum = zlib.crc32(plain.data, self._checksum)
            self._size, self._total = self._size + array.nbytes, self._total + array.nbytes
            shards = self._map.setdefault(f"/{where}", [])
            if self._shard not in shards:
                shards.append(self._shard)

    def _write_index(self) -> None:
        save = f"{self._checksum:08x}"
        for writer in self._writers:
            writer.attribute("", _SAVE, np.array(save.encode()))
        metadata = {"total_size": float(self._total), _SAVE: save}
        index = {"metadata": metadata, "weight_map": self._map}
        self._index.write_text(json.dumps(index, indent=4))

    @contextmanager
    def _undone_if_that_fails(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._stack.__exit__(*sys.exc_info())
            raise

    def _next_shard(self) -> None:
        self._shard, self._size = next(self._names), 0
        require_no_links(self._path.parent, self._shard)
        place = self._path.parent / self._shard
        file = self._open.enter_context(self._stack.enter_context(atomic_write(place)).open("wb"))
        self._writers.append(self._open.enter_context(h5_writer(file)))

    # ---- shards of older saves ----------------------------------------------------------------

    def _shard_name(self, number: int) -> str:
        return f"{self._stem}_{number:05d}.weights.h5"

    def _shards_there(self) -> dict[str, bool]:
        """The files that have names of shards, and whether the old index needs them."""
        pattern = re.compile(re.escape(self._stem) + r"_\d{5}\.weights\.h5")
        with os.scandir(self._path.parent) as entries:
            found = sorted(entry.name for entry in entries if pattern.fullmatch(entry.name))
        label = f"The file {os.fspath(self._path)!r}"
        try:
            index = _read_index(self._path, label)
            needed = {name for names in _weight_map(index, label).values() for name in names}
        except FileNotFoundError:
            needed = set()
        except (ValueError, OSError):  # damaged, so nobody knows
            needed = set(found)
        return {name: name in needed for name in found}

    def _is_free(self, name: str) -> bool:
        """Whether a shard may be written under a name: nothing is there that anybody needs."""
        return name not in self._older or not self._older[name] and self._is_ours(name)

    def _is_ours(self, name: str) -> bool:
        """Whether a file is a shard that an interrupted save has left."""
        try:
            require_no_links(self._path.parent, name)
            with SafeH5(self._path.parent / name) as file:
                return file.text("", _SAVE) is not None
        except (ValueError, OSError):
            return False

    def _remove_older(self) -> None:
        """Remove shards of older saves, all but the first: Keras opens it whatever the index says.

        It is empty then.
        """
        written = {name for names in self._map.values() for name in names}
        first = self._shard_name(0)
        for name, needed in self._older.items():
            if name not in written and name != first and (needed or self._is_ours(name)):
                with suppress(OSError):  # the new ones are there, and all that counts
                    (self._path.parent / name).unlink()
        if self._older.get(first) and first not in written:
            with suppress(OSError), H5Writer(self._path.parent / first) as store:
                store.mark(_SAVE, "")


def open_reader(source: Source) -> H5Reader:
    """The reader for a file: sharded if its name ends in `.weights.json`, else HDF5."""
    if isinstance(source, (str, os.PathLike)) and os.fspath(source).endswith(".weights.json"):
        return ShardedReader(source)
    return H5Reader(source)


def _group(inner_path: str) -> str:
    return f"{inner_path}/vars".lstrip("/")


def _keyed(arrays: Sequence[Any] | Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(arrays, Mapping):
        return iter(arrays.items())
    return ((str(i), array) for i, array in enumerate(arrays))


def _read_index(path: str | os.PathLike[str], label: str) -> Any:
    with open_regular(path, label) as file:
        # One byte beyond the limit is enough for `parse` to refuse.
        text = file.read(64 * 2**20 + 1)
    budget.of(label).grow(len(text))
    return parse(text, what=label, max_nodes=MAX_VALUES)


def _weight_map(index: object, label: str) -> dict[str, list[str]]:
    groups = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(groups, dict) or not all(
        isinstance(shards, list) and all(isinstance(s, str) for s in shards)
        for shards in groups.values()
    ):
        raise value_error(f"{label} is not the index of sharded weights.")
    for name in {s for shards in groups.values() for s in shards}:
        if not _SHARD_NAME.fullmatch(name):
            raise make_error(
                UnsafeFileError, f"{label} names a file that is not a shard.", name=name[:80]
            )
    return groups
