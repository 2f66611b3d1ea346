"""Where HDF5 keeps what has no fixed size: names, texts of variable length, many attributes.

local heap    HEAP          names of a group's members, at offsets
global heap   GCOL          texts of variable length, by number
fractal heap  FRHP          links and attributes of large groups: blocks whose sizes double
  block       FHDB, FHIB    holding objects, or the addresses of blocks
"""

from cornu.archive.hdf5.source import UNDEFINED, DamagedError, Fields, Source
from cornu.archive.hdf5.trees import records

_MAX_TEXT = 2**26  # bytes of one heap of names or texts


def local_heap(source: Source, address: int) -> bytes:
    """The data of a local heap, in which names stand at offsets and end with a NUL."""
    head = source.block(address, 32, b"HEAP").skip(4)
    size, place = head.address(), head.skip(8).address()
    if size > _MAX_TEXT:
        raise DamagedError(f"names of {size} bytes")
    return source.block(place, size).rest()


def global_heap(source: Source, address: int) -> dict[int, bytes]:
    """The objects of a global heap collection, by number."""
    head = source.block(address, 16, b"GCOL").skip(4)
    size = head.address()
    if not 16 <= size <= _MAX_TEXT:
        raise DamagedError(f"texts of {size} bytes")
    inner = Fields(source.read(address + 16, size - 16))
    found: dict[int, bytes] = {}
    while inner.left >= 16:
        number = inner.uint(2)
        length = inner.skip(6).address()
        if number == 0:  # what is left over
            break
        found[number] = inner.take(length)
        inner.align(8)
    return found


class FractalHeap:
    """A fractal heap: gives an object for each identifier of its own.

    Offsets count through all blocks in order. A row of blocks has as many as the table is wide;
    sizes are those of the first row twice, and double from then on. Below a certain size a block
    holds objects, above it the addresses of smaller ones.
    """

    def __init__(self, source: Source, address: int) -> None:
        head = source.block(address, 142, b"FRHP").skip(1)
        self._source = source
        head.skip(2)
        filtered, flags = head.uint(2), head.uint(1)
        if filtered:
            raise source.refused("packs the names of its objects")
        longest = head.uint(4)
        self._huge = head.skip(8).address()
        head.skip(80)
        self._width, self._first, self._largest = head.uint(2), head.address(), head.address()
        self._offset_width = (head.uint(2) + 7) // 8
        self._rows = head.skip(2).address(), head.uint(2)
        self._length_width = (min(self._largest, longest).bit_length() + 7) // 8
        self._prefix = 13 + self._offset_width  # of a block: signature, version, heap, offset
        self._checked = bool(flags & 2)
        if not self._width or not self._first or self._width * self._first > 2**32:
            raise DamagedError("a heap without blocks")
        self._huge_objects: dict[int, tuple[int, int]] | None = None

    def object(self, identifier: bytes) -> bytes:
        """The object behind one identifier."""
        fields = Fields(identifier)
        first = fields.uint(1)
        kind = first >> 4 & 3
        if first >> 6 or kind == 3:
            raise DamagedError("an identifier of an unknown kind")
        if kind == 2:
            return fields.take((first & 15) + 1)
        if kind == 1:
            within = fields.left >= 16  # address and length stand in the identifier itself
            place = (
                (fields.address(), fields.address())
                if within
                else self._of_huge(fields.uint(min(8, fields.left)))
            )
            return self._source.read(*place)
        offset, length = fields.uint(self._offset_width), fields.uint(self._length_width)
        block, at, size = self._block_of(offset)
        if at + length > size:
            raise DamagedError("an object beyond its block")
        return self._source.read(block + at, length)

    def _of_huge(self, number: int) -> tuple[int, int]:
        if self._huge_objects is None:
            self._huge_objects = {}
            for record in records(self._source, self._huge, kind=1):
                address, length, key = record.address(), record.address(), record.address()
                self._huge_objects[key] = address, length
        if number not in self._huge_objects:
            raise DamagedError("an identifier that leads nowhere")
        return self._huge_objects[number]

    def _block_of(self, offset: int) -> tuple[int, int, int]:
        """The block that holds an offset: its address, the place within, its size."""
        address, rows = self._rows
        if rows == 0:
            return address, offset, self._first
        for _ in range(64):  # each step goes to a smaller block
            row, size, start = self._row_of(offset)
            column = (offset - start) // size
            if row >= rows:
                break
            entry = self._source.read(address + self._prefix + 8 * (row * self._width + column), 8)
            address, offset = Fields(entry).address(), (offset - start) % size
            if address == UNDEFINED:
                break
            if size <= self._largest:
                return address, offset, size
            rows = (size // (self._first * self._width)).bit_length()
        raise DamagedError("an offset that leads nowhere")

    def _row_of(self, offset: int) -> tuple[int, int, int]:
        """Row of an offset, the size of its blocks, and the row's first offset."""
        row, size, start = 0, self._first, 0
        while offset >= start + size * self._width:
            start += size * self._width
            row += 1
            size = self._first << max(row - 1, 0)
            if row > 64:
                raise DamagedError("an offset beyond its heap")
        return row, size, start
