"""Hashes of strings, for many strings at once: FarmHash64 and SipHash-2-4.

    farmhash64(texts)             fast; what Keras uses without a salt
    siphash64(texts, key)         keyed: nobody can choose texts that collide, without the key
    combined(hash, other)         one hash of two, in order

All strings of a length class go through the same few operations on arrays of uint64, which wrap
around. FarmHash: G. Pike, https://github.com/google/farmhash, the fingerprint `farmhashna::Hash64`,
fixed for all time. SipHash: Aumasson & Bernstein 2012, "SipHash: a fast short-input PRF".
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

Words = np.ndarray  # uint64, one per string
Word = np.ndarray | np.uint64

K0, K1, K2 = (np.uint64(k) for k in (0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F))
CAT = np.uint64(0xC6A4A7935BD1E995)
CROSSING_KEY = np.uint64(0xDECAFCAFFE)  # what the hash of a combination begins with
_SIP = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
_PADDING = b"\0" * 8


class Texts:
    """The bytes of many strings one after another, read in words of 8, 4 or 1 bytes.

    Args:
        texts: strings, of which UTF-8 is taken, or bytes.

    Attributes:
        lengths: number of bytes of each string, int64 of shape `(strings,)`.
        starts: where each begins.
    """

    def __init__(self, texts: Iterable[str | bytes]):
        parts = [t if isinstance(t, bytes) else str(t).encode() for t in texts]
        self.lengths = np.fromiter(map(len, parts), "int64", len(parts))
        self.starts = np.cumsum(self.lengths) - self.lengths
        self._bytes = b"".join((*parts, _PADDING))

    def words(self, places: np.ndarray, size: int = 8) -> Words:
        """The little-endian words of `size` bytes that begin at the places, as uint64."""
        everywhere: np.ndarray = np.ndarray(
            (len(self._bytes) - size + 1,), f"<u{size}", self._bytes, strides=(1,)
        )
        return everywhere[places].astype("uint64")


def farmhash64(texts: Iterable[str | bytes]) -> Words:
    """FarmHash64 of each string.

    Args:
        texts: strings, of which UTF-8 is taken, or bytes.

    Returns:
        uint64 of shape `(strings,)`.

    Example:

        >>> [int(h) % 3 for h in farmhash64(["x", "hello", ""])]
        [2, 1, 2]
    """
    given = Texts(texts)
    hashes = np.full(len(given.lengths), K2)  # of empty strings
    for least, most, hash_of in _CLASSES:
        which = np.flatnonzero((given.lengths >= least) & (given.lengths <= most))
        if len(which):
            hashes[which] = hash_of(given, given.starts[which], given.lengths[which])
    return hashes


def _rotated(x: Words, by: int) -> Words:
    return (x >> np.uint64(by)) | (x << np.uint64(64 - by))


def _mixed(x: Words) -> Words:
    return x ^ (x >> np.uint64(47))


def _joined(u: Words, v: Words, factor: Words) -> Words:
    a = _mixed((u ^ v) * factor)
    return _mixed((v ^ a) * factor) * factor


def _factor(lengths: np.ndarray) -> Words:
    return K2 + lengths.astype("uint64") * np.uint64(2)


def _up_to_3(texts: Texts, start: np.ndarray, lengths: np.ndarray) -> Words:
    a, b, c = (texts.words(start + at, 1) for at in (0, lengths >> 1, lengths - 1))
    y = a + (b << np.uint64(8))
    z = lengths.astype("uint64") + (c << np.uint64(2))
    return _mixed(y * K2 ^ z * K0) * K2


def _up_to_7(texts: Texts, start: np.ndarray, lengths: np.ndarray) -> Words:
    a, b = texts.words(start, 4), texts.words(start + lengths - 4, 4)
    return _joined(lengths.astype("uint64") + (a << np.uint64(3)), b, _factor(lengths))


def _up_to_16(texts: Texts, start: np.ndarray, lengths: np.ndarray) -> Words:
    factor = _factor(lengths)
    a, b = texts.words(start) + K2, texts.words(start + lengths - 8)
    c = _rotated(b, 37) * factor + a
    d = (_rotated(a, 25) + b) * factor
    return _joined(c, d, factor)


def _up_to_32(texts: Texts, start: np.ndarray, lengths: np.ndarray) -> Words:
    factor, end = _factor(lengths), start + lengths
    a, b = texts.words(start) * K1, texts.words(start + 8)
    c, d = texts.words(end - 8) * factor, texts.words(end - 16) * K2
    first = _rotated(a + b, 43) + _rotated(c, 30) + d
    return _joined(first, a + _rotated(b + K2, 18) + c, factor)


def _up_to_64(texts: Texts, start: np.ndarray, lengths: np.ndarray) -> Words:
    factor, end = _factor(lengths), start + lengths
    a, b = texts.words(start) * K2, texts.words(start + 8)
    c, d = texts.words(end - 8) * factor, texts.words(end - 16) * K2
    y = _rotated(a + b, 43) + _rotated(c, 30) + d
    z = _joined(y, a + _rotated(b + K2, 18) + c, factor)
    e, f = texts.words(start + 16) * factor, texts.words(start + 24)
    g = (y + texts.words(end - 32)) * factor
    h = (z + texts.words(end - 24)) * factor
    first = _rotated(e + f, 43) + _rotated(g, 30) + h
    return _joined(first, e + _rotated(f + a, 18) + g, factor)


class _Rolling:
    """The 56 bytes of state that blocks of 64 bytes are rolled into."""

    def __init__(self, first: Words):
        seed = np.full(len(first), 81, "uint64")
        self.x = seed * K2 + first
        self.y = seed * K1 + np.uint64(113)
        self.z = _mixed(self.y * K2 + np.uint64(113)) * K2
        self.v0, self.v1, self.w0, self.w1 = (np.zeros_like(first) for _ in range(4))

    def roll(
        self, texts: Texts, at: np.ndarray, factor: Word, nines: Word, rows: np.ndarray | slice
    ) -> None:
        """Take in the blocks that begin at the places, for some of the rows."""
        x, y, z = self.x[rows], self.y[rows], self.z[rows]
        v0, v1, w0, w1 = self.v0[rows], self.v1[rows], self.w0[rows], self.w1[rows]
        x = _rotated(x + y + v0 + texts.words(at + 8), 37) * factor
        y = _rotated(y + v1 + texts.words(at + 48), 42) * factor
        x = x ^ (w1 * nines)
        y = y + v0 * nines + texts.words(at + 40)
        z = _rotated(z + w0, 33) * factor
        v0, v1 = _weak(texts, at, v1 * factor, x + w0)
        w0, w1 = _weak(texts, at + 32, z + w1, y + texts.words(at + 16))
        self.x[rows], self.y[rows], self.z[rows] = z, y, x
        self.v0[rows], self.v1[rows], self.w0[rows], self.w1[rows] = v0, v1, w0, w1


def _weak(texts: Texts, at: np.ndarray, a: Words, b: Words) -> tuple[Words, Words]:
    w, x, y, z = (texts.words(at + 8 * i) for i in range(4))
    a = a + w
    b = _rotated(b + a + z, 21)
    whole = a + x + y
    return whole + z, b + _rotated(whole, 44) + a


def _longer(texts: Texts, start: np.ndarray, lengths: np.ndarray) -> Words:
    state = _Rolling(texts.words(start))
    one = np.uint64(1)
    blocks = (lengths - 1) // 64
    for number in range(int(blocks.max())):
        rows = np.flatnonzero(blocks > number)
        state.roll(texts, start[rows] + 64 * number, K1, one, rows)
    factor = K1 + ((state.z & np.uint64(0xFF)) << one)
    state.w0 += ((lengths - 1) & 63).astype("uint64")
    state.v0 += state.w0
    state.w0 += state.v0
    state.roll(texts, start + lengths - 64, factor, np.uint64(9), slice(None))
    first = _joined(state.v0, state.w0, factor) + _mixed(state.y) * K0 + state.z
    return _joined(first, _joined(state.v1, state.w1, factor) + state.x, factor)


_CLASSES: list[tuple[int, float, Callable[[Texts, np.ndarray, np.ndarray], Words]]] = [
    (1, 3, _up_to_3),
    (4, 7, _up_to_7),
    (8, 16, _up_to_16),
    (17, 32, _up_to_32),
    (33, 64, _up_to_64),
    (65, np.inf, _longer),
]


def siphash64(texts: Iterable[str | bytes], key: Sequence[int]) -> Words:
    """SipHash-2-4 of each string.

    Args:
        texts: strings, of which UTF-8 is taken, or bytes.
        key: two integers of 64 bits.

    Returns:
        uint64 of shape `(strings,)`.

    Example:

        >>> [int(h) % 3 for h in siphash64(["x", "hello", ""], (7, 7))]
        [0, 2, 1]
    """
    given = Texts(texts)
    halves = [key[i % 2] % 2**64 for i in range(4)]
    state = [
        np.full(len(given.lengths), k ^ c, "uint64") for k, c in zip(halves, _SIP, strict=True)
    ]
    blocks = given.lengths // 8
    for number in range(int(blocks.max(initial=0))):
        rows = np.flatnonzero(blocks > number)
        some = [v[rows] for v in state]
        _take_in(some, given.words(given.starts[rows] + 8 * number))
        for v, new in zip(state, some, strict=True):
            v[rows] = new
    rest = (given.lengths % 8).astype("uint64")
    last = given.words(given.starts + 8 * blocks)
    last &= (np.uint64(1) << (rest * np.uint64(8))) - np.uint64(1)
    _take_in(state, last | (given.lengths.astype("uint64") << np.uint64(56)))
    state[2] ^= np.uint64(0xFF)
    _scramble(state, 4)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _take_in(state: list[Words], word: Words) -> None:
    state[3] ^= word
    _scramble(state, 2)
    state[0] ^= word


def _scramble(state: list[Words], rounds: int) -> None:
    a, b, c, d = state
    for _ in range(rounds):
        a, c = a + b, c + d
        b, d = _left(b, 13) ^ a, _left(d, 16) ^ c
        a = _left(a, 32)
        a, c = a + d, c + b
        b, d = _left(b, 17) ^ c, _left(d, 21) ^ a
        c = _left(c, 32)
    state[:] = a, b, c, d


def _left(x: Words, by: int) -> Words:
    return _rotated(x, 64 - by)


def combined(hashes: Words, others: Words) -> Words:
    """One hash of two, in order; what crosses of features are numbered by.

    Example:

        >>> one, two = np.uint64([1]), np.uint64([2])
        >>> bool(combined(one, two) == combined(two, one))
        False
    """
    result = hashes ^ CAT
    result = (result ^ (_mixed(others * CAT) * CAT)) * CAT
    return _mixed(_mixed(result) * CAT)
