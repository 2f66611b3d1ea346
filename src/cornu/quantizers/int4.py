"""Packing of two 4-bit integers per byte.

    [1, -8, 7]  along the axis  ->  pairs (1, -8) (7, 0)  ->  bytes 0x81 0x07

The first of a pair is in the low half of the byte. An axis of odd length is padded with a zero, so
unpacking needs the original length.
"""

import jax.numpy as jnp

from cornu.core.graph.operands import tensor
from cornu.errors import type_error, value_error
from cornu.types import DType, Tensor


def pack_int4(
    arr: Tensor, axis: int = 0, dtype: DType = "int8"
) -> tuple[Tensor, tuple[int, ...], int]:
    """Pack pairs of 4-bit integers along an axis into one byte each.

    Args:
        arr: integers from -8 to 7 (in int8) or from 0 to 15 (in uint8).
        axis: axis whose neighbours are paired.
        dtype: dtype of `arr` and of the bytes, `"int8"` or `"uint8"`.

    Returns:
        `(packed, shape, length)`: the bytes, their shape, and the original length of the axis.

    Raises:
        ValueError: `dtype` is neither int8 nor uint8.
        TypeError: the array has another dtype.

    Example:

        >>> packed, shape, length = pack_int4(jnp.array([1, -8, 7], "int8"))
        >>> packed.tolist(), shape, length
        ([-127, 7], (2,), 3)
    """
    if dtype not in ("int8", "uint8"):
        raise value_error(f"dtype must be 'int8' or 'uint8', got {dtype!r}.")
    x = tensor(arr)
    if x.dtype.name != dtype:
        raise type_error(
            f"arr must have dtype {dtype}, got {x.dtype.name}.",
            fix=f"arr = keras.ops.cast(arr, {dtype!r})",
        )
    length = x.shape[axis]
    x = jnp.moveaxis(x, axis, 0)
    if length % 2:
        x = jnp.concatenate([x, jnp.zeros_like(x[:1])])
    x = x.view(jnp.uint8) if dtype == "int8" else x
    packed = (x[::2] & 0x0F) | (x[1::2] << 4)
    packed = packed.view(jnp.int8) if dtype == "int8" else packed
    packed = jnp.moveaxis(packed, 0, axis)
    return packed, tuple(packed.shape), length


def unpack_int4(packed: Tensor, orig_len: int, axis: int = 0, dtype: DType = "int8") -> Tensor:
    """Unpack the 4-bit integers that `pack_int4` packed.

    Args:
        packed: bytes, in int8 or uint8.
        orig_len: length of the axis before packing.
        axis: axis along which the integers were paired.
        dtype: dtype of the result: `"int8"` for -8 to 7, `"uint8"` for 0 to 15.

    Raises:
        ValueError: `dtype` is neither int8 nor uint8.
        TypeError: the bytes have another dtype.

    Example:

        >>> unpack_int4(jnp.array([-127, 7], "int8"), orig_len=3).tolist()
        [1, -8, 7]
    """
    x = tensor(packed)
    if dtype not in ("int8", "uint8"):
        raise value_error(f"dtype must be 'int8' or 'uint8', got {dtype!r}.")
    if x.dtype.name not in ("int8", "uint8"):
        raise type_error(f"packed must have dtype int8 or uint8, got {x.dtype.name}.")
    x = jnp.moveaxis(x, axis, 0).view(dtype)
    # The shift back to the right extends the sign of int8, and fills uint8 with zeros.
    pairs = jnp.stack([(x << 4) >> 4, x >> 4], axis=1)
    flat = pairs.reshape(-1, *x.shape[1:])[:orig_len]
    return jnp.moveaxis(flat, 0, axis)
