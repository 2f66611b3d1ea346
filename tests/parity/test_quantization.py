"""Layers in few bits, side by side with Keras: variables, numbers, gradients, configs and files."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import json
import warnings

import h5py
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import cornu
import cornu.layers
from cornu.core.objects.serialize import serialize_keras_object
from parity.harness import Of, give_weights, gradients, make, plain, same_numbers, same_weights

X2 = np.random.default_rng(0).normal(size=(2, 5)).astype("float32")
X3 = np.random.default_rng(1).normal(size=(2, 3, 4)).astype("float32")
IDS = np.array([[1, 6, 6], [0, 1, 3]])
REVERSE = {"reverse": True}

DENSE = Of("Dense", {"units": 7, "activation": "tanh", "name": "layer"})
EINSUM = Of("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (3, 2, 3),
                            "bias_axes": "de", "name": "layer"})  # fmt: skip
TABLE = Of("Embedding", {"input_dim": 7, "output_dim": 5, "name": "layer"})
TIED = Of("ReversibleEmbedding", {"input_dim": 7, "output_dim": 4, "name": "layer"})
UNTIED = Of("ReversibleEmbedding", {**TIED.arguments, "tie_weights": False, "logit_soft_cap": 3.0})


def einsum(equation, output_shape):
    return Of("EinsumDense", {**EINSUM.arguments, "equation": equation, "bias_axes": None,
                              "output_shape": output_shape})  # fmt: skip


CONFIGS = {
    "int8": lambda q: q.Int8QuantizationConfig(),
    "int8-weights": lambda q: q.Int8QuantizationConfig(activation_quantizer=None),
    "int4": lambda q: q.Int4QuantizationConfig(),
    "int4-blocks": lambda q: q.Int4QuantizationConfig(block_size=2),
    "int4-channels": lambda q: q.Int4QuantizationConfig(block_size=-1),
    "int4-both": lambda q: q.Int4QuantizationConfig(
        weight_quantizer=q.AbsMaxQuantizer(axis=0, value_range=(-8, 7)),
        activation_quantizer=q.AbsMaxQuantizer(),
        block_size=None,
    ),
    "float8": lambda q: q.Float8QuantizationConfig(),
}
ROWS = [
    *((DENSE, X2, {}, mode) for mode in CONFIGS if mode not in ("int4", "int8-weights")),
    *((EINSUM, X3, {}, mode) for mode in ("int8", "int4-channels")),
    *((TABLE, IDS, {}, mode) for mode in ("int8", "int4-channels")),
    (TIED, X3, REVERSE, "int8"),
    *((UNTIED, X3, REVERSE, mode) for mode in ("int4-blocks", "int4-channels")),
    (einsum("abc,edc->abde", (3, 2, 3)), X3, {}, "int8"),
    (einsum("abc,bcd->abd", (3, 5)), X3, {}, "int4-both"),
]


# Of other rows too, but of scores: there Keras differentiates the rounding of the inputs.
WITH_GRADIENTS = {("Dense", "int8"), ("Dense", "int4-blocks"), ("EinsumDense", "int8"),
                  ("EinsumDense", "int4-channels")}  # fmt: skip


def pair(of, x):
    """The layer in both libraries, built, with the same weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, ours = make(keras, of), make(cornu, of)
        theirs.build(x.shape), ours.build(x.shape)
    give_weights(theirs, ours)
    return theirs, ours


def name(row):
    return f"{row[0].name}-{row[0].arguments.get('equation', len(row[2]))}-{row[3]}"


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_a_quantized_layer_is_that_of_keras(row):
    of, x, options, mode = row
    theirs, ours = pair(of, x)
    before = ours(x, **options)
    theirs.quantize(config=CONFIGS[mode](keras.quantizers))
    ours.quantize(config=CONFIGS[mode](cornu.quantizers))
    same_weights(theirs, ours)
    values = [[np.asarray(w.value) for w in layer.weights] for layer in (theirs, ours)]
    same_numbers(*values, 1e-6, "weights")
    assert all(np.array_equal(a, b) for a, b in zip(*values, strict=True) if a.dtype == "int8")
    after = ours(x, **options)
    same_numbers(theirs(x, **options), after, 1e-5, "outputs")
    assert 0 < float(jnp.abs(after - before).max()) < 2.5  # rounded, and not something else
    if (of.name, mode) in WITH_GRADIENTS:
        a, b = (gradients(layer, [x], options, False)[False] for layer in (theirs, ours))
        same_numbers(a, b, 1e-5, "gradients")
    assert plain(ours.get_config()) == plain(theirs.get_config())
    stores = ({}, {})
    theirs.save_own_variables(stores[0]), ours.save_own_variables(stores[1])
    stored = [[np.asarray(getattr(v, "value", v)) for v in store.values()] for store in stores]
    same_numbers(*stored, 1e-6, "what files hold")


POLICIES = [
    (DENSE, X2, "int8_from_mixed_bfloat16"),
    (DENSE, X2, "int4_from_float32"),
    (DENSE, X2, "float8_from_float32"),
    (EINSUM, X3, "int4/2_from_float32"),
    (UNTIED, IDS, "int4/2_from_float32"),
]


@pytest.mark.parametrize("row", POLICIES, ids=lambda row: f"{row[0].name}-{row[2]}")
def test_a_policy_makes_a_quantized_layer(row):
    of, x, policy = row
    theirs, ours = pair(Of(of.name, {**of.arguments, "dtype": policy}), x)
    same_weights(theirs, ours)
    tolerance = 2e-2 if "bfloat16" in policy else 1e-5
    same_numbers(theirs(x), ours(x), tolerance, "outputs")
    assert plain(serialize_keras_object(ours)) == plain(keras.saving.serialize_keras_object(theirs))


@pytest.mark.parametrize(
    ("of", "x", "mode"),
    [(DENSE, X2, "int8"), (EINSUM, X3, "int4-blocks"), (TABLE, IDS, "int4-channels")],
    ids=["dense", "einsum", "table"],
)
def test_lora_beside_a_quantized_weight(of, x, mode):
    pairs = pair(of, x)
    for layer, library in zip(pairs, (keras, cornu), strict=True):
        layer.quantize(config=CONFIGS[mode](library.quantizers))
        layer.enable_lora(2, lora_alpha=3)
        for variable in layer.trainable_variables:
            if "lora" in variable.name:
                size = int(np.prod(variable.shape))
                variable.assign(0.3 * np.cos(np.arange(size)).reshape(variable.shape))
    theirs, ours = pairs
    same_weights(theirs, ours)
    same_numbers(theirs(x), ours(x), 1e-5, "outputs")
    stores = ({}, {})
    theirs.save_own_variables(stores[0]), ours.save_own_variables(stores[1])
    stored = [[np.asarray(getattr(v, "value", v)) for v in store.values()] for store in stores]
    same_numbers(*stored, 1e-5, "what files hold")
    ours.load_own_variables(dict(zip("01234", stored[0], strict=False)))
    assert not np.any(ours.trainable_variables[-1].numpy())  # the correction is merged
    np.testing.assert_allclose(ours(x), theirs(x), atol=0.5)


def test_a_step_in_8_bit_floats_is_that_of_keras():
    theirs, ours = pair(DENSE, X2)
    theirs.quantize("float8"), ours.quantize("float8")
    random = np.random.default_rng(3)
    for a, b in zip(theirs.variables, ours.variables, strict=True):
        if "scale" in a.name or "history" in a.name:
            value = random.uniform(0.2, 2, size=a.shape).astype("float32")
            a.assign(value), b.assign(value)
    same_numbers(theirs(X2), ours(X2), 1e-6, "outputs")
    same_numbers(*(gradients(k, [X2], {}, True)[True] for k in (theirs, ours)), 1e-5, "gradients")


def model_of(library):
    """A small model with a layer of each kind."""
    k = library.layers
    ids = k.Input((3,), dtype="int32", name="ids")
    table = k.ReversibleEmbedding(7, 4, name="table")
    x = table(ids)
    x = k.EinsumDense("abc,cde->abde", (3, 2, 3), bias_axes="de", name="heads")(x)
    x = k.Reshape((3, 6))(x)
    x = k.Dense(4, activation="tanh", name="dense")(x)
    x = k.LayerNormalization(name="norm")(x)
    return library.Model(ids, table(x, reverse=True), name="model")


FILES = ["int8-weights", "int4-blocks"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mode", FILES)
def test_files_of_quantized_models_go_both_ways(mode, tmp_path):
    theirs, ours = model_of(keras), model_of(cornu)
    give_weights(theirs, ours)
    theirs.quantize(config=CONFIGS[mode](keras.quantizers))
    ours.quantize(config=CONFIGS[mode](cornu.quantizers))
    same_numbers(theirs(IDS), ours(IDS), 1e-5, "outputs")
    theirs.save(tmp_path / "theirs.keras"), ours.save(tmp_path / "ours.keras")
    read = cornu.models.load_model(tmp_path / "theirs.keras")
    same_numbers(theirs(IDS), read(IDS), 1e-5, "outputs of the model read from Keras")
    assert [v.dtype for v in read.weights] == [v.dtype for v in ours.weights]
    again = keras.models.load_model(tmp_path / "ours.keras")
    same_numbers(again(IDS), ours(IDS), 1e-5, "outputs of the model read by Keras")
    theirs.save_weights(tmp_path / "a.weights.h5"), ours.save_weights(tmp_path / "b.weights.h5")
    assert contents(tmp_path / "a.weights.h5") == contents(tmp_path / "b.weights.h5")


def contents(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: found.update(
                {name: (item.shape, str(item.dtype)) if hasattr(item, "shape") else None}
            )
        )
    return found


@pytest.mark.filterwarnings("ignore")
def test_projections_of_attention_come_back_from_a_file_in_both(tmp_path):
    """Keras reads the map of policies that the file holds for them; its own file lacks it."""
    inputs = cornu.Input((3, 4))
    attention = cornu.layers.MultiHeadAttention(2, 2, name="attention")
    model = cornu.Model(inputs, attention(inputs, inputs))
    model.quantize("int8")
    model.save(tmp_path / "model.keras")
    expected = model(X3)
    np.testing.assert_allclose(cornu.models.load_model(tmp_path / "model.keras")(X3), expected)
    read = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(read(X3), expected, rtol=1e-5, atol=1e-5)
    config = json.loads(json.dumps(serialize_keras_object(attention)))["config"]["dtype"]
    assert config["class_name"] == "DTypePolicyMap" and len(config["config"]["policy_map"]) == 4


@pytest.mark.parametrize(
    "attempt",
    [
        lambda k: k.layers.Dense(3).quantize("int8"),
        lambda k: built(k).quantize(),
        lambda k: built(k).quantize("nope"),
        lambda k: built(k).quantize("int8", config=k.quantizers.Int4QuantizationConfig()),
        lambda k: twice(built(k)),
        lambda k: built(k, dtype="float16").quantize("int8"),
        lambda k: built(k, "LayerNormalization").quantize("int8"),
        lambda k: built(k, "Embedding", output_dim=3, input_dim=3).quantize("float8"),
        lambda k: k.layers.Layer().quantized_build((3,), "int8"),
        lambda k: k.layers.Layer().quantized_call(X2),
        lambda k: k.layers.BatchNormalization(dtype="int8_from_float32")(X2),
        lambda k: k.layers.Embedding(3, 4, dtype="float8_from_float32")(IDS),
        lambda k: k.quantizers.Int4QuantizationConfig(k.quantizers.AbsMaxQuantizer(0)),
        lambda k: k.quantizers.Int4QuantizationConfig(block_size=0),
        lambda k: k.quantizers.Int8QuantizationConfig(
            k.quantizers.AbsMaxQuantizer(0, output_dtype="int4")
        ),
        lambda k: k.quantizers.QuantizationConfig().mode,
        lambda k: sequential(k).quantize("int8", filters=3),
        lambda k: sequential(k).quantize("int8", unknown=3),
        lambda k: sequential(k, built=False).quantize("int8"),
        lambda k: twice(sequential(k)),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore")
def test_errors_have_the_type_of_keras(attempt):
    with pytest.raises(Exception) as theirs:  # noqa: PT011, B017
        attempt(keras)
    with pytest.raises(theirs.type) as ours:
        attempt(cornu)
    assert type(ours.value) is type(theirs.value) and "\n" in str(ours.value)


def built(library, name="Dense", **arguments):
    arguments = arguments if name != "Dense" else {"units": 3, **arguments}
    layer = getattr(library.layers, name)(**arguments)
    layer.build((2, 5))
    return layer


def twice(layer):
    layer.quantize("int8")
    layer.quantize("int4")


def sequential(library, built=True):
    layers = [library.layers.Dense(3)]
    return library.Sequential([library.layers.Input((5,)), *layers] if built else layers)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "arguments",
    [
        lambda k: {"config": k.quantizers.Int4QuantizationConfig(block_size=2)},
        lambda k: {"mode": "int8", "filters": ["table", "heads"]},
        lambda k: {"mode": "int8", "filters": lambda layer: layer.name == "dense"},
    ],
)
def test_a_model_quantizes_the_same_layers(arguments):
    modes = []
    for library in (keras, cornu):
        model = model_of(library)
        model.quantize(**arguments(library))
        modes.append([layer.dtype_policy.name for layer in model.layers])
    assert modes[0] == modes[1]


def test_integer_sums_are_exact():
    random = np.random.default_rng(0)
    x = random.integers(-127, 128, (8, 3000)).astype("float32")
    w = random.integers(-127, 128, (3000, 8)).astype("float32")
    x[:, 0], w[0] = 127, 127  # then the scales are 1, up to the epsilon in them
    layer = cornu.layers.Dense(8, use_bias=False)
    layer.build((None, 3000))
    layer.set_weights([w])
    layer.quantize("int8")
    np.testing.assert_array_equal(layer.kernel.numpy(), w)
    exact = x.astype("int64") @ w.astype("int64")
    assert np.abs(exact).max() > 2**16  # not within half precision
    found = np.asarray(layer(x), "float64") * float(layer.kernel_scale.value[0]) ** 2
    np.testing.assert_allclose(found, exact, rtol=3e-7, atol=0)
