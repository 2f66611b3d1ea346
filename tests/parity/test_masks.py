"""Masks on their way from an Embedding through each layer to the loss, as in Keras.

    ids ─> Embedding(mask_zero=True) ─> x, mask ─> the layer of the row ─> y, its mask?
                                                                        └─> loss and metrics

A row is a function of a library and of what an Embedding gives.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np
import pytest

import cornu
import cornu.layers
from cornu.core.masks import mask_of
from parity.harness import give_weights, quiet

IDS = np.array([[3, 1, 2, 0, 0, 0], [2, 0, 4, 0, 0, 0], [1, 1, 1, 1, 4, 2]])
TIME, FEATURES = 6, 4

ROWS = {
    "Dense": lambda k, x: k.Dense(3)(x),
    "EinsumDense": lambda k, x: k.EinsumDense("btd,de->bte", (None, 3))(x),
    "Activation": lambda k, x: k.Activation("tanh")(x),
    "ReLU": lambda k, x: k.ReLU()(x),
    "LeakyReLU": lambda k, x: k.LeakyReLU()(x),
    "ELU": lambda k, x: k.ELU()(x),
    "PReLU": lambda k, x: k.PReLU(shared_axes=[1])(x),
    "Softmax": lambda k, x: k.Softmax()(x),
    "Identity": lambda k, x: k.Identity()(x),
    "Lambda": lambda k, x: k.Lambda(lambda v: v * 2)(x),
    "Masking": lambda k, x: k.Masking(7.0)(x),
    "ActivityRegularization": lambda k, x: k.ActivityRegularization(0.1)(x),
    "Dropout": lambda k, x: k.Dropout(0.5)(x),
    "SpatialDropout1D": lambda k, x: k.SpatialDropout1D(0.5)(x),
    "GaussianDropout": lambda k, x: k.GaussianDropout(0.5)(x),
    "GaussianNoise": lambda k, x: k.GaussianNoise(0.5)(x),
    "AlphaDropout": lambda k, x: k.AlphaDropout(0.5)(x),
    "BatchNormalization": lambda k, x: k.BatchNormalization()(x),
    "LayerNormalization": lambda k, x: k.LayerNormalization()(x),
    "RMSNormalization": lambda k, x: k.RMSNormalization()(x),
    "GroupNormalization": lambda k, x: k.GroupNormalization(2)(x),
    "UnitNormalization": lambda k, x: k.UnitNormalization()(x),
    "SpectralNormalization": lambda k, x: k.SpectralNormalization(k.Dense(3))(x),
    "Conv1D": lambda k, x: k.Conv1D(3, 2, padding="same")(x),
    "Conv1DTranspose": lambda k, x: k.Conv1DTranspose(3, 2)(x),
    "DepthwiseConv1D": lambda k, x: k.DepthwiseConv1D(2)(x),
    "SeparableConv1D": lambda k, x: k.SeparableConv1D(3, 2)(x),
    "MaxPooling1D": lambda k, x: k.MaxPooling1D()(x),
    "AveragePooling1D": lambda k, x: k.AveragePooling1D(2)(x),
    "GlobalMaxPooling1D": lambda k, x: k.GlobalMaxPooling1D()(x),
    "GlobalAveragePooling1D": lambda k, x: k.GlobalAveragePooling1D()(x),
    "AdaptiveMaxPooling1D": lambda k, x: k.AdaptiveMaxPooling1D(3)(x),
    "Flatten": lambda k, x: k.Flatten()(x),
    "Reshape": lambda k, x: k.Reshape((3, 8))(x),
    "Permute": lambda k, x: k.Permute((2, 1))(x),
    "ZeroPadding1D": lambda k, x: k.ZeroPadding1D(1)(x),
    "Cropping1D": lambda k, x: k.Cropping1D(1)(x),
    "UpSampling1D": lambda k, x: k.UpSampling1D(2)(x),
    "Add": lambda k, x: k.Add()([x, k.Dense(FEATURES)(x)]),
    "Add-partly": lambda k, x: k.Add()([x, k.Conv1D(FEATURES, 1)(x)]),
    "Subtract": lambda k, x: k.Subtract()([x, k.Dense(FEATURES)(x)]),
    "Multiply": lambda k, x: k.Multiply()([x, k.Dense(FEATURES)(x)]),
    "Average": lambda k, x: k.Average()([x, k.Dense(FEATURES)(x)]),
    "Maximum": lambda k, x: k.Maximum()([x, k.Dense(FEATURES)(x)]),
    "Minimum": lambda k, x: k.Minimum()([x, k.Dense(FEATURES)(x)]),
    "Concatenate": lambda k, x: k.Concatenate()([x, k.Dense(2)(x)]),
    "Concatenate-time": lambda k, x: k.Concatenate(axis=1)([x, k.Dense(FEATURES)(x)]),
    "Concatenate-partly": lambda k, x: k.Concatenate(axis=1)([x, k.Conv1D(FEATURES, 1)(x)]),
    "Dot": lambda k, x: k.Dot(axes=2)([x, k.Dense(FEATURES)(x)]),
    "SimpleRNN": lambda k, x: k.SimpleRNN(3, return_sequences=True)(x),
    "LSTM": lambda k, x: k.LSTM(3, return_sequences=True)(x),
    "LSTM-last": lambda k, x: k.LSTM(3)(x),
    "LSTM-states": lambda k, x: k.LSTM(3, return_sequences=True, return_state=True)(x)[0],
    "GRU": lambda k, x: k.GRU(3, return_sequences=True)(x),
    "RNN": lambda k, x: k.RNN([k.LSTMCell(3), k.GRUCell(2)], return_sequences=True)(x),
    "Bidirectional": lambda k, x: k.Bidirectional(k.LSTM(3, return_sequences=True))(x),
    "Bidirectional-last": lambda k, x: k.Bidirectional(k.GRU(3))(x),
    "TimeDistributed": lambda k, x: k.TimeDistributed(k.Dense(3))(x),
    "Attention": lambda k, x: k.Attention()([x, k.Dense(FEATURES)(x)]),
    "AdditiveAttention": lambda k, x: k.AdditiveAttention()([x, x]),
    "MultiHeadAttention": lambda k, x: k.MultiHeadAttention(2, 3)(x, x),
    "MultiHeadAttention-causal": lambda k, x: k.MultiHeadAttention(2, 3)(
        x, x, use_causal_mask=True
    ),
    "GroupQueryAttention": lambda k, x: k.GroupQueryAttention(3, 4, 2)(x, x),
}  # fmt: skip


# Where the mask is used or made anew, numbers are compared too; elsewhere it is passed on or ends.
COMPUTED = [
    "Dense", "Lambda", "Masking", "BatchNormalization", "GlobalAveragePooling1D",
    "Add-partly", "Maximum", "Concatenate", "Concatenate-time", "Concatenate-partly", "LSTM",
    "LSTM-last", "LSTM-states", "GRU", "RNN", "Bidirectional", "Bidirectional-last",
    "TimeDistributed", "Attention", "AdditiveAttention", "MultiHeadAttention",
    "GroupQueryAttention",
]  # fmt: skip


def model_of(library, row):
    k = library.layers
    ids = k.Input((TIME,), dtype="int32")
    return library.Model(ids, ROWS[row](k, k.Embedding(5, FEATURES, mask_zero=True)(ids)))


@pytest.mark.parametrize("row", ROWS)
def test_a_mask_goes_as_far_as_in_keras(row):
    with quiet():
        theirs, ours = model_of(keras, row).output, model_of(cornu, row).output
    expected, found = getattr(theirs, "_keras_mask", None), mask_of(ours)
    assert (found is None) == (expected is None), f"Keras: {expected}, ours: {found}"
    assert expected is None or (found.shape, found.dtype) == (expected.shape, expected.dtype)


@pytest.mark.parametrize("row", COMPUTED)
def test_masks_and_losses_are_those_of_keras(row):
    random = np.random.default_rng(0)
    with quiet():
        theirs, ours = model_of(keras, row), model_of(cornu, row)
        give_weights(theirs, ours)
        a, b = theirs(IDS), ours(IDS)
    expected, found = getattr(a, "_keras_mask", None), mask_of(b)
    assert (found is None) == (expected is None), f"Keras: {expected}, ours: {found}"
    assert expected is None or np.array_equal(found, expected)
    np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)
    target = random.normal(size=a.shape).astype("float32")
    for kind, name in (("losses", "MeanSquaredError"), ("metrics", "MeanAbsoluteError")):
        expected, found = (
            getattr(getattr(library, kind), name)()(target, y)
            for library, y in ((keras, a), (cornu, b))
        )
        assert float(found) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("row", ["LSTM", "LSTM-last", "Concatenate-time"])
def test_a_compiled_model_weighs_its_loss_alike(row):
    results = []
    for library in (keras, cornu):
        with quiet():
            model = model_of(library, row)
            random = np.random.default_rng(0)
            model.set_weights([random.normal(size=w.shape) for w in model.weights])
            model.compile("sgd", loss="mse", metrics=["mae"], weighted_metrics=["mse"])
            target = random.normal(size=(3, *model.output_shape[1:]))
            weights = np.ones(target.shape[:-1]) + np.arange(3).reshape(
                -1, *[1] * (target.ndim - 2)
            )
            results.append(model.test_on_batch(IDS, target, weights, return_dict=True))
    theirs, ours = ({k: float(v) for k, v in result.items()} for result in results)
    assert ours == pytest.approx(theirs, rel=1e-4)


def test_a_mask_crosses_two_calls_inside_jit():
    embed, lstm = cornu.layers.Embedding(5, 4, mask_zero=True), cornu.layers.LSTM(3)
    expected = lstm(embed(IDS))
    found = jax.jit(lambda ids: lstm(embed(ids)))(IDS)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    blind = jax.jit(lambda ids: lstm(embed(ids) + 0))(IDS)  # a computation drops the mask
    assert not np.allclose(blind[0], expected[0])

    with jax.checking_leaks():
        state = [v.value for v in lstm.non_trainable_variables]
        gradient = jax.grad(lambda w: lstm.stateless_call(w, state, embed(IDS))[0].sum())
        assert all(np.isfinite(g).all() for g in gradient([v.value for v in lstm.weights]))
