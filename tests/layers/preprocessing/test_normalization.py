"""Normalization: moments by definition, in any order, and what is refused."""

import copy
import pickle
import warnings

import jax
import keras
import numpy as np
import pandas as pd
import pytest

import cornu
from cornu.layers import Dense, Input, Normalization

X = np.random.default_rng(0).normal((5, -3, 1e6), (3, 0.1, 1.0), (300, 3))


def adapted(data=X, **settings):
    layer = Normalization(**settings)
    layer.adapt(data)
    return layer


def test_mean_and_variance_by_definition():
    layer = adapted()
    np.testing.assert_allclose(layer.mean, X.mean(0, keepdims=True), 1e-6)
    np.testing.assert_allclose(layer.variance, X.var(0, keepdims=True), 1e-5)


@pytest.mark.parametrize("axis", [None, -1, 1, (1, 2), (2, -3 + 1)])
def test_axes(axis):
    x = np.random.default_rng(1).normal(2, 3, (20, 4, 3)).astype("float32")
    theirs = keras.layers.Normalization(axis=axis)
    theirs.adapt(x)
    ours = adapted(x, axis=axis)
    np.testing.assert_allclose(ours(x), theirs(x), 1e-4, 1e-5)
    assert ours.get_config() == {**theirs.get_config(), "name": ours.name}


def test_any_order_and_size_of_batches_gives_the_same():
    rows = np.random.default_rng(2).permutation(len(X))
    streams = [X, [X[:1], X[1:7], X[7:]], np.split(X[rows], 30), (row for row in X[rows])]
    layers = [adapted(stream) for stream in streams]
    for layer in layers[1:]:
        np.testing.assert_allclose(layer.mean.ravel(), layers[0].mean.ravel(), 1e-7)
        np.testing.assert_allclose(layer.variance.ravel(), layers[0].variance.ravel(), 1e-6)


def test_a_small_spread_around_a_large_mean_survives():
    x = 1e8 + np.arange(1000.0)[:, None] % 2
    assert float(adapted(x).variance[0, 0]) == 0.25


@pytest.mark.parametrize("dtype", ["float16", "uint8", "bool", "int64", "float64"])
def test_dtypes_of_data_and_inputs(dtype):
    x = (np.arange(40).reshape(10, 4) % 7).astype(dtype)
    y = np.asarray(adapted(x)(x))
    assert y.dtype == "float32"
    expected = (x.astype(float) - x.mean(0, dtype=float)) / np.maximum(x.std(0, dtype=float), 1e-7)
    np.testing.assert_allclose(y, expected, 1e-5, 1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float16"])
def test_halves_keep_the_differences_of_large_numbers(policy):
    layer = adapted(X, dtype=policy)
    y = layer(X.astype("float32"))
    assert y.dtype == layer.compute_dtype
    np.testing.assert_allclose(np.asarray(y, "float32").std(0), 1, 0.02)


def test_invert_undoes():
    back = adapted(invert=True)(adapted()(X.astype("float32")))
    np.testing.assert_allclose(back, X, 1e-5)


def test_jit_vmap_and_grad():
    layer, x = adapted(), X[:4].astype("float32")
    np.testing.assert_allclose(jax.jit(layer)(x), layer(x), 1e-6)
    np.testing.assert_allclose(jax.vmap(lambda row: layer(row[None])[0])(x), layer(x), 1e-6)
    slope = jax.grad(lambda v: layer(v).sum())(x)
    np.testing.assert_allclose(slope, np.tile(X.std(0) ** -1, (4, 1)), 1e-4)


def test_it_learns_again_also_after_fit():
    model = cornu.Sequential([Input((3,)), layer := Normalization(), Dense(1)])
    layer.adapt(X)
    model.compile("sgd", "mse")
    model.fit(X, X[:, 0], verbose=0)
    before = model.predict(X, verbose=0)
    layer.adapt(X * 2)
    assert np.abs(model.predict(X * 2, verbose=0) - before).max() < 1e-4
    assert layer.trainable_variables == []


def test_a_pass_that_fails_leaves_it_as_it_was():
    layer = adapted()
    before = layer.get_weights()

    def broken():
        yield X * 5
        raise RuntimeError("disk")

    with pytest.raises(RuntimeError):
        layer.adapt(broken())
    for old, new in zip(before, layer.get_weights(), strict=True):
        assert (old == new).all()


def test_files_are_exchanged_with_keras(tmp_path):
    for library, name in ((cornu, "a.keras"), (keras, "b.keras")):
        parts = [library.Input((3,)), layer := library.layers.Normalization()]
        layer.adapt(X)
        library.Sequential(parts).save(tmp_path / name)
    there = keras.models.load_model(tmp_path / "a.keras")
    here = cornu.models.load_model(tmp_path / "b.keras")
    x = X[:5].astype("float32")
    np.testing.assert_allclose(there(x), here(x), 1e-4, 1e-4)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_and_pickles(again):
    for layer in (adapted(), Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 9.0])):
        x = X[:5].astype("float32")
        np.testing.assert_array_equal(layer(x), again(layer)(x))


def test_tables():
    frame = pd.DataFrame({"a": [1, 2, 3], "b": [0.5, 0.5, 1.5]})
    np.testing.assert_allclose(adapted(frame).mean, [[2, 2.5 / 3]], 1e-6)
    assert adapted(frame["a"]).mean.shape == (1, 1)


def test_a_forgotten_adapt_is_said_once():
    layer = Normalization()
    with pytest.warns(UserWarning, match="has learned nothing yet"):
        layer(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer(X)
        Normalization(mean=0.0, variance=2.0)(X)


def test_one_value_an_entry_is_said():
    with pytest.warns(UserWarning, match="its own mean"):
        adapted(np.arange(5.0))


@pytest.mark.parametrize(
    ("settings", "data", "says"),
    [
        ({"mean": 1.0}, None, "Both mean and variance"),
        ({"mean": 1.0, "variance": [1.0]}, None, "the same shape"),
        ({"mean": [[1.0]], "variance": [[1.0]]}, None, "one axis at most"),
        ({"mean": 1.0, "variance": 1.0}, X, "nothing to learn"),
        ({"mean": [1.0, 2.0], "variance": [1.0, 2.0]}, None, "do not fit"),
        ({"axis": 3}, X, "at least -2 and less than 2"),
        ({}, np.array([["a"]]), "holds text"),
        ({}, [X, X[:, :2]], "built for other shapes"),
        ({}, np.array([[1.0, np.nan]]), "NaN or infinite"),
        ({}, np.zeros((0, 3)), "no data"),
        ({}, [np.zeros((0, 3))], "no values"),
        ({"axis": None}, iter(()), "no data"),
    ],
)
def test_mistakes(settings, data, says):
    with pytest.raises(ValueError, match=says):
        layer = Normalization(**settings)
        if data is None:
            layer(X)
        else:
            layer.adapt(data)


def test_a_number_is_no_batch():
    with pytest.raises(TypeError, match="got the number 42"):
        Normalization().adapt(iter([42]))
