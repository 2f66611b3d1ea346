"""HDF5 files: read with limits, and one array written as Keras writes it.

HDF5 lets a file point at other files, unpack to a thousand times its size and load filters from
shared libraries; its C library trusts every address in a file. So files are read by `archive/hdf5`,
which is Python and stays within the file, and `SafeH5` refuses what no weight file needs. It walks
the whole file once, link by link, and checks in this order:

    link      soft, external or user-defined; an object reached twice; too deep, too many
    dataset   external or virtual storage; a filter that is not deflate, shuffle or fletcher32
    type      anything but integers, floats, booleans, and 1 or 2 opaque bytes
    size      a chunk beyond its dataset; bytes stored > file; bytes declared > 200 x file, with
              those that an archive around it has unpacked; work beyond what the file weighs
    read      declared shape and kind of dtype = expected; a chunk of another size than declared
"""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import jax.numpy as jnp
import numpy as np

from cornu import budget
from cornu.archive.atomic import atomic_write
from cornu.archive.hdf5.arrays import (
    DEFLATE,
    FLETCHER32,
    SHUFFLE,
    Dataset,
    read_array,
    read_dataset,
)
from cornu.archive.hdf5.checksum import digest
from cornu.archive.hdf5.headers import root_address
from cornu.archive.hdf5.heaps import global_heap
from cornu.archive.hdf5.objects import Attribute, Object, attributes, links, open_object
from cornu.archive.hdf5.source import DamagedError, Fields, Source as Bytes
from cornu.archive.hdf5.writing import Writer
from cornu.archive.regular import open_regular
from cornu.errors import UnsafeFileError, make_error, value_error
from cornu.numeric import is_integer
from cornu.types import DType

DIGEST = "cornu_digest"  # attribute of an array, which Keras does not look at
MAX_OBJECTS = 200_000
_OBJECT = 2  # units of work
_NAMED_BYTES = ("bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz")

Source = str | os.PathLike[str] | BinaryIO
Spec = tuple[tuple[int, ...], Any]  # shape and dtype


def fits(stored: np.dtype, expected: Any) -> bool:
    """Whether numbers of one dtype may become another: floats floats, integers integers.

    Opaque bytes of unknown meaning take on an expected dtype of their width that numpy itself
    does not have, because older files do not name it.

    Example:

        >>> fits(np.dtype("float64"), "float32"), fits(np.dtype("int8"), "float32")
        (True, False)
    """
    expected = jnp.dtype(expected)
    if stored == expected:
        return True
    if stored.kind == "V" and stored.name.startswith("void"):
        return expected.name in _NAMED_BYTES and stored.itemsize == expected.itemsize
    kinds = (jnp.floating, jnp.integer, jnp.bool_)
    return any(jnp.issubdtype(stored, k) and jnp.issubdtype(expected, k) for k in kinds)


@dataclass(frozen=True)
class Stored:
    """What a dataset declares about itself."""

    shape: tuple[int, ...]
    dtype: np.dtype


class SafeH5:
    """An HDF5 file opened for reading, each of its links and datasets checked.

    Args:
        source: path, or seekable binary file that stays open.
        label: name of the file in messages.
        packed: packed size in bytes of a file in an archive, from which the limit of its unpacked
            size is computed.

    Attributes:
        groups: paths of all groups; `""` is the root.
        datasets: dict from path to `Stored`.

    Raises:
        UnsafeFileError: the file has something that no weight file needs.
        ValueError: the file is not HDF5, or is damaged.
    """

    def __init__(
        self, source: Source, *, label: str | None = None, packed: int | None = None
    ) -> None:
        self._owned: BinaryIO | None = None
        if isinstance(source, (str, os.PathLike)):
            self.label = label or f"The file {os.fspath(source)!r}"
            file = self._owned = open_regular(source, self.label)
        else:
            self.label = label or "The weights file"
            file = source
        self._bytes = Bytes(file, self.label)
        self._budget = budget.of(self.label)
        if packed is None:
            self._budget.grow(self._bytes.size)
        elif budget.current() is None:
            self._budget.grow(packed)
        self._objects: dict[str, Object] = {}
        self._data: dict[str, Dataset] = {}
        self._attributes_of: dict[str, dict[str, Attribute]] = {}
        self._texts_at: dict[int, dict[int, bytes]] = {}  # collections of texts, by address
        self.groups: set[str] = set()
        self.datasets: dict[str, Stored] = {}
        try:
            with self._damage_explained():
                self._index()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "SafeH5":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, if it was opened here."""
        if self._owned is not None:
            self._owned.close()

    def text(self, path: str, attribute: str) -> str | None:
        """A text attribute of a group or dataset, or None if it has none of that name."""
        values = self.texts(path, attribute, limit=1)
        return None if values is None else values[0]

    def texts(self, path: str, attribute: str, *, limit: int = 65_536) -> list[str] | None:
        """An attribute that is a list of texts, of at most `limit` entries; None if absent."""
        with self._damage_explained():
            found = self._attributes(path).get(attribute)
            return None if found is None else self._texts(found, path, limit)

    def array(self, path: str, shape: Sequence[int], dtype: DType) -> np.ndarray:
        """Read one dataset, which must have this shape and this kind of dtype.

        Returns:
            An array of `shape` in `dtype`.

        Raises:
            ValueError: shape or kind differ, an integer does not fit, or the data are damaged.
            UnsafeFileError: a packed chunk holds more than it declares.
        """
        stored, wanted = self.datasets[path], jnp.dtype(dtype)
        if stored.shape != tuple(shape) or not fits(stored.dtype, wanted):
            raise value_error(
                f"{self.label} has another array at {path!r} than expected.",
                expected=f"{tuple(shape)} {wanted.name}",
                found=f"{stored.shape} {stored.dtype.name}",
            )
        with self._damage_explained():
            raw = read_array(self._bytes, self._data[path])
        self._check_digest(path, raw)
        if raw.dtype.kind == "V":
            raw = raw.view(wanted if stored.dtype.name.startswith("void") else stored.dtype)
        with np.errstate(over="ignore"):  # a large float64 becomes inf in float32, as in Keras
            made = raw.astype(wanted, copy=False)
        if is_integer(wanted) and not np.array_equal(made, raw):
            raise value_error(
                f"{self.label} has integers at {path!r} beyond the range of {wanted.name}."
            )
        return made

    def _check_digest(self, path: str, raw: np.ndarray) -> None:
        """Files of this library say of each array what its bytes add up to; others do not."""
        expected = self.text(path, DIGEST)
        if expected is not None and expected != digest(raw):
            raise value_error(
                f"{self.label} has a wrong checksum at {path!r}.",
                fix="get it again from its source. If you changed the array on purpose, "
                f"delete its attribute {DIGEST!r}.",
            )

    # ---- the walk ------------------------------------------------------------------------

    def _index(self) -> None:
        root = root_address(self._bytes)
        seen = {root}
        waiting = [("", root)]
        stored = declared = 0
        while waiting:
            path, address = waiting.pop()
            self._budget.work(_OBJECT)
            found = self._objects[path] = open_object(self._bytes, address)
            if found.is_dataset:
                dataset = self._data[path] = read_dataset(self._bytes, found)
                self.datasets[path] = self._inspect(dataset, path)
                stored, declared = stored + dataset.stored, declared + dataset.unpacked
                continue
            if not found.is_group:
                raise self._refused("has a named type", path=repr(path[:200]))
            self.groups.add(path)
            if path.count("/") >= budget.DEPTH:
                raise self._refused("has groups nested too deeply", limit=budget.DEPTH)
            for link in links(self._bytes, found):
                below = f"{path}/{link.name}".lstrip("/")
                if not link.name or "/" in link.name or link.name == ".":
                    raise DamagedError(f"a member named {link.name!r}")
                if link.kind != "hard":
                    raise self._refused(
                        f"has {'an' if link.kind == 'external' else 'a'} {link.kind} link",
                        path=repr(below[:200]),
                        fix="use only files from a source you trust; weight files have no such "
                        "links.",
                    )
                if link.address in seen:
                    raise self._refused("reaches one object by two paths", second=repr(below[:200]))
                self._budget.work(len(below) // budget.ELEMENTS)
                seen.add(link.address)
                if len(seen) > MAX_OBJECTS:
                    raise self._refused("has too many objects", limit=MAX_OBJECTS)
                waiting.append((below, link.address))
        size = self._bytes.size
        if stored > size:
            raise self._refused("has data that overlap", stored=stored, file=f"{size} bytes")
        self._budget.unpack(declared, self.label)

    def _inspect(self, dataset: Dataset, path: str) -> Stored:
        """Check one dataset without reading it."""
        where = repr(path[:200])
        if dataset.external or dataset.storage == "virtual":
            raise self._refused("takes data from other files", path=where)
        filters = dataset.filters
        if len(set(filters)) < len(filters) or not set(filters) <= {DEFLATE, SHUFFLE, FLETCHER32}:
            raise self._refused("packs data with unusual filters", path=where, filters=filters)
        dtype = self._dtype(dataset, path)
        if dataset.shape is None:
            raise self._refused("has a dataset without a shape", path=where)
        chunk = math.prod(dataset.chunk) * dtype.itemsize
        if dataset.storage == "chunked" and chunk > max(dataset.declared, budget.SLACK):
            raise self._refused("has a chunk beyond its dataset", path=where, chunk=chunk)
        return Stored(dataset.shape, dtype)

    def _dtype(self, dataset: Dataset, path: str) -> np.dtype:
        kind = dataset.type
        if kind.dtype is not None:
            return kind.dtype.newbyteorder("=")
        if kind.kind == "opaque" and kind.size in (1, 2):
            return self._named_bytes(path, kind.size)
        raise self._refused("has a dataset of a type that weights do not have", path=path[:200])

    def _named_bytes(self, path: str, size: int) -> np.dtype:
        """What 1 or 2 opaque bytes stand for, by their attribute `dtype`."""
        named = self._attributes(path).get("dtype")
        if named is None:
            return np.dtype(f"V{size}")
        name = (self._texts(named, path, 1) or [""])[0]
        if name not in _NAMED_BYTES or jnp.dtype(name).itemsize != size:
            raise self._refused("has opaque data of an unknown type", path=path[:200], dtype=name)
        return jnp.dtype(name)

    def _attributes(self, path: str) -> dict[str, Attribute]:
        if path not in self._attributes_of:  # blocks are given out once
            self._attributes_of[path] = attributes(self._bytes, self._objects[path])
        return self._attributes_of[path]

    def _texts(self, found: Attribute, path: str, limit: int) -> list[str]:
        count = found.space.count
        if count == 0:  # Keras writes an empty list as an empty array of floats
            return []
        kind, width = found.type.kind, found.type.size
        if kind not in ("text", "ragged text") or count > limit:
            raise self._refused(
                "has an attribute of an unexpected type or size",
                path=repr(path[:200]),
                attribute=repr(found.name),
            )
        fields = Fields(found.content)
        texts = [fields.take(width) for _ in range(count)]
        if kind == "ragged text":
            texts = [self._ragged(Fields(reference)) for reference in texts]
        return [text.split(b"\0", 1)[0].decode("utf-8") for text in texts]

    def _ragged(self, reference: Fields) -> bytes:
        """A text of variable length, by its length, the collection it is in, and its number."""
        length, address, number = reference.uint(4), reference.address(), reference.uint(4)
        if address not in self._texts_at:
            self._texts_at[address] = global_heap(self._bytes, address)
        text = self._texts_at[address].get(number)
        if length and (text is None or len(text) < length):
            raise DamagedError("a text that is not in the file")
        return (text or b"")[:length]

    @contextmanager
    def _damage_explained(self) -> Iterator[None]:
        """Whatever does not add up means a damaged file."""
        try:
            yield
        except UnsafeFileError:
            raise
        except (DamagedError, UnicodeDecodeError, OSError) as error:
            raise value_error(
                f"{self.label} is not an HDF5 file, or it is damaged.",
                fix="get it again from its source.",
                detail=str(error)[:300],
            ) from error

    def _refused(self, why: str, *, fix: str | None = None, **facts: object) -> UnsafeFileError:
        return make_error(UnsafeFileError, f"{self.label} {why}.", fix=fix, **facts)


@contextmanager
def h5_writer(target: Source) -> Iterator[Writer]:
    """A writer of HDF5, closed when the block ends well.

    Args:
        target: path, which is replaced atomically, or binary file.
    """
    with ExitStack() as stack:
        if isinstance(target, (str, os.PathLike)):
            target = stack.enter_context(stack.enter_context(atomic_write(target)).open("wb"))
        writer = Writer(target)
        yield writer
        writer.close()


def put(writer: Writer, path: str, array: np.ndarray) -> None:
    """Write one array at a path, with its checksum; a dtype that HDF5 lacks as opaque bytes."""
    if array.dtype.name in _NAMED_BYTES:
        # `reshape` first: a view of another dtype needs an axis.
        opaque = np.ascontiguousarray(array).reshape(-1).view(f"V{array.dtype.itemsize}")
        writer.dataset(path, opaque.reshape(array.shape))
        # Text of variable length, as in Keras; the other types are ours, and in fixed length.
        name = array.dtype.name
        writer.attribute(path, "dtype", name if name == "bfloat16" else np.array(name.encode()))
    else:
        writer.dataset(path, array)
    writer.attribute(path, DIGEST, np.array(digest(array).encode()))


def shown(specs: Any) -> str:
    """`(4, 3) float32, (3,) float32` for messages."""
    some = [f"{tuple(shape)} {jnp.dtype(dtype).name}" for shape, dtype in specs]
    return ", ".join(some[:8]) + (f", ... ({len(some)} variables)" if len(some) > 8 else "") or "-"
