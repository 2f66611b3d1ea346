"""Batch normalization: modes and statistics."""

import numpy as np

from cornu import initializers
from cornu.layers import BatchNormalization, TimeDistributed

X = np.random.default_rng(0).normal(3.0, 2.0, size=(64, 3)).astype("float32")


def test_training_normalizes_and_moves_the_statistics():
    layer = BatchNormalization(momentum=0.5)
    y = np.asarray(layer(X, training=True))
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(0), 1, atol=1e-2)
    np.testing.assert_allclose(layer.moving_mean.numpy(), X.mean(0) / 2, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), X.var(0) / 2 + 0.5, rtol=1e-4)


def test_a_frozen_layer_is_in_inference_mode():
    layer = BatchNormalization()
    layer(X, training=True)
    before = layer.moving_mean.numpy()
    layer.trainable = False
    np.testing.assert_array_equal(layer(X, training=True), layer(X, training=False))
    np.testing.assert_array_equal(layer.moving_mean.numpy(), before)
    assert layer.trainable_variables == []


def test_half_precision_keeps_its_statistics_in_single():
    layer = BatchNormalization(dtype="mixed_float16")
    y = layer(X * 200, training=True)
    assert y.dtype == "float16" and layer.moving_variance.dtype == "float32"
    assert np.isfinite(np.asarray(y, "float32")).all()


def test_steps_of_a_series_are_normalized_together():
    layer = TimeDistributed(BatchNormalization(momentum=0.0))
    x = X.reshape(16, 4, 3)
    layer(x, training=True)
    np.testing.assert_allclose(layer.layer.moving_mean.numpy(), X.mean(0), rtol=1e-5)


def test_a_mask_has_the_leading_axes_whichever_is_normalized():
    random = np.random.default_rng(0)
    x, mask = random.normal(size=(5, 4, 3)).astype("float32"), random.random((5, 4)) < 0.6
    layer = BatchNormalization(axis=1, epsilon=0.0)
    y = np.asarray(layer(x, training=True, mask=mask))
    for step in range(4):
        counted = y[mask[:, step], step]
        assert abs(counted.mean()) < 1e-5 and abs(counted.std() - 1) < 1e-3


def test_renormalization_starts_from_the_moving_variance():
    four = initializers.Constant(4.0)
    layer = BatchNormalization(renorm=True, moving_variance_initializer=four)
    layer.build((None, 2))
    assert layer.moving_stddev.numpy().tolist() == layer.renorm_stddev.numpy().tolist() == [2, 2]
