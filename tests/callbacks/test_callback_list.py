"""Callbacks that are called together."""

import keras as oracle
import pytest

from cornu import callbacks as c
from train.models import blobs, classifier


class Heard(c.Callback):
    """Writes down what it is told."""

    def __init__(self):
        super().__init__()
        self.heard = []

    def on_train_begin(self, logs=None):
        self.heard.append(("train_begin", logs))

    def on_epoch_begin(self, epoch, logs=None):
        self.heard.append(("epoch_begin", epoch, logs))

    def on_batch_end(self, batch, logs=None):
        self.heard.append(("batch_end", batch, logs))


def test_hooks_without_results_get_an_empty_dict():
    heard = Heard()
    listeners = c.CallbackList([heard])
    listeners.on_train_begin()
    listeners.on_epoch_begin(2)
    listeners.on_train_batch_end(0, {"loss": 1.0})
    listeners.on_batch_end(1)
    assert heard.heard == [
        ("train_begin", {}),
        ("epoch_begin", 2, {}),
        ("batch_end", 0, {"loss": 1.0}),
        ("batch_end", 1, {}),
    ]


def test_a_history_and_a_bar_are_added_on_request():
    listeners = c.CallbackList(add_history=True, add_progbar=True, epochs=1, verbose=2)
    assert [type(callback) for callback in listeners.callbacks] == [c.History, c.ProgbarLogger]
    assert listeners.params == {"epochs": 1, "verbose": 2}
    own = c.History()
    assert c.CallbackList([own], add_history=True).callbacks == [own]


def test_fit_completes_a_list():
    x, y = blobs()
    heard = Heard()
    model = classifier()
    history = model.fit(x, y, epochs=2, verbose=0, callbacks=c.CallbackList([heard]))
    assert len(history.history["loss"]) == 2
    assert heard.model is model
    assert heard.params["epochs"] == 2


def test_callbacks_need_not_be_derived_from_ours():
    class Counter:
        model, epochs = None, 0

        def set_model(self, model):
            self.model = model

        def on_epoch_end(self, epoch, logs=None):
            self.epochs += 1

    class OfKeras(oracle.callbacks.Callback):
        last = None

        def on_epoch_end(self, epoch, logs=None):
            self.last = dict(logs)

    x, y = blobs()
    model, counter, other = classifier(), Counter(), OfKeras()
    history = model.fit(x, y, epochs=2, verbose=0, callbacks=[counter, other])
    assert counter.model is model
    assert counter.epochs == 2
    assert other.last == {name: values[-1] for name, values in history.history.items()}


@pytest.mark.parametrize("wrong", [3, "x", c.EarlyStopping])
def test_what_is_no_callback_is_named(wrong):
    with pytest.raises(TypeError, match=r"fix: callbacks=\[keras.callbacks"):
        c.CallbackList([wrong])
