"""Files of models made of many layers, exchanged with real Keras in both directions.

Whole `.keras` files of models with a branch for every layer class, and weights files of stacks.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"

import h5py
import keras
import numpy as np
import pytest

import cornu
import cornu.layers
import cornu.models
from parity.harness import Ids, build, give_weights, plain, quiet
from parity.layers import CASES


def convolutions(k):
    return [
        k.layers.Conv2D(3, 2), k.layers.BatchNormalization(), k.layers.PReLU(shared_axes=[1, 2]),
        k.layers.SeparableConv2D(4, 2), k.layers.GroupNormalization(2),
        k.layers.SpectralNormalization(k.layers.Conv2D(3, 2)), k.layers.Conv2DTranspose(2, 2),
        k.layers.DepthwiseConv2D(2), k.layers.Dropout(0.1), k.layers.LayerNormalization(),
        k.layers.Flatten(), k.layers.Dense(3),
    ]  # fmt: skip


def recurrent(k):
    return [
        k.layers.Bidirectional(k.layers.LSTM(3, return_sequences=True)),
        k.layers.TimeDistributed(k.layers.Dense(4)),
        k.layers.GRU(3, return_sequences=True),
        k.layers.RNN([k.layers.LSTMCell(3), k.layers.GRUCell(2)], return_sequences=True),
        k.layers.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d"),
        k.layers.RMSNormalization(),
        k.layers.SimpleRNN(3),
    ]


def films(k):
    return [k.layers.ConvLSTM2D(2, 2, return_sequences=True), k.layers.ConvLSTM2D(3, 2)]


@pytest.mark.parametrize(("stack", "shape"), [
    (convolutions, (8, 7, 2)), (recurrent, (5, 2)), (films, (3, 6, 5, 2)),
])  # fmt: skip
def test_files_go_both_ways(stack, shape, tmp_path):
    theirs = keras.Sequential([keras.Input(shape), *stack(keras)])
    ours = cornu.models.Sequential([cornu.layers.Input(shape), *stack(cornu)])
    exchange(theirs, ours, [np.random.default_rng(0).normal(size=(2, *shape))], tmp_path)


def test_files_of_attention_go_both_ways(tmp_path):
    def model(k, model_class):
        a, b = k.layers.Input((4, 6)), k.layers.Input((5, 6))
        x = k.layers.MultiHeadAttention(2, 3, use_gate=True, dropout=0.1)(a, b)
        x = k.layers.GroupQueryAttention(3, 4, 2)(x, b)
        x = k.layers.AdditiveAttention()([x, b])
        return model_class([a, b], x)

    theirs = model(keras, keras.Model)
    ours = model(cornu, cornu.models.Model)
    random = np.random.default_rng(0)
    inputs = [random.normal(size=(2, 4, 6)), random.normal(size=(2, 5, 6))]
    exchange(theirs, ours, inputs, tmp_path)


def exchange(theirs, ours, inputs, folder):
    theirs.save_weights(folder / "theirs.weights.h5")
    ours.save_weights(folder / "ours.weights.h5")
    assert contents(folder / "ours.weights.h5") == contents(folder / "theirs.weights.h5")
    inputs = [x.astype("float32") for x in inputs]
    inputs = inputs if len(inputs) > 1 else inputs[0]
    ours.load_weights(folder / "theirs.weights.h5")
    np.testing.assert_allclose(ours(inputs), theirs(inputs), rtol=1e-4, atol=1e-4)


def contents(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: getattr(item, "shape", None)}))
    return found


# ---- every class in a .keras file ---------------------------------------------------------------

GROUPS: dict = {}  # a row for each class, by where the class lives
for case in CASES:
    if not case.options:
        kind = getattr(cornu.layers, case.name).__module__.split(".")[2]
        GROUPS.setdefault(kind, {}).setdefault(case.name, case)


def branches(library, cases):
    """A model with a branch for each row."""
    k = library.layers
    inputs, outputs = [], []

    def symbol(spec):
        if isinstance(spec, list):
            return [symbol(s) for s in spec]
        ids = isinstance(spec, Ids)
        shape = spec.shape if ids else spec
        dtype = "int32" if ids else "float32"
        inputs.append(k.Input(shape[1:], dtype=dtype, name=f"in_{len(inputs)}"))
        return inputs[-1]

    for case in cases:
        found = build(library, case, name=case.name.lower())(*[symbol(s) for s in case.inputs])
        outputs += library.tree.flatten(found)
    return library.Model(inputs, outputs)


@pytest.mark.parametrize("group", GROUPS)
def test_every_class_goes_both_ways_in_a_keras_file(group, tmp_path):
    with quiet():
        theirs, ours = (branches(k, GROUPS[group].values()) for k in (keras, cornu))
        give_weights(theirs, ours)
        theirs.save(tmp_path / "theirs.keras")
        ours.save(tmp_path / "ours.keras")
        in_keras = keras.saving.load_model(tmp_path / "ours.keras")
        in_cornu = cornu.saving.load_model(tmp_path / "theirs.keras")
    for found, expected in ((in_keras, theirs), (in_cornu, ours)):
        for layer, other in zip(found.layers, expected.layers, strict=True):
            assert (type(layer), layer.name) == (type(other), other.name)
            assert settings(layer) == settings(other)
        for a, b in zip(found.weights, expected.weights, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=b.path)


def settings(layer):
    """The config without what a layer inside was built with, and without numbered names."""

    def kept(value):
        if isinstance(value, dict):
            return {k: kept(v) for k, v in value.items() if k not in ("build_config", "seed")}
        return [kept(v) for v in value] if isinstance(value, list) else value

    return kept(plain(layer.get_config()))
