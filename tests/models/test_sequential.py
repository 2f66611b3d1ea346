"""Sequential: a list of layers, built early or late."""

import numpy as np
import pytest

import cornu as keras
from cornu import layers


def test_the_tutorials_network_counts_as_the_post_says():
    network = keras.models.Sequential()
    network.add(layers.Dense(512, activation="relu", input_shape=(28 * 28,)))
    network.add(layers.Dense(10, activation="softmax"))
    assert [layer.count_params() for layer in network.layers] == [401_920, 5_130]
    assert network.count_params() == 407_050


@pytest.mark.parametrize(
    "first",
    [
        lambda: [keras.Input((4,)), layers.Dense(3)],
        lambda: [layers.Dense(3, input_shape=(4,))],
        lambda: [layers.Dense(3, input_dim=4)],
        lambda: [layers.Dense(3, batch_input_shape=(None, 4))],
        lambda: [layers.InputLayer(shape=(4,)), layers.Dense(3)],
    ],
)
def test_the_input_shape_can_be_told_in_every_way(first):
    model = keras.Sequential(first())
    assert model.built
    assert model.input_shape == (None, 4)
    assert model.output_shape == (None, 3)
    assert len(model.layers) == 1


def test_without_a_shape_it_is_built_at_the_first_call():
    model = keras.Sequential([layers.Dense(3), layers.Dense(2)], name="late")
    assert not model.built
    assert model(np.ones((5, 4))).shape == (5, 2)
    assert model.built
    assert [v.path.split("/")[0] for v in model.weights] == ["late"] * 4


def test_build_with_a_shape():
    model = keras.Sequential([layers.Dense(3)])
    model.build((None, 4))
    assert model.count_params() == 15
    with pytest.raises(ValueError, match="needs an input shape to be built"):
        keras.Sequential([layers.Dense(3)]).build()


def test_pop_takes_the_last_layer_away():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(2)])
    last = model.pop()
    assert last.units == 2
    assert model.output_shape == (None, 3)
    model.add(layers.Dense(7))
    assert model(np.ones((1, 4))).shape == (1, 7)


def test_a_model_is_a_layer():
    inner = keras.Sequential([layers.Dense(3, activation="relu")])
    outer = keras.Sequential([keras.Input((4,)), inner, layers.Dense(2)])
    assert outer.count_params() == 15 + 8
    assert outer(np.ones((2, 4))).shape == (2, 2)


def test_what_is_not_a_layer_is_explained():
    with pytest.raises(ValueError, match="is a class, not a layer"):
        keras.Sequential([layers.Dense])
    with pytest.raises(ValueError, match=r"layers\.Lambda"):
        keras.Sequential([abs])
    same = layers.Dense(2)
    with pytest.raises(ValueError, match="in the model already"):
        keras.Sequential([same, same])
    with pytest.raises(ValueError, match="named 'a' already"):
        keras.Sequential([layers.Dense(2, name="a"), layers.Dense(2, name="a")])
    with pytest.raises(ValueError, match="an input must come first"):
        keras.Sequential([layers.Dense(2), keras.Input((3,))])


@pytest.mark.parametrize("first", [[], [keras.Input((2,))]])
def test_a_layer_that_needs_two_inputs_is_explained(first):
    class Two(layers.Layer):
        def call(self, x, y):
            return x + y

    with pytest.raises(ValueError, match=r"take one input; Two\.call needs x, y"):
        keras.Sequential([*first, Two()]).build((None, 2))


@pytest.mark.parametrize(
    ("value", "fix"),
    [("some words", "their numbers"), (layers.Dense(1), "joined by their outputs"), (None, "None")],
)
def test_what_is_no_array_is_explained(value, fix):
    sequential = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    functional = keras.Model(sequential.inputs, sequential.outputs)
    for reader in (sequential, functional, sequential.layers[0]):
        with pytest.raises(ValueError, match=fix):
            reader(value)


def test_what_is_not_known_yet_is_explained():
    model = keras.Sequential([layers.Dense(2)])
    for name in ("input", "output", "inputs", "outputs", "input_shape", "output_shape"):
        assert not hasattr(model, name)
        with pytest.raises(AttributeError, match="input shape is not known"):
            getattr(model, name)
    with pytest.raises(ValueError, match="not built"):
        model.count_params()


def test_wrong_inputs_name_the_model_and_the_fix():
    model = keras.Sequential([keras.Input((5,)), layers.Dense(2)])
    with pytest.raises(ValueError, match=r"inputs of shape \(None, 5\), got \(8, 4\)"):
        model(np.ones((8, 4)))
    with pytest.raises(ValueError, match=r"x\[None\]"):
        model(np.ones((5,)))


def test_config_round_trip():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dropout(0.5)])
    twin = keras.Sequential.from_config(model.get_config())
    assert twin.get_config() == model.get_config()
    assert keras.models.model_from_json(model.to_json()).get_config() == model.get_config()


def test_series_of_any_length_train_in_one_model():
    def batches():
        for length in (5, 7, 6):
            yield np.ones((2, length), "int32"), np.ones((2, 1))

    model = keras.Sequential([layers.Embedding(10, 4), layers.LSTM(3), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(batches(), steps_per_epoch=3, verbose=0)
    assert model.predict(np.ones((2, 9), "int32"), verbose=0).shape == (2, 1)


def test_images_of_other_sizes_are_taken_where_the_weights_allow():
    start, head = keras.Input((8, 8, 1)), [layers.GlobalAveragePooling2D(), layers.Dense(1)]
    model = keras.Sequential([start, layers.Conv2D(2, 3), *head])
    assert model(np.ones((2, 9, 5, 1))).shape == (2, 1)
    assert model.predict(np.ones((2, 9, 6, 1)), verbose=0).shape == (2, 1)
    flat = keras.Sequential([start, layers.Flatten(), layers.Dense(1)])
    with pytest.raises(ValueError, match=r"expects inputs of shape \(None, 8, 8, 1\)"):
        flat(np.ones((2, 9, 5, 1)))


def test_the_batch_size_of_an_input_is_a_hint():
    inputs = keras.Input((4,), batch_size=3)
    for model in (
        keras.Sequential([inputs, layers.Dense(1)]),
        keras.Model(inputs, layers.Dense(1)(inputs)),
    ):
        assert model.predict(np.ones((7, 4)), verbose=0).shape == (7, 1)
        assert model(np.ones((5, 4))).shape == (5, 1)
        model.compile("sgd", "mse")
        model.fit(np.ones((6, 4)), np.ones((6, 1)), verbose=0)


def test_layers_of_several_arrays_may_come_first():
    model = keras.Sequential([layers.Concatenate(), layers.Dense(1)])
    assert model([np.ones((2, 3)), np.ones((2, 2))]).shape == (2, 1)
    assert len(model.weights) == 2 and model.built
    same = keras.Sequential([layers.Identity()])
    assert set(same({"a": np.ones((3, 2)), "b": np.ones((3, 2))})) == {"a", "b"}


def test_a_layer_whose_shapes_are_not_known_beforehand_may_be_in_it(capsys):
    class Unforeseen(layers.Layer):
        def call(self, x):
            return x + 1.0

        def compute_output_spec(self, *args, **kwargs):
            raise NotImplementedError

    model = keras.Sequential([Unforeseen()])
    assert model(np.ones((3, 2))).shape == (3, 2)
    model.summary()
    assert "?" in capsys.readouterr().out
