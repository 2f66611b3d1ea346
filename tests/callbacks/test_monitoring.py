import math
import warnings

import numpy as np
import pytest

import cornu as keras
from callbacks.small import Fake, data, drive, fit, regression
from cornu.callbacks.monitoring import MonitorCallback, as_plain, direction_of


@pytest.mark.parametrize(
    "name, expected",
    [
        ("loss", -1),
        ("val_loss", -1),
        ("head_loss", -1),
        ("mae", -1),
        ("val_mae", -1),
        ("accuracy", 1),
        ("auc", 1),
        ("own", None),
        ("unknown", None),
    ],
)
def test_the_direction_follows_from_the_metric(name, expected):
    metrics = [
        keras.metrics.MeanAbsoluteError(name="mae"),
        keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
        keras.metrics.AUC(name="auc"),
        keras.metrics.Mean(name="own"),
    ]
    assert direction_of(name, Fake(metrics)) == expected


def test_a_metric_derived_from_a_known_one_has_its_direction():
    class MyRecall(keras.metrics.Recall):
        pass

    assert direction_of("val_r", Fake([MyRecall(name="r")])) == 1


def test_metrics_inside_others_are_found():
    model = regression()
    fit(model, epochs=1)
    assert direction_of("val_mae", model) == -1


def test_an_unknown_direction_is_an_error_that_names_the_metrics():
    callback = MonitorCallback("own")
    callback.set_model(Fake([keras.metrics.Mean(name="own")]))
    with pytest.raises(ValueError, match="mode='min'\n.*or mode='max'"):
        callback._is_better(1.0, 2.0)


def test_nan_is_never_better_and_anything_is_better_than_nan():
    callback = MonitorCallback("loss")
    assert not callback._is_better(math.nan, 1.0)
    assert callback._is_better(1.0, math.nan)
    assert not callback._is_better(math.nan, math.nan)


def test_min_delta_is_what_an_improvement_must_exceed():
    callback = MonitorCallback("accuracy", mode="max", min_delta=0.125)
    assert not callback._is_better(0.625, 0.5)
    assert callback._is_better(0.75, 0.5)


def test_an_unknown_mode_is_a_warning():
    with pytest.warns(UserWarning, match="'min', 'max' and 'auto'"):
        assert MonitorCallback("loss", mode="least").mode == "auto"


def test_a_missing_result_is_said_once_with_the_names_there_are():
    stopping = keras.callbacks.EarlyStopping("val_acc", mode="max")
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        stopping.set_model(Fake())
        stopping.on_train_begin()
        for epoch in range(3):
            stopping.on_epoch_end(epoch, {"loss": 1.0, "val_accuracy": 0.5})
    assert len(found) == 1
    assert "did you mean 'val_accuracy'?" in str(found[0].message)


def test_a_missing_result_that_no_metric_could_give_is_an_error():
    with pytest.raises(ValueError, match="did you mean 'mae'"):
        fit(regression(), keras.callbacks.EarlyStopping("maee"))


def test_watching_validation_without_validation_data_is_an_error_before_the_first_step():
    model = regression()
    before = model.get_weights()
    with pytest.raises(ValueError, match="validation_data"):
        fit(model, keras.callbacks.EarlyStopping())
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_result_that_comes_every_second_epoch_is_not_missed():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stopping = keras.callbacks.EarlyStopping(patience=5)
        fit(regression(), stopping, validation_data=data(), validation_freq=2)
    assert stopping.best_epoch == 1


def test_a_second_training_misses_the_result_anew():
    stopping = keras.callbacks.EarlyStopping("nope", mode="min")
    for _ in range(2):
        with pytest.warns(UserWarning, match="'nope'"):
            drive(stopping, [1.0, 0.5])


def test_results_become_plain_numbers():
    assert as_plain(np.float32(0.5)) == 0.5
    assert type(as_plain(np.int64(3))) is int
    assert as_plain(np.array([1.0, 2.0])) == [1.0, 2.0]
    assert as_plain("text") == "text"


def test_a_result_of_validation_may_come_from_another_callback():
    class Scores(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_score"] = [0.1, 0.5, 0.4, 0.3][epoch]

    stopping = keras.callbacks.EarlyStopping("val_score", mode="max", patience=2)
    history = fit(regression(), Scores(), stopping, epochs=4)
    assert stopping.best == 0.5 and len(history.epoch) == 4
    with pytest.raises(ValueError, match="there are no validation data"):
        fit(regression(), keras.callbacks.EarlyStopping("val_score", mode="max"))
