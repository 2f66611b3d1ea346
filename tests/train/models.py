"""Small models and data for the tests of training."""

import os

import numpy as np
import pytest

import cornu as keras

# What takes minutes is run by name, with CORNU_SLOW=1.
slow = pytest.mark.skipif("CORNU_SLOW" not in os.environ, reason="slow: set CORNU_SLOW=1")


def blobs(samples=96, features=4, classes=3, seed=0):
    """Points around one centre for each class; learnable in a few steps."""
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, samples)
    centres = random.normal(size=(classes, features)) * 2
    x = centres[y] + random.normal(size=(samples, features)) * 0.5
    return x.astype("float32"), y


def classifier(features=4, classes=3, units=8, **compile_options):
    """A small network with fixed initial weights."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((features,)),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )
    options = {
        "optimizer": "adam",
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
    }
    model.compile(**{**options, **compile_options})
    return model
