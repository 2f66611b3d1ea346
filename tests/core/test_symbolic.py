"""Symbolic tensors and what a function would return."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from cornu import layers
from cornu.context import local
from cornu.core.frame import Frame
from cornu.core.symbolic import (
    KerasTensor,
    SymbolicScope,
    any_symbolic,
    infer,
    is_symbolic,
    standardize_shape,
)
from cornu.core.variable import Variable

N = None


def conv(x):
    kernel = jnp.ones((3, 3, x.shape[-1], 5))
    dims = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=dims)


def max_pool(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def loop(x):
    return lax.scan(lambda c, row: (c + row.sum(), row * 2), 0.0, x)


def pairs(x):
    return [{"first": x[0], "shape": jnp.zeros(x.shape[1:])}, (x.sum(),)]


# function, shapes of the arguments, shapes of the results
CASES = [
    # element by element, and broadcasting
    (jnp.sin, [(N, 4)], (N, 4)),
    (jnp.add, [(N, 4), (4,)], (N, 4)),
    (jnp.add, [(N, 1), (1, N)], (N, N)),
    (jnp.where, [(N, 3), (N, 1), ()], (N, 3)),
    (lambda x: x * 2 + 1, [(2, N, 3)], (2, N, 3)),
    # reductions
    (jnp.sum, [(N, 4)], ()),
    (lambda x: x.mean(0), [(N, 4)], (4,)),
    (lambda x: x.max(1), [(N, 4)], (N,)),
    (lambda x: x.std((1, 2), keepdims=True), [(N, 3, N)], (N, 1, 1)),
    (lambda x: jnp.argmax(x, -1), [(N, N, 4)], (N, N)),
    (lambda x: jnp.cumsum(x, 1), [(2, N)], (2, N)),
    (jax.nn.logsumexp, [(N, 3)], ()),
    # shapes
    (jnp.transpose, [(N, 2, 3)], (3, 2, N)),
    (lambda x: x.reshape(-1), [(2, 3, N)], (N,)),
    (lambda x: x.reshape(x.shape[0], -1), [(N, 4, 5)], (N, 20)),
    (lambda x: x.reshape(-1, 4), [(N, 6)], (N, 4)),
    (lambda x: x[:, None], [(N,)], (N, 1)),
    (lambda x: jnp.squeeze(x, 1), [(N, 1, 4)], (N, 4)),
    (lambda x: jnp.concatenate([x, x], 0), [(N, 3)], (N, 3)),
    (lambda x: jnp.concatenate([x, jnp.ones((2, 3))], 0), [(N, 3)], (N, 3)),
    (lambda x: jnp.stack([x, x], -1), [(N, 3)], (N, 3, 2)),
    (lambda x: jnp.pad(x, ((0, 0), (1, 2))), [(N, N)], (N, N)),
    (lambda x: jnp.tile(x, (1, 3)), [(N, 4)], (N, 12)),
    (lambda x: jnp.repeat(x, 2, axis=0), [(N, 4)], (N, 4)),
    (lambda x: jnp.flip(jnp.roll(x, 1, 0), 1), [(N, 4)], (N, 4)),
    (lambda x: jnp.broadcast_to(x, (*x.shape[:1], 5)), [(N, 1)], (N, 5)),
    # parts
    (lambda x: x[0], [(N, 4)], (4,)),
    (lambda x: x[:, 1:3], [(N, 4)], (N, 2)),
    (lambda x: x[:, ::2], [(3, N)], (3, N)),
    (lambda x: x[:, -1], [(N, N, 4)], (N, 4)),
    (lambda x: jnp.take(x, jnp.array([0, 1]), axis=0), [(N, 4)], (2, 4)),
    (lambda x: tuple(jnp.split(x, 2, axis=1)), [(N, 4)], [(N, 2), (N, 2)]),
    (lambda x: tuple(jnp.split(x, 2, axis=0)), [(N, 4)], [(N, 4), (N, 4)]),
    # order
    (lambda x: jnp.sort(x, 0), [(N, 4)], (N, 4)),
    (lambda x: lax.top_k(x, 2), [(N, 5)], [(N, 2), (N, 2)]),
    (lambda x: jnp.searchsorted(jnp.arange(4.0), x), [(N, 2)], (N, 2)),
    # products and linear algebra
    (jnp.matmul, [(N, 4), (4, 5)], (N, 5)),
    (jnp.matmul, [(N, N, 4), (N, 4, N)], (N, N, N)),
    (lambda x: jnp.einsum("btd,bsd->bts", x, x), [(N, N, 8)], (N, N, N)),
    (jnp.linalg.norm, [(N, 3)], ()),
    (jnp.linalg.inv, [(N, 3, 3)], (N, 3, 3)),
    (lambda x: jnp.fft.rfft(x), [(N, 8)], (N, 5)),
    # networks
    (conv, [(N, 28, 28, 3)], (N, 14, 14, 5)),
    (conv, [(N, N, N, 3)], (N, N, N, 5)),
    (max_pool, [(N, 9, 9, 2)], (N, 4, 4, 2)),
    (jax.nn.softmax, [(N, 10)], (N, 10)),
    (lambda x: jax.nn.one_hot(x.astype(int), 7), [(N,)], (N, 7)),
    (loop, [(N, 3)], [(), (N, 3)]),
    (lambda x: jax.vmap(jnp.outer)(x, x), [(N, 3)], (N, 3, 3)),
    (lambda x: jax.grad(lambda y: (y**2).sum())(x), [(N, 3)], (N, 3)),
    (
        lambda x: jax.image.resize(x, (*x.shape[:1], 4, 4, 1), "linear"),
        [(N, 8, 8, 1)],
        (N, 4, 4, 1),
    ),
    (pairs, [(N, 4)], [(4,), (4,), ()]),
]


@pytest.mark.parametrize(("fn", "shapes", "expected"), CASES)
def test_unknown_sizes(fn, shapes, expected):
    out = infer(fn, *[KerasTensor(shape) for shape in shapes])
    found = [t.shape for t in jax.tree.leaves(out, is_leaf=is_symbolic)]
    assert found == (expected if isinstance(expected, list) else [expected])


@pytest.mark.parametrize(
    ("fn", "dtype", "expected"),
    [
        (jnp.sin, "float16", "float16"),
        (jnp.sin, "int32", "float32"),
        (lambda x: x > 0, "float32", "bool"),
        (jnp.argmax, "float32", "int32"),
        (lambda x: x / 2, "int8", "float32"),
        (lambda x: x.astype("bfloat16"), "float32", "bfloat16"),
        (jnp.fft.fft, "float32", "complex64"),
        (lambda x: x + jnp.float32(1), "bfloat16", "float32"),
        (lambda x: x + 1.0, "bfloat16", "bfloat16"),
    ],
)
def test_dtypes(fn, dtype, expected):
    assert infer(fn, KerasTensor((N, 2), dtype)).dtype == expected


def test_nothing_is_computed():
    huge = KerasTensor((10**6, 10**6))
    assert infer(lambda x: (x @ x.T).sum(0), huge).shape == (10**6,)


def test_nothing_is_written():
    count = Variable(0, dtype="int32")

    def fn(x):
        count.assign_add(1)
        return x * count.value

    assert infer(fn, KerasTensor((N, 2))).shape == (N, 2)
    assert int(count.value) == 0
    with Frame([count], [count.value]) as frame:
        infer(fn, KerasTensor((3, 2)))
    assert int(frame[count]) == 0


def test_a_function_that_needs_sizes_is_probed():
    sizes = []

    def fn(x):
        sizes.append(x.shape[0])
        rows = [x[i] for i in range(0, x.shape[0], x.shape[0] // 2)]  # a loop in Python
        return jnp.stack(rows) if x.shape[0] % 4 == 0 else x

    assert infer(fn, KerasTensor((N, 3))).shape == (2, 3)
    assert [s for s in sizes if isinstance(s, int)] == [48, 72, 1]


def test_a_user_layer_that_branches_on_shapes():
    class Crop(layers.Layer):
        def call(self, x):
            if x.shape[1] > 10:
                x = x[:, :10]
            return x if x.shape[0] % 2 else x * 2

    assert Crop()(KerasTensor((N, 32, 3))).shape == (N, 10, 3)
    assert Crop()(KerasTensor((N, 4, 3))).shape == (N, 4, 3)


def test_a_declared_output_shape_is_believed():
    class Odd(layers.Layer):
        def call(self, x):
            raise AssertionError("is not asked")

        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], 7)

    assert Odd()(KerasTensor((N, 3))).shape == (N, 7)


def test_other_arguments_pass_through():
    def fn(x, mode, *, scale, extra):
        assert mode == "twice"
        assert extra is None
        return x * scale

    out = infer(fn, KerasTensor((N, 2)), "twice", scale=np.ones(2, "float32"), extra=None)
    assert (out.shape, out.dtype) == ((N, 2), "float32")


def test_tensors_inside_containers():
    x, y = KerasTensor((N, 2)), KerasTensor((N, 3))
    out = infer(
        lambda d: {"z": jnp.concatenate([d["x"], *d["rest"]], -1)}, {"x": x, "rest": [y, y]}
    )
    assert out["z"].shape == (N, 8)


def test_an_error_of_the_function_is_the_one_that_is_seen():
    with pytest.raises(TypeError, match="dot_general|contract"):
        infer(jnp.matmul, KerasTensor((N, 3)), KerasTensor((4, 5)))


def test_text_does_not_compile():
    with pytest.raises(TypeError, match="Strings cannot be computed with in a compiled program"):
        infer(lambda x: x, KerasTensor((N,), "string"))


class TestKerasTensor:
    def test_facts(self):
        x = KerasTensor([None, np.int64(3)], "float16", name="x")
        assert (x.shape, x.ndim, x.dtype) == ((None, 3), 2, "float16")
        assert repr(x) == "<KerasTensor shape=(None, 3), dtype=float16, name=x>"
        assert KerasTensor((2,)).name.startswith("keras_tensor")

    @pytest.mark.parametrize("use", [bool, float, int, list, np.asarray, jnp.asarray])
    def test_it_has_no_values(self, use):
        kinds = {list: NotImplementedError, jnp.asarray: ValueError}  # as in Keras
        with pytest.raises(
            kinds.get(use, TypeError), match="A symbolic tensor has no values yet"
        ) as caught:
            use(KerasTensor((2,), name="x"))
        assert "<KerasTensor shape=(2,)" in str(caught.value)
        assert "class MyLayer(keras.layers.Layer)" in str(caught.value)

    @pytest.mark.parametrize(
        "function",
        [jnp.sin, jnp.sum, jnp.negative, jax.nn.relu, lax.exp, lambda x: lax.add(jnp.ones(2), x),
         lambda x: jnp.ones(2) + x, jax.jit(abs), jax.grad(abs)],
    )  # fmt: skip
    def test_functions_of_jax_refuse_it_in_our_words(self, function):
        with pytest.raises(ValueError, match="cannot be passed to a function of jax"):
            function(KerasTensor((2,)))

    @pytest.mark.parametrize(("name", "value"), [("shape", (3,)), ("dtype", "int8"), ("sparse", 1)])
    def test_what_it_stands_for_stays(self, name, value):
        x = KerasTensor((2,))
        with pytest.raises(AttributeError, match=f"'{name}' of a symbolic tensor cannot be set"):
            setattr(x, name, value)
        x.name = "y"
        assert repr(x) == "<KerasTensor shape=(2,), dtype=float32, name=y>"

    def test_it_can_be_a_key(self):
        x, y = KerasTensor((2,)), KerasTensor((2,))
        assert {x: 1, y: 2}[x] == 1

    def test_there_are_no_ragged_ones(self):
        with pytest.raises(ValueError, match="no ragged tensors"):
            KerasTensor((2, None), ragged=True)

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (4, "A shape must be a tuple of sizes, got 4"),
            (None, "A shape must be a tuple of sizes, got None"),
            ((2.5,), "Sizes in a shape must be int or None, got 2.5"),
            ((-1, 2), "Sizes in a shape must be >= 0, got -1"),
        ],
    )
    def test_shapes_are_checked(self, wrong, message):
        with pytest.raises(ValueError, match=message):
            standardize_shape(wrong)


def test_any_symbolic():
    x = KerasTensor((2,))
    assert any_symbolic((1, x))
    assert any_symbolic((), {"x": x})
    assert any_symbolic(([1, {"a": (x,)}],))
    assert any_symbolic((), {"x": [x]})
    assert not any_symbolic((1, [2, {"a": None}]), {"b": "text"})


def test_a_scope_says_that_nothing_is_computed():
    assert not local.symbolic
    with SymbolicScope() as scope, SymbolicScope():
        assert local.symbolic and isinstance(scope, SymbolicScope)
    assert not local.symbolic
    with pytest.raises(KeyError), SymbolicScope():
        raise KeyError
    assert not local.symbolic
