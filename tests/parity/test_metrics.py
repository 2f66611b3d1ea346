"""Metrics against Keras on its JAX backend: see `metrics.py` for the rows."""

import inspect
import re

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from cornu import losses, metrics
from parity.metrics import (
    FUNCTIONS,
    INPUTS,
    LOST_BY_KERAS,
    NAMES,
    NOT_LIKE_KERAS,
    REFUSED,
    ROWS,
    WEIGHTS_NOT_LIKE_KERAS,
    N,
)

HALVES = slice(0, N // 2), slice(N // 2, N)  # of one size, so that each program serves twice
WEIGHTS = np.array([1, 2, 0, 3, 1, 1, 4, 2, 1, 0, 5, 1], "float32")


def without_number(name):
    """`auc_3/total` as `auc/total`: both libraries number their objects as these are made."""
    first, *rest = name.split("/")
    return "/".join([re.sub(r"_\d+$", "", first), *rest])


def both(row):
    return tuple(eval(row.call, vars(library).copy()) for library in (keras.metrics, metrics))


def name_of(row):
    return row.call.split("(")[0]


def assert_same_state(theirs, ours, skipped=()):
    described, expected = (
        [(v.name, without_number(v.path), tuple(v.shape), v.dtype) for v in metric.variables]
        for metric in (ours, theirs)
    )
    assert described == expected
    for e, g in zip(theirs.variables, ours.variables, strict=True):
        if g.name not in skipped:
            np.testing.assert_allclose(g.numpy(), e.numpy(), 2e-5, 2e-5, err_msg=g.name)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_values(row):
    y_true, y_pred = INPUTS[row.targets], INPUTS[row.predictions]
    theirs, ours = both(row)
    for part in HALVES:
        theirs.update_state(y_true[part], y_pred[part])
        ours.update_state(y_true[part], y_pred[part])
        expected, got = theirs.result(), ours.result()
        assert got.shape == expected.shape
        np.testing.assert_allclose(got, expected, 3e-5, 3e-5)
    assert_same_state(theirs, ours, NOT_LIKE_KERAS.get(name_of(row), ()))
    theirs.reset_state()
    ours.reset_state()
    assert_same_state(theirs, ours)


@pytest.mark.parametrize(
    "row", [r for r in ROWS if name_of(r) not in WEIGHTS_NOT_LIKE_KERAS], ids=str
)
def test_values_with_weights(row):
    y_true, y_pred = INPUTS[row.targets], INPUTS[row.predictions]
    weights = WEIGHTS
    if "IoU" in row.call and max(y_true.size, y_pred.size) > N:  # one for each element there
        each = INPUTS["step classes"] if y_true.size != INPUTS["bits"].size else y_true
        each = each if "OneHot" not in row.call else WEIGHTS.reshape(N)
        weights = np.broadcast_to(WEIGHTS.reshape(-1, *[1] * (each.ndim - 1)), each.shape)
        if "one hot" in row.targets or "one hot" in row.call:
            weights = (
                np.broadcast_to(WEIGHTS[:, None], (N, 3)) if "steps" in row.targets else WEIGHTS
            )
    if "axis=-2" in row.call and row.targets == "steps":
        weights = WEIGHTS[:, None]
    theirs, ours = both(row)
    for part in HALVES:
        theirs.update_state(y_true[part], y_pred[part], sample_weight=weights[part])
        ours.update_state(y_true[part], y_pred[part], sample_weight=weights[part])
    np.testing.assert_allclose(ours.result(), theirs.result(), 3e-5, 3e-5)
    assert_same_state(theirs, ours, NOT_LIKE_KERAS.get(name_of(row), ()))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_configs(row):
    theirs, ours = both(row)
    got, expected = ours.get_config(), theirs.get_config()
    for config in (got, expected):
        config["name"] = without_number(config["name"])
    lost = LOST_BY_KERAS.get(name_of(row), set()) - expected.keys()
    if isinstance(expected.get("label_weights"), jnp.ndarray):
        expected["label_weights"] = expected["label_weights"].tolist()
    assert {k: v for k, v in got.items() if k not in lost} == expected
    assert lost <= got.keys()
    serialized = metrics.serialize(ours)
    assert serialized["module"] == "keras.metrics"
    assert metrics.deserialize(serialized).get_config() == serialized["config"]
    keras.metrics.deserialize(serialized)


@pytest.mark.parametrize("row", FUNCTIONS, ids=str)
def test_functions(row):
    y_true, y_pred = INPUTS[row.targets], INPUTS[row.predictions]
    expected = getattr(keras.metrics, row.call)(y_true, y_pred)
    got = getattr(metrics, row.call)(y_true, y_pred)
    assert got.dtype == expected.dtype and got.shape == expected.shape
    np.testing.assert_allclose(got, expected, 3e-5, 3e-5)


VALUES = [(), (4,), (4, 1), (4, 3), (4, 3, 2)]
WEIGHT_SHAPES = [None, (4,), (4, 1), (4, 3), (1,), (3,), (4, 3, 2), (4, 3, 1), (5,)]


@pytest.mark.parametrize("shape", VALUES)
@pytest.mark.parametrize("weight_shape", WEIGHT_SHAPES)
@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_weights_broadcast_alike(name, shape, weight_shape):
    values = np.arange(np.prod(shape, dtype=int), dtype="float32").reshape(shape) + 1
    weights = None
    if weight_shape is not None:
        weights = np.arange(np.prod(weight_shape), dtype="float32").reshape(weight_shape) + 0.5
    theirs, ours = getattr(keras.metrics, name)(), getattr(metrics, name)()
    try:
        theirs.update_state(values, sample_weight=weights)
    except ValueError:
        with pytest.raises(ValueError, match="sample_weight does not broadcast"):
            ours.update_state(values, sample_weight=weights)
        return
    ours.update_state(values, sample_weight=weights)
    assert_same_state(theirs, ours)


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    theirs, ours = keras.metrics.get(name), metrics.get(name)
    assert type(ours).__name__ == type(theirs).__name__
    assert without_number(ours.name) == without_number(theirs.name)


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text):
    scope = {name.replace(" ", "_"): value for name, value in INPUTS.items()}
    with pytest.raises(Exception) as expected:
        eval(text, {**scope, "metrics": keras.metrics})
    with pytest.raises(Exception) as got:
        eval(text, {**scope, "metrics": metrics})
    assert got.type is expected.type


def test_wrapper_config():
    settings = {"name": "h", "delta": 2.0}
    theirs = keras.metrics.MeanMetricWrapper(keras.losses.huber, **settings)
    ours = metrics.MeanMetricWrapper(metrics.huber, **settings)
    assert ours.get_config() == theirs.get_config()
    again = metrics.deserialize(keras.metrics.serialize(theirs))
    assert float(again([[0.0]], [[3.0]])) == float(theirs([[0.0]], [[3.0]]))


def test_variables_of_an_own_metric():
    def define(library):
        class Spread(library.Metric):
            def __init__(self, name="spread", **kwargs):
                super().__init__(name=name, **kwargs)
                self.inner = library.Mean(name="inner")
                self.low = self.add_weight(shape=(2,), initializer="zeros", name="low")
                self.high = self.add_variable((), "zeros", name="high")

            def update_state(self, y_true, y_pred, sample_weight=None):
                self.inner.update_state(y_pred)
                self.high.assign_add(1.0)

            def result(self):
                return self.inner.result()

        return Spread()

    theirs, ours = define(keras.metrics), define(metrics)
    theirs.update_state(None, jnp.array([1.0, 2.0]))
    ours.update_state(None, jnp.array([1.0, 2.0]))
    assert_same_state(theirs, ours)


def test_every_function_has_a_row_or_is_a_loss():
    """Functions of losses are the same objects here, and have their rows there."""
    listed = {n for n, f in vars(keras.metrics).items() if inspect.isfunction(f)}
    shared = {n for n in listed if getattr(metrics, n) is getattr(losses, n, None)}
    assert listed - shared - {"get", "serialize", "deserialize"} <= {r.call for r in FUNCTIONS}


def test_every_class_has_a_row():
    tried = {row.call.split("(")[0] for row in ROWS} | {
        "Metric",
        "Mean",
        "Sum",
        "MeanMetricWrapper",
    }
    assert {n for n, c in vars(keras.metrics).items() if isinstance(c, type)} == tried
