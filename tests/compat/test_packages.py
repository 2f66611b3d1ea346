"""What packages around Keras do with a model, a callback or a history, without those packages."""

import copy
import itertools
import json
import math
import pickle

import numpy as np
import pytest

from cornu import ops
from cornu.callbacks import Callback
from cornu.layers import Dense, Input
from cornu.models import Sequential, load_model
from cornu.optimizers.schedules import ExponentialDecay

X = np.random.default_rng(0).normal(size=(16, 3))
Y = X @ np.array([[1.0], [2.0], [-1.0]])


def make(learning_rate=0.1):
    model = Sequential([Input((3,)), Dense(1, name="out")])
    model.compile("sgd", "mse", metrics=["mae"])
    model.optimizer.learning_rate = learning_rate
    return model


# ---- callbacks: optuna, wandb, mlflow, comet ----------------------------------------------------


class PrunedError(Exception):
    """What a study raises inside of a callback to end a trial."""


class Pruning(Callback):
    """Reports a metric of each epoch, and ends the trial after some."""

    def __init__(self, epochs, monitor="val_loss"):
        super().__init__()
        self.epochs, self.monitor, self.reported = epochs, monitor, []

    def on_epoch_end(self, epoch, logs=None):
        self.reported.append(float(logs.get(self.monitor)))
        if len(self.reported) == self.epochs:
            raise PrunedError(f"pruned at epoch {epoch}")


def test_a_study_prunes_a_trial_and_goes_on():
    model = make()
    pruning = Pruning(2)
    with pytest.raises(PrunedError, match="epoch 1"):
        model.fit(X, Y, epochs=5, validation_data=(X, Y), verbose=0, callbacks=[pruning])
    assert len(pruning.reported) == 2
    # The model is what the last epoch made of it, and trains on.
    assert model.evaluate(X, Y, verbose=0)[0] == pytest.approx(pruning.reported[-1], rel=1e-5)
    model.fit(X, Y, epochs=1, verbose=0)


class Tracking(Callback):
    """Notes what experiment trackers send: parameters, logs, learning rates, the model itself."""

    def __init__(self, path):
        super().__init__()
        self.path, self.sent, self.summary = path, [], []

    def on_train_begin(self, logs=None):
        self.sent.append({**self.params, **self.model.optimizer.get_config()})
        self.model.summary(print_fn=self.summary.append)
        self.sent.append(json.loads(self.model.to_json()))

    def learning_rate(self):
        rate = self.model.optimizer.learning_rate
        assert rate.shape == ()
        return float(ops.convert_to_numpy(rate))

    def on_train_batch_end(self, batch, logs=None):
        self.sent.append({"batch": batch, **{f"batch/{k}": v for k, v in logs.items()}})

    def on_epoch_end(self, epoch, logs=None):
        self.sent.append({"epoch": epoch, **logs, "rate": self.learning_rate()})
        for layer in self.model.layers:
            assert all(np.isfinite(w).all() for w in layer.get_weights())
        self.model.save(self.path)

    def on_test_end(self, logs=None):
        self.sent.append({"test": dict(logs)})


@pytest.mark.parametrize("rate", [0.1, ExponentialDecay(0.1, 1, 0.5)], ids=["number", "schedule"])
def test_a_tracker_sends_what_it_sees(tmp_path, rate):
    model = make(rate)
    tracking = Tracking(tmp_path / "m.keras")
    model.fit(X, Y, epochs=2, batch_size=8, validation_data=(X, Y), verbose=0, callbacks=[tracking])
    model.evaluate(X, Y, verbose=0, callbacks=[tracking])
    json.dumps(tracking.sent)  # plain numbers and texts: trackers write them as JSON
    assert tracking.sent[0]["epochs"] == 2 and tracking.sent[0]["steps"] == 2
    assert "momentum" in tracking.sent[0]
    assert any("out" in line for line in tracking.summary)
    epochs = [sent for sent in tracking.sent if "epoch" in sent]
    assert [sorted(sent) for sent in epochs] == [
        sorted(["epoch", "loss", "mae", "val_loss", "val_mae", "rate"])
    ] * 2
    assert all(type(sent["loss"]) is float for sent in epochs)
    assert epochs[0]["rate"] == pytest.approx(0.1 if rate == 0.1 else 0.025)
    assert len([sent for sent in tracking.sent if "batch" in sent]) == 4
    assert len([sent for sent in tracking.sent if "test" in sent]) == 3
    saved = load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(saved.predict(X, verbose=0), model.predict(X, verbose=0))


# ---- search: GridSearchCV, joblib ---------------------------------------------------------------


def test_estimators_are_cloned_copied_and_sent_to_processes():
    model = make()
    history = model.fit(X, Y, epochs=1, verbose=0)
    expected = model.predict(X, verbose=0)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(twin.predict(X, verbose=0), expected)
        twin.fit(X, Y, epochs=1, verbose=0)  # with its optimizer, and apart from the first
        np.testing.assert_array_equal(model.predict(X, verbose=0), expected)
        assert int(twin.optimizer.iterations) == int(model.optimizer.iterations) + 1
    assert pickle.loads(pickle.dumps(history)).history == history.history


def test_a_grid_search():
    base = pytest.importorskip("sklearn.base")
    selection = pytest.importorskip("sklearn.model_selection")

    class Estimator(base.RegressorMixin, base.BaseEstimator):
        def __init__(self, model=None, learning_rate=0.1):
            self.model, self.learning_rate = model, learning_rate

        def fit(self, x, y):
            self.model_ = copy.deepcopy(self.model)
            self.model_.optimizer.learning_rate = self.learning_rate
            self.model_.fit(x, y, epochs=2, batch_size=8, verbose=0)
            return self

        def predict(self, x):
            return self.model_.predict(x, verbose=0)[:, 0]

    model = make()
    grid = {"learning_rate": [1e-4, 0.1]}
    search = selection.GridSearchCV(Estimator(model), grid, cv=2, error_score="raise")
    search.fit(X, Y[:, 0])  # clones the estimator, and the model in it, once for each fit
    assert search.best_params_ == {"learning_rate": 0.1}
    assert search.best_estimator_.model is not model
    assert int(model.optimizer.iterations) == 0


# ---- explanations: KernelExplainer(model.predict) -----------------------------------------------


def test_shapley_values_of_a_predict_function():
    # An explainer hands over float64 rows, any number of them, with features replaced by those of
    # a background, and takes means of what comes back. For a linear model the answer is known.
    model = make()
    model.get_layer("out").set_weights([np.array([[1.0], [2.0], [-1.0]]), np.array([0.5])])
    background, row = X[:5], X[7]
    calls = 0

    def value(present):
        nonlocal calls
        calls += 1
        rows = background.copy()
        rows[:, list(present)] = row[list(present)]
        out = model.predict(rows, verbose=0)
        assert isinstance(out, np.ndarray) and out.shape == (5, 1)
        return out.mean()

    values = []
    for i in range(3):
        others = [j for j in range(3) if j != i]
        total = 0.0
        for size in range(3):
            for present in itertools.combinations(others, size):
                weight = math.factorial(size) * math.factorial(2 - size) / math.factorial(3)
                total += weight * (value((*present, i)) - value(present))
        values.append(total)
    np.testing.assert_allclose(values, [1, 2, -1] * (row - background.mean(0)), rtol=1e-4)
    assert calls == 24


@pytest.mark.parametrize("rows", [1, 2, 7, 33])
def test_predict_of_any_number_of_rows(rows):
    model = make()
    x = np.tile(X, (3, 1))[:rows]
    out = model.predict(x, verbose=0)
    assert out.shape == (rows, 1) and out.flags.writeable
    np.testing.assert_allclose(out, x @ model.get_weights()[0] + model.get_weights()[1], rtol=1e-4)
