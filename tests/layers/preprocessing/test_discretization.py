"""Discretization: the bins of Keras, learned in any order, and kept in files."""

import copy
import pickle

import jax
import keras
import numpy as np
import pytest

import cornu
from cornu.layers import Dense, Discretization, Input

X = np.random.default_rng(0).normal(size=(500, 2))


def adapted(data=X, **settings):
    layer = Discretization(**{"num_bins": 4, **settings})
    layer.adapt(data)
    return layer


@pytest.mark.parametrize("samples", [1, 3, 99, 250, 10_000])
@pytest.mark.parametrize("bins", [1, 4, 37, 200])
@pytest.mark.parametrize("epsilon", [0.01, 0.1])
def test_the_bins_are_those_of_keras(samples, bins, epsilon):
    x = np.random.default_rng(samples).normal(size=samples)
    theirs = keras.layers.Discretization(num_bins=bins, epsilon=epsilon)
    theirs.update_state(x)  # its adapt wants TensorFlow
    theirs.finalize_state()
    ours = adapted(x, num_bins=bins, epsilon=epsilon)
    np.testing.assert_allclose(ours.bin_boundaries, theirs.bin_boundaries, 1e-4, 1e-4)
    assert ours.get_config().keys() == theirs.get_config().keys()
    assert ours.get_config()["dtype"] == "float32"


def test_any_order_gives_the_same():
    rows = np.random.default_rng(1).permutation(len(X))
    for stream in (X[rows], np.split(X, 50), (row for row in X[rows])):
        assert adapted(stream).bin_boundaries == adapted().bin_boundaries


def test_boundaries_belong_to_the_upper_bin():
    layer = Discretization(bin_boundaries=[0.0, 1.0, 2.0])
    assert layer([-1.5, 0.0, 0.5, 1.0, 2.0, 3.4]).tolist() == [0, 1, 1, 2, 3, 3]
    assert layer(np.array([0, 1, 5], "uint8")).tolist() == [1, 2, 3]


def test_outputs_of_every_mode():
    x = [[0.5, -1.0, 0.7]]
    for mode, expected in (
        ("one_hot", [[[0, 1], [1, 0], [0, 1]]]),
        ("multi_hot", [[1, 1]]),
        ("count", [[1, 2]]),
    ):
        for sparse in (False, True):
            layer = Discretization([0.0], output_mode=mode, sparse=sparse)
            y = layer(np.array(x))
            assert (y.todense() if sparse else y).tolist() == expected


def test_halves_do_not_move_values_across_boundaries():
    layer = Discretization(bin_boundaries=[1000.5], dtype="mixed_float16")
    assert layer(np.array([1000.4, 1000.6])).tolist() == [0, 1]


def test_jit_vmap_models_and_data():
    layer = adapted()
    x = X[:5].astype("float32")
    assert (jax.jit(layer)(x) == layer(x)).all()
    assert (jax.vmap(layer)(x) == layer(x)).all()
    model = cornu.Sequential([Input((2,)), adapted(output_mode="multi_hot"), Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], epochs=1, verbose=0)


@pytest.mark.parametrize(
    "again",
    [
        copy.deepcopy,
        lambda layer: pickle.loads(pickle.dumps(layer)),
        lambda layer: Discretization.from_config(layer.get_config()),
        lambda layer: keras.layers.Discretization.from_config(layer.get_config()),
    ],
)
def test_copies(again):
    assert (np.asarray(again(adapted())(X)) == np.asarray(adapted()(X))).all()


def test_files_are_exchanged_with_keras(tmp_path):
    for library, name in ((cornu, "a.keras"), (keras, "b.keras")):
        layer = library.layers.Discretization(num_bins=5)
        layer.update_state(X)
        layer.finalize_state()
        library.Sequential([library.Input((2,)), layer]).save(tmp_path / name)
    there = keras.models.load_model(tmp_path / "a.keras")
    here = cornu.models.load_model(tmp_path / "b.keras")
    assert (np.asarray(there(X)) == np.asarray(here(X))).all()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "One of bin_boundaries and num_bins"),
        ({"num_bins": 2, "bin_boundaries": [0.0]}, "and not both"),
        ({"num_bins": -1}, "num_bins"),
        ({"bin_boundaries": [1.0, 0.0]}, "ascending"),
        ({"num_bins": 2, "output_mode": "ints"}, "output_mode must be"),
        ({"num_bins": 2, "sparse": True}, "output_mode of vectors"),
    ],
)
def test_wrong_settings(settings, says):
    with pytest.raises(ValueError, match=says):
        Discretization(**settings)


def test_wrong_use():
    with pytest.raises(ValueError, match=r"layer\.adapt\(x_train\)"):
        Discretization(num_bins=3)(X)
    with pytest.raises(ValueError, match="nothing to learn"):
        Discretization([0.0]).adapt(X)
    with pytest.raises(ValueError, match="NaN or infinite"):
        adapted(np.array([1.0, np.nan]))
    with pytest.raises(ValueError, match="no values"):
        adapted([np.zeros((0, 2))])


def test_a_graph_may_be_made_before_adapting():
    layer = Discretization(num_bins=4, output_mode="one_hot")
    x = Input((1,))
    model = cornu.Model(x, layer(x))
    assert model.output_shape == (None, 4)
    layer.adapt(np.arange(100.0))
    np.testing.assert_array_equal(model(np.array([[1.0], [99.0]])), np.eye(4)[[0, 3]])
