"""Losses against Keras on its JAX backend: see `losses.py` for the rows."""

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from cornu import losses
from cornu.core.masks import set_mask
from parity.losses import CLASSES, FUNCTIONS, INPUTS, LOST_BY_KERAS, NAMES, REFUSED

REDUCTIONS = ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None]
WEIGHTS = np.array([1.0, 2.0, 0.0, 0.5, 3.0, 1.0], "float32")


def make(library, call, **extra):
    loss = eval(call, vars(library).copy())
    return type(loss).from_config({**loss.get_config(), **extra}) if extra else loss


def close(got, expected, what=""):
    tolerance = 3e-3 if np.asarray(expected).dtype == np.float16 else 2e-5
    np.testing.assert_allclose(
        np.asarray(got, "float32"),
        np.asarray(expected, "float32"),
        tolerance,
        tolerance,
        True,
        what,
    )


@pytest.mark.parametrize("row", CLASSES, ids=str)
def test_values_by_reduction(row):
    y_true, y_pred = INPUTS[row.targets], INPUTS[row.predictions]
    for reduction in REDUCTIONS:
        theirs, ours = eval(row.call, vars(keras.losses).copy()), make(losses, row.call)
        theirs.reduction = ours.reduction = reduction
        got, expected = ours(y_true, y_pred), theirs(y_true, y_pred)
        assert got.dtype == expected.dtype and got.shape == expected.shape
        close(got, expected, reduction)


@pytest.mark.parametrize("row", CLASSES, ids=str)
def test_values_with_weights(row):
    y_true, y_pred = INPUTS[row.targets], INPUTS[row.predictions]
    values = eval(row.call, vars(keras.losses).copy())
    values.reduction = None
    shape = values(y_true, y_pred).shape
    weights = WEIGHTS.reshape(-1, *[1] * (len(shape) - 1)) if shape else 2.0
    for reduction in REDUCTIONS:
        theirs, ours = eval(row.call, vars(keras.losses).copy()), make(losses, row.call)
        theirs.reduction = ours.reduction = reduction
        close(ours(y_true, y_pred, weights), theirs(y_true, y_pred, weights), reduction)


@pytest.mark.parametrize("weights", [None, (6, 1), (6, 4)], ids=str)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_masks(reduction, weights):
    y_true, y_pred = INPUTS["steps"], jnp.asarray(INPUTS["more steps"])
    mask = np.arange(4) < np.array([4, 2, 1, 3, 4, 2])[:, None]
    if weights is not None:
        weights = np.arange(np.prod(weights), dtype="float32").reshape(weights)
    y_pred._keras_mask = mask  # how Keras hands on a mask
    set_mask(y_pred, mask)  # and how we do
    theirs = keras.losses.MeanSquaredError(reduction=reduction)
    ours = losses.MeanSquaredError(reduction=reduction)
    close(ours(y_true, y_pred, weights), theirs(y_true, y_pred, weights))


@pytest.mark.parametrize("row", [r for r in CLASSES if "float16" not in r.call], ids=str)
def test_gradients(row):
    y_true, y_pred = INPUTS[row.targets], jnp.asarray(INPUTS[row.predictions])
    theirs, ours = eval(row.call, vars(keras.losses).copy()), make(losses, row.call)
    got = jax.grad(lambda y: ours(y_true, y))(y_pred)
    expected = jax.grad(lambda y: theirs(y_true, y))(y_pred)
    np.testing.assert_allclose(got, expected, 2e-4, 2e-5)


@pytest.mark.parametrize("row", FUNCTIONS, ids=str)
def test_functions(row):
    y_true, y_pred = INPUTS[row.targets], INPUTS[row.predictions]
    expected = getattr(keras.losses, row.call)(y_true, y_pred, **needed(row))
    got = getattr(losses, row.call)(y_true, y_pred, **needed(row))
    assert got.shape == expected.shape
    close(got, expected)


def needed(row):
    """The settings that a function cannot do without."""
    return {"q": 0.7} if "generalized" in row.call else {}


@pytest.mark.parametrize("row", FUNCTIONS, ids=str)
def test_functions_take_symbolic_tensors(row):
    from cornu.core.symbolic import KerasTensor

    def symbolic(x):
        return KerasTensor((None, *x.shape[1:]), x.dtype.name)

    y_true, y_pred = INPUTS[row.targets], INPUTS[row.predictions]
    expected = getattr(losses, row.call)(y_true, y_pred, **needed(row)).shape
    if row.call == "circle":
        pytest.skip("compares samples with each other, so it needs to know how many there are")
    got = getattr(losses, row.call)(symbolic(y_true), symbolic(y_pred), **needed(row)).shape
    assert got == ((None, *expected[1:]) if expected else ())


@pytest.mark.parametrize("row", CLASSES, ids=str)
def test_configs(row):
    name = row.call.split("(")[0]
    theirs, ours = eval(row.call, vars(keras.losses).copy()), make(losses, row.call)
    got, expected = ours.get_config(), theirs.get_config()
    lost = LOST_BY_KERAS.get(name, set()) | ({"dtype"} if "dtype" in row.call else set())
    assert {k: v for k, v in got.items() if k not in lost} == expected
    assert lost <= got.keys()
    assert losses.serialize(ours)["module"] == keras.losses.serialize(theirs)["module"]
    # Each reads what the other wrote.
    again = losses.deserialize(keras.losses.serialize(theirs))
    assert again.get_config().items() >= expected.items()
    keras.losses.deserialize(losses.serialize(ours))


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    theirs, ours = keras.losses.get(name), losses.get(name)
    expected = getattr(theirs, "__name__", type(theirs).__name__)
    assert getattr(ours, "__name__", type(ours).__name__) == expected
    if hasattr(theirs, "__name__"):
        assert losses.serialize(ours) == keras.losses.serialize(theirs)
        assert losses.deserialize(losses.serialize(ours)) is ours


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text):
    scope = {name.replace(" ", "_"): value for name, value in INPUTS.items()} | {"x": 1.0}
    with pytest.raises(Exception) as expected:
        eval(text, {**scope, "losses": keras.losses})
    with pytest.raises(Exception) as got:
        eval(text, {**scope, "losses": losses})
    assert got.type is expected.type


def test_every_function_has_a_row():
    listed = {n for n, f in vars(keras.losses).items() if inspect.isfunction(f)}
    assert listed - {"get", "serialize", "deserialize"} == {row.call for row in FUNCTIONS}


def test_every_class_has_a_row():
    tried = {row.call.split("(")[0] for row in CLASSES} | {"Loss"}
    assert {n for n, c in vars(keras.losses).items() if isinstance(c, type)} == tried
