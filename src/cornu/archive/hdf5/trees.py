"""The two kinds of B-trees of HDF5, walked from left to right.

    version 1   TREE                members of a group (names in a heap), chunks of a dataset
    version 2   BTHD, BTIN, BTLF    links or attributes of a large group, large objects of a heap

A node is read once: a tree that refers to itself, or two that share a node, end as damaged.
"""

from collections.abc import Iterator

from cornu.archive.hdf5.checksum import lookup3
from cornu.archive.hdf5.source import UNDEFINED, DamagedError, Fields, Source

_MAX_LEVEL = 32


def children(
    source: Source, address: int, *, kind: int, key_width: int
) -> Iterator[tuple[bytes, int]]:
    """Leaves of a tree of version 1: the key before each child, and the child's address.

    Args:
        source: the file.
        address: place of the root; an undefined one has no children.
        kind: 0 for a group, 1 for the chunks of a dataset.
        key_width: number of bytes of a key.
    """
    waiting = [(address, -1)] if address != UNDEFINED else []
    while waiting:
        at, level = waiting.pop()
        head = source.block(at, 24, b"TREE")
        found, own, used = head.uint(1), head.uint(1), head.uint(2)
        if found != kind or level not in (-1, own) or own > _MAX_LEVEL:
            raise DamagedError(f"a node of another tree at {at}")
        entries = Fields(source.read(at + 24, used * (key_width + 8)))
        pairs = [(entries.take(key_width), entries.address()) for _ in range(used)]
        if own == 0:
            yield from pairs
        else:
            waiting += [(child, own - 1) for _, child in reversed(pairs)]


def records(source: Source, address: int, *, kind: int) -> Iterator[Fields]:
    """Records of a tree of version 2, in no particular order.

    Args:
        source: the file.
        address: place of its header; an undefined one has no records.
        kind: what its records are, by the numbers of the specification.
    """
    if address == UNDEFINED:
        return
    head = source.block(address, 38, b"BTHD").skip(1)
    found, size, width, depth = head.uint(1), head.uint(4), head.uint(2), head.uint(2)
    root, used, total = head.skip(2).address(), head.uint(2), head.address()
    if found != kind or depth > _MAX_LEVEL or width == 0 or size < 32:
        raise DamagedError(f"another tree at {address}")
    counts = _capacities(size, width, depth)
    waiting = [(root, used, depth)] if total else []
    while waiting:
        at, used, depth = waiting.pop()
        content = source.block(at, size, b"BTIN" if depth else b"BTLF").rest()
        inner = Fields(content)
        if inner.skip(1).uint(1) != kind:
            raise DamagedError(f"a node of another tree at {at}")
        yield from (Fields(inner.take(width)) for _ in range(used))
        if depth:
            of_count, of_total = counts[depth - 1]
            for _ in range(used + 1):
                child, below = inner.address(), inner.uint(of_count)
                inner.skip(of_total if depth > 1 else 0)
                waiting.append((child, below, depth - 1))
        if lookup3((b"BTIN" if depth else b"BTLF") + content[: inner.at]) != inner.uint(4):
            raise DamagedError("a checksum differs")


def _capacities(size: int, width: int, depth: int) -> list[tuple[int, int]]:
    """For each level from the leaves: widths of the two counts in a pointer to such a node."""
    most = total = (size - 10) // width
    of_count = (most.bit_length() + 7) // 8
    found = [(of_count, 0)]
    for level in range(1, depth + 1):
        pointer = 8 + of_count + (found[-1][1] if level > 1 else 0)
        most = (size - 10 - pointer) // (width + pointer)
        if most < 1:
            raise DamagedError("a tree without room for its records")
        total = (most + 1) * total + most
        found.append((of_count, (total.bit_length() + 7) // 8))
    return found
