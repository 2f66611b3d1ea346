"""SimpleRNN, LSTM and GRU by the formulas of their cells, and what they return."""

import numpy as np
import pytest

from cornu.layers import GRU, LSTM, SimpleRNN

X = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
MASK = np.arange(5) < np.array([[3], [5]])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def plain(w, u, b):
    h = np.zeros((2, 4))
    for x in X.swapaxes(0, 1):
        h = np.tanh(x @ w + h @ u + b)
        yield h


def lstm(w, u, b):
    h = c = np.zeros((2, 4))
    for x in X.swapaxes(0, 1):
        i, f, g, o = np.split(x @ w + h @ u + b, 4, -1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        yield h


def gru(w, u, b):
    h = np.zeros((2, 4))
    for x in X.swapaxes(0, 1):
        (xz, xr, xn), (hz, hr, hn) = (np.split(z, 3, -1) for z in (x @ w + b[0], h @ u + b[1]))
        z, r = sigmoid(xz + hz), sigmoid(xr + hr)
        h = z * h + (1 - z) * np.tanh(xn + r * hn)
        yield h


@pytest.mark.parametrize(("layer", "formula"), [(SimpleRNN, plain), (LSTM, lstm), (GRU, gru)])
@pytest.mark.parametrize("unroll", [False, True])
def test_each_step_is_the_formula(layer, formula, unroll):
    layer = layer(4, return_sequences=True, bias_initializer="normal", unroll=unroll)
    y = layer(X)  # (batch, time, units)
    expected = np.stack(list(formula(*(w.numpy() for w in layer.weights))), 1)
    np.testing.assert_allclose(y, expected, atol=1e-5)


@pytest.mark.parametrize("layer", [SimpleRNN, LSTM, GRU])
def test_what_is_returned(layer):
    sequence, *states = layer(4, return_sequences=True, return_state=True, seed=0)(X)
    assert sequence.shape == (2, 5, 4) and all(s.shape == (2, 4) for s in states)
    np.testing.assert_array_equal(sequence[:, -1], states[0])
    assert layer(4).compute_output_shape((None, 5, 3)) == (None, 4)


@pytest.mark.parametrize("layer", [SimpleRNN, LSTM, GRU])
def test_a_sequence_ends_where_its_mask_ends(layer):
    layer = layer(4)
    y = np.asarray(layer(X, mask=MASK))
    np.testing.assert_allclose(y[0], np.asarray(layer(X[:1, :3]))[0], atol=1e-6)
    np.testing.assert_allclose(y[1], np.asarray(layer(X[1:]))[0], atol=1e-6)


@pytest.mark.parametrize("layer", [SimpleRNN, LSTM, GRU])
def test_a_sequence_goes_on_from_given_states(layer):
    layer = layer(4, return_state=True)
    _, *states = layer(X[:, :2])
    whole, _, *_ = layer(X)
    np.testing.assert_allclose(layer(X[:, 2:], initial_state=states)[0], whole, atol=1e-6)
