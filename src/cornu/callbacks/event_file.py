"""Event files of TensorBoard: scalars, histograms, images and texts by step.

    file    = record record record ...
    record  = length (8 bytes) | crc of the length (4) | an Event | crc of the Event (4)
    Event   = wall time, step, and a summary: (tag, value) or a version, in protocol buffers

Protocol buffers are simple to write: a field is `number * 8 + kind` as a varint, then a varint, 4
or 8 bytes, or a length and bytes. The checksums are CRC-32C, rotated and shifted ("masked").
"""

import itertools
import os
import socket
import struct
import time
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from cornu.types import Tensor

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
_number = itertools.count()
BUFFER = 2**16  # bytes that are written at once
MOST_KEPT = 2**24  # bytes that wait for a full disk


# ---- checksums --------------------------------------------------------------------------------


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    """The CRC-32C (Castagnoli) checksum.

    Example:

        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def masked_crc(data: bytes) -> int:
    """The checksum of a record: rotated right by 15 bits, plus a constant."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def record(data: bytes) -> bytes:
    """A record that holds `data`."""
    length = struct.pack("<Q", len(data))
    return b"".join(
        (length, struct.pack("<I", masked_crc(length)), data, struct.pack("<I", masked_crc(data)))
    )


# ---- protocol buffers -------------------------------------------------------------------------


def _varint(number: int) -> bytes:
    number &= 0xFFFFFFFFFFFFFFFF  # negative numbers as two's complement
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _whole(field: int, number: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(number)


def _double(field: int, number: float) -> bytes:
    return _varint(field << 3 | _EIGHT_BYTES) + struct.pack("<d", number)


def _float(field: int, number: float) -> bytes:
    return _varint(field << 3 | _FOUR_BYTES) + struct.pack("<f", number)


def _bytes(field: int, data: bytes | str) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    return _varint(field << 3 | _BYTES) + _varint(len(data)) + data


def _doubles(field: int, numbers: Iterable[float]) -> bytes:
    return _bytes(field, np.asarray(list(numbers), "<f8").tobytes())


def event(step: int, content: bytes, wall_time: float | None = None) -> bytes:
    """An Event with an encoded field of content."""
    seconds = time.time() if wall_time is None else wall_time
    return _double(1, seconds) + _whole(2, step) + content


def value(tag: str, content: bytes) -> bytes:
    """The content of an Event: one value under a tag."""
    return _bytes(5, _bytes(1, _bytes(1, tag) + content))


# ---- values -----------------------------------------------------------------------------------


def _histogram(values: np.ndarray, buckets: int) -> bytes:
    """Numbers, their sums, and how many lie up to each limit."""
    values = values[np.isfinite(values)].astype("float64")
    if values.size == 0:
        values = np.zeros(1)
    counts, edges = np.histogram(values, buckets)
    return b"".join(
        (
            _double(1, values.min()),
            _double(2, values.max()),
            _double(3, values.size),
            _double(4, values.sum()),
            _double(5, np.square(values).sum()),
            _doubles(6, edges[1:]),
            _doubles(7, counts),
        )
    )


def png(pixels: np.ndarray) -> bytes:
    """An image file: uint8 of shape `(height, width)` or `(height, width, 3)`.

    Example:

        >>> png(np.zeros((2, 3), np.uint8))[1:4]
        b'PNG'
    """
    height, width = pixels.shape[:2]
    colour = 2 if pixels.ndim == 3 else 0

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", head),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        )
    )


class EventWriter:
    """Writes an event file into a directory, which is created.

    Args:
        folder: the directory; TensorBoard shows it as one run.

    Example:

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     writer = EventWriter(folder)
        ...     writer.scalar("loss", 0.5, step=1)
        ...     writer.close()
        ...     [path.name.startswith("events.out.tfevents") for path in Path(folder).iterdir()]
        [True]
    """

    def __init__(self, folder: str | os.PathLike[str]):
        Path(folder).mkdir(parents=True, exist_ok=True)
        # TensorBoard knows event files by "tfevents" and orders those of a run by the time.
        name = (
            f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}."
            f"{os.getpid()}.{next(_number)}.v2"
        )
        self.path = Path(folder, name)
        # It stays open over many steps. Nothing else buffers, so that what waits is known.
        self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115
        self._waiting = bytearray()
        self._write(event(0, _bytes(3, "brain.Event:2")))

    def _write(self, data: bytes) -> None:
        self._waiting += record(data)
        if len(self._waiting) > BUFFER:
            self.flush()

    def scalar(self, name: str, data: float, step: int) -> None:
        """A scalar."""
        self._write(event(step, value(name, _float(2, float(np.asarray(data))))))

    def histogram(self, name: str, data: Tensor, step: int, buckets: int = 30) -> None:
        """The histogram of the elements of an array."""
        content = _histogram(np.asarray(data).ravel(), buckets)
        self._write(event(step, value(name, _bytes(5, content))))

    def image(self, name: str, data: Tensor, step: int) -> None:
        """An image of uint8 `(height, width)` or `(height, width, 3)`."""
        pixels = np.asarray(data, np.uint8)
        content = b"".join(
            (
                _whole(1, pixels.shape[0]),
                _whole(2, pixels.shape[1]),
                _whole(3, 3 if pixels.ndim == 3 else 1),
                _bytes(4, png(pixels)),
            )
        )
        self._write(event(step, value(name, _bytes(4, content))))

    def text(self, name: str, data: str, step: int, plugin: str = "text") -> None:
        """A text for the TensorBoard plugin of the given name."""
        string = 7  # of the data types that a tensor may have
        tensor = _whole(1, string) + _bytes(2, b"") + _bytes(8, data)
        metadata = _bytes(1, _bytes(1, plugin) + _bytes(2, b""))
        self._write(event(step, value(name, _bytes(8, tensor) + _bytes(9, metadata))))

    def flush(self) -> None:
        """Hand what was written to the system, so that TensorBoard sees it.

        Raises:
            OSError: it cannot be written. The file ends with a whole record, and what waits is
                written at the next flush, unless it has become too much to keep.
        """
        size = self._file.seek(0, os.SEEK_END)
        left = memoryview(bytes(self._waiting))
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            self._file.truncate(size)
            if len(self._waiting) > MOST_KEPT:
                self._waiting.clear()
            raise
        self._waiting.clear()

    def close(self) -> None:
        """Write what waits, and close the file.

        Raises:
            OSError: it cannot be written; the file is closed all the same.
        """
        if not self._file.closed:
            with self._file:
                self.flush()
