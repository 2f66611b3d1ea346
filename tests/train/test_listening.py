"""Which callbacks make steps run one by one: those that listen to batches, and no others."""

import pytest

import cornu as keras
from cornu.callbacks.callback_list import CallbackList
from cornu.train.listening import asks_for_positions, with_resume
from cornu.train.prepare import open_source, prepare
from cornu.train.strategy import Chunked, PerStep, strategy_for
from train.models import blobs, classifier

c = keras.callbacks

CASES = [
    # callback, what runs
    (lambda: c.Callback(), Chunked),
    (lambda: c.History(), Chunked),
    (lambda: c.ProgbarLogger(), Chunked),
    (lambda: c.EarlyStopping("loss"), Chunked),
    (lambda: c.ReduceLROnPlateau("loss"), Chunked),
    (lambda: c.LearningRateScheduler(lambda epoch: 0.1), Chunked),
    (lambda: c.TerminateOnNaN(), Chunked),
    (lambda: c.CSVLogger("log.csv"), Chunked),
    (lambda: c.RemoteMonitor(), Chunked),
    (lambda: c.SwapEMAWeights(), Chunked),
    (lambda: c.MonitorCallback("loss"), Chunked),
    (lambda: c.Resume("run"), Chunked),
    (lambda: c.Resume("run", every=10), Chunked),
    (lambda: c.BackupAndRestore("backup"), Chunked),
    (lambda: c.BackupAndRestore("backup", save_freq=10), PerStep),
    (lambda: c.ModelCheckpoint("best.keras"), Chunked),
    (lambda: c.ModelCheckpoint("best.keras", save_freq=10), PerStep),
    (lambda: c.TensorBoard("logs"), Chunked),
    (lambda: c.LambdaCallback(on_epoch_end=lambda epoch, logs: None), Chunked),
    (lambda: c.LambdaCallback(on_train_batch_end=lambda batch, logs: None), PerStep),
]


@pytest.fixture(scope="module")
def prepared():
    """A model that has been built and compiled, and its data as a source."""
    x, y = blobs(64)
    model = classifier()
    source, example = open_source(model, x, y, batch_size=16)
    prepare(model, example, "train")
    return model, source


@pytest.mark.parametrize("make, expected", CASES)
def test_the_strategy_that_a_callback_leads_to(prepared, make, expected):
    model, source = prepared
    listeners = CallbackList([make()], add_history=True, add_progbar=True, model=model)
    slots = model._state_slots("train")
    assert type(strategy_for(model, "train", slots, source, listeners)) is expected


def test_all_callbacks_are_in_the_table():
    def classes(make):
        return type(make()).__name__

    named = {name for name in dir(c) if name[0].isupper()}
    left_out = {"CallbackList", "OrbaxCheckpoint"}  # no callback itself; needs another package
    assert {classes(make) for make, _ in CASES} == named - left_out


def test_one_that_listens_is_enough(prepared):
    model, _ = prepared
    quiet, loud = c.TerminateOnNaN(), c.LambdaCallback(on_train_batch_begin=lambda batch, logs: 0)
    assert not CallbackList([quiet], model=model).wants_every_batch("train")
    assert CallbackList([quiet, loud], model=model).wants_every_batch("train")
    assert not CallbackList([quiet, loud], model=model).wants_every_batch("test")


def test_a_directory_becomes_the_last_callback(tmp_path):
    history = c.History()
    made = with_resume([history, None], tmp_path)
    assert made[0] is history
    assert isinstance(made[1], c.Resume)
    assert asks_for_positions(made)
    assert not asks_for_positions([history])
    assert with_resume(None, None) is None
