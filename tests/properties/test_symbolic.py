"""The symbolic shape of an op is the shape of what it computes, whichever axes are unknown.

Each op is called on symbolic tensors with None in random axes, and twice on arrays with different
sizes in their place: an axis of the result that comes out the same is known, the others are None.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import pytest
from hypothesis import strategies as st

from cornu import ops
from cornu.core.symbolic import KerasTensor
from properties.laws import law, numbers


class Case(NamedTuple):
    """An op of arrays; equal letters in the shapes are equal sizes, numbers are known sizes."""

    name: str
    call: Any
    shapes: tuple[str, ...]
    dtype: str = "float32"


SIZES = {"a": 4, "b": 6, "c": 8}
OTHERS = {"a": 10, "b": 12, "c": 2}

CASES = [
    Case("relu", ops.relu, ("abc",)),
    Case("add", ops.add, ("abc", "bc")),
    Case("add one row", ops.add, ("ab", "1b")),
    Case("multiply by a column", ops.multiply, ("abc", "ab1")),
    Case("where", lambda x, y: ops.where(x > 0, x, y), ("ab", "ab")),
    Case("sum", lambda x: ops.sum(x, axis=1), ("abc",)),
    Case("mean", lambda x: ops.mean(x, axis=(0, -1), keepdims=True), ("abc",)),
    Case("max of all", ops.max, ("abc",)),
    Case("argmax", lambda x: ops.argmax(x, axis=-1), ("abc",)),
    Case("cumsum", lambda x: ops.cumsum(x, axis=1), ("ab",)),
    Case("softmax", ops.softmax, ("ab3",)),
    Case("logsumexp", lambda x: ops.logsumexp(x, axis=0), ("ab",)),
    Case("transpose", ops.transpose, ("abc",)),
    Case("moveaxis", lambda x: ops.moveaxis(x, 0, -1), ("abc",)),
    Case("expand_dims", lambda x: ops.expand_dims(x, -2), ("ab",)),
    Case("squeeze", lambda x: ops.squeeze(x, 1), ("a1b",)),
    Case("reshape", lambda x: ops.reshape(x, (-1, 3)), ("ab3",)),
    Case("reshape to pairs", lambda x: ops.reshape(x, (-1, 2, 2)), ("a4",)),
    Case("ravel", ops.ravel, ("ab",)),
    Case("concatenate", lambda x, y: ops.concatenate([x, y], axis=0), ("ab", "ab")),
    Case("concatenate features", lambda x, y: ops.concatenate([x, y], axis=-1), ("ab", "a3")),
    Case("stack", lambda x, y: ops.stack([x, y], axis=1), ("ab", "ab")),
    Case("split", lambda x: ops.split(x, 2, axis=1), ("a4b",)),
    Case("split at", lambda x: ops.split(x, [1], axis=0), ("ab",)),
    Case("pad", lambda x: ops.pad(x, ((0, 0), (1, 2))), ("ab",)),
    Case("roll", lambda x: ops.roll(x, 1, 1), ("ab",)),
    Case("flip", lambda x: ops.flip(x, 0), ("ab",)),
    Case("repeat", lambda x: ops.repeat(x, 2, axis=1), ("ab",)),
    Case("tile", lambda x: ops.tile(x, (1, 2)), ("ab",)),
    Case("take", lambda x: ops.take(x, [0, 1], axis=1), ("abc",)),
    Case("item", lambda x: x[:, 1:, None], ("ab",)),
    Case("last item", lambda x: x[..., -1], ("abc",)),
    Case("sort", ops.sort, ("ab",)),
    Case("top_k", lambda x: ops.top_k(x, 2), ("ab",)),
    Case("cast", lambda x: ops.cast(x, "int32"), ("ab",)),
    Case("one_hot", lambda x: ops.one_hot(x, 5), ("ab",), "int32"),
    Case("matmul", ops.matmul, ("ab", "bc")),
    Case("matmul in batches", ops.matmul, ("abc", "ac3")),
    Case("dot", ops.dot, ("ab", "b3")),
    Case("einsum", lambda x, y: ops.einsum("ij,kj->ik", x, y), ("ab", "cb")),
    Case("tensordot", lambda x, y: ops.tensordot(x, y, axes=1), ("abc", "c2")),
    Case("outer", ops.outer, ("a", "b")),
    Case("norm", lambda x: ops.norm(x, axis=1), ("ab",)),
    Case("zeros_like", ops.zeros_like, ("ab",)),
    Case("rfft", ops.rfft, ("a8",)),
    Case("segment_sum", lambda x: ops.segment_sum(x, [0, 1, 1], num_segments=4), ("3a",)),
    Case("max_pool", lambda x: ops.max_pool(x, 2), ("ab3",)),
    Case("max_pool same", lambda x: ops.max_pool(x, 2, padding="same"), ("abc3",)),
    Case("conv", lambda x: ops.conv(x, numbers((2, 3, 5)), padding="valid"), ("ab3",)),
    Case("conv same", lambda x: ops.conv(x, numbers((3, 3, 3, 5)), 2, "same"), ("abc3",)),
    Case(
        "conv_transpose",
        lambda x: ops.conv_transpose(x, numbers((3, 5, 3)), 2, "same"),
        ("ab3",),
    ),
    Case("resize", lambda x: ops.image.resize(x, (3, 5)), ("abc3",)),
    Case("crop_images", lambda x: ops.image.crop_images(x, 1, 0, 0, 1), ("abc3",)),
    Case("rearrange", lambda x: ops.rearrange(x, "a b c -> c (a b)"), ("abc",)),
    Case("space_to_depth", lambda x: ops.space_to_depth(x, 2), ("abc3",)),
    Case("attention", ops.dot_product_attention, ("ab23", "ac23", "ac23")),
    Case("layer_normalization", ops.layer_normalization, ("ab3",)),
    Case("map", lambda x: ops.map(lambda row: row[:2], x), ("ab",)),
    Case("vectorized_map", lambda x: ops.vectorized_map(lambda row: row[None], x), ("ab",)),
    Case("scan", lambda x: ops.scan(lambda c, r: (c + r.sum(), r + c), ops.zeros(()), x), ("ab",)),
]


def sized(shape, sizes):
    return tuple(sizes[letter] if letter in sizes else int(letter) for letter in shape)


def described(results):
    return [(tuple(x.shape), str(x.dtype)) for x in jax.tree.leaves(results)]


def expected(case, unknown):
    """What is known of the result when the sizes of some letters are not."""

    def run(sizes):
        arrays = [jax.ShapeDtypeStruct(sized(s, sizes), case.dtype) for s in case.shapes]
        return described(jax.eval_shape(case.call, *arrays))

    pairs = zip(run(SIZES), run(SIZES | {k: OTHERS[k] for k in unknown}), strict=True)
    return [
        (tuple(m if m == n else None for m, n in zip(a, b, strict=True)), dtype)
        for (a, dtype), (b, _) in pairs
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@law(examples=4, data=st.data())
def test_symbolic_shapes(case, data):
    letters = sorted({x for shape in case.shapes for x in shape if x in SIZES})
    unknown = data.draw(st.sets(st.sampled_from(letters)))
    sizes = {k: None if k in unknown else n for k, n in SIZES.items()}
    symbols = [KerasTensor(sized(s, sizes), case.dtype) for s in case.shapes]
    assert described(case.call(*symbols)) == expected(case, unknown)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_executed_shapes(case):
    """What runs has the shape that the trace promised."""
    arrays = [jnp.asarray(numbers(sized(s, SIZES), case.dtype)) for s in case.shapes]
    assert described(case.call(*arrays)) == expected(case, ())
