"""Weights in 8 bits with per-channel scales; inputs in 8 bits too, or in floats.

w ~ q / s                     q in int8, s = 127 / max|w| along the axes that are summed over
x ~ p / r                     the same per sample of the inputs, while the layer is called
y = (p @ q) / (r * s)         or (x @ q) / s with activation_quantizer=None
"""

from typing import Any

import jax
import jax.numpy as jnp

from cornu import ops
from cornu.layers.quantized.weight import Weight
from cornu.quantizers import AbsMaxQuantizer, QuantizationConfig
from cornu.quantizers.products import Product, scaled_product
from cornu.types import Tensor


def build(layer: Any, weight: Weight, config: Any) -> None:
    """Make the variables: integers and their scale."""
    sizes = [1 if axis in weight.summed else n for axis, n in enumerate(weight.shape)]
    scale = jax.eval_shape(weight.stored_scale, jax.ShapeDtypeStruct(tuple(sizes), jnp.float32))
    integers = layer.add_weight(
        name=weight.name, shape=weight.shape, initializer="zeros", dtype="int8", trainable=False
    )
    setattr(layer, weight.attribute, integers)
    name = f"{weight.name}_scale"
    made = layer.add_weight(name=name, shape=scale.shape, initializer="ones", trainable=False)
    setattr(layer, name, made)


def rounded(layer: Any, weight: Weight, values: Any, config: Any) -> dict[str, Any]:
    """The quantized form of a weight in floats, by the names of the variables."""
    quantizer = QuantizationConfig.weight_quantizer_or_default(
        config, AbsMaxQuantizer(axis=weight.summed)
    )
    integers, scale = quantizer(values, to_numpy=True)
    return {weight.name: integers, f"{weight.name}_scale": weight.stored_scale(scale)}


def floats(layer: Any, weight: Weight) -> Tensor:
    """The weight in floats, as products see it."""
    scale = weight.scale(layer).value
    return weight.variable(layer).value.astype(scale.dtype) / weight.scale_of_weight(scale)


def quantizer_of_inputs(layer: Any, product: Product) -> Any:
    """The quantizer of the inputs of a layer; None if they stay in floats."""
    default = AbsMaxQuantizer(axis=product.summed)
    return QuantizationConfig.activation_quantizer_or_default(layer.quantization_config, default)


def multiply(layer: Any, weight: Weight, product: Product, x: Tensor) -> Tensor:
    """The product of the inputs and the weight, in the dtype of the inputs."""
    q, scale = weight.variable(layer).value, weight.scale(layer).value
    return scaled_product(product, quantizer_of_inputs(layer, product), x, q, scale)


def lookup(layer: Any, weight: Weight, ids: Tensor, dtype: str) -> Tensor:
    """Rows of a table."""
    rows = ops.take(weight.variable(layer).value, ids, axis=0)  # (*ids.shape, dim)
    scale = ops.take(weight.scale(layer).value, ids, axis=0)  # NaN outside the table
    return rows.astype(dtype) / scale[..., None].astype(dtype)
