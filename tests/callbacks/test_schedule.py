import numpy as np
import pytest

import cornu as keras
from callbacks.small import Fake, drive, fit, regression
from cornu.callbacks import LearningRateScheduler, ReduceLROnPlateau


def test_a_schedule_of_epoch_and_rate():
    history = fit(regression(keras.optimizers.SGD(0.5)), LearningRateScheduler(lambda e, r: r / 2))
    assert history.history["learning_rate"] == [0.25, 0.125, 0.0625]


def test_a_schedule_of_the_epoch_alone():
    history = fit(regression(), LearningRateScheduler(lambda epoch: 2.0**-epoch))
    assert history.history["learning_rate"] == [1.0, 0.5, 0.25]


def test_an_error_inside_a_schedule_is_not_hidden():
    def schedule(epoch, rate):
        raise TypeError("inside")

    with pytest.raises(TypeError, match="inside"):
        fit(regression(), LearningRateScheduler(schedule))


@pytest.mark.parametrize("given", ["fast", None, [0.1, 0.2], float("nan")])
def test_a_schedule_returns_a_finite_number(given):
    scheduler = LearningRateScheduler(lambda epoch: given)
    scheduler.set_model(Fake())
    with pytest.raises(ValueError, match="schedule must return a"):
        scheduler.on_epoch_begin(0)


def test_verbose_prints_the_rate(capsys):
    scheduler = LearningRateScheduler(lambda epoch: np.float32(0.25), verbose=1)
    scheduler.set_model(Fake())
    scheduler.on_epoch_begin(1)
    assert "Epoch 2: the learning rate is 0.25." in capsys.readouterr().out


def test_a_model_without_an_optimizer_is_told():
    scheduler = LearningRateScheduler(lambda epoch: 0.1)
    scheduler.set_model(type("Model", (), {"optimizer": None})())
    with pytest.raises(ValueError, match="compile"):
        scheduler.on_epoch_begin(0)


def test_an_optimizer_with_a_schedule_takes_no_rate():
    decay = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    model = regression(keras.optimizers.SGD(decay))
    with pytest.raises(TypeError, match="follows the schedule"):
        fit(model, LearningRateScheduler(lambda epoch: 0.1))


def test_a_plateau_lowers_the_rate_after_patience():
    model = Fake(rate=1.0)
    drive(ReduceLROnPlateau("loss", factor=0.5, patience=2), [1, 1, 1, 1, 1, 1], model)
    assert model.optimizer.learning_rate == 0.25


def test_epochs_of_cooldown_do_not_count():
    model = Fake(rate=1.0)
    plateau = ReduceLROnPlateau("loss", factor=0.5, patience=1, cooldown=3)
    drive(plateau, [1, 1, 1, 1], model)
    assert model.optimizer.learning_rate == 0.5
    assert plateau.in_cooldown()


def test_the_rate_does_not_become_smaller_than_min_lr():
    model = Fake(rate=1.0)
    drive(ReduceLROnPlateau("loss", factor=0.1, patience=0, min_lr=0.5), [1] * 5, model)
    assert model.optimizer.learning_rate == 0.5


def test_a_second_training_starts_fresh():
    plateau = ReduceLROnPlateau("loss", factor=0.5, patience=1)
    drive(plateau, [0.1])
    model = Fake(rate=1.0)
    drive(plateau, [0.9, 0.8, 0.7], model)
    assert model.optimizer.learning_rate == 1.0


def test_a_factor_of_one_is_refused():
    with pytest.raises(ValueError, match="must be < 1"):
        ReduceLROnPlateau(factor=1.0)


def test_an_unknown_argument_is_named():
    with pytest.warns(UserWarning, match="did you mean 'patience'"):
        ReduceLROnPlateau(patiense=3)
    with pytest.warns(UserWarning, match="did you mean 'min_delta'"):
        ReduceLROnPlateau(epsilon=0.1)


def test_each_optimizer_of_several_follows_the_schedule():
    o = keras.optimizers
    inner = {".*/bias": o.SGD(0.25, name="fast")}
    optimizer = o.MultiOptimizer(o.OptimizerMap(o.SGD(0.125, name="slow"), inner))
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e9)
    history = fit(regression(optimizer), halve, plateau, epochs=2).history
    assert history["learning_rate_fast"] == [0.125, 0.0625]
    assert history["learning_rate_slow"] == [0.0625, 0.03125]
    assert [float(one.learning_rate.numpy()) for one in optimizer.optimizers] == [2**-5, 2**-6]
