"""How objects print themselves."""

import pickle

import numpy as np
import pytest

import cornu
from cornu import callbacks, constraints, initializers, layers, losses, metrics, optimizers


@pytest.mark.parametrize(
    ("obj", "text"),
    [
        (optimizers.Adam(), "Adam(learning_rate=0.001)"),
        (optimizers.SGD(0.5, momentum=0.9), "SGD(learning_rate=0.5, momentum=0.9)"),
        (losses.MeanSquaredError(), "MeanSquaredError()"),
        (losses.Huber(2.0), "Huber(delta=2.0)"),
        (metrics.Mean(), "<Mean name="),
        (callbacks.EarlyStopping(patience=3), "EarlyStopping(monitor='val_loss', patience=3)"),
        (initializers.HeNormal(), "HeNormal()"),
        (constraints.MaxNorm(3), "MaxNorm(max_value=3)"),
        (layers.Dense(3, name="out"), "<Dense name=out, built=False>"),
    ],
)
def test_objects(obj, text):
    assert repr(obj).startswith(text) and "0x" not in repr(obj)


def test_a_schedule_in_an_optimizer():
    schedule = optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    assert repr(optimizers.SGD(schedule)).startswith("SGD(learning_rate=ExponentialDecay(")


def test_models():
    model = cornu.Sequential([cornu.Input((4,)), layers.Dense(2)], name="small")
    assert str(model) == "<Sequential name=small, built=True, layers=1, parameters=10>"
    assert str(cornu.Sequential(name="empty")) == "<Sequential name=empty, built=False>"


@pytest.fixture(scope="module")
def history():
    model = cornu.Sequential([cornu.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["accuracy"])
    x = np.ones((4, 2), "float32")
    return model.fit(x, x[:, :1], epochs=3, validation_split=0.5, verbose=0)


def test_histories(history):
    best = min(history.history["val_loss"])
    epoch = history.history["val_loss"].index(best) + 1
    assert repr(history) == f"History: 3 epochs, best val_loss {best:.4g} at epoch {epoch}"
    assert repr(callbacks.History()) == "History: no epochs"
    assert repr(pickle.loads(pickle.dumps(history))) == repr(history)


def test_results_are_found_by_any_of_their_names(history):
    assert history["loss"] is history.loss is history.history["loss"]
    with pytest.raises(KeyError, match="did you mean 'accuracy'"):
        history.history["acc"]
    with pytest.raises(KeyError, match="did you mean 'val_accuracy'"):
        history["val_acc"]
    with pytest.raises(AttributeError, match="did you mean 'loss'"):
        _ = history.losss


def test_a_history_of_nothing_but_nan():
    history = callbacks.History()
    history.history["loss"] = [float("nan")] * 2
    assert repr(history) == "History: 2 epochs, loss is not a number"
