"""Embedding: identifiers outside the table, in every way of calling a model."""

import jax
import numpy as np
import pytest

import cornu as keras
from cornu import layers

GOOD = np.random.default_rng(0).integers(0, 10, (40, 5))
BAD = np.where(np.arange(40)[:, None] == 3, 10, GOOD)
Y = np.zeros((40, 1), "float32")


def sequential():
    return keras.Sequential(
        [layers.Input((5,), dtype="int32"), layers.Embedding(10, 4), layers.Flatten(),
         layers.Dense(1)]
    )  # fmt: skip


def functional():
    x = keras.Input((5,), dtype="int32")
    both = layers.Add()([layers.Embedding(20, 4)(x), layers.Embedding(10, 4)(x)])
    return keras.Model(x, layers.Dense(1)(layers.Flatten()(both)))


def nested():
    x = keras.Input((5,), dtype="int32")
    return keras.Model(x, functional()(x))


@pytest.mark.parametrize("make", [sequential, functional, nested])
def test_refused_before_the_first_step(make):
    model = make()
    model.compile("sgd", "mse")
    message = r"holds index 10 \(row 3, column 0\), but the embedding has rows 0 to 9"
    for act in (
        lambda: model.fit(BAD, Y, verbose=0),
        lambda: model.fit(GOOD, Y, validation_data=(BAD, Y), verbose=0),
        lambda: model.evaluate(BAD, Y, verbose=0),
        lambda: model.predict(BAD, verbose=0),
        lambda: model(BAD),
    ):
        with pytest.raises(ValueError, match=message):
            act()
    model.fit(GOOD, Y, verbose=0)


def test_refused_on_the_quick_ways_too():
    model = sequential()
    for _ in range(3):  # the first calls find the programs that the later ones use
        model.predict(GOOD[:1], verbose=0)
        model(GOOD[:4])
    with pytest.raises(ValueError, match="index 10"):
        model.predict(BAD[3:4], verbose=0)
    with pytest.raises(ValueError, match="index 10"):
        model(BAD[:4])


def test_a_program_cannot_raise_and_gives_nan():
    layer = layers.Embedding(10, 2)
    with pytest.raises(ValueError, match="index 10"):
        layer(np.array([10]))
    rows = jax.jit(layer)(np.array([1, 10]))
    assert np.isnan(rows[1]).all() and np.isfinite(rows[0]).all()


def test_negative_identifiers_count_from_the_end_with_a_warning():
    model = sequential()
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="negative indices count from the end"):
        model.fit(np.where(BAD == 10, -1, BAD), Y, verbose=0)
    layer = model.layers[0]
    np.testing.assert_array_equal(layer(np.array([-1])), layer(np.array([9])))


def test_a_users_layer_of_that_name_is_asked_nothing_and_a_derived_one_is():
    class Embedding(layers.Layer):
        """Another thing under the same name."""

        def call(self, x):
            return keras.ops.cast(x, "float32") / 100

    class Named(layers.Embedding):
        """The same thing under another name."""

    x = np.array([[50, 2], [1, 4]])
    own = keras.Sequential([layers.Input((2,), dtype="int32"), Embedding(), layers.Dense(1)])
    own.compile("sgd", "mse")
    own.fit(x, np.zeros((2, 1)), verbose=0)
    assert own.predict(x, verbose=0).shape == (2, 1)
    derived = keras.Sequential([layers.Input((2,), dtype="int32"), Named(10, 3)])
    with pytest.raises(ValueError, match="holds index 50"):
        derived.predict(x, verbose=0)


def test_vectors_that_are_turned_into_scores_are_no_identifiers():
    ids, vectors = keras.Input((3,), dtype="int32"), keras.Input((3, 4))
    table = layers.ReversibleEmbedding(10, 4)
    model = keras.Model([ids, vectors], [table(ids), table(vectors, reverse=True)])
    good, large = np.ones((2, 3), "int32"), np.full((2, 3, 4), 50.0)
    rows, scores = model.predict([good, large], verbose=0)
    assert rows.shape == (2, 3, 4) and scores.shape == (2, 3, 10)
    with pytest.raises(ValueError, match=r"x\[0\] holds index 11"):
        model.predict([good + 10, large], verbose=0)


@pytest.mark.parametrize("kind", [layers.Embedding, layers.ReversibleEmbedding])
def test_a_table_that_was_built_without_inputs_is_saved(kind, tmp_path):
    table = kind(10, 4)
    table.build()
    keras.Sequential([table]).save(tmp_path / "table.keras")
    (again,) = keras.saving.load_model(tmp_path / "table.keras").layers
    np.testing.assert_array_equal(again.embeddings.numpy(), table.embeddings.numpy())
