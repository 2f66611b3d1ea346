"""Signals: complex numbers in polar form, and the peak signal-to-noise ratio."""

import math

import jax.numpy as jnp
from jax import lax

from cornu.core.graph.op import op
from cornu.core.graph.operands import pair, to_float, to_floats
from cornu.errors import value_error
from cornu.types import Tensor


@op(tensors=2, compiled=True)
def polar(abs_: Tensor, angle: Tensor) -> Tensor:
    """Complex numbers from absolute value and angle in radians."""
    abs_, angle = to_floats(*pair(abs_, angle))
    dtype = jnp.promote_types(jnp.result_type(abs_, angle), jnp.float32)
    abs_, angle = jnp.asarray(abs_, dtype), jnp.asarray(angle, dtype)
    return lax.complex(abs_ * jnp.cos(angle), abs_ * jnp.sin(angle))


@op(tensors=2, file_name="PSNR", compiled=True, wide=True)
def psnr(x1: Tensor, x2: Tensor, max_val: float) -> Tensor:
    """Peak signal-to-noise ratio in decibels: `20 log10(max_val) - 10 log10(mse)`.

    Args:
        x1, x2: arrays of the same shape.
        max_val: largest possible value of an element, such as 255 or 1.
    """
    x1, x2 = to_float(x1), to_float(x2)
    if x1.shape != x2.shape:
        raise value_error(
            "psnr: x1 and x2 must have the same shape.", shapes=f"x1 {x1.shape}, x2 {x2.shape}"
        )
    mse = jnp.mean(jnp.square(x1 - x2))
    return 20 * math.log10(max_val) - 10 * jnp.log10(mse)
