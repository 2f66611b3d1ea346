"""Cells moved over time: any cell, states that are kept, masks, what cells write."""

import jax
import numpy as np
import pytest

from cornu import layers
from cornu.layers import GRU, LSTM, RNN, Bidirectional, ConvLSTM1D, Layer, LSTMCell, SimpleRNN
from cornu.models import Model
from cornu.random import SeedGenerator

X = np.random.default_rng(0).normal(size=(3, 5, 2)).astype("float32")
MASK = np.arange(5) < np.array([[2], [5], [3]])


class Counting(Layer):
    """A cell that writes variables: a counter of steps, and seeds by a dropout layer."""

    state_size = 2

    def __init__(self):
        super().__init__()
        self.drop = layers.Dropout(0.5, seed=1)
        self.steps = self.add_weight(shape=(), initializer="zeros", trainable=False, name="steps")

    def call(self, inputs, states, training=False):
        self.steps.assign_add(1.0)
        total = states[0] + self.drop(inputs, training=training)
        return total, [total]


def test_a_cell_may_write_variables():
    layer = RNN(Counting(), return_sequences=True)
    np.testing.assert_allclose(layer(X), X.cumsum(1), rtol=1e-5)
    assert float(layer.cell.steps.value) == 5
    kept = np.diff(np.asarray(layer(X, training=True)), axis=1, prepend=0)
    assert len({tuple((row == 0).ravel()) for row in kept.swapaxes(0, 1)}) > 1  # other steps differ


def test_the_writes_travel_with_a_pure_call():
    layer = RNN(Counting())
    layer.build((3, 5, 2))
    layer(X)

    def run(state, x):
        return layer.stateless_call([], state, x, training=True)[1]

    after = jax.jit(run)([v.value for v in layer.non_trainable_variables], X)
    steps = [v.path for v in layer.non_trainable_variables].index(layer.cell.steps.path)
    assert float(after[steps]) == 10
    assert float(layer.cell.steps.value) == 5


def test_a_plain_object_is_a_cell_too():
    class Sum:
        state_size = 2

        def call(self, inputs, states):
            return inputs + states[0], [inputs + states[0]]

    np.testing.assert_allclose(RNN(Sum())(X), X.sum(1), rtol=1e-5)


@pytest.mark.parametrize("kind", [LSTM, GRU, SimpleRNN])
def test_states_are_kept_between_batches(kind):
    whole = kind(4, return_sequences=True)
    whole(X)
    parts = kind(4, stateful=True, return_sequences=True)
    parts(X[:, :2])
    parts.set_weights(whole.get_weights())
    parts.reset_state()
    first, second = parts(X[:, :2]), parts(X[:, 2:])
    np.testing.assert_allclose(np.concatenate([first, second], 1), whole(X), atol=1e-6)
    assert len(parts.weights) == 3  # the states are no weights
    assert len(parts.variables) == 3 + 1 + len(parts.states)
    parts.reset_states()
    np.testing.assert_allclose(parts(X[:, :2]), first, atol=1e-6)


def test_a_stateful_layer_needs_the_batch_size():
    with pytest.raises(ValueError, match="batch size") as caught:
        LSTM(2, stateful=True)(layers.Input((3, 2)))
    assert "batch_shape" in str(caught.value)


@pytest.mark.parametrize("kind", [LSTM, GRU])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("zero", [False, True])
def test_fused_and_step_by_step_agree(kind, backwards, zero):
    """Recurrent dropout of nothing takes the way through the cell, and changes nothing."""
    options = {
        "return_sequences": True,
        "go_backwards": backwards,
        "zero_output_for_mask": zero,
    }
    fused = kind(4, **options)
    fused(X)
    by_cell = kind(4, unroll=True, **options)
    by_cell(X)
    by_cell.set_weights(fused.get_weights())
    np.testing.assert_allclose(fused(X, mask=MASK), by_cell(X, mask=MASK), atol=1e-6)


@pytest.mark.parametrize("kind", [LSTM, GRU, SimpleRNN])
def test_dropout_is_the_same_at_all_steps_of_a_sequence(kind):
    layer = kind(3, dropout=0.5, seed=3, return_sequences=True)
    x = np.ones((40, 4, 6), "float32")
    layer(x)
    cell = layer.cell
    seen = cell.get_dropout_mask(x[:, 0])
    assert 0.3 < float((np.asarray(seen) == 0).mean()) < 0.7
    cell.reset_dropout_mask()
    different = layer(x, training=True) - layer(x, training=True)
    assert float(np.abs(different).max()) > 0
    assert cell._dropout_mask is None  # nothing of a trace stays behind


def test_wrong_states_are_explained():
    with pytest.raises(ValueError, match="2 states, initial_state has 1"):
        LSTM(4)(X, initial_state=[np.zeros((3, 4))])


def test_a_bidirectional_layer_reads_its_own_config():
    layer = Bidirectional(LSTM(3, name="reader", return_sequences=True))
    again = Bidirectional.from_config(layer.get_config())
    assert again.forward_layer.name == "forward_reader"
    assert again.backward_layer.go_backwards


def test_a_convolutional_lstm_skips_masked_steps():
    x = np.random.default_rng(1).normal(size=(2, 4, 6, 1)).astype("float32")
    layer = ConvLSTM1D(3, 2, padding="same")
    full = layer(x[:, :2])
    mask = np.arange(4) < np.array([[2], [2]])
    np.testing.assert_allclose(layer(x, mask=mask), full, atol=1e-6)


def test_a_lone_cell_steps():
    cell = LSTMCell(4)
    h, (h2, c) = cell(X[:, 0], [np.zeros((3, 4)), np.zeros((3, 4))])
    assert h.shape == c.shape == (3, 4)
    np.testing.assert_array_equal(h, h2)


def test_seeds_repeat():
    def run():
        layer = LSTM(
            3, dropout=0.5, seed=5, kernel_initializer="ones", recurrent_initializer="zeros"
        )
        return np.asarray(layer(X, training=True))

    np.testing.assert_array_equal(run(), run())
    assert isinstance(LSTM(3).cell.seed_generator, SeedGenerator)


def test_states_of_a_stack_keep_their_nesting_in_graphs():
    cells = [layers.LSTMCell(3), layers.GRUCell(4)]
    shape = ((None, 4), [(None, 3), (None, 3)], (None, 4))
    stack = layers.RNN(cells, return_state=True)
    assert stack.compute_output_shape((None, 5, 2)) == shape
    x = layers.Input((5, 2))
    output, lower, upper = stack(x)
    assert [t.shape for t in lower] == [(None, 3), (None, 3)] and upper.shape == (None, 4)
    both = layers.Bidirectional(layers.RNN(cells, return_state=True))
    assert both.compute_output_shape((None, 5, 2)) == ((None, 8), *shape[1:], *shape[1:])
    merged, lower, _, _, upper = both(x)
    model = Model(x, [output, *lower, upper, merged])
    found = model(np.ones((2, 5, 2), "float32"))
    assert [a.shape for a in found] == [(2, 4), (2, 3), (2, 3), (2, 4), (2, 8)]


def test_a_single_state_of_a_cell_in_a_stack_is_an_array():
    class Sum(layers.Layer):
        def __init__(self, size):
            super().__init__()
            self.state_size = size

        def call(self, inputs, states):
            total = inputs[:, :1] + states[0]
            return total, [total]

    rnn = layers.RNN([Sum(3), Sum(2)], return_state=True)
    x = np.ones((2, 3, 4), "float32")
    assert [y.shape for y in rnn(x)] == [(2, 2), (2, 3), (2, 2)]
    assert [y.shape for y in rnn(x, initial_state=list(rnn(x)[1:]))] == [(2, 2), (2, 3), (2, 2)]


@pytest.mark.parametrize("layer", ["LSTM", "GRU"])
@pytest.mark.parametrize("use_cudnn", [True, False, "auto"])
def test_both_directions_keep_what_configs_leave_out(layer, use_cudnn):
    both = layers.Bidirectional(getattr(layers, layer)(1, use_cudnn=use_cudnn))
    assert both.forward_layer.use_cudnn == both.backward_layer.use_cudnn == use_cudnn
