"""Models that override a part of training: both libraries come to the same results."""

import keras as oracle
import numpy as np
import pytest

import cornu

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(20, 4)).astype("float32")
Y = RANDOM.normal(size=(20, 2)).astype("float32")


def base(library):
    class Base(library.Model):
        def __init__(self):
            super().__init__()
            self.dense = library.layers.Dense(2)

        def call(self, x, training=None):
            return self.dense(x)

    return Base


def metrics(library):
    class Measured(base(library)):
        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            results = super().compute_metrics(x, y, y_pred, sample_weight)
            results["sum"] = library.ops.sum(y_pred)
            return results

    return Measured


def older_loss(library):
    class Older(base(library)):  # written before there was an argument `training`
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return library.ops.mean(library.ops.abs(y - y_pred))

    return Older


def wrapped_steps(library):
    class Wrapped(base(library)):
        def train_step(self, *args, **kwargs):
            logs, state = super().train_step(*args, **kwargs)
            return {**logs, "twice": logs["loss"] * 2}, state

        def test_step(self, *args, **kwargs):
            logs, state = super().test_step(*args, **kwargs)
            return {**logs, "thrice": logs["loss"] * 3}, state

    return Wrapped


def hooks(library):
    class Hooked(base(library)):
        made = ()

        def make_train_function(self, force=False):
            self.made += ("train",)
            return super().make_train_function(force)

        def make_test_function(self, force=False):
            self.made += ("test",)
            return super().make_test_function(force)

        def make_predict_function(self, force=False):
            self.made += ("predict",)
            return super().make_predict_function(force)

    return Hooked


def trained(library, write):
    model = write(library)()
    model(X[:1])
    model.set_weights([np.linspace(0, 1, w.size).reshape(w.shape) for w in model.get_weights()])
    model.compile("sgd", "mse", metrics=["mae"])
    history = model.fit(
        X, Y, epochs=2, batch_size=8, shuffle=False, verbose=0, validation_data=(X, Y)
    )
    model.evaluate(X, Y, verbose=0)
    model.predict(X, verbose=0)
    return history.history, model.get_weights(), model


@pytest.mark.parametrize("write", [metrics, older_loss, wrapped_steps])
def test_overridden_parts_decide(write):
    (expected, weights, _), (found, own_weights, _) = trained(oracle, write), trained(cornu, write)
    assert list(found) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-5, err_msg=name)
    for a, b in zip(own_weights, weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_functions_are_made_through_the_hooks():
    _, _, model = trained(cornu, hooks)
    assert set(model.made) == {"train", "test", "predict"}
    assert model.made[0] == "train"
