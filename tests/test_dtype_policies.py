"""Dtype policies, side by side with Keras."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
import pytest

import cornu
from cornu import config, dtype_policies, layers
from cornu.core.symbolic import KerasTensor
from cornu.dtype_policies import DTypePolicy, DTypePolicyMap


@pytest.fixture(autouse=True)
def global_policy_restored():
    yield
    config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    "name", ["float32", "float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16", "int8"]
)
def test_names(name):
    ours, theirs = DTypePolicy(name), keras.DTypePolicy(name)
    for fact in ("name", "compute_dtype", "variable_dtype"):
        assert getattr(ours, fact) == getattr(theirs, fact)
    assert repr(ours) == repr(theirs)


def test_the_global_policy_is_never_none():
    for library in (cornu, keras):
        with pytest.raises(ValueError):
            library.config.set_dtype_policy(None)
    with pytest.raises(ValueError, match="set_dtype_policy\\('float32'\\)"):
        config.set_dtype_policy(None)


@pytest.mark.parametrize("fact", ["name", "compute_dtype", "variable_dtype"])
def test_a_policy_does_not_change(fact):
    for library in (cornu, keras):
        assert isinstance(getattr(library.DTypePolicy, fact), property)
        with pytest.raises(AttributeError):
            setattr(library.DTypePolicy("float32"), fact, "float16")


def test_wrong_names():
    with pytest.raises(ValueError, match="'mixed_flaot16' is not a dtype policy") as caught:
        DTypePolicy("mixed_flaot16")
    assert "did you mean 'mixed_float16'" in str(caught.value)
    with pytest.raises(TypeError, match="name must be a string, got int"):
        DTypePolicy(3)


def test_policies_are_compared_by_what_they_say():
    assert DTypePolicy("float16") == DTypePolicy("float16")
    assert DTypePolicy("float16") != DTypePolicy("bfloat16")
    assert len({DTypePolicy("float16"), DTypePolicy("float16")}) == 1


def test_the_global_policy():
    assert config.dtype_policy().name == "float32"
    config.set_dtype_policy("mixed_bfloat16")
    assert (config.dtype_policy().name, DTypePolicy().name) == ("mixed_bfloat16",) * 2
    layer = layers.Dense(2)
    layer(np.ones((1, 3)))
    assert (layer.kernel.dtype, layer.compute_dtype) == ("float32", "bfloat16")
    cornu.mixed_precision.set_global_policy("float32")
    assert layers.Dense(2).compute_dtype == "float32"
    assert layer.compute_dtype == "bfloat16"


def test_what_a_policy_may_be_given_as():
    policy = DTypePolicy("mixed_float16")
    assert dtype_policies.get(policy) is policy
    assert dtype_policies.get("mixed_float16") == policy
    assert dtype_policies.get(dtype_policies.serialize(policy)) == policy
    assert dtype_policies.get(np.float16).name == "float16"
    assert dtype_policies.get(None).name == "float32"


def test_files():
    saved = dtype_policies.serialize(DTypePolicy("mixed_bfloat16"))
    assert saved == keras.dtype_policies.serialize(keras.DTypePolicy("mixed_bfloat16"))
    assert dtype_policies.deserialize(saved).name == "mixed_bfloat16"


@pytest.mark.parametrize("kind", [np.ones, KerasTensor])
def test_inputs_are_cast_if_they_are_floats(kind):
    policy = DTypePolicy("mixed_float16")
    x, n = kind((2,), dtype="float32"), kind((2,), dtype="int32")
    assert policy.convert_input(x, True, "float16").dtype == "float16"
    assert policy.convert_input(x, False, "float16") is x
    assert policy.convert_input(n, True, "float16") is n
    assert policy.convert_input("text", True, "float16") == "text"


class TestMap:
    def test_by_path_and_by_pattern(self):
        def names(library):
            policies = library.dtype_policies.DTypePolicyMap()
            policies["block/dense"] = library.DTypePolicy("bfloat16")
            policies["model/.*dense"] = library.DTypePolicy("float16")
            paths = ("block/dense", "block/dense/inner", "block", "model/my_dense", "block/dense_1")
            return [policies[path].name for path in paths]

        expected = ["bfloat16", "float32", "float32", "float16", "float32"]
        assert names(cornu) == names(keras) == expected

    def test_a_default_of_its_own(self):
        policies = DTypePolicyMap(default_policy="mixed_float16", policy_map={"a": "float32"})
        assert policies["b"].name == "mixed_float16"
        assert (policies.name, policies.compute_dtype) == ("map_mixed_float16", "float16")

    def test_as_a_mapping(self):
        policies = DTypePolicyMap(policy_map={"a": "float16"})
        policies["b"] = "bfloat16"
        assert (len(policies), list(policies), "b" in policies, "c" in policies) == (
            2, ["a", "b"], True, False,
        )  # fmt: skip
        with pytest.raises(ValueError, match="'a' is already in the policy map"):
            policies["a"] = "float32"
        del policies["a"]
        assert policies["a"].name == "float32"

    def test_several_patterns_that_fit(self):
        policies = DTypePolicyMap(policy_map={"a/.*": "float16", ".*/b": "bfloat16"})
        with pytest.raises(ValueError, match="Several patterns of the policy map match 'a/b'"):
            policies["a/b"]

    def test_a_layer_takes_the_policy_of_its_path(self):
        policies = DTypePolicyMap(policy_map={"second": "mixed_bfloat16"})
        first = layers.Dense(2, dtype=policies, name="first")
        second = layers.Dense(2, dtype=policies, name="second")
        assert (first.compute_dtype, second.compute_dtype) == ("float32", "bfloat16")

    def test_files(self):
        policies = DTypePolicyMap("mixed_float16", {"a": "bfloat16"})
        again = DTypePolicyMap.from_config(policies.get_config())
        assert (again["a"].name, again["b"].name) == ("bfloat16", "mixed_float16")

    def test_the_map_is_a_dict(self):
        with pytest.raises(TypeError, match="policy_map must be a dict, got list"):
            DTypePolicyMap(policy_map=["a"])
