"""`Pipeline`: layers one after the other, dicts and weights included, and its files."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
import pytest

import cornu
from cornu import layers


def made(k):
    return k.layers.Pipeline(
        [k.layers.RandomInvert((1, 1), seed=1), k.layers.Dense(2), k.layers.AutoContrast()],
        name="steps",
    )


def test_layers_run_in_order_and_in_the_mode_of_the_call():
    steps = layers.Pipeline([layers.RandomInvert((1, 1)), layers.RandomBrightness((0.1, 0.1))])
    x = np.full((2, 3, 3, 3), 100, "uint8")
    np.testing.assert_allclose(steps(x, training=True), 180.5)
    np.testing.assert_allclose(steps(x, training=False), 100)
    data = steps({"images": x, "labels": np.arange(2)}, training=True)
    np.testing.assert_allclose(data["images"], 180.5)
    assert data["labels"].tolist() == [0, 1]
    model = cornu.Sequential([cornu.Input((3, 3, 3)), steps, layers.Flatten()])
    assert model.predict(x, verbose=0).shape == (2, 27) and steps.layers[0].built
    with pytest.raises(TypeError, match="list of layers"):
        layers.Pipeline(layers.AutoContrast())


def test_masks_go_from_layer_to_layer():
    steps = layers.Pipeline([layers.Masking(), layers.LSTM(2)])
    x = np.random.default_rng(0).normal(size=(1, 4, 3)).astype("float32")
    padded = np.concatenate([x, np.zeros((1, 2, 3), "float32")], axis=1)
    np.testing.assert_allclose(steps(padded), steps(x), rtol=1e-5)


def test_files_go_both_ways(tmp_path):
    x = np.random.default_rng(0).uniform(0, 255, (2, 4, 4, 3)).astype("float32")
    theirs = keras.Sequential([keras.Input((4, 4, 3)), made(keras)])
    ours = cornu.Sequential([cornu.Input((4, 4, 3)), made(cornu)])
    assert ours.layers[0].get_config().keys() == theirs.layers[0].get_config().keys()
    theirs.save(tmp_path / "theirs.keras")
    ours.save(tmp_path / "ours.keras")
    for file, load, expected in (
        ("theirs", cornu.saving.load_model, theirs),
        ("ours", keras.saving.load_model, ours),
    ):
        found = load(tmp_path / f"{file}.keras")
        for a, b in zip(found.weights, expected.weights, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=b.path)
        y = expected.predict(x, verbose=0)
        np.testing.assert_allclose(found.predict(x, verbose=0), y, rtol=1e-4, atol=1e-3)


def test_a_config_without_layers():
    with pytest.raises(ValueError, match="list of layers, got None"):
        layers.Pipeline.from_config({"name": "pipeline"})
