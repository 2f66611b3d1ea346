"""Rows of tables: lookups, one-hot rows and sums over segments.

| condition    | lowering                          | measured                                 |
|--------------|-----------------------------------|------------------------------------------|
| embedding    | gather, gradient a scatter-add    | 2048 rows of 8192x256: .25 ms; a one-hot |
| lookup       |                                   | product takes 85-100 ms                  |
| segment sum  | scatter-add, out of range dropped | sorting first is 2x slower               |
| one-hot rows | comparison with an iota           | fuses into whatever reads it             |

Rows of the benchmark: `gather embedding`, `gather segment_sum`.

Identifiers outside the table are an error that a compiled program cannot raise. Nothing is read
from a wrong row in silence: such rows are NaN (float tables) and get no gradient.
"""

import jax
import jax.numpy as jnp
from jax import lax


def embedding_lookup(table: jax.Array, ids: jax.Array) -> jax.Array:
    """Rows of a table.

    Args:
        table: `(rows, features)`.
        ids: integers of any shape; negative ones count from the end. Rows for identifiers outside
            the table are NaN (the smallest value for integer tables).

    Returns:
        `(*ids.shape, features)`.

    Example:

        >>> embedding_lookup(jnp.array([[1.0], [2.0]]), jnp.array([1, 0, 1]))[:, 0]
        Array([2., 1., 2.], dtype=float32)
    """
    return jnp.asarray(table).at[ids].get(mode="fill")


def one_hot_rows(ids: jax.Array, size: int, dtype: jnp.dtype = jnp.float32) -> jax.Array:
    """One row per identifier with a single 1; a row of zeros where it is out of range.

    Args:
        ids: integers of any shape.
        size: length of each row.
        dtype: dtype of the result.

    Returns:
        `(*ids.shape, size)`.

    Example:

        >>> one_hot_rows(jnp.array([1, -1]), 3)
        Array([[0., 1., 0.],
               [0., 0., 0.]], dtype=float32)
    """
    columns = lax.broadcasted_iota(ids.dtype, (*ids.shape, size), ids.ndim)
    return (ids[..., None] == columns).astype(dtype)


def segment_sum(values: jax.Array, segments: jax.Array, num_segments: int) -> jax.Array:
    """Sums of the rows that carry the same segment number.

    Args:
        values: `(rows, ...)`.
        segments: `(rows,)` integers, in any order; rows outside `0 ... num_segments - 1` count
            nowhere.
        num_segments: rows of the result.

    Returns:
        `(num_segments, ...)`.

    Example:

        >>> segment_sum(jnp.array([1.0, 2.0, 3.0]), jnp.array([0, 1, 0]), 2)
        Array([4., 2.], dtype=float32)
    """
    # a negative index would count from the end: send it beyond the last row, where it is dropped
    segments = jnp.where(segments < 0, num_segments, segments)
    zeros = jnp.zeros((num_segments, *values.shape[1:]), values.dtype)
    return zeros.at[segments].add(values, mode="drop")
