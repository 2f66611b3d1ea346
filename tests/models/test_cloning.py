"""clone_model: the same architecture with new weights."""

import numpy as np
import pytest

from cornu import layers, ops
from cornu.models import Functional, Model, Sequential, clone_model


def graph():
    x = layers.Input((4,), name="x")
    shared = layers.Dense(4, name="shared")
    h = ops.relu(shared(shared(x))) * 2.0
    inner = Sequential([layers.Input((4,)), layers.Dense(3, name="deep")], name="inner")
    return Model(x, {"y": inner(h)}, name="graph")


def same_again(layer):
    return type(layer).from_config(layer.get_config())


def test_a_graph_is_cloned_with_its_sharing():
    model = graph()
    clone = clone_model(model)
    assert isinstance(clone, Functional) and clone.name == "graph"
    assert [layer.name for layer in clone.layers] == [layer.name for layer in model.layers]
    assert not {id(v) for v in model.variables} & {id(v) for v in clone.variables}
    assert len(clone.weights) == len(model.weights) == 4
    clone.set_weights(model.get_weights())
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    np.testing.assert_array_equal(clone(x)["y"], model(x)["y"])


def test_a_sequential_is_cloned_built_or_not():
    built = Sequential([layers.Input((4,)), layers.Dense(3)], name="s")
    clone = clone_model(built)
    assert clone.built and clone.input_shape == (None, 4) and clone.name == "s"
    later = clone_model(Sequential([layers.Dense(3)]))
    assert not later.built
    assert later(np.ones((2, 5))).shape == (2, 3)


def test_a_subclass_is_made_again_from_its_config():
    class Net(Model):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.dense = layers.Dense(units)

        def call(self, inputs):
            return self.dense(inputs)

    clone = clone_model(Net(7))
    assert clone.units == 7 and clone(np.ones((1, 2))).shape == (1, 7)
    with pytest.raises(ValueError, match="cannot be cloned one by one"):
        clone_model(Net(7), clone_function=same_again)


def test_clone_function_decides_about_each_layer():
    def wider(layer):
        if isinstance(layer, layers.Dense):
            return layers.Dense(9, name=layer.name)
        return same_again(layer)

    model = Sequential([layers.Input((4,)), layers.Dense(3), layers.Dropout(0.1)])
    assert clone_model(model, clone_function=wider).output_shape == (None, 9)
    seen = []
    clone_model(graph(), clone_function=lambda layer: seen.append(layer.name) or same_again(layer))
    assert seen == ["shared", "inner"]
    with pytest.raises(ValueError, match="must return a layer, got NoneType for 'shared'"):
        clone_model(graph(), clone_function=lambda layer: None)


def test_recursive_reaches_into_models_inside():
    seen = []
    clone_model(
        graph(),
        clone_function=lambda layer: seen.append(layer.name) or same_again(layer),
        recursive=True,
    )
    assert seen == ["shared", "deep"]


def test_call_function_makes_each_call():
    calls = []

    def call(layer, *args, **kwargs):
        calls.append(layer.name)
        if layer.name == "shared":
            return layers.Dropout(0.5)(layer(*args, **kwargs))
        return layer(*args, **kwargs)

    clone = clone_model(graph(), call_function=call)
    assert calls[:2] == ["shared", "shared"] and "inner" in calls
    assert sum(isinstance(layer, layers.Dropout) for layer in clone.layers) == 2
    with pytest.raises(ValueError, match="call_function needs a graph"):
        clone_model(Sequential([layers.Dense(2)]), call_function=call)


def test_input_tensors_take_the_place_of_the_inputs():
    fixed = layers.Input((4,), batch_size=7)
    clone = clone_model(graph(), input_tensors=fixed)
    assert clone.input_shape == (7, 4) and clone.inputs[0] is fixed
    narrow = clone_model(Sequential([layers.Input((4,)), layers.Dense(2)]), layers.Input((5,)))
    assert narrow.input_shape == (None, 5)
    with pytest.raises(ValueError, match="nested as the inputs"):
        clone_model(graph(), input_tensors=[fixed, fixed])
    with pytest.raises(ValueError, match="nested as the inputs"):
        clone_model(graph(), input_tensors=np.ones((1, 4)))


def test_frozen_layers_stay_frozen():
    model = graph()
    model.get_layer("shared").trainable = False
    clone = clone_model(model)
    assert not clone.get_layer("shared").trainable and len(clone.trainable_weights) == 2
