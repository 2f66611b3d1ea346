"""Products of inputs with a quantized weight: sums of integers, and their gradient.

    x (batch, ..., in)  --Product-->  y (batch, ..., out)
            ^                                  ^
            `-- summed axes share a scale      `-- where the scales of x and of the weight meet

    y = (p @ q) / (r * s)         x ~ p / r, w ~ q / s; sums of integers, exact in int32
    y = (x @ q) / s               where the inputs stay in floats

The gradient ignores the rounding of the inputs: `dx = g @ (q / s)`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from cornu.kernels.derivatives import Differentiable
from cornu.numeric import is_integer
from cornu.types import Tensor


class Product(NamedTuple):
    """What a layer computes from its inputs and a weight.

    Attributes:
        compute: `(x, w) -> y`, linear in both; sums of integers in int32.
        summed: axes of the inputs that are summed over, which share a scale.
        scale_of_output: from a scale with size 1 in the summed axes to one that `y` is divided by.
    """

    compute: Callable[[Tensor, Tensor], Tensor]
    summed: tuple[int, ...]
    scale_of_output: Callable[[Tensor], Tensor] = lambda scale: scale


def einsum_of(subscripts: str) -> Callable[[Tensor, Tensor], Tensor]:
    """The `compute` of a product in Einstein's notation.

    Example:

        >>> compute = einsum_of("...d,dn->...n")
        >>> compute(jnp.ones((2, 3), "int8"), jnp.ones((3, 4), "int8")).dtype
        dtype('int32')
    """

    def compute(x: Tensor, w: Tensor) -> Tensor:
        sums = jnp.int32 if is_integer(w.dtype) else None
        return jnp.einsum(subscripts, x, w, preferred_element_type=sums)

    return compute


def scaled_product(product: Product, quantizer: Any, x: Tensor, q: Tensor, scale: Tensor) -> Tensor:
    """`x @ q / scale`, with the inputs rounded by the quantizer if there is one.

    Args:
        product: what is computed.
        quantizer: quantizer of the inputs, or None.
        x: inputs, in floats.
        q: weight, in integers.
        scale: scale of the weight, in a form that the output can be divided by.
    """
    if quantizer is None:
        return (product.compute(x, q.astype(x.dtype)) / scale).astype(x.dtype)

    like = jax.ShapeDtypeStruct(x.shape, x.dtype)

    @Differentiable
    def exact(x: Tensor, q: Tensor, scale: Tensor) -> Tensor:
        integers, scale_of_x = quantizer(x, axis=product.summed)
        sums = product.compute(integers, q).astype(x.dtype)
        return (sums / (product.scale_of_output(scale_of_x) * scale)).astype(x.dtype)

    def forward(x: Tensor, q: Tensor, scale: Tensor) -> tuple[Tensor, Any]:
        return exact(x, q, scale), (q, scale)

    def backward(kept: Any, g: Tensor) -> tuple[Any, ...]:
        q, scale = kept
        back = jax.linear_transpose(lambda x: product.compute(x, q.astype(x.dtype)), like)
        return (*back((g / scale).astype(g.dtype)), None, None)

    exact.defvjp(forward, backward)
    return exact(x, q, scale)


def rounded_inputs(product: Product, quantizer: Any, x: Tensor) -> Tensor:
    """The inputs as the quantizer rounds them, in floats; the gradient is that of the identity."""
    integers, scale = quantizer(x, axis=product.summed)
    rounded = (integers.astype(x.dtype) / scale).astype(x.dtype)
    return x + jax.lax.stop_gradient(rounded - x)


def relabel(x: Tensor, letters: str, wanted: str) -> Tensor:
    """An array with the axes of other letters: those that are not wanted have size 1 and go, those
    that it lacks come with size 1.

    Example:

        >>> relabel(jnp.ones((1, 5, 2)), "cde", "abed").shape
        (1, 1, 2, 5)
    """
    gone = tuple(i for i, letter in enumerate(letters) if letter not in wanted)
    left = [letter for letter in letters if letter in wanted]
    common = [letter for letter in wanted if letter in letters]
    x = x.squeeze(gone).transpose([left.index(letter) for letter in common])
    return x[tuple(slice(None) if letter in letters else None for letter in wanted)]
