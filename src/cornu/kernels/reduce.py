"""Sums, maxima and minima, lowered so that LLVM makes vectors of them.

A sum of floats has an order, so LLVM adds the numbers of one row one after another; and over
several leading axes XLA:CPU walks the array column by column. Both are 2 to 7 times slower than
need be. YNNPACK was XLA's answer; it returns wrong numbers (`engine/runtime.py`) and stays off.

What stands here takes the place of JAX's own lowering on the CPU. That is after all
transformations: derivatives of any order and direction, `vmap`, loops and what a user writes in
JAX are lowered the same way, and none of them sees a difference.

| condition (CPU)              | lowering                     | measured (with gradients;        |
|                              |                              | XLA's, YNNPACK's)                |
|------------------------------|------------------------------|----------------------------------|
| a last axis of 40 or more    | up to 32 slices of the axis  | layer norm 4096x256 1.0 (2.6,    |
|                              | put together, then the rest  | 1.5); mean square 128x784 .10    |
|                              |                              | (.19, .10)                       |
| neighbouring axes, the last  | one axis of them, made       | batch norm 64x16x16x32 .8 (5.1,  |
| axis kept                    | before the sum: XLA would    | 1.0), gradient of a bias         |
|                              | undo it                      | 128x26x26x32 7.4 (13.7, 6.4)     |
| sums of float16, bfloat16    | in float32: 10,000 ones are  |                                  |
|                              | 8192 in bfloat16             |                                  |
| fewer than 4096 numbers,     | JAX's own                    | nothing to gain, or not known    |
| several devices, symbols     |                              |                                  |

Rows of the benchmark: `reduce layer_norm 4096x256`, `reduce mean square 128x784`,
`reduce batch_norm 64x16x16x32`, `reduce bias gradient 128x26x26x32`.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Primitive, primitives
from jax.interpreters import mlir

from cornu.kernels.platform import known

MANY = 4096  # numbers, below which nothing is to be gained
LONG = 40  # of a row, from which folding it pays
WIDTH = 32  # numbers that are put together at once: two vectors of 512 bits
SLICES = 32  # a longer row is folded more than once
# exponent and mantissa of a dtype: `reduce_precision` to these changes no number
PRECISION = {"float32": (8, 23), "float64": (11, 52)}

Combine = Callable[[jax.Array, jax.Array], jax.Array]


def install() -> None:
    """Lower reductions of floats on the CPU as this file says, from now on in this process.

    A JAX that keeps its rules elsewhere goes on with them: as right, and slower.
    """
    for primitive, combine in (
        (primitives.reduce_sum_p, lax.add),
        (primitives.reduce_max_p, lax.max),
        (primitives.reduce_min_p, lax.min),
    ):
        own_rule = _own_rule(primitive)
        if own_rule is not None:
            rule = functools.partial(_lower, primitive, combine, own_rule)
            mlir.register_lowering(primitive, rule, platform="cpu")


def _own_rule(primitive: Primitive) -> Callable[..., Any] | None:
    entry = getattr(mlir, "_lowerings", {}).get(primitive)
    return getattr(entry, "rule", entry)


def _lower(
    primitive: Primitive, combine: Combine, own_rule: Callable[..., Any], ctx: Any, x: Any,
    *, axes: Sequence[int], **settings: Any,
) -> Any:  # fmt: skip
    """The lowering rule: of this file where it knows better, else that of JAX."""
    (operand,) = ctx.avals_in
    one_device = getattr(ctx.module_context.axis_context, "num_devices", 1) == 1
    placed = any(value is not None for value in settings.values())
    form = None
    if axes and one_device and not placed and known(operand.shape):
        reduce = functools.partial(primitive.bind, **settings)
        form = _form(operand.shape, operand.dtype, tuple(axes), reduce, combine)
    if form is None:
        return own_rule(ctx, x, axes=axes, **settings)
    return mlir.lower_fun(form, multiple_results=False)(ctx, x)


def _form(
    shape: tuple[int, ...],
    dtype: Any,
    axes: tuple[int, ...],
    reduce: Callable[..., jax.Array],
    combine: Combine,
) -> Callable[[jax.Array], jax.Array] | None:
    """Another way to the same numbers; None where JAX's own is as good."""
    if dtype in (jnp.bfloat16, jnp.float16) and combine is lax.add:
        return lambda x: reduce(x.astype(jnp.float32), axes=axes).astype(dtype)
    if str(dtype) not in PRECISION or math.prod(shape) < MANY:
        return None
    sizes, places, parts = merged(shape, axes)
    left = tuple(size for axis, size in enumerate(shape) if axis not in axes)
    if not places:
        return None
    if places[-1] == len(sizes) - 1:
        if sizes[-1] < LONG:
            return None
        return lambda x: reduce(folded(x.reshape(sizes), combine), axes=places).reshape(left)
    if parts == len(places):
        return None
    bits = PRECISION[str(dtype)]
    apart = lambda x: lax.reduce_precision(x.reshape(sizes), *bits)  # noqa: E731
    return lambda x: reduce(apart(x), axes=places).reshape(left)


def merged(
    shape: Sequence[int], axes: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """An array with all neighbours of one kind, reduced or kept, in one axis.

    Args:
        shape: array shape.
        axes: that are reduced, counted from the front.

    Returns:
        The sizes, without axes of size one; which of them are reduced; and how many of the given
        axes these were.

    Example:

        >>> merged((32, 8, 1, 8, 64), (1, 2, 3))
        ((32, 64, 64), (1,), 2)
    """
    sizes: list[int] = []
    kinds: list[bool] = []
    parts = 0
    for axis, size in enumerate(shape):
        if size == 1:
            continue
        reduced = axis in axes
        parts += reduced
        if kinds and kinds[-1] == reduced:
            sizes[-1] *= size
        else:
            sizes.append(size)
            kinds.append(reduced)
    places = tuple(place for place, reduced in enumerate(kinds) if reduced)
    return tuple(sizes), places, parts


def folded(x: jax.Array, combine: Combine) -> jax.Array:
    """Slices of the last axis put together, number by number.

    Args:
        x: `(..., n)`, with n of at least 2.
        combine: `lax.add`, `lax.max` or `lax.min`.

    Returns:
        `(..., w)`, whose reduction is that of x.

    Example:

        >>> folded(jnp.arange(64.0), lax.max)[:3].tolist()
        [32.0, 33.0, 34.0]
    """
    n = x.shape[-1]
    count = min(max(n // WIDTH, 2), SLICES)
    width = n // count
    cut = functools.partial(lax.slice_in_dim, x, axis=x.ndim - 1)
    slices = [cut(i * width, (i + 1) * width) for i in range(count)]
    rest = n - count * width
    if rest and combine is lax.add:
        behind = [(0, 0, 0)] * (x.ndim - 1) + [(0, width - rest, 0)]
        slices.append(lax.pad(cut(n - rest, n), jnp.zeros((), x.dtype), behind))
    elif rest:  # a number may be met twice
        slices.append(cut(n - width, n))
    while len(slices) > 1:  # in pairs: neither a long wait nor many roundings in a row
        odd = slices[len(slices) // 2 * 2 :]
        slices = [combine(a, b) for a, b in zip(slices[::2], slices[1::2], strict=False)] + odd
    return slices[0]
