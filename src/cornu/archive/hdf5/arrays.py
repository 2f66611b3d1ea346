"""Datasets: where the bytes of an array are, and reading them.

    compact      within the object's header
    contiguous   in one piece of the file
    chunked      in blocks of one size, found by an index, each packed by a pipeline of filters

The index is a tree (version 1 of it; what h5py writes by default), a single chunk, a row of chunks
without gaps, or a fixed array. A chunk must unpack to exactly its declared size. What was never
written is the fill value.
"""

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from cornu import budget
from cornu.archive.hdf5 import headers
from cornu.archive.hdf5.checksum import fletcher32_holds
from cornu.archive.hdf5.objects import Object
from cornu.archive.hdf5.source import UNDEFINED, DamagedError, Fields, Source
from cornu.archive.hdf5.trees import children
from cornu.archive.hdf5.types import Type, read_space, read_type

DEFLATE, SHUFFLE, FLETCHER32 = 1, 2, 3
MAX_CHUNKS = 2**20  # of one dataset
_LARGEST_CHUNK = 2**32


@dataclass(frozen=True, slots=True)
class Chunk:
    """One stored chunk: its place in the array, in the file, and the filters it went without."""

    offset: tuple[int, ...]
    address: int
    size: int
    skipped: int = 0


@dataclass(frozen=True)
class Dataset:
    """What an object says of its data; nothing of them is read yet.

    Attributes:
        type: element type.
        shape: array shape; None if it has none.
        storage: "compact", "contiguous", "chunked" or "virtual".
        external: whether the bytes are in other files.
        chunk: shape of a chunk; empty if not chunked.
        filters: numbers of the filters, in the order in which they packed.
        chunks: the chunks that are stored.
        stored: bytes in the file.
    """

    type: Type
    shape: tuple[int, ...] | None
    storage: str
    external: bool
    chunk: tuple[int, ...] = ()
    filters: tuple[int, ...] = ()
    chunks: tuple[Chunk, ...] = field(default=(), repr=False)
    stored: int = 0
    fill: bytes = b""
    content: bytes = field(default=b"", repr=False)
    address: int = UNDEFINED

    @property
    def declared(self) -> int:
        """Bytes of the array."""
        return 0 if self.shape is None else math.prod(self.shape) * self.type.size

    @property
    def unpacked(self) -> int:
        """Bytes that reading it makes: those of the array, or of its chunks where they are more."""
        return max(self.declared, len(self.chunks) * math.prod(self.chunk) * self.type.size)


def read_dataset(source: Source, found: Object) -> Dataset:
    """What an object says of its data."""
    kind, space, layout = (
        found.first(k) for k in (headers.DATATYPE, headers.DATASPACE, headers.LAYOUT)
    )
    if kind is None or space is None or layout is None:
        raise DamagedError(f"a dataset without type or shape at {found.address}")
    if kind.shared:
        raise source.refused("has a dataset of a named type")
    if space.shared or layout.shared:
        raise source.refused("shares parts of its datasets")
    what, shape = read_type(kind.fields()), read_space(space.fields()).shape
    external = found.first(headers.EXTERNAL_FILES) is not None
    fields = layout.fields()
    version = fields.uint(1)
    if version not in (3, 4, 5):  # older ones are of before 2004
        raise source.refused("keeps data in a form that weight files do not use", form=version)
    storage = fields.uint(1)
    fill = _fill(found, what)
    if storage == 0:
        content = fields.take(fields.uint(2))
        return Dataset(what, shape, "compact", external, fill=fill, content=content)
    if storage == 1:
        address = fields.address()
        size = fields.address()
        stored = 0 if address == UNDEFINED else size
        return Dataset(
            what, shape, "contiguous", external, stored=stored, fill=fill, address=address
        )
    if storage == 3:
        return Dataset(what, shape, "virtual", external)
    if storage != 2 or shape is None:
        raise DamagedError("data of an unknown storage")
    filters = _filters(found)
    if version >= 4:
        chunk, chunks = _newer_chunks(source, fields, shape, what, bool(filters))
    else:
        rank = fields.uint(1) - 1
        address = fields.address()
        chunk = tuple(fields.uint(4) for _ in range(rank))
        _check_chunk(chunk, shape)
        # One more than allowed is enough to refuse.
        chunks = tuple(islice(_tree_chunks(source, address, rank), MAX_CHUNKS + 1))
        _few(source, len(chunks))
    _check_places(chunks, chunk, shape)
    stored = sum(c.size for c in chunks)
    return Dataset(what, shape, "chunked", external, chunk, filters, chunks, stored, fill)


def read_array(source: Source, dataset: Dataset) -> np.ndarray:
    """The array of a dataset of numbers or opaque bytes, in the byte order of the file."""
    shape = dataset.shape or ()
    dtype = dataset.type.dtype or np.dtype(f"V{dataset.type.size}")
    # Booleans are read as bytes: one that is neither 0 nor 1 would not be a boolean of numpy's.
    plain = np.dtype(np.uint8) if dtype.kind == "b" else dtype
    if dataset.storage == "compact":
        if len(dataset.content) < dataset.declared:
            raise DamagedError("fewer bytes than the array has")
        flat = np.frombuffer(dataset.content[: dataset.declared], plain)
        made = flat.reshape(shape).copy()
    elif dataset.storage == "contiguous" and dataset.address != UNDEFINED:
        if dataset.stored < dataset.declared:
            raise DamagedError("fewer bytes than the array has")
        made = np.empty(shape, plain)
        if made.size:
            source.fill(dataset.address, made.reshape(-1).view(np.uint8).data)
    else:
        made = _filled(shape, plain, dataset.fill)
        for chunk in dataset.chunks if made.size else ():
            packed = source.data(chunk.address, chunk.size)
            count = math.prod(dataset.chunk) * dataset.type.size
            raw = unpacked(source, packed, dataset.filters, chunk.skipped, count, dataset.type.size)
            block = np.frombuffer(raw, plain).reshape(dataset.chunk)
            at = tuple(
                slice(o, min(o + c, n))
                for o, c, n in zip(chunk.offset, dataset.chunk, shape, strict=True)
            )
            made[at] = block[tuple(slice(s.stop - s.start) for s in at)]
    return made.astype(bool) if dtype.kind == "b" else made


def unpacked(
    source: Source, packed: bytes, filters: tuple[int, ...], skipped: int, count: int, width: int
) -> bytes:
    """The `count` bytes of a chunk, after undoing the filters it went through.

    Args:
        source: the file, for its messages.
        packed: bytes as they are stored.
        filters: numbers, in the order in which they packed.
        skipped: bit i is set if the chunk went without filter i.
        count: bytes that the chunk must have in the end.
        width: bytes of an element.

    Raises:
        UnsafeFileError: it holds more.
        DamagedError: it holds less, or a filter cannot be undone.
    """
    for i in reversed(range(len(filters))):
        if skipped >> i & 1:
            continue
        if filters[i] == FLETCHER32:
            packed, stored = packed[:-4], int.from_bytes(packed[-4:], "little")
            if not fletcher32_holds(packed, stored):
                raise DamagedError("the checksum of a chunk differs")
        elif filters[i] == DEFLATE:
            try:
                packed = zlib.decompressobj().decompress(packed, count + 5)  # and a checksum
            except zlib.error as error:
                raise DamagedError(f"a chunk does not unpack: {error}") from error
            if len(packed) > count + 4:
                raise source.refused("has a chunk that unpacks too far", declared=f"{count} bytes")
        elif len(packed) % width == 0:
            packed = np.frombuffer(packed, np.uint8).reshape(width, -1).T.tobytes()
        else:
            raise DamagedError("a chunk of broken elements")
    if len(packed) != count:
        raise DamagedError(f"a chunk of {len(packed)} bytes instead of {count}")
    return packed


def _filled(shape: tuple[int, ...], dtype: np.dtype, fill: bytes) -> np.ndarray:
    made = np.zeros(shape, dtype)
    if any(fill):
        made[...] = np.frombuffer(fill, dtype)[0]
    return made


def _fill(found: Object, what: Type) -> bytes:
    """The value of what was never written, as bytes; empty for zero."""
    message = found.first(headers.FILL_VALUE)
    if message is None or message.shared:
        return b""
    fields = message.fields()
    if fields.uint(1) >= 3:
        value = fields.take(fields.uint(4)) if fields.uint(1) & 0x20 else b""
    else:
        defined = fields.skip(2).uint(1)
        value = fields.take(fields.uint(4)) if defined and fields.left >= 4 else b""
    return value if len(value) == what.size else b""


def _filters(found: Object) -> tuple[int, ...]:
    message = found.first(headers.FILTERS)
    if message is None:
        return ()
    fields = message.fields()
    version, count = fields.uint(1), fields.uint(1)
    if version not in (1, 2):
        raise DamagedError("filters of an unknown version")
    fields.skip(6 if version == 1 else 0)
    numbers = []
    for _ in range(count):
        number = fields.uint(2)
        name = fields.uint(2) if version == 1 or number >= 256 else 0
        values = fields.skip(2).uint(2)
        fields.skip(name + (-name % 8 if version == 1 else 0) + 4 * values)
        fields.skip(4 if version == 1 and values % 2 else 0)
        numbers.append(number)
    return tuple(numbers)


def _check_chunk(chunk: tuple[int, ...], shape: tuple[int, ...]) -> None:
    if len(chunk) != len(shape) or not all(chunk) or math.prod(chunk) > _LARGEST_CHUNK:
        raise DamagedError(f"chunks of shape {chunk}")


def _check_places(
    chunks: tuple[Chunk, ...], chunk: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    """Chunks stand on their grid within the array, and no two at one place."""
    if len({c.offset for c in chunks}) < len(chunks):
        raise DamagedError("two chunks at one place")
    for found in chunks:
        on_grid = all(o % c == 0 for o, c in zip(found.offset, chunk, strict=True))
        within = all(o < n for o, n in zip(found.offset, shape, strict=True))
        if not (on_grid and within):
            raise DamagedError("a chunk beside its array")


def _tree_chunks(source: Source, address: int, rank: int) -> Iterator[Chunk]:
    for key, place in children(source, address, kind=1, key_width=8 + 8 * (rank + 1)):
        budget.spend(1)
        fields = Fields(key)
        size, skipped = fields.uint(4), fields.uint(4)
        yield Chunk(tuple(fields.address() for _ in range(rank)), place, size, skipped)


def _newer_chunks(
    source: Source, fields: Fields, shape: tuple[int, ...], what: Type, filtered: bool
) -> tuple[tuple[int, ...], tuple[Chunk, ...]]:
    """Chunks by the indexes of versions 4 and 5: shape of a chunk, and the stored chunks."""
    flags, rank = fields.uint(1), fields.uint(1) - 1
    width = fields.uint(1)
    chunk = tuple(fields.uint(width) for _ in range(rank))
    fields.skip(width)
    _check_chunk(chunk, shape)
    index, plain = fields.uint(1), math.prod(chunk) * what.size
    if index == 1:
        size, skipped = (fields.address(), fields.uint(4)) if flags & 2 else (plain, 0)
        places = [(fields.address(), size, skipped)]
    elif index == 2:
        first = fields.address()
        count = 0 if first == UNDEFINED else _counted(source, math.prod(_grid(chunk, shape)))
        places = [(first + i * plain, plain, 0) for i in range(count)]
    elif index == 3:
        fields.skip(1)  # chunks of a page, which the array's own header repeats
        places = list(_fixed_array(source, fields.address(), plain, filtered))
    else:
        raise source.refused(
            "keeps the chunks of an array that can grow in a form that weight files do not use",
            fix="save it again without maxshape, or without libver='latest'.",
        )
    grid = _grid(chunk, shape)
    found = []
    for i, (address, size, skipped) in enumerate(places):
        if address != UNDEFINED and i < math.prod(grid):
            at = np.unravel_index(i, grid) if grid else ()
            offset = tuple(int(a) * c for a, c in zip(at, chunk, strict=True))
            found.append(Chunk(offset, address, size, skipped))
    return chunk, tuple(found)


def _counted(source: Source, count: int) -> int:
    budget.spend(_few(source, count))
    return count


def _few(source: Source, count: int) -> int:
    if count > MAX_CHUNKS:
        raise source.refused("has an array of too many chunks", chunks=count, limit=MAX_CHUNKS)
    return count


def _grid(chunk: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(-(-n // c) for n, c in zip(shape, chunk, strict=True))


def _fixed_array(
    source: Source, address: int, plain: int, filtered: bool
) -> Iterator[tuple[int, int, int]]:
    """Address, size and skipped filters of each chunk in order."""
    if address == UNDEFINED:
        return
    head = source.block(address, 28, b"FAHD").skip(1)
    kind, width, page = head.uint(1), head.uint(1), 1 << min(head.uint(1), 31)
    count, place = _counted(source, head.address()), head.address()
    if kind != filtered or width < (8 + 1 + 4 if filtered else 8):
        raise DamagedError("another index of chunks")
    if place == UNDEFINED:
        return
    prefix = 4 + 1 + 1 + 8
    if count <= page:
        source.block(place, prefix, b"FADB")
        blocks = [(place + prefix, count)]
    else:
        pages = -(-count // page)
        bits = source.block(place, prefix + (pages + 7) // 8, b"FADB").skip(prefix - 4).rest()
        first = place + prefix + len(bits) + 4
        blocks = [
            (
                first + i * (page * width + 4) if bits[i // 8] >> (7 - i % 8) & 1 else UNDEFINED,
                min(page, count - i * page),
            )
            for i in range(pages)
        ]
    for start, used in blocks:
        if start == UNDEFINED:
            yield from [(UNDEFINED, 0, 0)] * used
            continue
        entries = Fields(source.read(start, used * width))
        for _ in range(used):
            at = entries.address()
            yield (at, entries.uint(width - 12), entries.uint(4)) if filtered else (at, plain, 0)
