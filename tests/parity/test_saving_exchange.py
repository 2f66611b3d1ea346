"""Optimizers, models inside models and .h5 files, exchanged with Keras in both directions."""

import types

import keras
import numpy as np
import pytest

import cornu
import cornu.layers
import cornu.losses
import cornu.models
import cornu.ops
import cornu.optimizers

ours = types.SimpleNamespace(
    Input=cornu.layers.Input,
    Model=cornu.models.Model,
    Sequential=cornu.models.Sequential,
    layers=cornu.layers,
    losses=cornu.losses,
    metrics=cornu.metrics,
    ops=cornu.ops,
    optimizers=cornu.optimizers,
    load_model=cornu.models.load_model,
)
theirs = types.SimpleNamespace(
    **{name: getattr(keras, name) for name in vars(ours) if name != "load_model"},
    load_model=keras.models.load_model,
)
BOTH = [(theirs, ours), (ours, theirs)]
IDS = ["from keras", "from cornu"]
rng = np.random.default_rng(0)
X = rng.normal(size=(6, 4)).astype("float32")


def draw(model):
    values = np.random.default_rng(1)
    model.set_weights([values.uniform(0.1, 1, w.shape).astype("f") for w in model.get_weights()])


def leaves(value):
    if isinstance(value, dict):
        return [np.asarray(value[key]) for key in sorted(value)]
    return [np.asarray(v) for v in (value if isinstance(value, (list, tuple)) else [value])]


def same(first, second, rtol=1e-5):
    for a, b in zip(leaves(first), leaves(second), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-6)


# ---- optimizers ---------------------------------------------------------------------------------

OPTIMIZERS = {
    "SGD": lambda o: o.SGD(0.01),
    "momentum": lambda o: o.SGD(0.01, momentum=0.9, nesterov=True),
    "RMSprop": lambda o: o.RMSprop(0.01, momentum=0.5, centered=True),
    "Adam": lambda o: o.Adam(0.01, amsgrad=True),
    "AdamW": lambda o: o.AdamW(0.01, use_ema=True, ema_overwrite_frequency=4),
    "Adadelta": lambda o: o.Adadelta(0.1),
    "Adagrad": lambda o: o.Adagrad(0.01),
    "Adamax": lambda o: o.Adamax(0.01),
    "Adafactor": lambda o: o.Adafactor(0.01),
    "Nadam": lambda o: o.Nadam(0.01),
    "Ftrl": lambda o: o.Ftrl(0.01),
    "Lion": lambda o: o.Lion(0.01),
    "Lamb": lambda o: o.Lamb(0.01),
    "Muon": lambda o: o.Muon(0.01),
    "ScheduleFreeAdamW": lambda o: o.ScheduleFreeAdamW(0.01),
    "schedule": lambda o: o.Adam(o.schedules.ExponentialDecay(0.01, 2, 0.5)),
    "accumulation": lambda o: o.SGD(0.01, momentum=0.9, gradient_accumulation_steps=2),
}


def step(model, first):
    """Three updates with given gradients: what the optimizer remembers decides their result."""
    numbers = np.random.default_rng(first)
    for _ in range(3):
        grads = [numbers.normal(size=w.shape).astype("f") for w in model.get_weights()]
        model.optimizer.apply(
            [keras.ops.convert_to_tensor(g) for g in grads], model.trainable_variables
        )


def small(k, optimizer):
    model = k.Sequential([k.Input((4,)), k.layers.Dense(3)], name="m")
    draw(model)
    model.compile(OPTIMIZERS[optimizer](k.optimizers), "mean_squared_error")
    return model


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_optimizer_goes_on_in_the_other_library_and_back(optimizer, tmp_path):
    first = small(theirs, optimizer)
    step(first, 0)
    first.save(tmp_path / "a.keras")
    second = ours.load_model(tmp_path / "a.keras")
    assert second.load_report.optimizer == "restored"
    for model in (first, second):
        step(model, 1)
    same(second.get_weights(), first.get_weights(), rtol=2e-5)
    second.save(tmp_path / "b.keras")
    third = theirs.load_model(tmp_path / "b.keras")
    for model in (second, third):
        step(model, 2)
    same(third.get_weights(), second.get_weights(), rtol=2e-5)


# ---- models inside models -----------------------------------------------------------------------


def classes(k):
    class Block(k.Model):
        def __init__(self, width, **kwargs):
            super().__init__(**kwargs)
            self.width = width
            self.parts = [k.layers.Dense(width, activation="tanh") for _ in range(2)]

        def call(self, x):
            for part in self.parts:
                x = part(x)
            return x

        def get_config(self):
            return {**super().get_config(), "width": self.width}

    class Net(k.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.block = Block(3)
            self.twice = self.block  # an object under two names
            self.inner = k.Sequential([k.layers.Dense(3), k.layers.BatchNormalization()])
            self.head = k.layers.Dense(2)

        def call(self, x):
            return self.head(self.inner(self.twice(self.block(x))))

    return {"Block": Block, "Net": Net}


def subclass_in_a_subclass(k, found):
    model = found["Net"](name="net")
    model(np.ones((2, 3), "f"))
    return model, X[:, :3]


def subclass_in_a_graph(k, found):
    x = k.Input((4,), name="x")
    block = found["Block"](4, name="block")
    return k.Model(x, k.layers.Dense(2)(block(block(x)))), X


def graph_in_a_sequential_in_a_graph(k, found):
    a = k.Input((4,))
    graph = k.Model(a, [k.layers.Dense(3)(a), k.layers.Dense(3)(a)], name="graph")
    b = k.Input((3,))
    row = k.Sequential([k.Input((3,)), k.Model(b, k.layers.Dense(3)(b)), k.layers.Dense(2)])
    c = k.Input((4,))
    one, two = graph(c)
    return k.Model(c, {"sum": one + two, "row": row(one)}), X


KINDS = [subclass_in_a_subclass, subclass_in_a_graph, graph_in_a_sequential_in_a_graph]


@pytest.mark.parametrize(("writer", "reader"), BOTH, ids=IDS)
@pytest.mark.parametrize("build", KINDS)
def test_models_inside_models(build, writer, reader, tmp_path):
    model, x = build(writer, classes(writer))
    draw(model)
    model.save(tmp_path / "m.keras")
    copy = reader.load_model(tmp_path / "m.keras", custom_objects=classes(reader))
    same(copy(x), model(x))


# ---- .h5 ----------------------------------------------------------------------------------------


def sequential(k):
    model = k.Sequential(
        [
            k.Input((4,)),
            k.layers.Dense(3, activation="relu", kernel_regularizer="l2", name="h1"),
            k.layers.BatchNormalization(),
            k.layers.Dropout(0.5),
            k.layers.Dense(2),
        ],
        name="seq",
    )
    model.compile(
        k.optimizers.Adam(0.02, clipnorm=1.0), k.losses.MeanSquaredError(), metrics=["mae"]
    )
    model.optimizer.build(model.trainable_variables)
    return model, X


def recurrent(k):
    model = k.Sequential(
        [
            k.Input((6,), dtype="int32"),
            k.layers.Embedding(5, 3),
            k.layers.Bidirectional(k.layers.LSTM(2)),
            k.layers.Dense(1),
        ]
    )
    return model, np.arange(12).reshape(2, 6) % 5


def several(k):
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    shared = k.layers.Dense(3, name="shared")
    h = k.layers.Concatenate()([shared(a), shared(b)])
    inner = k.Sequential([k.Input((6,)), k.layers.Dense(2, name="deep")], name="inner")
    model = k.Model([a, b], [inner(h), k.layers.Dense(1, name="o")(h)], name="several")
    model.compile("sgd", ["mean_squared_error", "mean_absolute_error"])
    return model, [X, X[::-1].copy()]


@pytest.mark.parametrize(("writer", "reader"), BOTH, ids=IDS)
@pytest.mark.parametrize("build", [sequential, recurrent, several])
def test_models_in_h5_files(build, writer, reader, tmp_path):
    model, x = build(writer)
    draw(model)
    compiled = build is not recurrent
    if compiled:
        numbers = np.random.default_rng(0)
        for variable in model.optimizer.variables:
            if "float" in str(variable.dtype) and variable.shape:
                variable.assign(numbers.uniform(size=tuple(variable.shape)))
        model.optimizer.iterations.assign(3)
    model.save(tmp_path / "m.h5")
    copy = reader.load_model(tmp_path / "m.h5")
    same(copy(x), model(x))
    if compiled:
        stored = [np.asarray(v) for v in model.optimizer.variables]
        restored = [np.asarray(v) for v in copy.optimizer.variables]
        # Keras does not restore the slots, of its own files either.
        same(restored, stored[: len(restored)])
        assert len(restored) == len(stored) or reader is theirs
    other, _ = build(reader)
    other.load_weights(tmp_path / "m.h5")
    same(other(x), model(x))


def test_operations_in_h5_files_which_keras_cannot_read_back(tmp_path):
    def build(k):
        x = k.Input((4,), name="x")
        return k.Model(x, k.layers.Dense(2)(k.ops.relu(x * 2.0) + 1.0))

    model = build(theirs)
    draw(model)
    model.save(tmp_path / "m.h5")
    same(ours.load_model(tmp_path / "m.h5")(X), model(X))
    mine = build(ours)
    draw(mine)
    mine.save(tmp_path / "n.h5")
    same(theirs.load_model(tmp_path / "n.h5")(X), mine(X))


@pytest.mark.parametrize(("writer", "reader"), BOTH, ids=IDS)
def test_weights_by_name(writer, reader, tmp_path):
    def build(k, first):
        return k.Sequential(
            [k.Input((4,)), k.layers.Dense(3, name=first), k.layers.Dense(2, name="last")]
        )

    model, other = build(writer, "one"), build(reader, "two")
    before = other.get_weights()
    model.save(tmp_path / "m.h5")
    other.load_weights(tmp_path / "m.h5", by_name=True)
    same(other.get_weights(), [*before[:2], *model.get_weights()[2:]], rtol=0)
