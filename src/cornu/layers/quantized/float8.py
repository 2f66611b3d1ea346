"""Products in 8-bit floats, also in training: weights, inputs and gradients are rounded to them.

    x  ->  s * e4m3(x / s)       inputs and weights: more digits
    dy ->  s * e5m2(dy / s)      gradients: more range

The weights themselves stay in floats. The scale comes from the largest numbers of past steps, of
which a history is kept. Both are variables whose "gradient" is their next value, which the
optimizer takes as it is (`overwrite_with_gradient`); so evaluation changes nothing.

Micikevicius et al. 2022, "FP8 Formats for Deep Learning".
"""

from typing import Any

import jax.numpy as jnp

from cornu.dtype_policies import QuantizedFloat8DTypePolicy
from cornu.errors import explain
from cornu.kernels.derivatives import Differentiable
from cornu.layers.quantized.weight import Product, Weight
from cornu.quantizers import (
    compute_float8_amax_history,
    compute_float8_scale,
    quantize_and_dequantize,
)

NAMES = ("inputs", "kernel", "outputs_grad")


def names() -> list[str]:
    """The names of the variables that are kept beside the kernel."""
    return [f"{name}_{part}" for name in NAMES for part in ("scale", "amax_history")]


def build(layer: Any, weight: Weight, config: Any) -> None:
    """Make the scales and the histories; the kernel is made as in floats."""
    default = QuantizedFloat8DTypePolicy.default_amax_history_length
    length = getattr(layer._policy, "amax_history_length", default)
    for name in NAMES:
        for part, shape, initializer in (
            ("scale", (), "ones"),
            ("amax_history", (length,), "zeros"),
        ):
            made = layer.add_weight(
                name=f"{name}_{part}",
                shape=shape,
                initializer=initializer,
                dtype="float32",
                autocast=False,
                overwrite_with_gradient=True,
            )
            setattr(layer, f"{name}_{part}", made)


def multiply(layer: Any, weight: Weight, product: Product, x: Any) -> Any:
    """The product of the inputs and the weight, in the dtype of the inputs.

    Raises:
        NotImplementedError: the layer has a correction of low rank.
    """
    if layer.lora_enabled:
        raise NotImplementedError(
            explain(
                f"'{layer.name}' computes in 8-bit floats, which does not go together with LoRA.",
                fix="quantize('int8') or quantize('int4') goes with LoRA.",
            )
        )
    states = {
        name: (
            getattr(layer, f"{name}_scale").value,
            getattr(layer, f"{name}_amax_history").value,
        )
        for name in NAMES
    }
    x = _rounded_e4m3(x, *states["inputs"])
    w = _rounded_e4m3(weight.variable(layer).value.astype(x.dtype), *states["kernel"])
    return _rounded_gradient(product.compute(x, w), *states["outputs_grad"])


def _following(x: Any, scale: Any, history: Any, narrow: str) -> tuple[Any, Any]:
    """The scale and the history of the next step."""
    largest = float(jnp.finfo(narrow).max)
    return (
        compute_float8_scale(jnp.max(history), scale, largest),
        compute_float8_amax_history(x, history),
    )


@Differentiable
def _rounded_e4m3(x: Any, scale: Any, history: Any) -> Any:
    return quantize_and_dequantize(x, scale, "float8_e4m3fn", x.dtype)


def _rounded_e4m3_forward(x: Any, scale: Any, history: Any) -> Any:
    return _rounded_e4m3(x, scale, history), _following(x, scale, history, "float8_e4m3fn")


def _rounded_e4m3_backward(following: Any, g: Any) -> Any:
    return (g, *following)


def _tangent_of_first(kept: Any, slopes: tuple[Any, ...]) -> Any:
    """Forward mode takes the rounding for the identity; the next scales are no slopes."""
    return slopes[0]


_rounded_e4m3.defvjp(_rounded_e4m3_forward, _rounded_e4m3_backward, _tangent_of_first)


@Differentiable
def _rounded_gradient(y: Any, scale: Any, history: Any) -> Any:
    return y


def _rounded_gradient_forward(y: Any, scale: Any, history: Any) -> Any:
    return y, (scale, history)


def _rounded_gradient_backward(kept: Any, g: Any) -> Any:
    scale, history = kept
    rounded = quantize_and_dequantize(g, scale, "float8_e5m2", g.dtype)
    return (rounded, *_following(g, scale, history, "float8_e5m2"))


_rounded_gradient.defvjp(_rounded_gradient_forward, _rounded_gradient_backward, _tangent_of_first)
