"""One call of a layer: arguments, training flag, masks, place in errors."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import numpy as np
import pytest

import cornu
from cornu import layers
from cornu.core.masks import mask_of, set_mask
from cornu.layers.base.call import signature_of_call

X = np.ones((2, 3), "float32")


def training_seen(library, *, given, outer_takes, outer_default, inner_default, via):
    """What an inner layer learns about training, called by an outer layer (last of its calls)."""
    seen = []

    class Inner(library.layers.Layer):
        if inner_default:

            def call(self, x, training=True):
                seen.append(training)
                return x

        else:

            def call(self, x, training=None):
                seen.append(training)
                return x

    class Outer(library.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

        if outer_takes and outer_default:

            def call(self, x, training=True):
                return self.inner(x, **via)

        elif outer_takes:

            def call(self, x, training=None):
                return self.inner(x, **via)

        else:

            def call(self, x):
                return self.inner(x, **via)

    Outer()(X, **given)
    return seen[-1]


class TestTraining:
    @pytest.mark.parametrize("given", [{}, {"training": True}, {"training": False}])
    @pytest.mark.parametrize("outer", [(True, False), (True, True), (False, False)])
    @pytest.mark.parametrize("inner_default", [False, True])
    @pytest.mark.parametrize("via", [{}, {"training": False}])
    def test_argument_then_enclosing_call_then_default(self, given, outer, inner_default, via):
        case = {
            "given": given,
            "outer_takes": outer[0],
            "outer_default": outer[1],
            "inner_default": inner_default,
            "via": via,
        }
        ours, theirs = training_seen(cornu, **case), training_seen(keras, **case)
        # where nobody said anything, None and False mean the same
        assert bool(ours) == bool(theirs)
        if via:
            assert ours is False
        elif given:
            assert ours is given["training"]

    def test_a_layer_that_takes_no_flag_may_be_given_one(self):
        assert layers.Activation("relu")(X, training=True).shape == (2, 3)


class TestArguments:
    def test_wrong_ones_are_explained(self):
        class Weighted(layers.Layer):
            def call(self, inputs, weights, scale=1.0):
                return inputs * weights * scale

        layer = Weighted(name="w")
        with pytest.raises(TypeError) as caught:
            layer(X, weigths=X)
        text = str(caught.value)
        assert text.startswith("Weighted 'w' was called with the wrong arguments:")
        assert "expected: call(inputs, weights, scale=1.0)" in text
        assert "did you mean 'weights'" in text
        with pytest.raises(TypeError, match="missing a required argument: 'weights'"):
            layer(X)
        with pytest.raises(TypeError, match="too many positional arguments"):
            layer(X, X, 1.0, 2.0)

    def test_arrays_are_converted_and_the_rest_is_left(self):
        seen = {}

        class Look(layers.Layer):
            def call(self, inputs, name, flag=None, *, extra):
                seen.update(inputs=inputs, name=name, flag=flag, extra=extra)
                return inputs["a"]

        marker = object()
        Look()({"a": np.ones(2), "b": [np.arange(2)]}, "text", True, extra=marker)
        assert isinstance(seen["inputs"]["a"], jax.Array)
        assert (seen["inputs"]["a"].dtype, seen["inputs"]["b"][0].dtype) == ("float32", "int32")
        assert (seen["name"], seen["flag"], seen["extra"]) == ("text", True, marker)

    def test_any_arguments(self):
        class Sum(layers.Layer):
            def call(self, *tensors, **named):
                return sum(tensors) + sum(named.values())

        assert Sum()(X, X, a=X)[0, 0] == 3
        assert Sum()(layers.Input((3,)), X[0], a=X[0]).shape == (None, 3)

    def test_signatures_are_read_once_a_class(self):
        assert signature_of_call(layers.Dense) is signature_of_call(layers.Dense)
        signature = signature_of_call(layers.LSTM)
        assert signature.takes_training
        assert signature.masks == ("mask",)


class TestMasks:
    def test_they_fill_mask_arguments(self):
        seen = []

        class Two(layers.Layer):
            def __init__(self):
                super().__init__()
                self.supports_masking = True

            def call(self, query, value, query_mask=None, value_mask=None):
                seen.append((query_mask, value_mask))
                return query + value

        q, v = jax.numpy.ones((1, 2)), jax.numpy.ones((1, 2))
        mask = np.array([[True, False]])
        set_mask(q, mask)
        Two()(q, v)
        assert seen[-1][0] is mask
        assert seen[-1][1] is None
        given = np.array([[False, False]])
        Two()(q, v, query_mask=given)
        assert seen[-1][0].tolist() == [[False, False]]

    def test_a_mask_given_to_a_layer_that_takes_none_is_refused(self):
        assert layers.Activation("relu")(X, mask=None).shape == (2, 3)
        with pytest.raises(TypeError, match="unexpected keyword argument 'mask'"):
            layers.Activation("relu")(X, mask=X > 0)

    def test_they_survive_the_cast_to_the_compute_dtype(self):
        x = layers.Masking()(np.array([[[1.0], [0.0]]], "float32"))
        y = layers.Dropout(0.5, dtype="float16")(x)
        assert mask_of(y).tolist() == [[True, False]]


class TestErrors:
    def test_the_place_is_added_outermost_first(self):
        class Fails(layers.Layer):
            def call(self, x):
                raise KeyError("no such thing")

        class Outer(layers.Layer):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.inner = Fails(name="inner")

            def call(self, x, training=None):
                return self.inner(x)

        with pytest.raises(KeyError) as caught:
            Outer(name="outer")(X, training=True)
        assert caught.value.__notes__ == ["  where:  outer > inner, called with training=True"]

    def test_in_build_too(self):
        class Wide(layers.Layer):
            def build(self, input_shape):
                raise ValueError("too wide")

        with pytest.raises(ValueError, match="too wide") as caught:
            Wide(name="wide")(X)
        assert caught.value.__notes__ == ["  where:  wide, while being built"]


class TestRecording:
    def test_the_graph_keeps_the_arguments_that_were_given(self):
        x = layers.Input((3,))
        layer = layers.Dropout(0.5)
        layer(x, training=True)
        assert layer._inbound_nodes[0].kwargs == {"training": True}
        assert layer._inbound_nodes[0].args == (x,)

    def test_symbolic_calls_add_no_loss(self):
        layer = layers.Dense(2, activity_regularizer="l2")
        layer(layers.Input((3,)))
        assert layer.losses == []


@pytest.mark.parametrize("value", ["some words", object(), ["a", "b"]])
@pytest.mark.parametrize(
    "make",
    [layers.Identity, layers.ReLU, layers.Masking, layers.Softmax, layers.BatchNormalization,
     lambda: layers.Dropout(0.1), lambda: layers.Embedding(3, 2), lambda: layers.Reshape((2,))],
)  # fmt: skip
def test_layers_of_the_library_take_arrays(make, value):
    with pytest.raises(ValueError, match="takes arrays, got"):
        make()(value)


def test_layers_of_users_take_what_they_like():
    class Length(layers.Layer):
        def call(self, words):
            return len(words)

    assert Length()("some words") == 10
