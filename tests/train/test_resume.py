"""A training that is killed at any moment comes to the result of one that is not, bit by bit."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cornu as keras
from train.killed import KINDS, train
from train.models import blobs, classifier, slow

SCRIPT = Path(__file__).with_name("killed.py")


def start(folder, seconds):
    """Run the script in a process of its own; None if it was killed, else what it printed."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(
            [str(SCRIPT.parent.parent), os.environ.get("PYTHONPATH", "")]
        ),
    }
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), str(seconds)],
        env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    if ended.returncode == -9:
        return None
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def kill_and_compare(folder, kills, expected, chance):
    """Let runs be killed at random moments; how many were, and the last of them compared."""
    killed = runs = 0
    while killed < kills:
        runs += 1
        place = folder / str(runs)
        results = None
        while results is None:
            seconds = chance.uniform(0.0, 0.3) if killed < kills else 0
            results = start(place, seconds)
            killed += results is None
        assert results == expected
    return killed, runs


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return [json.loads(json.dumps(train(k, tmp_path_factory.mktemp("whole")))) for k in KINDS]


def test_6_kills_leave_no_trace(expected, tmp_path):
    killed, _ = kill_and_compare(tmp_path, 6, expected, random.Random(1))
    assert killed == 6


@slow
def test_50_kills_leave_no_trace(expected, tmp_path):
    killed, _ = kill_and_compare(tmp_path, 50, expected, random.Random(2))
    assert killed >= 50


class PowerCutError(Exception):
    pass


class PowerCut(keras.callbacks.Callback):
    listens_to_batches = False

    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) >= self.steps:
            raise PowerCutError


def interrupted(folder, steps, fit):
    """The same training, cut at some steps of the optimizer, and then not."""
    for cut in steps:
        with pytest.raises(PowerCutError):
            fit(folder, [PowerCut(cut)])
    return fit(folder, [])


def test_the_clock_decides_when_nothing_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("cornu.callbacks.backup.SECONDS", 0.0)
    monkeypatch.setattr("cornu.callbacks.backup.TIMES", 0.0)

    def fit(folder, callbacks):
        x, y = blobs()
        model = classifier()
        history = model.fit(
            x, y, batch_size=8, epochs=3, verbose=0, callbacks=callbacks, resume=folder
        )
        return model.get_weights(), history.history, history.epoch

    whole, history, epochs = fit(tmp_path / "a", [])
    resumed, found, numbers = interrupted(tmp_path / "b", [4, 17, 30], fit)
    assert found == history
    assert numbers == epochs == [0, 1, 2]
    for a, b in zip(resumed, whole, strict=True):
        np.testing.assert_array_equal(a, b)
    assert os.listdir(tmp_path / "b") == ["latest.h5"]


def test_no_seed_need_be_set(tmp_path):
    """The first backup is written before the first step: weights, seeds and the order of rows."""

    def fit(folder, seed, callbacks=()):
        keras.utils.set_random_seed(seed)
        model = keras.Sequential([keras.layers.Dense(2), keras.layers.Dropout(0.5)])
        model.compile("sgd", "mse")
        x, _ = blobs()
        backup = keras.callbacks.Resume(folder, every=1)
        model.fit(x, x[:, :2], epochs=2, verbose=0, callbacks=callbacks, resume=backup)
        return model.get_weights()[0], random.random()

    with pytest.raises(PowerCutError):
        fit(tmp_path / "a", 1, [PowerCut(2)])
    weights, drawn = fit(tmp_path / "a", 2)  # another seed: other weights, until the backup is read
    whole, expected = fit(tmp_path / "b", 1)
    np.testing.assert_array_equal(weights, whole)
    assert drawn == expected


def test_a_finished_run_gives_its_result_at_once(tmp_path):
    def fit():
        x, y = blobs()
        model = classifier()
        stop = keras.callbacks.EarlyStopping("loss", min_delta=9, restore_best_weights=True)
        history = model.fit(x, y, epochs=9, verbose=0, callbacks=[stop], resume=tmp_path)
        return model, history, stop

    model, history, stop = fit()
    again, found, found_stop = fit()
    assert int(again.optimizer.iterations) == int(model.optimizer.iterations) == 6
    assert found.history == history.history
    assert found_stop.stopped_epoch == stop.stopped_epoch == 1
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_more_epochs_go_on_from_a_finished_run(tmp_path):
    def fit(folder, epochs):
        x, y = blobs()
        model = classifier()
        return model.fit(x, y, epochs=epochs, verbose=0, resume=folder).history, model

    fit(tmp_path / "a", 2)
    (more, longer), (whole, expected) = fit(tmp_path / "a", 4), fit(tmp_path / "b", 4)
    assert more == whole
    for a, b in zip(longer.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_generator_is_read_again_up_to_its_place(tmp_path):
    def fit(folder, callbacks):
        def batches():
            while True:
                rows = np.random.randint(0, 96, 8)
                yield x[rows], y[rows]

        x, y = blobs()
        keras.utils.set_random_seed(4)
        model = classifier()
        model.fit(
            batches(), steps_per_epoch=5, epochs=3, verbose=0, callbacks=callbacks,
            validation_data=batches(), validation_steps=2,
            resume=keras.callbacks.Resume(folder, every=2),
        )  # fmt: skip
        return model.get_weights()

    whole = fit(tmp_path / "a", [])
    resumed = interrupted(tmp_path / "b", [3, 7, 12], fit)
    for a, b in zip(resumed, whole, strict=True):
        np.testing.assert_array_equal(a, b)


def test_two_ways_to_go_on_are_refused(tmp_path):
    x, y = blobs()
    backup = keras.callbacks.BackupAndRestore(tmp_path)
    with pytest.raises(ValueError, match="Both resume and a BackupAndRestore"):
        classifier().fit(x, y, callbacks=[backup], resume=tmp_path)
