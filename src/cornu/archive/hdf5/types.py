"""What a dataset or attribute holds: the type of its elements and its shape."""

import math
from dataclasses import dataclass

import ml_dtypes
import numpy as np

from cornu.archive.hdf5.source import DamagedError, Fields

MAX_RANK = 32
# Bits of the significand, of the exponent, and the exponent's bias -> what numpy calls the type.
_FLOATS = {
    (10, 5, 15): "f2", (23, 8, 127): "f4", (52, 11, 1023): "f8", (7, 8, 127): "bfloat16",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Type:
    """The type of an element.

    Attributes:
        kind: "number", "text", "ragged text", "opaque" or "other".
        size: bytes of an element; of a text of variable length, bytes of the reference to it.
        dtype: how numpy reads the stored bytes of a number; None for other kinds.
    """

    kind: str
    size: int
    dtype: np.dtype | None = None


@dataclass(frozen=True, slots=True)
class Space:
    """The shape of a dataset or attribute; None if it has no elements and no shape at all."""

    shape: tuple[int, ...] | None

    @property
    def count(self) -> int:
        """Number of elements."""
        return 0 if self.shape is None else math.prod(self.shape)


def read_type(fields: Fields) -> Type:
    """The type that a message or attribute describes."""
    first, bits, size = fields.uint(1), fields.uint(3), fields.uint(4)
    if size == 0:
        raise DamagedError("elements of no size")
    if first >> 4 not in (1, 2, 3, 4, 5):
        raise DamagedError("a type of an unknown version")
    kind = first & 15
    if kind == 0:
        return _integer(fields, bits, size)
    if kind == 1:
        return _float(fields, bits, size)
    if kind == 3:
        return Type("text", size)
    if kind == 5:
        return Type("opaque", size)
    if kind == 8:
        return _boolean(fields, bits, size, padded=first >> 4 < 3)
    if kind == 9 and bits & 15 == 1 and size == 16:
        return Type("ragged text", size)
    return Type("other", size)


def read_space(fields: Fields) -> Space:
    """The shape that a message or attribute describes."""
    version, rank, flags = fields.uint(1), fields.uint(1), fields.uint(1)
    if version == 1:
        fields.skip(5)
    elif version != 2:
        raise DamagedError("a shape of an unknown version")
    elif fields.uint(1) == 2:
        return Space(None)
    if rank > MAX_RANK:
        raise DamagedError(f"{rank} axes")
    shape = tuple(fields.address() for _ in range(rank))
    if flags & 1:  # the largest sizes it may grow to
        fields.skip(8 * rank)
    return Space(shape)


def _integer(fields: Fields, bits: int, size: int) -> Type:
    offset, precision = fields.uint(2), fields.uint(2)
    if size not in (1, 2, 4, 8) or offset or precision != 8 * size:
        return Type("other", size)
    order = ">" if bits & 1 else "<"
    return Type("number", size, np.dtype(f"{order}{'i' if bits & 8 else 'u'}{size}"))


def _float(fields: Fields, bits: int, size: int) -> Type:
    offset, precision = fields.uint(2), fields.uint(2)
    at, exponent, start, significand = (fields.uint(1) for _ in range(4))
    name = _FLOATS.get((significand, exponent, fields.uint(4)))
    plain = offset == 0 and precision == 8 * size and start == 0 and at == significand
    if name is None or not plain or 1 + exponent + significand != precision or bits & 0x40:
        return Type("other", size)
    if name == "bfloat16":
        known = np.dtype(ml_dtypes.bfloat16)
        return Type("other", size) if bits & 1 else Type("number", size, known)
    return Type("number", size, np.dtype((">" if bits & 1 else "<") + name))


def _boolean(fields: Fields, bits: int, size: int, *, padded: bool) -> Type:
    """An enumeration, as h5py writes booleans: FALSE is 0 and TRUE is 1."""
    base, count = read_type(fields), bits & 0xFFFF
    if count != 2 or base.size != 1 or base.dtype is None:
        return Type("other", size)
    members = {}
    names = []
    for _ in range(count):
        start = fields.at
        names.append(fields.text())
        if padded:
            fields.align(8, start)
    for name in names:
        members[name] = fields.uint(1)
    if members != {b"FALSE": 0, b"TRUE": 1}:
        return Type("other", size)
    return Type("number", 1, np.dtype(bool))
