"""Quantizers and configs: lookup, configs for files, and what is refused."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import json

import keras
import numpy as np
import pytest

import cornu
from cornu import quantizers

X = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")

SAVED = [
    "AbsMaxQuantizer()",
    "AbsMaxQuantizer(axis=-1)",
    "AbsMaxQuantizer((0, 1), value_range=(-8, 7), epsilon=1e-5)",
    "Int8QuantizationConfig()",
    "Int8QuantizationConfig(activation_quantizer=None)",
    "Int8QuantizationConfig(AbsMaxQuantizer(0, value_range=(-8, 7)))",
    "Int4QuantizationConfig()",
    "Int4QuantizationConfig(block_size=None)",
    "Int4QuantizationConfig(AbsMaxQuantizer(0, value_range=(-8, 7)), block_size=-1)",
    "Float8QuantizationConfig()",
]


def by(library, call):
    return eval(call, vars(library.quantizers).copy())


@pytest.mark.parametrize("call", SAVED)
def test_configs_go_both_ways(call):
    theirs = keras.saving.serialize_keras_object(by(keras, call))
    ours = json.loads(json.dumps(cornu.saving.serialize_keras_object(by(cornu, call))))
    assert ours == json.loads(json.dumps(theirs))
    again = cornu.saving.deserialize_keras_object(ours)
    assert json.loads(json.dumps(cornu.saving.serialize_keras_object(again))) == ours
    if "Int4QuantizationConfig(AbsMax" in call:
        return  # JSON has no tuples, and Keras insists on one here
    read = keras.saving.deserialize_keras_object(ours)
    assert json.dumps(read.get_config()) == json.dumps(by(keras, call).get_config())
    assert getattr(again, "mode", None) == getattr(by(keras, call), "mode", None)


@pytest.mark.parametrize("axis", [None, 0, (0, 1)])
def test_a_quantizer_takes_its_axes_or_those_of_the_call(axis):
    for given in (None, 1):
        a = keras.quantizers.AbsMaxQuantizer(axis)(X, axis=given)
        b = quantizers.AbsMaxQuantizer(axis)(X, axis=given)
        for theirs, ours in zip(a, b, strict=True):
            np.testing.assert_array_equal(np.asarray(theirs), np.asarray(ours))


def test_lookup():
    assert quantizers.get(None) is None
    for name in ("abs_max_quantizer", "AbsMaxQuantizer", quantizers.AbsMaxQuantizer):
        assert quantizers.get(name, axis=0).axis == (0,)
    one = quantizers.AbsMaxQuantizer(1)
    assert quantizers.get(one) is one
    again = quantizers.deserialize(quantizers.serialize(one))
    assert again.get_config() == quantizers.get(quantizers.serialize(one)).get_config()
    with pytest.raises(ValueError, match="did you mean 'abs_max_quantizer'"):
        quantizers.get("abs_max_quantiser")
    with pytest.raises(ValueError, match="3 is not a quantizer"):
        quantizers.get(3)


def test_a_config_gives_its_quantizer_or_the_default():
    config = quantizers.Int8QuantizationConfig(activation_quantizer=None)
    choose = quantizers.QuantizationConfig
    assert choose.activation_quantizer_or_default(None, "default") == "default"
    assert choose.activation_quantizer_or_default(config, "default") is None
    assert choose.weight_quantizer_or_default(config, "default") == "default"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("Int8QuantizationConfig(3)", "weight_quantizer must be a quantizer, got 3"),
        ("Int4QuantizationConfig(AbsMaxQuantizer(0))", "block_size=None"),
        ("Int4QuantizationConfig(AbsMaxQuantizer(0), block_size=-1)", r"value_range=\(-8, 7\)"),
        ("Int4QuantizationConfig(block_size=0)", "positive, or -1"),
        ("QuantizationConfig().mode", "Int8QuantizationConfig"),
        ("Quantizer().get_config()", "must define get_config"),
        ("AbsMaxQuantizer(value_range=3)", "must be a pair of integers, got 3"),
    ],
)
def test_what_is_refused_is_explained(call, says):
    with pytest.raises((ValueError, AttributeError, NotImplementedError, TypeError)) as theirs:
        by(keras, call)
    with pytest.raises(theirs.type, match=says):
        by(cornu, call)
