"""Each lowering of `cornu.kernels` against the plain XLA form: which still pay with this jax?

    python benchmarks/kernels.py [name ...]         names select rows by their beginning
    make bench-kernels [KERNELS="conv pool"]

Figures are milliseconds of processor time, forward and gradients. "outside" is one compiled call,
"in a loop" one iteration of a `lax.fori_loop`, where XLA:CPU runs some operations through other
code. Every iteration changes an input a little, or XLA would move the whole work out of the loop.
Both forms run in turns. The ratio is that of the plain form to ours, the geometric mean of outside
and in a loop; below .95 the plain form wins, and the row says "no longer pays". The tables of the
kernels name these rows (`tests/kernels/test_tables.py`). Pin the process to one core
(`taskset -c 1`) on a busy machine.
"""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import cornu.core  # noqa: F401 - starts the engine
from cornu import ops
from cornu.kernels import gates, reduce, rows as tall_rows
from cornu.kernels.attention import attention
from cornu.kernels.compiler_options import compiler_options
from cornu.kernels.conv import conv, conv_transpose
from cornu.kernels.crossentropy import (
    picked_is_max,
    sigmoid_crossentropy,
    softmax_crossentropy,
    sparse_softmax_crossentropy,
)
from cornu.kernels.depthwise import depthwise_conv
from cornu.kernels.gather import one_hot_rows, segment_sum
from cornu.kernels.matmul import matmul
from cornu.kernels.normalization import layer_norm, moments
from cornu.kernels.platform import targeting
from cornu.kernels.pool import average_pool, max_pool
from cornu.kernels.random_bits import dropout
from cornu.kernels.recurrence import gru, lstm
from cornu.kernels.resize import resize

ITERATIONS = 3
BUDGET = 0.6  # seconds per pair of figures
PAYS = 0.95  # plain over ours; below, the plain form wins by more than 5 %

Form = Callable[..., Any]


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
            out = fn((first * scale).astype(first.dtype), *others)  # in a half dtype too
            some = sum(leaf.ravel()[0].astype("float32") for leaf in jax.tree.leaves(out))
            return scale + 1e-20 * some, out

        out = jax.tree.map(
            lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(fn, first, *others)
        )
        return lax.fori_loop(0, ITERATIONS, body, (jnp.float32(1), out))[1]

    return run


@contextmanager
def without_own_reductions() -> Iterator[None]:
    """Compile with JAX's own lowering of sums and maxima."""
    before, reduce.MANY = reduce.MANY, math.inf
    try:
        yield
    finally:
        reduce.MANY = before


@dataclass
class Row:
    """One lowering and what it is measured against.

    Args:
        fn: function that takes the lowering.
        arrays: its arguments.
        gradients: whether gradients are measured too.
        plain: the plain form; `fn` itself for another platform if None.
        options: options of the compiler for `fn` alone.
        without: what the plain form is compiled in.
    """

    fn: Form
    arrays: tuple[jax.Array, ...]
    gradients: bool = True
    plain: Form | None = None
    options: dict[str, Any] | None = None
    without: Callable[[], AbstractContextManager[Any]] = lambda: targeting("gpu")

    def figures(self) -> list[tuple[float, float]]:
        """Milliseconds of ours and of the plain form: outside, and in a loop."""
        pairs = []
        for build, calls in ((lambda f: f, 1), (looped, ITERATIONS)):
            forms = []
            for fn, place, options in (
                (self.fn, lambda: targeting("cpu"), self.options),
                (self.plain or self.fn, self.without, None),
            ):
                # A function of its own: jax keeps what it traced of another under other settings.
                form = lambda *arrays, fn=fn: fn(*arrays)  # noqa: E731
                form = build(gradients(form) if self.gradients else form)
                with place():
                    lowered = jax.jit(form, compiler_options=options).lower(*self.arrays)
                    forms.append(lowered.compile())
            ours, plain = milliseconds(forms, self.arrays)
            pairs.append((ours / calls, plain / calls))
        return pairs


def milliseconds(forms: list[Form], arrays: tuple[jax.Array, ...]) -> list[float]:
    """Mean of the faster half of the calls of each form; they run in turns."""
    for form in forms:
        jax.block_until_ready(form(*arrays))
    times: list[list[float]] = [[] for _ in forms]
    end = time.perf_counter() + BUDGET
    while len(times[0]) < 3 or (time.perf_counter() < end and len(times[0]) < 60):
        for form, spent in zip(forms, times, strict=True):
            start = time.process_time()
            jax.block_until_ready(form(*arrays))
            spent.append(time.process_time() - start)
    return [1e3 * float(np.mean(sorted(t)[: (len(t) + 1) // 2])) for t in times]


def rows() -> dict[str, Row]:
    """All lowerings by the names that the tables of the kernels give."""
    labels = jnp.asarray(np.random.default_rng(0).integers(0, 1024, 4096))
    ids = jnp.asarray(np.random.default_rng(0).integers(0, 8192, 2048))
    zeros, words = jnp.zeros((128, 128)), jnp.array([1, 2], jnp.uint32)
    q, short = normal(4, 512, 8, 64), normal(128, 28, 4, 32)
    image, wide, maps = normal(128, 26, 26, 32), normal(4096, 1024), normal(64, 16, 16, 32)
    narrow, half = normal(80000, 16), wide[:512].astype("bfloat16")
    square = normal(1024, 1024).astype("bfloat16")
    table, many = normal(8192, 256), normal(32, 64, 1024)

    def convolution(x, w, strides, padding, groups=1):
        fn = lambda x, w: conv(x, w, strides, padding, groups=groups)  # noqa: E731
        return Row(fn, (normal(*x), 0.1 * normal(*w)))

    def depthwise(x, w, strides=1):
        return Row(lambda x, w: depthwise_conv(x, w, strides, "same"), (normal(*x), normal(*w)))

    def step_rnn(fn, gates, *states):
        arrays = (
            normal(128, 28, 28),
            0.1 * normal(28, gates * 128),
            0.1 * normal(128, gates * 128),
        )
        return Row(lambda x, w, u: fn(x, *states, w, u, None)[0], arrays)

    def batch_norm(x):
        mean, variance = moments(x, (0, 1, 2))
        return (x - mean) * lax.rsqrt(variance + 1e-3)

    def picked(x):
        return -jnp.take_along_axis(jax.nn.log_softmax(x), labels[:, None], 1)[:, 0]

    def masked(x):
        return jnp.where(jax.random.bernoulli(jax.random.key(1), 0.7, x.shape), x / 0.7, 0)

    def sorted_sum(x):
        order = jnp.argsort(labels)
        return jax.ops.segment_sum(x[order], labels[order], 1024, indices_are_sorted=True)

    def gated(tanh, sigmoid):
        def cell(x):
            i, f, o, c = jnp.split(x, 4, 1)
            return sigmoid(o) * tanh(sigmoid(f) * c + sigmoid(i) * tanh(c))

        return cell

    def adam(w, g, m, v):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        return w - 0.001 * m / (jnp.sqrt(v) + 1e-7), m, v

    def reduced(fn, *arrays, gradients=True):
        return Row(fn, arrays, gradients, without=without_own_reductions)

    return {
        "conv 3x3 1->32": convolution((128, 28, 28, 1), (3, 3, 1, 32), 1, "valid"),
        "conv 3x3 32->64": convolution((128, 13, 13, 32), (3, 3, 32, 64), 1, "valid"),
        "conv 3x3 16->16": convolution((64, 32, 32, 16), (3, 3, 16, 16), 1, "same"),
        "conv 3x3 s2 16->32": convolution((64, 32, 32, 16), (3, 3, 16, 32), 2, "same"),
        "conv 1x1 128->128": convolution((32, 28, 28, 128), (1, 1, 128, 128), 1, "same"),
        "conv 16x16 s16 3->192": convolution((8, 224, 224, 3), (16, 16, 3, 192), 16, "valid"),
        "conv 3x3 4 groups 64->64": convolution((32, 16, 16, 64), (3, 3, 16, 64), 1, "same", 4),
        "conv_transpose 4x4 s2 64->64": Row(
            lambda x, w: conv_transpose(x, w, 2, "same"),
            (normal(16, 16, 16, 64), 0.1 * normal(4, 4, 64, 64)),
        ),
        "depthwise 3x3 32": depthwise((64, 32, 32, 32), (3, 3, 32, 1)),
        "depthwise 3x3 s2 32": depthwise((64, 32, 32, 32), (3, 3, 32, 1), 2),
        "depthwise 5x5 64": depthwise((32, 16, 16, 64), (5, 5, 64, 1)),
        "pool max 2x2": Row(lambda x: max_pool(x, 2), (image,)),
        "pool max 3x3 s2": Row(lambda x: max_pool(x, 3, 2), (image,)),
        "pool average 2x2": Row(lambda x: average_pool(x, 2), (image,)),
        "pool average 3x3 s2": Row(lambda x: average_pool(x, 3, 2), (image,)),
        "resize 224 -> 160": Row(
            lambda x: resize(x, (160, 160), "linear", False), (normal(8, 224, 224, 3),), False
        ),
        "resize 28 -> 56": Row(
            lambda x: resize(x, (56, 56), "linear", False), (normal(8, 28, 28, 64),)
        ),
        "lstm 28x128, 128 units": step_rnn(lstm, 4, zeros, zeros),
        "gru 28x128, 128 units": step_rnn(gru, 3, zeros),
        "gates 256x128": Row(
            gated(gates.tanh, gates.sigmoid), (normal(256, 512),), False,
            gated(jnp.tanh, jax.nn.sigmoid),
        ),
        "attention 28, 4x32": Row(lambda q: attention(q, q, q), (short,)),
        "attention 512, 8x64 causal": Row(lambda q: attention(q, q, q, causal=True), (q,)),
        "attention bfloat16 causal": Row(
            lambda q: attention(q, q, q, causal=True), (q.astype("bfloat16"),)
        ),
        "moments 64x32x32x16": Row(batch_norm, (normal(64, 32, 32, 16),)),
        "layer_norm 4096x256": Row(lambda x: layer_norm(x, None, None, 1e-3), (wide[:, :256],)),
        "reduce layer_norm 4096x256": reduced(
            lambda x: layer_norm(x, None, None, 1e-3), wide[:, :256]
        ),
        "reduce mean square 128x784": reduced(
            lambda x: jnp.mean(jnp.square(x), -1), normal(128, 784)
        ),
        "reduce batch_norm 64x16x16x32": reduced(batch_norm, maps),
        "reduce bias gradient 128x26x26x32": reduced(lambda x: x.sum((0, 1, 2)), image),
        "rows weight gradient": Row(
            tall_rows.rows_product, (wide[:2048], normal(1024, 256)), plain=jnp.dot
        ),
        "rows layer": Row(tall_rows.matmul, (many, normal(1024, 256)), plain=jnp.matmul),
        "matmul bfloat16": Row(matmul, (half, square), plain=jnp.matmul),
        "gather embedding": Row(
            lambda t: ops.take(t, ids, axis=0), (table,),
            plain=lambda t: one_hot_rows(ids, 8192) @ t,
        ),
        "gather segment_sum": Row(
            lambda x: segment_sum(x, labels, 1024), (wide[:, :256],),
            plain=lambda x: sorted_sum(x),
        ),
        "crossentropy": Row(
            lambda x: sparse_softmax_crossentropy(x, labels), (wide,), plain=picked
        ),
        "crossentropy soft": Row(
            lambda x: softmax_crossentropy(x, jnp.full_like(x, 1 / 1024)), (wide,),
            plain=lambda x: -(jax.nn.log_softmax(x) / 1024).sum(-1),
        ),
        "crossentropy sigmoid": Row(
            lambda x: sigmoid_crossentropy(x, x), (wide,), False,
            lambda x: jnp.logaddexp(0, x) - x * x,
        ),
        "accuracy": Row(
            lambda x: picked_is_max(x, labels), (wide,), False, lambda x: x.argmax(-1) == labels
        ),
        "dropout": Row(lambda x: dropout(x, 0.3, words), (wide,), plain=masked),
        "options adam 80000x16": Row(
            adam, (narrow, narrow, narrow, narrow), False, adam, compiler_options([narrow])
        ),
    }  # fmt: skip


def main(names: list[str]) -> None:
    """Measure the rows that are named, all by default, and say which lowerings do not pay."""
    heads = ("outside", "plain", "in a loop", "plain", "ratio")
    print(f"jax {jax.__version__}, milliseconds")
    print(" " * 34 + "".join(f"{head:>10}" for head in heads))
    lost = []
    for name, row in rows().items():
        if names and not any(name.startswith(n) for n in names):
            continue
        pairs = row.figures()
        ratio = math.prod(plain / ours for ours, plain in pairs) ** (1 / len(pairs))
        numbers = "".join(f"{x:10.2f}" for pair in pairs for x in pair)
        lost += [name] if ratio < PAYS else []
        print(f"{name:34}{numbers}{ratio:10.2f}{'  no longer pays' * (ratio < PAYS)}", flush=True)
    print("no longer pay:", ", ".join(lost) or "none")


if __name__ == "__main__":
    main(sys.argv[1:])
