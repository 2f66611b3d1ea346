"""Files of Keras load here and files of ours load in Keras, with equal outputs and paths."""

import io
import types
import zipfile

import h5py
import keras
import numpy as np
import pytest

import cornu
import cornu.layers
import cornu.losses
import cornu.models
import cornu.ops
import cornu.optimizers
import cornu.saving

ours = types.SimpleNamespace(
    Input=cornu.layers.Input,
    Model=cornu.models.Model,
    Sequential=cornu.models.Sequential,
    layers=cornu.layers,
    ops=cornu.ops,
    optimizers=cornu.optimizers,
    saving=cornu.saving,
    Variable=cornu.Variable,
)

# ---- one model each way, built in either library -----------------------------------------------


def sequential(k):
    return k.Sequential(
        [
            k.Input((4,)),
            k.layers.Dense(3, activation="relu", name="h1"),
            k.layers.Dropout(0.5),
            k.layers.BatchNormalization(),
            k.layers.Dense(3, kernel_regularizer="l2"),
            k.layers.Dense(2, activation="softmax"),
        ],
        name="seq",
    ), [(2, 4)]


def convolutional(k):
    return k.Sequential(
        [
            k.Input((8, 8, 3)),
            k.layers.Conv2D(4, 3, padding="same", use_bias=False),
            k.layers.BatchNormalization(),
            k.layers.ReLU(),
            k.layers.MaxPooling2D(),
            k.layers.Flatten(),
            k.layers.Dense(2),
        ]
    ), [(2, 8, 8, 3)]


def recurrent(k):
    return k.Sequential(
        [
            k.Input((5,), dtype="int32"),
            k.layers.Embedding(10, 4),
            k.layers.LayerNormalization(),
            k.layers.LSTM(3),
            k.layers.Dense(2),
        ]
    ), [(2, 5)]


def several_inputs_and_outputs(k):
    a, b = k.Input((4,), name="a"), k.Input((3,), name="b")
    shared = k.layers.Dense(3, name="shared")
    x = shared(a)
    y = shared(k.layers.Dense(4)(b))
    joined = k.layers.Concatenate()([x, y])
    return k.Model(
        [a, b], [k.layers.Dense(1, name="one")(joined), k.layers.Dense(2, name="two")(joined)]
    ), [(2, 4), (2, 3)]


def with_ops(k):
    x = k.Input((4,), name="x")
    h = k.layers.Dense(6)(x)
    h = k.ops.reshape(k.ops.relu(h) * 2.0 + 1.0, (-1, 2, 3))
    h = k.ops.transpose(h, (0, 2, 1))[:, 0]
    h = k.ops.concatenate([h, x], axis=-1)
    return k.Model(x, k.layers.Dense(2)(h - k.ops.mean(h, axis=-1, keepdims=True))), [(2, 4)]


def dicts(k):
    inputs = {"p": k.Input((4,), name="p"), "q": k.Input((4,), name="q")}
    h = k.layers.Add()([inputs["p"], inputs["q"]])
    outputs = {"u": k.layers.Dense(2)(h), "v": k.layers.Dense(3)(h)}
    return k.Model(inputs, outputs), {"p": (2, 4), "q": (2, 4)}


def nested(k):
    inner = k.Sequential([k.Input((4,)), k.layers.Dense(3), k.layers.Dense(3)], name="inner")
    x = k.Input((4,))
    graph = k.Model(x, k.layers.Dense(4, name="g")(x), name="graph")
    y = k.Input((4,))
    return k.Model(y, k.layers.Dense(2)(inner(graph(y)))), [(2, 4)]


MODELS = [
    sequential, convolutional, recurrent, several_inputs_and_outputs, with_ops, dicts, nested,
]  # fmt: skip


def subclassed(k):
    class Gain(k.layers.Layer):
        def __init__(self, start=1.0, **kwargs):
            super().__init__(**kwargs)
            self.start = start

        def build(self, input_shape):
            self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")
            self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False, name="seen")

        def call(self, inputs):
            return inputs * self.gain * self.start

        def get_config(self):
            return {**super().get_config(), "start": self.start}

    class Net(k.Model):
        def __init__(self, width, **kwargs):
            super().__init__(**kwargs)
            self.width = width
            self.head = k.layers.Dense(2)
            self.blocks = [k.layers.Dense(width), k.layers.Dense(width)]
            self.named = {"p": k.layers.Dense(width), "q": k.layers.Dense(width)}
            self.deep = [[k.layers.Dense(width)], [k.layers.Dense(width)]]
            self._private = k.layers.Dense(width)
            self.zoom = Gain(2.0)

        def call(self, inputs):
            x = inputs
            for layer in [*self.blocks, *self.named.values(), self.deep[0][0], self.deep[1][0]]:
                x = layer(x)
            return self.head(self.zoom(self._private(x)))

        def get_config(self):
            return {**super().get_config(), "width": self.width}

    return Net, {"Net": Net, "Gain": Gain}


# ---- help --------------------------------------------------------------------------------------


def draw(model, seed=0):
    """Random weights, equal in both libraries."""
    rng = np.random.default_rng(seed)
    values = [rng.uniform(0.1, 1, tuple(w.shape)).astype("float32") for w in model.weights]
    model.set_weights(values)


def data(shapes, model):
    """Inputs of these shapes: a dict for a dict, one array for a list of one."""
    if isinstance(shapes, dict):
        return dict(zip(shapes, data(list(shapes.values()), model), strict=True))
    rng = np.random.default_rng(1)
    if "int" in str(model.inputs[0].dtype):
        return rng.integers(0, 9, shapes[0]).astype("int32")
    arrays = [rng.normal(size=shape).astype("float32") for shape in shapes]
    return arrays if len(arrays) > 1 else arrays[0]


def leaves(outputs):
    if isinstance(outputs, dict):
        return [np.asarray(outputs[key]) for key in sorted(outputs)]
    return [np.asarray(y) for y in (outputs if isinstance(outputs, list) else [outputs])]


def same(first, second, rtol=1e-5):
    first, second = leaves(first), leaves(second)
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-6)


def contents(path):
    """Every group and dataset of a file of weights, with the shapes."""
    if str(path).endswith(".keras"):
        path = io.BytesIO(zipfile.ZipFile(path).read("model.weights.h5"))
    found = []
    with h5py.File(path) as file:
        file.visititems(lambda name, x: found.append((name, getattr(x, "shape", None))))
    return found


# ---- whole models ------------------------------------------------------------------------------


@pytest.mark.parametrize("build", MODELS)
def test_files_of_keras_load_here(build, tmp_path):
    theirs, shapes = build(keras)
    draw(theirs)
    theirs.save(tmp_path / "m.keras")
    model = cornu.models.load_model(tmp_path / "m.keras")
    x = data(shapes, theirs)
    same(model(x), theirs(x))
    assert [layer.name for layer in model.layers] == [layer.name for layer in theirs.layers]


@pytest.mark.parametrize("build", MODELS)
def test_our_files_load_in_keras(build, tmp_path):
    model, shapes = build(ours)
    draw(model)
    model.save(tmp_path / "m.keras")
    theirs = keras.models.load_model(tmp_path / "m.keras")
    x = data(shapes, model)
    same(theirs(x), model(x))


@pytest.mark.parametrize("build", MODELS)
def test_paths_in_the_weights_file_are_those_of_keras(build, tmp_path):
    for library, name in ((keras, "a"), (ours, "b")):
        model, _ = build(library)
        model.compile("adam", "mse")
        model.optimizer.build(model.trainable_variables)
        model.save_weights(tmp_path / f"{name}.weights.h5")
    assert contents(tmp_path / "b.weights.h5") == contents(tmp_path / "a.weights.h5")


def test_a_subclassed_model_both_ways(tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    models, classes = {}, {}
    for name, k in (("theirs", keras), ("ours", ours)):
        cls, classes[name] = subclassed(k)
        model = models[name] = cls(3)
        model(x)
        draw(model)
        model.save(tmp_path / f"{name}.keras")
    assert contents(tmp_path / "ours.keras") == contents(tmp_path / "theirs.keras")
    load = cornu.models.load_model(tmp_path / "theirs.keras", custom_objects=classes["ours"])
    same(load(x), models["theirs"](x))
    back = keras.models.load_model(tmp_path / "ours.keras", custom_objects=classes["theirs"])
    same(back(x), models["ours"](x))


def test_variables_stay_in_the_order_in_which_a_layer_got_them(tmp_path):
    for k, name in ((keras, "a"), (ours, "b")):

        class Own(k.layers.Layer):
            def __init__(self, k=k, **kwargs):
                super().__init__(**kwargs)
                self.first = k.Variable(np.ones(1, "float32"))

            def build(self, input_shape):
                self.second = self.add_weight(shape=(2,))
                self.add_weight(shape=(3,))
                self.rest = [self.add_weight(shape=(4,)), self.add_weight(shape=(5,))]

            def call(self, inputs):
                return inputs

        k.Sequential([k.Input((4,)), Own()]).save_weights(tmp_path / f"{name}.weights.h5")
    assert contents(tmp_path / "b.weights.h5") == contents(tmp_path / "a.weights.h5")


def test_directories_both_ways(tmp_path):
    theirs, shapes = sequential(keras)
    draw(theirs)
    theirs.save(tmp_path / "theirs", zipped=False)
    model = cornu.models.load_model(tmp_path / "theirs")
    x = data(shapes, theirs)
    same(model(x), theirs(x))
    model.save(tmp_path / "ours", zipped=False)
    same(keras.models.load_model(tmp_path / "ours")(x), theirs(x))


# ---- weights -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".weights.h5", ".weights.json"])
def test_weights_both_ways(ending, tmp_path):
    x = np.ones((2, 4), "float32")
    (theirs, _), (model, _) = nested(keras), nested(ours)
    draw(theirs)
    theirs.save_weights(tmp_path / f"a{ending}", **shards(ending))
    model.load_weights(tmp_path / f"a{ending}")
    same(model(x), theirs(x))
    draw(model, seed=5)
    model.save_weights(tmp_path / f"b{ending}", **shards(ending))
    theirs.load_weights(tmp_path / f"b{ending}")
    same(theirs(x), model(x))


def shards(ending):
    return {"max_shard_size": 100 / 2**30} if ending == ".weights.json" else {}


# ---- training goes on --------------------------------------------------------------------------

OPTIMIZERS = {
    "sgd": lambda k: k.optimizers.SGD(0.01, momentum=0.9),
    "adam": lambda k: k.optimizers.Adam(0.01, clipnorm=1.0),
    "rmsprop": lambda k: k.optimizers.RMSprop(0.01, use_ema=True),
}


def trained(k, optimizer):
    model = k.Sequential(
        [
            k.Input((4,)),
            k.layers.Dense(5, activation="tanh"),
            k.layers.BatchNormalization(),
            k.layers.Dense(2),
        ]
    )
    draw(model)
    model.compile(OPTIMIZERS[optimizer](k), loss="mean_squared_error", metrics=["mae"])
    steps(model)
    return model


def steps(model):
    rng = np.random.default_rng(3)
    for _ in range(3):
        x, y = rng.normal(size=(8, 4)).astype("f"), rng.normal(size=(8, 2)).astype("f")
        model.train_on_batch(x, y)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("writer", [keras, ours], ids=["keras", "cornu"])
def test_training_goes_on_in_the_other_library(writer, optimizer, tmp_path):
    model = trained(writer, optimizer)
    model.save(tmp_path / "m.keras")
    load = cornu.models.load_model if writer is keras else keras.models.load_model
    other = load(tmp_path / "m.keras")
    assert int(np.asarray(other.optimizer.iterations)) == 3
    same(other.get_weights(), model.get_weights(), rtol=0)
    steps(model)
    steps(other)
    # Six steps in float32, the sums of which the two libraries order in their own ways.
    same(other.get_weights(), model.get_weights(), rtol=2e-5)
    theirs, mine = other.optimizer.variables, model.optimizer.variables
    same([np.asarray(v) for v in theirs], [np.asarray(v) for v in mine], rtol=2e-4)
