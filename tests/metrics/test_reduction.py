"""Sums and means: weights, masks, chunks, wrapped functions."""

import jax.numpy as jnp
import numpy as np
import pytest

from cornu import metrics
from cornu.core.masks import set_mask


def test_the_mean_of_chunks_is_the_mean_of_all():
    values, weights = np.arange(24.0).reshape(12, 2), np.arange(12.0)
    for w in (None, weights):
        chunks, once = metrics.Mean(), metrics.Mean()
        for part in (slice(0, 1), slice(1, 8), slice(8, 12)):
            chunks.update_state(values[part], None if w is None else w[part])
        once.update_state(values, w)
        np.testing.assert_allclose(chunks.result(), once.result(), 1e-6)
        expected = np.average(values.mean(1), weights=w)
        np.testing.assert_allclose(once.result(), expected, 1e-6)


def test_one_weight_for_all_counts_every_sample():
    metric = metrics.Mean()
    metric.update_state([1.0, 2.0, 3.0], sample_weight=0.5)
    metric.update_state([8.0], sample_weight=0.5)
    assert float(metric.result()) == 3.5


def test_masked_steps_do_not_count():
    y_pred = jnp.array([[1.0, 2.0, 30.0], [4.0, 50.0, 60.0]])[..., None]
    set_mask(y_pred, jnp.array([[True, True, False], [True, False, False]]))
    metric = metrics.MeanMetricWrapper(lambda y_true, y_pred: y_pred[..., 0])
    metric.update_state(jnp.zeros((2, 3, 1)), y_pred)
    assert float(metric.result()) == pytest.approx(7 / 3)
    metric.update_state(jnp.zeros((2, 3, 1)), y_pred, sample_weight=[0.0, 1.0])
    assert float(metric.result()) == pytest.approx((7 + 4) / 4)


def test_an_ignored_class_is_a_loss_of_zero_and_left_out_where_there_are_weights():
    y, p = np.array([0, 1]), np.array([[0.5, 0.5], [0.9, 0.1]])
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=1)
    metric.update_state(y, p)
    assert float(metric.result()) == pytest.approx(np.log(2) / 2, rel=1e-5)
    metric.reset_state()
    metric.update_state(y, p, sample_weight=[1.0, 1.0])
    assert float(metric.result()) == pytest.approx(np.log(2), rel=1e-5)


def test_nothing_seen_is_zero():
    assert float(metrics.Mean().result()) == 0 and float(metrics.Sum().result()) == 0


def test_weights_that_do_not_fit_are_shown():
    with pytest.raises(ValueError, match=r"values:        \(3,\)\n  sample_weight: \(2,\)"):
        metrics.Mean().update_state([1.0, 2.0, 3.0], sample_weight=[1.0, 2.0])


def test_wrapped_functions_keep_their_settings():
    metric = metrics.MeanMetricWrapper(metrics.huber, name="h", delta=2.0)
    assert float(metric([[0.0]], [[5.0]])) == 8.0
    again = metrics.deserialize(metrics.serialize(metric))
    assert float(again([[0.0]], [[5.0]])) == 8.0 and again.get_config() == metric.get_config()


def test_numbers_without_a_last_axis_weigh_by_their_count():
    metric = metrics.MeanSquaredError()
    metric.update_state([0.0, 0.0, 0.0], [1.0, 1.0, 1.0])
    metric.update_state([0.0], [3.0])
    assert float(metric.result()) == 3.0
