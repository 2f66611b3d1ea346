"""Files of HDF5, written from front to back.

    superblock (version 2)     filled in last
    data of the datasets       in the order in which they come
    texts of variable length   global heap collections
    headers (version 2)        each group's below its own, links within the header

HDF5 1.8 and newer read them, and so does every h5py. The same content gives the same bytes: no
time of day is in them. What fails to be written raises OSError and leaves nothing to be closed.
"""

from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from cornu.archive.hdf5 import headers
from cornu.archive.hdf5.checksum import lookup3
from cornu.archive.hdf5.source import UNDEFINED
from cornu.errors import type_error, value_error

_LARGEST_ATTRIBUTE = 65_000  # bytes, its name included: a message has at most 65,535
_HEAP = 65_536  # bytes of a collection of texts, unless one text alone is longer
_HEAD = 16  # bytes of the head of a collection, and of each text in it
_SUPERBLOCK = 48
_FLOATS = {2: (10, 5, 15), 4: (23, 8, 127), 8: (52, 11, 1023)}  # significand, exponent, bias


@dataclass(frozen=True)
class _Text:
    """Where a text is: the collection, its number in it from 1, its length in bytes."""

    heap: int
    number: int
    length: int


@dataclass
class _Node:
    """A group; or a dataset, which has messages that describe its data."""

    members: dict[str, "_Node"] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    data: bytes | None = None


class Writer:
    """Writes one file of HDF5; nothing can be read from it before `close`.

    Args:
        file: empty, seekable binary file, which stays open.

    Example:

        >>> import io
        >>> from cornu.archive.safeh5 import SafeH5
        >>> file = io.BytesIO()
        >>> writer = Writer(file)
        >>> writer.dataset("layers/dense/0", np.ones((4, 3), "float32"))
        >>> writer.attribute("layers", "name", "all of them")
        >>> writer.close()
        >>> with SafeH5(file) as h5:
        ...     h5.datasets["layers/dense/0"].shape, h5.text("layers", "name")
        ((4, 3), 'all of them')
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._root = _Node()
        self._at = 0
        self._heaps: list[list[bytes]] = []  # collections of texts
        self._put(bytes(_SUPERBLOCK))

    def group(self, path: str) -> None:
        """Make a group, and those above it; one that is there already stays."""
        self._node(path)

    def dataset(self, path: str, array: np.ndarray) -> None:
        """Write an array of numbers, booleans or opaque bytes, at a path that is new.

        Raises:
            ValueError: the path is taken.
        """
        node = self._node(path)
        if node.members or node.attributes or node.data is not None:
            raise value_error(f"{path!r} exists in the file.")
        plain = np.ascontiguousarray(array)
        place = self._block(plain.reshape(-1).view(np.uint8).data) if plain.size else UNDEFINED
        layout = bytes([3, 1]) + _u8(place) + _u8(plain.nbytes)
        node.data = (
            _message(headers.DATASPACE, _space(np.shape(array)))
            + _message(headers.DATATYPE, _type(plain.dtype))
            + _message(headers.FILL_VALUE, bytes([3, 0x0A]))  # zeros, where nothing is written
            + _message(headers.LAYOUT, layout)
        )

    def attribute(self, path: str, name: str, value: str | np.ndarray) -> None:
        """Give a group or dataset a text, of any length, or a small array.

        Args:
            path: path of the group or dataset; a missing group is created.
            name: name of the attribute.
            value: text, or array of numbers or of bytes (`S7`), of less than 64 KiB.
        """
        if isinstance(value, str):
            self._node(path).attributes[name] = self._text(value.encode())
            return
        plain = np.ascontiguousarray(value)
        if plain.nbytes + len(name.encode()) > _LARGEST_ATTRIBUTE:
            raise value_error(
                f"The attribute {name!r} is too large for HDF5.",
                bytes=plain.nbytes,
                limit=_LARGEST_ATTRIBUTE,
            )
        what = _type(plain.dtype), _space(np.shape(value)), plain.tobytes()
        self._node(path).attributes[name] = what

    def close(self) -> None:
        """Write what describes the data. The file itself stays open."""
        places = [self._block(_collection(texts)) for texts in self._heaps]
        root = self._write(self._root, places)
        head = headers.SIGNATURE + bytes([2, 8, 8, 0])
        head += b"".join(_u8(n) for n in (0, UNDEFINED, self._at, root))
        self._file.seek(0)
        self._file.write(head + lookup3(head).to_bytes(4, "little"))
        self._file.seek(self._at)

    def _node(self, path: str) -> "_Node":
        node = self._root
        for part in path.split("/") if path else ():
            if node.data is not None:
                raise value_error(f"{path!r} leads through an array.")
            node = node.members.setdefault(part, _Node())
        return node

    def _text(self, text: bytes) -> _Text:
        used = sum(_HEAD + len(t) + -len(t) % 8 for t in self._heaps[-1]) if self._heaps else _HEAP
        if used + len(text) + _HEAD > _HEAP:
            self._heaps.append([])
        self._heaps[-1].append(text)
        return _Text(len(self._heaps) - 1, len(self._heaps[-1]), len(text))

    def _write(self, node: _Node, places: list[int]) -> int:
        """Write the header of an object, those of its members first; gives its address."""
        parts = [node.data] if node.data is not None else [_GROUP]
        for name, member in node.members.items():
            address = self._write(member, places)
            encoded = name.encode()
            width = 1 if len(encoded) < 256 else 2
            link = bytes([1, 0x10 | width - 1, 1]) + len(encoded).to_bytes(width, "little")
            parts.append(_message(headers.LINK, link + encoded + _u8(address)))
        for name, value in node.attributes.items():
            if isinstance(value, _Text):
                reference = value.length.to_bytes(4, "little") + _u8(places[value.heap])
                content = _RAGGED, _space(()), reference + value.number.to_bytes(4, "little")
            else:
                content = value
            parts.append(_attribute(name, *content))
        body = b"".join(parts)
        header = b"OHDR" + bytes([2, 2]) + len(body).to_bytes(4, "little") + body
        return self._block(header + lookup3(header).to_bytes(4, "little"))

    def _block(self, content: bytes | memoryview) -> int:
        """Write at the next multiple of 8; gives the address."""
        self._put(bytes(-self._at % 8))
        place = self._at
        self._put(content)
        return place

    def _put(self, content: bytes | memoryview) -> None:
        self._file.write(content)
        self._at += len(content)


def _u8(value: int) -> bytes:
    return value.to_bytes(8, "little")


def _message(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + len(content).to_bytes(2, "little") + b"\0" + content


_GROUP = _message(headers.LINK_INFO, bytes(2) + _u8(UNDEFINED) * 2) + _message(0x0A, bytes(2))


def _attribute(name: str, kind: bytes, space: bytes, content: bytes) -> bytes:
    encoded = name.encode() + b"\0"
    sizes = b"".join(len(part).to_bytes(2, "little") for part in (encoded, kind, space))
    whole = bytes([3, 0]) + sizes + b"\1" + encoded + kind + space + content
    return _message(headers.ATTRIBUTE, whole)


def _space(shape: tuple[int, ...]) -> bytes:
    return bytes([2, len(shape), 0, 1 if shape else 0]) + b"".join(_u8(n) for n in shape)


def _described(kind: int, bits: int, size: int, properties: bytes = b"", version: int = 1) -> bytes:
    """A type: its class, flags of the class, bytes of an element, and what the class needs."""
    first = bytes([version << 4 | kind]) + bits.to_bytes(3, "little")
    return first + size.to_bytes(4, "little") + properties


def _type(dtype: np.dtype) -> bytes:
    size, big = dtype.itemsize, dtype.byteorder == ">"
    if dtype.kind in "iu":
        properties = b"\0\0" + (8 * size).to_bytes(2, "little")
        return _described(0, big | 8 * (dtype.kind == "i"), size, properties)
    if dtype.kind == "f" and size in _FLOATS:
        significand, exponent, bias = _FLOATS[size]
        properties = b"\0\0" + (8 * size).to_bytes(2, "little")
        properties += bytes([significand, exponent, 0, significand]) + bias.to_bytes(4, "little")
        return _described(1, big | 0x20 | (8 * size - 1) << 8, size, properties)
    if dtype.kind == "b":  # as h5py does
        return _described(8, 2, 1, _type(np.dtype("i1")) + b"FALSE\0TRUE\0\0\1", version=3)
    if dtype.kind == "S":
        return _described(3, 1, size)  # filled with NULs
    if dtype.kind == "V" and dtype.names is None:
        return _described(5, 0, size)
    raise type_error(f"HDF5 files cannot hold arrays of dtype {dtype.name}.")


_RAGGED = _described(9, 0x101, 16, _type(np.dtype("u1")))  # text of variable length, in UTF-8


def _collection(texts: list[bytes]) -> bytes:
    """A global heap collection: numbered objects, and what is left over of 4096 bytes."""
    content = b""
    for number, text in enumerate(texts, 1):
        head = number.to_bytes(2, "little") + b"\1" + bytes(5) + _u8(len(text))
        content += head + text + bytes(-len(text) % 8)
    size = max(len(content) + 2 * _HEAD, 4096)
    rest = size - _HEAD - len(content)
    content += bytes(8) + _u8(rest) + bytes(rest - _HEAD)
    return b"GCOL\1\0\0\0" + _u8(size) + content
