"""HDF5 files: read with limits, and one array written as Keras writes it.

HDF5 lets a file point at other files, unpack to a thousand times its size and load filters from
shared libraries. `SafeH5` therefore walks the whole file once, link by link, before anything is
read, and refuses what no weight file needs. Only then is a declared shape compared with the
expected one, and only then are bytes read. It checks, in this order:

    link      soft, external or user-defined; an object reached twice; too deep, too many
    dataset   external or virtual storage; a filter that is not deflate, shuffle or fletcher32
    type      anything but integers, floats, booleans, and 1 or 2 opaque bytes
    size      a chunk beyond its dataset; bytes stored > file; bytes declared > 200 x file
    read      declared shape and kind of dtype = expected; a packed chunk that unpacks too far
"""

import io
import math
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import jax.numpy as jnp
import numpy as np

from cornu.archive.heaps import WithoutNumbers, heaps_are_sound
from cornu.archive.safezip import require_regular_file
from cornu.errors import UnsafeFileError, explain, need

MAX_DEPTH = 128
MAX_OBJECTS = 200_000
MAX_RATIO = 200
_SLACK = 2**20
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
        source: a path, or a seekable binary file that stays open meanwhile.
        label: how messages name the file.

    Attributes:
        groups: paths of all groups; `""` is the root.
        datasets: path -> `Stored`.

    Raises:
        UnsafeFileError: the file has something that no weight file needs.
        ValueError: it is not HDF5, or damaged.
    """

    def __init__(self, source: Source, *, label: str | None = None) -> None:
        self._h5 = need("h5py", for_="reading and writing HDF5 files")
        if isinstance(source, (str, os.PathLike)):
            self.label = label or f"The file {os.fspath(source)!r}"
            require_regular_file(source, self.label)
        else:
            self.label = label or "The weights file"
        with self._library_errors():
            self._file = self._h5.File(source, "r")
        self._source = source
        self._places: list[tuple[int, int]] = []  # of numbers: first byte, count of bytes
        self._texts_file: Any = None  # opened with the first text of variable length
        self._closing = ExitStack()
        self.groups: set[str] = set()
        self.datasets: dict[str, Stored] = {}
        try:
            with self._library_errors():
                self._index()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "SafeH5":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._closing.close()
        self._file.close()

    def text(self, path: str, attribute: str) -> str | None:
        """A text attribute of a group or dataset, or None if it has none of that name."""
        values = self.texts(path, attribute, limit=1)
        return None if values is None else values[0]

    def texts(self, path: str, attribute: str, *, limit: int = 65_536) -> list[str] | None:
        """An attribute that is a list of texts, of at most `limit` entries; None if absent."""
        with self._library_errors():
            found = self._open(path)
            return self._texts(found, path, attribute, limit)

    def array(self, path: str, shape: Sequence[int], dtype: Any) -> np.ndarray:
        """Read one dataset, which must have this shape and this kind of dtype.

        Returns:
            An array of `shape` in `dtype`.

        Raises:
            ValueError: shape or kind differ, an integer does not fit, or the data are damaged.
            UnsafeFileError: a packed chunk holds more than it declares.
        """
        stored, wanted = self.datasets[path], jnp.dtype(dtype)
        if stored.shape != tuple(shape) or not fits(stored.dtype, wanted):
            raise ValueError(
                explain(
                    f"{self.label} holds another array at {path!r} than expected.",
                    expected=f"{tuple(shape)} {wanted.name}",
                    found=f"{stored.shape} {stored.dtype.name}",
                )
            )
        with self._library_errors():
            dataset = self._open(path)
            self._check_chunks(dataset, path)
            raw = np.empty(stored.shape, dataset.dtype)  # the library's own has more page faults
            if raw.size:
                dataset.read(self._h5.h5s.ALL, self._h5.h5s.ALL, raw)
        if raw.dtype.kind == "V":
            raw = raw.view(wanted if stored.dtype.name.startswith("void") else stored.dtype)
        with np.errstate(over="ignore"):  # a large float64 becomes inf in float32, as in Keras
            made = raw.astype(wanted, copy=False)
        if jnp.issubdtype(wanted, jnp.integer) and not np.array_equal(made, raw):
            raise ValueError(
                explain(f"{self.label} holds integers at {path!r} that {wanted.name} cannot hold.")
            )
        return made

    # ---- the walk ------------------------------------------------------------------------

    def _index(self) -> None:
        root = self._file["/"].id
        size = (
            root.get_filesize() if hasattr(root, "get_filesize") else self._file.id.get_filesize()
        )
        seen = {self._h5.h5o.get_info(root).addr}
        waiting = [("", root)]
        stored = declared = 0
        while waiting:
            path, group = waiting.pop()
            self.groups.add(path)
            total = len(seen) + group.get_num_objs()
            if total > MAX_OBJECTS:
                raise self._refused("has too many objects", objects=total, limit=MAX_OBJECTS)
            for name in list(group):
                below = f"{path}/{name.decode('utf-8')}".lstrip("/")
                found = self._follow(group, name, below)
                address = self._h5.h5o.get_info(found).addr
                if address in seen:
                    raise self._refused("reaches one object by two paths", second=repr(below[:200]))
                seen.add(address)
                if isinstance(found, self._h5.h5g.GroupID):
                    if below.count("/") >= MAX_DEPTH:
                        raise self._refused("has groups nested too deeply", limit=MAX_DEPTH)
                    waiting.append((below, found))
                elif isinstance(found, self._h5.h5d.DatasetID):
                    self.datasets[below], on_disk, bytes_ = self._inspect(found, below)
                    stored, declared = stored + on_disk, declared + bytes_
                else:
                    raise self._refused("has a named type", path=repr(below[:200]))
        if stored > size:
            raise self._refused("has data that overlap", stored=stored, file=f"{size} bytes")
        if declared > MAX_RATIO * size + _SLACK:
            raise self._refused(
                "unpacks to far more than a weight file does",
                file=f"{size} bytes",
                declared=f"{declared} bytes",
                limit=f"{MAX_RATIO} times the file",
            )

    def _follow(self, group: Any, name: bytes, path: str) -> Any:
        """The object behind one link, which must be a hard one."""
        kind = group.links.get_info(name).type
        if kind != self._h5.h5l.TYPE_HARD:
            words = {self._h5.h5l.TYPE_SOFT: "soft", self._h5.h5l.TYPE_EXTERNAL: "external"}
            raise self._refused(
                f"has {'an' if kind == self._h5.h5l.TYPE_EXTERNAL else 'a'} "
                f"{words.get(kind, 'user-defined')} link",
                path=repr(path[:200]),
                fix="use only files from a source you trust; weight files have no such links.",
            )
        return self._h5.h5o.open(group, name)

    def _open(self, path: str, file: Any = None) -> Any:
        """Step down to `path` link by link: a path as a whole would follow any link."""
        found = (file or self._file)["/"].id
        for i, part in enumerate(path.split("/") if path else ()):
            found = self._follow(found, part.encode(), "/".join(path.split("/")[: i + 1]))
        return found

    def _inspect(self, dataset: Any, path: str) -> tuple[Stored, int, int]:
        """Check one dataset without reading: what it declares, bytes on disk, bytes declared."""
        h5, where = self._h5, repr(path[:200])
        plan = dataset.get_create_plist()
        if plan.get_external_count() or plan.get_layout() == h5.h5d.VIRTUAL:
            raise self._refused("takes data from other files", path=where)
        allowed = (h5.h5z.FILTER_DEFLATE, h5.h5z.FILTER_SHUFFLE, h5.h5z.FILTER_FLETCHER32)
        filters = [plan.get_filter(i)[0] for i in range(plan.get_nfilters())]
        if len(set(filters)) < len(filters) or not set(filters) <= set(allowed):
            raise self._refused("packs data with unusual filters", path=where, filters=filters)
        dtype = self._dtype(dataset, path)
        space = dataset.get_space()
        if space.get_simple_extent_type() not in (h5.h5s.SIMPLE, h5.h5s.SCALAR):
            raise self._refused("has a dataset without a shape", path=where)
        shape = tuple(int(n) for n in space.get_simple_extent_dims())
        declared = math.prod(shape) * dtype.itemsize
        if plan.get_layout() == h5.h5d.CHUNKED:
            chunk = math.prod(plan.get_chunk()) * dtype.itemsize
            if chunk > max(declared, _SLACK):
                raise self._refused("has a chunk beyond its dataset", path=where, chunk=chunk)
        offset = dataset.get_offset()
        if offset is not None and plan.get_layout() == h5.h5d.CONTIGUOUS:
            self._places.append((offset, dataset.get_storage_size()))
        return Stored(shape, dtype), dataset.get_storage_size(), declared

    def _dtype(self, dataset: Any, path: str) -> np.dtype:
        h5, kind = self._h5.h5t, dataset.get_type()
        group = kind.get_class()
        if group in (h5.INTEGER, h5.FLOAT) or (group == h5.ENUM and kind.dtype == np.bool_):
            return kind.dtype.newbyteorder("=")
        if group == h5.OPAQUE and kind.get_size() in (1, 2):
            return self._named_bytes(dataset, path, kind.get_size())
        raise self._refused("has a dataset of a type that weights do not have", path=path[:200])

    def _named_bytes(self, dataset: Any, path: str, size: int) -> np.dtype:
        """What 1 or 2 opaque bytes stand for, by their attribute `dtype`.

        Keras names one type, bfloat16, in text of variable length. That text is not read: damage
        to where it is kept sends the HDF5 library into a loop without end.
        """
        h5 = self._h5
        if not h5.h5a.exists(dataset, b"dtype"):
            return np.dtype(f"V{size}")
        kind = h5.h5a.open(dataset, b"dtype").get_type()
        if kind.get_class() == h5.h5t.STRING and kind.is_variable_str():
            return jnp.dtype("bfloat16") if size == 2 else np.dtype("V1")
        name = (self._texts(dataset, path, "dtype", 1) or [""])[0]
        if name not in _NAMED_BYTES or jnp.dtype(name).itemsize != size:
            raise self._refused("has opaque data of an unknown type", path=path[:200], dtype=name)
        return jnp.dtype(name)

    def _texts(
        self, found: Any, path: str, attribute: str, limit: int, *, can_vary: bool = False
    ) -> list[str] | None:
        h5 = self._h5
        if not h5.h5a.exists(found, attribute.encode()):
            return None
        opened = h5.h5a.open(found, attribute.encode())
        shape = opened.get_space().get_simple_extent_dims()
        if math.prod(shape) == 0:  # Keras writes an empty list as an empty array of floats
            return []
        if opened.get_type().get_class() != h5.h5t.STRING or math.prod(shape) > limit:
            raise self._refused(
                "has an attribute of an unexpected type or size",
                path=repr(path[:200]),
                attribute=repr(attribute),
            )
        if opened.get_type().is_variable_str() and not can_vary:
            there = self._open(path, self._without_numbers())
            return self._texts(there, path, attribute, limit, can_vary=True)
        values = np.ravel(h5.AttributeManager(_Owner(found))[attribute]).tolist()
        return [v.decode("utf-8") if isinstance(v, bytes) else str(v) for v in values]

    def _without_numbers(self) -> Any:
        """The file as one from which text of variable length may be read; see `heaps.py`."""
        if self._texts_file is None:
            file: Any = self._source
            if isinstance(file, (str, os.PathLike)):
                file = self._closing.enter_context(io.FileIO(file))
            view = WithoutNumbers(file, self._places)
            if not heaps_are_sound(view):
                raise OSError("where texts are kept does not add up")
            self._texts_file = self._closing.enter_context(self._h5.File(view, "r"))
        return self._texts_file

    def _check_chunks(self, dataset: Any, path: str) -> None:
        """Unpack deflated chunks up to their declared size: the library would go on to the end."""
        plan = dataset.get_create_plist()
        order = [plan.get_filter(i)[0] for i in range(plan.get_nfilters())]
        if self._h5.h5z.FILTER_DEFLATE not in order:
            return
        position = order.index(self._h5.h5z.FILTER_DEFLATE)
        size = math.prod(plan.get_chunk()) * dataset.get_type().get_size() + 4  # and a checksum
        chunks: list[tuple[Any, int]] = []
        dataset.chunk_iter(lambda chunk: chunks.append((chunk.chunk_offset, chunk.filter_mask)))
        for offset, skipped in chunks:
            if skipped >> position & 1:
                continue
            unpacker = zlib.decompressobj()
            packed = dataset.read_direct_chunk(offset)[1]
            try:
                unpacked = len(unpacker.decompress(packed, size + 1))
            except zlib.error as error:
                raise OSError(f"a chunk of {path!r} does not unpack: {error}") from error
            if unpacked > size:
                raise self._refused("has a chunk that unpacks too far", path=repr(path[:200]))

    @contextmanager
    def _library_errors(self) -> Iterator[None]:
        """Whatever the HDF5 library stumbles over means a damaged file."""
        try:
            yield
        except UnsafeFileError:
            raise
        except (OSError, RuntimeError, LookupError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                explain(
                    f"{self.label} is not an HDF5 file, or it is damaged.",
                    fix="get it again from its source.",
                    detail=str(error)[:300],
                )
            ) from error

    def _refused(self, why: str, *, fix: str | None = None, **facts: object) -> UnsafeFileError:
        return UnsafeFileError(explain(f"{self.label} {why}.", fix=fix, **facts))


def put(group: Any, key: str, array: np.ndarray) -> None:
    """Write one array as a dataset of an h5py group; a dtype that HDF5 lacks as opaque bytes."""
    if array.dtype.name in _NAMED_BYTES:
        opaque = np.ascontiguousarray(array).view(f"V{array.dtype.itemsize}").reshape(array.shape)
        # Text of variable length, as in Keras; the other types are ours, and in fixed length.
        name = array.dtype.name
        named = name if name == "bfloat16" else np.bytes_(name.encode())
        group.create_dataset(key, data=opaque).attrs["dtype"] = named
    else:
        group.create_dataset(key, data=array)


def shown(specs: Any) -> str:
    """`(4, 3) float32, (3,) float32` for messages."""
    some = [f"{tuple(shape)} {jnp.dtype(dtype).name}" for shape, dtype in specs]
    return ", ".join(some[:8]) + (f", ... ({len(some)} variables)" if len(some) > 8 else "") or "-"


@dataclass(frozen=True)
class _Owner:
    """What h5py's attribute manager asks of its parent."""

    id: Any
