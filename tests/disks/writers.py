"""Everything here that writes files, each with a way to read them back.

`prepare(value)` makes something in which every number is `value`, and `write(place, value)` saves
it over what is there;
`read(place)` gives the value, and raises if there are two, or half of one.
"""

import struct
import tarfile
import warnings
from pathlib import Path

import numpy as np

import cornu as keras
from cornu import layers, models
from cornu.callbacks import CSVLogger, ModelCheckpoint, Resume, TensorBoard
from cornu.callbacks.event_file import masked_crc
from cornu.saving import KerasFileEditor, register_keras_serializable
from cornu.utils.unpack import extract_archive


@register_keras_serializable("disks")
class Lookup(layers.Layer):
    """Has a file beside its weights."""

    word = ""

    def call(self, x):
        return x

    def save_assets(self, folder):
        Path(folder, "words.txt").write_text(self.word)

    def load_assets(self, folder):
        self.word = Path(folder, "words.txt").read_text()


def made():
    stack = [layers.Input((8,)), Lookup(), *[layers.Dense(8, name=f"h{i}") for i in range(3)]]
    model = models.Sequential(stack, name="small")
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def fill(model, value):
    for variable in [*model.variables, *model.optimizer.variables]:
        variable.assign(np.full(variable.shape, value, variable.dtype))
    model.layers[0].word = str(value)


def found(model, word=True):
    values = {float(v) for w in model.weights for v in np.ravel(w.numpy())}
    if word:
        values.add(float(model.layers[0].word))
    assert len(values) == 1, values
    return int(values.pop())


class Writer:
    """Saves a model by a function, and loads it by another."""

    warns = False  # where it cannot write; it raises otherwise
    between = ()  # values that a killed process may leave beside the old and the new one

    def __init__(self, name, save=None, load=None):
        self.name, self.save, self.load = name, save, load
        self.model = made()

    def prepare(self, value):
        """Have the value; apart, since a forked process cannot compute."""
        fill(self.model, value)

    def write(self, place, value):
        self.save(self.model, place / self.name)

    def read(self, place):
        model = made()
        fill(model, 99)
        return self.load(model, place / self.name)


def _load_weights(model, path):
    model.load_weights(path)
    return found(model, word=False)


def _edit(model, path):
    model.save_weights(path.with_suffix(".aside.weights.h5"))
    KerasFileEditor(path.with_suffix(".aside.weights.h5")).save(path)


class Backups(Writer):
    """The backup of a training that goes on."""

    def _resume(self, model, place):
        resume = Resume(place, every=1)
        resume.set_model(model)
        resume.set_params({"epochs": 100})
        resume._siblings = [resume]
        return resume

    def write(self, place, value):
        self._resume(self.model, place)._save(value, 0)

    def read(self, place):
        backup = self._resume(made(), place)._read(place / "latest.h5")
        values = {float(v) for a in backup.variables["trainable"] for v in np.ravel(a)}
        assert values == {backup.epoch}, (values, backup.epoch)
        return backup.epoch


class Logs(Writer):
    """A callback that is told of the ends of so many epochs as the value says."""

    warns = True  # once training has begun

    def callback(self, place):
        raise NotImplementedError

    def write(self, place, value):
        callback = self.callback(place)
        callback.set_model(self.model)
        callback.set_params({"epochs": 100})
        callback.on_train_begin()
        for epoch in range(value) if self.between else [value]:
            callback.on_epoch_begin(epoch)
            callback.on_epoch_end(epoch, {"loss": -float(epoch + 1)})
        callback.on_train_end()


class Checkpoint(Logs):
    """The best model so far."""

    def callback(self, place):
        return ModelCheckpoint(place / self.name, "loss", save_best_only=True)

    def read(self, place):
        return found(models.load_model(place / self.name))


class Table(Logs):
    """Rows of a table; the last may be cut off where the process was killed while it wrote."""

    between = range(100)

    def callback(self, place):
        return CSVLogger(place / self.name)

    def read(self, place):
        *rows, rest = (place / self.name).read_text().split("\n")
        expected = ["epoch,loss,val_loss", *[f"{i},{-float(i + 1)},NA" for i in range(len(rows))]]
        assert rows == expected[: len(rows)] and expected[len(rows)].startswith(rest), rows
        return max(len(rows) - 1, 0)


class Events(Logs):
    """Records of an event file, each with two checksums; the last may be cut off too."""

    between = range(100)

    def callback(self, place):
        return TensorBoard(place / self.name)

    def read(self, place):
        folder = place / self.name / "train"
        files = sorted(folder.iterdir()) if folder.exists() else []
        return max([len(whole_records(f)) - 2 for f in files if f.stat().st_size], default=0) // 2


def whole_records(path):
    """The records of a file, which TensorBoard reads up to one that is not complete."""
    raw, records = path.read_bytes(), []
    while len(raw) >= 12 and len(raw) >= 16 + struct.unpack("<Q", raw[:8])[0]:
        (length,) = struct.unpack("<Q", raw[:8])
        assert struct.unpack("<I", raw[8:12])[0] == masked_crc(raw[:8])
        check = struct.unpack("<I", raw[12 + length : 16 + length])[0]
        assert check == masked_crc(raw[12 : 12 + length])
        records.append(raw[12 : 12 + length])
        raw = raw[16 + length :]
    return records


class Unpacked(Writer):
    """An archive unpacked over an older folder, which takes two renames: it is unpacked again."""

    between = (0,)

    def write(self, place, value):
        source = place.parent / f"source-{value}.tar"
        if not source.exists():
            folder = place.parent / f"source-{value}"
            folder.mkdir()
            for name in "abc":
                (folder / name).write_text(str(value) * 100)
            with tarfile.open(source, "w") as tar:
                tar.add(folder, ".")
        extract_archive(source, place / self.name)

    def read(self, place):
        if not (place / self.name).exists():
            return 0
        texts = {path.read_text() for path in (place / self.name).iterdir()}
        (text,) = texts
        assert len(list((place / self.name).iterdir())) == 3
        return int(text[: len(text) // 100])


def writers():
    warnings.simplefilter("ignore")
    of_models = {
        "m.keras": lambda model, path: model.save(path),
        "m.h5": lambda model, path: model.save(path),
        "folder": lambda model, path: model.save(path, zipped=False),
    }
    of_weights = {
        "m.weights.h5": lambda model, path: model.save_weights(path),
        "m.weights.json": lambda model, path: model.save_weights(path, max_shard_size=3e-7),
        "m.safetensors": lambda model, path: model.save_weights(path),
        "edited.weights.h5": _edit,
    }
    return [
        *[Writer(n, s, lambda _, path: found(models.load_model(path), path.suffix != ".h5"))
          for n, s in of_models.items()],
        *[Writer(n, s, _load_weights) for n, s in of_weights.items()],
        Backups("backup"),
        Checkpoint("best.keras"),
        Table("log.csv"),
        Events("events"),
        Unpacked("unpacked"),
    ]  # fmt: skip
