"""Operations against Keras on its JAX backend: see `ops.py` for the rows."""

import gc

import jax
import keras
import numpy as np
import pytest

from cornu import ops
from cornu.core.symbolic import KerasTensor
from parity.bad import BAD, TAKES_ANYTHING
from parity.definitions import AGREED, DEFINED
from parity.ops import (
    BINARY,
    BITS,
    INDICES,
    REDUCTIONS,
    ROWS,
    RUNNING,
    UNARY_ANY,
    UNARY_INSIDE,
    UNARY_POSITIVE,
    A,
)


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


# ---- values and gradients -----------------------------------------------------------------------


@pytest.fixture(autouse=True, scope="module")
def less_around():
    """Programs this small spend their time in tracebacks and in the collector."""
    filtering = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    often = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    yield
    gc.set_threshold(*often)
    gc.unfreeze()
    if filtering:
        keras.config.enable_traceback_filtering()


def is_floating(x):
    return hasattr(x, "dtype") and jax.numpy.issubdtype(x.dtype, jax.numpy.floating)


def projection(library, row, arrays):
    """The results, and a fixed projection of the floating ones, as a function of float inputs."""

    def project(values):
        feed = iter([values.get(i, x) for i, x in enumerate(arrays)])
        results = jax.tree.leaves(run(library, row, lambda _: next(feed)))
        total = 0.0
        for y in filter(is_floating, results):
            weights = np.cos(np.arange(np.size(y), dtype="float32")).reshape(np.shape(y))
            total = total + (y.astype("float32") * weights).sum()
        return total, results

    return project


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_values_and_gradients(row):
    """Called on arrays the results are Keras's; traced, the gradients are, in one program.

    The gradient is held against the slope in one direction, in forward mode, and can itself be
    differentiated in both modes.
    """
    arrays = [jax.numpy.asarray(x.value()) for x in inputs_of(row)]
    got = jax.tree.leaves(run(ops, row))
    floats = {i: x for i, x in enumerate(arrays) if x.dtype == "float32"}
    if not (row.grad and floats and any(map(is_floating, got))):
        floats = {}

    def ours(floats):
        return projection(ops, row, arrays)(floats)[0]

    gradient = jax.grad(ours)
    direction = jax.tree.map(np.cos, floats)

    def forward(f):
        return lambda floats: jax.jvp(f, (floats,), (direction,))[1]

    def both(floats):
        if not floats:
            return projection(keras.ops, row, arrays)({})[1], {}, {}, 0.0
        slope, results = jax.grad(projection(keras.ops, row, arrays), has_aux=True)(floats)
        return results, slope, gradient(floats), forward(ours)(floats)

    expected, slope, our_slope, along = (jax.jit(both) if row.traceable else both)(floats)
    assert len(got) == len(expected)
    for e, g in zip(expected, got, strict=True):
        assert np.shape(g) == np.shape(e)
        if hasattr(g, "dtype"):
            assert g.dtype == e.dtype
        np.testing.assert_allclose(g, e, rtol=row.tol, atol=row.tol)
    for i in floats:
        np.testing.assert_allclose(our_slope[i], slope[i], rtol=10 * row.tol, atol=10 * row.tol)
    summed = sum(np.vdot(our_slope[i], direction[i]) for i in floats)
    np.testing.assert_allclose(along, summed, rtol=5e-3, atol=1e-4)  # of float16 too
    if floats:  # shapes alone, which costs no compilation
        assert jax.eval_shape(forward(gradient), floats) == jax.eval_shape(gradient, floats)
        jax.eval_shape(jax.grad(forward(ours)), floats)


@pytest.mark.parametrize("name", DEFINED)
def test_definition(name):
    call, expected = DEFINED[name]
    for library in (ops, keras.ops) if name in AGREED else (ops,):
        got = jax.tree.leaves(call(library))
        wanted = list(expected) if isinstance(expected, tuple) else [expected]
        if len(got) != len(wanted):
            got = [np.asarray(got)]
        for g, w in zip(got, wanted, strict=True):
            np.testing.assert_allclose(
                np.asarray(g, "float32"), np.asarray(w, "float32"), rtol=1e-5
            )


@pytest.mark.parametrize("name", [*BITS, "logsumexp"])
def test_symbolic_dtypes_are_those_of_the_values(name):
    kinds = ["float16", "float32"] if name == "logsumexp" else ["bool", "uint8", "int16", "int32"]
    for a in kinds:
        for b in kinds:
            shapes = [a] if name == "logsumexp" else [a, b]
            op = find(ops, name)
            try:
                real = jax.eval_shape(op, *[jax.ShapeDtypeStruct((2,), d) for d in shapes]).dtype
            except (TypeError, ValueError):  # no arithmetic of bools
                continue
            assert op(*[KerasTensor((None,), d) for d in shapes]).dtype == real


# ---- symbolic tensors ---------------------------------------------------------------------------


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


@pytest.mark.parametrize("row", BAD, ids=repr)
def test_bad_input(row):
    """The exception has Keras's type, and names the operation and what it was given."""
    kind = row.kind
    if kind is None:
        with pytest.raises((ValueError, TypeError, IndexError)) as expected:
            run(keras.ops, row)
        kind = type(expected.value)
    with pytest.raises(kind) as got:
        run(ops, row)
    assert type(got.value) is kind
    message = str(got.value)
    names = {row.name.split(".")[-1], find(ops, row.name).__name__}
    assert any(name in message.split("\n")[0] for name in names), message
    settings = [x for x in (*row.args, *row.kwargs.values()) if not isinstance(x, (A, np.ndarray))]
    given = [f for x in inputs_of(row) for f in (str(x.shape), x.kind)] + [
        repr(x) for x in settings
    ]
    assert any(fact in message for fact in given), message


def node_of(tensor):
    operation, node_index, _ = tensor._keras_history
    return operation, operation._inbound_nodes[node_index]


def listed(value):
    """A setting as JSON has it."""
    return [listed(v) for v in value] if isinstance(value, (list, tuple)) else value


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
    assert set(config) <= set(expected)
    assert set(expected) - set(config) <= {"rms_scaling"}
    for key, value in config.items():
        # ours says which data format None means; Keras says which strides it means
        if key not in ("data_format", "strides") or None not in (value, expected[key]):
            assert listed(value) == listed(expected[key]), key
    assert len(our_node.args) == len(their_node.arguments.args)
    assert set(our_node.kwargs) == set(their_node.arguments.kwargs)
    for e, g in zip(their_node.arguments.args, our_node.args, strict=True):
        assert isinstance(e, keras.KerasTensor) == isinstance(g, KerasTensor)


# ---- dtypes -------------------------------------------------------------------------------------

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
    "complex64",
]
SCALARS = (True, 1, 1.0, 1j)


def outcome(function, *args):
    """The dtypes that come out, or the kind of the exception."""
    try:
        return [str(x.dtype) for x in jax.tree.leaves(function(*args))]
    except (TypeError, ValueError, IndexError, OverflowError) as error:
        return "ValueError" if isinstance(error, ValueError) else "TypeError"


def kind_of(x):
    return str(x.dtype) if hasattr(x, "dtype") else f"a {type(x).__name__}"


def all_pairs(function, shape):
    """The outcome for every pair of dtypes and Python scalars; nothing is compiled or computed."""
    outcomes = {}

    def trace(arrays):
        operands = [*arrays, *SCALARS]
        for a in operands:
            for b in operands:
                kinds = tuple(map(kind_of, (a, b)))
                outcomes[kinds] = outcome(function, a, b)
        return ()

    jax.eval_shape(trace, [jax.ShapeDtypeStruct(shape, d) for d in DTYPES])
    return outcomes


# Where Keras makes a float32 array of a Python scalar first, against its own rule.
SCALAR_DECIDES = {"arctan2", "logaddexp", "logaddexp2"}

SHAPES = {"cross": (2, 3), "outer": (2,), "vdot": (2,), "correlate": (2,)}

OF_TWO = {
    **{
        name: lambda library, name=name: find(library, name)
        for name in (
            *BINARY, *BITS, "power", "matmul", "dot", "append", "inner", "outer", "vdot", "kron",
            "cross", "correlate", "allclose", "linspace", "logspace", "geomspace", "tensordot",
        )
    },
    "where": lambda library: lambda a, b: library.where(np.ones((2, 2), bool), a, b),
    "clip": lambda library: lambda a, b: library.clip(a, b, b),
    "average": lambda library: lambda a, b: library.average(a, weights=b),
    "concatenate": lambda library: lambda a, b: library.concatenate([a, b]),
    "stack": lambda library: lambda a, b: library.stack([a, b]),
    "select": lambda library: lambda a, b: library.select([np.ones((2, 2), bool)], [a], b),
    "full_like": lambda library: lambda a, b: library.full_like(a, b),
    "einsum": lambda library: lambda a, b: library.einsum("ij,jk->ik", a, b),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Casting complex values to real")  # full_like fills with them
@pytest.mark.parametrize("name", OF_TWO)
def test_promotion(name):
    """The dtype of every pair of dtypes and Python scalars."""
    shape = SHAPES.get(name, (2, 2))
    expected, got = (all_pairs(OF_TWO[name](library), shape) for library in (keras.ops, ops))
    if name in SCALAR_DECIDES:
        expected = {kinds: e for kinds, e in expected.items() if "a float" not in kinds}
    # a number is no array to work on
    differing = {
        kinds: (e, got[kinds])
        for kinds, e in expected.items()
        if e != got[kinds] and not (name in NO_SCALARS and set(kinds) & KINDS)
    }
    assert not differing


KINDS = set(map(kind_of, SCALARS))
NO_SCALARS = {"full_like", "concatenate", "stack", "tensordot"}


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")  # Keras's integer softmax
@pytest.mark.parametrize(
    "name",
    [
        *UNARY_ANY,
        *UNARY_POSITIVE,
        *UNARY_INSIDE,
        *REDUCTIONS,
        *RUNNING,
        *INDICES,
        "diff",
        "trace",
        "clip",
    ],
)
def test_dtype_of_result(name):
    def outcomes(library):
        found = {}

        def trace(arrays):
            for x in arrays:
                args = (x, 0, 1) if name == "clip" else (x,)
                found[str(x.dtype)] = outcome(find(library, name), *args)
            return ()

        jax.eval_shape(trace, [jax.ShapeDtypeStruct((2, 2), d) for d in DTYPES[:-1]])
        return found

    expected, got = outcomes(keras.ops), outcomes(ops)
    # some activations of Keras take no integers; ours make floats of them
    differing = {d: (e, got[d]) for d, e in expected.items() if e != got[d] and e != "TypeError"}
    assert not differing


# numpy's wide numbers, of which jax makes 32 bits
WIDE = ("int64", "float64")
GRID = [*DTYPES[:-1], *WIDE]

# Where Keras leaves integers what they are in formulas that need a fraction, ours are floats.
FLOATS_OF_INTEGERS = {
    "layer_normalization", "rms_normalization", "conv", "conv_transpose", "depthwise_conv",
    "separable_conv", "fold", "dot_product_attention", "image.sobel_edges", "image.ssim",
}  # fmt: skip
NOT_AN_ARRAY = {"size", "ndim", "shape"}


def rows_for_dtypes():
    """The first row of each operation that the lists of `test_dtype_of_result` do not have."""
    seen = {*UNARY_ANY, *UNARY_POSITIVE, *UNARY_INSIDE, *REDUCTIONS, *RUNNING, *INDICES, *OF_TWO}
    seen |= NOT_AN_ARRAY
    for row in ROWS:
        if row.name not in seen and row.traceable and inputs_of(row):
            seen.add(row.name)
            yield row


@pytest.mark.parametrize("row", [*rows_for_dtypes()], ids=lambda row: row.name)
@pytest.mark.filterwarnings("ignore")  # of 64 bits cut to 32, and of indices that are no integers
def test_dtype_of_other_results(row):
    """The first input in every dtype, and with it those that were of its kind."""
    kind = inputs_of(row)[0].kind

    def of(x, dtype):
        return dtype if x.kind == kind else x.kind

    def outcomes(library):
        found = {}

        def trace(arrays):
            for dtype in GRID:
                feed = iter(arrays[dtype] if dtype in arrays else wide[dtype])
                found[dtype] = outcome(lambda f=feed: run(library, row, lambda _: next(f)))
            return ()

        jax.eval_shape(trace, narrow)
        return found

    narrow = {
        d: [jax.ShapeDtypeStruct(x.shape, of(x, d)) for x in inputs_of(row)] for d in DTYPES[:-1]
    }
    wide = {d: [x.value().real.astype(of(x, d)) for x in inputs_of(row)] for d in WIDE}
    expected, got = outcomes(keras.ops), outcomes(ops)
    differing = {d: (e, got[d]) for d, e in expected.items() if e != got[d] and type(e) is list}
    if row.name in FLOATS_OF_INTEGERS:
        differing = {d: pair for d, pair in differing.items() if set(pair[1]) != {"float32"}}
    if row.name == "get_item":  # of a numpy array Keras gives another
        differing = {d: pair for d, pair in differing.items() if d not in WIDE}
    assert not differing
    if row.symbolic:
        for dtype in DTYPES[:-1]:
            if type(got[dtype]) is list:
                made = run(ops, row, lambda x, d=dtype: KerasTensor(x.shape, of(x, d)))
                assert [t.dtype for t in jax.tree.leaves(made)] == got[dtype]


# ---- completeness -------------------------------------------------------------------------------


def names_of(library):
    return {n for n in dir(library) if n[0] != "_" and callable(getattr(library, n))}


ALL_NAMES = {
    "": names_of(keras.ops),
    "image.": names_of(keras.ops.image),
    "nn.": names_of(keras.ops.nn),
    "numpy.": names_of(keras.ops.numpy),
    "linalg.": names_of(keras.ops.linalg),
}


def test_every_name_is_there():
    for prefix, names in ALL_NAMES.items():
        ours = find(ops, prefix[:-1]) if prefix else ops
        assert not [prefix + n for n in sorted(names) if not hasattr(ours, n)]


def test_every_op_has_a_row():
    covered = {row.name for row in ROWS} | set(DEFINED)
    names = ALL_NAMES[""] | {f"image.{n}" for n in ALL_NAMES["image."]}
    assert names - covered == set()


def test_every_op_has_bad_input():
    names = ALL_NAMES[""] | {f"image.{n}" for n in ALL_NAMES["image."]}
    rows = {row.name for row in BAD}
    assert names - rows - set(TAKES_ANYTHING) == set()
    assert rows & set(TAKES_ANYTHING) == set()
