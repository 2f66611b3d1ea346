"""Shapes of ops without tracing them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu import ops
from cornu.core.graph import shapes
from cornu.core.graph.shapes import broadcast_shape
from cornu.core.programs import cache
from cornu.core.symbolic import KerasTensor, infer
from cornu.core.variable import Variable

N = None


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((N, 4), (3, 4), (3, 4)),
        ((N, 4), (1, 4), (N, 4)),
        ((N, 1), (N, 4), (N, 4)),
        ((4,), (N, 1), (N, 4)),
        ((), (N,), (N,)),
        ((5, N, 4), (N, 4), (5, N, 4)),
        ((5, 3, 4), (N, N), (5, 3, 4)),
        ((0,), (1,), (0,)),
    ],
)
def test_broadcasting_with_unknown_sizes(a, b, expected):
    assert broadcast_shape(a, b) == broadcast_shape(b, a) == expected
    assert ops.add(KerasTensor(a), KerasTensor(b)).shape == expected


def test_sizes_that_do_not_broadcast():
    with pytest.raises(ValueError, match="broadcast"):
        broadcast_shape((3, 4), (N, 5))
    with pytest.raises(ValueError, match=r"x1 float32 \(3, 4\), x2 float32 \(None, 5\)"):
        ops.add(KerasTensor((3, 4)), KerasTensor((N, 5)))


# function, shapes of the arguments, shape of the result: an unknown size meets a known one
MEETINGS = [
    (ops.matmul, [(N, 2, 4), (3, 4, 5)], (3, 2, 5)),
    (ops.matmul, [(N, N), (3, 4)], (N, 4)),
    (ops.matmul, [(N, N, N), (3, N, 5)], (3, N, 5)),
    (lambda a, b: ops.concatenate([a, b], axis=1), [(N, 4), (3, 4)], (3, 8)),
    (lambda a, b: ops.concatenate([a, b], axis=0), [(N, 4), (3, N)], (N, 4)),
    (lambda a, b: ops.stack([a, b]), [(N, 4), (3, 4)], (2, 3, 4)),
    (lambda a, b: ops.einsum("ij,ik->jk", a, b), [(N, 4), (3, 5)], (4, 5)),
    (lambda a, b: ops.where(a > 0, a, b), [(N, 4), (3, 1)], (3, 4)),
    (ops.binary_crossentropy, [(N, 4), (3, 4)], (3, 4)),
    (ops.dot_product_attention, [(N, 5, 2, 4), (3, 6, 2, 4), (3, 6, 2, 4)], (3, 5, 2, 4)),
    (lambda a: a + np.ones((3, 1), "float32"), [(N, 4)], (3, 4)),
    (lambda a: ops.isclose(a, Variable(np.ones((3, 4)))), [(N, 4)], (3, 4)),
]


@pytest.mark.parametrize(("fn", "sizes", "expected"), MEETINGS)
def test_an_unknown_size_takes_the_known_one_it_meets(fn, sizes, expected):
    assert fn(*map(KerasTensor, sizes)).shape == expected


def test_a_layer_may_meet_a_known_size_too():
    out = infer(jnp.add, KerasTensor((N, 4)), KerasTensor((3, 4)))
    assert out.shape == (3, 4)
    with pytest.raises(TypeError, match=r"\(None, 4\)"):
        infer(lambda a, b: jnp.concatenate([a, b]), KerasTensor((N, 4)), KerasTensor((3, 5)))


@pytest.mark.parametrize("name", ["absolute", "sqrt", "isnan", "logical_not", "real", "relu"])
@pytest.mark.parametrize("dtype", ["bool", "int8", "float16", "complex64"])
def test_the_rule_of_an_element_says_what_a_trace_says(name, dtype):
    op = getattr(ops, name)
    struct = jax.ShapeDtypeStruct((3, 2), dtype)
    try:
        real = jax.eval_shape(op, struct)
    except (TypeError, ValueError):
        with pytest.raises(ValueError, match="does not accept"):
            op(KerasTensor((3, 2), dtype))
        return
    got = op(KerasTensor((3, 2), dtype))
    assert (got.shape, got.dtype) == (real.shape, real.dtype)


@pytest.mark.parametrize("settings", [{}, {"axis": -1}, {"axis": (0, 2), "keepdims": True}])
@pytest.mark.parametrize("name", ["sum", "mean", "any", "amax"])
def test_the_rule_of_folded_axes_says_what_a_trace_says(name, settings):
    op = getattr(ops, name)
    real = jax.eval_shape(lambda x: op(x, **settings), jax.ShapeDtypeStruct((5, 3, 2), "int8"))
    got = op(KerasTensor((5, 3, 2), "int8"), **settings)
    assert (got.shape, got.dtype) == (real.shape, real.dtype)
    with pytest.raises(ValueError, match="axis"):
        op(KerasTensor((N, 3)), axis=2)


def test_scalars_decide_no_more_than_the_kind():
    x = KerasTensor((N,), "uint8")
    assert ops.add(x, 3).dtype == "uint8"
    assert ops.add(x, 0.5).dtype == "float32"
    assert ops.add(KerasTensor((N,), "int16"), 300).dtype == "int16"


def test_what_was_found_is_not_found_again():
    cache.forget_all()
    runs = []

    def counting(*args, **kwargs):
        runs.append(args)
        return infer(*args, **kwargs)

    x, original = KerasTensor((N, 7)), shapes.infer
    shapes.infer = counting
    try:
        first, second = ops.softmax(x), ops.softmax(x)
        other = ops.softmax(x, axis=0)
        part, again = x[:, 1:3], x[:, 1:3]
    finally:
        shapes.infer = original
    assert len(runs) == 3
    assert first is not second and first.shape == second.shape == other.shape
    assert part.shape == again.shape == (N, 2)
