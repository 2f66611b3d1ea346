"""Activations, regularizers and constraints against Keras: see `activations.py` for the rows."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import cornu.activations
import cornu.constraints
import cornu.regularizers
from cornu.core.symbolic import KerasTensor
from parity.activations import ACTIVATIONS, CONSTRAINTS, REFUSED, REGULARIZERS

KINDS = ("activations", "regularizers", "constraints")
X = np.random.default_rng(3).uniform(-3, 3, (4, 6)).astype("float32")


@pytest.mark.parametrize("row", ACTIVATIONS, ids=str)
def test_activations(row):
    theirs, ours = getattr(keras.activations, row.name), getattr(cornu.activations, row.name)
    for dtype, tolerance in (("float32", 1e-5), ("bfloat16", 2e-2)):
        x = jnp.asarray(X, dtype)
        expected, got = theirs(x, **row.settings), ours(x, **row.settings)
        assert got.dtype == expected.dtype and got.shape == expected.shape
        np.testing.assert_allclose(
            got.astype("float32"), expected.astype("float32"), tolerance, tolerance
        )

    def gradient(function):
        return jax.grad(lambda x: (function(x, **row.settings) * jnp.cos(3 * x).sum()).sum())(X)

    np.testing.assert_allclose(gradient(ours), gradient(theirs), 1e-4, 1e-4)
    symbolic = ours(KerasTensor((4, 6)), **row.settings)
    assert symbolic.shape == got.shape


@pytest.mark.parametrize("name", sorted({row.name for row in ACTIVATIONS}))
def test_names_of_activations(name):
    theirs, ours = keras.activations.get(name), cornu.activations.get(name)
    assert cornu.activations.serialize(ours) == keras.activations.serialize(theirs)
    assert cornu.activations.deserialize(cornu.activations.serialize(ours)) is ours


def test_no_activation_is_linear():
    assert cornu.activations.get(None) is cornu.activations.linear


@pytest.mark.parametrize(
    ("kind", "row"),
    [("regularizers", r) for r in REGULARIZERS] + [("constraints", r) for r in CONSTRAINTS],
    ids=str,
)
def test_regularizers_and_constraints(kind, row):
    library = getattr(cornu, kind)
    theirs = getattr(getattr(keras, kind), row.name)(**row.settings)
    ours = getattr(library, row.name)(**row.settings)
    for dtype, tolerance in (("float32", 1e-5), ("bfloat16", 2e-2)):
        x = jnp.asarray(X, dtype)
        expected, got = np.asarray(theirs(x), "float32"), np.asarray(ours(x), "float32")
        np.testing.assert_allclose(got, expected, tolerance, tolerance)
    got, expected = ours.get_config(), theirs.get_config()
    assert got.keys() == expected.keys()
    for key in got:  # Keras rounds the factors of L1 and of OrthogonalRegularizer to float32
        same = got[key] == expected[key]
        assert same or abs(got[key] - expected[key]) < 1e-7 * abs(got[key])
    serialized = library.serialize(ours)
    assert serialized["module"] == f"keras.{kind}"
    assert library.deserialize(serialized).get_config() == ours.get_config()
    getattr(keras, kind).deserialize(serialized)


@pytest.mark.parametrize("name", ["l1", "l2", "l1l2", "L1", "L2", "L1L2", "orthogonal_regularizer"])
def test_names_of_regularizers(name):
    expected = type(keras.regularizers.get(name)).__name__
    assert type(cornu.regularizers.get(name)).__name__ == expected


@pytest.mark.parametrize("name", ["max_norm", "non_neg", "unit_norm", "min_max_norm", "MaxNorm"])
def test_names_of_constraints(name):
    expected = type(keras.constraints.get(name)).__name__
    assert type(cornu.constraints.get(name)).__name__ == expected


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text):
    scope = {"vector": np.ones(3, "float32")}
    with pytest.raises(Exception) as expected:
        eval(text, {**scope, **{k: getattr(keras, k) for k in KINDS}})
    with pytest.raises(Exception) as got:
        eval(text, {**scope, **{k: getattr(cornu, k) for k in KINDS}})
    assert got.type is expected.type


def test_every_name_has_a_row():
    tried = {row.name for row in ACTIVATIONS} | {"get", "serialize", "deserialize"}
    assert {n for n in dir(keras.activations) if not n.startswith("_")} == tried
