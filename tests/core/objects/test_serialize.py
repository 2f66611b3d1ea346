"""Objects to JSON and back."""

import json
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax.numpy as jnp
import keras
import numpy as np
import pytest

import cornu
from cornu import layers
from cornu.core.objects.registry import register_keras_serializable
from cornu.core.objects.serialize import (
    deserialize_keras_object,
    names_in_files,
    serialize_keras_object,
)
from cornu.core.symbolic import KerasTensor
from cornu.errors import UnsafeFileError

VALUES = [
    1, 2.5, True, None, "text", [1, [2, "x"]], {"a": [None, {"b": 1}]},
    slice(1, None, 2), slice(None), [Ellipsis, slice(0, 3)], b"\x00\xffbytes",
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_round_trips(value):
    saved = json.loads(json.dumps(serialize_keras_object(value)))
    assert deserialize_keras_object(saved) == value


@pytest.mark.parametrize("value", VALUES[:-1], ids=repr)
def test_as_keras_writes_it(value):
    assert serialize_keras_object(value) == keras.saving.serialize_keras_object(value)


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "float16", "complex64"])
def test_numpy_arrays(dtype):
    array = np.array([[1, 0], [3, 4]], dtype)
    saved = serialize_keras_object(array)
    again = deserialize_keras_object(saved)
    assert isinstance(again, np.ndarray)
    assert again.dtype == dtype
    assert again.tolist() == array.tolist()


def test_jax_arrays_and_numpy_scalars():
    saved = serialize_keras_object(jnp.array([1.0, 2.0]))
    assert saved == keras.saving.serialize_keras_object(jnp.array([1.0, 2.0]))
    assert deserialize_keras_object(saved).tolist() == [1, 2]
    assert serialize_keras_object(np.float32(1.5)) == 1.5


def test_tuples_stay_tuples_in_memory():
    assert serialize_keras_object((1, (2,))) == (1, (2,))
    assert deserialize_keras_object((1, [2])) == (1, [2])


def test_symbolic_tensors():
    x = layers.Input((3,), name="x")
    saved = serialize_keras_object(x)
    assert saved["config"]["keras_history"] == ["x", 0, 0]
    assert deserialize_keras_object(saved).shape == (None, 3)


@pytest.mark.parametrize(
    "make",
    [
        lambda k: k.layers.Dense(3, activation="relu", name="d"),
        lambda k: k.layers.Conv2D(3, 2, padding="same", name="c"),
        lambda k: k.layers.Embedding(5, 3, mask_zero=True, name="e"),
        lambda k: k.regularizers.L2(0.5),
        lambda k: k.initializers.VarianceScaling(2.0, seed=3),
        lambda k: k.losses.MeanSquaredError(),
        lambda k: k.metrics.TopKCategoricalAccuracy(k=2),
        lambda k: k.random.SeedGenerator(3, name="s"),
        lambda k: k.DTypePolicy("mixed_bfloat16"),
    ],
)
class TestObjects:
    def test_as_keras_writes_them(self, make):
        ours, theirs = (k.saving.serialize_keras_object(make(k)) for k in (cornu, keras))
        assert json.loads(json.dumps(ours)) == json.loads(json.dumps(theirs))

    def test_round_trip(self, make):
        obj = make(cornu)
        again = deserialize_keras_object(json.loads(json.dumps(serialize_keras_object(obj))))
        assert type(again) is type(obj)
        assert again.get_config() == obj.get_config()

    def test_what_keras_wrote(self, make):
        theirs = keras.saving.serialize_keras_object(make(keras))
        again = deserialize_keras_object(json.loads(json.dumps(theirs)))
        assert type(again) is type(make(cornu))


def test_a_built_layer_is_built_again():
    layer = layers.Dense(3)
    layer.build((None, 5))
    saved = json.loads(json.dumps(serialize_keras_object(layer)))
    assert saved["build_config"] == {"input_shape": [None, 5]}
    assert deserialize_keras_object(saved).kernel.shape == (5, 3)


def test_functions():
    @register_keras_serializable("my_lab")
    def wave(x):
        return x

    saved = serialize_keras_object(wave)
    assert saved["config"] == "my_lab>wave"
    assert deserialize_keras_object(saved) is wave
    with pytest.raises(TypeError, match="No function is known by the name 'wafe'"):
        deserialize_keras_object({"class_name": "function", "config": "wafe"})


class TestWhatIsNotSaved:
    def test_of_a_lambda_there_is_but_a_place(self):
        config = serialize_keras_object({"deep": [lambda x: x]})
        assert config["deep"][0]["config"] == "<lambda>"
        with pytest.raises(ValueError, match="custom_objects={'<lambda>': ...}"):
            deserialize_keras_object(config)
        (found,) = deserialize_keras_object(config, custom_objects={"<lambda>": abs})["deep"]
        assert found is abs

    def test_objects_without_a_config(self):
        with pytest.raises(TypeError, match="An object of type object cannot be saved"):
            serialize_keras_object([object()])

    def test_a_config_is_a_dict(self):
        class Wrong(layers.Layer):
            def get_config(self):
                return ["not", "a", "dict"]

        with pytest.raises(ValueError, match="Wrong.get_config returns a list, not a dict"):
            serialize_keras_object(Wrong())


CODE = {"class_name": "__lambda__", "config": {"value": "4wAAAA==", "defaults": None}}


def in_dense(code):
    saved = serialize_keras_object(layers.Dense(2))
    saved["config"]["activation"] = code
    return saved


def in_lambda_layer(code):
    return {"module": "keras.layers", "class_name": "Lambda", "config": {"function": code}}


def in_holder(parts):
    return {"module": "my", "class_name": "Holder", "config": {"parts": parts}}


class Holder(layers.Layer):
    def __init__(self, parts, **kwargs):
        super().__init__(**kwargs)
        self.parts = parts


class TestLambdasInFiles:
    @pytest.mark.parametrize(
        "place",
        [
            lambda code: code,
            lambda code: [1, [code]],
            lambda code: {"a": {"b": [code]}},
            in_dense,
            in_lambda_layer,
            lambda code: in_holder([{"x": [in_dense(code)]}]),
            lambda code: in_holder({"x": [in_holder(code)]}),
        ],
        ids=["alone", "list", "dict", "argument", "Lambda", "users layer", "nested"],
    )
    def test_are_refused_at_any_depth(self, place):
        with pytest.raises(UnsafeFileError, match="holds the code of a Python lambda"):
            deserialize_keras_object(place(CODE), custom_objects={"Holder": Holder})

    def test_the_message_says_what_to_do(self):
        with pytest.raises(ValueError, match="register_keras_serializable"):
            deserialize_keras_object(CODE)


def test_configs_are_made_of_json_values():
    with pytest.raises(TypeError, match="A config must consist of JSON values, got object"):
        deserialize_keras_object([object()])
    with pytest.raises(TypeError, match="The config of 'Dense' must be a dict, got list"):
        deserialize_keras_object({"module": "keras.layers", "class_name": "Dense", "config": [1]})


class TestRegisteredNamesOfBuiltIns:
    DENSE = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 1}}
    RELU = {"module": "builtins", "class_name": "function", "config": "relu"}

    @pytest.mark.parametrize("name", ["builtins.eval", "Mine", "lab>Mine", "lab>Dense"])
    def test_another_is_no_built_in(self, name):
        for config in (self.DENSE, self.RELU):
            with pytest.raises(ValueError, match=f"'{name}' as its registered name"):
                deserialize_keras_object({**config, "registered_name": name})

    @pytest.mark.parametrize("name", [None, "Dense", "Custom>Dense", "keras.layers>Dense"])
    def test_its_own_is(self, name):
        layer = deserialize_keras_object({**self.DENSE, "registered_name": name})
        assert type(layer) is layers.Dense

    def test_a_function_that_was_registered_takes_its_place(self):
        config = {**self.RELU, "registered_name": "lab>relu"}
        assert deserialize_keras_object(config, {"lab>relu": abs}) is abs


def test_names_of_classes_in_files():
    assert names_in_files(layers.Dense) == ("keras.layers", "Dense", None)
    assert names_in_files(Holder)[1:] == ("Holder", "Holder")


def test_a_symbolic_tensor_without_a_history():
    assert serialize_keras_object(KerasTensor((2,)))["config"]["keras_history"] is None
