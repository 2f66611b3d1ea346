"""The bytes of an HDF5 file, and fields read off them: nothing outside the file, nothing twice.

Every address in a file is somebody's word. `Source` reads only what lies within the file, `block`
gives each block of metadata out once, so that blocks which refer to themselves or share others are
found at once, and all metadata together is bounded. `Fields` reads little-endian numbers off such a
block and never beyond its end.
"""

import io
from typing import Any, BinaryIO

from cornu.errors import UnsafeFileError, make_error

UNDEFINED = 2**64 - 1  # an address that leads nowhere
MAX_METADATA = 2**28  # bytes


class DamagedError(ValueError):
    """What stands in the file cannot be what was written."""


class Source:
    """A file of HDF5, opened for reading.

    Args:
        file: seekable binary file, which stays open.
        label: name of the file in messages.

    Attributes:
        size: file size in bytes.
    """

    def __init__(self, file: BinaryIO, label: str) -> None:
        self.label = label
        self.size = file.seek(0, io.SEEK_END)
        self._file = file
        self._left = MAX_METADATA
        self._seen: set[int] = set()

    def read(self, address: int, count: int) -> bytes:
        """`count` bytes of metadata from `address`.

        Raises:
            DamagedError: they are not within the file.
            UnsafeFileError: the file has more metadata than any model needs.
        """
        self._check(address, count)
        self._left -= count
        if self._left < 0:
            raise self.refused("has far too many objects", limit=f"{MAX_METADATA} bytes")
        self._file.seek(address)
        found = self._file.read(count)
        if len(found) < count:
            raise DamagedError("the file ends too early")
        return found

    def block(self, address: int, count: int, signature: bytes = b"") -> "Fields":
        """A block of metadata, after its signature.

        Raises:
            DamagedError: it was read before, does not start with `signature`, or as for `read`.
        """
        if address in self._seen:
            raise DamagedError(f"two references to the block at {address}")
        self._seen.add(address)
        fields = Fields(self.read(address, count))
        if signature and fields.take(len(signature)) != signature:
            raise DamagedError(f"no {signature.decode()} at {address}")
        return fields

    def data(self, address: int, count: int) -> bytes:
        """`count` bytes of a dataset from `address`; not counted as metadata."""
        self._check(address, count)
        self._file.seek(address)
        found = self._file.read(count)
        if len(found) < count:
            raise DamagedError("the file ends too early")
        return found

    def fill(self, address: int, target: memoryview) -> None:
        """Read the bytes from `address` into memory that is there already."""
        self._check(address, len(target))
        self._file.seek(address)
        done = 0
        while done < len(target):
            count: Any = self._file.readinto(target[done:])  # type: ignore[attr-defined]
            if not count:
                raise DamagedError("the file ends too early")
            done += count

    def refused(self, why: str, *, fix: str | None = None, **facts: object) -> UnsafeFileError:
        """The error for what is well formed, and no weight file has."""
        return make_error(UnsafeFileError, f"{self.label} {why}.", fix=fix, **facts)

    def _check(self, address: int, count: int) -> None:
        if not 0 <= address <= self.size - count:
            raise DamagedError(f"{count} bytes at {address}, beyond the end of the file")


class Fields:
    """A cursor over a block of bytes.

    Example:

        >>> fields = Fields(bytes([7, 0, 1, 2, 3]))
        >>> fields.uint(2), fields.take(2), fields.left
        (7, b'\\x01\\x02', 1)
    """

    __slots__ = ("_bytes", "at")

    def __init__(self, content: bytes) -> None:
        self._bytes = content
        self.at = 0

    @property
    def left(self) -> int:
        """Number of bytes not read yet."""
        return len(self._bytes) - self.at

    def uint(self, width: int) -> int:
        """An unsigned little-endian number of `width` bytes."""
        return int.from_bytes(self.take(width), "little")

    def address(self) -> int:
        """8 bytes: an address, or a length."""
        return int.from_bytes(self.take(8), "little")

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        start, self.at = self.at, self.at + count
        if self.at > len(self._bytes):
            raise DamagedError("a block ends before its last field")
        return self._bytes[start : self.at]

    def skip(self, count: int) -> "Fields":
        """Leave `count` bytes out."""
        self.take(count)
        return self

    def align(self, width: int, start: int = 0) -> "Fields":
        """Go on at the next multiple of `width`, counted from `start`."""
        return self.skip(-(self.at - start) % width)

    def rest(self) -> bytes:
        """Everything not read yet."""
        return self.take(self.left)

    def text(self) -> bytes:
        """Bytes up to a NUL, which is skipped."""
        stop = self._bytes.find(b"\0", self.at)
        if stop < 0:
            raise DamagedError("a name without an end")
        return self.take(stop + 1 - self.at)[:-1]
