"""Quantization functions: to integers or 8-bit floats, and back.

    abs_max_quantize                            q = round(x * s)                s = 127 / max|x|
    abs_max_quantize_grouped_with_zero_point    q = round(x / s) + zero         s = (max - min) / 15
    quantize_and_dequantize                     x ~ s * float8(x / s)           s from past maxima
    fake_quant_with_min_max_vars                x ~ one of 2**bits levels between min and max

The first scale multiplies when quantizing and divides when dequantizing; the others are the width
of a quantization step. `compute_float8_scale` and `compute_float8_amax_history` update the scale of
the third during training.
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
) -> tuple[Tensor, Tensor]:
    """Symmetric quantization to integers, with the maximum magnitude at the end of the range.

    Args:
        inputs: array of any shape.
        axis: axes that share a scale; all axes if None.
        value_range: smallest and largest integer.
        dtype: dtype of the integers.
        epsilon: constant added to the maximum magnitude, so that the scale is finite for zeros.
        to_numpy: whether to compute on the host, which needs no device memory.

    Returns:
        `(outputs, scale)` with `inputs ~ outputs / scale`; the scale has the dtype of the inputs,
        and size 1 on the axes that share it.

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
) -> tuple[Tensor, Tensor, Tensor]:
    """Asymmetric quantization of a matrix, with a scale and a zero point per block of rows.

    The minimum and maximum of a block are mapped to the ends of the range. The zero point is one of
    the integers, so values of a block that are all far from zero on one side are clipped.

    Args:
        inputs: matrix, `(rows, columns)`.
        block_size: number of rows per block; a shorter last block is padded with zeros, which count
            for its minimum and maximum.
        value_range: smallest and largest integer.
        dtype: dtype of the integers.
        epsilon: constant added to `max - min` for numerical stability.
        to_numpy: whether to compute on the host, which needs no device memory.

    Returns:
        `(outputs, scale, zero)` with `inputs ~ (outputs - zero) * scale`; scale and zero point have
        the shape `(blocks, columns)`.

    Raises:
        ValueError: the inputs are not a matrix, or the block size is not positive.

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
            "Quantization in blocks needs a matrix and a positive integer block_size.",
            shapes=f"inputs {tuple(x.shape)}",
            block_size=block_size,
            fix="block_size=128\nor a matrix: x = x.reshape(-1, columns)",
        )
    number = x.dtype.type  # keeps numpy in the dtype of the inputs, also in bfloat16
    rows, columns = x.shape
    short = -rows % block_size
    low, high = map(number, value_range)
    if short:
        x = lib.concatenate([x, lib.zeros((short, columns), x.dtype)])
    blocks = x.reshape(-1, block_size, columns)  # (blocks, block_size, columns)
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
    """Check that the integers of a range do not overflow the dtype.

    Raises:
        ValueError: the range exceeds that of the dtype.
    """
    integers = numpy_dtype(standardize_dtype(dtype))
    if not is_integer(integers):
        return
    limits = jnp.iinfo(integers)
    if value_range[0] < limits.min or value_range[1] > limits.max:
        raise value_error(
            f"value_range must be within the range of {integers.name}.",
            received=tuple(value_range),
            allowed=(int(limits.min), int(limits.max)),
        )


def _on_host(inputs: Tensor) -> np.ndarray:
    """A numpy array in float32 or float64."""
    x = np.asarray(inputs)
    return x if x.dtype in (np.float32, np.float64) else x.astype(np.float32)


def _floats(inputs: Tensor) -> Tensor:
    """A floating-point array; integers become float32."""
    x = tensor(inputs)
    return x if is_float(x.dtype) else x.astype(jnp.float32)


# ---- 8-bit floats -----------------------------------------------------------------------------


def quantize_and_dequantize(
    inputs: Tensor, scale: Tensor, quantized_dtype: DType, compute_dtype: DType
) -> Tensor:
    """Round to an 8-bit float dtype; the result has the dtype of the computation.

    Args:
        inputs: array of any shape.
        scale: scale by which inputs are divided before rounding and multiplied after.
        quantized_dtype: `"float8_e4m3fn"` or `"float8_e5m2"`; values beyond its range are clipped.
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


def compute_float8_scale(amax: Tensor, scale: Tensor, dtype_max: float, margin: int = 0) -> Tensor:
    """The scale that maps the maximum magnitude to the maximum of an 8-bit float dtype.

    Args:
        amax: maximum magnitude; if it is zero or infinite, the scale is kept.
        scale: current scale.
        dtype_max: maximum of the dtype.
        margin: exponent of the power of two to stay below that maximum.

    Example:

        >>> float(compute_float8_scale(np.float32(896.0), np.float32(1.0), 448.0))
        2.0
    """
    amax, scale = tensor(amax), tensor(scale)
    usable = (amax > 0) & jnp.isfinite(amax)
    factor = dtype_max / jnp.where(usable, amax, 1) / 2**margin
    return jnp.where(usable, 1 / factor, scale)


def compute_float8_amax_history(x: Tensor, amax_history: Tensor) -> Tensor:
    """The history of maximum magnitudes, with that of `x` in the place of the oldest.

    Args:
        x: array of any shape.
        amax_history: history, `(length,)`: the newest first, the others from oldest to newest.

    Example:

        >>> compute_float8_amax_history(np.array([-7.0, 2.0]), np.array([1.0, 2.0, 3.0])).tolist()
        [7.0, 3.0, 1.0]
    """
    history = tensor(amax_history)
    newest = jnp.max(jnp.abs(tensor(x))).astype(history.dtype)
    return jnp.roll(history, -1, axis=0).at[0].set(newest)


# ---- quantization-aware training --------------------------------------------------------------


@op(tensors=3)
def fake_quant_with_min_max_vars(
    inputs: Tensor,
    min_vals: Tensor,
    max_vals: Tensor,
    num_bits: int = 8,
    narrow_range: bool = False,
    axis: int | None = None,
) -> Tensor:
    """Fake quantization: round to one of `2**num_bits` levels between a minimum and a maximum.

    The range is shifted so that zero is a level. The gradient is passed through for inputs inside
    the range (straight-through estimator), and to the minimum or maximum for inputs outside.

    Args:
        inputs: array of any shape.
        min_vals: minimum, a scalar or one per channel.
        max_vals: maximum, same shape.
        num_bits: number of bits.
        narrow_range: whether to leave out the lowest level.
        axis: axis of the channels; None for one minimum and maximum.

    Example:

        >>> fake_quant_with_min_max_vars(np.array([-3.0, 0.1, 0.4]), 0.0, 1.0, num_bits=2)
        Array([0.        , 0.        , 0.33333334], dtype=float32)
    """
    x, low, high = tensor(inputs), tensor(min_vals), tensor(max_vals)
    if axis is not None and low.ndim == 1:
        shape = [1] * x.ndim
        shape[axis] = -1
        low, high = low.reshape(shape), high.reshape(shape)
    first, last = int(narrow_range), 2**num_bits - 1
    return _fake_quant(float(first), float(last))(x, low, high)


def _fake_quant(first: float, last: float) -> Any:
    @Differentiable
    def rounded(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
        return forward(x, low, high)[0]

    def forward(x: Tensor, low: Tensor, high: Tensor) -> Any:
        step = (high - low) / (last - first)
        per_step = (last - first) / (high - low)
        zero = jnp.clip(jnp.round(first - low / step), first, last)
        lowest, highest = (first - zero) * step, (last - zero) * step
        level = jnp.floor((jnp.clip(x, lowest, highest) - lowest) * per_step + 0.5)
        y = (level - jnp.floor(-lowest * per_step + 0.5)) * step
        return y.astype(x.dtype), (x, lowest, highest, low, high)

    def backward(kept: Tensor, g: Tensor) -> Any:
        x, lowest, highest, low, high = kept
        below, above = x < lowest, x > highest

        def total(values: Tensor, like: Tensor) -> Tensor:
            axes = [i for i in range(x.ndim) if like.ndim != x.ndim or like.shape[i] == 1]
            return jnp.sum(values, tuple(axes)).reshape(like.shape).astype(like.dtype)

        return (
            jnp.where(below | above, 0, g),
            total(jnp.where(below, g, 0), low),
            total(jnp.where(above, g, 0), high),
        )

    rounded.defvjp(forward, backward)
    return rounded
