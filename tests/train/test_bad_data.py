"""Bad data: a clear error or the right result, and the same from whatever entrance they come.

The table crosses kinds of bad data with the ways into a model. Each kind says what the error tells,
or which good data it stands for.
"""

import datetime

import numpy as np
import pytest

import cornu as keras
from cornu import layers

X = (np.arange(12, dtype="float32").reshape(4, 3) - 6) / 12
IDS = np.arange(12).reshape(4, 3) % 5
Y = np.array([0, 1, 2, 0])


def of_numbers():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(3, activation="softmax")])
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    return model


def of_identifiers():
    table = [keras.Input((3,), dtype="int32"), layers.Embedding(5, 2), layers.Flatten()]
    model = keras.Sequential([*table, layers.Dense(3, activation="softmax")])
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    return model


def of_whole_numbers():
    inputs = keras.Input((3,), dtype="int32")
    outputs = layers.Dense(3, activation="softmax")(keras.ops.cast(inputs, "float32"))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    return model


@pytest.fixture(scope="module")
def models():
    """Each has seen good data, so that every way that is quicker the second time is open."""
    made = {"numbers": of_numbers(), "ids": of_identifiers(), "whole": of_whole_numbers()}
    for name, model in made.items():
        good = X if name == "numbers" else IDS
        for _ in range(2):
            model(good)
            model.predict(good, verbose=0)
    return made


WAYS = {
    "fit": lambda model, x, y: model.fit(x, y, verbose=0, shuffle=False).history["loss"][0],
    "evaluate": lambda model, x, y: model.evaluate(x, y, verbose=0),
    "predict": lambda model, x, y: model.predict(x, verbose=0),
    "train_on_batch": lambda model, x, y: model.train_on_batch(x, y),
    "test_on_batch": lambda model, x, y: model.test_on_batch(x, y),
    "predict_on_batch": lambda model, x, y: model.predict_on_batch(x),
    "model": lambda model, x, y: model(x),
    "layer": lambda model, x, y: model.layers[0](x),
    "op": lambda model, x, y: keras.ops.convert_to_tensor(x),
    "generator": lambda model, x, y: model.evaluate(((x, y) for _ in range(1)), verbose=0),
}
OF_LABELS = ("fit", "evaluate", "train_on_batch", "test_on_batch", "generator")
NOT_OPS = tuple(way for way in WAYS if way != "op")  # there they are numbers like others
NOT_LAYERS = tuple(way for way in NOT_OPS if way != "layer")
LISTS = tuple(way for way in WAYS if way not in ("model", "layer"))  # where they are several inputs


def filled(value, dtype=object):
    array = np.empty((4, 3), dtype)
    array[:] = value
    return array


# kind of data: the model, the data, what the error tells, the ways
BAD_X = {
    "masked": ("numbers", np.ma.masked_array(X, X > 0), "masked array, of which 5 of 12", WAYS),
    "masked identifiers": ("ids", np.ma.masked_array(IDS, IDS > 3), "2 of 12 values", WAYS),
    "complex": ("numbers", X + 1j, "imaginary", NOT_LAYERS),
    "text": ("numbers", X.astype(str), "holds text", WAYS),
    "bytes": ("numbers", X.astype("S5"), "holds text", WAYS),
    "objects with text": ("numbers", filled(["a", 1, 2]), "holds text", WAYS),
    "objects": ("numbers", filled(datetime.date(2020, 1, 1)), "Python objects", WAYS),
    "dates": ("numbers", filled(np.datetime64("2020-01-01"), "M8[D]"), "dates or times", WAYS),
    "durations": ("numbers", filled(np.timedelta64(1, "D"), "m8[D]"), "dates or times", WAYS),
    "records": ("numbers", np.zeros((4, 3), [("a", "f4")]), "structured array", WAYS),
    "raw bytes": ("numbers", np.zeros((4, 3), "V4"), "bytes without a meaning", WAYS),
    "rows of text": ("numbers", [["1", "2", "3"]] * 4, "holds text", LISTS),
    "rows of dates": ("numbers", [[datetime.date(2020, 1, 1)] * 3] * 4, "Python objects", LISTS),
    "rows that differ": ("numbers", [[1.0], [1.0, 2.0, 3.0]] * 2, "differ in length", LISTS),
    "64 bits": ("numbers", IDS + 2**40, "beyond 32 bits", WAYS),
    "64 bits unsigned": ("numbers", IDS.astype("uint64") + 2**63, "beyond 32 bits", WAYS),
    "identifiers that wrap": ("ids", IDS + 2**32, "beyond 32 bits|index 4294967", WAYS),
    "identifiers without a row": ("ids", IDS + 3, "index 5", NOT_OPS),
    "identifiers below": ("ids", IDS - 10, "index -10", NOT_OPS),
    "missing identifiers": ("ids", np.where(IDS == 2, np.nan, IDS), "holds nan", NOT_OPS),
    "infinite identifiers": ("ids", np.where(IDS == 2, np.inf, IDS), "holds inf", NOT_OPS),
    "missing whole numbers": ("whole", np.where(IDS == 2, np.nan, IDS), "holds nan", NOT_LAYERS),
}


@pytest.mark.parametrize("kind", BAD_X)
def test_bad_inputs_are_refused_everywhere(models, kind):
    name, x, told, ways = BAD_X[kind]
    for way in ways:
        for _ in range(2):  # the first time, and when it is known
            with pytest.raises(ValueError, match=told):
                WAYS[way](models[name], x, Y)


# kind of data: the model, the data, the good data that they stand for, the ways
GOOD_X = {
    "objects that are numbers": ("numbers", X.astype(object), X, WAYS),
    "nothing masked": ("numbers", np.ma.masked_array(X), X, WAYS),
    "a matrix": ("numbers", X.view(np.matrix), X, WAYS),
    "the other order of bytes": ("numbers", X.astype(">f4"), X, NOT_OPS),
    "rows": ("numbers", X.tolist(), X, LISTS),
    "rows of Python numbers": ("ids", IDS.tolist(), IDS, LISTS),
    "identifiers in 64 bits": ("ids", IDS.astype("int64"), IDS, WAYS),
    "identifiers in floats": ("ids", IDS.astype("float64"), IDS, NOT_OPS),
    "identifiers of objects": ("ids", IDS.astype(object), IDS, NOT_OPS),
    "booleans": ("numbers", X > 0, (X > 0).astype("float32"), NOT_OPS),
    "whole numbers in floats": ("whole", IDS.astype("float32"), IDS, NOT_LAYERS),
}


@pytest.mark.parametrize("kind", GOOD_X)
def test_what_has_a_meaning_gives_the_right_result(models, kind):
    name, x, good, ways = GOOD_X[kind]
    for way in ways:
        found, expected = (WAYS[way](models[name], a, Y) for a in (x, good))
        np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-6, err_msg=way)


@pytest.mark.parametrize("name", ["ids", "whole"])
def test_parts_of_whole_numbers_are_cut_off_and_that_is_said(models, name):
    for way in NOT_LAYERS:
        with pytest.warns(UserWarning, match=r"holds 0\.5 .* integers"):
            found = WAYS[way](models[name], IDS + 0.5, Y)
        expected = WAYS[way](models[name], IDS, Y)
        np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-6, err_msg=way)


BAD_Y = {
    "beyond the outputs": (np.array([0, 1, 3, 0]), "Labels contain 3"),
    "below": (np.array([0, 1, -2, 0]), "Labels contain -2"),
    "parts": (np.array([0, 1.5, 2, 0]), "not whole numbers"),
    "missing": (np.array([0, np.nan, 2, 0]), "1 NaN in y"),
    "None": ([0, None, 1, 2], "1 NaN in y"),
    "masked": (np.ma.masked_array(Y, [0, 1, 0, 0]), "y is a masked array"),
    "complex": (Y + 1j, "complex"),
    "text": (np.array(list("abca")), "y holds text"),
    "dates": (np.full(4, np.datetime64("2020-01-01")), "y holds dates"),
    "64 bits": (Y + 2**32, "y holds 429496729[68], which is beyond 32 bits"),
}


@pytest.mark.parametrize("kind", BAD_Y)
def test_bad_labels_are_refused_wherever_there_are_labels(models, kind):
    y, told = BAD_Y[kind]
    for way in OF_LABELS:
        with pytest.raises(ValueError, match=told):
            WAYS[way](models["numbers"], X, y)


@pytest.mark.parametrize("way", OF_LABELS)
def test_labels_that_are_left_out_may_be_anything(models, way):
    model, y, weight = models["numbers"], np.array([0, 1, 7, 0]), np.array([1.0, 1, 0, 1])
    calls = {
        "fit": lambda y: model.fit(X, y, sample_weight=weight, verbose=0, shuffle=False),
        "evaluate": lambda y: model.evaluate(X, y, sample_weight=weight, verbose=0),
        "train_on_batch": lambda y: model.train_on_batch(X, y, sample_weight=weight),
        "test_on_batch": lambda y: model.test_on_batch(X, y, sample_weight=weight),
        "generator": lambda y: model.evaluate(((X, y, weight) for _ in range(1)), verbose=0),
    }
    found, expected = (calls[way](labels) for labels in (y, Y))
    if way == "fit":
        found, expected = found.history["loss"], expected.history["loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


class OfText(layers.Layer):
    """Takes text, on the host."""

    def call(self, x):
        return keras.ops.convert_to_tensor([len(word) for word in x])


def test_a_layer_of_the_users_own_may_take_text():
    words = np.array(["a", "bcd"])
    assert OfText()(words).tolist() == [1, 3]


class Complex(layers.Layer):
    def call(self, x):
        return keras.ops.abs(x)


def test_a_model_may_be_made_for_complex_numbers():
    inputs = keras.Input((3,), dtype="complex64")
    model = keras.Model(inputs, layers.Dense(1)(Complex()(inputs)))
    model.compile("sgd", "mse")
    model.fit(X + 1j, np.zeros((4, 1)), verbose=0)
    assert model.predict(X + 1j, verbose=0).shape == (4, 1)
