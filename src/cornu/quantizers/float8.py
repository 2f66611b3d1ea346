"""Rounding to 8-bit floats with a scale that follows past maxima, differentiable.

    x   ->  s * e4m3(x / s)       inputs and weights: more digits
    dy  ->  s * e5m2(dy / s)      gradients: more range

The "gradient" of a scale and of a history of maxima is their value at the next step, which the
optimizer takes as it is (`overwrite_with_gradient`).

Micikevicius et al. 2022, "FP8 Formats for Deep Learning".
"""

import jax.numpy as jnp

from cornu.kernels.derivatives import Differentiable
from cornu.quantizers.functions import (
    compute_float8_amax_history,
    compute_float8_scale,
    quantize_and_dequantize,
)
from cornu.types import Tensor


def _following(x: Tensor, scale: Tensor, history: Tensor, narrow: str) -> tuple[Tensor, Tensor]:
    """The scale and the history of the next step."""
    largest = float(jnp.finfo(narrow).max)
    return (
        compute_float8_scale(jnp.max(history), scale, largest),
        compute_float8_amax_history(x, history),
    )


@Differentiable
def rounded_e4m3(x: Tensor, scale: Tensor, history: Tensor) -> Tensor:
    """Inputs or weights rounded to `e4m3`, in their own dtype."""
    return quantize_and_dequantize(x, scale, "float8_e4m3fn", x.dtype)


def _rounded_e4m3_forward(
    x: Tensor, scale: Tensor, history: Tensor
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    return rounded_e4m3(x, scale, history), _following(x, scale, history, "float8_e4m3fn")


def _rounded_e4m3_backward(following: tuple[Tensor, Tensor], g: Tensor) -> tuple[Tensor, ...]:
    return (g, *following)


def _tangent_of_first(kept: Tensor, tangents: tuple[Tensor, ...]) -> Tensor:
    """Forward mode treats the rounding as the identity; the next scales are no tangents."""
    return tangents[0]


rounded_e4m3.defvjp(_rounded_e4m3_forward, _rounded_e4m3_backward, _tangent_of_first)


@Differentiable
def rounded_gradient(y: Tensor, scale: Tensor, history: Tensor) -> Tensor:
    """Outputs as they are, whose gradient is rounded to `e5m2`."""
    return y


def _rounded_gradient_forward(
    y: Tensor, scale: Tensor, history: Tensor
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    return y, (scale, history)


def _rounded_gradient_backward(kept: tuple[Tensor, Tensor], g: Tensor) -> tuple[Tensor, ...]:
    scale, history = kept
    rounded = quantize_and_dequantize(g, scale, "float8_e5m2", g.dtype)
    return (rounded, *_following(g, scale, history, "float8_e5m2"))


rounded_gradient.defvjp(_rounded_gradient_forward, _rounded_gradient_backward, _tangent_of_first)
