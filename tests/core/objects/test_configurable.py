"""Configs read off the constructor's signature."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
import pytest

import cornu
from cornu import layers
from cornu.core.objects.configurable import Configurable, config_names, plain
from cornu.core.objects.registry import CustomObjectScope
from cornu.core.objects.serialize import deserialize_keras_object, serialize_keras_object
from cornu.models import Model
from properties.classes import CLASSES, made

POLICY = {
    "module": "keras",
    "class_name": "DTypePolicy",
    "config": {"name": "float32"},
    "registered_name": None,
}


class Scale(layers.Layer):
    """Keeps its argument under its own name."""

    def __init__(self, factor, shift=0.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.shift = shift

    def call(self, x):
        return x * self.factor + self.shift


class Renamed(layers.Layer):
    """Keeps its argument under another name."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.n = units


class Around(layers.Layer):
    """Takes layers, functions and arrays."""

    def __init__(self, inner, *, act=None, table=None, **kwargs):
        super().__init__(**kwargs)
        self.inner, self.act, self.table = inner, act, table

    def call(self, x):
        return self.act(self.inner(x)) + self.table


@pytest.mark.parametrize(
    "make",
    [
        lambda k: k.layers.Dense(3, activation="relu", kernel_regularizer="l2", name="d"),
        lambda k: k.layers.Dense(3, dtype="mixed_bfloat16", trainable=False, name="d"),
        lambda k: k.layers.BatchNormalization(momentum=0.5, name="b"),
        lambda k: k.layers.Dropout(0.5, seed=1, name="d"),
        lambda k: k.layers.LSTM(3, name="l"),
        lambda k: k.initializers.HeNormal(seed=3),
        lambda k: k.regularizers.L1L2(0.1, 0.2),
        lambda k: k.losses.MeanSquaredError(reduction="sum"),
    ],
)
def test_configs_of_built_ins_are_those_of_keras(make):
    assert make(cornu).get_config() == make(keras).get_config()


def test_configs_of_users_classes():
    config = Scale(2.0, name="s").get_config()
    assert config == {"name": "s", "trainable": True, "dtype": POLICY, "factor": 2.0, "shift": 0.0}
    again = Scale.from_config(config)
    assert (again.factor, again.shift, again.name) == (2.0, 0.0, "s")


def test_an_argument_kept_under_another_name_is_remembered():
    assert Renamed(7).get_config()["units"] == 7
    assert Renamed.from_config(Renamed(units=7).get_config()).n == 7


def test_an_argument_that_is_nowhere_is_explained():
    class Fixed(Renamed):
        def __init__(self, **kwargs):
            super().__init__(units=5, **kwargs)

    with pytest.raises(
        NotImplementedError, match="Fixed does not keep its argument 'units'"
    ) as caught:
        Fixed().get_config()
    assert "self.units = units" in str(caught.value)
    assert "get_config" in str(caught.value)


def test_an_argument_that_cannot_be_saved_is_explained():
    for library, match in ((keras, "get_config"), (cornu, "Block cannot be saved by its argument")):

        class Block(library.layers.Layer):
            def __init__(self, thing, **kwargs):
                super().__init__(**kwargs)
                self.thing = thing

        with pytest.raises(NotImplementedError, match=match):
            Block(object()).get_config()
    assert Block(len_of := lambda x: len(x)).get_config()["thing"] is len_of


def test_objects_in_the_arguments_come_back():
    table = np.arange(2, dtype="float32")
    inner = layers.Dense(2, kernel_initializer="ones", name="inner")
    layer = Around(inner, act=cornu.activations.relu, table=table, name="around")
    x = np.ones((1, 3), "float32")
    with CustomObjectScope({"Around": Around}):
        again = deserialize_keras_object(serialize_keras_object(layer))
    assert type(again.inner) is layers.Dense
    assert again.act is cornu.activations.relu
    assert again(x).tolist() == layer(x).tolist() == [[3, 4]]


def test_a_users_subclass_of_a_built_in():
    class Wide(layers.Dense):
        def __init__(self, units, factor=2, **kwargs):
            super().__init__(units * factor, **kwargs)
            self.units, self.factor = units, factor

    config = Wide(3, activation="relu", name="w").get_config()
    assert (config["units"], config["factor"], config["activation"]) == (3, 2, "relu")
    assert Wide.from_config(config).activation is cornu.activations.relu


def test_arguments_that_configs_leave_out_while_none():
    assert "lora_rank" not in layers.Dense(3).get_config()
    assert layers.Dense(3, lora_rank=2).get_config()["lora_rank"] == 2
    assert "activity_regularizer" not in Scale(1.0).get_config()
    assert "activity_regularizer" in Scale(1.0, activity_regularizer="l2").get_config()


def test_a_users_get_config_and_from_config_decide():
    class Own(layers.Layer):
        def __init__(self, inner, **kwargs):
            super().__init__(**kwargs)
            self.inner = inner

        def get_config(self):
            inner = serialize_keras_object(self.inner)
            return {**layers.Layer.get_config(self), "inner": inner}

        @classmethod
        def from_config(cls, config):
            assert isinstance(config["inner"], dict)
            return cls(deserialize_keras_object(config.pop("inner")), **config)

    again = Own.from_config(Own(layers.Dense(4), name="own").get_config())
    assert (again.inner.units, again.name) == (4, "own")


def test_names_come_from_all_constructors_parents_first():
    class A(Configurable):
        def __init__(self, name=None): ...

    class B(A):
        def __init__(self, units, *args, bias=True, **kwargs): ...

    class C(B):
        pass

    class Closed(B):
        def __init__(self, only): ...

    assert config_names(C) == ("name", "units", "bias")
    assert config_names(Closed) == ("only",)


def test_plain_values_keep_their_containers():
    assert plain((1, [None, "x"], {"k": 2.5})) == (1, [None, "x"], {"k": 2.5})
    assert plain([cornu.activations.tanh]) == ["tanh"]
    assert plain({"i": cornu.initializers.Zeros()})["i"]["class_name"] == "Zeros"


class TestClassesOfUsers:
    """What the config of a user's class holds, and that it makes the object again."""

    def test_a_written_get_config_adds_its_own(self):
        class Scale(layers.Layer):
            def __init__(self, factor, **kwargs):
                super().__init__(**kwargs)
                self.factor = factor

            def get_config(self):
                return dict(factor=self.factor, **super().get_config())

        class Further(Scale):
            def __init__(self, offset=1, **kwargs):
                super().__init__(**kwargs)
                self.offset = offset

        assert list(Scale(2).get_config()) == ["factor", "name", "trainable", "dtype"]
        assert Further(3, factor=2).get_config()["offset"] == 3
        assert Further.from_config(Further(3, factor=2).get_config()).factor == 2

    def test_a_constructor_that_takes_no_name(self):
        class Plain(layers.Layer):
            def __init__(self, factor):
                super().__init__()
                self.factor, self.part = factor, layers.Dense(2)

        layer = Plain(2)
        layer.trainable = False
        twin = Plain.from_config(layer.get_config())
        assert (twin.name, twin.factor, twin.trainable) == (layer.name, 2, False)
        assert not twin.part.trainable

    @pytest.mark.parametrize("base", [layers.Layer, Model])
    def test_every_layer_and_model_keeps_its_name_trainable_and_dtype(self, base):
        class Mine(base):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)

        twin = Mine.from_config(Mine(name="m", trainable=False, dtype="float16").get_config())
        assert (twin.name, twin.trainable, twin.dtype_policy.name) == ("m", False, "float16")

    def test_a_class_that_cannot_be_read_is_told_of_when_it_is_written(self):
        class Forgets(layers.Layer):
            def __init__(self, factor, **kwargs):
                super().__init__(**kwargs)

            def get_config(self):
                return super().get_config()

        class Refuses(layers.Dense):
            def __init__(self, units):
                super().__init__(units)

            def get_config(self):
                return super().get_config()

        with pytest.warns(UserWarning, match="needs what its get_config leaves out") as caught:
            serialize_keras_object(Forgets(2))
        assert "'factor': self.factor" in str(caught[0].message)
        with pytest.warns(UserWarning, match="does not take what its get_config returns"):
            serialize_keras_object(Refuses(2))

    def test_a_graph_that_a_subclass_is_given(self):
        class Weighted(Model):
            def __init__(self, *args, factor=1, **kwargs):
                super().__init__(*args, **kwargs)
                self.factor = factor

        inputs = layers.Input((3,))
        model = Weighted(inputs, layers.Dense(5)(inputs), factor=3)
        twin = Weighted.from_config(model.get_config())
        assert (twin.factor, len(twin.layers)) == (3, 2)


# Bases that take what the subclass does with it, and a cell that is no layer of its own.
OPEN = {"LossFunctionWrapper", "MeanMetricWrapper", "LearningRateSchedule", "ConvLSTMCell"}


@pytest.mark.parametrize("cls", [c for c in CLASSES if c.__name__ not in OPEN],
                         ids=lambda cls: cls.__name__)  # fmt: skip
def test_an_unknown_setting_in_a_config_is_told(cls):
    obj = made(cls)
    if not hasattr(cls, "from_config"):
        return
    with pytest.raises((TypeError, ValueError), match="no_such_setting"):
        cls.from_config({**obj.get_config(), "no_such_setting": 1})


def test_settings_of_older_versions_are_taken_where_they_change_nothing():
    config = layers.LSTM(2).get_config()
    assert layers.LSTM.from_config({**config, "time_major": False, "implementation": 1}).units == 2
    with pytest.raises(ValueError, match="time_major"):
        layers.LSTM.from_config({**config, "time_major": True})
