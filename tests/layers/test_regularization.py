"""Dropout and noise."""

import jax
import numpy as np
import pytest

from cornu.layers import AlphaDropout, Dropout, GaussianDropout, GaussianNoise, SpatialDropout2D

ONES = np.ones((64, 64), "float32")


@pytest.mark.parametrize("make", [
    lambda: Dropout(0.4, seed=1),
    lambda: GaussianDropout(0.4, seed=1),
    lambda: GaussianNoise(0.4, seed=1),
    lambda: AlphaDropout(0.4, seed=1),
])  # fmt: skip
def test_a_seed_repeats_the_sequence_of_draws(make):
    a, b = make(), make()
    first, second = a(ONES, training=True), a(ONES, training=True)
    np.testing.assert_array_equal(first, b(ONES, training=True))
    np.testing.assert_array_equal(second, b(ONES, training=True))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(a(ONES), ONES)


def test_dropout_keeps_the_mean():
    y = np.asarray(Dropout(0.25, seed=2)(np.ones((400, 400), "float32"), training=True))
    assert abs(y.mean() - 1) < 0.01
    assert abs((y == 0).mean() - 0.25) < 0.01


def test_the_gradient_passes_what_the_output_passed():
    layer = Dropout(0.5, seed=3)
    state = [v.value for v in layer.variables]

    def total(x):
        return layer.stateless_call([], state, x, training=True)[0].sum()

    gradient = jax.grad(total)(ONES)
    np.testing.assert_array_equal(gradient, layer(ONES, training=True))


def test_a_noise_shape_shares_the_mask():
    y = np.asarray(Dropout(0.5, noise_shape=(None, 1), seed=1)(ONES, training=True))
    assert (y == y[:, :1]).all() and 0 < (y == 0).mean() < 1


def test_whole_channels_go():
    y = np.asarray(SpatialDropout2D(0.5, seed=1)(np.ones((4, 3, 3, 8), "float32"), training=True))
    assert (y == y[:, :1, :1]).all() and 0 < (y == 0).mean() < 1


def test_everything_may_be_dropped():
    assert float(np.abs(Dropout(1.0)(ONES, training=True)).max()) == 0
