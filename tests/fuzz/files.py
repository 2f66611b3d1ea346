"""The files that are mutated: small, honest, and of every kind.

A file is bytes; a directory, or a file with its shards, is a dict of the files in it.
"""

from pathlib import Path
from typing import Any

import numpy as np

from cornu import callbacks, layers, models, ops, saving

CORPUS = Path(__file__).parent.parent / "files"
BACKUP = "backup"  # in the names of folders to resume from
Content = bytes | dict[str, bytes]


@saving.register_keras_serializable("fuzz")
class Pair(models.Model):
    """A model of the user's, with a layer in a list."""

    def __init__(self, units: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.both = [layers.Dense(units), layers.Dense(1)]

    def call(self, x: Any) -> Any:
        return self.both[1](ops.relu(self.both[0](x)))


def small() -> Any:
    """The model into which weights are loaded."""
    model = models.Sequential(
        [layers.Input((4,)), layers.Dense(3, name="h1"), layers.Dense(2, name="out")], name="small"
    )
    model.compile("adam", "mse", metrics=["mae"])
    return model


def train(model: Any, folder: str, epochs: int) -> None:
    """Train, or go on from the backup in a folder, with callbacks that remember something."""
    Path(folder).mkdir(exist_ok=True)
    listeners = [
        callbacks.EarlyStopping("loss", patience=3, restore_best_weights=True),
        callbacks.ReduceLROnPlateau("loss"),
        callbacks.CSVLogger(f"{folder}/log.csv"),
    ]
    x, y = np.zeros((4, 4)), np.zeros((4, 2))
    model.fit(x, y, 2, epochs, verbose=0, callbacks=listeners, resume=folder)


def _recurrent() -> Any:
    start = layers.Input((5, 4), name="start")
    x = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(start)
    x = layers.MultiHeadAttention(2, 3)(x, x)
    return models.Model(start, layers.RNN([layers.GRUCell(2), layers.LSTMCell(2)])(x))


def _graph() -> Any:
    a, b = layers.Input((4,), name="a"), layers.Input((5, 2), name="b")
    shared = layers.Dense(2, activation="relu", kernel_regularizer="l2", name="shared")
    inner = models.Sequential([layers.Input((2,)), layers.Dense(2), layers.BatchNormalization()])
    x = layers.Concatenate()([shared(a), inner(layers.LSTM(2)(b)), shared(a * 0.5)])
    return models.Model([a, b], [layers.Dense(1)(x), x * 2.0 + x[:, :1]])


def _images() -> Any:
    start = layers.Input((8, 8, 3), name="image")
    x = layers.SpectralNormalization(layers.Conv2D(2, 3))(start)
    x = layers.AdaptiveAveragePooling2D(2)(layers.MaxPooling2D()(x))
    x = ops.split(layers.Dropout(0.5, seed=1)(x), 2, axis=1)
    return models.Model(start, layers.Flatten()(ops.concatenate(x, axis=-1)))


def base_files(folder: Path, corpus: bool = False) -> dict[str, Content]:
    """Small files of every kind, by name; with those of the corpus if asked for."""
    model = small()
    model.fit(np.zeros((2, 4)), np.zeros((2, 2)), verbose=0)
    model.save(folder / "small.keras")
    model.save(folder / "small.h5")
    model.save_weights(folder / "small.weights.h5")
    model.save_weights(folder / "small.safetensors")
    (folder / "shards").mkdir()
    model.save_weights(folder / "shards" / "m.weights.json", max_shard_size=60 / 2**30)
    model.save(folder / "directory", zipped=False)
    train(small(), str(folder / BACKUP), epochs=1)
    _graph().save(folder / "graph.keras")
    _recurrent().save(folder / "recurrent.keras")
    _images().save(folder / "images.keras")
    pair = Pair()
    pair.build((None, 4))
    pair.save(folder / "own.keras")
    int8 = small()
    int8.quantize("int8")
    int8.save(folder / "int8.keras")
    files: dict[str, Content] = {}
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            inside = sorted(f for f in path.rglob("*") if f.is_file())
            files[path.name] = {f.relative_to(path).as_posix(): f.read_bytes() for f in inside}
        else:
            files[path.name] = path.read_bytes()
    if corpus:
        found = sorted(p for p in CORPUS.rglob("*") if p.suffix in (".keras", ".h5"))
        files |= {
            "_".join(p.relative_to(CORPUS).parts): p.read_bytes()
            for p in found
            if p.stat().st_size < 200_000
        }
    return files
