"""Groups, datasets and their attributes: what stands where, found link by link.

Only a hard link leads to an object. What else a link may be (to another path, another file, or of
a user's kind) is told to the caller as a word, and never followed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from cornu.archive.hdf5 import headers
from cornu.archive.hdf5.headers import Message
from cornu.archive.hdf5.heaps import FractalHeap, local_heap
from cornu.archive.hdf5.source import UNDEFINED, DamagedError, Fields, Source
from cornu.archive.hdf5.trees import children, records
from cornu.archive.hdf5.types import Space, Type, read_space, read_type

_LONGEST = 2**16  # bytes of a name
_KINDS = {0: "hard", 1: "soft", 64: "external"}


@dataclass(frozen=True, slots=True)
class Link:
    """One member of a group: its name, and where it leads; `kind` is "hard" for an object."""

    name: str
    kind: str
    address: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """A small array with a name, beside an object."""

    name: str
    type: Type
    space: Space
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Object:
    """A group, a dataset, or a type with a name: the messages of its header."""

    address: int
    messages: tuple[Message, ...] = field(repr=False)

    @property
    def is_group(self) -> bool:
        """Whether it has members."""
        return any(m.kind in (headers.SYMBOL_TABLE, headers.LINK_INFO) for m in self.messages)

    @property
    def is_dataset(self) -> bool:
        """Whether it has data."""
        return self.first(headers.LAYOUT) is not None

    def first(self, kind: int) -> Message | None:
        """The first message of a kind, or None."""
        return next((m for m in self.messages if m.kind == kind), None)


def open_object(source: Source, address: int) -> Object:
    """The object whose header is at `address`."""
    return Object(address, tuple(headers.messages(source, address)))


def links(source: Source, group: Object) -> Iterator[Link]:
    """Members of a group, in the order of the file."""
    table = group.first(headers.SYMBOL_TABLE)
    if table is not None:
        yield from _from_table(source, table.fields())
    yield from (_link(m.fields()) for m in group.messages if m.kind == headers.LINK)
    for store, record in _many(source, group.first(headers.LINK_INFO), counter=8, kind=5):
        yield _link(Fields(store.object(record.skip(4).rest())))


def attributes(source: Source, owner: Object) -> dict[str, Attribute]:
    """Attributes of an object, by name."""
    found = [_attribute(source, m) for m in owner.messages if m.kind == headers.ATTRIBUTE]
    for store, record in _many(source, owner.first(headers.ATTRIBUTE_INFO), counter=2, kind=8):
        identifier, flags = record.take(8), record.uint(1)
        message = Message(headers.ATTRIBUTE, bool(flags & 2), store.object(identifier))
        found.append(_attribute(source, message))
    return {attribute.name: attribute for attribute in found}


def _many(
    source: Source, info: Message | None, *, counter: int, kind: int
) -> Iterator[tuple[FractalHeap, Fields]]:
    """The heap of a large group's links or attributes, and each record that leads into it."""
    if info is None:
        return
    fields = info.fields().skip(1)
    fields.skip(counter if fields.uint(1) & 1 else 0)
    heap, index = fields.address(), fields.address()
    if heap != UNDEFINED:
        store = FractalHeap(source, heap)
        yield from ((store, record) for record in records(source, index, kind=kind))


def _from_table(source: Source, table: Fields) -> Iterator[Link]:
    tree, heap = table.address(), table.address()
    names = local_heap(source, heap)
    for _, node in children(source, tree, kind=0, key_width=8):
        head = source.block(node, 8, b"SNOD")
        count = head.skip(2).uint(2)
        entries = Fields(source.read(node + 8, 40 * count))
        for _ in range(count):
            at, address, cached = entries.address(), entries.address(), entries.uint(4)
            entries.skip(20)
            stop = names.find(b"\0", at, at + _LONGEST)
            if stop < 0:
                raise DamagedError("a name beyond its heap")
            yield Link(_decoded(names[at:stop]), "soft" if cached == 2 else "hard", address)


def _link(fields: Fields) -> Link:
    if fields.uint(1) != 1:
        raise DamagedError("a link of an unknown version")
    flags = fields.uint(1)
    kind = fields.uint(1) if flags & 0x08 else 0
    fields.skip((8 if flags & 0x04 else 0) + (1 if flags & 0x10 else 0))
    name = _decoded(fields.take(fields.uint(1 << (flags & 3))))
    word = _KINDS.get(kind, "user-defined")
    return Link(name, word, fields.address() if kind == 0 else UNDEFINED)


def _attribute(source: Source, message: Message) -> Attribute:
    if message.shared:
        raise source.refused("shares attributes among its objects")
    fields = message.fields()
    version, flags = fields.uint(1), fields.uint(1)
    if version not in (1, 2, 3) or flags & 3 and version > 1:
        raise source.refused("has an attribute of a named type")
    sizes = [fields.uint(2) for _ in range(3)]
    fields.skip(1 if version == 3 else 0)
    parts = []
    for size in sizes:
        parts.append(fields.take(size))
        if version == 1:
            fields.skip(-size % 8)
    name, kind, space = parts
    return Attribute(
        _decoded(name.partition(b"\0")[0]),
        read_type(Fields(kind)),
        read_space(Fields(space)),
        fields.rest(),
    )


def _decoded(name: bytes) -> str:
    return name.decode("utf-8")  # a UnicodeDecodeError is a ValueError: damaged
