"""Where HDF5 keeps text of variable length, checked before the library reads it.

    GCOL  version 1  size of the collection (8 bytes)
      index (2)  count (2)  reserved (4)  size (8)  data, filled to 8 bytes     an object
      0          ...                      size                                  what is left over

The library goes from object to object by their sizes. A size of 0 for what is left over, or one
that wraps around, sends it into a loop without end. Whatever it may take for a collection starts
with "GCOL", so each of those in the file is walked here first, with the same steps.
"""

from collections.abc import Iterator
from typing import Any

_SIGNATURE, _HEADER, _OBJECT = b"GCOL", 16, 16
_BLOCK = 2**20


def heaps_are_sound(file: Any) -> bool:
    """Whether every collection in a file of HDF5 can be walked to its end.

    Args:
        file: opened for reading as bytes.

    Example:

        >>> import io
        >>> heap = b"GCOL" + bytes([1, 0, 0, 0]) + (64).to_bytes(8, "little") + bytes(48)
        >>> heaps_are_sound(io.BytesIO(heap)), heaps_are_sound(io.BytesIO(b"no heap"))
        (False, True)
    """
    size = file.seek(0, 2)
    return all(_is_sound(file, at, size) for at in _places(file))


def _places(file: Any) -> Iterator[int]:
    """Offsets of the signature, wherever it stands."""
    at = 0
    while True:
        start = max(0, at - len(_SIGNATURE) + 1)  # it may stand across the border of two blocks
        file.seek(start)
        window = file.read(_BLOCK)
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
    if len(header) < _HEADER or header[4] != 1:
        return True  # the library refuses it by itself; most likely it is a text
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
