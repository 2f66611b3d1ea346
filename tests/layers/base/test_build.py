"""Deferred build: from shapes, from calls, from configs."""

import jax
import keras
import numpy as np
import pytest

import cornu
from cornu import layers
from cornu.core.frame import is_tracing
from cornu.layers.base.build import as_shapes, is_shape, map_shapes, shape_names, to_tensors

X = np.ones((2, 3), "float32")


class Recorder(layers.Layer):
    """Remembers the shapes it is built with."""

    def build(self, input_shape):
        self.seen = input_shape
        self.tracing = is_tracing()
        self.w = self.add_weight(shape=(1,), name="w")

    def call(self, x):
        return x


class TestSecondTime:
    def test_the_variables_stay_the_same_ones(self):
        layer = layers.Dense(2)
        layer.build((None, 3))
        kernel = layer.kernel
        layer.build((None, 3))
        layer.build((7, 5, 3))
        assert layer.kernel is kernel
        assert len(layer.weights) == 2
        attention = layers.MultiHeadAttention(2, 3)
        for _ in range(2):
            attention.build((None, 4, 3), (None, 4, 3))
        assert len(attention.weights) == 8

    @pytest.mark.parametrize(
        "make", [lambda: layers.Dense(2), lambda: cornu.Sequential([layers.Dense(2)])]
    )
    def test_another_size_is_refused(self, make):
        layer = make()
        layer.build((None, 3))
        with pytest.raises(ValueError, match=r"(?s)already built.*built: \(None, 3\).*\(None, 5\)"):
            layer.build((None, 5))

    def test_a_layer_inside_that_a_file_has_built(self):
        class Around(layers.Layer):
            def __init__(self, inner, **kwargs):
                super().__init__(**kwargs)
                self.inner = inner

            def build(self, input_shape):
                self.inner.build(input_shape)

            def call(self, x):
                return self.inner(x)

            @classmethod
            def from_config(cls, config):
                inner = cornu.saving.deserialize_keras_object(config.pop("inner"))
                return cls(inner, **config)

        layer = Around(layers.Dense(2))
        layer(X)
        config = cornu.saving.serialize_keras_object(layer)
        copy = cornu.saving.deserialize_keras_object(config, {"Around": Around})
        assert len(copy.weights) == 2


class TestFirstCall:
    def test_builds_once_with_the_shape_of_the_input(self):
        layer = Recorder()
        assert not layer.built
        layer(X)
        assert layer.built
        assert layer.seen == (2, 3)
        layer(np.ones((5, 3)))
        assert layer.seen == (2, 3)
        assert len(layer.weights) == 1

    def test_with_unknown_sizes_of_a_graph(self):
        layer = Recorder()
        layer(layers.Input((None, 3)))
        assert layer.seen == (None, None, 3)

    @pytest.mark.parametrize(
        ("inputs", "expected"),
        [([X, X], [(2, 3), (2, 3)]), ({"a": X, "b": [X]}, {"a": (2, 3), "b": [(2, 3)]})],
    )
    def test_with_containers_of_shapes(self, inputs, expected):
        layer = Recorder()
        layer(inputs)
        assert layer.seen == expected

    def test_outside_of_the_trace(self):
        layer = Recorder()
        jax.jit(layer)(X)
        assert layer.tracing is False
        assert layer.w.numpy().shape == (1,)

    def test_by_the_names_of_the_arguments(self):
        class Attend(layers.Layer):
            def build(self, query_shape, value_shape):
                self.seen = (query_shape, value_shape)

            def call(self, query, value, scale=1.0):
                return query

        layer = Attend()
        layer(X, np.ones((2, 7)), scale=2.0)
        assert layer.seen == ((2, 3), (2, 7))
        assert layer.get_build_config() == {
            "shapes_dict": {"query_shape": (2, 3), "value_shape": (2, 7)}
        }

    def test_any_shapes(self):
        class Any(layers.Layer):
            def build(self, **shapes):
                self.seen = shapes

            def call(self, a, b):
                return a

        layer = Any()
        layer(X, X)
        assert layer.seen == {"a_shape": (2, 3), "b_shape": (2, 3)}

    def test_a_build_without_arguments(self):
        class Plain(layers.Layer):
            def build(self):
                self.w = self.add_weight(shape=())

            def call(self, x):
                return x + self.w

        assert Plain()(X).shape == (2, 3)


class TestScopes:
    def test_paths_follow_the_calls(self):
        class Outer(layers.Layer):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.inner = Recorder(name="inner")

            def call(self, x):
                return self.inner(x)

        layer = Outer(name="outer")
        layer(X)
        assert [w.path for w in layer.weights] == ["outer/inner/w"]
        assert layer.inner.path == "outer/inner"

    def test_a_build_may_call_that_of_its_parent(self):
        class More(Recorder):
            def build(self, input_shape):
                super().build(input_shape)
                assert not self.built  # not before everything is made
                self.v = self.add_weight(shape=(2,), name="v")

        layer = More(name="more")
        layer.build((None, 3))
        assert layer.built
        assert [w.path for w in layer.weights] == ["more/w", "more/v"]

    def test_after_an_error_it_is_not_built(self):
        class Fails(Recorder):
            def build(self, input_shape):
                if input_shape[-1] == 3:
                    raise ValueError("three")
                super().build(input_shape)

        layer = Fails()
        with pytest.raises(ValueError, match="three"):
            layer(X)
        assert not layer.built
        layer(np.ones((2, 4)))
        assert layer.built


class TestByTracing:
    class Stack(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.parts = [layers.Dense(4), layers.BatchNormalization(), layers.Dense(2)]

        def call(self, x):
            for part in self.parts:
                x = part(x)
            return x

    def test_what_a_layer_calls_is_built_from_the_shape_alone(self):
        layer = self.Stack()
        layer.build((None, 3))
        assert [w.shape for w in layer.weights] == [
            (3, 4), (4,), (4,), (4,), (4,), (4,), (4, 2), (2,),
        ]  # fmt: skip
        assert layer.parts[1].moving_mean.numpy().tolist() == [0] * 4

    def test_what_cannot_run_on_shapes_is_explained(self):
        class Hosted(self.Stack):
            def call(self, x):
                return self.parts[0](np.asarray(x))

        with pytest.raises(ValueError, match="could not be built from its input shape") as caught:
            Hosted(name="h").build((None, 3))
        assert "call it once on real data, or write its `build` method" in str(caught.value)

    def test_output_shapes_without_building(self):
        layer = self.Stack()
        assert layer.compute_output_shape((None, 3)) == (None, 2)
        assert not layer.built
        assert layer.weights == []


class TestConfigs:
    def test_a_layer_is_built_from_its_build_config(self):
        layer = layers.Dense(4)
        layer.build((None, 3))
        again = layers.Dense(4)
        again.build_from_config({"input_shape": [None, 3]})
        assert layer.get_build_config() == again.get_build_config() == {"input_shape": (None, 3)}
        assert again.kernel.shape == (3, 4)

    def test_several_shapes(self):
        layer = layers.Concatenate()
        layer.build_from_config({"input_shape": [[None, 2], [None, 3]]})
        assert layer.built

    def test_without_shapes_there_is_none(self):
        assert layers.Activation("relu").get_build_config() is None


class TestShapes:
    def test_what_a_shape_is(self):
        assert is_shape((None, 3))
        assert is_shape([])
        assert not is_shape([(None, 3), (2,)])
        assert not is_shape("ab")

    def test_mapping(self):
        assert map_shapes(len, {"a": (1, 2), "b": [(3,), (None,)]}) == {"a": 2, "b": [1, 1]}
        with pytest.raises(ValueError, match="A shape must be a tuple of sizes, got 'text'"):
            map_shapes(len, "text")

    def test_conversions(self):
        assert as_shapes([[None, 3], [4]]) == [(None, 3), (4,)]
        tensors = to_tensors({"a": (None, 3), "b": None}, "float16")
        assert (tensors["a"].shape, tensors["a"].dtype, tensors["b"]) == (
            (None, 3),
            "float16",
            None,
        )

    def test_names_of_shape_arguments(self):
        assert shape_names(layers.Dense.build) == ("input_shape",)


def test_a_model_is_built_by_its_first_call():
    class Net(cornu.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    net = Net()
    assert net(X).shape == (2, 2)
    assert len(net.weights) == 2


def test_masks_that_are_given_count_as_shapes():
    class Reads(layers.Layer):
        def build(self, inputs_shape, attention_mask_shape=None):
            self.seen = attention_mask_shape

        def call(self, inputs, attention_mask=None):
            return inputs

    layer = Reads()
    layer(np.ones((2, 3)), attention_mask=np.ones((2, 1)))
    assert layer.seen == (2, 1)


def test_an_absent_array_has_no_shape():
    class Optional(layers.Layer):
        def build(self, shapes):
            self.seen = shapes

        def call(self, arrays):
            return arrays["a"]

    layer = Optional()
    layer({"a": np.ones((2, 3)), "b": None})
    assert layer.seen == {"a": (2, 3), "b": None}


def test_a_layer_of_layers_may_be_built_without_a_shape():
    class Holds(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(2)

        def call(self, x):
            return self.inner(x)

    layer = Holds()
    layer.build(None)
    assert layer.built and layer(np.ones((1, 3))).shape == (1, 2)


class Late(layers.Layer):
    """A layer whose `call` makes a part of it."""

    def __init__(self, make):
        super().__init__()
        self.make = make

    def build(self, input_shape):
        pass

    def call(self, x):
        self.part = self.make(self)
        return x + self.part if isinstance(self.part, cornu.Variable) else self.part(x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda layer: layer.add_weight(shape=(3,)), r"Late\.call makes a weight"),
        (lambda layer: cornu.Variable(np.ones(3, "f")), r"Late\.call makes a variable"),
        (lambda layer: layers.Dense(3), r"makes the layer Dense\(3\)"),
    ],
)
def test_a_call_that_would_make_its_weights_again_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        Late(make)(X)


def test_a_call_may_keep_what_has_no_weights_or_is_its_own_already():
    assert Late(lambda layer: layers.ReLU())(X).shape == (2, 3)
    layer = Late(lambda layer: layer.weights[0])
    layer.weight = layer.add_weight(shape=(3,), initializer="zeros")
    np.testing.assert_array_equal(layer(X), X)
    assert len(layer.weights) == 1


@pytest.mark.parametrize("library", [cornu, keras])
def test_the_first_call_of_a_layer_of_layers_may_make_its_parts(library):
    class Lazy(library.layers.Layer):
        def __init__(self):
            super().__init__()
            self.first, self.second = library.layers.Dense(3), None

        def call(self, x):
            if self.second is None:
                self.second = library.layers.Dense(2)
            return self.second(self.first(x))

    layer = Lazy()
    assert layer(X).shape == layer(X).shape == (2, 2)
    assert len(layer.weights) == 4


@pytest.mark.parametrize("library", [cornu, keras])
def test_a_constructor_gets_a_plain_policy_by_its_name(library):
    class Own(library.layers.Dense):
        def __init__(self, *args, dtype=None, **kwargs):
            self.given = dtype
            super().__init__(*args, dtype=dtype, **kwargs)

    assert (
        Own.from_config(library.layers.Dense(2, dtype="bfloat16").get_config()).given == "bfloat16"
    )
    policy = library.dtype_policies.DTypePolicy("mixed_float16")
    assert Own.from_config(Own(2, dtype=policy).get_config()).given == "mixed_float16"
    quantized = library.layers.Dense(2, dtype="int8_from_bfloat16").get_config()
    assert Own.from_config(quantized).given.quantization_mode == "int8"
