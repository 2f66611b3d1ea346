"""Optimizers against Keras on its JAX backend: see `optimizers.py` for the rows.

Ten steps on weights of all ranks. The tolerance is a few units in the last place of float32: the
two libraries sum in another order and compile other programs.
"""

import inspect
import json
import warnings

import jax
import keras
import numpy as np
import pytest

from cornu import optimizers
from cornu.context import name_scope
from cornu.core.variable import Variable
from parity.optimizers import REFUSED, RULES, SCHEDULES, SHARED, Row

SHAPES = {"kernel": (3, 4), "bias": (4,), "tall": (5, 2), "cube": (2, 3, 4), "gain": ()}
NAMES = [
    "SGD", "RMSprop", "Adam", "AdamW", "Adadelta", "Adagrad", "Adamax", "Nadam", "Ftrl", "Lion",
    "Lamb", "Adafactor", "Muon", "ScheduleFreeAdamW",
]  # fmt: skip


# What the base class does is the same for every shape: two are enough, and compile faster.
FEW = {"kernel": (3, 4), "bias": (4,)}


def weights(variable, scope, shapes):
    rng = np.random.default_rng(0)
    with scope("dense"):
        return [
            variable(np.asarray(rng.normal(size=shape), "float32"), name=name)
            for name, shape in shapes.items()
        ]


def gradients(steps=10, shapes=SHAPES):
    rng = np.random.default_rng(1)
    return [
        [np.asarray(rng.normal(size=shape), "float32") for shape in shapes.values()]
        for _ in range(steps)
    ]


def make(kind, shapes=SHAPES, /, **arguments):
    """The optimizer in both libraries, built, and the weights."""
    theirs = getattr(keras.optimizers, kind)(**arguments)
    ours = getattr(optimizers, kind)(**arguments)
    their_weights = weights(keras.Variable, keras.name_scope, shapes)
    our_weights = weights(Variable, name_scope, shapes)
    theirs.build(their_weights)
    ours.build(our_weights)
    return theirs, ours, their_weights, our_weights


def assert_same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("row", "shapes"),
    [*((row, SHAPES) for row in RULES), *((row, FEW) for row in SHARED)],
    ids=lambda x: str(x) if isinstance(x, Row) else "",
)
def test_ten_steps(row, shapes):
    arguments = {"learning_rate": 0.05, **row.arguments}
    theirs, ours, their_weights, our_weights = make(row.name, shapes, **arguments)
    _, pure, _, pure_weights = make(row.name, shapes, **arguments)
    step = jax.jit(pure.stateless_apply)
    values, state = [v.value for v in pure_weights], [v.value for v in pure.variables]
    for grads in gradients(shapes=shapes):
        theirs.apply(grads)
        ours.apply(grads)
        values, state = step(state, grads, values)
    assert_same([v.numpy() for v in our_weights], [v.numpy() for v in their_weights])
    assert_same([v.numpy() for v in ours.variables], [v.numpy() for v in theirs.variables])
    assert_same(values, [v.numpy() for v in their_weights])
    assert_same(state, [v.numpy() for v in theirs.variables])
    theirs.finalize_variable_values(their_weights)
    ours.finalize_variable_values(our_weights)
    assert_same([v.numpy() for v in our_weights], [v.numpy() for v in their_weights])


@pytest.mark.parametrize("row", [*RULES, *SHARED[:4], SHARED[7]], ids=str)  # clips and scales
def test_half_precision_follows_single_precision(row):
    """The same weight in three dtypes. Keras's own rules are not the measure: in bfloat16 their
    bias correction divides by `1 - 0.999 = 0`, and in float16 small mean squares are zero.

    Weights and gradients are numbers of all three dtypes, so that all start alike.
    """
    optimizer = getattr(optimizers, row.name)(**{"learning_rate": 0.05, **row.arguments})
    rng = np.random.default_rng(0)
    start = np.round(rng.normal(size=(3, 4)) * 16) / 16
    dtypes = ("float32", "float16", "bfloat16")
    several = [Variable(start, dtype=dtype, name=dtype) for dtype in dtypes]
    optimizer.build(several)
    for _ in range(10):
        g = np.round(rng.normal(size=(3, 4)) * 16) / 16
        optimizer.apply([np.asarray(g, v.numpy().dtype) for v in several])
    single, *halves = several
    for half, step in zip(halves, (2**-10, 2**-7), strict=True):  # between two numbers near one
        difference = np.abs(half.numpy().astype("float32") - single.numpy())
        assert difference.max() < 25 * step, half.name
    kept = {v.dtype for v in optimizer.variables if "bfloat16" in v.name and v.ndim}
    assert kept <= {"bfloat16"}


@pytest.mark.parametrize("row", RULES, ids=str)
def test_variables(row):
    shared = {"use_ema": True, "gradient_accumulation_steps": 2, "name": "opt"}
    theirs, ours, *_ = make(row.name, **{**row.arguments, **shared})

    def facts(optimizer):
        # Keras's Nadam makes one variable outside of its scope, under a counted name.
        return [
            ("common" if v.path in ("variable", "opt/u_product") else v.name, v.shape, v.dtype)
            for v in optimizer.variables
        ]

    assert [f[1:] for f in facts(ours)] == [f[1:] for f in facts(theirs)]
    named = [(a, b) for a, b in zip(facts(ours), facts(theirs), strict=True) if a[0] != "common"]
    assert [a for a, _ in named] == [b for _, b in named]


@pytest.mark.parametrize("row", [*RULES, *SHARED], ids=str)
def test_config(row):
    arguments = {**row.arguments, "name": "opt"}
    theirs = getattr(keras.optimizers, row.name)(**arguments)
    ours = getattr(optimizers, row.name)(**arguments)
    assert ours.get_config() == theirs.get_config()
    config = json.loads(json.dumps(keras.optimizers.serialize(theirs)))
    assert json.loads(json.dumps(optimizers.serialize(ours))) == config
    assert optimizers.deserialize(config).get_config() == theirs.get_config()


@pytest.mark.parametrize("name", [*NAMES, "LossScaleOptimizer", "MultiOptimizer", "Optimizer"])
def test_signature(name):
    def facts(library):
        parameters = inspect.signature(getattr(library, name)).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is not p.VAR_KEYWORD}

    ours, theirs = facts(optimizers), facts(keras.optimizers)
    assert ours == theirs
    before_name = list(theirs)[: list(theirs).index("name") + 1]
    assert list(ours)[: len(before_name)] == before_name  # and in the same order


@pytest.mark.parametrize("name", NAMES)
def test_lookup_by_name(name):
    for spelling in (name, name.lower(), name.upper()):
        try:
            expected = type(keras.optimizers.get(spelling)).__name__
        except ValueError:
            continue  # Keras does not know its Lamb by name; we do
        assert type(optimizers.get(spelling)).__name__ == expected


@pytest.mark.parametrize("row", SCHEDULES, ids=str)
def test_schedule(row):
    theirs = getattr(keras.optimizers.schedules, row.name)(**row.arguments)
    ours = getattr(optimizers.schedules, row.name)(**row.arguments)
    assert ours.get_config() == theirs.get_config()
    compiled = jax.jit(ours)  # Keras's own is NaN where a compiled `6 / 6` is above 1
    for step in [*range(14), 48, 49, 50, 98, 1000]:
        expected = theirs(step)
        np.testing.assert_allclose(compiled(step), expected, rtol=2e-6, atol=1e-8)
        np.testing.assert_allclose(ours(step), expected, rtol=2e-6, atol=1e-8)
    config = keras.optimizers.schedules.serialize(theirs)
    assert optimizers.schedules.serialize(ours) == config
    assert optimizers.schedules.deserialize(config).get_config() == theirs.get_config()


@pytest.mark.parametrize("row", SCHEDULES[:3], ids=str)
@pytest.mark.parametrize("accumulation", [None, 2])
def test_steps_with_a_schedule(row, accumulation):
    _, ours, _, our_weights = make("SGD", FEW, gradient_accumulation_steps=accumulation)
    theirs, _, their_weights, _ = make("SGD", FEW, gradient_accumulation_steps=accumulation)
    ours.learning_rate = getattr(optimizers.schedules, row.name)(**row.arguments)
    theirs.learning_rate = getattr(keras.optimizers.schedules, row.name)(**row.arguments)
    for grads in gradients(shapes=FEW):
        ours.apply(grads)
        theirs.apply(grads)
    assert_same([v.numpy() for v in our_weights], [v.numpy() for v in their_weights])
    assert [v.name for v in ours.variables] == [v.name for v in theirs.variables]
    np.testing.assert_allclose(ours.learning_rate, theirs.learning_rate, rtol=1e-6)
    assert int(ours.iterations) == int(theirs.iterations)


@pytest.mark.parametrize("row", REFUSED, ids=str)
def test_refused(row):
    def call(library):
        for part in row.name.split("."):
            library = getattr(library, part)
        return library(**row.arguments)

    with pytest.raises(Exception) as theirs:  # noqa: PT011
        call(keras.optimizers)
    with pytest.raises(theirs.type):
        call(optimizers)


def _misuse(library, variable):
    """Calls that are refused, by what is wrong with them."""
    weight, stranger = variable(np.ones(2, "float32")), variable(np.ones(2, "float32"))
    g = np.ones(2, "float32")
    unbuilt, built = library.SGD(0.1), library.SGD(0.1)
    built.build([weight])
    scheduled = library.SGD(library.schedules.ExponentialDecay(0.1, 10, 0.5))
    state = [v.value for v in built.variables]
    return {
        "no variables": lambda: unbuilt.apply([g]),
        "too many gradients": lambda: built.apply([g, g]),
        "no gradient at all": lambda: built.apply([None]),
        "a stranger": lambda: built.apply([g], [stranger]),
        "wrong shape": lambda: built.apply([np.ones(3, "float32")]),
        "no pairs": lambda: built.apply_gradients([]),
        "not built": lambda: unbuilt.stateless_apply([], [g], [g]),
        "state too short": lambda: built.stateless_apply(state[:1], [g], [g]),
        "too few weights": lambda: built.stateless_apply(state, [], []),
        "rate of a schedule": lambda: setattr(scheduled, "learning_rate", 0.1),
        "rate is text": lambda: setattr(built, "learning_rate", "x"),
        "weights before build": lambda: unbuilt.set_weights([1, 0.1]),
        "unknown name": lambda: library.get("adm"),
        "not an optimizer": lambda: library.get(3),
        "a function": lambda: library.get(lambda: 1),
        "unknown class": lambda: library.get({"class_name": "Nope", "config": {}}),
        "bad config": lambda: library.get({"class_name": "sgd", "config": {"bad": 1}}),
        "no rule": lambda: library.Optimizer(0.1).apply([g], [weight]),
        "foreign setting": lambda: library.LossScaleOptimizer(library.SGD(), clipnorm=1.0),
        "unknown setting": lambda: library.LossScaleOptimizer(library.SGD(), foo=1.0),
        "no default": lambda: library.OptimizerMap(None),
        "no optimizer": lambda: library.OptimizerMap(library.SGD()).update({"a": "sgd"}),
        "rate of many": lambda: (
            library.MultiOptimizer(library.OptimizerMap(library.SGD())).learning_rate
        ),
    }


@pytest.mark.parametrize("case", list(_misuse(optimizers, Variable)))
def test_misuse(case):
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        _misuse(keras.optimizers, keras.Variable)[case]()
    with pytest.raises(theirs.type):
        _misuse(optimizers, Variable)[case]()


def test_a_missing_gradient_leaves_the_weight_alone():
    theirs, ours, their_weights, our_weights = make("Adam", learning_rate=0.1)
    grads = [*gradients(1)[0][:-1], None]
    with pytest.warns(UserWarning):
        theirs.apply(grads)
    with pytest.warns(UserWarning, match="dense/gain"):
        ours.apply(grads)
    assert_same([v.numpy() for v in our_weights], [v.numpy() for v in their_weights])
    assert_same([v.numpy() for v in ours.variables], [v.numpy() for v in theirs.variables])


def test_constraint_comes_last():
    theirs, ours, their_weights, our_weights = make(
        "SGD", FEW, learning_rate=0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2
    )
    their_weights[0].constraint = lambda x: keras.ops.maximum(x, 0.3)
    our_weights[0].constraint = lambda x: jax.numpy.maximum(x, 0.3)
    for grads in gradients(5, FEW):
        theirs.apply(grads)
        ours.apply(grads)
    assert_same([v.numpy() for v in our_weights], [v.numpy() for v in their_weights])
    assert_same([v.numpy() for v in ours.variables], [v.numpy() for v in theirs.variables])


@pytest.mark.parametrize("arguments", [{}, {"gradient_accumulation_steps": 3}], ids=str)
def test_weights_that_are_their_gradient(arguments):
    theirs, ours, their_weights, our_weights = make(
        "SGD", FEW, weight_decay=0.1, loss_scale_factor=4.0, **arguments
    )
    their_weights[1].overwrite_with_gradient = our_weights[1].overwrite_with_gradient = True
    for grads in gradients(7, FEW):
        theirs.apply(grads)
        ours.apply(grads)
    assert_same([v.numpy() for v in our_weights], [v.numpy() for v in their_weights])
    assert_same([v.numpy() for v in ours.variables], [v.numpy() for v in theirs.variables])


@pytest.mark.parametrize("names", [["bias"], ["k.*l"], ["dense"], []], ids=str)
def test_exclusion_from_weight_decay(names):
    theirs, ours, their_weights, our_weights = make("AdamW", weight_decay=0.5)
    theirs.exclude_from_weight_decay(var_names=names)
    ours.exclude_from_weight_decay(var_names=names)
    zeros = [np.zeros(shape, "float32") for shape in SHAPES.values()]
    theirs.apply(zeros)
    ours.apply(zeros)
    assert_same([v.numpy() for v in our_weights], [v.numpy() for v in their_weights])


def test_loss_scale():
    def pure(library, variable):
        weight = variable(np.ones(2, "float32"), name="w")
        inner = library.SGD(0.1, clipvalue=0.5, weight_decay=0.1, name="inner")
        optimizer = library.LossScaleOptimizer(
            inner, initial_scale=8.0, dynamic_growth_steps=2, name="outer"
        )
        optimizer.build([weight])
        values, state = [weight.value], [v.value for v in optimizer.variables]
        seen = []
        for g in ([8, 8], [8, 8], [16, 16], [np.inf, 1], [np.nan, 1], [4, 4], [4, 4], [4, 4]):
            grads = [np.array(g, "float32")]
            values, state = optimizer.stateless_apply(state, grads, values)
            seen += [np.asarray(x) for x in (*values, *state)]
        return [v.path for v in optimizer.variables], seen, optimizer.get_config()

    ours, theirs = pure(optimizers, Variable), pure(keras.optimizers, keras.Variable)
    assert ours[0] == theirs[0]
    assert_same(ours[1], theirs[1])
    assert ours[2] == theirs[2]


def test_several_optimizers():
    def run(library, variable, scope):
        with scope("encoder"):
            a = variable(np.ones(2, "float32"), name="kernel")
        with scope("head"):
            b = variable(np.ones(2, "float32"), name="kernel")
        choice = library.OptimizerMap(
            library.SGD(0.1, name="rest"), {"encoder/.*": library.Adam(0.2, name="encoder")}
        )
        optimizer = library.MultiOptimizer(choice, loss_scale_factor=2.0, name="multi")
        optimizer.build([a, b])
        for _ in range(3):
            optimizer.apply([np.ones(2, "float32"), np.full(2, 0.5, "float32")])
        values = [np.asarray(v) for v in (a, b, *optimizer.variables)]
        return [v.path for v in optimizer.variables], values, library.serialize(optimizer)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # numpy on Keras's variables
        theirs = run(keras.optimizers, keras.Variable, keras.name_scope)
    ours = run(optimizers, Variable, name_scope)
    assert ours[0] == theirs[0]
    assert_same(ours[1], theirs[1])
    assert ours[2] == theirs[2]
    assert len(optimizers.deserialize(theirs[2]).optimizers) == 2
