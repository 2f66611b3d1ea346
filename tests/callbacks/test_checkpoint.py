import os
from pathlib import Path

import numpy as np
import pytest

import cornu as keras
from callbacks.small import data, fit, regression
from cornu.callbacks import ModelCheckpoint
from cornu.callbacks.checkpoint import BatchCounter


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def names(folder="."):
    return sorted(os.listdir(folder))


class Scripted:
    """A model that writes its name for a file."""

    metrics = ()
    stop_training = False

    def __init__(self):
        self.saved = []

    def save(self, path, overwrite):
        self.saved.append(path)


def drive(checkpoint, values, name="loss"):
    checkpoint.set_model(Scripted())
    checkpoint.on_train_begin()
    for epoch, value in enumerate(values):
        checkpoint.on_epoch_end(epoch, {name: value})
    return checkpoint.model.saved


def test_a_model_is_saved_after_each_epoch_under_its_name():
    fit(regression(), ModelCheckpoint("models/e{epoch:02d}-{val_loss:.1f}.keras"),
        validation_data=data(), epochs=2)  # fmt: skip
    assert [n[:4] for n in names("models")] == ["e01-", "e02-"]


def test_what_is_saved_is_the_model_of_that_moment():
    model = regression()
    fit(
        model,
        ModelCheckpoint("last.keras"),
        ModelCheckpoint("w.weights.h5", save_weights_only=True),
    )
    loaded = keras.saving.load_model("last.keras")
    again = regression()
    again.load_weights("w.weights.h5")
    for a, b, c in zip(model.get_weights(), loaded.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_only_better_models_are_saved():
    checkpoint = ModelCheckpoint("{epoch}.keras", monitor="loss", save_best_only=True)
    assert drive(checkpoint, [0.9, 0.5, 0.7, 0.4]) == ["1.keras", "2.keras", "4.keras"]


def test_the_best_is_remembered_over_trainings():
    checkpoint = ModelCheckpoint("{epoch}.keras", monitor="loss", save_best_only=True)
    drive(checkpoint, [0.5])
    assert drive(checkpoint, [0.9, 0.4]) == ["2.keras"]


def test_the_first_best_must_be_better_than_the_threshold():
    checkpoint = ModelCheckpoint(
        "{epoch}.keras", monitor="loss", save_best_only=True, initial_value_threshold=0.5
    )
    assert drive(checkpoint, [0.6, 0.4]) == ["2.keras"]


def test_verbose_says_what_and_why(capsys):
    checkpoint = ModelCheckpoint("{epoch}.keras", monitor="loss", save_best_only=True, verbose=1)
    drive(checkpoint, [0.9, 0.5, 0.7])
    said = capsys.readouterr().out
    assert "Epoch 2: loss has become better from 0.9: 0.5, saved to 2.keras." in said
    assert "Epoch 3: loss is 0.7, not better than 0.5." in said


def test_every_third_batch_counted_across_epochs():
    checkpoint = ModelCheckpoint("e{epoch}-{batch}.weights.h5", save_weights_only=True, save_freq=3)
    assert checkpoint.listens_to_batches
    fit(regression(), checkpoint)  # 3 epochs of 4 batches
    assert names() == [
        "e1-3.weights.h5",
        "e2-2.weights.h5",
        "e3-1.weights.h5",
        "e3-4.weights.h5",
    ]


def test_once_an_epoch_needs_no_single_batches():
    assert not ModelCheckpoint("a.keras").listens_to_batches


def test_a_counter_copes_with_several_batches_at_once():
    counter = BatchCounter(4)
    assert [counter.is_due(b) for b in (2, 5, 1, 3)] == [False, True, False, True]


def test_a_save_that_fails_leaves_the_old_file(monkeypatch):
    model = regression()
    fit(model, ModelCheckpoint("a.keras"), epochs=1)
    before = Path("a.keras").read_bytes()

    def broken(*args, **kwargs):
        raise OSError("the disk is full")

    monkeypatch.setattr(type(model.layers[0]), "save_own_variables", broken)
    with pytest.raises(OSError, match="full"):
        fit(model, ModelCheckpoint("a.keras"), epochs=1)
    assert Path("a.keras").read_bytes() == before
    assert names() == ["a.keras"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"filepath": "model"},
        {"filepath": "a.keras", "save_weights_only": True},
        {"filepath": "a.weights.h5"},
        {"filepath": "a.keras", "save_freq": "batch"},
        {"filepath": "a.keras", "save_freq": 0},
    ],
)
def test_arguments_are_checked_at_once(arguments):
    with pytest.raises(ValueError, match=r"\.keras|\.weights\.h5|save_freq"):
        ModelCheckpoint(**arguments)


def test_a_field_that_is_no_result_is_named():
    with pytest.raises(KeyError, match="val_los"):
        drive(ModelCheckpoint("{epoch}-{val_los}.keras"), [0.5])


def test_watching_validation_without_validation_data_is_an_error():
    with pytest.raises(ValueError, match="ModelCheckpoint watches 'val_loss'"):
        fit(regression(), ModelCheckpoint("a.keras", save_best_only=True))
