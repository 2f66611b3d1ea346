"""Weights in 8 bits, a scale a channel; inputs in 8 bits too, or in floats.

    w ~ q / s                     q in int8, s = 127 / max|w| along the axes that are summed over
    x ~ p / r                     the same of each sample of the inputs, while the layer is called
    y = (p @ q) / (r * s)         sums of integers, exact in int32
    y = (x @ q) / s               with activation_quantizer=None

The gradient takes no notice of the rounding of the inputs: `dx = g @ (q / s)`.
"""

from typing import Any

import jax
import jax.numpy as jnp

from cornu.kernels import gather
from cornu.kernels.derivatives import Differentiable
from cornu.layers.quantized.weight import Product, Weight
from cornu.quantizers import AbsMaxQuantizer, QuantizationConfig


def build(layer: Any, weight: Weight, config: Any) -> None:
    """Make the variables: integers and their scale."""
    scale = jax.eval_shape(weight.place, _scale_struct(weight))
    integers = layer.add_weight(
        name=weight.name, shape=weight.shape, initializer="zeros", dtype="int8", trainable=False
    )
    setattr(layer, weight.attribute, integers)
    name = f"{weight.name}_scale"
    made = layer.add_weight(name=name, shape=scale.shape, initializer="ones", trainable=False)
    setattr(layer, name, made)


def _scale_struct(weight: Weight) -> Any:
    sizes = [1 if axis in weight.summed else n for axis, n in enumerate(weight.shape)]
    return jax.ShapeDtypeStruct(tuple(sizes), jnp.float32)


def rounded(layer: Any, weight: Weight, values: Any, config: Any) -> dict[str, Any]:
    """What is kept of a weight in floats, by the names of the variables."""
    quantizer = QuantizationConfig.weight_quantizer_or_default(
        config, AbsMaxQuantizer(axis=weight.summed)
    )
    integers, scale = quantizer(values, to_numpy=True)
    return {weight.name: integers, f"{weight.name}_scale": weight.place(scale)}


def floats(layer: Any, weight: Weight) -> Any:
    """The weight in floats, as products see it."""
    scale = weight.scale(layer).value
    return weight.variable(layer).value.astype(scale.dtype) / weight.take(scale)


def quantizer_of_inputs(layer: Any, product: Product) -> Any:
    """What rounds the inputs of a layer; None if they stay in floats."""
    default = AbsMaxQuantizer(axis=product.summed)
    return QuantizationConfig.activation_quantizer_or_default(layer.quantization_config, default)


def multiply(layer: Any, weight: Weight, product: Product, x: Any) -> Any:
    """The product of the inputs and the weight, in the dtype of the inputs."""
    q, scale = weight.variable(layer).value, weight.scale(layer).value
    return scaled_product(product, quantizer_of_inputs(layer, product), x, q, scale)


def scaled_product(product: Product, quantizer: Any, x: Any, q: Any, scale: Any) -> Any:
    """`x @ q / scale`, with the inputs rounded by the quantizer if there is one.

    Args:
        product: what is computed.
        quantizer: of the inputs, or None.
        x: the inputs, in floats.
        q: the weight, in integers.
        scale: of the weight, as `product.compute(x, q)` can be divided by it.
    """
    if quantizer is None:
        return (product.compute(x, q.astype(x.dtype)) / scale).astype(x.dtype)

    like = jax.ShapeDtypeStruct(x.shape, x.dtype)

    @Differentiable
    def exact(x: Any, q: Any, scale: Any) -> Any:
        integers, of_x = quantizer(x, axis=product.summed)
        sums = product.compute(integers, q).astype(x.dtype)
        return (sums / (product.place(of_x) * scale)).astype(x.dtype)

    def forward(x: Any, q: Any, scale: Any) -> Any:
        return exact(x, q, scale), (q, scale)

    def backward(kept: Any, g: Any) -> Any:
        q, scale = kept
        back = jax.linear_transpose(lambda x: product.compute(x, q.astype(x.dtype)), like)
        return (*back((g / scale).astype(g.dtype)), None, None)

    exact.defvjp(forward, backward)
    return exact(x, q, scale)


def and_back(quantizer: Any, product: Product, x: Any) -> Any:
    """The inputs as the quantizer rounds them, in floats; the gradient passes."""
    integers, scale = quantizer(x, axis=product.summed)
    rounded = (integers.astype(x.dtype) / scale).astype(x.dtype)
    return x + jax.lax.stop_gradient(rounded - x)


def lookup(layer: Any, weight: Weight, ids: Any, dtype: Any) -> Any:
    """Rows of a table."""
    rows = gather.embedding_lookup(weight.variable(layer).value, ids)
    scale = gather.embedding_lookup(weight.scale(layer).value, ids)  # NaN outside the table
    return rows.astype(dtype) / scale[..., None].astype(dtype)
