"""The file of a cache on disk: a header, and the arrays as they lie in memory.

    CORNUDATA1\\n | length of the header | header as JSON | counts | array | array | ...

The arrays are mapped into memory, not read, so elements come from the page cache of the system.
The file is written beside its place under another name, takes its place when the last element is
there, and is used again while the fingerprint of the pipeline is that in the header.
"""

import json
import os
import re
import sys
import tempfile
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cornu.data.pipeline.elements import leaves, like
from cornu.engine.runtime import home_folder
from cornu.errors import explain, value_error, warn
from cornu.numeric import is_float
from cornu.types import Config, Tensors

if sys.platform != "win32":
    import fcntl

MAGIC = b"CORNUDATA1\n"
ALIGNMENT = 64
LONGEST_HEADER = 1 << 20
ENDING = ".cornu-tmp"
TEMPORARY = re.compile(r"\.(?P<name>.{1,40})\.[a-z0-9_]{8}" + re.escape(ENDING), re.DOTALL)


class CacheFile:
    """Elements of one shape in a file.

    Args:
        path: the file, or "disk" for one that is named by the fingerprint.
        fingerprint: fingerprint of what the elements are made from.
        length: number of elements.

    Attributes:
        is_complete: whether all elements are there.
        template: an element, with numbers in place of its leaves.
        arrays: array of each leaf, `(length, ...)`.
        counts: number of rows of each element that is a smaller batch, else -1.
    """

    def __init__(self, path: str | Path, fingerprint: str, length: int) -> None:
        if path == "disk":
            path = home_folder() / "cached" / f"{fingerprint}.data"
        self.path = Path(path).expanduser().absolute()
        self.is_complete = False
        self.template: Any = None
        self.arrays: list[np.ndarray] = []
        self.counts = np.zeros(0, np.int64)
        self._fingerprint, self._length = fingerprint, length
        self._temporary: Path | None = None
        self._end: Any = None
        if self.path.exists():
            self._read()

    # ---- reading ------------------------------------------------------------------------------

    def _read(self) -> None:
        with open(self.path, "rb") as file:
            start = file.read(len(MAGIC) + 8)
            size = int.from_bytes(start[len(MAGIC) :], "little")
            if not start.startswith(MAGIC) or size > LONGEST_HEADER:
                raise value_error(
                    f"{str(self.path)!r} is no cache of a Dataset, and is left as it is.",
                    fix='.cache("another/file"), or remove this one.',
                )
            text = file.read(size)
        try:
            header = json.loads(text)
            same = (header["fingerprint"], header["length"]) == (self._fingerprint, self._length)
            shapes = [(np.dtype(d), tuple(map(int, s))) for d, s in header["leaves"]]
            template = _structure(header["structure"], len(shapes))
            places, end = self._layout(len(start) + size, shapes)
            if min([n for _, shape in shapes for n in shape], default=0) < 0 or any(
                d.kind not in "biufcV" or d.hasobject for d, _ in shapes
            ):
                raise ValueError("no numbers")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            same, end = False, 0
        if not same or end != self.path.stat().st_size:
            warn(
                explain(
                    f"The cache {str(self.path)!r} was made of other data or functions; it is "
                    "made anew.",
                )
            )
            return
        self.template, self.is_complete = template, True
        self._map(self.path, "r", shapes, places)

    def _layout(
        self, begin: int, shapes: list[tuple[np.dtype[Any], tuple[int, ...]]]
    ) -> tuple[list[int], int]:
        """Where the counts and the arrays begin, and where the file ends."""
        places = []
        at = begin
        for dtype, shape in [(np.dtype(np.int64), ()), *shapes]:
            at = -(-at // ALIGNMENT) * ALIGNMENT
            places.append(at)
            size = dtype.itemsize * self._length
            for n in shape:
                size *= n
            at += size
        return places, at

    def _map(
        self,
        path: Path,
        mode: Literal["r", "r+"],
        shapes: list[tuple[np.dtype[Any], tuple[int, ...]]],
        places: list[int],
    ) -> None:
        self.counts, *self.arrays = [
            np.memmap(path, dtype, mode, offset=at, shape=(self._length, *shape))
            if self._length and 0 not in shape
            else np.empty((self._length, *shape), dtype)
            for (dtype, shape), at in zip([(np.dtype(np.int64), ()), *shapes], places, strict=True)
        ]

    # ---- writing ------------------------------------------------------------------------------

    def begin(self, element: Tensors) -> None:
        """Make room for elements like this one.

        Raises:
            ValueError: it holds text.
            OSError: the folder cannot be written to, or the disk is full.
        """
        found = [np.asarray(leaf) for leaf in leaves(element)]
        shapes = [(leaf.dtype, leaf.shape) for leaf in found]
        if any(d.kind not in "biufc" and not is_float(d) for d, _ in shapes):
            raise value_error(
                "A cache on disk holds numbers, not text.", fix=".cache() keeps text in memory."
            )
        self.template = _structure(described := _described(element), len(shapes))
        header = json.dumps(
            {
                "fingerprint": self._fingerprint,
                "length": self._length,
                "structure": described,
                "leaves": [[_name_of(d), list(s)] for d, s in shapes],
            }
        ).encode()
        start = MAGIC + len(header).to_bytes(8, "little") + header
        places, end = self._layout(len(start), shapes)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._remove_leftovers()
        handle, name = tempfile.mkstemp(
            prefix=f".{self.path.name[:40]}.", suffix=ENDING, dir=self.path.parent
        )
        self._temporary = Path(name)
        self._end = weakref.finalize(self, _discard, handle, name)
        if sys.platform != "win32":
            with suppress(OSError):  # file systems without locks
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            os.write(handle, start)
            _make_room(handle, end)
        except OSError as error:
            self.close()
            raise OSError(
                error.errno,
                explain(
                    f"The cache {str(self.path)!r} needs {end / 1e9:.2f} GB: {error.strerror}.",
                    fix="free some space, or name another disk: .cache('/disk/file')",
                ),
            ) from error
        self._map(self._temporary, "r+", shapes, places)
        self.counts[:] = -1

    def finish(self) -> None:
        """Put the file in its place; all elements are there."""
        assert self._temporary is not None
        for array in (self.counts, *self.arrays):
            if isinstance(array, np.memmap):
                array.flush()
        handle = os.open(self._temporary, os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(self._temporary, self.path)
        self.is_complete = True
        self.close()

    def close(self) -> None:
        """Remove what is not complete."""
        if self._end is not None:
            self._end()
        self._temporary = None

    def _remove_leftovers(self) -> None:
        """Remove files of processes that were killed while they wrote this one."""
        if sys.platform == "win32":
            return
        for path in self.path.parent.iterdir():
            match = TEMPORARY.fullmatch(path.name)
            if match is None or match["name"] != self.path.name[:40]:
                continue
            with suppress(OSError), open(path, "rb+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


def _discard(handle: int, name: str) -> None:
    """Close a temporary file, and remove it if it has not been renamed."""
    os.close(handle)
    with suppress(OSError):
        os.unlink(name)


def _make_room(handle: int, size: int) -> None:
    """Let a file have a size, and the disk room for it: a mapped file cannot tell of a full one."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
    else:
        os.truncate(handle, size)


def _name_of(dtype: np.dtype[Any]) -> str:
    return dtype.name if dtype.kind == "V" else dtype.str  # bfloat16 and its like by name


def _described(structure: Tensors) -> Any:
    """A structure as JSON: "leaf", null, ["tuple", ...], ["list", ...], {"dict": {...}}."""
    if isinstance(structure, Mapping):
        return {"dict": {key: _described(item) for key, item in structure.items()}}
    if isinstance(structure, tuple | list):
        kind = "tuple" if isinstance(structure, tuple) else "list"
        return [kind, *map(_described, structure)]
    return None if structure is None else "leaf"


def _structure(described: Config | list[Any] | None, count: int) -> Any:
    """The structure that a description is of, with 0 in place of the leaves.

    Raises:
        ValueError: it is no description, or has another number of leaves.
    """

    def made(part: object) -> Any:
        if part is None:
            return None
        if part == "leaf":
            return 0
        if isinstance(part, dict) and list(part) == ["dict"]:
            return {str(key): made(item) for key, item in part["dict"].items()}
        if isinstance(part, list) and part[:1] in (["tuple"], ["list"]):
            return like(() if part[0] == "tuple" else [], [made(item) for item in part[1:]])
        raise ValueError("no structure")

    structure = made(described)
    if len(leaves(structure)) != count:
        raise ValueError("another number of leaves")
    return structure
