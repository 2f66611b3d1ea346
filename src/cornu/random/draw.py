"""Random numbers.

Every function takes `seed`: an int gives the same numbers at every call, a `SeedGenerator` new ones
at every call, None those of the process's generator, which `set_random_seed` fixes. The bits are
those of `jax.random` for the two words of the seed; dropout hashes a counter instead, which costs a
tenth (see `kernels/random_bits.py`).
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from cornu.core import dtypes
from cornu.core.graph.op import op, shape_rule
from cornu.core.graph.operands import tensor, to_float
from cornu.core.programs.eager import in_one_program
from cornu.core.symbolic import KerasTensor
from cornu.errors import value_error
from cornu.kernels import random_bits
from cornu.numeric import is_float, is_integer
from cornu.random.seed import draw_seed

Shape = Sequence[int]


def _float_dtype(name: str, dtype: Any) -> str:
    dtype = dtypes.standardize_dtype(dtype)
    if not is_float(dtype):
        raise value_error(
            f"The dtype of random.{name} must be a float dtype, got {dtype}.",
            fix="dtype='float32'\nrandom.randint draws integers.",
        )
    return dtype


def normal(
    shape: Shape, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> jax.Array:
    """Numbers of the normal distribution.

    Args:
        shape: shape of the result.
        mean, stddev: mean and standard deviation of the distribution.
        dtype: a float dtype, `floatx` if None.
        seed: int, `SeedGenerator` or None, as the module says.

    Example:

        >>> normal((2, 3), seed=1).shape
        (2, 3)
    """
    dtype = _float_dtype("normal", dtype)
    drawn = jax.random.normal(draw_seed(seed), shape=tuple(shape), dtype=dtype)
    return (drawn * stddev + mean).astype(dtype)


def uniform(
    shape: Shape, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None
) -> jax.Array:
    """Numbers evenly distributed over `[minval, maxval)`.

    Args:
        shape: shape of the result.
        minval, maxval: bounds of the interval; `maxval` is excluded.
        dtype: a float dtype, `floatx` if None.
        seed: int, `SeedGenerator` or None, as the module says.

    Example:

        >>> numbers = uniform((4,), seed=1)
        >>> bool((0 <= numbers).all() and (numbers < 1).all())
        True
    """
    dtype = _float_dtype("uniform", dtype)
    return jax.random.uniform(
        draw_seed(seed), shape=tuple(shape), dtype=dtype, minval=minval, maxval=maxval
    )


def randint(
    shape: Shape, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None
) -> jax.Array:
    """Integers evenly distributed over `minval, ..., maxval - 1`.

    Args:
        shape: shape of the result.
        minval, maxval: bounds; `maxval` is excluded.
        dtype: an integer dtype.
        seed: int, `SeedGenerator` or None, as the module says.

    Example:

        >>> set(randint((100,), 0, 3, seed=1).tolist()) == {0, 1, 2}
        True
    """
    dtype = dtypes.standardize_dtype(dtype)
    if not is_integer(dtype):
        raise value_error(
            f"The dtype of random.randint must be an integer dtype, got {dtype}.",
            fix="dtype='int32'\nrandom.uniform draws floats.",
        )
    return jax.random.randint(
        draw_seed(seed), shape=tuple(shape), dtype=dtype, minval=minval, maxval=maxval
    )


def truncated_normal(
    shape: Shape, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> jax.Array:
    """Numbers of the normal distribution within two standard deviations of the mean.

    Args:
        shape: shape of the result.
        mean, stddev: mean and standard deviation before truncation.
        dtype: a float dtype, `floatx` if None.
        seed: int, `SeedGenerator` or None, as the module says.

    Example:

        >>> bool((abs(truncated_normal((100,), seed=1)) <= 2).all())
        True
    """
    dtype = _float_dtype("truncated_normal", dtype)
    drawn = jax.random.truncated_normal(draw_seed(seed), -2.0, 2.0, tuple(shape), dtype)
    return (drawn * stddev + mean).astype(dtype)


def gamma(shape: Shape, alpha: Any, dtype: Any = None, seed: Any = None) -> jax.Array:
    """Numbers of the gamma distribution with shape parameter `alpha` and scale 1.

    Args:
        shape: shape of the result.
        alpha: positive number or array, broadcast to `shape`.
        dtype: a float dtype, `floatx` if None.
        seed: int, `SeedGenerator` or None, as the module says.

    Example:

        >>> bool((gamma((3,), 2.0, seed=1) > 0).all())
        True
    """
    dtype = _float_dtype("gamma", dtype)
    return jax.random.gamma(draw_seed(seed), tensor(alpha, dtype), tuple(shape), dtype)


def beta(shape: Shape, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> jax.Array:
    """Numbers of the beta distribution, in (0, 1).

    Args:
        shape: shape of the result.
        alpha, beta: positive numbers or arrays, broadcast to `shape`.
        dtype: a float dtype, `floatx` if None.
        seed: int, `SeedGenerator` or None, as the module says.

    Example:

        >>> beta((2,), 2.0, 5.0, seed=1).shape
        (2,)
    """
    dtype = _float_dtype("beta", dtype)
    alpha, beta = tensor(alpha, dtype), tensor(beta, dtype)
    return jax.random.beta(draw_seed(seed), alpha, beta, tuple(shape), dtype)


def binomial(
    shape: Shape, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None
) -> jax.Array:
    """How many of `counts` trials succeed, as floats.

    Args:
        shape: shape of the result.
        counts: number of trials, a number or an array broadcast to `shape`.
        probabilities: probability of success in one trial, broadcast likewise.
        dtype: a float dtype, `floatx` if None.
        seed: int, `SeedGenerator` or None, as the module says.

    Example:

        >>> bool((binomial((9,), 5, 0.5, seed=1) <= 5).all())
        True
    """
    dtype = _float_dtype("binomial", dtype)
    # counts of 16-bit floats are not exact: draw in 32 bits
    counts, probabilities = tensor(counts, "float32"), tensor(probabilities, "float32")
    drawn = jax.random.binomial(draw_seed(seed), counts, probabilities, tuple(shape))
    return drawn.astype(dtype)


@op
def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Classes drawn with the probabilities `softmax(logits)`.

    Args:
        logits: `(batch, classes)`.
        num_samples: number of draws per row.
        dtype: integer dtype of the drawn classes.
        seed: int, `SeedGenerator` or None, as the module says.

    Returns:
        `(batch, num_samples)`.

    Example:

        >>> categorical([[0.0, 100.0]], 3, seed=1).tolist()
        [[1, 1, 1]]
    """
    logits = to_float(logits)
    if logits.ndim != 2:
        raise value_error(
            "The logits of random.categorical must have shape (batch, classes).",
            received=f"{logits.shape}",
        )
    shape = (logits.shape[0], num_samples)
    drawn = jax.random.categorical(draw_seed(seed), logits[..., None], axis=1, shape=shape)
    return drawn.astype(dtypes.standardize_dtype(dtype))


@op
def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """The elements along `axis` in random order, each line of the array for itself.

    Rows that have to stay together are drawn by their numbers:
    `take(x, shuffle(arange(len(x))), axis=0)`.

    Example:

        >>> sorted(shuffle([1, 2, 3], seed=1).tolist())
        [1, 2, 3]
    """
    return jax.random.permutation(draw_seed(seed), tensor(x), axis, independent=True)


@shape_rule(shuffle)
def _shuffled(x: KerasTensor, axis: int = 0, seed: Any = None) -> KerasTensor:
    return KerasTensor(x.shape, x.dtype)


@op
def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Each element zero with probability `rate`, the others times `1 / (1 - rate)`.

    Args:
        inputs: array of any shape.
        rate: probability of zero, `0 <= rate <= 1`.
        noise_shape: shape of the mask, 1 where elements along an axis are dropped together; None
            entries are taken from the inputs.
        seed: int, `SeedGenerator` or None, as the module says.

    Example:

        >>> sorted(set(dropout(jnp.ones(100), 0.5, seed=1).tolist()))
        [0.0, 2.0]
    """
    x = tensor(inputs)
    if rate <= 0:
        return x
    if rate == 1:
        return jnp.zeros_like(x)
    return _drop(x, rate, draw_seed(seed), noise_shape)


_drop = in_one_program(random_bits.dropout, ("x", "key_words"))


@shape_rule(dropout)
def _dropped(
    inputs: KerasTensor, rate: float, noise_shape: Any = None, seed: Any = None
) -> KerasTensor:
    return KerasTensor(inputs.shape, inputs.dtype)
