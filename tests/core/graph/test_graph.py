"""`Function`: the graph between symbolic tensors, in Keras's order."""

import os
import random

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
import pytest

import cornu
from cornu import layers, ops
from cornu.core.graph.graph import Function
from cornu.core.symbolic import KerasTensor


def test_a_function_runs_its_graph():
    x, y = layers.Input((3,)), layers.Input((3,))
    function = Function([x, y], {"sum": ops.sum(x * 2 + y, axis=1), "same": x})
    out = function([np.ones((2, 3)), np.full((2, 3), 10.0)])
    assert out["sum"].tolist() == [36, 36]
    assert out["same"].shape == (2, 3)


def test_inputs_are_nested_as_given():
    x, y = layers.Input((1,)), layers.Input((1,))
    function = Function({"a": x, "rest": [y]}, x - y)
    assert float(function({"a": np.array([[5.0]]), "rest": [np.array([[3.0]])]})[0, 0]) == 2
    with pytest.raises(ValueError, match="takes 2 inputs, got 1"):
        function({"a": np.ones((1, 1))})


def test_on_symbolic_tensors_it_is_one_node():
    x = layers.Input((3,))
    function = Function(x, ops.sum(x, axis=-1))
    y = function(KerasTensor((7, 3)))
    assert y.shape == (7,)
    assert y._keras_history.operation is function


def test_a_layer_is_called_once_for_each_node():
    dense, x = layers.Dense(3, kernel_initializer="ones"), layers.Input((3,))
    function = Function(x, dense(dense(x)))
    assert [node.operation for node in function.nodes] == [dense, dense]
    assert function.operations[1:] == [dense]
    assert function(np.ones((1, 3))).tolist() == [[9, 9, 9]]


def test_a_graph_may_start_in_the_middle():
    x = layers.Input((3,))
    middle = ops.square(x)
    function = Function(middle, middle + 1)
    assert function(np.full((1, 3), 5.0)).tolist() == [[6, 6, 6]]
    assert [n.operation.op_name[1] for n in function.nodes] == ["Add"]


def test_an_input_that_is_missing():
    x, y = layers.Input((3,), name="seen"), layers.Input((3,), name="missing")
    with pytest.raises(ValueError, match="the way back ends at a tensor") as caught:
        Function(x, x + y)
    assert "name=missing" in str(caught.value)
    with pytest.raises(
        ValueError, match="Every output of a graph must be a symbolic tensor, got ndarray"
    ):
        Function(x, np.ones(3))


def test_thousands_of_layers_deep():
    x = y = layers.Input((1,))
    for _ in range(2000):
        y = layers.Identity()(y)
    function = Function(x, y)
    assert len(function.nodes) == 2000
    assert len(function.operations) == 2001


def random_model(library, seed):
    """A graph of dense layers, merges, shared layers and ops; the same for each library."""
    draw = random.Random(seed)
    L = library.layers
    inputs = [L.Input((4,), name=f"in_{i}") for i in range(draw.randint(1, 3))]
    tensors = list(inputs)
    shared = [L.Dense(4, name=f"shared_{i}") for i in range(2)]
    for step in range(draw.randint(4, 14)):
        kind = draw.choice(["dense", "dense", "shared", "add", "concatenate", "op"])
        a, b = draw.choice(tensors), draw.choice(tensors)
        if kind == "dense":
            new = L.Dense(4, name=f"dense_{step}")(a)
        elif kind == "shared":
            new = draw.choice(shared)(a)
        elif kind == "add":
            new = L.Add(name=f"sum_{step}")([a, b])  # Keras names operations `add_<n>`
        elif kind == "concatenate":
            joined = L.Concatenate(name=f"join_{step}")([a, b, a])
            new = L.Dense(4, name=f"after_join_{step}")(joined)
        else:
            new = L.Activation("tanh", name=f"tanh_{step}")(library.ops.add(a, b))
        tensors.append(new)
    outputs = draw.sample(tensors, draw.randint(1, min(3, len(tensors))))
    draw.shuffle(inputs)
    return library.Model(inputs, outputs)


def described(library, seed):
    model = random_model(library, seed)
    operations = [getattr(o, "op_name", (None, type(o).__name__))[1] for o in model.operations]
    return operations, [layer.name for layer in model.layers], [w.path for w in model.weights]


@pytest.mark.parametrize("seed", range(25))
def test_layers_and_weights_come_in_the_order_of_keras(seed):
    assert described(cornu, seed) == described(keras, seed)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_values_as_keras(seed):
    ours, theirs = random_model(cornu, seed), random_model(keras, seed)
    theirs.set_weights(ours.get_weights())
    rng = np.random.default_rng(seed)
    x = [rng.normal(size=(2, 4)).astype("float32") for _ in ours.inputs]
    expected = theirs(x)
    got = ours(x)
    for g, e in zip(got, expected, strict=True):
        np.testing.assert_allclose(g, e, rtol=1e-4, atol=1e-5)


def test_a_function_takes_what_fits_its_inputs():
    for library in (cornu, keras):
        x, y = library.KerasTensor((2, 3)), library.KerasTensor((None, 3))
        function = library.Function([x, y], {"b": x + y, "a": x})
        out = function([np.ones((2, 3)), np.ones((2, 3))])
        assert list(out) == ["b", "a"]
        for wrong in ([np.ones((4, 3)), np.ones((4, 3))], [np.ones((2, 3)), np.ones((2, 3, 3))]):
            with pytest.raises(ValueError):
                function(wrong)


@pytest.mark.parametrize("library", [cornu, keras])
def test_a_function_has_outputs(library):
    with pytest.raises(ValueError):
        library.Function(library.KerasTensor((2,)), [])


def test_sources_are_found_in_the_order_of_keras():
    def sources(library):
        a, b = (library.Input((2,), name=name) for name in "ab")
        hidden = library.layers.Dense(2)(b)
        for _ in range(40 if library is cornu else 2):  # a walk along every way would not end
            hidden = library.ops.add(hidden, hidden)
        out = library.layers.Concatenate()([hidden, a, b])
        found = library.utils.get_source_inputs(out)
        assert library.utils.get_source_inputs(a)[0] is a
        return [x.name for x in found]

    assert sources(cornu) == sources(keras) == ["b", "a"]
    assert cornu.utils.get_source_inputs(3) == 3
