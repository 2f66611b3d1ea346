"""Numbers in few bits: rounding to them, and back.

    abs_max_quantize                            q = round(x * s)                s = 127 / max|x|
    abs_max_quantize_grouped_with_zero_point    q = round(x / s) + zero         s = (max - min) / 15
    quantize_and_dequantize                     x ~ s * float8(x / s)           s from past maxima
    fake_quant_with_min_max_vars                x ~ one of 2**bits numbers between min and max

The first scale multiplies on the way in, so that it divides on the way back; the others are the
width of a step. `compute_float8_scale` and `compute_float8_amax_history` keep the scale of the
third from one step of training to the next.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from cornu.arguments import is_int
from cornu.core.dtypes import numpy_dtype, standardize_dtype
from cornu.core.graph.op import op
from cornu.core.graph.operands import tensor
from cornu.errors import value_error
from cornu.kernels.derivatives import Differentiable
from cornu.numeric import is_float, is_integer
from cornu.types import Axis, DType, Tensor


def abs_max_quantize(
    inputs: Tensor,
    axis: Axis,
    value_range: tuple[int, int] = (-127, 127),
    dtype: DType = "int8",
    epsilon: float = 1e-7,
    to_numpy: bool = False,
) -> tuple[Any, Any]:
    """Round numbers to integers, with the largest magnitude at the end of the range.

    Args:
        inputs: array of any shape.
        axis: axes that share a scale; all of them if None.
        value_range: smallest and largest integer.
        dtype: of the integers.
        epsilon: added to the largest magnitude, so that zeros have a scale too.
        to_numpy: compute on the host, which leaves the memory of the device alone.

    Returns:
        `(outputs, scale)` with `inputs ~ outputs / scale`; the scale has size 1 in the axes that
        share it, and the dtype of the inputs.

    Example:

        >>> q, scale = abs_max_quantize(np.array([[0.2, -1.0], [2.0, 4.0]]), axis=-1)
        >>> q.tolist(), scale.round(2).tolist()
        ([[25, -127], [64, 127]], [[127.0], [31.75]])
    """
    check_range(value_range, dtype)
    if to_numpy:
        x = _on_host(inputs)
        scale = np.divide(value_range[1], np.max(np.abs(x), axis, keepdims=True) + epsilon)
        q = np.clip(np.round(x * scale.astype(x.dtype)), *value_range)
        given = standardize_dtype(getattr(inputs, "dtype", x.dtype))
        kept = numpy_dtype(given if is_float(given) else x.dtype.name)
        return tensor(q.astype(numpy_dtype(standardize_dtype(dtype)))), tensor(scale.astype(kept))
    x = _floats(inputs)
    scale = jnp.divide(value_range[1], jnp.max(jnp.abs(x), axis, keepdims=True) + epsilon)
    scale = scale.astype(x.dtype)
    q = jnp.clip(jnp.round(x * scale), *value_range)
    return q.astype(standardize_dtype(dtype)), scale


def abs_max_quantize_grouped_with_zero_point(
    inputs: Tensor,
    block_size: int,
    value_range: tuple[int, int] = (-8, 7),
    dtype: DType = "int8",
    epsilon: float = 1e-7,
    to_numpy: bool = False,
) -> tuple[Any, Any, Any]:
    """Round a matrix to integers, with a scale and a zero for each block of rows.

    The smallest and the largest number of a block lie at the ends of the range. The zero is one of
    the integers, so a block of numbers that are all far from zero on one side is cut off.

    Args:
        inputs: `(rows, columns)`.
        block_size: how many rows share a scale in each column; a shorter last block is filled up
            with zeros, which count for its range.
        value_range: smallest and largest integer.
        dtype: of the integers.
        epsilon: added to the width of each range.
        to_numpy: compute on the host, which leaves the memory of the device alone.

    Returns:
        `(outputs, scale, zero)` with `inputs ~ (outputs - zero) * scale`; scale and zero have the
        shape `(blocks, columns)`.

    Raises:
        ValueError: the inputs are no matrix, or the block size is not positive.

    Example:

        >>> x = np.array([[-1.0], [2.0], [0.0], [0.5]])
        >>> q, scale, zero = abs_max_quantize_grouped_with_zero_point(x, block_size=2)
        >>> q[:, 0].tolist(), zero[:, 0].tolist()
        ([-8, 7, -8, 7], [-3, -8])
    """
    lib: Any = np if to_numpy else jnp
    x = np.asarray(inputs) if to_numpy else tensor(inputs)
    if not is_float(x.dtype):
        x = x.astype("float32")
    if x.ndim != 2 or not is_int(block_size) or block_size < 1:
        raise value_error(
            "Blocks of rows are made of a matrix.",
            shapes=f"inputs {tuple(x.shape)}",
            block_size=block_size,
            fix="block_size=128",
        )
    number = x.dtype.type  # numpy must stay in the dtype of the inputs too, if it is bfloat16
    rows, columns = x.shape
    short = -rows % block_size
    low, high = map(number, value_range)
    if short:
        x = lib.concatenate([x, lib.zeros((short, columns), x.dtype)])
    blocks = x.reshape(-1, block_size, columns)
    least = lib.min(blocks, axis=1, keepdims=True)
    most = lib.max(blocks, axis=1, keepdims=True)
    flat, one = most == least, number(1)
    least, most = lib.where(flat, least - one, least), lib.where(flat, most + one, most)
    scale = (most - least + number(epsilon)) / (high - low)  # (blocks, 1, columns)
    zero = lib.clip(lib.round(-least / scale) + low, low, high)
    q = lib.clip(lib.round(blocks / scale) + zero, low, high).reshape(-1, columns)[:rows]
    integers = numpy_dtype(standardize_dtype(dtype))
    return tensor(q.astype(integers)), tensor(scale[:, 0]), tensor(zero[:, 0].astype("int8"))


def check_range(value_range: Sequence[int], dtype: DType) -> None:
    """Refuse a range with integers that the dtype does not have: they would wrap around.

    Raises:
        ValueError: the range reaches beyond the integers of the dtype.
    """
    integers = numpy_dtype(standardize_dtype(dtype))
    if not is_integer(integers):
        return
    limits = jnp.iinfo(integers)
    if value_range[0] < limits.min or value_range[1] > limits.max:
        raise value_error(
            f"value_range must lie within the integers of {integers.name}.",
            received=tuple(value_range),
            allowed=(int(limits.min), int(limits.max)),
        )


def _on_host(inputs: Tensor) -> np.ndarray:
    """A numpy array of float32 or float64."""
    x = np.asarray(inputs)
    return x if x.dtype in (np.float32, np.float64) else x.astype(np.float32)


def _floats(inputs: Tensor) -> Any:
    """An array of floats; integers become floats."""
    x = tensor(inputs)
    return x if is_float(x.dtype) else x.astype(jnp.float32)


# ---- 8-bit floats -----------------------------------------------------------------------------


def quantize_and_dequantize(
    inputs: Tensor, scale: Tensor, quantized_dtype: DType, compute_dtype: DType
) -> Any:
    """Numbers as an 8-bit float dtype would hold them, in the dtype of the computation.

    Args:
        inputs: array of any shape.
        scale: they are divided by it before they are rounded, and multiplied by it after.
        quantized_dtype: `"float8_e4m3fn"` or `"float8_e5m2"`; what it cannot hold becomes its
            largest number.
        compute_dtype: dtype of the result.

    Example:

        >>> quantize_and_dequantize(np.array([1.3, 1000.0]), 1.0, "float8_e4m3fn", "float32")
        Array([  1.25, 448.  ], dtype=float32)
    """
    narrow = jnp.dtype(standardize_dtype(quantized_dtype))
    wide = jnp.dtype(standardize_dtype(compute_dtype))
    scale = tensor(scale).astype(wide)
    x = tensor(inputs) / scale
    largest = jnp.finfo(narrow).max.astype(x.dtype)
    x = jnp.clip(x, -largest, largest)
    return x.astype(narrow).astype(wide) * scale


def compute_float8_scale(amax: Tensor, scale: Tensor, dtype_max: float, margin: int = 0) -> Any:
    """The scale with which the largest number becomes the largest that a dtype holds.

    Args:
        amax: the largest magnitude; while it is zero or infinite, the scale stays.
        scale: the scale so far.
        dtype_max: the largest number of the dtype.
        margin: powers of two to stay below it.

    Example:

        >>> float(compute_float8_scale(np.float32(896.0), np.float32(1.0), 448.0))
        2.0
    """
    amax, scale = tensor(amax), tensor(scale)
    usable = (amax > 0) & jnp.isfinite(amax)
    factor = dtype_max / jnp.where(usable, amax, 1) / 2**margin
    return jnp.where(usable, 1 / factor, scale)


def compute_float8_amax_history(x: Tensor, amax_history: Tensor) -> Any:
    """The last maxima with the one of `x` in front; the oldest falls out.

    Args:
        x: array of any shape.
        amax_history: `(length,)`, the newest first, then from old to new.

    Example:

        >>> compute_float8_amax_history(np.array([-7.0, 2.0]), np.array([1.0, 2.0, 3.0])).tolist()
        [7.0, 3.0, 1.0]
    """
    history = tensor(amax_history)
    newest = jnp.max(jnp.abs(tensor(x))).astype(history.dtype)
    return jnp.roll(history, -1, axis=0).at[0].set(newest)


# ---- rounding that can be learned -------------------------------------------------------------


@op(tensors=3)
def fake_quant_with_min_max_vars(
    inputs: Tensor,
    min_vals: Tensor,
    max_vals: Tensor,
    num_bits: int = 8,
    narrow_range: bool = False,
    axis: int | None = None,
) -> Any:
    """Round to one of `2**num_bits` numbers between a minimum and a maximum.

    The range is moved so that zero is among the numbers. The gradient passes where the inputs are
    inside the range; outside it goes to the minimum or the maximum.

    Args:
        inputs: array of any shape.
        min_vals: the minimum, a scalar, or one for each place along the last axis.
        max_vals: the maximum, of the same shape.
        num_bits: how many bits a number has.
        narrow_range: leave out the lowest number.
        axis: the axis that has a minimum for each place; None for one minimum.

    Example:

        >>> fake_quant_with_min_max_vars(np.array([-3.0, 0.1, 0.4]), 0.0, 1.0, num_bits=2)
        Array([0.        , 0.        , 0.33333334], dtype=float32)
    """
    x, low, high = tensor(inputs), tensor(min_vals), tensor(max_vals)
    if axis is not None and low.ndim == 1:
        places = [1] * x.ndim
        places[axis] = -1
        low, high = low.reshape(places), high.reshape(places)
    first, last = int(narrow_range), 2**num_bits - 1
    return _fake_quant(float(first), float(last))(x, low, high)


def _fake_quant(first: float, last: float) -> Any:
    @Differentiable
    def rounded(x: Tensor, low: Tensor, high: Tensor) -> Any:
        return forward(x, low, high)[0]

    def forward(x: Tensor, low: Tensor, high: Tensor) -> Any:
        step = (high - low) / (last - first)
        per_step = (last - first) / (high - low)
        zero = jnp.clip(jnp.round(first - low / step), first, last)
        lowest, highest = (first - zero) * step, (last - zero) * step
        place = jnp.floor((jnp.clip(x, lowest, highest) - lowest) * per_step + 0.5)
        y = (place - jnp.floor(-lowest * per_step + 0.5)) * step
        return y.astype(x.dtype), (x, lowest, highest, low, high)

    def backward(kept: Tensor, g: Tensor) -> Any:
        x, lowest, highest, low, high = kept
        below, above = x < lowest, x > highest

        def total(values: Tensor, like: Tensor) -> Any:
            axes = [i for i in range(x.ndim) if like.ndim != x.ndim or like.shape[i] == 1]
            return jnp.sum(values, tuple(axes)).reshape(like.shape).astype(like.dtype)

        return (
            jnp.where(below | above, 0, g),
            total(jnp.where(below, g, 0), low),
            total(jnp.where(above, g, 0), high),
        )

    rounded.defvjp(forward, backward)
    return rounded
