"""What a model says of the file that it was loaded from."""

import json
import zipfile

import numpy as np
import pytest

from cornu import layers
from cornu.models import Sequential, load_model
from cornu.storage.load_report import writer


def small(units=3):
    return Sequential(
        [layers.Input((4,)), layers.Dense(units, name="h1"), layers.Dense(2, name="out")],
        name="small",
    )


def changed(path, change):
    """The archive with another config."""
    with zipfile.ZipFile(path) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_who_wrote_the_file():
    assert writer({"keras_version": "3.6.0"}) == "Keras 3.6.0"
    assert writer({"keras_version": "3.15.1", "cornu_version": "0.1.0"}) == "Cornu 0.1.0"
    assert writer(None) is None and writer({"keras_version": 3}) is None


def test_a_model_that_nobody_loaded_has_none():
    assert small().load_report is None


def test_a_file_that_fits(tmp_path):
    model = small()
    model.compile("adam", "mse")
    model.train_on_batch(np.ones((2, 4), "f"), np.ones((2, 2), "f"))
    model.save(tmp_path / "m.keras")
    report = load_model(tmp_path / "m.keras").load_report
    assert report.complete and report.optimizer == "restored"
    assert report.written_by.startswith("Cornu ") and not report.migrated and not report.lost
    assert "objects match" in str(report) and "optimizer:  restored" in str(report)
    other = small()
    other.load_weights(tmp_path / "m.keras")
    assert other.load_report.written_by.startswith("Cornu ")
    assert other.load_report.optimizer is None


def test_settings_of_a_later_version_are_named(tmp_path):
    small().save(tmp_path / "m.keras")
    changed(
        tmp_path / "m.keras",
        lambda config: config["config"]["layers"][1]["config"].update(sparkle=7, dull=None),
    )
    with pytest.warns(UserWarning, match=r"unknown to this version.*Dense\.sparkle = 7"):
        model = load_model(tmp_path / "m.keras")
    assert model.load_report.lost == ("Dense.sparkle = 7",)
    assert "left out:   Dense.sparkle = 7" in str(model.load_report)


def test_what_was_skipped_is_listed_with_both_shapes(tmp_path):
    small(3).save_weights(tmp_path / "m.weights.h5")
    other = small(5)
    with pytest.warns(UserWarning, match="Not everything"):
        other.load_weights(tmp_path / "m.weights.h5", skip_mismatch=True)
    weights = other.load_report.weights
    assert not other.load_report.complete and len(weights.mismatched) == 2
    first = weights.mismatched[0]
    assert first.path == "h1 (layers/dense)" and "outputs" in first.cause
    assert first.expected[0][0] == (4, 5) and first.found[0][0] == (4, 3)
    text = str(other.load_report)
    assert "(4, 5) float32" in text and "(4, 3) float32" in text and "cause:" in text
