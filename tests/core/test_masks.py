"""Masks of arrays, tracers and symbolic tensors."""

import gc

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu import layers
from cornu.core import masks
from cornu.core.masks import mask_of, set_mask, table
from cornu.core.symbolic import KerasTensor


@pytest.mark.parametrize("make", [jnp.ones, np.ones, KerasTensor])
def test_a_mask_belongs_to_one_array(make):
    x, y = make((2, 3)), make((2, 3))
    mask = jnp.ones((2, 3), bool)
    set_mask(x, mask)
    assert mask_of(x) is mask
    assert mask_of(y) is None
    set_mask(x, None)
    assert mask_of(x) is None


def test_the_entry_goes_when_the_array_does():
    x = jnp.ones((2, 3))
    set_mask(x, jnp.ones((2, 3), bool))
    key = id(x)
    assert key in masks._kept
    del x
    gc.collect()
    assert key not in masks._kept


def test_masks_of_traced_arrays_live_as_long_as_the_table():
    seen = []

    @jax.jit
    def traced(x):
        with table():
            set_mask(x, x > 0)
            with table():  # shared by inner blocks
                seen.append(mask_of(x) is not None)
        seen.append(mask_of(x))
        return x

    traced(jnp.ones(2))
    assert seen == [True, None]


def test_masks_travel_through_layers():
    x = np.array([[[1.0], [2.0], [0.0]]], "float32")
    masked = layers.Masking()(x)
    assert mask_of(masked).tolist() == [[True, True, False]]
    through = layers.Dropout(0.5)(layers.Activation("relu")(masked), training=True)
    assert mask_of(through).tolist() == [[True, True, False]]
    lstm = layers.LSTM(2)
    np.testing.assert_allclose(lstm(through), lstm(through[:, :2]), rtol=1e-5)


def test_masks_travel_through_a_graph():
    inputs = layers.Input((5,), dtype="int32")
    embedded = layers.Embedding(10, 4, mask_zero=True)(inputs)
    assert mask_of(embedded).shape == (None, 5)
    assert mask_of(layers.Dropout(0.1)(embedded)).shape == (None, 5)
    assert mask_of(layers.LSTM(2)(embedded)) is None


def test_a_layer_without_masking_ends_the_mask_and_says_so():
    class Plain(layers.Layer):
        def call(self, x):
            return x * 1.0

    x = layers.Masking()(np.ones((1, 2, 1), "float32"))
    with pytest.warns(UserWarning, match="Plain 'plain.*' does not use the mask of its input"):
        out = Plain()(x)
    assert mask_of(out) is None


def test_a_layer_that_computes_a_mask():
    class Halve(layers.Layer):
        def __init__(self):
            super().__init__()
            self.supports_masking = True

        def call(self, x, mask=None):
            assert mask is not None
            return x[:, ::2]

        def compute_mask(self, inputs, previous_mask):
            return previous_mask[:, ::2]

    x = layers.Masking()(np.array([[[1.0], [1.0], [1.0], [0.0]]]))
    assert mask_of(Halve()(x)).tolist() == [[True, True]]
