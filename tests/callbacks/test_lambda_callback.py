import pytest

import cornu as keras
from callbacks.small import fit, regression
from cornu.callbacks import CallbackList, LambdaCallback


def test_functions_are_called_at_their_moments():
    said = []
    callback = LambdaCallback(
        on_train_begin=lambda logs: said.append("begin"),
        on_epoch_end=lambda epoch, logs: said.append((epoch, sorted(logs))),
        on_test_end=lambda logs: said.append("tested"),
    )
    model = regression()
    fit(model, callback, epochs=1)
    assert said == ["begin", (0, ["loss", "mae"])]


def test_only_functions_of_batches_ask_for_every_batch():
    assert not CallbackList([LambdaCallback(on_epoch_end=print)]).wants_every_batch("train")
    assert CallbackList([LambdaCallback(on_train_batch_end=print)]).wants_every_batch("train")
    assert CallbackList([LambdaCallback(on_batch_end=print)]).wants_every_batch("train")


def test_a_function_of_batches_hears_of_each():
    batches = []
    fit(regression(), LambdaCallback(on_train_batch_end=lambda b, logs: batches.append(b)))
    assert batches == [0, 1, 2, 3] * 3


def test_an_unknown_hook_is_named_and_becomes_an_attribute():
    with pytest.warns(UserWarning, match="did you mean 'on_epoch_end'"):
        callback = LambdaCallback(on_epoch_ends=print)
    assert callback.on_epoch_ends is print


def test_something_that_cannot_be_called_is_refused_at_once():
    with pytest.raises(TypeError, match="on_epoch_end must be callable, got 3"):
        keras.callbacks.LambdaCallback(on_epoch_end=3)
