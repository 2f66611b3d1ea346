"""Losses as metrics: the same numbers, settings and logits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu import activations, losses, metrics
from cornu.core.logits import remember_logits


@pytest.mark.parametrize("name", ["Hinge", "SquaredHinge", "Poisson", "KLDivergence"])
def test_a_metric_in_one_batch_is_the_loss(name):
    y, p = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.7, 0.3], [0.4, 0.6]])
    assert float(getattr(metrics, name)()(y, p)) == pytest.approx(
        float(getattr(losses, name)()(y, p)), rel=1e-6
    )


def test_logits_are_used_where_they_are_known():
    @jax.jit
    def run(x):
        with remember_logits():
            metric = metrics.MeanMetricWrapper(losses.sparse_categorical_crossentropy)
            values = metric.stateless_reset_state()
            values = metric.stateless_update_state(values, jnp.array([0]), activations.softmax(x))
        return values[0]

    assert float(run(jnp.array([[0.0, 100.0]]))) == 100.0


def test_settings_survive_a_file():
    metric = metrics.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    again = metrics.deserialize(metrics.serialize(metric))
    y, x = np.eye(3), np.arange(9.0).reshape(3, 3)
    assert float(again(y, x)) == float(metric(y, x))
