"""Each kernel against the plain XLA form: milliseconds of processor time, forward + gradients.

    python benchmarks/kernels.py [name ...]         names select rows by their beginning

"outside" is one compiled call, "in a loop" one iteration of a `lax.fori_loop`, where XLA:CPU runs
some operations through other code. Every iteration changes an input a little, or XLA would move
the whole work out of the loop. Pin the process to one core (`taskset -c 1`) on a busy machine.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import cornu.core  # noqa: F401 - starts the engine
from cornu.kernels.attention import attention
from cornu.kernels.conv import conv, conv_transpose
from cornu.kernels.crossentropy import (
    picked_is_max,
    sigmoid_crossentropy,
    sparse_softmax_crossentropy,
)
from cornu.kernels.depthwise import depthwise_conv
from cornu.kernels.normalization import layer_norm, moments
from cornu.kernels.platform import targeting
from cornu.kernels.pool import average_pool, max_pool
from cornu.kernels.random_bits import dropout
from cornu.kernels.recurrence import gru, lstm

ITERATIONS = 3
BUDGET = 0.4  # seconds a figure


def normal(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).normal(size=shape).astype("float32"))


def gradients(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Gradients to all arguments of half the sum of squares (so that none is a constant)."""

    def loss(*arrays):
        return sum(0.5 * jnp.square(r).sum() for r in jax.tree.leaves(fn(*arrays)))

    return lambda *arrays: jax.grad(loss, tuple(range(len(arrays))))(*arrays)


def looped(fn: Callable[..., Any]) -> Callable[..., Any]:
    def run(first, *others):
        def body(_, carry):
            scale, _ = carry
            out = fn(first * scale, *others)
            some = sum(leaf.ravel()[0].astype("float32") for leaf in jax.tree.leaves(out))
            return scale + 1e-20 * some, out

        out = jax.tree.map(
            lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(fn, first, *others)
        )
        return lax.fori_loop(0, ITERATIONS, body, (jnp.float32(1), out))[1]

    return run


def milliseconds(fn: Callable[..., Any], *arrays: jax.Array) -> float:
    """Mean of the faster half of the calls."""
    fn = jax.jit(fn)
    jax.block_until_ready(fn(*arrays))
    times: list[float] = []
    end = time.perf_counter() + BUDGET
    while len(times) < 2 or (time.perf_counter() < end and len(times) < 40):
        start = time.process_time()
        jax.block_until_ready(fn(*arrays))
        times.append(time.process_time() - start)
    return 1e3 * float(np.mean(sorted(times)[: (len(times) + 1) // 2]))


def rows() -> list[tuple[str, Callable[..., Any], tuple[jax.Array, ...], bool]]:
    """Name, function, arrays, whether to measure it with gradients."""
    labels = jnp.asarray(np.random.default_rng(0).integers(0, 1024, 4096))
    zeros, words = jnp.zeros((128, 128)), jnp.array([1, 2], jnp.uint32)

    def batch_norm(x):
        mean, variance = moments(x, (0, 1, 2))
        return (x - mean) * lax.rsqrt(variance + 1e-3)

    def convolution(x, w, strides, padding):
        row = lambda x, w: conv(x, w, strides, padding)  # noqa: E731
        return row, (normal(*x), 0.1 * normal(*w)), True

    def step_rnn(fn, gates, *states):
        arrays = (
            normal(128, 28, 28),
            0.1 * normal(28, gates * 128),
            0.1 * normal(128, gates * 128),
        )
        return lambda x, w, u: fn(x, *states, w, u, None)[0], arrays, True

    q = normal(4, 512, 8, 64)
    short = normal(128, 28, 4, 32)
    image, wide = normal(128, 26, 26, 32), normal(4096, 1024)
    return [
        ("conv 3x3 1->32", *convolution((128, 28, 28, 1), (3, 3, 1, 32), 1, "valid")),
        ("conv 3x3 32->64", *convolution((128, 13, 13, 32), (3, 3, 32, 64), 1, "valid")),
        ("conv 3x3 16->16", *convolution((64, 32, 32, 16), (3, 3, 16, 16), 1, "same")),
        ("conv 3x3 s2 16->32", *convolution((64, 32, 32, 16), (3, 3, 16, 32), 2, "same")),
        ("conv 1x1 128->128", *convolution((32, 28, 28, 128), (1, 1, 128, 128), 1, "same")),
        ("conv 16x16 s16 3->192", *convolution((8, 224, 224, 3), (16, 16, 3, 192), 16, "valid")),
        (
            "conv_transpose 4x4 s2 64->64",
            lambda x, w: conv_transpose(x, w, 2, "same"),
            (normal(16, 16, 16, 64), 0.1 * normal(4, 4, 64, 64)),
            True,
        ),
        (
            "depthwise 3x3 32",
            lambda x, w: depthwise_conv(x, w, 1, "same"),
            (normal(64, 32, 32, 32), normal(3, 3, 32, 1)),
            True,
        ),
        ("pool max 2x2", lambda x: max_pool(x, 2), (image,), True),
        ("pool max 3x3 s2", lambda x: max_pool(x, 3, 2), (image,), True),
        ("pool average 3x3 s2", lambda x: average_pool(x, 3, 2), (image,), True),
        ("lstm 28x128, 128 units", *step_rnn(lstm, 4, zeros, zeros)),
        ("gru 28x128, 128 units", *step_rnn(gru, 3, zeros)),
        ("attention 28, 4x32", lambda q: attention(q, q, q), (short,), True),
        ("attention 512, 8x64 causal", lambda q: attention(q, q, q, causal=True), (q,), True),
        ("batch_norm 64x32x32x16", batch_norm, (normal(64, 32, 32, 16),), True),
        ("layer_norm 4096x256", lambda x: layer_norm(x, None, None, 1e-3), (wide[:, :256],), True),
        ("crossentropy", lambda x: sparse_softmax_crossentropy(x, labels), (wide,), True),
        ("crossentropy sigmoid", lambda x: sigmoid_crossentropy(x, x), (wide,), False),
        ("accuracy", lambda x: picked_is_max(x, labels), (wide,), False),
        ("dropout", lambda x: dropout(x, 0.3, words), (wide,), True),
    ]


def references() -> dict[str, Callable[..., Any]]:
    """Plain forms of the kernels that are the same on every platform."""
    labels = jnp.asarray(np.random.default_rng(0).integers(0, 1024, 4096))

    def masked(x):
        return jnp.where(jax.random.bernoulli(jax.random.key(1), 0.7, x.shape), x / 0.7, 0)

    def picked(x):
        return -jnp.take_along_axis(jax.nn.log_softmax(x), labels[:, None], 1)[:, 0]

    return {
        "crossentropy": picked,
        "crossentropy sigmoid": lambda x: jnp.logaddexp(0, x) - x * x,
        "accuracy": lambda x: x.argmax(-1) == labels,
        "dropout": masked,
    }


def main(names: list[str]) -> None:
    print(f"{'milliseconds':32}{'outside':>9}{'plain':>9}{'in a loop':>12}{'plain':>9}")
    plain_forms = references()
    for name, fn, arrays, with_gradients in rows():
        if names and not any(name.startswith(n) for n in names):
            continue
        figures = []
        for build, calls in ((lambda f: f, 1), (looped, ITERATIONS)):
            for target, form in (("cpu", fn), ("gpu", plain_forms.get(name, fn))):
                form = gradients(form) if with_gradients else form
                with targeting(target):
                    figures.append(milliseconds(build(form), *arrays) / calls)
        mine, plain, mine_loop, plain_loop = figures
        print(f"{name:32}{mine:9.2f}{plain:9.2f}{mine_loop:12.2f}{plain_loop:9.2f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
