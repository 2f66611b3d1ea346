"""The older form of serialized objects, beside Keras's."""

import keras
import pytest

import cornu
from cornu import layers, losses, regularizers
from cornu.saving import register_keras_serializable
from cornu.utils import legacy


class Range:
    """An object of a package, which nobody registered."""

    def __init__(self, low, high=1.0, step=None):
        self.low, self.high, self.step = low, high, step

    def get_config(self):
        return {"low": self.low, "high": self.high, "step": self.step}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def scale(x):
    return x * 2


@pytest.mark.parametrize(
    "given",
    [None, scale, Range(2), Range(Range(0), high=scale), Range([1, 2], step={"a": 1})],
    ids=["none", "function", "object", "nested", "values"],
)
def test_as_keras_writes_and_reads(given):
    ours = legacy.serialize_keras_object(given)
    theirs = keras.utils.legacy.serialize_keras_object(given)
    assert str(ours) == str(theirs).replace(", '__passive_serialization__': True", "")
    names = {"Range": Range, "scale": scale}
    back = legacy.deserialize_keras_object(ours, module_objects=names)
    assert type(back) is type(given)
    assert legacy.serialize_keras_object(back) == ours
    assert type(legacy.deserialize_keras_object(theirs, module_objects=names)) is type(given)


def test_layers_and_losses_come_back():
    for made in (layers.Dense(3, name="d"), losses.Huber(2.0), regularizers.L1L2(0.1, 0.2)):
        described = legacy.serialize_keras_object(made)
        assert described["class_name"] == type(made).__name__
        back = legacy.deserialize_keras_object(described, {type(made).__name__: type(made)})
        assert back.get_config() == made.get_config()


def test_which_name_is_meant():
    assert legacy.deserialize_keras_object("abs", {"abs": abs}) is abs
    assert isinstance(legacy.deserialize_keras_object("Range0", {"Range0": dict}), dict)
    assert legacy.deserialize_keras_object("abs", {"abs": abs}, {"abs": max}) is max

    @register_keras_serializable(package="legacy", name="scale")
    def other(x):
        return x

    assert legacy.serialize_keras_object(other) == "legacy>scale"
    assert legacy.deserialize_keras_object("legacy>scale") is other


def test_what_cannot_be_read_or_written():
    with pytest.raises(ValueError, match="Rang"):
        legacy.deserialize_keras_object({"class_name": "Rang", "config": {}}, {"Range": Range})
    with pytest.raises(ValueError, match="class_name and config"):
        legacy.deserialize_keras_object({"class_name": "Range"}, {"Range": Range})
    with pytest.raises(ValueError, match="get_config"):
        legacy.serialize_keras_object(3)


def test_it_has_the_name_of_keras():
    assert cornu.legacy.saving.serialize_keras_object is legacy.serialize_keras_object
    assert cornu.legacy.saving.deserialize_keras_object is legacy.deserialize_keras_object
