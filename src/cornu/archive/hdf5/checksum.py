"""Checksums of HDF5: of blocks of metadata, and of packed chunks."""

import numpy as np

_MASK = 0xFFFFFFFF


def lookup3(content: bytes) -> int:
    """Bob Jenkins' hash (2006) of a block, as HDF5 stores it at the block's end.

    Example:

        >>> hex(lookup3(b""))
        '0xdeadbeef'
    """
    a = b = c = (0xDEADBEEF + len(content)) & _MASK
    if not content:
        return c
    last = (len(content) - 1) // 12 * 12
    padded = content + bytes(-len(content) % 12)
    words = np.frombuffer(padded, "<u4").tolist()

    def turned(x: int, by: int) -> int:
        return ((x << by) | (x >> (32 - by))) & _MASK

    for i in range(0, last // 4, 3):
        a, b, c = (a + words[i]) & _MASK, (b + words[i + 1]) & _MASK, (c + words[i + 2]) & _MASK
        a = (a - c) & _MASK ^ turned(c, 4)
        c = (c + b) & _MASK
        b = (b - a) & _MASK ^ turned(a, 6)
        a = (a + c) & _MASK
        c = (c - b) & _MASK ^ turned(b, 8)
        b = (b + a) & _MASK
        a = (a - c) & _MASK ^ turned(c, 16)
        c = (c + b) & _MASK
        b = (b - a) & _MASK ^ turned(a, 19)
        a = (a + c) & _MASK
        c = (c - b) & _MASK ^ turned(b, 4)
        b = (b + a) & _MASK
    i = last // 4
    a, b, c = (a + words[i]) & _MASK, (b + words[i + 1]) & _MASK, (c + words[i + 2]) & _MASK
    c = ((c ^ b) - turned(b, 14)) & _MASK
    a = ((a ^ c) - turned(c, 11)) & _MASK
    b = ((b ^ a) - turned(a, 25)) & _MASK
    c = ((c ^ b) - turned(b, 16)) & _MASK
    a = ((a ^ c) - turned(c, 4)) & _MASK
    b = ((b ^ a) - turned(a, 14)) & _MASK
    return ((c ^ b) - turned(b, 24)) & _MASK


def fletcher32_holds(content: bytes, stored: int) -> bool:
    """Whether `stored` is the Fletcher checksum of a chunk.

    Both halves are sums modulo 65535 of 16-bit numbers, the second one of the first one's values;
    HDF5 writes 0 as 65535 or as 0.

    Example:

        >>> fletcher32_holds(b"\\x00\\x01", 0x00010001)
        True
    """
    words = np.frombuffer(content + bytes(len(content) % 2), ">u2").astype(np.int64)
    turns = np.arange(len(words), 0, -1, dtype=np.int64) % 65535
    low, high = int(words.sum()) % 65535, int((words * turns % 65535).sum()) % 65535
    return stored % 65536 % 65535 == low and (stored >> 16) % 65535 == high
