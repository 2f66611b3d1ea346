"""Sparse arrays: what stays sparse, and that every result is that of the dense array."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from jax.experimental.sparse import BCOO, bcoo_update_layout

from cornu import ops, tree
from cornu.core.graph.op import TABLE
from cornu.core.symbolic import KerasTensor
from cornu.ops.sparse import ZERO_BY_ANY

DENSE = np.array([[0, 0.5, 0], [0.25, 0, -0.75]], "float32")
OTHER = np.array([[1.0, 0, 0], [0, 0, -2.0]], "float32")
FACTOR = np.arange(1.0, 7.0, dtype="float32").reshape(2, 3)
WEIGHTS = np.arange(12.0, dtype="float32").reshape(3, 4)


def doubled(dtype="float32"):
    """`DENSE` with a place that stands in it twice, out of order, and with padding."""
    places = jnp.array([[1, 2], [0, 1], [1, 0], [0, 1], [2, 3]])
    values = jnp.array([-0.75, 0.25, 0.25, 0.25, 0.0])
    return BCOO((values.astype(dtype), places), shape=(2, 3))


def in_layout(x, n_batch=0, n_dense=0):
    return bcoo_update_layout(
        BCOO.fromdense(jnp.asarray(x)), n_batch=n_batch, n_dense=n_dense, on_inefficient=None
    )


LAYOUTS = {
    "doubled": doubled,
    "batches": lambda: in_layout(DENSE, n_batch=1),
    "slices": lambda: in_layout(DENSE, n_dense=1),
}


def dense(x):
    return ops.convert_to_numpy(x)


# ---- element by element, all of them ------------------------------------------------------------

SETTINGS = {
    "Cast": [("int32",), ("float16",)], "SaturateCast": [("int8",)],
    "Clip": [(-0.5, 0.4), (0.1, 0.4)], "Digitize": [((0.1, 0.3),), ((-1.0, 0.3),)],
    "Round": [(), (1,)], "Threshold": [(0.3, 0.0), (0.3, 9.0)],
    "NanToNum": [(), (1.0,)],
}  # fmt: skip
WHOLE = ("bitwise", "shift", "gcd", "lcm", "ldexp")  # ops of integers
OPS_OF_ONE = sorted(name for name, op in TABLE.items() if op.elementwise == 1)
OPS_OF_TWO = sorted(name for name, op in TABLE.items() if op.elementwise == 2)
FACTORS = {"row": FACTOR[0]}
BOTH_SIDES = ("Multiply", "LogicalAnd", "BitwiseAnd")


def numbers(op, x):
    """The values in a dtype that the op takes; numbers as they are."""
    whole = any(word in op.__name__ for word in WHOLE)
    return x.astype("int32") if whole and hasattr(x, "astype") else x


def calls_of_one(x):
    """Every op of one array, with each of its settings: name -> (op, arguments)."""
    return {
        (name, settings): (TABLE[name], (numbers(TABLE[name], x), *settings))
        for name in OPS_OF_ONE
        for settings in SETTINGS.get(name, [()])
    }


def calls_of_two(x, other):
    """Every op of two arrays, with each kind of partner."""
    partners = {"both": (x, other), "number": (x, 2), "of number": (2, x)}
    for name, array in FACTORS.items():
        partners[name], partners["of " + name] = (x, array), (array, x)
    return {
        (name, kind): (TABLE[name], tuple(numbers(TABLE[name], v) for v in pair))
        for name in OPS_OF_TWO
        for kind, pair in partners.items()
    }


@jax.jit
def results(x, other):
    """All of them in one program."""
    calls = {**calls_of_one(x), **calls_of_two(x, other)}
    return {key: op(*arguments) for key, (op, arguments) in calls.items()}


@pytest.fixture(scope="module")
def all_results():
    x = BCOO.fromdense(DENSE)  # each place once: adding up is looked at below
    other = BCOO((OTHER[tuple(x.indices.T)], x.indices), shape=(2, 3), unique_indices=True)
    return results(x, other), results(DENSE, dense(other))


@pytest.mark.parametrize("name", OPS_OF_ONE)
def test_ops_of_one_array_stay_sparse_where_they_keep_zero(name, all_results):
    op = TABLE[name]
    for settings in SETTINGS.get(name, [()]):
        got, expected = (r[name, settings] for r in all_results)
        zero = op(numbers(op, jnp.zeros(())), *settings)
        assert isinstance(got, BCOO) == bool(zero == 0)
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(dense(got), expected, rtol=1e-6)
        tensor = KerasTensor((None, 3), str(numbers(op, DENSE).dtype), sparse=True)
        spec = op(tensor, *settings)
        assert (spec.sparse, spec.dtype) == (isinstance(got, BCOO), str(got.dtype))


@pytest.mark.parametrize("name", OPS_OF_TWO)
def test_ops_of_two_arrays_stay_sparse_where_they_keep_zero(name, all_results):
    op, zero = TABLE[name], numbers(TABLE[name], jnp.zeros(()))
    tensors = [KerasTensor((None, 3), str(numbers(op, DENSE).dtype), sparse=s) for s in (1, 0)]
    kept = {
        "both": (op(zero, zero), (tensors[0], tensors[0])),
        "number": (op(zero, 2), (tensors[0], 2)),
        "of number": (op(2, zero), (2, tensors[0])),
    }
    for (which, kind), got in all_results[0].items():
        if which != name:
            continue
        expected = all_results[1][name, kind]
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(dense(got), expected, rtol=1e-6, atol=1e-30, err_msg=kind)
        if kind in kept:
            result, operands = kept[kind]
            assert isinstance(got, BCOO) == bool(result == 0), kind
        else:
            first = not kind.startswith("of ")
            operands = tensors if first else tensors[::-1]
            assert isinstance(got, BCOO) == (op in ZERO_BY_ANY and (first or name in BOTH_SIDES))
        assert op(*operands).sparse == isinstance(got, BCOO), kind


def test_gradients_are_those_of_the_dense_array():
    x = doubled()
    calls = {
        "square": ops.square, "tanh": ops.tanh, "relu": ops.relu,
        "clip": lambda x: ops.clip(x, -1, 0.4),
        "multiply": lambda x: ops.multiply(x, FACTOR), "divide": lambda x: ops.divide(x, FACTOR[0]),
        "add": lambda x: ops.add(x, x), "maximum": lambda x: ops.maximum(x, ops.negative(x)),
        "exp": ops.exp, "sum": lambda x: ops.sum(x, axis=0),
        "matmul": lambda x: ops.matmul(x, WEIGHTS), "reshape": lambda x: ops.reshape(x, (3, 2)),
    }  # fmt: skip

    def weighed(y):
        y = ops.convert_to_tensor(y, sparse=False)
        return jnp.sum(y * jnp.arange(1.0, y.size + 1).reshape(y.shape))

    @jax.jit
    def gradients(values, plain):
        def of_values(values, call):
            return weighed(call(BCOO((values, x.indices), shape=x.shape)))

        return {
            name: (
                jax.grad(of_values)(values, call),
                jax.grad(lambda x, call=call: weighed(call(x)))(plain),
            )
            for name, call in calls.items()
        }

    for name, (got, expected) in gradients(x.data, DENSE).items():
        right = expected[tuple(x.indices.T[:, :-1])]  # without the padding
        np.testing.assert_allclose(got[:-1], right, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("op", [ops.square, ops.sign, ops.isinf, ops.logical_and, ops.power])
def test_values_at_one_place_are_added_up_before(op):
    arguments = () if op.elementwise == 1 else (2,)
    np.testing.assert_allclose(dense(op(doubled(), *arguments)), op(DENSE, *arguments))


@pytest.mark.parametrize("op", [ops.add, ops.subtract, ops.maximum, ops.not_equal, ops.hypot])
def test_two_arrays_with_other_places(op):
    got = op(doubled(), BCOO.fromdense(OTHER))
    assert isinstance(got, BCOO)
    np.testing.assert_allclose(dense(got), op(DENSE, OTHER), rtol=1e-6)


# ---- layouts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["batches", "slices"])
def test_layouts_stay(layout):
    x = LAYOUTS[layout]()
    for got, expected in (
        (ops.square(x), DENSE**2),
        (ops.multiply(x, FACTOR), DENSE * FACTOR),
        (ops.add(x, in_layout(OTHER, n_dense=x.n_dense)), DENSE + OTHER),
        (ops.maximum(x, in_layout(OTHER, n_dense=x.n_dense)), np.maximum(DENSE, OTHER)),
        (ops.concatenate([x, x]), np.concatenate([DENSE, DENSE])),
    ):
        assert isinstance(got, BCOO)
        assert got.n_dense == x.n_dense
        np.testing.assert_allclose(dense(got), expected)


def test_layouts_that_differ_meet():
    slices, plain = in_layout(DENSE, n_dense=1), in_layout(OTHER, n_batch=1)
    for op in (ops.add, ops.minimum, ops.multiply):
        np.testing.assert_allclose(dense(op(slices, plain)), op(DENSE, OTHER))
    joined = ops.concatenate([slices, plain], axis=1)
    np.testing.assert_allclose(dense(joined), np.concatenate([DENSE, OTHER], 1))


def test_what_divides_by_nothing_is_not_a_number():
    divisor = np.array([[np.nan, 1.0, 2.0], [1.0, 0.0, 0.0]], "float32")
    for x in (doubled(), in_layout(DENSE, n_dense=1)):
        got = ops.divide(x, divisor)
        assert isinstance(got, BCOO)
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(dense(got), DENSE / divisor)
    by_zero = ops.divide(doubled(), 0)
    assert np.isnan(by_zero[0, 0])
    assert np.isnan(dense(ops.multiply(doubled(), np.array([np.inf, 1, 1], "float32")))[0, 0])


# ---- places, sums and products ------------------------------------------------------------------

STAY_SPARSE = {
    "transpose": ops.transpose,
    "swapaxes": lambda x: ops.swapaxes(x, 0, 1),
    "moveaxis": lambda x: ops.moveaxis(x, 0, 1),
    "reshape": lambda x: ops.reshape(x, (3, -1)),
    "ravel": ops.ravel,
    "flip": lambda x: ops.flip(x, axis=1),
    "expand_dims": lambda x: ops.expand_dims(x, 1),
    "squeeze": lambda x: ops.squeeze(ops.expand_dims(x, 1), 1),
    "concatenate": lambda x: ops.concatenate([x, x], axis=1),
    "stack": lambda x: ops.stack([x, x], axis=1),
    "sum": ops.sum,
    "sum over rows": lambda x: ops.sum(x, axis=1),
    "sum over both axes": lambda x: ops.sum(x, axis=(0, -1), keepdims=True),
    "sum with its axis": lambda x: ops.sum(x, 0, keepdims=True),
    "sum of small integers": lambda x: ops.sum(ops.cast(ops.multiply(x, 8), "int8"), axis=-1),
    "mean": ops.mean,
    "mean over columns": lambda x: ops.mean(x, axis=0),
    "mean of integers": lambda x: ops.mean(ops.cast(ops.multiply(x, 8), "int32"), axis=[1]),
    "a row": lambda x: ops.get_item(x, 1),
    "a column, negative": lambda x: ops.get_item(x, (slice(None), -1)),
    "slices and a new axis": lambda x: ops.get_item(x, (..., None, slice(0, 2))),
    "complex numbers": lambda x: ops.view_as_complex(ops.reshape(x, (3, 2))),
    "rearrange": lambda x: ops.rearrange(x, "a b -> b a"),
    "rearrange in groups": lambda x: ops.rearrange(x, "a b -> (b a)"),
    "by keyword": lambda x: ops.absolute(x=x),
    "both by keyword": lambda x: ops.multiply(x2=x, x1=FACTOR),
    "converted": lambda x: ops.convert_to_tensor(x, sparse=True),
    "converted to a dtype": lambda x: ops.convert_to_tensor(x, "float16"),
}


@pytest.mark.parametrize("name", STAY_SPARSE)
def test_stays_sparse(name):
    call = STAY_SPARSE[name]
    expected = call(DENSE)
    for x in (doubled(), in_layout(DENSE, n_dense=1)):
        got = call(x)
        assert isinstance(got, BCOO)
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(dense(got), expected, rtol=1e-6, atol=1e-7)
    spec = call(KerasTensor((2, 3), sparse=True))
    assert spec.sparse
    assert spec.shape == expected.shape


@pytest.mark.parametrize(
    "fn",
    [
        ops.exp,
        ops.softmax,
        lambda x: ops.max(x, axis=1),
        lambda x: ops.get_item(x, np.array([1, 0])),
        lambda x: ops.add(x, 1.0),
        lambda x: ops.multiply(x, np.ones((4, 2, 3), "float32")),
        lambda x: ops.where(ops.greater(x, 0), x, -1.0),
        lambda x: ops.take(x, [1, 0], axis=0),
        lambda x: ops.pad(x, 1),
        lambda x: ops.einsum("ij,kj->ik", x, x),
        lambda x: ops.matmul(x, WEIGHTS),
        lambda x: ops.matmul(WEIGHTS.T, ops.transpose(x)),
        lambda x: ops.convert_to_tensor(x, sparse=False),
    ],
)
def test_becomes_dense(fn):
    got = fn(doubled())
    assert isinstance(got, jax.Array)
    np.testing.assert_allclose(got, fn(DENSE), rtol=1e-6)
    assert not fn(KerasTensor((2, 3), sparse=True)).sparse


def test_products():
    both = ops.matmul(doubled(), BCOO.fromdense(WEIGHTS))
    assert isinstance(both, BCOO)
    np.testing.assert_allclose(dense(both), DENSE @ WEIGHTS, rtol=1e-6)
    gradient = jax.grad(lambda w: ops.sum(ops.matmul(doubled(), w)))(WEIGHTS)
    np.testing.assert_allclose(gradient, DENSE.T @ np.ones((2, 4)), rtol=1e-6)
    compiled = jax.jit(lambda x: ops.matmul(ops.abs(x), WEIGHTS))(doubled())
    np.testing.assert_allclose(compiled, np.abs(DENSE) @ WEIGHTS, rtol=1e-6)


@pytest.mark.parametrize("dtypes", [("int32", "float32"), ("int8", "int8"), ("bool", "float32")])
def test_products_of_other_dtypes(dtypes):
    counts = (DENSE * 4).astype(dtypes[0])
    got = ops.matmul(BCOO.fromdense(counts), WEIGHTS.astype(dtypes[1]))
    expected = ops.matmul(counts, WEIGHTS.astype(dtypes[1]))
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected)


@pytest.mark.parametrize(
    ("shapes", "sparse"),
    [
        (((2, 3, 4), (4, 5)), (True, False)),
        (((2, 3, 4), (4,)), (True, False)),
        (((2, 3, 4), (2, 4, 5)), (True, False)),
        (((2, 3, 4), (2, 4, 5)), (True, True)),
        (((2, 3, 4), (2, 4, 5)), (False, True)),
        (((3, 4), (2, 4, 5)), (True, False)),
        (((4,), (4, 5)), (True, False)),
        (((4,), (4,)), (True, True)),
    ],
)
def test_products_of_more_axes(shapes, sparse):
    arrays = [np.arange(np.prod(s), dtype="float32").reshape(s) % 3 for s in shapes]
    given = [BCOO.fromdense(a) if s else a for a, s in zip(arrays, sparse, strict=True)]
    np.testing.assert_allclose(dense(ops.matmul(*given)), np.matmul(*arrays))


# ---- what Keras says ----------------------------------------------------------------------------

SYMBOLIC = {
    "abs": lambda o, x, y: o.abs(x),
    "exp": lambda o, x, y: o.exp(x),
    "max": lambda o, x, y: o.max(x, axis=1),
    "add": lambda o, x, y: o.add(x, x),
    "add dense": lambda o, x, y: o.add(x, y),
    "multiply": lambda o, x, y: o.multiply(y, x),
    "scale": lambda o, x, y: o.multiply(x, 2.0),
    "divide": lambda o, x, y: o.divide(x, y),
    "divide dense": lambda o, x, y: o.divide(y, x),
    "divide both": lambda o, x, y: o.divide(x, x),
    "minimum": lambda o, x, y: o.minimum(x, x),
    "sum": lambda o, x, y: o.sum(x, axis=1),
    "mean": lambda o, x, y: o.mean(x),
    "square": lambda o, x, y: o.square(x),
    "round": lambda o, x, y: o.round(x),
    "convert": lambda o, x, y: o.convert_to_tensor(x, sparse=False),
    "transpose": lambda o, x, y: o.transpose(x),
    "reshape": lambda o, x, y: o.reshape(x, (3, -1)),
    "expand_dims": lambda o, x, y: o.expand_dims(x, 1),
    "matmul": lambda o, x, y: o.matmul(x, o.transpose(x)),
    "matmul dense": lambda o, x, y: o.matmul(x, o.transpose(y)),
    "concatenate": lambda o, x, y: o.concatenate([x, x], axis=1),
    "one_hot": lambda o, x, y: o.one_hot(o.cast(y, "int32"), 4, sparse=True),
    "multi_hot": lambda o, x, y: o.multi_hot(o.cast(y, "int32"), 4, sparse=True),
    "bincount": lambda o, x, y: o.bincount(o.cast(y, "int32"), sparse=True),
}


@pytest.mark.parametrize("name", SYMBOLIC)
def test_symbolic_tensors_know_what_stays_sparse(name):
    made = [
        SYMBOLIC[name](library, tensor((None, 3), sparse=True), tensor((None, 3)))
        for library, tensor in ((ops, KerasTensor), (keras.ops, keras.KerasTensor))
    ]
    assert made[0].sparse == made[1].sparse
    assert made[0].shape == made[1].shape


def test_what_stays_sparse_in_keras_does():
    for call in (
        lambda o, x: o.sum(x, axis=1),
        lambda o, x: o.mean(x),
        lambda o, x: o.get_item(x, 0),
        lambda o, x: o.rearrange(x, "a b -> b a"),
        lambda o, x: o.view_as_complex(o.reshape(x, (3, 2))),
    ):
        other = BCOO.fromdense(OTHER)
        got, expected = call(ops, other), call(keras.ops, other)
        assert type(got) is type(expected) is BCOO
        assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(dense(got), dense(expected))
    with pytest.raises(IndexError, match="no element 2 along axis 0"):
        ops.get_item(BCOO.fromdense(OTHER), 2)


def test_sparse_arrays_are_leaves():
    x = doubled()
    assert tree.flatten({"a": [x, None]}) == [x, None]
    assert not tree.is_nested(x)
    assert tree.map_structure(lambda leaf: leaf.shape, (x,)) == ((2, 3),)


def test_made_sparse():
    classes = np.array([[0, 2, 2], [1, -1, 5]])
    for op, options in (
        (ops.one_hot, {"num_classes": 4}),
        (ops.one_hot, {"num_classes": 4, "axis": 0, "dtype": "int32"}),
        (ops.multi_hot, {"num_classes": 4}),
        (ops.multi_hot, {"num_classes": 4, "dtype": "bool"}),
    ):
        got, expected = op(classes, **options, sparse=True), op(classes, **options)
        assert isinstance(got, BCOO)
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(dense(got), expected)
    counted = ops.bincount(abs(classes), sparse=True, minlength=7)
    np.testing.assert_array_equal(dense(counted), ops.bincount(abs(classes), minlength=7))
    of_sparse = ops.bincount(BCOO.fromdense(abs(classes)))
    np.testing.assert_array_equal(dense(of_sparse), [[0, 0, 2, 0, 0, 0], [0, 2, 0, 0, 0, 1]])


# ---- batches that are stored once for all --------------------------------------------------------

REPEATED = {
    "add": lambda x, y: ops.add(x, y), "multiply": lambda x, y: ops.multiply(x, y),
    "maximum": lambda x, y: ops.maximum(x, y), "sum": lambda x, y: ops.sum(x, axis=0),
    "mean": lambda x, y: ops.mean(x), "concatenate": lambda x, y: ops.concatenate([x, y], axis=1),
    "matmul": lambda x, y: ops.matmul(x, np.ones((3, 2), "float32")),
    "transpose": lambda x, y: ops.transpose(x), "reshape": lambda x, y: ops.reshape(x, (3, 2)),
    "dense": lambda x, y: ops.add(x, OTHER), "abs": lambda x, y: ops.abs(x),
}  # fmt: skip


@pytest.mark.parametrize("call", REPEATED.values(), ids=REPEATED)
def test_a_batch_axis_may_be_stored_once_for_all(call):
    x = BCOO((jnp.array([[1.0, 2.0]]), jnp.array([[[0], [2]]])), shape=(2, 3))
    y = BCOO((jnp.array([[4.0, 5.0]]), jnp.array([[[0], [1]]])), shape=(2, 3))
    expected = call(*map(jnp.asarray, (x.todense(), y.todense())))
    np.testing.assert_allclose(dense(call(x, y)), expected)
