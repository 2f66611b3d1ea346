"""Normalizations by their definition."""

import numpy as np
import pytest

from cornu.layers import (
    Dense,
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    SpectralNormalization,
    UnitNormalization,
)

X = np.random.default_rng(0).normal(3.0, 2.0, size=(2, 5, 6)).astype("float32")


def standardized(x, axes):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-3)


def in_groups(x, groups):
    split = x.reshape(2, 5, groups, -1)  # (batch, time, groups, channels of a group)
    return standardized(split, (1, 3)).reshape(x.shape)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (LayerNormalization(), standardized(X, -1)),
        (LayerNormalization(axis=(1, 2)), standardized(X, (1, 2))),
        (GroupNormalization(groups=2), in_groups(X, 2)),
        (GroupNormalization(groups=-1), in_groups(X, 6)),
        (RMSNormalization(), X / np.sqrt((X**2).mean(-1, keepdims=True) + 1e-6)),
        (UnitNormalization(), X / np.linalg.norm(X, axis=-1, keepdims=True)),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else "",
)
def test_each_is_its_formula(layer, expected):
    np.testing.assert_allclose(layer(X), expected, atol=2e-5)
    assert layer.compute_output_shape(X.shape) == X.shape


def test_a_large_offset_costs_no_digits():
    y = LayerNormalization(epsilon=1e-12)(X + 1000)
    np.testing.assert_allclose(y, standardized(X.astype("float64"), -1), atol=2e-3)


def test_scale_and_offset_are_learned():
    layer = LayerNormalization(gamma_initializer="ones", beta_initializer="zeros")
    layer(X)
    assert [w.shape for w in layer.trainable_weights] == [(6,), (6,)]
    assert LayerNormalization(center=False, scale=False)(X).shape == X.shape


def test_the_kernel_of_a_spectral_normalization_has_norm_one():
    layer = SpectralNormalization(Dense(4), power_iterations=30)
    layer(X, training=True)
    assert np.linalg.norm(layer.layer.kernel.numpy(), 2) == pytest.approx(1, abs=1e-3)


def test_groups_must_divide_the_channels():
    with pytest.raises(ValueError, match="4"):
        GroupNormalization(groups=4)(X)
