"""Hashes of combinations of integers in compiled code, which has no words of 64 bits.

A word is a pair (high, low) of 32 bits each, products are put together from halves of 16 bits:

    a * b mod 2**64 = low(a) * low(b) + 2**32 * (high(a) * low(b) + low(a) * high(b))

The results are those of `hashes.combined`, from which the host computes them.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from cornu.layers.preprocessing.hashes import CAT, CROSSING_KEY

Word = tuple[jax.Array, jax.Array]


def crossed(inputs: Sequence[jax.Array], num_bins: int) -> jax.Array:
    """The bin of each combination of integers, int32 of the shape of the inputs.

    Args:
        inputs: arrays of integers of the same shape.
        num_bins: number of bins, less than 2**31.

    Example:

        >>> crossed([jnp.array([3, 3]), jnp.array([1, 2])], 100).tolist()
        [68, 11]
    """
    shape = inputs[0].shape
    result = _word(int(CROSSING_KEY), shape)
    factor = _word(int(CAT), shape)
    for values in inputs:
        other = _times(_mixed(_times(_of(values), factor)), factor)
        result = _times(_xor(_xor(result, factor), other), factor)
        result = _mixed(_times(_mixed(result), factor))
    return _modulo(result, num_bins).astype("int32")


def _word(value: int, shape: tuple[int, ...]) -> Word:
    high, low = divmod(value, 2**32)
    return jnp.full(shape, high, "uint32"), jnp.full(shape, low, "uint32")


def _of(values: jax.Array) -> Word:
    if values.dtype.itemsize == 8:
        return (values >> 32).astype("uint32"), values.astype("uint32")
    negative = values < 0 if jnp.issubdtype(values.dtype, jnp.signedinteger) else False
    high = jnp.where(negative, jnp.uint32(2**32 - 1), jnp.uint32(0))
    return jnp.broadcast_to(high, values.shape), values.astype("uint32")


def _xor(a: Word, b: Word) -> Word:
    return a[0] ^ b[0], a[1] ^ b[1]


def _mixed(a: Word) -> Word:
    """`a ^ (a >> 47)`."""
    return a[0], a[1] ^ (a[0] >> 15)


def _times(a: Word, b: Word) -> Word:
    half = jnp.uint32(0xFFFF)
    (a1, a0), (b1, b0) = ((low >> 16, low & half) for _, low in (a, b))
    lower, cross, other, upper = a0 * b0, a1 * b0, a0 * b1, a1 * b1
    middle = (lower >> 16) + (cross & half) + (other & half)
    high = upper + (cross >> 16) + (other >> 16) + (middle >> 16)
    return high + a[0] * b[1] + a[1] * b[0], (middle << 16) | (lower & half)


def _modulo(a: Word, divisor: int) -> jax.Array:
    """The remainder, by long division in digits that leave room for it in 32 bits."""
    high, low = a
    divisor_word, digit = jnp.uint32(divisor), max(32 - divisor.bit_length(), 1)
    rest = high % divisor_word
    for end in range(32 - digit, -digit, -digit):
        size = digit if end >= 0 else digit + end
        part = (low >> max(end, 0)) & jnp.uint32(2**size - 1)
        rest = ((rest << size) | part) % divisor_word
    return rest
