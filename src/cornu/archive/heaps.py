"""Where HDF5 keeps text of variable length, checked before the library reads it.

    GCOL  version 1  size of the collection (8 bytes)
      index (2)  count (2)  reserved (4)  size (8)  data, filled to 8 bytes     an object
      0          ...                      size                                  what is left over

The library goes from object to object by their sizes. A size of 0 for what is left over, or one
that wraps around, sends it into a loop without end. Whatever it may take for a collection starts
with "GCOL", so each of those in the file is walked here first, with the same steps.
"""

import io
from collections.abc import Iterable, Iterator
from typing import Any

from cornu.archive.views import View

_SIGNATURE, _HEADER, _OBJECT = b"GCOL\x01", 16, 16  # other versions the library refuses by itself
_BLOCK = 2**20


class WithoutNumbers(View):
    """A file, to be read only, in which some ranges of bytes are zeros.

    Args:
        file: opened for reading as bytes; it stays open when this is closed.
        ranges: of the zeros, as (first byte, number of bytes).

    Example:

        >>> WithoutNumbers(io.BytesIO(b"abcdefgh"), [(2, 3)]).read()
        b'ab\\x00\\x00\\x00fgh'
    """

    def __init__(self, file: Any, ranges: Iterable[tuple[int, int]]):
        super().__init__(file.seek(0, io.SEEK_END))
        self._file = file
        self._zeros: list[tuple[int, int]] = []  # first byte and the one behind, in order, apart
        for start, stop in sorted((first, first + count) for first, count in ranges):
            if self._zeros and start <= self._zeros[-1][1]:
                start, stop = self._zeros[-1][0], max(stop, self._zeros.pop()[1])
            self._zeros.append((start, stop))

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        self._file.seek(self._at)
        found = self._file.read(len(view))
        count = len(found)
        view[:count] = found
        for start, stop in self._zeros:
            first, behind = max(start - self._at, 0), min(stop - self._at, count)
            if first < behind:
                view[first:behind] = bytes(behind - first)
        self._at += count
        return count

    def shown(self) -> Iterator[tuple[int, int]]:
        """The ranges that are not zeros: the first byte and the one behind, in order."""
        at = 0
        for start, stop in [*self._zeros, (self.size, self.size)]:
            if at < start:
                yield at, start
            at = max(at, stop)


def heaps_are_sound(file: WithoutNumbers) -> bool:
    """Whether every collection in a file of HDF5 can be walked to its end.

    Example:

        >>> heap = b"GCOL" + bytes([1, 0, 0, 0]) + (64).to_bytes(8, "little") + bytes(48)
        >>> heaps_are_sound(WithoutNumbers(io.BytesIO(heap), []))
        False
        >>> heaps_are_sound(WithoutNumbers(io.BytesIO(b"no heap"), []))
        True
    """
    places = (at for start, stop in file.shown() for at in _places(file, start, stop))
    return all(_is_sound(file, at, file.size) for at in places)


def _places(file: Any, first: int, stop: int) -> Iterator[int]:
    """Offsets of the signature, wherever it stands in a range."""
    at = first
    while at < stop:
        start = max(first, at - len(_SIGNATURE) + 1)  # it may stand across the border of two blocks
        file.seek(start)
        window = file.read(min(_BLOCK, stop - start))
        if start + len(window) <= at:
            return
        found = window.rfind(_SIGNATURE)  # twice as fast as `find`
        while found >= 0:
            yield start + found
            found = window.rfind(_SIGNATURE, 0, found)
        at = start + len(window)


def _is_sound(file: Any, at: int, file_size: int) -> bool:
    file.seek(at)
    header = file.read(_HEADER)
    if len(header) < _HEADER:
        return True  # the library refuses it by itself
    size = int.from_bytes(header[8:16], "little")
    if size > file_size - at:
        return False
    collection = file.read(size - _HEADER) if size > _HEADER else b""
    position = 0
    while position + _OBJECT <= len(collection):
        index = int.from_bytes(collection[position : position + 2], "little")
        length = int.from_bytes(collection[position + 8 : position + 16], "little")
        step = length if index == 0 else _OBJECT + (length + 7) // 8 * 8
        if step < _OBJECT or step > len(collection) - position:
            return False
        position += step
    return True
