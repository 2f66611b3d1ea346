"""Masks on their way through layers."""

import jax
import numpy as np
import pytest

import cornu
from cornu import layers, ops
from cornu.core.masks import mask_of
from cornu.layers import (
    GRU,
    LSTM,
    Bidirectional,
    ConvLSTM1D,
    Dense,
    Dropout,
    Embedding,
    Input,
    Layer,
    Masking,
    TimeDistributed,
)

IDS = np.array([[3, 1, 0, 0], [2, 0, 0, 0]])


def test_an_embedding_marks_zeros_as_padding():
    y = Dropout(0.5)(Embedding(5, 2, mask_zero=True)(IDS))
    assert mask_of(y).tolist() == (IDS != 0).tolist()
    assert mask_of(Embedding(5, 2)(IDS)) is None


def test_padding_does_not_change_the_last_state():
    embed, lstm = Embedding(5, 2, mask_zero=True), LSTM(3)
    padded = lstm(embed(IDS))
    np.testing.assert_allclose(padded[0], lstm(embed(IDS[:1, :2]))[0], rtol=1e-5)


class Reader(Layer):
    def __init__(self):
        super().__init__()
        self.embed, self.lstm = Embedding(5, 2, mask_zero=True), LSTM(3)

    def call(self, ids):
        return self.lstm(self.embed(ids))


def test_masks_live_inside_a_compiled_layer():
    reader = Reader()
    eager = reader(IDS)
    np.testing.assert_allclose(eager, jax.jit(reader)(IDS), rtol=1e-5)
    assert not np.allclose(eager, reader.lstm(np.asarray(reader.embed(IDS))))


def test_masking_zeroes_the_steps_and_marks_them():
    x = np.array([[[1.0, 2.0], [9.0, 9.0]]], "float32")
    y = Masking(mask_value=9.0)(x)
    assert y.tolist() == [[[1, 2], [0, 0]]]
    assert mask_of(y).tolist() == [[True, False]]


def test_symbolic_tensors_carry_masks():
    y = Dense(3)(Embedding(5, 2, mask_zero=True)(Input((4,), dtype="int32")))
    assert mask_of(y).shape == (None, 4)


def test_a_step_counts_in_a_sum_if_it_counts_in_one_input():
    a, b = Embedding(5, 2, mask_zero=True), Embedding(5, 2, mask_zero=True)
    other = np.array([[1, 1, 1, 0], [0, 0, 0, 0]])
    y = layers.Add()([a(IDS), b(other)])
    assert mask_of(y).tolist() == ((IDS != 0) | (other != 0)).tolist()
    joined = layers.Concatenate(axis=1)([a(IDS), b(other)])
    assert mask_of(joined).shape == (2, 8)


def test_a_time_axis_that_is_gone_has_no_mask():
    y = LSTM(3)(Embedding(5, 2, mask_zero=True)(IDS))
    assert mask_of(y) is None
    y = layers.GlobalAveragePooling1D()(Embedding(5, 2, mask_zero=True)(IDS))
    assert mask_of(y) is None


class NotZero(Layer):
    """Makes a mask of inputs that carry none, as layers of one's own do."""

    def call(self, ids):
        return ops.one_hot(ids, 5)

    def compute_mask(self, ids, mask=None):
        return ops.not_equal(ids, 0)


class FirstHalf(Layer):
    """Hands on a part of the mask that it gets."""

    def call(self, x):
        return x[:, : x.shape[1] // 2]

    def compute_mask(self, x, mask=None):
        return None if mask is None else mask[:, : mask.shape[1] // 2]


def test_a_layer_of_ones_own_makes_and_changes_masks():
    y = FirstHalf()(NotZero()(IDS))
    assert mask_of(y).tolist() == (IDS != 0)[:, :2].tolist()
    ids = Input((4,), dtype="int32")
    model = cornu.Model(ids, layers.GlobalAveragePooling1D()(NotZero()(ids)))
    np.testing.assert_allclose(model(IDS)[0], np.eye(5)[IDS[0, :2]].mean(0))


def test_supports_masking_may_be_said_by_the_class():
    class Plain(Layer):
        supports_masking = True

        def call(self, x):
            return x + 1

    assert mask_of(Plain()(NotZero()(IDS))) is not None


def test_an_array_says_its_mask_as_an_attribute():
    y = Embedding(5, 2, mask_zero=True)(IDS)
    assert y._keras_mask.tolist() == (IDS != 0).tolist()


def test_a_mask_that_is_handed_to_a_model_stays_out_of_the_array():
    x, mask = jax.numpy.ones((2, 4, 3)), IDS != 0
    for model in (cornu.Sequential([Input((4, 3)), LSTM(2)]), cornu.Sequential([LSTM(2)])):
        plain, masked = model(x), model(x, mask=mask)
        assert not np.allclose(plain, masked) and mask_of(x) is None
        np.testing.assert_allclose(model(x), plain, rtol=1e-5)


def test_a_model_that_is_called_often_sees_masks():
    model = cornu.Sequential([Input((4, 5)), LSTM(2)])
    x = NotZero()(IDS)
    expected = model(x)
    for _ in range(3):
        np.testing.assert_allclose(model(x), expected, rtol=1e-5)
        assert not np.allclose(model(np.asarray(x)), expected)


def test_states_beside_the_sequence_do_not_cost_it_its_mask():
    embed, lstm = Embedding(5, 2, mask_zero=True), LSTM(3)
    states = [np.ones((2, 3), "float32")] * 2
    whole = lstm(embed(IDS), initial_state=states)
    short = lstm(embed(IDS[:1, :2]), initial_state=[s[:1] for s in states])
    np.testing.assert_allclose(whole[0], short[0], rtol=1e-5)


def test_outputs_in_reverse_order_have_masks_in_reverse_order():
    x = Embedding(5, 2, mask_zero=True)(IDS)
    backwards = LSTM(3, return_sequences=True, go_backwards=True)
    assert mask_of(backwards(x)).tolist() == (IDS != 0)[:, ::-1].tolist()
    assert mask_of(Bidirectional(backwards)(x)).tolist() == (IDS != 0)[:, ::-1].tolist()
    both_ways = Bidirectional(LSTM(3, return_sequences=True))
    assert mask_of(both_ways(x)).tolist() == (IDS != 0).tolist()


DOCUMENT = np.array([[[1, 2, 0], [3, 0, 0], [0, 0, 0]], [[4, 0, 0], [0, 0, 0], [0, 0, 0]]])


def test_a_layer_at_each_step_gets_the_mask_of_the_step():
    words = TimeDistributed(Embedding(5, 2, mask_zero=True))
    sentences, whole = TimeDistributed(GRU(3)), LSTM(2)
    x = words(DOCUMENT)
    assert mask_of(x).tolist() == (DOCUMENT != 0).tolist()
    y = sentences(x)
    assert mask_of(y).tolist() == (DOCUMENT != 0).any(-1).tolist()
    alone = sentences.layer(words.layer(DOCUMENT[0, :1, :2]))
    np.testing.assert_allclose(y[0, 0], alone[0], rtol=1e-5)
    np.testing.assert_allclose(whole(y)[0], whole(np.asarray(y)[:1, :2])[0], rtol=1e-5)

    ids = Input((3, 3), dtype="int32")
    model = cornu.Model(ids, whole(sentences(words(ids))))
    np.testing.assert_allclose(model(DOCUMENT), whole(y), rtol=1e-5)


def test_the_layer_inside_is_told_which_samples_count():
    class See(Layer):
        def call(self, x, mask=None):
            return x * ops.cast(mask, x.dtype)[:, None]

    mask = np.array([[True, False, True]])
    y = TimeDistributed(See())(np.ones((1, 3, 2), "float32"), mask=mask)
    assert y[0, :, 0].tolist() == [1, 0, 1] and mask_of(y).tolist() == mask.tolist()
    with pytest.raises(ValueError, match="mask of TimeDistributed"):
        TimeDistributed(See())(np.ones((1, 3, 2), "float32"), mask=np.ones((1, 4), bool))


@pytest.mark.parametrize(
    "make",
    [
        lambda: LSTM(2, stateful=True),
        lambda: layers.SimpleRNN(2, stateful=True, unroll=True),
        lambda: layers.RNN([layers.GRUCell(2), layers.LSTMCell(3)], stateful=True),
        lambda: Bidirectional(GRU(2, stateful=True)),
        lambda: ConvLSTM1D(2, 1, stateful=True),
    ],
)
def test_kept_states_are_those_of_one_batch_size(make):
    layer = make()
    x = np.ones((2, 3, 4, 1) if isinstance(layer, ConvLSTM1D) else (2, 3, 4), "float32")
    layer(x)
    for size in (1, 3):
        with pytest.raises(ValueError, match=f"of 2 sequences, but the batch has {size}"):
            layer(np.ones((size, *x.shape[1:]), "float32"))


def test_a_step_that_counts_nowhere_has_a_mean_of_zero():
    x, nothing = np.ones((1, 3, 2), "float32"), np.zeros((1, 3), bool)
    assert layers.GlobalAveragePooling1D()(x, mask=nothing).tolist() == [[0, 0]]


def test_softmax_takes_masks_that_broadcast():
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "float32")
    softmax = layers.Softmax()
    y = softmax(x, mask=np.array([True, False, True]))
    np.testing.assert_allclose(y, [[0.1192, 0, 0.8808]] * 2, atol=1e-4)
    rows = softmax(x, mask=np.array([[True], [False]]))
    assert rows[1].tolist() == [0, 0, 0] and float(rows[0].sum()) == pytest.approx(1)
    for mask in (np.ones((2, 2, 3), bool), np.ones((2, 2), bool)):
        with pytest.raises(ValueError, match="does not broadcast"):
            softmax(x, mask=mask)


def test_vectors_on_the_way_back_make_no_mask():
    layer = layers.ReversibleEmbedding(3, 2, mask_zero=True)
    layer.build()
    assert mask_of(layer(np.array([[1.0, 2.0], [0.0, 0.0]]), reverse=True)) is None
    assert mask_of(layer(np.array([[1, 0]]))).tolist() == [[True, False]]
