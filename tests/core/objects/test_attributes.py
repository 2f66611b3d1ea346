"""Attributes that are not there, are misspelt, or would push a weight aside."""

import numpy as np
import pytest

import cornu
from cornu import layers, optimizers


@pytest.fixture
def model():
    model = cornu.Sequential([cornu.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def test_the_older_name_of_the_learning_rate(model):
    model.optimizer.lr = 0.5
    assert float(model.optimizer.learning_rate) == 0.5 == float(model.optimizer.lr)
    assert "lr" not in vars(model.optimizer)


def test_a_class_of_ones_own_may_have_an_lr():
    class Own(optimizers.SGD):
        def __init__(self, lr):
            super().__init__(0.1)
            self.lr = lr

    assert Own(3).lr == 3 and abs(float(Own(3).learning_rate) - 0.1) < 1e-6


@pytest.mark.parametrize(
    ("change", "meant"),
    [
        (lambda m: setattr(m, "trainble", False), "trainable"),
        (lambda m: setattr(m.layers[0], "trainabel", False), "trainable"),
        (lambda m: setattr(m.optimizer, "learning_rat", 1.0), "learning_rate"),
        (lambda m: setattr(m.optimizer, "learningrate", 1.0), "learning_rate"),
        (lambda m: setattr(m, "stop_trainig", True), "stop_training"),
    ],
)
def test_misspelt_settings_warn(model, change, meant):
    with pytest.warns(UserWarning, match=f"did you mean '{meant}'"):
        change(model)


def test_other_attributes_are_nobodys_business(model, recwarn):
    model.notes, model.is_trainable, model.trainables, model.rate = "x", 1, [], 2
    model.optimizer.schedule, model.layers[0].training = None, True

    class Own(layers.Layer):
        def __init__(self):
            super().__init__()
            self.trainble = 3

    Own()
    assert not recwarn.list


@pytest.mark.parametrize("name", ["kernel", "bias"])
@pytest.mark.parametrize("layer", [layers.Dense(2), layers.Conv1D(2, 1)], ids=["Dense", "Conv1D"])
def test_an_array_in_the_place_of_a_weight(layer, name):
    if not layer.built:
        layer.build((None, 2) if isinstance(layer, layers.Dense) else (None, 3, 2))
    new = np.ones(getattr(layer, name).shape)
    for _ in range(2):
        with pytest.raises(AttributeError, match=rf"layer\.{name}\.assign\(array\)"):
            setattr(layer, name, new)
    getattr(layer, name).assign(new)  # the fix
    np.testing.assert_array_equal(getattr(layer, name).numpy(), new)


def test_what_a_property_says_is_not_lost():
    with pytest.raises(AttributeError, match="has no output yet"):
        _ = cornu.Sequential().output
    with pytest.raises(AttributeError, match="'Dense' object has no attribute 'unicorn'"):
        _ = layers.Dense(1).unicorn
