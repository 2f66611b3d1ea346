"""What loads a model as the first thing that a program does."""

import json
import subprocess
import sys

import numpy as np
import pytest

import cornu as keras
from cornu import layers


@pytest.mark.parametrize(
    "load",
    [
        "keras.saving.load_model(path)",
        "keras.models.load_model(path)",
        "keras.saving.deserialize_keras_object(json.load(open(config)))",
    ],
)
def test_a_program_that_only_loads(load, tmp_path):
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    x = keras.Input((3,))
    model = keras.Model(x, inner(layers.Rescaling(0.5)(x)))
    path, config = tmp_path / "m.keras", tmp_path / "m.json"
    model.save(path)
    config.write_text(json.dumps(keras.saving.serialize_keras_object(model)))
    program = (
        "import json, sys, numpy as np, cornu as keras\n"
        "_, path, config = sys.argv\n"
        f"print(float(np.sum({load}(np.ones((1, 3))))))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program, path, config], capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    if "load_model" in load:
        assert np.isclose(float(found.stdout), np.sum(model(np.ones((1, 3)))))
