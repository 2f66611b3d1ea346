"""Activations: the notes of logits, settings, names."""

import os
import threading

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from cornu import activations, losses
from cornu.core.logits import logits_of, note_logits, remember_logits, same_logits


def test_logits_are_known_inside_the_block_only():
    x = jnp.array([[1.0, 2.0]])
    assert logits_of(activations.softmax(x)) is None
    with remember_logits():
        p, s = activations.softmax(x), activations.sigmoid(x)
        assert logits_of(p) is x and logits_of(s) is x
        assert logits_of(p, "sigmoid") is None and logits_of(s, "softmax") is None
        assert logits_of(p + 0) is None
    assert logits_of(p) is None


def test_softmax_over_another_axis_leaves_no_note():
    with remember_logits():
        assert logits_of(activations.softmax(jnp.ones((2, 2)), axis=0)) is None


def test_notes_follow_a_change_of_dtype():
    with remember_logits():
        p = activations.softmax(jnp.array([[1.0, 2.0]], "bfloat16"))
        q = p.astype("float32")
        same_logits(p, q)
        assert logits_of(q).dtype == jnp.float32
        note_logits(q, p, "softmax")
        assert logits_of(q) is p


def test_notes_belong_to_one_thread():
    found = []
    with remember_logits():
        p = activations.sigmoid(jnp.ones(2))
        thread = threading.Thread(target=lambda: found.append(logits_of(p)))
        thread.start()
        thread.join()
    assert found == [None]


@pytest.mark.parametrize(
    ("activation", "loss", "y"),
    [
        ("softmax", "SparseCategoricalCrossentropy", np.array([0, 2])),
        ("softmax", "CategoricalCrossentropy", np.eye(3, dtype="float32")[[0, 2]]),
        ("sigmoid", "BinaryCrossentropy", np.eye(3, dtype="float32")[[0, 2]]),
    ],
)
def test_a_loss_from_logits_equals_the_one_from_probabilities(activation, loss, y):
    x = jnp.array([[1.0, -2.0, 0.5], [0.1, 3.0, -1.0]])
    loss, activation = getattr(losses, loss)(), activations.get(activation)
    plain = jax.value_and_grad(lambda x: loss(y, activation(x)))(x)
    with remember_logits():
        exact = jax.value_and_grad(lambda x: loss(y, activation(x)))(x)
    np.testing.assert_allclose(exact[0], plain[0], 1e-5)
    np.testing.assert_allclose(exact[1], plain[1], 1e-4, 1e-6)


def test_a_loss_from_logits_has_a_gradient_where_probabilities_are_rounded_away():
    x, y = jnp.array([[0.0, 200.0]]), np.array([0])
    loss = losses.SparseCategoricalCrossentropy()
    with remember_logits():
        value, gradient = jax.value_and_grad(lambda x: loss(y, activations.softmax(x)))(x)
    assert float(value) == 200.0
    np.testing.assert_allclose(gradient, [[-1.0, 1.0]])


def test_a_sigmoid_followed_by_a_categorical_loss_is_not_taken_for_a_softmax():
    x, y = jnp.array([[1.0, -2.0]]), np.eye(2, dtype="float32")[[0]]
    expected = losses.categorical_crossentropy(y, activations.sigmoid(x))
    with remember_logits():
        got = losses.categorical_crossentropy(y, activations.sigmoid(x))
    np.testing.assert_allclose(got, expected)


def test_a_mistaken_name_gets_a_hint():
    with pytest.raises(ValueError, match="did you mean 'leaky_relu'"):
        activations.get("leaky_rel")


def test_the_users_function_is_taken_as_it_is():
    def double(x):
        return 2 * x

    assert activations.get(double) is double
    assert activations.serialize(double)["class_name"] == "function"


RAMPS = [
    {"threshold": 5.0},
    {"threshold": -1.0},
    {"max_value": 6.0, "threshold": 1.0},
    {"max_value": 2.0, "threshold": 3.0},
    {"negative_slope": 0.25, "threshold": 2.0},
    {"negative_slope": 0.25, "max_value": 2.0},
]
KINKS = np.array([-np.inf, -5, -3, -2.5, -2, -1, -0.5, 0, 0.5, 1, 2, 2.5, 3, 5, 6, np.inf], "f")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32"])
@pytest.mark.parametrize(
    ("name", "settings"),
    [(name, {}) for name in activations._words.names if name not in ("glu", "threshold")]
    + [("relu", ramp) for ramp in RAMPS]
    + [("threshold", {"threshold": t, "default_value": 3}) for t in (-1, 0.5)],
)
def test_values_where_the_pieces_meet(name, settings, dtype):
    x = KINKS[np.isfinite(KINKS)] if dtype == "int32" else KINKS
    x = jnp.asarray(x, dtype)
    got = getattr(activations, name)(x, **settings)
    try:
        expected = getattr(keras.activations, name)(x, **settings)
    except TypeError:
        assert dtype == "int32"  # Keras has no sigmoid of integers
        return
    assert got.dtype == expected.dtype
    exact = getattr(keras.activations, name)(x.astype("float32"), **settings)
    tolerance = 1e-2 if dtype == "bfloat16" else 1e-5
    np.testing.assert_allclose(got.astype("float32"), exact, rtol=tolerance, atol=1e-6)


@pytest.mark.parametrize("settings", [{}, *RAMPS], ids=repr)
def test_what_is_not_a_number_stays_visible(settings):
    assert np.isnan(activations.relu(np.array([np.nan], "f"), **settings)).all()
