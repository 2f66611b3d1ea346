"""A backup is as little to be trusted as a model: what it says is checked before it is used."""

import numpy as np
import pytest

import cornu as keras
from callbacks.small import fit, regression
from cornu.archive.stores import H5Writer
from cornu.callbacks import BackupAndRestore, CSVLogger, EarlyStopping, Resume
from cornu.callbacks.backup_file import read_backup, write_backup
from cornu.callbacks.checkpoint import training_variables


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A backup of a training, after its second epoch."""
    folder = tmp_path_factory.mktemp("good")
    model = regression("adam")
    stop = EarlyStopping("loss", restore_best_weights=True)
    resume = Resume(folder)
    fit(model, stop, CSVLogger(folder / "log.csv"), epochs=2, resume=resume)
    callbacks = list(resume._remembering())
    return read_backup(folder / "latest.h5", training_variables(model), callbacks)


def resumed(folder, backup, epochs=4):
    """The training with this backup in place of its own."""
    write_backup(folder / "latest.h5", backup)
    model = regression("adam")
    before = model.get_weights()
    stop = EarlyStopping("loss", restore_best_weights=True)
    try:
        return fit(model, stop, CSVLogger(folder / "log.csv"), epochs=epochs, resume=folder)
    except ValueError:
        for a, b in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(a, b)  # nothing is changed by what is refused
        raise


def test_what_was_written_is_read(good, tmp_path):
    assert good.epoch == 2 and good.step == 0 and not good.stopped
    assert resumed(tmp_path, good).epoch == [0, 1, 2, 3]


def noted(good, name, **changes):
    return good._replace(notes=good.notes | {name: good.notes[name] | changes})


def weights(backup):
    return backup.notes[STOP]["best_weights"]


STOP, LOG, HISTORY = "EarlyStopping_0", "CSVLogger_0", "History_0"
WRONG = {
    "epoch -1": lambda b: b._replace(epoch=-1),
    "epoch 1.5": lambda b: b._replace(epoch=1.5),
    "epoch True": lambda b: b._replace(epoch=True),
    "epoch of text": lambda b: b._replace(epoch="2"),
    "epoch beyond reason": lambda b: b._replace(epoch=10**15),
    "step -1": lambda b: b._replace(step=-1),
    "step beyond the epoch": lambda b: b._replace(step=1000),
    "step beyond reason": lambda b: b._replace(step=2**60),
    "stopped 1": lambda b: b._replace(stopped=1),
    "positions of a list": lambda b: b._replace(positions=[]),
    "positions of another source": lambda b: b._replace(positions={"other": {}}),
    "position of a text": lambda b: b._replace(positions={"train": "x"}),
    "seed of a text": lambda b: b._replace(positions={"train": {"seed": "x"}}),
    "seed too large": lambda b: b._replace(positions={"train": {"seed": 2**63}}),
    "batches beyond reason": lambda b: b._replace(positions={"train": {"taken": 10**12}}),
    "streams of nothing": lambda b: b._replace(streams={}),
    "streams of text": lambda b: b._replace(streams=b.streams | {"python": "x"}),
    "numpy of another kind": lambda b: b._replace(streams=b.streams | {"numpy": {"state": 1}}),
    "global of floats": lambda b: b._replace(streams=b.streams | {"global": np.zeros(2)}),
    "wait -1": lambda b: noted(b, STOP, wait=-1),
    "best of text": lambda b: noted(b, STOP, best="x"),
    "weights of numbers": lambda b: noted(b, STOP, best_weights=[1, 2]),
    "the best of opaque bytes": lambda b: noted(b, STOP, best=np.zeros((), "V2")),
    "one weight too few": lambda b: noted(b, STOP, best_weights=weights(b)[1:]),
    "weights of another shape": lambda b: noted(
        b, STOP, best_weights=[np.zeros(3), *weights(b)[1:]]
    ),
    "weights of another kind": lambda b: noted(
        b, STOP, best_weights=[v.astype(int) for v in weights(b)]
    ),
    "the best weights of nothing": lambda b: noted(b, STOP, best=None),
    "an unknown note": lambda b: noted(b, STOP, patience=1000),
    "a note that is missing": lambda b: b._replace(notes=b.notes | {STOP: {"wait": 1}}),
    "notes of a list": lambda b: b._replace(notes=b.notes | {STOP: [1]}),
    "history of numbers": lambda b: noted(b, HISTORY, history={"loss": 1.0}),
    "epochs of text": lambda b: noted(b, HISTORY, epoch=["x"]),
    "columns of numbers": lambda b: noted(b, LOG, keys=[1]),
    "a log that begins before the file": lambda b: noted(b, LOG, _begins_at=-5),
    "another shape": lambda b: b._replace(
        variables=b.variables | {"metrics": [np.zeros(3)] * len(b.variables["metrics"])}
    ),
    "an unknown kind": lambda b: b._replace(variables=b.variables | {"code": [np.zeros(1)]}),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_no_training_has_written_is_refused(good, tmp_path, name):
    with pytest.raises(ValueError, match="backup"):
        resumed(tmp_path, WRONG[name](good))


def test_a_log_that_became_shorter_is_not_filled_with_nothing(good, tmp_path):
    history = resumed(tmp_path, noted(good, LOG, _begins_at=10**11))
    assert history.epoch == [0, 1, 2, 3]
    log = (tmp_path / "log.csv").read_bytes()
    assert b"\0" not in log and len(log) < 1000


@pytest.mark.parametrize("kind", [Resume, BackupAndRestore])
def test_a_backup_behind_the_end_is_said(good, tmp_path, kind):
    write_backup(tmp_path / "latest.h5", good._replace(epoch=10**9))
    with pytest.warns(UserWarning, match="Nothing is trained: the backup in .* is of epoch"):
        fit(regression("adam"), *([] if kind is Resume else [kind(tmp_path)]), epochs=4,
            **({"resume": tmp_path} if kind is Resume else {}))  # fmt: skip


@pytest.mark.parametrize("values", [[], [np.zeros(1)] * 4, [np.zeros((4, 8))] * 4])
def test_values_put_aside_fit_the_weights(values):
    model = regression(keras.optimizers.SGD(use_ema=True))
    model.optimizer.build(model.trainable_variables)
    swap = keras.callbacks.SwapEMAWeights()
    swap.set_model(model)
    swap._swap()
    assert swap._can_go_on_from({"_values_aside": swap._values_aside})
    assert swap._can_go_on_from({"_values_aside": None})
    assert not swap._can_go_on_from({"_values_aside": values})


class Counting(keras.utils.PyDataset):
    """Tells its state, a number of epochs."""

    epochs = 0

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return np.ones((2, 4), "float32"), np.ones((2, 1), "float32")

    def on_epoch_end(self):
        self.epochs += 1

    def get_state(self):
        return {"epochs": self.epochs}

    def set_state(self, state):
        self.epochs = state["epochs"]


def test_a_state_that_the_data_do_not_take(tmp_path):
    model, resume = regression(), Resume(tmp_path)
    model.fit(Counting(), verbose=0, callbacks=[resume])
    path = tmp_path / "latest.h5"
    backup = read_backup(path, training_variables(model), list(resume._remembering()))
    assert backup.positions["train"]["state"] == {"epochs": 1}
    write_backup(path, backup._replace(positions={"train": {"state": [3]}}))
    with pytest.raises(ValueError, match="Counting does not accept its state"):
        model.fit(Counting(), epochs=2, verbose=0, callbacks=[Resume(tmp_path)])


PACKED = {
    "nothing": [],
    "numbers": [np.zeros(3)],
    "no JSON": [np.frombuffer(b"{", np.uint8)],
    "deep": [np.frombuffer(b'{"list": [' * 5000 + b"]}" * 5000, np.uint8)],
    "no kind": [np.frombuffer(b'{"list": [], "dict": []}', np.uint8)],
    "a plain list": [np.frombuffer(b"[1]", np.uint8)],
    "an array that is not there": [np.frombuffer(b'{"array": 7}', np.uint8)],
    "pairs of three": [np.frombuffer(b'{"dict": [[1, 2, 3]]}', np.uint8)],
    "a key that is a list": [np.frombuffer(b'{"dict": [[{"list": []}, 1]]}', np.uint8)],
    "no base64": [np.frombuffer(b'{"bytes": "*"}', np.uint8)],
    "long number": [np.frombuffer(b"1" * 10**5, np.uint8)],
}


@pytest.mark.parametrize("name", PACKED)
def test_notes_that_nobody_packed(good, tmp_path, name):
    with H5Writer(tmp_path / "latest.h5") as store:
        for kind, values in good.variables.items():
            store.write(kind, kind, values)
        store.write("place", "place", PACKED[name])
    model = regression("adam")
    with pytest.raises(ValueError, match="backup|notes|Notes"):
        fit(model, BackupAndRestore(tmp_path))
