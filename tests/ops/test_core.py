"""Control flow with Variables, and gradients of one's own."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import cornu
from cornu import ops
from cornu.core.symbolic import KerasTensor
from cornu.core.variable import Variable


def test_scan_carries_what_the_body_writes():
    count = Variable(0, dtype="int32")

    def body(carry, x):
        count.assign_add(1)
        return carry + x, carry * x

    carry, ys = ops.scan(body, 0.0, jnp.arange(4.0))
    assert float(carry) == 6.0 and ys.tolist() == [0.0, 0.0, 2.0, 9.0]
    assert int(count.value) == 4
    assert float(ops.scan(body, 0.0, jnp.arange(4.0), reverse=True)[0]) == 6.0
    with pytest.raises(ValueError, match="length"):
        ops.scan(body, 0.0)
    with pytest.raises(TypeError, match="function"):
        ops.scan(3, 0.0, jnp.arange(4.0))


def test_associative_scan():
    assert ops.associative_scan(lambda a, b: a * b, jnp.array([1, 2, 3])).tolist() == [1, 2, 6]
    back = ops.associative_scan(lambda a, b: a + b, jnp.array([1, 2, 3]), reverse=True)
    assert back.tolist() == [6, 5, 3]
    pair = {"a": KerasTensor((None, 3)), "b": KerasTensor((None, 2), "int32")}
    made = ops.associative_scan(lambda a, b: {k: a[k] + b[k] for k in a}, pair)
    assert {k: (t.shape, t.dtype) for k, t in made.items()} == {
        "a": ((None, 3), "float32"),
        "b": ((None, 2), "int32"),
    }


def test_while_loop():
    seen = Variable(0, dtype="int32")

    def body(i, total):
        seen.assign_add(1)
        return i + 1, total + 2.0 * i

    i, total = ops.while_loop(lambda i, total: i < 5, body, (0, 0.0))
    assert int(i) == 5 and float(total) == 20.0 and int(seen.value) == 5
    stopped = ops.while_loop(lambda i: i < 100, lambda i: (i + 1,), (0,), maximum_iterations=3)
    assert int(stopped[0]) == 3
    assert int(ops.while_loop(lambda i: i < 4, lambda i: i + 3, 0)) == 6


@pytest.mark.parametrize("most", [None, 2])
@pytest.mark.parametrize("library", [cornu, keras])
def test_while_loop_over_nested_states(library, most):
    def double(state):
        return {"i": state["i"] + 1, "x": [2 * state["x"][0]]}

    start = {"i": 0, "x": [np.float32(3)]}
    loop = library.ops.while_loop
    got = loop(lambda s: s["i"] < 4, double, start, maximum_iterations=most)
    assert got == {"i": most or 4, "x": [12.0 if most else 48.0]}
    several = loop(
        lambda s, n: n < 4, lambda s, n: (double(s), n + 1), [start, 0], maximum_iterations=most
    )
    assert several == (got, most or 4)


def test_fori_loop_cond_switch():
    hits = Variable(0, dtype="int32")

    def hit():
        hits.assign_add(1)
        return 1.0

    assert int(ops.fori_loop(0, 4, lambda i, s: s + i, 1)) == 7
    assert float(ops.cond(jnp.array(True), hit, lambda: 2.0)) == 1.0
    assert float(ops.cond(False, hit, lambda: 2.0)) == 2.0
    assert int(hits.value) == 1
    assert float(jax.jit(lambda p: ops.cond(p, lambda: 1.0, lambda: 2.0))(False)) == 2.0
    assert float(ops.switch(2, [lambda x: x, lambda x: -x, lambda x: x * 10], 3.0)) == 30.0
    with pytest.raises(TypeError, match="true_fn"):
        ops.cond(True, 1.0, lambda: 2.0)


def test_map_and_vectorized_map():
    x = jnp.arange(6.0).reshape(3, 2)
    assert ops.map(lambda row: row.sum(), x).tolist() == [1.0, 5.0, 9.0]
    assert ops.vectorized_map(lambda row: row.sum(), x).tolist() == [1.0, 5.0, 9.0]
    total = ops.vectorized_map(lambda pair: pair[0] * pair[1].sum(), [jnp.arange(3.0), x])
    assert total.tolist() == [0.0, 5.0, 18.0]
    assert ops.map(lambda row: row * 2, KerasTensor((None, 4))).shape == (None, 4)


def test_custom_gradient():
    @ops.custom_gradient
    def doubled_back(x):
        def grad(*args, upstream=None):
            return (args[0] if upstream is None else upstream) * 2

        return x, grad

    assert float(jax.grad(doubled_back)(3.0)) == 2.0


def test_stop_gradient_goes_through_structures():
    g = jax.grad(lambda x: ops.stop_gradient({"a": x})["a"] * x)(3.0)
    assert float(g) == 3.0


def test_tensors_and_arrays():
    assert ops.is_tensor(jnp.ones(2)) and not ops.is_tensor(np.ones(2))
    assert ops.is_tensor(KerasTensor((2,)))
    assert isinstance(ops.convert_to_numpy(Variable([1.0])), np.ndarray)
    given = np.ones(2, "int64")
    for x in (jnp.ones(2), Variable([1.0, 1.0]), given, [1.0, 1.0]):
        copy = ops.convert_to_numpy(x)
        copy[0] = 5
        assert ops.convert_to_numpy(x).tolist() == [1, 1]
    assert ops.convert_to_numpy(given).dtype == "int64"
    assert ops.shape(KerasTensor((None, 3))) == (None, 3)
    assert ops.dtype(jnp.ones(2, "bfloat16")) == "bfloat16"
    assert ops.cast([1.7, -2.3], "int32").tolist() == [1, -2]
    with pytest.raises(ValueError, match="ragged"):
        ops.convert_to_tensor([1], ragged=True)
    with pytest.raises(ValueError, match="did you mean 'float32'"):
        ops.cast([1.0], "float33")


def test_saturate_cast_keeps_the_ends():
    x = jnp.array([-1e12, -1.0, 0.4, 3e9, jnp.inf])
    assert ops.saturate_cast(x, "int32").tolist() == [-(2**31), -1, 0, 2**31 - 1, 2**31 - 1]
    assert ops.saturate_cast(jnp.array([-5, 300]), "uint8").tolist() == [0, 255]


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int32", "uint32", "int64", "float16"])
@pytest.mark.parametrize("source", ["float32", "float16", "bfloat16", "int32", "uint8", "bool"])
def test_saturate_cast_from_and_to(source, dtype):
    x = np.array([0, 1, 3, 100] if source in ("uint8", "bool") else [-6e4, -300, -1, 0, 3, 6e4])
    x = jnp.asarray(x).astype(source)
    wide = {"int64": "int32"}.get(dtype, dtype)  # without x64
    limits = {"bool": (0, 1), "float16": (-65504, 65504)}.get(dtype)
    if limits is None:
        limits = (np.iinfo(wide).min, np.iinfo(wide).max)
    got = ops.saturate_cast(x, dtype)
    assert got.dtype == wide
    assert bool(jnp.isfinite(ops.saturate_cast(jnp.asarray(1e30, "bfloat16"), dtype)))
    assert got.tolist() == np.clip(np.asarray(x, "float64"), *limits).astype(wide).tolist()


SLICES = [
    ((0, 1), (-1, -1)),
    (np.array([1, 0]), (1, -1)),
    ((1, 1), np.array([-1, 2])),
]


@pytest.mark.parametrize(("starts", "shape"), SLICES, ids=repr)
def test_slice_to_the_end(starts, shape):
    x = np.arange(6).reshape(2, 3)
    got = ops.slice(x, starts, shape)
    assert got.tolist() == np.asarray(keras.ops.slice(x, starts, shape)).tolist()
    assert jax.jit(lambda x: ops.slice(x, starts, shape))(x).tolist() == got.tolist()
    assert ops.slice(KerasTensor((2, 3)), starts, shape).shape == got.shape


def test_slice_says_what_it_cannot_know():
    x = KerasTensor((None, 3))
    assert ops.slice(x, (1, 1), (-1, -1)).shape == (None, 2)
    assert ops.slice(x, KerasTensor((2,), "int32"), (-1, 2)).shape == (None, 2)
    with pytest.raises(ValueError, match="size of -1 needs start_indices"):
        jax.jit(lambda x, i: ops.slice(x, (i, 0), (-1, 2)))(np.ones((2, 3)), 0)
    for x in (np.ones((3, 3)), KerasTensor((3, 3))):
        for starts, shape in [((1, 1), (2, 2, 2)), ((1, 1, 1), (2, 2))]:
            with pytest.raises(ValueError, match="one entry per axis"):
                ops.slice(x, starts, shape)


def test_slices_of_unknown_batches():
    parts = ops.unstack(KerasTensor((None, 3)), axis=1)
    assert [p.shape for p in parts] == [(None,)] * 3
    with pytest.raises(ValueError, match="unknown"):
        ops.unstack(KerasTensor((None, 3)))
    with pytest.raises(ValueError, match="must be .*got 5"):
        ops.unstack(jnp.ones((2, 3)), num=5)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "uint32"])
@pytest.mark.parametrize("decimals", [-1, -2, -9, -12])
def test_integers_are_rounded_exactly(dtype, decimals):
    ends = np.iinfo(dtype)
    numbers = [ends.min, ends.max, 4, 5, 6, 15, 25, 45, 123] + [-5, -15, -16] * (ends.min < 0)
    rounded = [min(max(round(n, decimals), ends.min), ends.max) for n in numbers]
    assert ops.round(np.array(numbers, dtype), decimals).tolist() == rounded


def test_scalars_are_sorted_like_vectors():
    assert ops.argsort(np.array(5.0)).tolist() == np.argsort(np.array([5.0])).tolist()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "complex64", "int32"])
@pytest.mark.parametrize("shape", [(), (2,)])
def test_angles_keep_their_precision(shape, dtype):
    expected = {"float16": "float16", "bfloat16": "bfloat16"}.get(dtype, "float32")
    assert ops.angle(jnp.ones(shape, dtype)).dtype == expected
    assert ops.angle(KerasTensor(shape, dtype)).dtype == expected


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        (lambda x: ops.diagonal(x, axis1=1, axis2=2), (None, None)),
        (lambda x: ops.diagonal(x), (4, None)),
        (lambda x: ops.diag(x[:, 0]), (None,)),
        (lambda x: ops.svd(x, compute_uv=False), (None, None)),
    ],
)
def test_what_a_small_size_limits_is_unknown(call, shape):
    assert call(KerasTensor((None, None, 4))).shape == shape


WRONG = [
    (lambda ops, x: ops.swapaxes(x, 0, 5), ValueError),
    (lambda ops, x: ops.argmax(x, axis=9), ValueError),
    (lambda ops, x: ops.concatenate([x, x], axis=9), ValueError),
    (lambda ops, x: ops.split(x, 2, axis=9), ValueError),
    (lambda ops, x: ops.diagonal(x, axis1=1, axis2=-1), ValueError),
    (lambda ops, x: ops.squeeze(x, axis=9), ValueError),
    (lambda ops, x: ops.reshape(x, (-2, 5)), ValueError),
    (lambda ops, x: ops.reshape(x, (-1, -1, 2)), ValueError),
    (lambda ops, x: ops.depth_to_space(x[None, :, None], 0), ValueError),
    (lambda ops, x: ops.histogram(x[0], range=(5, 1)), ValueError),
    (lambda ops, x: x[:, 17], ValueError),
    (lambda ops, x: ops.image.map_coordinates(x, x[:, 0], 1), ValueError),
    (lambda ops, x: ops.associative_scan(lambda a, b: a + b, [x, x[:, 1:]], axis=1), ValueError),
]


@pytest.mark.parametrize(("call", "error"), WRONG)
def test_a_graph_refuses_what_does_not_fit(call, error):
    with pytest.raises(error):
        call(ops, KerasTensor((2, 3)))
    with pytest.raises((error, IndexError)):  # IndexError where Keras finds it in its own rule
        call(keras.ops, keras.KerasTensor((2, 3)))


def test_each_nan_is_unique():
    for library in (cornu, keras):
        found = library.ops.unique(np.array([np.nan, 1.0, np.nan], "float32"))
        np.testing.assert_array_equal(found, [1.0, np.nan, np.nan])


@pytest.mark.parametrize("library", [cornu, keras])
def test_branches_of_a_graph_are_alike(library):
    ops, pred = library.ops, library.KerasTensor((), "bool")
    made = ops.cond(pred, lambda: {"a": ops.ones((2,))}, lambda: {"a": ops.zeros((2,))})
    assert made["a"].shape == (2,)
    with pytest.raises(ValueError):
        ops.cond(pred, lambda: ops.ones((3,)), lambda: ops.zeros((4,)))


def test_a_kernel_has_a_known_size():
    x = KerasTensor((8, 8, 3))
    assert ops.image.gaussian_blur(x, (3, 3), KerasTensor((2,))).shape == (8, 8, 3)
    with pytest.raises(ValueError, match="kernel_size must be known"):
        ops.image.gaussian_blur(x, KerasTensor((2,)))
