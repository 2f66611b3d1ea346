"""Where a file of HDF5 begins, and what it says of one object: a list of messages.

    superblock   versions 0 to 3 -> the address of the root group's header
    header       version 1, or 2 (OHDR, with a checksum); goes on in further blocks (OCHK)
      message    number of its kind, flags, bytes

The names of the kinds follow the HDF5 File Format Specification, version 3.
"""

from dataclasses import dataclass

from cornu.archive.hdf5.checksum import lookup3
from cornu.archive.hdf5.source import UNDEFINED, DamagedError, Fields, Source

SIGNATURE = b"\x89HDF\r\n\x1a\n"

DATASPACE, LINK_INFO, DATATYPE = 0x01, 0x02, 0x03
FILL_VALUE, LINK = 0x05, 0x06
EXTERNAL_FILES, LAYOUT, FILTERS, ATTRIBUTE = 0x07, 0x08, 0x0B, 0x0C
CONTINUATION, SYMBOL_TABLE, ATTRIBUTE_INFO = 0x10, 0x11, 0x15
_SHARED = 0x02  # flag: the message stands elsewhere
_BY_REFERENCE = {DATASPACE, DATATYPE, FILL_VALUE, FILTERS, ATTRIBUTE}  # kinds that may be shared
MAX_MESSAGES = 65_536


@dataclass(frozen=True, slots=True)
class Message:
    """One message of an object's header."""

    kind: int
    shared: bool
    content: bytes

    def fields(self) -> Fields:
        """A cursor over its content."""
        return Fields(self.content)


def root_address(source: Source) -> int:
    """The address of the root group's header, from the superblock at the start of the file."""
    fields = Fields(source.read(0, min(source.size, 96)))
    if fields.take(8) != SIGNATURE:
        raise DamagedError("no signature of HDF5 at its start")
    version = fields.uint(1)
    if version in (0, 1):
        widths = fields.skip(4).uint(2)  # sizes of addresses and of lengths
        fields.skip(1 + 4 + 4 + (4 if version else 0))
        base, _, end, driver = (fields.address() for _ in range(4))
        root = fields.skip(8).address()
    elif version in (2, 3):
        widths = fields.uint(2)
        base, _, end, root = (fields.skip(1).address(), *(fields.address() for _ in range(3)))
        driver = UNDEFINED
        _verify(source.read(0, fields.at), fields.uint(4))
    else:
        raise DamagedError(f"version {version} of the format")
    if widths != 0x0808 or base != 0 or driver != UNDEFINED:
        raise DamagedError("addresses of another width, or data before the file's start")
    if end > source.size:
        raise DamagedError(f"{source.size} bytes of {end}: the file is cut")
    return root


def messages(source: Source, address: int) -> list[Message]:
    """All messages of the object whose header is at `address`."""
    start = source.read(address, 4)
    return _second(source, address) if start == b"OHDR" else _first(source, address)


def _first(source: Source, address: int) -> list[Message]:
    head = source.block(address, 16)
    if head.uint(1) != 1:
        raise DamagedError(f"no object at {address}")
    count, size = head.skip(1).uint(2), head.skip(4).uint(4)
    found: list[Message] = []
    blocks = [(address + 16, size)]
    while blocks:
        block = source.block(*blocks.pop(0))
        while block.left >= 8 and len(found) < count:
            kind, length, flags = block.uint(2), block.uint(2), block.uint(1)
            found.append(_message(kind, flags, block.skip(3).take(length)))
            if kind == CONTINUATION:
                further = found[-1].fields()
                blocks.append((further.address(), further.address()))
    return found


def _second(source: Source, address: int) -> list[Message]:
    head = Fields(source.read(address, 6))
    if head.skip(4).uint(1) != 2:
        raise DamagedError(f"no object at {address}")
    flags = head.uint(1)
    times, phases = 16 if flags & 0x20 else 0, 4 if flags & 0x10 else 0
    width = 1 << (flags & 3)
    prefix = 6 + times + phases + width
    size = Fields(source.read(address + prefix - width, width)).uint(width)
    blocks = [(address, prefix + size + 4, prefix)]
    found: list[Message] = []
    while blocks:
        place, length, first = blocks.pop(0)
        block = source.block(place, length)
        content = block.take(length - 4)
        _verify(content, block.uint(4))
        if first == 4 and content[:4] != b"OCHK":
            raise DamagedError(f"no OCHK at {place}")
        inner, header = Fields(content).skip(first), 6 if flags & 0x04 else 4
        while inner.left >= header:
            kind, size, marks = inner.uint(1), inner.uint(2), inner.uint(1)
            found.append(_message(kind, marks, inner.skip(header - 4).take(size)))
            if len(found) > MAX_MESSAGES:
                raise source.refused("has an object with too many parts", limit=MAX_MESSAGES)
            if kind == CONTINUATION:
                further = found[-1].fields()
                blocks.append((further.address(), further.address(), 4))
    return found


def _message(kind: int, flags: int, content: bytes) -> Message:
    return Message(kind, bool(flags & _SHARED) and kind in _BY_REFERENCE, content)


def _verify(content: bytes, checksum: int) -> None:
    if lookup3(content) != checksum:
        raise DamagedError("a checksum differs")
