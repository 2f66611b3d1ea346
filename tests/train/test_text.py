"""Models that take text: the layers that read it run on the host, all others in the program."""

import copy
import pickle

import numpy as np
import pytest

import cornu as keras
from cornu import layers, ops
from cornu.core.symbolic import KerasTensor

TEXTS = np.array(["a b", "c", "b b c", "a"] * 8)
LABELS = np.array([0, 1, 1, 0] * 8)
WORDS = ["a", "b", "c"]


@keras.saving.register_keras_serializable("test_text")
class Tokens(layers.Layer):
    """The numbers of the first three words."""

    takes_strings = True

    def call(self, x):
        assert isinstance(x, np.ndarray)
        rows = [[WORDS.index(w) + 1 for w in text.split()][:3] for text in x.reshape(-1)]
        return np.array([row + [0] * (3 - len(row)) for row in rows], "int32")

    def compute_output_spec(self, x):
        return KerasTensor((x.shape[0], 3), "int32")


@keras.saving.register_keras_serializable("test_text")
class Lower(layers.Layer):
    """Text from text."""

    takes_strings = True

    def call(self, x):
        return np.char.lower(x)

    def compute_output_spec(self, x):
        return KerasTensor(x.shape, "string")


def head():
    return [layers.Embedding(4, 5), layers.Flatten(), layers.Dense(2, activation="softmax")]


def sequential():
    return keras.Sequential([keras.Input((1,), dtype="string"), Tokens(), *head()])


def without_input():
    return keras.Sequential([Tokens(), *head()])


def functional():
    x = keras.Input((1,), dtype="string")
    y = Tokens()(Lower()(x))
    for layer in head():
        y = layer(y)
    return keras.Model(x, y)


def nested():
    return keras.Sequential([keras.Input((1,), dtype="string"), functional()])


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.tokens, self.parts = Tokens(), head()

    def call(self, x):
        x = self.tokens(x)
        for part in self.parts:
            x = part(x)
        return x


class OwnStep(Own):
    def train_step(self, state, data):
        x, y = data
        logs, state = super().train_step(state, (x, y))
        return logs, state


def compiled(model):
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize(
    "build", [sequential, without_input, functional, nested, Own, OwnStep], ids=lambda b: b.__name__
)
def test_a_model_of_text_trains_and_predicts(build):
    model = compiled(build())
    losses = model.fit(TEXTS, LABELS, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    found = model.predict(TEXTS, verbose=0)
    np.testing.assert_allclose(found, model(TEXTS), atol=1e-6)
    np.testing.assert_allclose(found[:3], model.predict(TEXTS[:3], verbose=0), atol=1e-6)
    assert np.isclose(
        model.evaluate(TEXTS, LABELS, verbose=0),
        -np.log(found[np.arange(32), LABELS]).mean(),
        atol=1e-5,
    )


def test_it_learns_what_the_same_model_learns_from_numbers():
    of_text = compiled(sequential())
    numbers = keras.Sequential([keras.Input((3,), dtype="int32"), *head()])
    numbers.set_weights(of_text.get_weights())
    compiled(numbers)
    x = Tokens()(TEXTS)
    found = [
        m.fit(data, LABELS, epochs=2, shuffle=False, verbose=0).history["loss"]
        for m, data in ((of_text, TEXTS), (numbers, x))
    ]
    assert found[0] == found[1]


def test_text_beside_numbers():
    text, size = keras.Input((1,), dtype="string", name="text"), keras.Input((2,), name="size")
    joined = layers.Concatenate()([layers.Flatten()(layers.Embedding(4, 5)(Tokens()(text))), size])
    model = compiled(keras.Model([text, size], layers.Dense(2, activation="softmax")(joined)))
    x = {"text": TEXTS, "size": np.ones((32, 2))}
    model.fit(x, LABELS, validation_split=0.25, verbose=0)
    found = model.predict(x, verbose=0)
    assert found.shape == (32, 2)
    np.testing.assert_allclose(found, model([TEXTS, np.ones((32, 2), "float32")]), atol=1e-6)


def batches():
    while True:
        yield TEXTS[:8], LABELS[:8]


@pytest.mark.parametrize(
    "x",
    [list(TEXTS), TEXTS.astype(object), np.char.encode(TEXTS), TEXTS[:, None]],
    ids=["list", "objects", "bytes", "a column"],
)
def test_text_of_any_kind(x):
    model = compiled(sequential())
    expected = model.predict(TEXTS, verbose=0)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-6)
    assert model.train_on_batch(x, LABELS) > 0


def test_a_loader_of_text():
    model = compiled(sequential())
    history = model.fit(batches(), steps_per_epoch=3, validation_data=(TEXTS, LABELS), verbose=0)
    assert set(history.history) == {"loss", "val_loss"}
    assert model.predict_on_batch(TEXTS[:2]).shape == (2, 2)
    assert model(["a b"]).shape == (1, 2)


def test_eager_steps():
    model = sequential()
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    assert np.isfinite(model.fit(TEXTS[:8], LABELS[:8], verbose=0).history["loss"]).all()


def test_copies_and_files(tmp_path):
    model = compiled(functional())
    model.fit(TEXTS, LABELS, verbose=0)
    expected = model.predict(TEXTS, verbose=0)
    model.save(tmp_path / "m.keras")
    for other in (
        keras.saving.load_model(tmp_path / "m.keras"),
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
    ):
        np.testing.assert_allclose(other.predict(TEXTS, verbose=0), expected, atol=1e-6)


def test_a_model_that_changes_is_recorded_anew():
    model = without_input()
    assert model.predict(TEXTS, verbose=0).shape == (32, 2)
    model.add(layers.Dense(3))
    assert model.predict(TEXTS, verbose=0).shape == (32, 3)


def test_text_for_a_model_of_numbers():
    with pytest.raises(ValueError, match="x holds text"):
        keras.Sequential([layers.Dense(1)]).predict(TEXTS, verbose=0)


def test_text_that_the_model_made_itself():
    class Late(Own):
        def call(self, x):
            return ops.sum(self.tokens(np.char.add(x, " a")), -1)

    with pytest.raises(TypeError, match="computed inside the model"):
        Late().predict(TEXTS, verbose=0)
    model = Late()
    model.compile(run_eagerly=True)
    assert model(TEXTS).shape == (32,)


def test_inputs_in_any_nesting():
    text = keras.Input((1,), dtype="string", name="text")
    b, a = keras.Input((2,), name="b"), keras.Input((2,), name="a")
    found = layers.Flatten()(layers.Embedding(4, 5)(Tokens()(text)))
    joined = layers.Concatenate()([found, b, a])
    model = keras.Model([text, b, a], layers.Dense(2)(joined))
    x = [TEXTS, np.zeros((32, 2), "float32"), np.ones((32, 2), "float32")]
    named = dict(zip(("text", "b", "a"), x, strict=True))
    expected = model(x)
    for given in (x, named, x):  # the same shapes, in another order
        np.testing.assert_allclose(model.predict(given, verbose=0), expected, atol=1e-6)
    model.compile("adam", "mse")
    y = np.zeros((32, 2))
    model.fit(named, y, validation_data=(x, y), verbose=0)


def test_data_without_text_are_not_looked_into(monkeypatch):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    x = np.ones((4, 3), "float32")
    for _ in range(3):
        model.predict(x, verbose=0)
    monkeypatch.setattr(type(model), "_flatten_layers", None)  # a walk over all layers
    assert model.predict(x, verbose=0).shape == (4, 1)
