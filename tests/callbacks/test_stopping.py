import math

import numpy as np
import pytest

import cornu as keras
from callbacks.small import Fake, data, drive, fit, regression
from cornu.callbacks import EarlyStopping, TerminateOnNaN


def test_patience_counts_epochs_without_improvement():
    stopping = EarlyStopping("loss", patience=2)
    assert drive(stopping, [0.9, 0.5, 0.6, 0.7, 0.1]) == 4
    assert (stopping.best, stopping.best_epoch, stopping.stopped_epoch) == (0.5, 1, 3)


def test_the_best_weights_come_back_when_training_stops_early():
    model = Fake()
    drive(EarlyStopping("loss", patience=1, restore_best_weights=True), [0.9, 0.5, 0.6], model)
    assert model.weights[0] == [1.0]


def test_the_best_weights_come_back_when_training_ends_normally(capsys):
    model = Fake()
    stopping = EarlyStopping("loss", patience=9, restore_best_weights=True, verbose=1)
    drive(stopping, [0.9, 0.5, 0.6], model)
    assert model.weights[0] == [1.0]
    assert "weights of epoch 2, loss 0.5" in capsys.readouterr().out


def test_the_weights_stay_without_the_option():
    model = Fake()
    drive(EarlyStopping("loss", patience=1), [0.9, 0.5, 0.6], model)
    assert model.weights[0] == [2.0]


def test_a_second_training_starts_fresh():
    stopping = EarlyStopping("loss", patience=1, restore_best_weights=True)
    drive(stopping, [0.1, 0.2])
    model = Fake()
    assert drive(stopping, [0.9, 0.8, 0.85], model) == 3
    assert (stopping.best, model.weights[0]) == (0.8, [1.0])


def test_more_is_better_with_mode_max():
    assert drive(EarlyStopping("score", mode="max", patience=1), [0.1, 0.3, 0.2], name="score") == 3


def test_improvements_above_the_baseline_do_not_renew_the_patience():
    assert drive(EarlyStopping("loss", patience=2), [0.9, 0.8, 0.85, 0.9]) == 4
    assert drive(EarlyStopping("loss", patience=2, baseline=0.1), [0.9, 0.8, 0.85, 0.9]) == 3


def test_early_epochs_do_not_count():
    stopping = EarlyStopping("loss", start_from_epoch=3)
    assert drive(stopping, [0.1, 0.9, 0.9, 0.5, 0.6]) == 5
    assert stopping.best == 0.5


def test_a_first_result_that_is_nan_does_not_count_as_best():
    stopping = EarlyStopping("loss", patience=3)
    drive(stopping, [math.nan, 0.5, 0.6])
    assert stopping.best == 0.5


def test_stopping_leaves_training_in_the_fast_strategy():
    assert not EarlyStopping().listens_to_batches
    assert not TerminateOnNaN().listens_to_batches


def test_in_a_real_training_the_weights_of_the_best_epoch_are_restored():
    seen = []
    model = regression(keras.optimizers.SGD(2.0))  # diverges: the first epoch is the best
    record = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.get_weights())
    )
    fit(model, record, EarlyStopping("loss", patience=1, restore_best_weights=True), epochs=5)
    assert len(seen) == 2
    for a, b in zip(model.get_weights(), seen[0], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_stops(loss, capsys):
    guard = TerminateOnNaN()
    guard.set_model(Fake())
    guard.on_train_batch_end(3, {"loss": 1.0})
    assert not guard.model.stop_training
    guard.on_train_batch_end(4, {"loss": loss})
    assert guard.model.stop_training
    assert "Batch 5" in capsys.readouterr().out


def test_a_loss_that_is_not_finite_raises_if_asked_to():
    guard = TerminateOnNaN(raise_error=True)
    guard.set_model(Fake())
    with pytest.raises(RuntimeError, match="nan at batch 1"):
        guard.on_train_batch_end(0, {"loss": math.nan})


def test_labels_that_are_not_finite_are_left_to_the_callback():
    model, (x, y) = regression(), data()
    y[0] = np.inf
    with pytest.raises(ValueError, match="1 infinite number in y"):
        model.fit(x, y, verbose=0)
    with pytest.warns(UserWarning, match="1 infinite number in y"):
        history = model.fit(x, y, epochs=3, verbose=0, callbacks=[TerminateOnNaN()])
    assert len(history.epoch) == 1


def test_what_is_better_can_be_asked_for_and_set():
    assert EarlyStopping("accuracy", mode="max").monitor_op is keras.ops.greater
    assert EarlyStopping("unheard of").monitor_op is None
    stopping = EarlyStopping("loss", patience=1)
    assert stopping.monitor_op is keras.ops.less
    stopping.monitor_op = np.greater
    assert drive(stopping, [0.1, 0.5, 0.4]) == 3
