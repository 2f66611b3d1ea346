import os

import numpy as np
import pytest

import cornu as keras
from callbacks.small import fit, regression
from cornu.archive.hdf5.writing import Writer
from cornu.archive.stores import H5Writer
from cornu.callbacks import BackupAndRestore, Callback, EarlyStopping, ReduceLROnPlateau, Resume


class KilledError(Exception):
    pass


class Kill(Callback):
    """Ends the training after so many steps of the optimizer, as a power cut would."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) >= self.after:
            raise KilledError


def train(folder, save_freq="epoch", kill=None, **options):
    """The same script each time: dropout, shuffling, Adam, and callbacks that remember."""
    model = regression("adam", dropout=0.3)
    callbacks = [
        BackupAndRestore(folder, save_freq=save_freq, **options),
        ReduceLROnPlateau(patience=1, min_delta=0.5, factor=0.5),
        EarlyStopping(patience=4, min_delta=0.01, restore_best_weights=True),
    ]
    if kill:
        callbacks.append(Kill(kill))
    history = fit(
        model, *callbacks, epochs=5, batch_size=7, shuffle=True, validation_split=0.2
    )  # 5 steps an epoch
    return model, history


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return train(tmp_path_factory.mktemp("whole") / "backup")


@pytest.mark.parametrize(
    "save_freq, kill, first_epoch",
    [("epoch", 3, 0), ("epoch", 6, 1), ("epoch", 23, 4), (3, 8, 1), (5, 12, 1), (1, 21, 3)],
)
def test_a_killed_training_goes_on_bit_by_bit(
    uninterrupted, tmp_path, save_freq, kill, first_epoch
):
    folder = tmp_path / "backup"
    with pytest.raises(KilledError):
        train(folder, save_freq, kill)
    resumed, history = train(folder, save_freq)
    whole, whole_history = uninterrupted
    assert history.epoch[0] == first_epoch
    for name, values in whole_history.history.items():
        assert history.history[name] == values[first_epoch:], name
    for a, b in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not folder.exists()


def test_the_backup_stays_if_it_is_to(tmp_path):
    train(tmp_path / "b", delete_checkpoint=False)
    assert os.listdir(tmp_path / "b") == ["latest.h5"]
    _, history = train(tmp_path / "b", delete_checkpoint=False)
    assert history.epoch == []


def test_other_files_of_the_directory_stay(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    train(tmp_path)
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_a_backup_that_fails_half_way_leaves_the_one_before(tmp_path, monkeypatch):
    with pytest.raises(KilledError):
        train(tmp_path, 2, kill=4)
    before = (tmp_path / "latest.h5").read_bytes()
    write = H5Writer.write

    def broken(self, path, *args):
        if path == "optimizer":
            raise OSError("the disk is full")
        write(self, path, *args)

    monkeypatch.setattr(H5Writer, "write", broken)
    with pytest.raises(OSError, match="full"):
        train(tmp_path, 2)
    assert (tmp_path / "latest.h5").read_bytes() == before
    assert os.listdir(tmp_path) == ["latest.h5"]


def test_a_damaged_backup_gives_way_to_the_one_before(tmp_path, uninterrupted):
    with pytest.raises(KilledError):
        train(tmp_path, kill=13, double_checkpoint=True)
    assert sorted(os.listdir(tmp_path)) == ["latest.h5", "previous.h5"]
    latest = tmp_path / "latest.h5"
    latest.write_bytes(latest.read_bytes()[:1000])
    with pytest.warns(UserWarning, match="the backup before it"):
        model, history = train(tmp_path, double_checkpoint=True)
    assert history.epoch[0] == 1
    for a, b in zip(model.get_weights(), uninterrupted[0].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_backup_of_another_model_is_refused_and_changes_nothing(tmp_path):
    with pytest.raises(KilledError):
        train(tmp_path, kill=6)
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    other.compile("adam", "mse", metrics=["mae"])
    before = other.get_weights()
    with pytest.raises(ValueError, match="or start anew: os.remove"):
        fit(other, BackupAndRestore(tmp_path))
    for a, b in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_finished_training_is_not_continued(tmp_path):
    model = regression()
    backup = BackupAndRestore(tmp_path / "b")
    assert fit(model, backup).epoch == [0, 1, 2]
    assert fit(model, backup).epoch == [0, 1, 2]


def test_only_a_frequency_of_batches_asks_for_single_batches():
    assert not BackupAndRestore("b").listens_to_batches
    assert BackupAndRestore("b", save_freq=10).listens_to_batches


@pytest.mark.parametrize("arguments", [{"backup_dir": ""}, {"backup_dir": "b", "save_freq": "x"}])
def test_arguments_are_checked_at_once(arguments):
    with pytest.raises(ValueError, match="backup_dir|save_freq"):
        BackupAndRestore(**arguments)


class Cut(BaseException):
    """The process ends here; nothing that follows runs, not even what cleans up."""


def cut_at(monkeypatch, number):
    """Let the given system call on files, counted from 0, be the last one that is tried."""
    calls = []
    names = [(os, n) for n in ("open", "close", "write", "fsync", "replace", "rename", "unlink",
                               "link", "chmod", "mkdir", "truncate", "umask")]  # fmt: skip
    names += [(Writer, "dataset"), (Writer, "attribute"), (Writer, "close")]

    def counting(before):
        def call(*args, **kwargs):
            calls.append(before)
            if len(calls) > number:
                raise Cut
            return before(*args, **kwargs)

        return call

    for owner, name in names:
        monkeypatch.setattr(owner, name, counting(getattr(owner, name)))
    return calls


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_backup_that_is_cut_at_any_system_call_leaves_a_good_one(tmp_path, monkeypatch):
    model = regression("adam")
    fit(model, epochs=1)
    resume = Resume(tmp_path, every=1)
    resume.set_model(model)
    resume.set_params({"epochs": 2})
    resume._siblings = [resume]
    resume._save(1, 0)
    kinds = ("trainable", "non_trainable", "optimizer")
    finished = False
    number = 0
    while not finished:
        weights = [np.full(w.shape, number, "float32") for w in model.get_weights()]
        model.set_weights(weights)
        with monkeypatch.context() as patched:
            cut_at(patched, number)
            try:
                resume._save(2 + number, 0)
                finished = True
            except Cut:
                pass
        backup = resume._read(tmp_path / "latest.h5")
        # Either the one before, or this one: whole, and of one piece.
        assert backup.epoch in (1 + number, 2 + number)
        assert [kind in backup.variables for kind in kinds] == [True] * 3
        if number:
            assert all((v == backup.epoch - 2).all() for v in backup.variables["trainable"])
        # The next round begins with this state on the disk, and its backup as the one before. What
        # the process held would be free now, and removed; this one lives, and holds it still.
        for left in tmp_path.glob("*.cornu-tmp"):
            left.unlink()
        resume._save(2 + number, 0)
        number += 1
    assert number > 15


def test_an_epoch_that_ends_within_a_group_of_steps_goes_on_at_its_end(tmp_path):
    class Dies(Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    def trained(*callbacks):
        model = regression(steps_per_execution=3)  # steps 0 to 2, and 3 alone
        fit(model, *callbacks, epochs=2)
        return model.get_weights()

    backup = {"backup_dir": tmp_path / "backup", "save_freq": 1}
    with pytest.raises(KeyboardInterrupt):
        trained(Dies(), BackupAndRestore(**backup))
    for found, expected in zip(trained(BackupAndRestore(**backup)), trained(), strict=True):
        np.testing.assert_array_equal(found, expected)
