"""What a step reads and writes is carried, whether a list of the model names it or not."""

import inspect

import numpy as np
import pytest

import cornu as keras
from cornu import layers, ops
from cornu.engine.compilations import counted

X = np.random.default_rng(0).uniform(size=(12, 3)).astype("float32")
HOT = np.eye(3, dtype="float32")[np.arange(12) % 3]


def softmax_model(**settings):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy", **settings)
    return model


def every_metric():
    needs = {
        "MeanIoU": {"num_classes": 3, "sparse_y_pred": False},
        "IoU": {"num_classes": 3, "target_class_ids": [0], "sparse_y_pred": False},
        "BinaryIoU": {"target_class_ids": [0]},
        "OneHotIoU": {"num_classes": 3, "target_class_ids": [0]},
        "OneHotMeanIoU": {"num_classes": 3}, "MeanRelativeError": {"normalizer": [1.0, 1.0, 1.0]},
        "PrecisionAtRecall": {"recall": 0.5}, "RecallAtPrecision": {"precision": 0.5},
        "SensitivityAtSpecificity": {"specificity": 0.5},
        "SpecificityAtSensitivity": {"sensitivity": 0.5}, "AUC": {"multi_label": True},
    }  # fmt: skip
    ids = {"MeanIoU", "IoU"} | {n for n in dir(keras.metrics) if n.startswith("Sparse")}
    bases = {"Metric", "Mean", "Sum", "MeanMetricWrapper", "Variable"}
    for name, cls in inspect.getmembers(keras.metrics, inspect.isclass):
        if issubclass(cls, keras.Metric) and name not in bases and cls.__name__ == name:
            yield cls(**needs.get(name, {}), name=name.lower()), name in ids


def test_every_metric_measures_in_compile_and_says_the_same_after_loading(tmp_path):
    metrics = list(every_metric())
    assert len(metrics) > 40
    for by_ids in (False, True):
        chosen = [metric for metric, takes_ids in metrics if takes_ids == by_ids]
        y = HOT.argmax(1)[:, None] if by_ids else HOT
        model = keras.Sequential([keras.Input((3,)), layers.Dense(3, activation="softmax")])
        loss = "sparse_categorical_crossentropy" if by_ids else "mse"
        model.compile("sgd", loss, metrics=chosen[::2], weighted_metrics=chosen[1::2])
        history = model.fit(X, y, batch_size=6, verbose=0).history
        assert {metric.name for metric in chosen} < set(history)
        results = model.evaluate(X, y, verbose=0, return_dict=True)
        model.save(tmp_path / "m.keras")
        again = keras.saving.load_model(tmp_path / "m.keras")
        for name, value in again.evaluate(X, y, verbose=0, return_dict=True).items():
            np.testing.assert_allclose(value, results[name], rtol=1e-5, err_msg=name)
        again.train_on_batch(X, y)


def test_variables_made_with_the_first_batch_cost_no_second_program():
    model = softmax_model(metrics=[keras.metrics.F1Score(average="macro")])
    with counted() as programs:
        model.fit(X, HOT, batch_size=6, epochs=2, verbose=0)
        model.fit(X, HOT, batch_size=6, verbose=0)
    assert programs == {"train_step_loop": 1}


class Level(layers.Layer):
    """Measures what passes through."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.level = keras.metrics.Mean(name="level")

    def call(self, x):
        self.level.update_state(ops.abs(x))
        return x


def test_a_metric_inside_a_layer_measures_in_fit_and_stays_in_predict():
    layer = Level()
    model = keras.Sequential([keras.Input((3,)), layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    assert model.fit(2 * np.ones((4, 3)), np.ones((4, 1)), verbose=0).history["level"] == [2.0]
    assert model.predict(np.ones((4, 3)), verbose=0).shape == (4, 1)
    state = model.trainable_variables, model.non_trainable_variables
    model.stateless_call(*[[v.value for v in part] for part in state], np.ones((4, 3)))
    assert float(layer.level.result()) == 2.0


class OwnLoss(keras.Model):
    """A loss of its own, and what it shows of it."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)
        self.shown = keras.metrics.Mean(name="my_loss")

    def call(self, x):
        return self.dense(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = ops.mean((y - y_pred) ** 2)
        self.shown.update_state(loss)
        return loss

    @property
    def metrics(self):
        return [self.shown]


@pytest.mark.parametrize("eagerly", [False, True])
def test_metrics_that_a_model_lists_itself(eagerly):
    model = OwnLoss()
    model.compile("sgd", run_eagerly=eagerly)
    history = model.fit(X, HOT[:, :1], epochs=2, verbose=0).history
    assert list(history) == ["my_loss"] and history["my_loss"][1] < history["my_loss"][0]


class Weighted(keras.losses.Loss):
    """Counts its calls in a variable of its own."""

    def __init__(self):
        super().__init__()
        self.calls = keras.Variable(0.0)

    def call(self, y_true, y_pred):
        self.calls.assign_add(1.0)
        return ops.mean((y_true - y_pred) ** 2, axis=-1)


def test_what_a_loss_writes_is_kept():
    loss = Weighted()
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", loss)
    model.fit(X, HOT[:, :1], batch_size=4, epochs=2, verbose=0)
    assert float(loss.calls) == 6.0


@pytest.mark.parametrize("eagerly", [False, True])
def test_a_variable_that_a_callback_anneals_is_read_anew(eagerly):
    factor = keras.Variable(1.0)
    anneal = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: factor.assign(float(epoch))
    )
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", lambda y, p: factor * ops.ones_like(y), run_eagerly=eagerly)
    history = model.fit(X, HOT[:, :1], epochs=3, verbose=0, callbacks=[anneal]).history
    assert history["loss"] == [0.0, 1.0, 2.0]


def test_what_each_call_makes_for_itself_lives_no_longer():
    class Centered(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            y = self.dense(x)
            return y - keras.metrics.Mean()(y)

    model = Centered()
    model.compile("sgd", "mse")
    with counted() as programs:
        model.fit(X, HOT[:, :1], batch_size=8, epochs=2, verbose=0)
    assert programs == {"train_step_loop": 1, "train_step": 1}
    assert abs(model.predict(X[:8], verbose=0).mean()) < 1e-6


def test_a_step_of_values_must_not_assign():
    class Mistaken(OwnLoss):
        def train_step(self, state, data):
            logs, state = super().train_step(state, data)
            self.shown.update_state(1.0)
            return logs, state

    model = Mistaken()
    model.compile("sgd")
    with pytest.raises(RuntimeError, match="Mistaken.train_step assigns to .*my_loss/total"):
        model.fit(X, HOT[:, :1], verbose=0)


def test_a_step_of_any_arguments_is_given_state_and_data():
    class Passing(OwnLoss):
        def train_step(self, *args):
            return super().train_step(*args)

    model = Passing()
    model.compile("sgd")
    assert "my_loss" in model.fit(X, HOT[:, :1], verbose=0).history


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (lambda y, p: (y - p) ** 2, "an array of shape (12, 1)"),
        (lambda y, p: None, "returned None"),
    ],
)
def test_a_loss_that_is_no_number_is_said_with_the_name_of_its_method(loss, said):
    class Vector(OwnLoss):
        def compute_loss(self, x=None, y=None, y_pred=None, **kwargs):
            return loss(y, y_pred)

    model = Vector()
    model.compile("sgd")
    with pytest.raises(ValueError, match="Vector.compute_loss") as caught:
        model.fit(X, HOT[:, :1], verbose=0)
    assert said in str(caught.value)
