"""A disk that is full for a while costs no training: logs, checkpoints and backups come later."""

import errno
import os
import signal
import sys

import numpy as np
import pytest

import cornu as keras
from callbacks.small import fit, regression
from cornu.callbacks import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    ModelCheckpoint,
    Resume,
    TensorBoard,
)
from cornu.callbacks.full_disk import goes_on

if sys.platform == "win32":
    pytest.skip("there are no such limits on this system", allow_module_level=True)


class Full(Callback):
    """No file can be written to in some epochs."""

    listens_to_batches = False

    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_begin(self, epoch, logs=None):
        import resource

        most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        limit = 1 if epoch in self.epochs else most
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))

    def on_train_end(self, logs=None):
        self.on_epoch_begin(-1)


@pytest.fixture(autouse=True)
def signals():
    import resource

    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, before)


def train(folder, full=(), **options):
    model = regression("adam")
    callbacks = [
        Full(full),
        CSVLogger(folder / "log.csv"),
        TensorBoard(folder / "logs"),
        ModelCheckpoint(folder / "best.keras", "loss", save_best_only=True),
    ]
    resume = Resume(folder / "run", every=1)
    history = fit(model, *callbacks, epochs=4, resume=resume, **options)
    return model, history, (folder / "log.csv").read_text()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("full", [(1,), (1, 2), (3,)])
def test_training_comes_to_its_end(tmp_path, whole, full):
    with pytest.warns(UserWarning, match="and training goes on") as told:
        model, history, log = train(tmp_path, full)
    texts = "".join(str(warning.message) for warning in told)
    for what in ("CSVLogger could not", "TensorBoard's files", "the model could not be saved",
                 "could not be backed up", "best.keras"):  # fmt: skip
        assert what in texts, what
    assert history.history == whole[1].history
    for a, b in zip(model.get_weights(), whole[0].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert log == whole[2]  # rows that waited come with later ones
    best = keras.saving.load_model(tmp_path / "best.keras")
    assert best.evaluate(*_data(), verbose=0, return_dict=True).keys() == {"loss", "mae"}
    assert not [n for _, _, names in os.walk(tmp_path) for n in names if "cornu-tmp" in n]


def _data():
    from callbacks.small import data

    return data()


class KilledError(Exception):
    pass


class Kill(Callback):
    listens_to_batches = False

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2:
            raise KilledError


def test_a_training_that_could_not_be_backed_up_goes_on_from_the_backup_before(tmp_path, whole):
    with pytest.warns(UserWarning, match="could not be backed up"), pytest.raises(KilledError):
        model = regression("adam")
        resume = Resume(tmp_path / "run", every=1)
        fit(model, Full((1, 2)), Kill(), epochs=4, resume=resume)
    Full(()).on_train_end()
    model, history, _ = train(tmp_path)
    assert history.history == whole[1].history
    for a, b in zip(model.get_weights(), whole[0].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", ["csv", "events", "resume"])
def test_before_the_first_step_it_is_an_error(tmp_path, kind):
    callback = {"csv": CSVLogger(tmp_path / "no" / "log.csv"),
                "events": TensorBoard(tmp_path / "file" / "logs"),
                "resume": BackupAndRestore(tmp_path / "file" / "run")}[kind]  # fmt: skip
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OSError, match="could not be written"):
        fit(regression(), callback)


def test_the_best_is_what_the_disk_has(tmp_path, monkeypatch):
    model = regression()
    checkpoint = ModelCheckpoint(tmp_path / "best.keras", "loss", save_best_only=True)
    checkpoint.set_model(model)
    checkpoint.on_train_begin()
    checkpoint.on_epoch_end(0, {"loss": 3.0})
    with monkeypatch.context() as patched, pytest.warns(UserWarning, match="Epoch 2: the model"):
        patched.setattr(type(model), "save", _raise(OSError(errno.ENOSPC, "full")))
        checkpoint.on_epoch_end(1, {"loss": 1.0})
    assert checkpoint.best == 3.0
    checkpoint.on_epoch_end(2, {"loss": 2.0})
    assert checkpoint.best == 2.0


def _raise(error):
    def raising(*args, **kwargs):
        raise error

    return raising


def test_what_will_not_pass_is_an_error():
    with pytest.raises(IsADirectoryError), goes_on("Nothing was done"):
        raise IsADirectoryError(errno.EISDIR, "a folder")
