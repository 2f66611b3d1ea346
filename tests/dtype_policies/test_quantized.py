"""Quantized dtype policies, side by side with Keras."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import json

import keras
import pytest

import cornu
from cornu import dtype_policies
from cornu.dtype_policies import DTypePolicyMap, GPTQDTypePolicy, QuantizedDTypePolicy

FACTS = (
    "name", "compute_dtype", "variable_dtype", "quantization_mode",
    "weight_bits", "group_size", "block_size", "amax_history_length",
)  # fmt: skip


def facts(policy):
    return {fact: getattr(policy, fact, None) for fact in FACTS} | {"repr": repr(policy)}


ACCEPTED = [
    "QuantizedDTypePolicy('int8')",
    "QuantizedDTypePolicy('int8', 'float32')",
    "QuantizedDTypePolicy('int8', 'mixed_bfloat16')",
    "QuantizedDTypePolicy('int4', source_name='bfloat16')",
    "QuantizedDTypePolicy('float8', 'float32')",
    "QuantizedDTypePolicy('gptq', 'float16')",
    "QuantizedFloat8DTypePolicy('float8')",
    "QuantizedFloat8DTypePolicy('float8', 'mixed_float16')",
    "QuantizedFloat8DTypePolicy('float8', 'float32', amax_history_length=7)",
    "Int4DTypePolicy('int4/128', 'float32')",
    "Int4DTypePolicy('int4/-1', 'mixed_bfloat16')",
    "Int4DTypePolicy('int4/1', 'float16')",
    *(f"GPTQDTypePolicy('gptq/{bits}/32', 'float32')" for bits in (2, 3, 4, 8)),
    "GPTQDTypePolicy('gptq/8/-1', 'bfloat16')",
    "AWQDTypePolicy('awq/4/128', 'mixed_float16')",
    "AWQDTypePolicy('awq/4/-1', 'float32')",
    *(
        f"get('{mode}_from_{source}')"
        for mode in ("int4", "float8", "int4/64", "int4/-1", "gptq/4/128", "gptq/3/-1", "awq/4/128")
        for source in ("float32", "mixed_bfloat16", "float16")
    ),
    "get('int8_from_mixed_bfloat16')",
]

REFUSED = [
    "QuantizedDTypePolicy('int2', 'float32')",
    "QuantizedDTypePolicy('gptq/4/128', 'float32')",
    "QuantizedDTypePolicy(3, 'float32')",
    "QuantizedDTypePolicy(None, 'float32')",
    "QuantizedDTypePolicy('int8', 'float16')",
    "QuantizedDTypePolicy('int8', 'mixed_float16')",
    "QuantizedDTypePolicy('int8', 'nope')",
    "QuantizedDTypePolicy('int8', 3)",
    "QuantizedFloat8DTypePolicy('float8', 'float32', amax_history_length='7')",
    "QuantizedFloat8DTypePolicy('float8', 'float32', amax_history_length=2.0)",
    "QuantizedFloat8DTypePolicy('nope', 'float32')",
    *(
        f"{name}DTypePolicy('{mode}', 'float32')"
        for name, modes in {
            "Int4": ("int4", "int4/0", "int4/-2", "int4/x", "int4/1/2", "int8/128", "int8", ""),
            "GPTQ": (
                "gptq/5/32", "gptq/4/0", "gptq/4/-3", "gptq/4", "gptq", "gptq/a/b", "gptq/4/b",
                "gptq/4.0/128", "awq/4/128", "gptq/4/128/1",
            ),
            "AWQ": ("awq/8/128", "awq/3/128", "awq/4/0", "awq/4", "awq/a/b", "gptq/4/128"),
        }.items()
        for mode in modes
    ),
    *(
        f"get('{name}')"
        for name in (
            "int8", "float8", "int4/128", "gptq/4/128", "int8_from_", "int8_from_nope",
            "int8_from_float16", "int2_from_float32", "gptq_from_float32", "gptq/4_from_float32",
            "awq/8/128_from_float32", "awq_from_float32", "_from_float32", "float32_from_float32",
            "int8_from_float32_from_float32",
        )
    ),
    "DTypePolicy('int8_from_float32')",
    "DTypePolicy('gptq/4/128_from_float32')",
]  # fmt: skip


def by(library, call):
    return eval(call, vars(library.dtype_policies).copy())


@pytest.mark.parametrize("call", ACCEPTED)
def test_like_keras(call):
    ours, theirs = by(cornu, call), by(keras, call)
    assert facts(ours) == facts(theirs)
    assert ours.get_config() == theirs.get_config()
    written = json.loads(json.dumps(dtype_policies.serialize(ours)))
    assert written == keras.dtype_policies.serialize(theirs)
    assert dtype_policies.deserialize(written) == dtype_policies.get(written) == ours
    assert keras.dtype_policies.deserialize(written) == theirs


@pytest.mark.parametrize("call", REFUSED)
def test_refused_like_keras(call):
    with pytest.raises((TypeError, ValueError)) as theirs:
        by(keras, call)
    with pytest.raises(theirs.type):
        by(cornu, call)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("QuantizedDTypePolicy('itn8')", "did you mean 'int8'"),
        ("QuantizedDTypePolicy('int8', 'float16')", "source_name='mixed_bfloat16' or 'float32'"),
        ("GPTQDTypePolicy('gptq/4')", "mode='gptq/4/128'"),
        ("GPTQDTypePolicy('gptq/5/128')", "must be one of 2, 3, 4, 8, got 5"),
        ("Int4DTypePolicy('int4/0')", "The block size must be positive, or -1 .* got 0"),
        ("get('int8')", "'int8_from_float32'"),
    ],
)
def test_errors_say_what_to_do(call, says):
    with pytest.raises(ValueError, match=says):
        by(cornu, call)


def test_a_mode_alone_takes_the_global_policy():
    cornu.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert GPTQDTypePolicy("gptq/4/128").name == "gptq/4/128_from_mixed_bfloat16"
    finally:
        cornu.config.set_dtype_policy("float32")


def test_policies_are_compared_by_what_they_say():
    policy = QuantizedDTypePolicy("int8", "float32")
    assert policy == QuantizedDTypePolicy("int8", "float32") != dtype_policies.get("float32")
    assert len({policy, QuantizedDTypePolicy("int8", "float32")}) == 1
    float8 = dtype_policies.QuantizedFloat8DTypePolicy
    assert float8("float8", "float32") != float8("float8", "float32", amax_history_length=3)


def test_a_map_of_them_in_both_libraries():
    policies = DTypePolicyMap("bfloat16", {"a": "float32", "b": "int8_from_float32"})
    written = json.loads(json.dumps(dtype_policies.serialize(policies)))
    theirs = keras.dtype_policies.deserialize(written)
    ours = dtype_policies.deserialize(
        json.loads(json.dumps(keras.dtype_policies.serialize(theirs)))
    )
    for read in (theirs, ours):
        assert (read["a"].name, read["b"].name) == ("float32", "int8_from_float32")
        assert (read.default_policy.name, read["c"].name) == ("bfloat16", "bfloat16")
    assert ours == policies
    assert repr(ours) == "<DTypePolicyMap bfloat16, {'a': 'float32', 'b': 'int8_from_float32'}>"


def test_a_map_without_a_default_is_read_in_the_global_policy():
    policies = DTypePolicyMap(None, {"a": "mixed_bfloat16", "b": "int8_from_float32"})
    written = dtype_policies.serialize(policies)
    assert policies["a"].name == "mixed_bfloat16"  # Keras changes those of the map
    for library in (cornu, keras):
        library.config.set_dtype_policy("bfloat16")
        try:
            read = library.dtype_policies.deserialize(json.loads(json.dumps(written)))
        finally:
            library.config.set_dtype_policy("float32")
        assert (read["a"].name, read["b"].name) == ("bfloat16", "int8_from_bfloat16")


def test_the_older_class_means_the_same():
    for library in (cornu, keras):
        old, new = library.FloatDTypePolicy("mixed_float16"), library.DTypePolicy("mixed_float16")
        assert (old == new, new == old, repr(old)) == (True, True, '<DTypePolicy "mixed_float16">')
        assert old != library.dtype_policies.QuantizedDTypePolicy("int4", "mixed_float16")
    old, new = cornu.FloatDTypePolicy("float32"), cornu.DTypePolicy("float32")
    assert len({old, new}) == 1


def test_the_older_name_stands_where_keras_has_it():
    for library in (cornu, keras):
        policy = library.dtype_policies.FloatDTypePolicy("float32")
        written = library.dtype_policies.serialize(policy)
        assert (written["module"], written["class_name"]) == ("keras", "FloatDTypePolicy")
        assert type(dtype_policies.deserialize(written)) is dtype_policies.FloatDTypePolicy
