"""Masks on their way through layers."""

import jax
import numpy as np

from cornu import layers
from cornu.core.masks import mask_of
from cornu.layers import LSTM, Dense, Dropout, Embedding, Input, Layer, Masking

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
