"""One compiled program against single calls and against float64.

    compiled   a scan over two blocks of a `vmap` of the op and the gradient of a projection of it
    called     the op by itself, as a user calls it outside any program; in the whole sweep, and
               where float64 is no reference (`parity/test_ops.py` calls every op as well)
    float64    the op in double precision; the slope along one direction by differences

The rows are those of `parity/ops.py`, which has one for every public op. Blocks are as large as it
takes for XLA to choose its code for large arrays.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from cornu import ops
from parity.ops import ROWS, A, Row

WHOLE = os.environ.get("CORNU_SWEEP") == "whole"
LARGE = 6000  # numbers in a block, for which XLA:CPU chooses its code for large arrays
STEP = 1e-6  # of the differences, in float64

# Ops that are no function of arrays, or that the rows use with every other op.
NO_ROW = {
    "associative_scan", "cond", "convert_to_numpy", "custom_gradient", "dtype", "fori_loop",
    "is_tensor", "jvp", "map", "scan", "switch", "vectorize", "vectorized_map", "while_loop",
}  # fmt: skip
# Whose slope is not that of its values: by definition; because interpolation has a kink at each
# pixel, which a difference of two values steps over.
OWN_SLOPE = {"stop_gradient", "image.affine_transform", "image.scale_and_translate"}
# What a single number of is bits, not a value near that of float64.
OF_ITS_DTYPE = {"view", "nextafter", "saturate_cast"}
# Jumps: what is next to a multiple in one precision is a multiple in another.
JUMPS = {"floor_divide", "mod", "fmod"}


def is_input(x: Any) -> bool:
    """Whether an argument of a row is an array that can vary: made numbers, or given floats."""
    return isinstance(x, A) or (isinstance(x, np.ndarray) and x.dtype == np.float32)


def first_of_each() -> list[Row]:
    """For each op one row, one with a gradient where there is one."""
    chosen: dict[str, Row] = {}
    for row in ROWS:
        if row.name not in chosen or (row.grad and not chosen[row.name].grad):
            chosen[row.name] = row
    return list(chosen.values())


def chosen() -> list[Row]:
    """The rows of this run; pictures, which take a third of the time, in the whole sweep alone."""
    return ROWS if WHOLE else [r for r in first_of_each() if not r.name.startswith("image.")]


def call_of(row: Row) -> tuple[Callable[..., Any], list[np.ndarray]]:
    """The row as a function of its arrays, and these."""
    leaves, tree = jax.tree.flatten((row.args, row.kwargs), is_leaf=is_input)
    places = [i for i, leaf in enumerate(leaves) if is_input(leaf)]
    arrays = [leaves[i].value() if isinstance(leaves[i], A) else leaves[i] for i in places]
    op = ops
    for part in row.name.split("."):
        op = getattr(op, part)

    def call(*values: Any) -> Any:
        filled = list(leaves)
        for place, value in zip(places, values, strict=True):
            filled[place] = value
        args, kwargs = jax.tree.unflatten(tree, filled)
        return op(*args, **kwargs)

    return call, arrays


def floating(x: Any) -> bool:
    """Whether something is an array of real floats."""
    return hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.floating)


def projected(call: Callable[..., Any]) -> Callable[..., Any]:
    """A number that depends on every float that the function returns, and all its results."""

    def project(*values: Any) -> Any:
        results = jax.tree.leaves(call(*values))
        total = jnp.zeros((), next((x.dtype for x in values if floating(x)), "float32"))
        for y in filter(floating, results):
            weights = jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)
            total = total + (y * weights).sum().astype(total.dtype)
        return total, results

    return project


def block(arrays: list[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """Two blocks of variants of the arrays, `(2, many, ...)`, and the factors they are made by."""
    numbers = max(sum(x.size for x in arrays), 1)
    many = max(3, -(-LARGE // numbers))
    # of one sign and below one: positive, definite and sorted arrays stay so
    factors = np.random.default_rng(0).uniform(0.8, 1.0, (2, many)).astype("float32")
    return [varied(x, factors) for x in arrays], factors


def varied(x: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """An array once for each factor; whole numbers and bools as they are."""
    shape = factors.shape + (1,) * x.ndim
    if x.dtype.kind in "fc":
        return (x * factors.reshape(shape)).astype(x.dtype)
    return np.broadcast_to(x, factors.shape + x.shape)


def compiled(row: Row, call: Callable[..., Any], arrays: list[np.ndarray]) -> tuple[Any, Any]:
    """Results and slopes for all variants, from one program."""
    floats = [i for i, x in enumerate(arrays) if x.dtype == np.float32]
    project = projected(call)

    def one(*values: Any) -> Any:
        if not (row.grad and floats):
            return project(*values)[1], []
        slopes, results = jax.grad(project, floats, has_aux=True)(*values)
        return results, list(slopes)

    def step(carry: Any, values: Any) -> Any:
        return carry, jax.vmap(one)(*values)

    return jax.jit(lambda *blocks: lax.scan(step, 0, blocks)[1])(*block(arrays)[0])


def doubled(x: np.ndarray) -> np.ndarray:
    """The same numbers in double precision."""
    return x.astype({"f": "float64", "c": "complex128"}.get(x.dtype.kind, x.dtype))


@contextmanager
def lightly() -> Iterator[None]:
    """Programs that only serve as a reference are optimized little, which takes less time."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", before)


def in_double(row: Row, call: Callable[..., Any], arrays: list[np.ndarray], ways: Any) -> Any:
    """Results in float64, and the slope of the projection along `ways` by differences."""
    with jax.enable_x64(True), lightly():
        project = jax.jit(projected(call))
        wide = [doubled(x) for x in arrays]
        results = project(*wide)[1]
        computed = [y.dtype for y in results if floating(y)]
        if ways is None or any(dtype != np.float64 for dtype in computed):
            return results, None  # differences would be those of roundings
        ahead, behind = (
            [x if way is None else x + sign * STEP * way for x, way in zip(wide, ways, strict=True)]
            for sign in (1, -1)
        )
        slope = (project(*ahead)[0] - project(*behind)[0]) / (2 * STEP)
        return results, float(slope)
