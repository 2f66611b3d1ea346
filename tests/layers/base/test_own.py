"""A layer's own weights, to and from a store."""

import numpy as np
import pytest

from cornu import layers
from cornu.core.variable import Variable
from cornu.layers.base.own import load_own_variables, own_weights, save_own_variables


class Mixed(layers.Layer):
    def build(self, shape):
        self.fixed = self.add_weight(shape=(1,), name="fixed", trainable=False)
        self.gain = self.add_weight(shape=(2,), name="gain")
        self.inner = layers.Dense(2)

    def call(self, x):
        return self.inner(x) * self.gain


@pytest.fixture
def layer():
    layer = Mixed(name="mixed")
    layer(np.ones((1, 3)))
    return layer


def test_trained_weights_come_first_also_while_frozen(layer):
    assert [v.name for v in own_weights(layer)] == ["gain", "fixed"]
    layer.trainable = False
    assert [v.name for v in own_weights(layer)] == ["gain", "fixed"]


def test_round_trip(layer):
    store = {}
    layer.gain.assign([3.0, 4.0])
    save_own_variables(layer, store)
    assert list(store) == ["0", "1"]
    arrays = {key: np.asarray(value) for key, value in store.items()}
    layer.gain.assign([0.0, 0.0])
    load_own_variables(layer, arrays)
    assert layer.gain.numpy().tolist() == [3, 4]


def test_numbers_must_match(layer):
    with pytest.raises(ValueError, match="'mixed' has 2 variables, the file holds 1") as caught:
        load_own_variables(layer, {"0": np.ones(2)})
    assert "mixed/gain (2,)" in str(caught.value)


def test_an_unbuilt_layer_is_built_first():
    with pytest.raises(ValueError, match="has no variables yet, the file holds 2") as caught:
        load_own_variables(layers.Dense(2), {"0": np.ones((3, 2)), "1": np.ones(2)})
    assert "build the model before loading" in str(caught.value)


def test_variables_come_in_the_order_in_which_the_layer_got_them():
    class Collected(layers.Layer):
        def __init__(self):
            super().__init__()
            self.free = Variable(0.0, name="free")
            first = self.add_weight(shape=(), name="first")
            self.second = self.add_weight(shape=(), name="second")
            self.late = Variable(0.0, name="late")
            self.by_name = {"x": first}
            self.add_weight(shape=(), name="kept_in_no_attribute")

    names = [v.name for v in Collected().weights]
    assert names == ["free", "first", "second", "late", "kept_in_no_attribute"]
