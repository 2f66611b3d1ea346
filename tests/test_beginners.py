"""What beginners get wrong, and what they are told: what happened, the facts, and the fix.

Each row is a mistake on purpose. The message comes before the first step, names the user's own
things (x, y, the model), and says what to write instead.
"""

from pathlib import Path

import numpy as np
import pytest

import cornu as keras
from cornu import layers

X = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
CLASSES = np.arange(64) % 3
ONE_HOT = np.eye(3, dtype="float32")[CLASSES]


def model(units=3, activation="softmax", loss="sparse_categorical_crossentropy", inputs=5, **more):
    network = keras.Sequential(
        [
            keras.Input((inputs,)),
            layers.Dense(8, activation="relu"),
            layers.Dense(units, activation=activation),
        ]
    )
    network.compile("adam", loss, **more)
    return network


def message_of(kind, function, *args, **kwargs):
    with pytest.raises(kind) as caught:
        function(*args, verbose=0, **kwargs)
    text = str(caught.value)
    assert 2 <= len(text.splitlines()) <= 6, text
    assert len(text) < 600, text
    return text


MISTAKES = {
    "integer labels with categorical_crossentropy": (
        {"loss": "categorical_crossentropy"},
        (X, CLASSES),
        ["one-hot", 'loss="sparse_categorical_crossentropy"', "to_categorical(y, 3)"],
    ),
    "one-hot labels with the sparse loss": (
        {},
        (X, ONE_HOT),
        ['loss="categorical_crossentropy"', "argmax"],
    ),
    "a label beyond the outputs": ({}, (X, CLASSES + 3), ["5", "3 outputs"]),
    "negative labels": ({}, (X, CLASSES - 1), ["-1"]),
    "labels that are not integers": ({}, (X, CLASSES + 0.5), ["whole numbers", "0.5"]),
    "softmax over one unit": (
        {"units": 1, "loss": "binary_crossentropy"},
        (X, CLASSES % 2),
        ["sigmoid"],
    ),
    "binary labels that are 1 and 2": (
        {"units": 1, "activation": "sigmoid", "loss": "binary_crossentropy"},
        (X, CLASSES % 2 + 1),
        ["0", "1"],
    ),
    "targets wider than the output": (
        {"units": 2, "activation": None, "loss": "mse"},
        (X, ONE_HOT),
        ["(None, 2)"],
    ),
    "the wrong number of features": (
        {},
        (X[:, :4], CLASSES),
        ["expects 5 features", "x has 4"],
    ),
    "a NaN in the data": (
        {},
        (np.where(np.arange(5) == 1, np.nan, X), CLASSES),
        ["NaN", "row 0"],
    ),
    "x and y of different lengths": ({}, (X, CLASSES[:50]), ["64", "50"]),
    "text as data": ({}, (np.array([["a"] * 5] * 64), CLASSES), ["numpy.unique(x"]),
    "text as labels": ({}, (X, [*"abcd" * 16]), ["numpy.unique(y, return_inverse=True)[1]"]),
    "one class number for several sigmoids": (
        {"activation": "sigmoid", "loss": "binary_crossentropy"},
        (X, CLASSES),
        ["3 numbers for each sample", "softmax", "3 columns of 0 and 1"],
    ),
    "one target for three outputs": (
        {"activation": None, "loss": "mse"},
        (X, X[:, 0]),
        ["3 numbers for each sample", "y (64,), output (None, 3)"],
    ),
    "weights in place of metrics": (
        {"loss_weights": ["accuracy"]},
        (X, CLASSES),
        ["metrics=['accuracy']"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda name: name.replace(" ", "-"))
def test_mistakes_in_data_and_labels(mistake):
    options, data, told = MISTAKES[mistake]
    text = message_of(ValueError, lambda *a, **k: model(**options).fit(*a, **k), *data)
    for word in told:
        assert word in text, text


def batches_of(x, y):
    yield x, y


FOUND_IN_A_BATCH = ["a label beyond the outputs", "a NaN in the data", "negative labels"]


@pytest.mark.parametrize("mistake", FOUND_IN_A_BATCH)
def test_the_first_batch_of_a_generator_is_looked_at(mistake):
    options, data, told = MISTAKES[mistake]
    text = message_of(ValueError, model(**options).fit, batches_of(*data))
    assert text.startswith("In the first batch: ") and all(word in text for word in told)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3, activation="softmax")

    def call(self, inputs):
        return self.dense(inputs)


@pytest.mark.parametrize("mistake", [*FOUND_IN_A_BATCH, "one-hot labels with the sparse loss"])
def test_the_outputs_of_a_subclass_are_known_too(mistake):
    _, data, told = MISTAKES[mistake]
    network = Subclassed()
    network.compile("adam", "sparse_categorical_crossentropy")
    text = message_of(ValueError, network.fit, *data)
    assert all(word in text for word in told)


@pytest.mark.parametrize("mistake", FOUND_IN_A_BATCH)
def test_validation_data_are_looked_at(mistake):
    _, data, told = MISTAKES[mistake]
    text = message_of(ValueError, model().fit, X, CLASSES, validation_data=data)
    assert text.startswith("In the validation data: ") and all(word in text for word in told)


def test_the_checks_can_be_left_out():
    network = model()
    network.fit(X, CLASSES + 3, check=False, verbose=0)
    network.fit(X, np.sort(CLASSES), check=False, validation_split=0.3, verbose=0)


PIXELS = np.random.default_rng(0).integers(0, 256, (64, 784)).astype("uint8")
LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
SUSPICIONS = {
    "no softmax before a loss of probabilities": (
        {"activation": None},
        (X, CLASSES),
        {},
        ["from_logits=True", "softmax"],
    ),
    "no sigmoid before binary_crossentropy": (
        {"units": 1, "activation": None, "loss": "binary_crossentropy"},
        (X, CLASSES % 2),
        {},
        ['activation="sigmoid"', "from_logits=True"],
    ),
    "softmax before a loss of logits": (
        {"loss": LOGITS},
        (X, CLASSES),
        {},
        ["gives probabilities (softmax)", "from_logits=False"],
    ),
    "raw pixels": ({"inputs": 784}, (PIXELS, CLASSES), {}, ['x = x.astype("float32") / 255']),
    "a split of sorted labels": (
        {},
        (X, np.sort(CLASSES)),
        {"validation_split": 0.3},
        ["Class 2 of y appears almost only in the validation data", '"stratified"'],
    ),
}


@pytest.mark.parametrize("suspicion", SUSPICIONS, ids=lambda name: name.replace(" ", "-"))
def test_what_looks_wrong_is_a_warning(suspicion):
    options, data, more, told = SUSPICIONS[suspicion]
    with pytest.warns(UserWarning) as caught:
        model(**options).fit(*data, verbose=0, **more)
    (text,) = [str(warning.message) for warning in caught]
    assert 2 <= len(text.splitlines()) <= 6
    for word in told:
        assert word in text, text
    assert Path(caught[0].filename) == Path(__file__)  # points at the user's own line


@pytest.mark.parametrize(
    ("weights", "told"),
    [({0: 1, 1: 2}, "no weight for class 2"), ({0: 1, 1: 1, 2: 1, 7: 1}, "names class 7")],
)
def test_class_weights_and_classes_that_differ(weights, told):
    with pytest.warns(UserWarning, match=told):
        model().fit(X, CLASSES, class_weight=weights, verbose=0)


def test_a_learning_rate_far_too_large_stops_training():
    network = model(3, None, "mse")
    network.compile(keras.optimizers.SGD(1e6), "mse")
    text = message_of(FloatingPointError, network.fit, X, ONE_HOT, epochs=9, batch_size=16)
    assert "of epoch 1" in text and "dense" in text
    assert "learning rate, 1e+06, is too large" in text and "keras.optimizers.SGD(0.01)" in text


def test_layers_may_be_frozen_after_compile():
    network = model()
    network.fit(X, CLASSES, verbose=0)
    network.layers[0].trainable = False
    before = network.get_weights()
    network.fit(X, CLASSES, verbose=0)
    same = [np.array_equal(a, b) for a, b in zip(before, network.get_weights(), strict=True)]
    assert same == [True, True, False, False]


def test_a_callback_that_watches_validation_without_validation_data():
    stopping = keras.callbacks.EarlyStopping("val_loss")
    text = message_of(ValueError, model().fit, X, CLASSES, callbacks=[stopping])
    assert "validation_split=0.2" in text


def test_correct_programs_raise_and_warn_nothing(recwarn):
    model().fit(X, CLASSES, verbose=0)
    model(loss="categorical_crossentropy").fit(X, ONE_HOT, verbose=0)
    model(1, "sigmoid", "binary_crossentropy").fit(X, CLASSES % 2, verbose=0)
    model(3, "sigmoid", "binary_crossentropy").fit(X, ONE_HOT, verbose=0)
    model(1, None, "mse").fit(X, X[:, :1], verbose=0)
    logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model(3, None, logits).fit(X, CLASSES, verbose=0)
    assert not recwarn.list


def test_lists_are_taken_as_arrays():
    network = model()
    network.fit(X.tolist(), CLASSES.tolist(), verbose=0)
    assert network.predict(X[:2].tolist(), verbose=0).shape == (2, 3)


def test_a_missing_batch_axis():
    text = message_of(ValueError, model().predict, X[0])
    assert "x[None]" in text


def test_images_without_a_channel_axis():
    network = keras.Sequential([layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)])
    network.compile("adam", "mse")
    text = message_of(ValueError, network.fit, np.ones((4, 8, 8)), np.ones((4, 2)))
    assert "x[..., None]" in text


def test_a_forgotten_flatten():
    network = keras.Sequential([keras.Input((4, 5)), layers.Dense(3, activation="softmax")])
    network.compile("adam", "sparse_categorical_crossentropy")
    x = np.ones((8, 4, 5), "float32")
    text = message_of(ValueError, network.fit, x, np.zeros(8, int))
    assert "Flatten" in text


@pytest.mark.parametrize(
    ("compile_options", "suggestion"),
    [
        (("adm", "mse"), "'adam'"),
        (("adam", "sparse_categorical_crossentrop"), "'sparse_categorical_crossentropy'"),
        (("adam", "mse", None, ["acuracy_"]), "accuracy"),
    ],
)
def test_mistaken_names_are_found_when_compiling(compile_options, suggestion):
    network = keras.Sequential([layers.Dense(1)])
    with pytest.raises(ValueError, match="did you mean") as caught:
        network.compile(*compile_options)
    assert suggestion in str(caught.value)


def test_mistaken_names_in_layers():
    with pytest.raises(ValueError, match="did you mean 'relu'"):
        layers.Dense(3, activation="rleu")
    with pytest.raises(ValueError, match="did you mean 'activation'"):
        layers.Dense(3, activaton="relu")
    with pytest.raises(ValueError, match="positive integer"):
        layers.Dense(-3)
    with pytest.raises(AttributeError, match="did you mean 'layers'"):
        keras.layer  # noqa: B018


def test_older_arguments_warn_and_say_what_replaces_them():
    network = keras.Sequential([keras.Input((5,)), layers.Dense(1)])
    with pytest.warns(DeprecationWarning, match="sample_weight"):
        network.compile("sgd", "mse", sample_weight_mode="temporal")
    with pytest.warns(DeprecationWarning, match="PyDataset"):
        network.fit(X, X[:, :1], verbose=0, workers=2, use_multiprocessing=False)
    with pytest.raises(TypeError, match="did you mean 'epochs'"):
        network.fit(X, X[:, :1], epoch=3)


def test_older_arguments_with_their_old_defaults_are_silent(recwarn):
    network = keras.Sequential([keras.Input((5,)), layers.Dense(1)])
    network.compile("sgd", "mse", sample_weight_mode=None)
    older = {"workers": 1, "use_multiprocessing": False, "max_queue_size": 10}
    network.fit(X, X[:, :1], verbose=0, **older)
    assert not recwarn.list


def test_errors_inside_a_model_say_where():
    class Broken(keras.layers.Layer):
        def call(self, x):
            return keras.ops.matmul(x, np.ones((7, 2)))

    inner = keras.Sequential([Broken(name="wrong")], name="block")
    network = keras.Sequential([inner], name="net")
    with pytest.raises(Exception, match=".") as caught:
        network(X)
    assert "where:  net > block > wrong" in "\n".join(caught.value.__notes__)
