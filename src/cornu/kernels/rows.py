"""Products of many rows with one matrix: dense layers over time steps, patches of images.

    y = x @ w        dx = g @ w.T        dw = x.T @ g, a sum over all rows

The weight gradient sums over the long axis, and XLA:CPU loses up to half of its speed there where
the left side is the wider one. Left to itself it also lays the activations out in the order that
suits this product, and everything else that reads them pays.

| condition (CPU, known sizes)    | lowering                        | measured                     |
|---------------------------------|---------------------------------|------------------------------|
| weight gradient, x wider than g | `(g.T @ x).T`, the product in a | 2048 x (1024, 256) 5.8       |
|                                 | barrier: XLA would turn it back | against 10.0; 65536 x (144,  |
|                                 |                                 | 16) 2.0 against 4.4          |
| float32 layers, two or more     | the same for the whole layer    | epoch of a small GPT .62     |
| leading axes, 1024 rows or more |                                 | against .78 s, of a          |
|                                 |                                 | transformer .37 against .46  |
| anything else                   | jax's own                       | nothing to gain              |

Rows of the benchmark: `rows weight gradient`, `rows layer`.

All derivatives exist, forward and reverse.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax

from cornu.kernels.derivatives import Arrays, Differentiable
from cornu.kernels.letters import fits, letters_of
from cornu.kernels.platform import tuned

MANY_ROWS = 1024


@Differentiable
def rows_product(a: jax.Array, b: jax.Array) -> jax.Array:
    """`a @ b` for many rows, accumulated in float32, with the gradient to `b` the fast way round.

    Args:
        a: `(rows, in)`.
        b: `(in, out)`.

    Returns:
        `(rows, out)`.

    Example:

        >>> rows_product(jnp.ones((4, 3)), jnp.ones((3, 2))).shape
        (4, 2)
    """
    return jnp.dot(a, b, preferred_element_type=jnp.float32).astype(a.dtype)


def _forward(a: jax.Array, b: jax.Array) -> tuple[jax.Array, Arrays]:
    return rows_product(a, b), (a, b)


def _backward(saved: Arrays, g: jax.Array) -> Arrays:
    a, b = saved
    return jnp.dot(g, b.T, preferred_element_type=jnp.float32).astype(a.dtype), tall_product(a, g)


rows_product.defvjp(_forward, _backward)


def tall_product(a: jax.Array, b: jax.Array) -> jax.Array:
    """`a.T @ b` for two tall matrices, the smaller side first.

    Example:

        >>> tall_product(jnp.ones((5, 3)), jnp.ones((5, 2))).shape
        (3, 2)
    """
    small_first = b.shape[1] < a.shape[1]
    first, second = (b, a) if small_first else (a, b)
    wide = jnp.promote_types(a.dtype, jnp.float32)
    y = jnp.dot(first.T, second, preferred_element_type=wide).astype(a.dtype)
    return lax.optimization_barrier(y).T if small_first else y


def matmul(x: jax.Array, w: jax.Array) -> jax.Array | None:
    """`x @ w` for a layer over many rows; None if it is not for this kernel.

    Args:
        x: `(..., in)`.
        w: `(in, out)`.

    Returns:
        `(..., out)`.

    Example:

        >>> matmul(jnp.ones((32, 64, 3)), jnp.ones((3, 2))).shape
        (32, 64, 2)
        >>> matmul(jnp.ones((4, 3)), jnp.ones((3, 2))) is None
        True
    """
    return _product(x, w, 1) if x.ndim > 2 and w.ndim == 2 else None


def einsum(subscripts: str, x: jax.Array, w: jax.Array) -> jax.Array | None:
    """The same for a product whose summed axes come last in x and first in w; None otherwise.

    Args:
        subscripts: the product in Einstein's notation, such as `"btd,dhk->bthk"`.
        x: the first operand.
        w: the second operand.

    Returns:
        The product.

    Example:

        >>> einsum("btd,dhk->bthk", jnp.ones((32, 64, 6)), jnp.ones((6, 2, 3))).shape
        (32, 64, 2, 3)
    """
    letters = letters_of(subscripts, x.ndim, w.ndim)
    if letters is None or not fits(letters, x, w):
        return None
    first, second, result = letters
    summed = "".join(c for c in first if c in second)
    rows, columns = first.removesuffix(summed), second.removeprefix(summed)
    parts_in_order = (rows + summed, summed + columns, rows + columns) == letters
    return _product(x, w, len(summed)) if parts_in_order and len(rows) > 1 and summed else None


def _product(x: jax.Array, w: jax.Array, summed: int) -> jax.Array | None:
    leading, new = x.shape[: x.ndim - summed], w.shape[summed:]
    plain = isinstance(x, jax.Array) and x.dtype == w.dtype == jnp.float32 and tuned(x, w)
    if not plain or x.shape[x.ndim - summed :] != w.shape[:summed]:
        return None
    count = math.prod(leading)
    if count < MANY_ROWS:
        return None
    y = rows_product(x.reshape(count, -1), w.reshape(math.prod(w.shape[:summed]), -1))
    return y.reshape(*leading, *new)
