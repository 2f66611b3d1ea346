"""Weights files of models made of many layers, exchanged with real Keras in both directions."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import h5py
import keras
import numpy as np
import pytest

import cornu
import cornu.layers
import cornu.models


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
