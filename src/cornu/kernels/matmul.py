"""Products of bfloat16 arrays that reach the matrix units of the CPU, forward and backward.

    bfloat16 x bfloat16 -> float32 (the sums) -> bfloat16          the units' own instruction
    bfloat16 x bfloat16 -> bfloat16                                converted by hand: slow
    float32  x bfloat16 -> float32                                 what autodiff makes of the first

Autodiff turns the cast at the end into a cast of the incoming gradient to float32, so the two
products of the backward pass would lose the units. The gradients of a product in Einstein's
notation are such products again:

    y = ab,bc->ac (x, w)      dx = ac,bc->ab (g, w)      dw = ab,ac->bc (x, g)

| condition                       | lowering                           | measured             |
|---------------------------------|------------------------------------|----------------------|
| two bfloat16 operands, CPU,     | float32 sums, cast; gradients too  | 512x4096x4096: fwd   |
| known sizes, each letter once   |                                    | 43 against 88 (f32   |
| an operand, and in the result   |                                    | 87), both gradients  |
| or the other operand            |                                    | 90 against 209 (176) |
| anything else                   | jax's own                          | nothing to gain      |

Rows of the benchmark: `matmul bfloat16`.

An operand whose axes must change places is copied in the new order first: without the copy, XLA
turns the product over to a path that converts to float32 (95 against 49 for a weight gradient).

All derivatives exist, forward and reverse.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from cornu.kernels.derivatives import Arrays, Differentiable
from cornu.kernels.letters import fits, letters_of
from cornu.kernels.memory import row_major
from cornu.kernels.platform import tuned


def einsum(subscripts: str, a: jax.Array, b: jax.Array) -> jax.Array | None:
    """The product of two bfloat16 arrays with sums in float32; None if it is not for this kernel.

    Args:
        subscripts: the product in Einstein's notation, such as `"bij,jk->bik"`, also with an
            ellipsis.
        a: the first operand.
        b: the second operand.

    Returns:
        The product in bfloat16.

    Example:

        >>> x = jnp.ones((2, 3), "bfloat16")
        >>> einsum("ij,jk->ik", x, x.T).tolist()
        [[3.0, 3.0], [3.0, 3.0]]
        >>> einsum("ij,jk->ik", jnp.ones((2, 3)), jnp.ones((3, 2))) is None
        True
    """
    if not (a.dtype == b.dtype == jnp.bfloat16 and tuned(a, b)):
        return None
    letters = letters_of(subscripts, a.ndim, b.ndim)
    return (
        None if letters is None or not fits(letters, a, b) else _product(a, b, letters, "bfloat16")
    )


def sums(subscripts: str, a: jax.Array, b: jax.Array) -> jax.Array:
    """The product of two arrays, rounded to bfloat16 first, with the sums left in float32.

    Args:
        subscripts: the product in Einstein's notation, within the conditions of this kernel.
        a: the first operand.
        b: the second operand.

    Example:

        >>> sums("ij,kj->ik", jnp.ones((2, 3)), jnp.ones((4, 3))).dtype
        dtype('float32')
    """
    narrow = a.astype(jnp.bfloat16), b.astype(jnp.bfloat16)
    letters = letters_of(subscripts, a.ndim, b.ndim)
    if letters is None or not fits(letters, *narrow):
        return jnp.einsum(subscripts, *narrow, preferred_element_type=jnp.float32)
    return _product(*narrow, letters, "float32")


def matmul(a: jax.Array, b: jax.Array) -> jax.Array | None:
    """`a @ b` of bfloat16 arrays with sums in float32; None if it is not for this kernel.

    Args:
        a: `(..., n, k)`.
        b: `(k, m)`, or `(..., k, m)` with the leading axes of `a`.

    Returns:
        `(..., n, m)` in bfloat16.

    Example:

        >>> x = jnp.ones((5, 2, 3), "bfloat16")
        >>> matmul(x, x[0].T).shape
        (5, 2, 2)
    """
    if a.ndim < 2 or b.ndim not in (2, a.ndim):
        return None
    batch = "abcdefgh"[: a.ndim - 2]
    shared = batch if b.ndim > 2 else ""
    return einsum(f"{batch}xy,{shared}yz->{batch}xz", a, b)


@functools.partial(Differentiable, nondiff_argnums=(2, 3))
def _product(a: jax.Array, b: jax.Array, letters: tuple[str, str, str], dtype: str) -> jax.Array:
    first, second, result = letters
    sizes = dict(zip(first + second, a.shape + b.shape, strict=True))
    batch = [c for c in result if c in first and c in second]
    summed = [c for c in first if c in second and c not in result]
    rows = [c for c in result if c not in second]
    columns = [c for c in result if c not in first]
    size = [math.prod(sizes[c] for c in part) for part in (batch, rows, summed, columns)]
    last = second == "".join([*batch, *columns, *summed])  # as it lies: no need to turn it round
    x = _laid_out(a, first, [*batch, *rows, *summed]).reshape(size[0], size[1], size[2])
    if last:
        y = b.reshape(size[0], size[3], size[2])
    else:
        y = _laid_out(b, second, [*batch, *summed, *columns]).reshape(size[0], size[2], size[3])
    dims: Any
    if batch:
        dims = (((2,), (2 if last else 1,)), ((0,), (0,)))
    else:
        x, y, dims = x[0], y[0], (((1,), (1 if last else 0,)), ((), ()))
    z = lax.dot_general(x, y, dims, preferred_element_type=jnp.float32).astype(dtype)
    found = [*batch, *rows, *columns]
    z = z.reshape([sizes[c] for c in found])
    return z.transpose([found.index(c) for c in result])


def _laid_out(x: jax.Array, letters: str, order: list[str]) -> jax.Array:
    """The axes in another order, in memory too.

    Left to itself, XLA keeps the memory as it is and hands the product to a path without the units.
    """
    if list(letters) == order:
        return x
    return row_major(x.transpose([letters.index(c) for c in order]))


def _forward(
    a: jax.Array, b: jax.Array, letters: tuple[str, str, str], dtype: str
) -> tuple[jax.Array, Arrays]:
    return _product(a, b, letters, dtype), (a, b)


def _backward(letters: tuple[str, str, str], dtype: str, saved: Arrays, g: jax.Array) -> Arrays:
    a, b = saved
    first, second, result = letters
    g = g.astype(a.dtype)
    to_a = _product(g, b, (result, second, first), "bfloat16")
    return to_a, _product(a, g, (first, result, second), "bfloat16")


_product.defvjp(_forward, _backward)
