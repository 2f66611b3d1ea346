"""The public methods of training, argument by argument."""

from unittest import mock

import numpy as np
import pytest

import cornu as keras
from cornu import layers
from train.models import blobs, classifier


def test_fit_returns_the_history():
    x, y = blobs()
    model = classifier()
    history = model.fit(x, y, epochs=3, verbose=0)
    assert history is model.history
    assert history.epoch == [0, 1, 2]
    assert sorted(history.history) == ["accuracy", "loss"]
    assert all(isinstance(value, float) for value in history.history["loss"])


def test_epochs_go_on_from_initial_epoch():
    x, y = blobs()
    history = classifier().fit(x, y, initial_epoch=3, epochs=5, verbose=0)
    assert history.epoch == [3, 4]


def test_validation_only_when_due():
    x, y = blobs()
    model = classifier()
    history = model.fit(x, y, epochs=4, validation_data=(x, y), validation_freq=2, verbose=0)
    assert len(history.history["loss"]) == 4
    assert len(history.history["val_loss"]) == 2
    history = model.fit(x, y, epochs=4, validation_split=0.25, validation_freq=[1, 4], verbose=0)
    assert len(history.history["val_accuracy"]) == 2


def test_steps_per_epoch_continue_through_the_data():
    seen = []

    def batches():
        for i in range(100):
            seen.append(i)
            x, y = blobs(samples=8, seed=i)
            yield x, y

    history = classifier().fit(batches(), steps_per_epoch=5, epochs=3, verbose=0)
    assert len(history.history["loss"]) == 3
    assert seen == list(range(15))


def test_a_generator_of_unknown_length_ends_its_epoch_itself():
    def batches():
        for i in range(4):
            yield blobs(samples=8, seed=i)

    model = classifier()
    model.fit(batches(), verbose=0)
    assert int(model.optimizer.iterations.value) == 4


def test_class_weights_are_sample_weights():
    x, y = blobs()
    weighted = classifier()
    weighted.fit(x, y, class_weight={0: 1.0, 1: 2.0, 2: 3.0}, shuffle=False, verbose=0)
    sampled = classifier()
    sampled.fit(x, y, sample_weight=y + 1.0, shuffle=False, verbose=0)
    for a, b in zip(weighted.get_weights(), sampled.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_evaluate_gives_a_number_a_list_or_a_dict():
    x, y = blobs()
    model = classifier()
    values = model.evaluate(x, y, verbose=0)
    named = model.evaluate(x, y, verbose=0, return_dict=True)
    assert values == [named["loss"], named["accuracy"]]
    assert isinstance(classifier(metrics=None).evaluate(x, y, verbose=0), float)


@pytest.mark.parametrize("count", [1, 3, 31, 32, 33, 96])
def test_predict_gives_a_row_for_each_sample(count):
    x, _ = blobs()
    model = classifier()
    outputs = model.predict(x[:count], batch_size=32, verbose=0)
    assert outputs.shape == (count, 3)
    np.testing.assert_allclose(outputs, np.asarray(model(x[:count])), rtol=1e-5, atol=1e-6)


def test_predicting_any_number_of_samples_compiles_few_programs():
    x, _ = blobs()
    model = classifier()
    for count in range(1, 33):
        model.predict(x[:count], verbose=0)
    (program,) = [p.program for p in model._programs.values()]
    assert program._cache_size() <= 6  # 1, 2, 4, 8, 16, 32


def test_predict_keeps_the_structure_of_the_outputs():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, {"a": layers.Dense(1)(inputs), "b": [inputs * 2]})
    x, _ = blobs()
    outputs = model.predict(x, verbose=0)
    assert outputs["a"].shape == (96, 1)
    np.testing.assert_allclose(outputs["b"][0], x * 2)


def test_single_batches_train_test_and_predict():
    x, y = blobs()
    model = classifier()
    first = model.train_on_batch(x, y, return_dict=True)
    for _ in range(20):
        last = model.train_on_batch(x, y, return_dict=True)
    assert last["loss"] < first["loss"]
    assert model.test_on_batch(x, y)[0] < first["loss"]
    assert model.predict_on_batch(x).shape == (96, 3)


def test_weights_may_be_read_and_written_between_batches():
    class Freeze(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.layers[0].kernel.assign(np.zeros((4, 8)))

    x, y = blobs()
    model = classifier()
    model.fit(x, y, verbose=0, callbacks=[Freeze()])
    assert not model.layers[0].kernel.numpy().any()


def test_the_learning_rate_may_be_set_between_epochs():
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.optimizer.learning_rate = 0.0
                self.before = self.model.get_weights()

    x, y = blobs()
    model, stop = classifier(), Stop()
    model.fit(x, y, epochs=2, verbose=0, callbacks=[stop])
    for a, b in zip(model.get_weights(), stop.before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_stop_training_ends_after_the_epoch():
    class StopSoon(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    x, y = blobs()
    history = classifier().fit(x, y, epochs=9, verbose=0, callbacks=[StopSoon()])
    assert len(history.epoch) == 2


def test_mixed_precision_trains():
    x, y = blobs()
    for policy in ("mixed_bfloat16", "mixed_float16"):
        keras.mixed_precision.set_dtype_policy(policy)
        try:
            model = classifier(optimizer=keras.optimizers.SGD(0.1))
        finally:
            keras.mixed_precision.set_dtype_policy("float32")
        history = model.fit(x, y, epochs=8, verbose=0).history["loss"]
        assert history[-1] < history[0], policy
        assert model.layers[0].kernel.dtype == "float32"


def test_a_generator_that_ends_early_ends_the_training_with_its_history():
    def batches():
        for i in range(4):
            yield blobs(samples=8, seed=i)

    with pytest.warns(UserWarning, match="ran out of data: no batch in epoch 2"):
        history = classifier().fit(batches(), epochs=5, verbose=0)
    assert history.epoch == [0]
    assert len(history.history["loss"]) == 1


def test_validation_data_that_end_do_not_end_the_training():
    x, y = blobs()
    batches = ((x[i : i + 8], y[i : i + 8]) for i in range(0, 96, 8))
    with pytest.warns(UserWarning, match="ran out of data: no batch is left"):
        history = classifier().fit(x, y, validation_data=batches, epochs=3, verbose=0)
    assert len(history.history["loss"]) == 3
    assert len(history.history["val_loss"]) == 1


def test_without_a_loss_metrics_can_be_evaluated_and_nothing_be_trained():
    x, y = blobs()
    model = classifier(loss=None)
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert loss == 0.0
    assert 0.0 < accuracy < 1.0
    with pytest.raises(ValueError, match="There is no loss"):
        model.fit(x, y, verbose=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"verbose": "x"}, 'verbose must be 0, 1, 2 or "auto"'),
        ({"validation_freq": 0, "validation_split": 0.25}, "validation_freq must be at least 1"),
    ],
)
def test_odd_options_are_explained(options, message):
    x, y = blobs()
    with pytest.raises(ValueError, match=message):
        classifier().fit(x, y, **{"verbose": 0, **options})


def test_a_callback_can_stop_an_evaluation_and_a_prediction():
    class Stop(keras.callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            self.model.stop_evaluating = batch == 1

        def on_predict_batch_end(self, batch, logs=None):
            assert isinstance(logs["outputs"], np.ndarray)
            self.model.stop_predicting = batch == 1

    x, y = blobs(64)
    model = classifier()
    some = model.evaluate(x[:16], y[:16], verbose=0)
    np.testing.assert_allclose(
        model.evaluate(x, y, batch_size=8, verbose=0, callbacks=[Stop()]), some, rtol=1e-6
    )
    assert len(model.predict(x, batch_size=8, verbose=0, callbacks=[Stop()])) == 16
    assert len(model.predict(x, batch_size=8, verbose=0)) == 64


def test_a_model_without_trainable_weights_says_so():
    x, y = blobs()
    model = classifier()
    model.trainable = False
    with pytest.warns(UserWarning, match="no trainable weights"):
        model.fit(x, y, verbose=0)


@pytest.mark.parametrize("wrong", [{"loss": 3}, {"metrics": [0.5]}])
def test_numbers_are_no_losses_and_no_metrics(wrong):
    with pytest.raises(ValueError, match="is not a"):
        classifier(**wrong)


def test_no_data_is_explained():
    model = classifier()
    with pytest.raises(ValueError, match="gave no batch"):
        model.fit(iter([]), verbose=0)


def test_output_goes_to_a_log_without_control_characters(capsys):
    x, y = blobs()
    model = classifier()
    model.fit(x, y, epochs=2, validation_split=0.25)
    model.evaluate(x, y)
    model.predict(x)
    out = capsys.readouterr().out
    assert not set(out) & {"\r", "\b", "\x1b"}
    assert out.count("Epoch") == 2
    assert "val_loss" in out


def test_verbose_0_is_silent(capsys):
    x, y = blobs()
    model = classifier()
    model.fit(x, y, verbose=0)
    model.evaluate(x, y, verbose=0)
    model.predict(x, verbose=0)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["compile", "fit", "evaluate", "predict"])
def test_a_method_may_be_wrapped_on_the_object(name):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    with mock.patch.object(model, name, side_effect=getattr(model, name)) as wrapped:
        model.compile("sgd", "mse")
        model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
        model.evaluate(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
        assert model.predict(np.ones((4, 2)), verbose=0).shape == (4, 1)
        with pytest.raises(TypeError, match=f"{name} takes no argument 'epoch_count'") as caught:
            getattr(model, name)(None, epoch_count=2)
    assert wrapped.call_count == 2
    assert "self" not in str(caught.value)
