"""The same seed gives the same bits: twice in one process, and in two processes."""

import hashlib
import os
import subprocess
import sys

import numpy as np

import cornu as keras

SCRIPT = """
from test_reproducibility import fingerprint
print(fingerprint())
"""


def fingerprint():
    """A hash of the weights after a training with shuffling and dropout."""
    keras.utils.set_random_seed(11)
    x = np.random.normal(size=(70, 6)).astype("float32")
    y = np.random.randint(0, 3, 70)
    model = keras.Sequential(
        [
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dropout(0.3),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=3, batch_size=16, verbose=0)
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(weight.tobytes())
    return digest.hexdigest()


def test_twice_in_one_process():
    assert fingerprint() == fingerprint()


def test_in_two_processes():
    here = os.path.dirname(__file__)
    environment = {**os.environ, "PYTHONPATH": here, "JAX_PLATFORMS": "cpu"}
    other = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == fingerprint()


def test_another_seed_gives_something_else():
    def draw(seed):
        keras.utils.set_random_seed(seed)
        return keras.layers.Dense(4)(np.ones((1, 3), "f"))

    assert not np.array_equal(draw(1), draw(2))
