"""What an op costs over the function of jax.numpy that it calls: microseconds a call, eagerly.

    python benchmarks/eager_ops.py [name ...]       names select rows by their beginning

Arrays are tiny, so that the time is all dispatch. Both sides run in turns, one round after the
other, and the fastest round of each counts: what else the machine does is left out. The rows are
sorted by the difference; up to 20 microseconds are promised. Pin the process to one core
(`taskset -c 1`) on a busy machine.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu import ops

PROMISE = 20  # microseconds
CALLS = 100  # a round
ROUNDS = 25


def normal(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).normal(size=shape).astype("float32"))


X, Y, V = normal(4, 4), normal(4, 4), normal(4)
N = jnp.arange(4, dtype="int32")
MASK = X > 0
IMAGE, KERNEL = normal(1, 6, 6, 2), normal(3, 3, 2, 4)

# name: what jax offers, what we offer
ROWS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "add": (lambda: jnp.add(X, Y), lambda: ops.add(X, Y)),
    "add a number": (lambda: jnp.add(X, 2.0), lambda: ops.add(X, 2.0)),
    "multiply": (lambda: jnp.multiply(X, Y), lambda: ops.multiply(X, Y)),
    "power": (lambda: jnp.power(X, Y), lambda: ops.power(X, Y)),
    "maximum": (lambda: jnp.maximum(X, Y), lambda: ops.maximum(X, Y)),
    "greater": (lambda: jnp.greater(X, Y), lambda: ops.greater(X, Y)),
    "logical_and": (lambda: jnp.logical_and(MASK, MASK), lambda: ops.logical_and(MASK, MASK)),
    "exp": (lambda: jnp.exp(X), lambda: ops.exp(X)),
    "square": (lambda: jnp.square(X), lambda: ops.square(X)),
    "abs": (lambda: jnp.abs(X), lambda: ops.abs(X)),
    "round": (lambda: jnp.round(X), lambda: ops.round(X)),
    "isnan": (lambda: jnp.isnan(X), lambda: ops.isnan(X)),
    "clip": (lambda: jnp.clip(X, -1.0, 1.0), lambda: ops.clip(X, -1.0, 1.0)),
    "cast": (lambda: X.astype("int32"), lambda: ops.cast(X, "int32")),
    "where": (lambda: jnp.where(MASK, X, Y), lambda: ops.where(MASK, X, Y)),
    "sum": (lambda: jnp.sum(X, axis=1), lambda: ops.sum(X, axis=1)),
    "mean": (lambda: jnp.mean(X, axis=1), lambda: ops.mean(X, axis=1)),
    "var": (lambda: jnp.var(X, axis=1), lambda: ops.var(X, axis=1)),
    "max": (lambda: jnp.max(X, axis=1), lambda: ops.max(X, axis=1)),
    "any": (lambda: jnp.any(MASK, axis=1), lambda: ops.any(MASK, axis=1)),
    "argmax": (lambda: jnp.argmax(X, axis=1), lambda: ops.argmax(X, axis=1)),
    "cumsum": (lambda: jnp.cumsum(X, axis=1), lambda: ops.cumsum(X, axis=1)),
    "sort": (lambda: jnp.sort(X), lambda: ops.sort(X)),
    "argsort": (lambda: jnp.argsort(X), lambda: ops.argsort(X)),
    "matmul": (lambda: jnp.matmul(X, Y), lambda: ops.matmul(X, Y)),
    "dot": (lambda: jnp.dot(X, V), lambda: ops.dot(X, V)),
    "einsum": (lambda: jnp.einsum("ij,jk->ik", X, Y), lambda: ops.einsum("ij,jk->ik", X, Y)),
    "tensordot": (lambda: jnp.tensordot(X, Y, 1), lambda: ops.tensordot(X, Y, 1)),
    "norm": (lambda: jnp.linalg.norm(X, axis=1), lambda: ops.norm(X, axis=1)),
    "reshape": (lambda: jnp.reshape(X, (2, 8)), lambda: ops.reshape(X, (2, 8))),
    "transpose": (lambda: jnp.transpose(X), lambda: ops.transpose(X)),
    "expand_dims": (lambda: jnp.expand_dims(X, 1), lambda: ops.expand_dims(X, 1)),
    "concatenate": (lambda: jnp.concatenate([X, Y]), lambda: ops.concatenate([X, Y])),
    "stack": (lambda: jnp.stack([X, Y]), lambda: ops.stack([X, Y])),
    "split": (lambda: jnp.split(X, 2), lambda: ops.split(X, 2)),
    "pad": (lambda: jnp.pad(X, ((1, 0), (0, 1))), lambda: ops.pad(X, ((1, 0), (0, 1)))),
    "flip": (lambda: jnp.flip(X, 1), lambda: ops.flip(X, 1)),
    "roll": (lambda: jnp.roll(X, 1, 1), lambda: ops.roll(X, 1, 1)),
    "repeat": (lambda: jnp.repeat(X, 2, 1), lambda: ops.repeat(X, 2, 1)),
    "take": (lambda: jnp.take(X, N, axis=0), lambda: ops.take(X, N, axis=0)),
    "zeros": (lambda: jnp.zeros((4, 4)), lambda: ops.zeros((4, 4))),
    "arange": (lambda: jnp.arange(4), lambda: ops.arange(4)),
    "relu": (lambda: jax.nn.relu(X), lambda: ops.relu(X)),
    "gelu": (lambda: jax.nn.gelu(X), lambda: ops.gelu(X)),
    "sigmoid": (lambda: jax.nn.sigmoid(X), lambda: ops.sigmoid(X)),
    "softmax": (lambda: jax.nn.softmax(X), lambda: ops.softmax(X)),
    "logsumexp": (
        lambda: jax.nn.logsumexp(X, axis=1),
        lambda: ops.logsumexp(X, axis=1),
    ),
    "one_hot": (lambda: jax.nn.one_hot(N, 4), lambda: ops.one_hot(N, 4)),
    "segment_sum": (
        lambda: jax.ops.segment_sum(X, N, 4),
        lambda: ops.segment_sum(X, N, 4),
    ),
    "conv": (
        lambda: jax.lax.conv_general_dilated(
            IMAGE, KERNEL, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        ),
        lambda: ops.conv(IMAGE, KERNEL, padding="same"),
    ),
}


def microseconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - start) / CALLS * 1e6


def compare(theirs: Callable[[], Any], ours: Callable[[], Any]) -> tuple[float, float]:
    """The fastest round of each, in microseconds a call."""
    jax.block_until_ready((theirs(), ours()))
    rounds = [(microseconds(theirs), microseconds(ours)) for _ in range(ROUNDS)]
    return min(a for a, _ in rounds), min(b for _, b in rounds)


def main() -> None:
    """Measure the rows that the command line names, and print them, the worst first."""
    wanted = tuple(sys.argv[1:])
    rows = [(name, *compare(*pair)) for name, pair in ROWS.items() if name.startswith(wanted or "")]
    print(f"{'op':14s} {'jax':>8s} {'cornu':>8s} {'more':>8s}   microseconds")
    for name, theirs, ours in sorted(rows, key=lambda row: row[1] - row[2]):
        over = "  over the promise" if ours - theirs > PROMISE else ""
        print(f"{name:14s} {theirs:8.1f} {ours:8.1f} {ours - theirs:8.1f}{over}")


if __name__ == "__main__":
    main()
