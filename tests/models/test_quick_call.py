"""`model(x)` through the program of `predict`: the same as layer by layer, and only where it is."""

import copy

import jax
import numpy as np
import pytest

import cornu as keras
from cornu import layers


def network(**more):
    return keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu", **more),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def images(count=2):
    return np.random.default_rng(0).normal(size=(count, 8, 8, 1)).astype("float32")


def is_quick(model):
    return bool(model._compiled_call.repeatable)


def test_the_second_call_gives_what_the_first_gave():
    model, x = network(), images()
    first = model(x)
    assert not is_quick(model)
    second = model(x)
    assert is_quick(model)
    assert type(second) is type(first) and second.dtype == first.dtype
    np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(first, model(x, training=False), rtol=1e-5, atol=1e-6)


def test_new_weights_count_at_once():
    model, x = network(), images()
    before = [model(x), model(x)][1]
    model.set_weights([w + 1 for w in model.get_weights()])
    after = model(x)
    assert not np.allclose(before, after)
    np.testing.assert_allclose(after, model.predict(x, verbose=0), rtol=1e-5)


def test_a_layer_added_later_counts_at_once():
    model, x = network(), images()
    model(x), model(x)
    model.add(layers.Dense(2))
    assert model(x).shape == (2, 2)
    assert model(x).shape == (2, 2)


def test_training_goes_layer_by_layer():
    model, x = network(), images(8)
    model(x), model(x)
    moving = model.layers[1].moving_mean.numpy()
    model(x, training=True)
    assert not np.allclose(moving, model.layers[1].moving_mean)


def test_inside_a_trace_the_layers_are_called():
    model, x = network(), images()
    model(x), model(x)
    gradient = jax.grad(lambda x: model(x)[:, 0].sum())(jax.numpy.asarray(x))
    assert gradient.shape == x.shape and np.abs(gradient).max() > 0
    np.testing.assert_allclose(jax.jit(model)(x), model(x), rtol=1e-5)


def test_inputs_in_a_container():
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    model = keras.Model({"a": a, "b": b}, {"sum": layers.Add()([a, b])})
    x = {"a": np.ones((2, 3), "float64"), "b": np.ones((2, 3), "int32")}
    first, second = model(x), model(x)
    assert is_quick(model) and second.keys() == first.keys()
    assert second["sum"].dtype == first["sum"].dtype
    np.testing.assert_array_equal(first["sum"], second["sum"])


class Own(layers.Layer):
    def call(self, x):
        self.calls = getattr(self, "calls", 0) + 1
        return x


def with_own_layer():
    return keras.Sequential([layers.Input((8, 8, 1)), Own()])


def with_penalty():
    return network(activity_regularizer="l2")


def with_mask():
    return keras.Sequential([layers.Input((8, 8, 1)), layers.Masking()])


def run_eagerly():
    model = network()
    model.compile("sgd", "mse", run_eagerly=True)
    return model


@pytest.mark.parametrize("make", [with_own_layer, with_penalty, with_mask, run_eagerly])
def test_what_may_differ_from_call_to_call_is_called_layer_by_layer(make):
    model, x = make(), images()
    for _ in range(3):
        model(x)
    assert not is_quick(model)
    if make is with_own_layer:
        assert model.layers[0].calls >= 3
    if make is with_penalty:
        assert len(model.losses) == 1


def test_wrong_input_is_explained_as_ever():
    model, x = network(), images()
    model(x), model(x)
    with pytest.raises(ValueError, match="expects inputs of shape"):
        model(np.ones((2, 8), "float32"))


def test_a_copy_finds_its_own_weights():
    model, x = network(), images()
    model(x), model(x)
    other = copy.deepcopy(model)
    other.set_weights([w * 0 for w in other.get_weights()])
    other(x)
    np.testing.assert_allclose(other(x), 1 / 3, rtol=1e-6)
    assert not np.allclose(model(x), 1 / 3, rtol=1e-3)


def test_predict_sees_layers_and_weights_that_changed():
    model, x = network(), images()
    first = [model.predict(x, verbose=0) for _ in range(3)][-1]
    model.layers[-1].kernel.assign(model.layers[-1].kernel * 0)
    assert not np.allclose(first, model.predict(x, verbose=0))
    model.pop()
    assert model.predict(x, verbose=0).shape == (2, 4)
