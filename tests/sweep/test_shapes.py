"""Compiled programs at awkward sizes against numpy in float64.

Ranks 0 to 8, axes of size zero and one, rows around 2^15 and 2^17, transposed and broadcast
operands, maps inside loops: each shape is one program of many results, as programs of users are.
"""

import itertools

import jax
import numpy as np
import pytest
from jax import lax

from cornu import ops
from sweep.rows import WHOLE

SHAPES = [
    (), (1,), (0,), (0, 3), (4, 0, 5), (5000,), (131073,), (32769, 3), (3, 1, 2, 2, 8, 8, 8),
    (2, 1, 3, 2, 1, 2, 3, 129),
]  # fmt: skip
MORE_SHAPES = [
    (131071, 1), (1, 131073), (131072, 2), (3, 32769), (32767, 4), (32768, 1, 3), (2,) * 8,
    (7, 1, 9, 1, 5, 1, 3, 17), (4,) * 7, (1,) * 8, (10, 4, 6, 3, 3, 3, 3), (64, 9, 7, 16),
    (64, 9, 7, 1), (33, 65, 129), (1, 1, 70000), (2, 3, 0, 4, 1, 2), (257, 1023),
]  # fmt: skip
ROW_COUNTS = (
    [2**15 + 1] if not WHOLE else [2**15 - 1, 2**15, 2**15 + 1, 40000, 2**17 - 1, 2**17 + 1]
)

ELEMENTWISE = {
    "exp": np.exp, "tanh": np.tanh, "square": np.square, "sin": np.sin, "abs": np.abs,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "relu": lambda x: np.maximum(x, 0),
    "softplus": lambda x: np.logaddexp(x, 0), "sign": np.sign, "expm1": np.expm1,
}  # fmt: skip
REDUCTIONS = {
    "sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min, "var": np.var, "std": np.std,
    "logsumexp": lambda x, axis: np.log(np.sum(np.exp(x), axis=axis)),
    "norm": lambda x, axis: np.sqrt(np.sum(x * x, axis=axis)),
    "any": np.any,
    "count_nonzero": np.count_nonzero,
}  # fmt: skip
# Reductions that need a number, and those that numpy warns of without one.
OF_SOME = {"max", "min", "mean", "var", "std", "logsumexp"}
PRODUCTS = [
    ("ij,jk->ik", (5, 3), (3, 7)), ("ij,jk->ik", (1, 4097), (4097, 1)),
    ("ij,jk->ik", (32769, 3), (3, 2)), ("ij,jk->ik", (0, 3), (3, 4)),
    ("ij,jk->ik", (4, 0), (0, 3)), ("ij,kj->ik", (65, 129), (33, 129)),
    ("ji,jk->ik", (32769, 2), (32769, 3)), ("bij,bjk->bik", (2, 1, 9), (2, 9, 17)),
    ("abij,abjk->abik", (3, 1, 4, 5), (3, 1, 5, 8)), ("ij,j->i", (32769, 3), (3,)),
    ("abcij,abcjk->abcik", (2, 1, 3, 4, 5), (2, 1, 3, 5, 9)), ("i,j->ij", (129,), (65,)),
    ("bij,bj->bi", (4097, 2, 3), (4097, 3)), ("i,i->", (131073,), (131073,)),
    ("abcdij,ij->abcd", (2, 1, 3, 2, 8, 8), (8, 8)), ("bij,kj->bik", (7, 33, 8), (9, 8)),
    ("bqhd,bkhd->bhqk", (2, 9, 3, 8), (2, 17, 3, 8)),
]  # fmt: skip


def numbers(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def axes_of(rank):
    """All axes, the first, the last, both ends, the middle; in the whole sweep all choices."""
    if WHOLE and rank <= 5:
        places = range(rank)
        return [None, *(c for k in range(1, rank + 1) for c in itertools.combinations(places, k))]
    ends = (
        {(0,), (rank - 1,), (0, rank - 1), (rank // 2,), tuple(range(rank - 1))} if rank else set()
    )
    return [None, *sorted(axes for axes in ends if axes and len(set(axes)) == len(axes))]


def near(got, wanted, size, what):
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.shape == wanted.shape, what
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=2e-6 * max(size, 1), err_msg=what)


@pytest.mark.parametrize("shape", SHAPES + WHOLE * MORE_SHAPES, ids=str)
def test_elementwise_ops_reductions_and_their_gradients(shape):
    """Reductions of a product of two arrays, one of them broadcast, one transposed."""
    x, y = numbers(shape), numbers(shape[-1:], 1)
    turned = np.ascontiguousarray(x.T)
    axes = axes_of(len(shape))
    empty = [a for a in axes if 0 in np.take(shape or (1,), range(len(shape)) if a is None else a)]
    names = [n for n in REDUCTIONS if not (empty and n in OF_SOME)]
    # a norm is that of a vector or of a matrix
    pairs = [p for p in itertools.product(names, axes) if p[0] != "norm" or len(p[1] or "1") < 3]

    def reductions(x, y):
        return [getattr(ops, n)(x * y + x, axis=a) for n, a in pairs]

    def program(x, y, turned):
        simple = {n: getattr(ops, n)(x) for n in ELEMENTWISE}

        def total(x, y):
            summed = zip(pairs, reductions(x, y), strict=True)
            return sum(ops.sqrt(1 + r * r).sum() for (n, _), r in summed if n in ("sum", "norm"))

        return (
            simple,
            reductions(x, y),
            ops.sum(ops.transpose(turned) * x),
            jax.grad(total, (0, 1))(x, y),
        )

    simple, reduced, product, (dx, dy) = jax.jit(program)(x, y, turned)
    wide, other = x.astype(float), y.astype(float)
    for name, reference in ELEMENTWISE.items():
        near(simple[name], reference(wide), 1, name)
    mixed = wide * other + wide
    for (name, axis), got in zip(pairs, reduced, strict=True):
        wanted = REDUCTIONS[name](mixed, axis=axis)
        near(got, wanted, mixed.size / max(np.size(wanted), 1), f"{name} over {axis}")
    near(product, (wide * wide).sum(), x.size, "transposed")
    gx, gy = slopes(mixed, wide, other, [p for p in pairs if p[0] in ("sum", "norm")])
    near(dx, gx, abs(gx).max(initial=1) * 50, "gradient")
    near(dy, gy, abs(gy).max(initial=1) * 50, "gradient of what is broadcast")


def slopes(mixed, x, y, pairs):
    """The gradients of the sum of sqrt(1 + r^2) over all reductions, by hand."""
    total = np.zeros_like(mixed)
    for name, axis in pairs:
        r = REDUCTIONS[name](mixed, axis=axis)
        outer = r / np.sqrt(1 + r * r)
        where = tuple(range(mixed.ndim)) if axis is None else axis
        with np.errstate(all="ignore"):
            along = 1.0 if name == "sum" else mixed / np.expand_dims(r, where)
        total += np.expand_dims(outer, where) * along
    back = total * x
    return total * (y + 1), back.sum(tuple(range(back.ndim - y.ndim))).reshape(y.shape)


@pytest.mark.parametrize("count", ROW_COUNTS)
def test_maps_over_many_rows_in_a_loop(count):
    """What a vectorized row gives, with its gradient, in a scan, against the whole array."""
    w, x = numbers((3, 3)), numbers((2, count, 3), 2)

    def row(r):
        z = ops.matmul(w, r)
        return {
            "length": ops.sum(ops.square(z)), "highest": ops.max(z), "mean": ops.mean(z * r),
            "softmax": ops.softmax(z), "spread": ops.var(z),
            "normal": ops.layer_normalization(z, epsilon=1e-3),
            "logsumexp": ops.logsumexp(z), "unit": ops.normalize(ops.expand_dims(z, 0)),
        }  # fmt: skip

    def step(carry, rows):
        slope = jax.grad(lambda rows: ops.vectorized_map(row, rows)["length"].sum())
        return carry, (ops.vectorized_map(row, rows), slope(rows))

    got, slope = jax.jit(lambda x: lax.scan(step, 0, x)[1])(x)
    wide, m = x.astype(float), w.astype(float)
    z = wide @ m.T
    e = np.exp(z - z.max(-1, keepdims=True))
    mean, variance = z.mean(-1, keepdims=True), z.var(-1, keepdims=True)
    wanted = {
        "length": (z * z).sum(-1), "highest": z.max(-1), "mean": (z * wide).mean(-1),
        "softmax": e / e.sum(-1, keepdims=True), "spread": variance[..., 0],
        "normal": (z - mean) / np.sqrt(variance + 1e-3),
        "logsumexp": np.log(np.exp(z).sum(-1)),
        "unit": (z / np.sqrt((z * z).sum(-1, keepdims=True)))[..., None, :],
    }  # fmt: skip
    for name, reference in wanted.items():
        near(got[name], reference, 30, name)
    near(slope, 2 * z @ m, 30, "gradient")


def test_products_of_any_rank_and_their_gradients():
    """One program for all: batched, transposed, of size one, of size zero."""
    arrays = [(numbers(a, 3), numbers(b, 4)) for _, a, b in PRODUCTS]

    def program(arrays):
        def loss(arrays):
            results = [
                ops.einsum(letters, a, b)
                for (letters, _, _), (a, b) in zip(PRODUCTS, arrays, strict=True)
            ]
            return sum(ops.sum(ops.square(r)) for r in results), results

        return jax.grad(loss, has_aux=True)(arrays)

    gradients, results = jax.jit(program)(arrays)
    for (letters, _, _), pair, got, slopes_of in zip(
        PRODUCTS, arrays, results, gradients, strict=True
    ):
        a, b = (x.astype(float) for x in pair)
        wanted = np.einsum(letters, a, b)
        near(got, wanted, 50 * abs(wanted).max(initial=1), letters)
        (first, second), result = letters.split("->")[0].split(","), letters.split("->")[1]
        back = np.einsum(f"{result},{second}->{first}", 2 * wanted, b)
        near(slopes_of[0], back, 100 * abs(back).max(initial=1), f"gradient of {letters}")
