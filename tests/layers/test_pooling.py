"""Pooling by its definition, over windows and over everything."""

import numpy as np
import pytest

from cornu.layers import (
    AdaptiveAveragePooling2D,
    AveragePooling2D,
    GlobalAveragePooling1D,
    GlobalMaxPooling2D,
    MaxPooling2D,
)

X = np.random.default_rng(0).normal(size=(2, 4, 6, 3)).astype("float32")
BLOCKS = X.reshape(2, 2, 2, 3, 2, 3)  # (batch, rows, 2, columns, 2, channels)


@pytest.mark.parametrize(("layer", "fold"), [(MaxPooling2D, np.max), (AveragePooling2D, np.mean)])
def test_windows_are_folded_to_one_number(layer, fold):
    y = layer(pool_size=2)(X)
    np.testing.assert_allclose(y, fold(BLOCKS, axis=(2, 4)), atol=1e-6)
    assert layer(pool_size=2).compute_output_shape((None, 4, None, 3)) == (None, 2, None, 3)


def test_an_average_at_the_border_counts_real_elements_only():
    y = AveragePooling2D(3, strides=1, padding="same")(np.ones((1, 4, 4, 1), "float32"))
    np.testing.assert_allclose(y, 1.0)


def test_global_pooling_leaves_one_number_per_channel():
    np.testing.assert_array_equal(GlobalMaxPooling2D()(X), X.max((1, 2)))
    assert GlobalMaxPooling2D(keepdims=True)(X).shape == (2, 1, 1, 3)


def test_masked_steps_do_not_count_in_a_global_average():
    x = X[:, 0]  # (batch, time, channels)
    mask = np.array([[True, True, False, False, False, False], [True] * 6])
    y = np.asarray(GlobalAveragePooling1D()(x, mask=mask))
    np.testing.assert_allclose(y, [x[0, :2].mean(0), x[1].mean(0)], atol=1e-6)


def test_adaptive_pooling_makes_a_given_size():
    y = AdaptiveAveragePooling2D((2, 3))(X)
    np.testing.assert_allclose(y, BLOCKS.mean((2, 4)), atol=1e-6)


@pytest.mark.parametrize("wrong", [{"pool_size": 0}, {"padding": "causal"}, {"strides": -1}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MaxPooling2D(**wrong)(X)
