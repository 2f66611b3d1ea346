"""What layers ask of their inputs, and what they say when they do not get it."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
import pytest

import cornu
from cornu import layers
from cornu.layers import InputSpec

CASES = [
    # spec, shape, what is wrong
    ({"ndim": 2}, (2, 3), None),
    ({"ndim": 2}, (2, 3, 4), "inputs with 2 axes, got 3"),
    ({"min_ndim": 2}, (2,), "inputs with at least 2 axes, got 1"),
    ({"max_ndim": 2}, (2, 3, 4), "inputs with at most 2 axes, got 3"),
    ({"axes": {-1: 3}}, (2, 3), None),
    ({"axes": {-1: 3}}, (2, 4), "inputs whose last axis is 3, got 4"),
    ({"axes": {1: 3}}, (2, 4, 5), "inputs whose axis 1 is 3, got 4"),
    ({"axes": {-1: None}}, (2, 4), None),
    ({"shape": (None, 3)}, (7, 3), None),
    ({"shape": (None, 3)}, (7, 4), "inputs whose axis 1 is 3, got 4"),
    ({"shape": (None, 3)}, (7, 3, 1), "inputs with 2 axes, got 3"),
    ({"shape": (None, 3), "allow_last_axis_squeeze": True}, (7, 3, 1), None),
    ({"shape": (None, 3, 1), "allow_last_axis_squeeze": True}, (7, 3), None),
    ({"dtype": "int32"}, (2,), "inputs of dtype int32, got float32"),
]


@pytest.mark.parametrize(("spec", "shape", "problem"), CASES)
def test_checks(spec, shape, problem):
    assert InputSpec(**spec).problem(shape, "float32") == problem


@pytest.mark.parametrize(("spec", "shape", "problem"), CASES)
def test_layers_accept_what_keras_accepts(spec, shape, problem):
    for library in (cornu, keras):

        class Strict(library.layers.Layer):
            def __init__(self, library=library):
                super().__init__(name="strict")
                self.input_spec = library.layers.InputSpec(**spec)

            def call(self, x):
                return x

        x = np.ones(shape, "float32")
        if problem is None:
            assert Strict()(x).shape == shape
        else:
            with pytest.raises(ValueError) as caught:
                Strict()(x)
    if problem is not None:
        assert str(caught.value) != ""


class TestMessages:
    def test_the_wrong_width(self):
        layer = layers.Dense(4, name="dense")
        layer(np.ones((2, 3)))
        with pytest.raises(ValueError) as caught:
            layer(np.ones((2, 5)))
        assert str(caught.value).split("\n") == [
            "Dense 'dense' expects inputs whose last axis is 3, got 5.",
            "  shapes: inputs (2, 5), kernel (3, 4)",
            "  fix:    make a new layer for this shape, or give it inputs with 3 there",
        ]

    def test_a_missing_channel_axis(self):
        with pytest.raises(ValueError, match="expects inputs with .* axes, got 3") as caught:
            layers.Conv2D(2, 3, name="conv")(np.ones((4, 28, 28)))
        assert "fix:    x = x[..., None]" in str(caught.value)

    def test_a_missing_axis(self):
        with pytest.raises(ValueError, match="inputs with at least 2 axes, got 1") as caught:
            layers.Dense(2)(np.ones(3))
        assert "x is one sample: x = x[None]" in str(caught.value)

    def test_an_axis_too_many(self):
        with pytest.raises(ValueError, match="inputs with 3 axes, got 4") as caught:
            layers.LSTM(2)(np.ones((1, 2, 3, 4)))
        assert "layers.Reshape((2, -1)) before layer" in str(caught.value)

    def test_a_recurrent_layer_after_one_that_gives_its_last_step(self):
        last = layers.LSTM(2, name="last")(layers.Input((5, 4)))
        with pytest.raises(ValueError, match="return_sequences=True in layer 'last'"):
            layers.GRU(3)(last)

    def test_in_a_graph_unknown_sizes_fit(self):
        layer = layers.Dense(4)
        layer(np.ones((2, 3)))
        assert layer(layers.Input((None, 3))).shape == (None, None, 4)
        with pytest.raises(ValueError, match="last axis is 3, got 5"):
            layer(layers.Input((5,)))


class Named(layers.Layer):
    def __init__(self, spec):
        super().__init__(name="named")
        self.input_spec = spec

    def call(self, x):
        return x


class TestSeveralInputs:
    def test_a_list(self):
        layer = Named([InputSpec(ndim=1), InputSpec(ndim=2)])
        layer([np.ones(2), np.ones((2, 3))])
        with pytest.raises(ValueError, match="Named 'named' takes 2 inputs, got 1"):
            layer([np.ones(2)])
        with pytest.raises(ValueError, match="inputs with 2 axes, got 1"):
            layer([np.ones(2), np.ones(2)])

    def test_a_dict(self):
        layer = Named({"a": InputSpec(ndim=1), "b": InputSpec(ndim=1, optional=True)})
        layer({"a": np.ones(2)})
        layer({"a": np.ones(2), "b": None})
        with pytest.raises(ValueError, match="misses its input 'a'"):
            layer({"b": np.ones(2)})
        with pytest.raises(ValueError, match="takes a dict of inputs, got ArrayImpl"):
            layer(np.ones(2))

    def test_something_else(self):
        with pytest.raises(ValueError, match="takes arrays, got .text. of type str"):
            Named(InputSpec(ndim=1))("text")


class TestSpec:
    def test_repr_and_config(self):
        spec = InputSpec(shape=(None, 3), axes={"1": 3})
        assert repr(spec) == "InputSpec(shape=(None, 3), axes={1: 3})"
        assert InputSpec.from_config(spec.get_config()).get_config() == spec.get_config()

    def test_axes_are_a_dict(self):
        with pytest.raises(TypeError, match="axes must be a dict from axis to size"):
            InputSpec(axes=[1, 2])
