"""Programs that are right are told nothing: neither an error nor a warning."""

import warnings

import numpy as np
import pytest

import cornu as keras
from cornu import layers, ops

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 4)).astype("float32")
CLASSES = np.arange(64) % 3


def fit(y, units=1, activation=None, loss="mse", x=X, **more):
    options = {key: more.pop(key) for key in ("metrics",) if key in more}
    model = keras.Sequential([keras.Input(x.shape[1:]), layers.Dense(units, activation=activation)])
    model.compile("adam", loss, **options)
    return model.fit(x, y, verbose=0, batch_size=64, **more)


class Fill(layers.Layer):
    def call(self, x):
        return ops.where(ops.isnan(x), ops.zeros_like(x), x)


class Lazy(layers.Layer):
    """Makes its layer when it is first called, and keeps it."""

    def call(self, x):
        if not hasattr(self, "inner"):
            self.inner = layers.Dense(2)
        return layers.Activation("relu")(self.inner(x))


class AddsScore(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["val_f1"] = 0.5


def missing_values():
    x = X.copy()
    x[3, 1] = np.nan
    model = keras.Sequential([keras.Input((4,)), Fill(), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, X[:, :1], verbose=0)


def infinite_mask():
    query, mask = keras.Input((3, 2)), keras.Input((3, 3))
    scores = layers.Add()([layers.Dot(axes=2)([query, query]), mask])
    model = keras.Model([query, mask], layers.Dense(3)(layers.Softmax()(scores)))
    model.compile("sgd", "mse")
    x = [np.ones((4, 3, 2)), np.triu(np.full((4, 3, 3), -np.inf), 1)]
    model.fit(x, np.zeros((4, 3, 3)), verbose=0)


def lazy_layers():
    model = keras.Sequential([keras.Input((4,)), Lazy()])
    model.compile("sgd", "mse")
    model.fit(X, X[:, :2], verbose=0)


def a_table():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcd"))
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(table, table["a"], verbose=0)
    model.predict(table, verbose=0)
    model.predict(X, verbose=0)


HEALTHY = {
    "targets within tanh": lambda: fit(np.tanh(X[:, 0]), 1, "tanh"),
    "targets within a sigmoid": lambda: fit(abs(np.tanh(X[:, 0])), 1, "sigmoid"),
    "a few targets just outside": lambda: fit(np.where(np.arange(64) == 5, 1.2, 0.5), 1, "sigmoid"),
    "counts for relu": lambda: fit(CLASSES, 1, "relu"),
    "hinge labels for tanh": lambda: fit(CLASSES % 2 * 2.0 - 1, 1, "tanh", "hinge"),
    "ages": lambda: fit(CLASSES * 30.0 + 1),
    "incomes in logarithms": lambda: fit(CLASSES * 1e5, loss="msle", activation="softplus"),
    "counts for poisson": lambda: fit(CLASSES, 1, "exponential", "poisson"),
    "accuracy of 0 and 1 by mse": lambda: fit(CLASSES % 2, 1, "sigmoid", metrics=["accuracy"]),
    "accuracy of classes": lambda: fit(
        CLASSES, 3, "softmax", "sparse_categorical_crossentropy", metrics=["accuracy"]
    ),
    "few labels of one class": lambda: fit(
        np.zeros(8), 3, "softmax", "sparse_categorical_crossentropy", x=X[:8]
    ),
    "a class that is absent": lambda: fit(
        CLASSES % 2, 3, "softmax", "sparse_categorical_crossentropy"
    ),
    "several labels at once": lambda: fit(
        (RNG.random((64, 3)) > 0.5).astype("f"), 3, "sigmoid", "binary_crossentropy"
    ),
    "epochs from numpy": lambda: fit(X[:, 0], epochs=np.int64(2)),
    "no epochs": lambda: fit(X[:, 0], epochs=0),
    "a result of a callback": lambda: fit(
        X[:, 0], callbacks=[AddsScore(), keras.callbacks.EarlyStopping("val_f1", mode="max")]
    ),
    "a rate of a callback": lambda: fit(
        X[:, 0],
        callbacks=[
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate),
            keras.callbacks.EarlyStopping("learning_rate", mode="min"),
        ],
    ),
    "older arguments at their defaults": lambda: fit(
        X[:, 0], workers=1, use_multiprocessing=False, max_queue_size=10
    ),
    "values that a layer fills": missing_values,
    "a mask of infinite numbers": infinite_mask,
    "layers made in the first call": lazy_layers,
    "a table, and an array after it": a_table,
}


@pytest.mark.parametrize(
    "program", HEALTHY.values(), ids=[name.replace(" ", "-") for name in HEALTHY]
)
def test_nothing_is_said(program):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        program()
