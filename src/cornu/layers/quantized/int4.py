"""Weights in 4 bits, two integers per byte.

    per channel     w ~ q / s                  y = (x @ q) / s      as in 8 bits, -8 ... 7
    blocks          w ~ (q - zero) * s         y = x @ w            s and zero per block

The weight is read as a matrix, number by number, as Keras reads it. Where the rows of the matrix
are not what products sum over, as in the kernel "ecd" of "abc,ecd->abde", a scale belongs to no
channel, and products are computed in floats.

A block is a run of numbers along the axis that products sum over; `g_idx` holds the block of each.
Integers are unpacked when the layer is called: this saves memory, not time.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np

from cornu import ops
from cornu.layers.quantized.weight import Weight
from cornu.quantizers import (
    AbsMaxQuantizer,
    QuantizationConfig,
    abs_max_quantize_grouped_with_zero_point,
    pack_int4,
    unpack_int4,
)
from cornu.quantizers.products import Product, rounded_inputs, scaled_product
from cornu.types import InitializerLike, Shape, Tensor

_RANGE = (-8, 7)


def block_size(layer: Any, config: Any) -> int | None:
    """The number of integers that share a scale; None for per-channel scales."""
    size = getattr(config, "block_size", None)
    if config is None:
        size = getattr(layer._policy, "block_size", None)
    return None if size in (None, -1) else size


def build(layer: Any, weight: Weight, config: Any) -> None:
    """Make the variables: bytes, scales, and for blocks their zeros and `g_idx`."""
    packed = list(weight.matrix)
    packed[weight.packed] = -(-packed[weight.packed] // 2)
    size = block_size(layer, config)

    def make(name: str, shape: Shape, initializer: InitializerLike, **options: Any) -> None:
        made = layer.add_weight(
            name=name, shape=shape, initializer=initializer, trainable=False, **options
        )
        setattr(layer, weight.attribute if name == weight.name else name, made)

    make(weight.name, tuple(packed), "zeros", dtype="int8")
    length, channels = weight.matrix[weight.reduced], weight.matrix[1 - weight.reduced]
    if size is None:
        make(f"{weight.name}_scale", (channels,), "ones")
        return
    blocks = -(-length // size)
    shape = (blocks, channels) if weight.reduced == 0 else (channels, blocks)
    make(f"{weight.name}_scale", shape, "ones")
    make(f"{weight.name}_zero", shape, "zeros", dtype=weight.zero_dtype)
    if getattr(layer, "g_idx", None) is None:

        def block_of_each(shape: Any, dtype: Any = None) -> Tensor:
            return jnp.asarray(np.arange(shape[0]) // size, dtype)

        make("g_idx", (length,), block_of_each, dtype="float32", autocast=False)


def rounded(layer: Any, weight: Weight, values: Tensor, config: Any) -> dict[str, Any]:
    """The quantized form of a weight in floats, by the names of the variables."""
    matrix = values.reshape(weight.matrix)
    size = block_size(layer, config)
    if size is None:
        quantizer = QuantizationConfig.weight_quantizer_or_default(
            config, AbsMaxQuantizer(axis=weight.reduced, value_range=_RANGE)
        )
        integers, scale = quantizer(matrix, to_numpy=True)
        kept = {f"{weight.name}_scale": scale.reshape(-1)}
    else:
        upright = matrix if weight.reduced == 0 else matrix.T
        integers, scale, zero = abs_max_quantize_grouped_with_zero_point(
            upright, size, to_numpy=True
        )
        if weight.reduced == 1:
            integers, scale, zero = integers.T, scale.T, zero.T
        kept = {f"{weight.name}_scale": scale, f"{weight.name}_zero": zero}
    return {weight.name: pack_int4(integers, axis=weight.packed)[0], **kept}


def integers(layer: Any, weight: Weight) -> Tensor:
    """The weight in integers, unpacked."""
    return _matrix(layer, weight).reshape(weight.shape)


def _matrix(layer: Any, weight: Weight) -> Tensor:
    length = weight.matrix[weight.packed]
    return unpack_int4(weight.variable(layer).value, length, axis=weight.packed)


def floats(layer: Any, weight: Weight) -> Tensor:
    """The weight in floats, as products see it."""
    scale = weight.scale(layer).value
    matrix = _matrix(layer, weight).astype(scale.dtype)
    if weight.zero(layer) is None:
        return (matrix / jnp.expand_dims(scale, weight.reduced)).reshape(weight.shape)
    block = layer.g_idx.value.astype("int32")
    zero = weight.zero(layer).value.astype(scale.dtype)
    scale, zero = (jnp.take(x, block, axis=weight.reduced) for x in (scale, zero))
    return ((matrix - zero) * scale).reshape(weight.shape)


def multiply(layer: Any, weight: Weight, product: Product, x: Tensor) -> Tensor:
    """The product of the inputs and the weight, in the dtype of the inputs."""
    config = layer.quantization_config
    quantizer = QuantizationConfig.activation_quantizer_or_default(config, None)
    if weight.zero(layer) is not None or not weight.has_channels:
        if quantizer is not None:
            x = rounded_inputs(product, quantizer, x)
        return product.compute(x, floats(layer, weight).astype(x.dtype))
    scale = weight.scale_of_output(weight.scale(layer).value)
    return scaled_product(product, quantizer, x, integers(layer, weight), scale)


def lookup(layer: Any, weight: Weight, ids: Tensor, dtype: str) -> Tensor:
    """Rows of a table; only those that are looked up are unpacked."""
    packed = ops.take(weight.variable(layer).value, ids, axis=0)
    scale = ops.take(weight.scale(layer).value, ids, axis=0).astype(dtype)
    rows = unpack_int4(packed, weight.matrix[1], axis=packed.ndim - 1).astype(dtype)
    if weight.zero(layer) is None:
        return rows / scale[..., None]
    block = layer.g_idx.value.astype("int32")
    zero = ops.take(weight.zero(layer).value, ids, axis=0).astype(dtype)
    return (rows - jnp.take(zero, block, axis=-1)) * jnp.take(scale, block, axis=-1)
