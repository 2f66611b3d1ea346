"""What a model is described by comes from what its layers and losses say, not from their names."""

import numpy as np
import pytest

import cornu as keras
from cornu import layers, losses
from cornu.train.watch.preflight import _rescales, describe_outputs


def compiled(*stack, loss="mse"):
    model = keras.Sequential([keras.Input((4,)), *stack])
    model.compile("sgd", loss)
    model._compiled.loss.build(np.ones((2, 1), "f"), np.ones((2, 1), "f"))
    return model


class Dense(layers.Dense):
    """Still ends in its activation."""


class Doubled(layers.Dense):
    def call(self, inputs):
        return 2 * super().call(inputs)


class Lookup(layers.Layer):
    rescales_inputs = True

    def call(self, inputs):
        return inputs


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (layers.Dense(1, activation="sigmoid"), "sigmoid"),
        (layers.Dense(1), "linear"),
        (Dense(1, activation="sigmoid"), "sigmoid"),
        (Doubled(1, activation="sigmoid"), None),
        (layers.Activation("tanh"), "tanh"),
        (layers.Softmax(), "softmax"),
        (layers.Dropout(0.1), None),
    ],
    ids=["sigmoid", "linear", "derived", "own call", "Activation", "Softmax", "Dropout"],
)
def test_the_last_activation(last, expected):
    (output,) = describe_outputs(compiled(last))
    assert output.activation == expected


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (layers.BatchNormalization(), True),
        (layers.UnitNormalization(), True),
        (type("Scaled", (layers.LayerNormalization,), {})(), True),
        (Lookup(), True),
        (layers.Dense(2), False),
        (type("Embedding", (layers.Layer,), {"call": lambda self, x: x})(), False),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_whether_inputs_of_any_scale_will_do(first, expected):
    assert _rescales(compiled(first, layers.Dense(1))) is expected


def test_a_loss_of_the_users_is_not_judged_by_its_name():
    class BinaryCrossentropy(losses.Loss):
        def call(self, y_true, y_pred):
            return (y_true - y_pred) ** 2

    def binary_crossentropy(y_true, y_pred):
        return (y_true - y_pred) ** 2

    class Shifted(losses.BinaryCrossentropy):
        pass

    for loss, expected in (
        ("bce", "binary_crossentropy"),
        (Shifted(), "binary_crossentropy"),
        (BinaryCrossentropy(), None),
        (binary_crossentropy, None),
    ):
        (output,) = describe_outputs(compiled(layers.Dense(1), loss=loss))
        assert output.loss == expected


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ([layers.Rescaling(1 / 255), layers.Dense(1)], True),
        ([layers.RandomContrast(0.1, input_shape=(2, 2, 1)), layers.Dense(1)], False),
        ([keras.Sequential([layers.Activation("relu"), layers.Rescaling(1 / 255)])], True),
        ([keras.Sequential([layers.Dense(1), layers.Rescaling(1 / 255)])], False),
    ],
)
def test_pixels_may_be_rescaled_inside_of_models(stack, expected):
    model = keras.Sequential([keras.Input((2, 2, 1)), *stack])
    assert _rescales(model) is expected
