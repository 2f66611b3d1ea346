"""Trainings to be killed: a script that is started again and again until it comes to its end.

    python killed.py FOLDER SECONDS       kills itself so long after the first step; 0 for never

`train` is one training with everything that must survive: dropout, shuffling, callbacks that
remember, files, and data of three kinds. `fingerprint` is what must come out the same.
"""

import hashlib
import json
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

import cornu as keras

KINDS = ("arrays", "dataset", "iterator")
EPOCHS = 6


def arrays():
    generator = np.random.default_rng(5)
    x = generator.normal(size=(60, 4)).astype("float32")
    return x, x.sum(1, keepdims=True)


class Noisy(keras.utils.PyDataset):
    """Shuffles itself and adds noise, all with numpy's own random numbers."""

    def __init__(self):
        super().__init__()
        self.x, self.y = arrays()
        self.rows = np.arange(60)

    def __len__(self):
        return 6

    def __getitem__(self, index):
        rows = self.rows[10 * index : 10 * index + 10]
        return self.x[rows] + np.random.normal(size=(10, 4)).astype("float32"), self.y[rows]

    def on_epoch_end(self):
        np.random.shuffle(self.rows)


class Stream:
    """An endless iterator with a position, as grain's are; its own random numbers."""

    def __init__(self):
        self.x, self.y = arrays()
        self.generator = np.random.default_rng(3)
        self.given = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.given += 1
        rows = self.generator.integers(0, 60, 10)
        return self.x[rows], self.y[rows]

    def get_state(self):
        return {"given": self.given, "bits": json.dumps(self.generator.bit_generator.state)}

    def set_state(self, state):
        self.given = state["given"]
        self.generator.bit_generator.state = json.loads(state["bits"])


class Draws(keras.callbacks.Callback):
    """Remembers a random number of each epoch."""

    listens_to_batches = False
    _remembered = ("drawn",)

    def __init__(self):
        super().__init__()
        self.drawn = []

    def on_epoch_end(self, epoch, logs=None):
        self.drawn.append((random.random(), float(np.random.random())))


class Slow(keras.callbacks.Callback):
    """Gives the kill some time to come, and starts its clock with the first step."""

    listens_to_batches = False

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def on_train_batch_end(self, batch, logs=None):
        if self.seconds and not Slow.ticking:
            Slow.ticking = True
            kill = lambda: os.kill(os.getpid(), signal.SIGKILL)  # noqa: E731
            threading.Timer(self.seconds, kill).start()
        time.sleep(0.002 if self.seconds else 0)

    ticking = False


def train(kind, folder, seconds=0.0, every=1):
    """Train until the end, from wherever the folder says; then everything that must be equal."""
    keras.utils.set_random_seed(11)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dropout(0.3),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01, use_ema=True), "mse", metrics=["mae"])
    folder = Path(folder, kind)
    folder.mkdir(parents=True, exist_ok=True)
    stop = keras.callbacks.EarlyStopping("loss", patience=EPOCHS, restore_best_weights=True)
    plateau = keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=0.5, factor=0.7)
    rate = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9)
    draws = Draws()
    best = keras.callbacks.ModelCheckpoint(
        str(folder / "best.weights.h5"), "loss", save_best_only=True, save_weights_only=True
    )
    log = keras.callbacks.CSVLogger(folder / "log.csv")
    x, y = arrays()
    data = {
        "arrays": {"x": x, "y": y, "batch_size": 8, "validation_split": 0.2},
        "dataset": {"x": Noisy()},
        "iterator": {"x": Stream(), "steps_per_epoch": 7},
    }[kind]
    history = model.fit(
        **data, epochs=EPOCHS, verbose=0,
        callbacks=[rate, stop, plateau, draws, best, log, Slow(seconds)],
        resume=keras.callbacks.Resume(folder / "run", every=every),
    )  # fmt: skip
    arrays_ = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
    return {
        "weights": hashlib.sha256(b"".join(a.tobytes() for a in arrays_)).hexdigest(),
        "history": history.history,
        "epochs": history.epoch,
        "stopping": [stop.best, stop.best_epoch, stop.wait],
        "plateau": [plateau.best, plateau.wait],
        "best": best.best,
        "drawn": [list(pair) for pair in draws.drawn],
        "log": (folder / "log.csv").read_text(),
        "next": [random.random(), float(np.random.random()), float(keras.random.uniform(()))],
    }


if __name__ == "__main__":
    for name in KINDS:
        print(json.dumps(train(name, sys.argv[1], float(sys.argv[2]))), flush=True)
