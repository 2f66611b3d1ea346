"""Each layer in every place that a layer can stand in.

One row a class, taken from the parity tables. A layer is put into a functional, a subclassed and a
Sequential model, into a model inside a model, called twice, and recomputed by `remat`; then whole
groups of layers, as branches of one model, run in half precision and learn by each strategy.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cornu
import cornu.layers
from cornu import tree
from cornu.core.frame import Frame
from cornu.core.programs.lift import value_and_grad
from cornu.layers import Input, Layer
from cornu.train.strategy import Chunked, PerStep
from parity.augmentation import ROWS as IMAGE_ROWS
from parity.harness import Case, Ids, build, data, make, mode, quiet
from parity.layers import CASES

# Classes that stand for others, or need what no row can give: a function, a package, a model; and
# lookups and hashes, which Keras runs on TensorFlow alone.
NOT_IN_MODELS = {"FlaxLayer", "HashedCrossing", "Hashing", "InputLayer", "IntegerLookup",
                 "JaxLayer", "Lambda", "Layer", "Pipeline", "StringLookup", "TFSMLayer",
                 "TextVectorization", "TorchModuleWrapper", "Wrapper"}  # fmt: skip


def rows():
    """The first row of each class that needs no options."""
    first = {}
    for case in CASES:
        if not case.options and case.label != "scalars":
            first.setdefault(case.name, case)
    return list(first.values())


def small(spec, batch=2):
    """An input with so many samples, and no axis longer than 8."""
    if isinstance(spec, list):
        return [small(s, batch) for s in spec]
    if isinstance(spec, Ids):
        return Ids((batch, *spec.shape[1:]), spec.high)
    return (batch, *(min(n, 8) for n in spec[1:]))


def arguments(case: Case, batch=2):
    """The positional arguments of a call."""
    random = np.random.default_rng(3)
    return [data(small(spec, batch), random) for spec in case.inputs]


def symbols(args):
    """An Input for each array."""
    return tree.map_structure(lambda x: Input(x.shape[1:], dtype=str(x.dtype)), args)


def close(a, b, tolerance=1e-5):
    """Two nests of arrays alike, NaN nowhere."""
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        x, y = np.asarray(x, "float32"), np.asarray(y, "float32")
        assert np.isfinite(x).all()
        np.testing.assert_allclose(x, y, tolerance, tolerance)


class Holder(cornu.Model):
    """A subclassed model around a layer."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def call(self, *args):
        return self.layer(*args)


ROWS = rows()


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_a_layer_works_in_every_kind_of_model(case):
    args = arguments(case)
    other = tree.map_structure(lambda x: x[::-1], args)
    with quiet():
        layer = build(cornu, case)
        expected = layer(*args)
        count = len(layer.weights)

        ins = symbols(args)
        functional = cornu.Model(ins, layer(*ins))
        close(functional(args), expected)

        ins = symbols(args)
        close(cornu.Model(ins, functional(ins))(args), expected)  # a model inside a model

        close(Holder(layer)(*args), expected)
        if len(args) == 1 and not isinstance(args[0], list):
            close(cornu.Sequential([layer])(args[0]), expected)

        a, b = symbols(args), symbols(args)
        twice = cornu.Model([a, b], [layer(*a), layer(*b)])  # one layer, two places
        close(twice([args, other]), [expected, layer(*other)])
        assert len(twice.weights) == len(layer.weights) == count

        again = type(functional).from_config(functional.get_config())
        again.set_weights(functional.get_weights())
        close(again(args), expected)


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_a_subclass_of_a_layer_builds_itself(case):
    made: type = getattr(cornu.layers, case.name)

    @functools.wraps(made.build)
    def build_more(self, *shapes, **named):
        made.build(self, *shapes, **named)
        self.gain = self.add_weight(shape=(), initializer="ones", name="gain")

    with quiet():
        own = type(made.__name__, (made,), {"build": build_more})
        layer = own(**{name: make(cornu, value) for name, value in case.arguments.items()})
        assert not layer.built
        layer(*symbols(arguments(case)))
    assert layer.built and any(w is layer.gain for w in layer.weights)


ACTIVATED = [case for case in ROWS if hasattr(getattr(cornu.layers, case.name), "activation")]


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_a_layer_tells_what_comes_out_before_it_is_built(case):
    ins = symbols(arguments(case))
    mixed = {"dtype": "mixed_float16"} if case.mixed else {}
    with quiet():
        foreseen = build(cornu, case, **mixed).compute_output_spec(*ins)
        layer = build(cornu, case, **mixed)
        found, built = layer(*ins), layer.compute_output_spec(*ins)
    for one, other, third in zip(*map(jax.tree.leaves, (foreseen, found, built)), strict=True):
        assert one.shape == other.shape == third.shape
        assert one.dtype == other.dtype == third.dtype


@pytest.mark.parametrize("case", ACTIVATED, ids=lambda case: case.name)
def test_an_activation_may_be_taken_off(case):
    with quiet():
        layer = build(cornu, case)
        layer(*symbols(arguments(case)))
    if isinstance(layer, cornu.layers.RNN):  # its cell has it
        layer = layer.cell
    layer.activation = "relu"
    assert layer.activation is cornu.activations.relu
    layer.activation = None
    assert layer.activation(2.5) == 2.5 and layer.get_config()["activation"] == "linear"


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_a_layer_can_be_recomputed(case):
    if case.name == "Discretization":
        pytest.skip("bins are integers, which have no gradient")
    args = arguments(case)
    with quiet():
        layer = build(cornu, case)
        layer(*args)

        def gradients(call):
            def loss(*args):
                return sum(jnp.sum(x) for x in jax.tree.leaves(call(*args, **mode(layer, True))))

            with Frame(layer.variables, [v.value for v in layer.variables]) as frame:
                gradient = value_and_grad(loss, layer.trainable_variables)(*args)
                return gradient, [loss.value for loss in frame.losses]

        # Shapes alone, which costs no compilation; numbers are compared in training below.
        plain = jax.eval_shape(lambda: gradients(layer))
        assert jax.eval_shape(lambda: gradients(cornu.remat(layer))) == plain


# ---- many layers in one model, which is compiled once -------------------------------------------

GROUPS = {}
for row in ROWS:
    kind = getattr(cornu.layers, row.name).__module__.removeprefix("cornu.layers.").split(".")[0]
    GROUPS.setdefault(kind, []).append(row)


def branches(cases, batch, wrap=lambda layer: layer, **options):
    """A model with a branch for each row, its outputs by name, and numbers for its inputs."""
    cornu.utils.set_random_seed(1)
    inputs, values, outputs = [], [], {}
    for case in cases:
        args = arguments(case, batch)
        ins = symbols(args)
        outputs[case.name] = wrap(build(cornu, case, name=case.name, **options))(*ins)
        inputs += jax.tree.leaves(ins)
        values += jax.tree.leaves(args)
    return cornu.Model(inputs, outputs), values


@pytest.mark.parametrize("group", GROUPS)
def test_layers_run_in_half_precision(group):
    def outputs(policy, weights=None):
        cornu.config.set_dtype_policy(policy)
        model, values = branches(GROUPS[group], 2)
        if weights is not None:
            model.set_weights(weights)
        state = (
            [v.value for v in model.trainable_variables],
            [v.value for v in model.non_trainable_variables],
        )
        return jax.jit(model.stateless_call)(*state, values)[0], model.get_weights()

    before = cornu.config.dtype_policy()
    try:
        with quiet():
            expected, weights = outputs("float32")
            for policy, tolerance in (("mixed_bfloat16", 6e-2), ("mixed_float16", 2e-2)):
                found, _ = outputs(policy, weights)
                for name, y in expected.items():
                    close(found[name], y, tolerance)
                    for a, b in zip(jax.tree.leaves(found[name]), jax.tree.leaves(y), strict=True):
                        assert a.dtype == (policy[6:] if b.dtype.kind == "f" else b.dtype), name
    finally:
        cornu.config.set_dtype_policy(before)


class FirstStep(cornu.callbacks.Callback):
    """Listens to each batch, so that steps run one by one, and keeps the state after the first."""

    def on_train_batch_end(self, batch, logs=None):
        if batch == 0:
            self.state = state_of(self.model)


def state_of(model):
    return [(v.path, v.numpy()) for v in model.variables]


def trained(cases, callback=None, wrap=lambda layer: layer, steps=None, **options):
    """The state after three steps that push each layer's outputs about, and the strategy."""
    model, values = branches(cases, 6, wrap)
    columns = []
    for outputs in model.outputs:
        row = cornu.ops.cast(
            cornu.ops.reshape(outputs, (-1, np.prod(outputs.shape[1:]))), "float32"
        )
        columns.append(row @ np.cos(np.arange(row.shape[-1], dtype="float32"))[:, None])
    model = cornu.Model(model.inputs, cornu.ops.concatenate(columns, axis=-1))
    model.compile(cornu.optimizers.SGD(1e-3), "mean_absolute_error", **options)
    target = np.ones((6, len(columns)), "float32")
    model.fit(values, target, batch_size=2, shuffle=False, verbose=0, steps_per_epoch=steps,
              callbacks=[callback] if callback else [])  # fmt: skip
    return state_of(model), {type(p) for p in model._programs.values()}


def same_state(found, expected):
    for (path, value), (_, other) in zip(expected, found, strict=True):
        assert np.isfinite(value).all(), path
        np.testing.assert_allclose(other, value, 1e-4, 1e-5, err_msg=path)


@functools.cache
def step_by_step(group):
    """The states of a group's model after the first and after the last of three single steps."""
    first = FirstStep()
    last, kinds = trained(GROUPS[group], first)
    assert kinds == {PerStep}
    return first.state, last


@pytest.mark.parametrize("group", GROUPS)
def test_layers_learn_the_same_by_every_strategy(group, monkeypatch):
    monkeypatch.setattr(Chunked, "is_slow", lambda self, state, data: False)
    with quiet():
        chunked, kinds = trained(GROUPS[group], steps_per_execution=3)
        assert kinds == {Chunked}
        same_state(chunked, step_by_step(group)[1])


@pytest.mark.parametrize("group", GROUPS)
def test_layers_learn_the_same_operation_by_operation(group):
    # Loops and gradients of convolutions are compiled anew for each eager call: four will do.
    few = GROUPS[group][:4] if group in ("rnn", "convolutional") else GROUPS[group]
    with quiet():
        if few is GROUPS[group]:
            expected = step_by_step(group)[0]
        else:
            expected, _ = trained(few, FirstStep(), steps=1)
        eager, kinds = trained(few, steps=1, run_eagerly=True)
        assert not kinds
        same_state(eager, expected)


@pytest.mark.parametrize("group", ["normalization", "regularization"])
def test_layers_that_are_recomputed_learn_the_same(group):
    class Recomputed(Layer):
        def __init__(self, layer):
            super().__init__()
            self.layer = layer

        def call(self, x, training=False):
            return cornu.remat(self.layer)(x)

    with quiet():
        _, expected = step_by_step(group)
        found, _ = trained(GROUPS[group], FirstStep(), wrap=Recomputed)
        same_state(found, expected)


def test_no_layer_is_left_out():
    ours = vars(cornu.layers).values()
    layers = {x.__name__: x for x in ours if isinstance(x, type) and issubclass(x, Layer)}
    covered = {getattr(cornu.layers, case.name).__name__ for case in [*ROWS, *IMAGE_ROWS]}
    assert not layers.keys() - covered - NOT_IN_MODELS, "each class has a row in tests/parity"
