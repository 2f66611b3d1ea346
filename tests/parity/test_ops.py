"""Operations against Keras on its JAX backend: see `ops.py` for the rows."""

import jax
import keras
import numpy as np
import pytest

from cornu import ops
from cornu.core.symbolic import KerasTensor
from parity.ops import BAD, BINARY, REDUCTIONS, ROWS, UNARY_ANY, A


def find(library, name):
    for part in name.split("."):
        library = getattr(library, part)
    return library


def is_input(x):
    return isinstance(x, A)


def filled(row, make):
    """The row's arguments with `make(input)` in place of the inputs."""
    return jax.tree.map(
        lambda x: make(x) if is_input(x) else x, (row.args, row.kwargs), is_leaf=is_input
    )


def inputs_of(row):
    leaves = jax.tree.leaves((row.args, row.kwargs), is_leaf=is_input)
    return [x for x in leaves if is_input(x)]


def run(library, row, make=A.value):
    args, kwargs = filled(row, make)
    return find(library, row.name)(*args, **kwargs)


def described(tree):
    return [(tuple(x.shape), str(x.dtype)) for x in jax.tree.leaves(tree)]


def described_symbolic(tree, kind):
    leaves = jax.tree.leaves(tree, is_leaf=lambda x: isinstance(x, kind))
    return [(tuple(x.shape), str(x.dtype)) for x in leaves if isinstance(x, kind)]


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_values(row):
    expected, got = run(keras.ops, row), run(ops, row)
    expected, got = jax.tree.leaves(expected), jax.tree.leaves(got)
    assert len(got) == len(expected)
    for e, g in zip(expected, got, strict=True):
        assert np.shape(g) == np.shape(e)
        if hasattr(e, "dtype"):
            assert g.dtype == e.dtype
        np.testing.assert_allclose(g, e, rtol=row.tol, atol=row.tol)


def symbolic_inputs(row, make):
    """`make(shape, dtype)` for the inputs with a batch axis, arrays for the others.

    An input has a batch axis if it begins as the first input does; vectors are weights.
    """
    first = inputs_of(row)[0]

    def of(x):
        batched = x is first or (x.shape[:1] == first.shape[:1] and len(x.shape) > 1)
        return make(x.shape[1:], x.kind) if batched else x.value()

    return of


def theirs(shape, dtype):
    return keras.Input(shape, dtype=dtype)


def ours(shape, dtype):
    return KerasTensor((None, *shape), dtype)


SYMBOLIC = [row for row in ROWS if row.symbolic]


@pytest.mark.parametrize("row", SYMBOLIC, ids=repr)
def test_symbolic_shapes(row):
    expected = run(keras.ops, row, symbolic_inputs(row, theirs))
    got = run(ops, row, symbolic_inputs(row, ours))
    assert described_symbolic(got, KerasTensor) == described_symbolic(expected, keras.KerasTensor)


DIFFERENTIABLE = [
    row for row in ROWS if row.grad and any(x.kind == "float32" for x in inputs_of(row))
]


def gradient(library, row):
    """Of a fixed projection of the float outputs, with respect to the float inputs."""
    inputs = inputs_of(row)
    arrays = [jax.numpy.asarray(x.value()) for x in inputs]
    places = [i for i, x in enumerate(inputs) if x.kind == "float32"]

    def objective(values):
        all_values = list(arrays)
        for i, v in zip(places, values, strict=True):
            all_values[i] = v
        feed = iter(all_values)
        out = run(library, row, lambda _: next(feed))
        total = 0.0
        for y in jax.tree.leaves(out):
            if hasattr(y, "dtype") and jax.numpy.issubdtype(y.dtype, jax.numpy.floating):
                weights = np.cos(np.arange(np.size(y), dtype="float32")).reshape(np.shape(y))
                total = total + (y.astype("float32") * weights).sum()
        return total

    return jax.grad(objective)([arrays[i] for i in places])


@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=repr)
def test_gradients(row):
    def has_float(tree):
        return any(
            np.issubdtype(getattr(x, "dtype", int), np.floating) for x in jax.tree.leaves(tree)
        )

    if not has_float(run(keras.ops, row)):
        pytest.skip("no floating output")
    for e, g in zip(gradient(keras.ops, row), gradient(ops, row), strict=True):
        np.testing.assert_allclose(g, e, rtol=10 * row.tol, atol=10 * row.tol)


@pytest.mark.parametrize("row", BAD, ids=repr)
def test_bad_input(row):
    with pytest.raises(Exception) as expected:  # noqa: B017, PT011
        run(keras.ops, row)
    with pytest.raises(type(expected.value)) as got:
        run(ops, row)
    assert type(got.value) is type(expected.value)


def node_of(tensor):
    operation, node_index, _ = tensor._keras_history
    return operation, operation._inbound_nodes[node_index]


SAVED = [row for row in SYMBOLIC if row.file]


@pytest.mark.parametrize("row", SAVED, ids=repr)
def test_what_a_file_says(row):
    """Class, config and the shape of the node's arguments are Keras's, so both read each other."""
    expected = run(keras.ops, row, symbolic_inputs(row, theirs))
    got = run(ops, row, symbolic_inputs(row, ours))
    first = jax.tree.leaves(expected, is_leaf=lambda x: isinstance(x, keras.KerasTensor))[0]
    their_op, their_node = node_of(first)
    our_op, our_node = node_of(jax.tree.leaves(got)[0])
    said = keras.saving.serialize_keras_object(their_op)
    module, class_name = our_op.op_name
    assert (module, class_name) == (said["module"], said["class_name"])
    config = {k: v for k, v in our_op.get_config().items() if k != "name"}
    expected = {k: v for k, v in said["config"].items() if k != "name"}
    extra = set(config) - set(expected)
    assert not extra
    assert set(expected) - set(config) <= {"rms_scaling"}
    assert len(our_node.args) == len(their_node.arguments.args)
    assert set(our_node.kwargs) == set(their_node.arguments.kwargs)
    for e, g in zip(their_node.arguments.args, our_node.args, strict=True):
        assert isinstance(e, keras.KerasTensor) == isinstance(g, KerasTensor)


DTYPES = [
    "bool",
    "uint8",
    "uint16",
    "uint32",
    "int8",
    "int16",
    "int32",
    "float16",
    "bfloat16",
    "float32",
]


def outcome(function, *args):
    """The dtypes that come out, or the type of the exception; nothing is compiled."""
    places = [i for i, x in enumerate(args) if hasattr(x, "shape")]

    def call(*arrays):
        filled = list(args)
        for i, x in zip(places, arrays, strict=True):
            filled[i] = x
        return function(*filled)

    try:
        found = jax.eval_shape(call, *[args[i] for i in places])
    except (TypeError, ValueError, OverflowError) as error:
        return type(error).__name__
    return [str(x.dtype) for x in jax.tree.leaves(found)]


# Where Keras makes a float32 array of a Python scalar first, against its own rule.
SCALAR_DECIDES = {"arctan2", "logaddexp", "logaddexp2"}


@pytest.mark.parametrize("name", [*BINARY, "power", "matmul", "where", "append", "dot"])
def test_promotion(name):
    """The dtype of every pair of dtypes, and of every dtype with a Python scalar."""
    kinds = [np.ones((2, 2), d) if d != "bfloat16" else jax.numpy.ones((2, 2), d) for d in DTYPES]
    pairs = [(a, b) for a in kinds for b in kinds]
    if name not in ("matmul", "append", "nextafter"):
        pairs += [(a, s) for a in kinds for s in (True, 1, 1.0)]
        pairs += [(s, a) for a in kinds for s in (True, 1, 1.0)]
    differing = []
    for x1, x2 in pairs:
        args = (np.ones((2, 2), bool), x1, x2) if name == "where" else (x1, x2)
        expected, got = outcome(find(keras.ops, name), *args), outcome(find(ops, name), *args)
        if name in SCALAR_DECIDES and float in (type(x1), type(x2)):
            continue
        if expected != got:
            kinds_shown = [str(getattr(x, "dtype", type(x).__name__)) for x in (x1, x2)]
            differing.append((kinds_shown, expected, got))
    assert not differing


@pytest.mark.parametrize(
    "name",
    [
        *UNARY_ANY,
        *REDUCTIONS,
        "cumsum",
        "cumprod",
        "log",
        "sqrt",
        "rsqrt",
        "sort",
        "diff",
        "trace",
        "clip",
    ],
)
def test_dtype_of_result(name):
    differing = []
    for d in DTYPES:
        x = jax.numpy.ones((2, 2), d)
        args = (x, 0, 1) if name == "clip" else (x,)
        expected, got = outcome(find(keras.ops, name), *args), outcome(find(ops, name), *args)
        # some activations of Keras take no integers; ours make floats of them
        if expected != got and expected != "TypeError":
            differing.append((d, expected, got))
    assert not differing


def test_every_name_is_there():
    missing = [n for n in dir(keras.ops) if not n.startswith("_") and not hasattr(ops, n)]
    assert not missing
    assert not [
        n for n in dir(keras.ops.image) if not n.startswith("_") and not hasattr(ops.image, n)
    ]


def test_every_op_has_a_row():
    covered = {row.name for row in ROWS} | {"image." + r.name for r in ROWS}
    # Control flow, what is random, and two whose results are wrong in Keras 3.15.1: a sparsemax
    # that does not sum to one, and a Gaussian that mixes rows with channels.
    tested_elsewhere = {
        "associative_scan", "cond", "convert_to_numpy", "custom_gradient", "dtype", "fori_loop",
        "image.elastic_transform", "image.gaussian_blur", "is_tensor", "jvp", "map", "scan",
        "sparsemax", "switch", "vectorize", "vectorized_map", "while_loop",
    }  # fmt: skip
    names = {n for n in dir(keras.ops) if callable(getattr(keras.ops, n)) and not n.startswith("_")}
    names |= {
        f"image.{n}"
        for n in dir(keras.ops.image)
        if callable(getattr(keras.ops.image, n)) and not n.startswith("_")
    }
    assert names - covered - tested_elsewhere == set()
