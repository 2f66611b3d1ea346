"""A loaded model goes on training exactly where the saved one stopped."""

import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from cornu import layers
from cornu.models import Sequential, load_model
from cornu.random.seed import set_random_seed

SCRIPT = """
import sys
import numpy as np
from cornu import layers
from cornu.models import Sequential, load_model
from cornu.random.seed import set_random_seed

rng = np.random.default_rng(0)
x, y = rng.normal(size=(48, 4)).astype("f"), rng.integers(0, 3, 48)


def made():
    set_random_seed(3)
    model = Sequential([layers.Input((4,)), layers.Dense(8, "relu"), layers.Dropout(0.5),
                        layers.BatchNormalization(), layers.Dense(3, "softmax")], name="net")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


what, path = sys.argv[1:]
if what == "whole":
    model = made()
    model.fit(x, y, epochs=4, batch_size=8, verbose=0)
    model.save_weights(path)
elif what == "first":
    model = made()
    model.fit(x, y, epochs=2, batch_size=8, verbose=0)
    model.save(path)
else:
    model = load_model(path)
    assert len(model.history.history["loss"]) == 2 and model.history.epoch == [0, 1]
    model.fit(x, y, initial_epoch=2, epochs=4, batch_size=8, verbose=0)
    model.save_weights(path.replace(".keras", ".weights.h5"))
"""


def run(what, path):
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", SCRIPT, what, str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_two_epochs_saved_and_loaded_and_two_more_are_four(tmp_path):
    run("whole", tmp_path / "whole.weights.h5")
    run("first", tmp_path / "m.keras")
    run("then", tmp_path / "m.keras")
    whole, parts = tmp_path / "whole.weights.h5", tmp_path / "m.weights.h5"
    # Weights, statistics, optimizer: bit by bit.
    assert whole.read_bytes() == parts.read_bytes()


def trained():
    set_random_seed(1)
    model = Sequential([layers.Input((4,)), layers.Dropout(0.5), layers.Dense(2)], name="m")
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = np.ones((8, 4), "f"), np.ones((8, 2), "f")
    model.fit(x, y, epochs=2, batch_size=4, verbose=0)
    return model


def test_what_a_file_says_of_training(tmp_path):
    model = trained()
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        values = json.loads(archive.read("cornu.training.json"))
    assert values["epochs"] == 2 and values["epoch"] == [0, 1]
    assert values["history"] == model.history.history
    copy = load_model(tmp_path / "m.keras")
    assert copy._record == model._record and copy.history.history == model.history.history


def test_metrics_go_on_where_they_stopped(tmp_path):
    model = trained()
    model.save(tmp_path / "m.keras")
    copy = load_model(tmp_path / "m.keras")
    copy.save(tmp_path / "n.keras")  # nothing is lost before the metrics of compile are made
    assert (tmp_path / "m.keras").read_bytes() == (tmp_path / "n.keras").read_bytes()
    x, y = np.ones((4, 4), "f"), np.zeros((4, 2), "f")
    first, second = (m.compute_metrics(x, y, y + 1) for m in (model, copy))
    assert {k: float(v) for k, v in first.items()} == {k: float(v) for k, v in second.items()}
    assert float(first["mae"]) != 1  # not of this batch alone


def test_saving_leaves_the_model_as_it_is(tmp_path):
    model = trained()
    before = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
    kept = dict(vars(model))
    model.save(tmp_path / "m.keras")
    model.save(tmp_path / "m.h5")
    model.save_weights(tmp_path / "m.safetensors")
    after = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)
    assert vars(model) == kept


def test_a_fit_from_the_start_draws_a_new_order(tmp_path):
    model = trained()
    first = model._record
    x, y = np.ones((8, 4), "f"), np.ones((8, 2), "f")
    model.fit(x, y, epochs=1, batch_size=4, verbose=0)
    assert model._record.seed != first.seed
    seed = model._record.seed
    model.fit(x, y, initial_epoch=1, epochs=2, batch_size=4, verbose=0)
    assert model._record[:2] == (2, seed)


def with_training(path, text):
    with zipfile.ZipFile(path) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    members["cornu.training.json"] = text
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    "text", ["[]", '{"epochs": -1}', '{"epochs": 1, "seed": "x", "epoch": [], "history": {}}',
             '{"epochs": 1, "seed": 1, "epoch": [], "history": {"loss": 3}}']
)  # fmt: skip
def test_a_text_of_another_form_is_refused(tmp_path, text):
    trained().save(tmp_path / "m.keras")
    with_training(tmp_path / "m.keras", text)
    with pytest.raises(ValueError, match="is not a valid training state"):
        load_model(tmp_path / "m.keras")
