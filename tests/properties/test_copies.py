"""Copies of everything: pickle, joblib, `copy.deepcopy` and `copy.copy`, before and after use.

A copy is equal and independent: it predicts the same bits, it trains on to the same bits, and
nothing that is done to it reaches the original. No pickle holds code.
"""

import copy
import io
import pickle
import pickletools

import joblib
import numpy as np
import pytest

import cornu as keras
from cornu import layers, ops
from cornu.core.graph.op import TABLE
from cornu.core.objects.registry import builtin_functions
from properties.classes import CLASSES, made

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def by_joblib(obj):
    file = io.BytesIO()
    joblib.dump(obj, file)
    return joblib.load(io.BytesIO(file.getvalue()))


DEEP = {"pickle": lambda x: pickle.loads(pickle.dumps(x)), "joblib": by_joblib,
        "deepcopy": copy.deepcopy}  # fmt: skip
WAYS = DEEP | {"copy": copy.copy}


# ---- whole models -----------------------------------------------------------------------------


class Written(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = [layers.Dense(4, activation="relu"), layers.Dropout(0.2)]
        self.last = {"out": layers.Dense(1)}

    def call(self, x, training=False):
        for layer in self.hidden:
            x = layer(x, training=training) if isinstance(layer, layers.Dropout) else layer(x)
        return self.last["out"](x)


class Graph(keras.Model):
    """A subclass that hands tensors on to `Model`."""


def sequential():
    parts = [layers.Dense(4, activation="relu"), layers.Dropout(0.2), layers.BatchNormalization()]
    return keras.Sequential([keras.Input((3,)), *parts, layers.Dense(1)])


def graph():
    inputs = keras.Input((3,))
    hidden = layers.Dense(4, kernel_regularizer="l2")(inputs)
    return keras.Model(inputs, layers.Dense(1)(ops.relu(hidden) + hidden))


def nested():
    base, inputs = graph(), keras.Input((3,))
    return Graph(inputs, layers.Dense(1)(layers.Concatenate()([base(inputs), base(inputs)])))


class Interrupt(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise KeyboardInterrupt


def stages(model):
    """The model at the moments of a life, each under its name."""
    model.compile("adam", "mse", metrics=["mae"])
    yield "compiled"
    model.fit(X, Y, batch_size=8, verbose=0)
    for _ in range(2):
        model(X[:3])
        model.predict(X[:3], verbose=0)
    model.evaluate(X, Y, verbose=0)
    yield "used"
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=8, verbose=0, callbacks=[Interrupt()])
    yield "interrupted"


MODELS = {
    "sequential": sequential,
    "nested graphs, one of a user's class": nested,
    "written": Written,
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_a_copied_model_predicts_and_trains_on_the_same(make):
    model = make()
    for stage in stages(model):
        if not model.built:
            continue
        expected = model.predict(X, verbose=0)
        for way in ("pickle", "copy"):
            twin = WAYS[way](model)
            assert type(twin) is type(model)
            np.testing.assert_array_equal(twin.predict(X, verbose=0), expected, f"{stage} {way}")
    before = model.get_weights()
    for copied in DEEP.values():
        twin = copied(model)
        histories = twin.fit(X, Y, batch_size=8, shuffle=False, verbose=0).history
        for now, then in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(now, then)
    assert model.fit(X, Y, batch_size=8, shuffle=False, verbose=0).history == histories
    for own, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(own, other)


def test_a_shallow_copy_is_a_model_of_its_own_over_the_same_layers():
    model = sequential()
    model.predict(X[:2], verbose=0)
    twin = copy.copy(model)
    twin.add(layers.Dense(2))
    assert len(twin.layers) == len(model.layers) + 1
    assert twin.layers[0] is model.layers[0]
    assert model.predict(X[:2], verbose=0).shape == (2, 1)


def test_a_graph_may_be_deeper_than_the_recursion_limit():
    inputs = x = keras.Input((3,))
    for _ in range(400):
        x = layers.Activation("relu")(x)
    for model in (keras.Model(inputs, x), keras.Sequential([keras.Input((3,)), *[
        layers.Activation("relu") for _ in range(400)]])):  # fmt: skip
        for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
            assert len(twin.layers) == len(model.layers)


def test_a_copied_layer_leaves_its_graph_behind():
    inputs = keras.Input((3,))
    big, last = layers.Dense(1000), layers.Dense(1)
    last(big(inputs))
    assert len(pickle.dumps(last)) < 20_000
    twin = copy.deepcopy(last)
    assert not twin._inbound_nodes
    assert twin(ops.ones((1, 1000))).shape == (1, 1)
    assert len(last._inbound_nodes) == 1


def test_symbolic_tensors_come_with_what_made_them():
    inputs = keras.Input((3,))
    outputs = layers.Dense(1)(inputs)
    for copied in DEEP.values():
        model = keras.Model(*copied((inputs, outputs)))
        np.testing.assert_array_equal(model(X), keras.Model(inputs, outputs)(X))
    assert copy.copy(outputs)._keras_history == outputs._keras_history


def test_pickles_hold_no_code():
    model = graph()
    list(stages(model))
    names = {
        argument for code, argument, _ in pickletools.genops(pickle.dumps(model))
        if isinstance(argument, str)
    }  # fmt: skip
    assert not names & {"marshal", "FunctionType", "CodeType", "_make_function", "eval", "exec"}


def test_history_and_used_callbacks(tmp_path):
    c = keras.callbacks
    used = [
        c.EarlyStopping(), c.ModelCheckpoint(tmp_path / "a.keras"), c.CSVLogger(tmp_path / "a.csv"),
        c.ReduceLROnPlateau(), c.TerminateOnNaN(), c.BackupAndRestore(tmp_path / "b"),
        c.TensorBoard(tmp_path / "t"), c.LearningRateScheduler(abs_rate), c.ProgbarLogger(),
    ]  # fmt: skip
    model = graph()
    model.compile("sgd", "mse")
    history = model.fit(X, Y, validation_split=0.5, epochs=2, verbose=0, callbacks=used)
    for copied in WAYS.values():
        assert copied(history).history == history.history
        twins = [copied(callback) for callback in used]
        assert [type(t) for t in twins] == [type(u) for u in used]
    twins = pickle.loads(pickle.dumps([c for c in used if not isinstance(c, c_with_files())]))
    model.fit(X, Y, validation_split=0.5, verbose=0, callbacks=twins)


def abs_rate(epoch, rate):
    return abs(rate)


def c_with_files():
    return (keras.callbacks.BackupAndRestore, keras.callbacks.TensorBoard)


# ---- every public class -----------------------------------------------------------------------


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_class(cls):
    obj = made(cls)
    for copied in WAYS.values():
        twin = copied(obj)
        assert type(twin) is cls
        if hasattr(obj, "get_config"):
            assert twin.get_config() == obj.get_config()
        for own, other in zip(
            getattr(obj, "variables", []), getattr(twin, "variables", []), strict=True
        ):
            np.testing.assert_array_equal(own, other)


def test_functions_are_pickled_by_their_names():
    for function in (*TABLE.values(), *builtin_functions().values()):
        assert pickle.loads(pickle.dumps(function)) is function


def test_variables_and_seeds():
    variable = keras.Variable([1.0, 2.0], name="v")
    seeds = keras.random.SeedGenerator(3)
    for copied in DEEP.values():
        twin = copied(variable)
        twin.assign([5.0, 5.0])
        assert variable.numpy().tolist() == [1.0, 2.0]
        assert twin.path == variable.path
        other = copied(seeds)
        assert np.array_equal(other.next(), copied(seeds).next())
