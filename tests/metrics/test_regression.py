"""R2, correlation, errors from their definitions."""

import jax.numpy as jnp
import numpy as np
import pytest

from cornu import metrics

rng = np.random.default_rng(2)
Y = rng.normal(size=(30, 2)).astype("float32")
P = (Y + 0.5 * rng.normal(size=(30, 2))).astype("float32")


def r2(y, p, weights=None):
    w = np.ones(len(y)) if weights is None else weights
    mean = np.average(y, axis=0, weights=w)
    return 1 - (w[:, None] * (y - p) ** 2).sum(0) / (w[:, None] * (y - mean) ** 2).sum(0)


def test_r2_in_chunks_and_with_weights():
    weights = rng.integers(0, 3, 30).astype("float32")
    for w in (None, weights):
        metric = metrics.R2Score(class_aggregation=None)
        for part in (slice(0, 7), slice(7, 30)):
            metric.update_state(Y[part], P[part], None if w is None else w[part])
        np.testing.assert_allclose(metric.result(), r2(Y, P, w), 1e-4)


def test_r2_is_adjusted_by_the_number_of_targets_as_in_keras():
    metric = metrics.R2Score(num_regressors=3)
    metric.update_state(Y, P)
    n, p = Y.size, 3
    expected = 1 - (1 - r2(Y, P).mean()) * (n - 1) / (n - p - 1)
    assert float(metric.num_samples.value) == n
    assert float(metric.result()) == pytest.approx(expected, rel=1e-4)


def test_r2_with_too_few_samples_says_so():
    metric = metrics.R2Score(num_regressors=Y.size)
    metric.update_state(Y, P)
    with pytest.warns(UserWarning, match=f"only {Y.size} samples"):
        assert float(metric.result()) == pytest.approx(r2(Y, P).mean(), rel=1e-4)


def test_r2_of_constant_targets():
    ones = np.ones((4, 1))
    assert float(metrics.R2Score()(ones, ones)) == 1.0
    assert float(metrics.R2Score()(ones, 2 * ones)) == 0.0


def test_correlations():
    got = metrics.pearson_correlation(Y, P, axis=0)
    expected = [np.corrcoef(Y[:, i], P[:, i])[0, 1] for i in range(2)]
    np.testing.assert_allclose(got, expected, 1e-4)
    assert float(metrics.concordance_correlation(Y[:, 0], Y[:, 0])) == pytest.approx(1)
    assert float(metrics.concordance_correlation(Y[:, 0], Y[:, 0] + 5)) < 0.2


def test_root_mean_squared_error_takes_the_root_last():
    metric = metrics.RootMeanSquaredError()
    metric.update_state([[0.0]], [[1.0]])
    metric.update_state([[0.0]], [[7.0]])
    assert float(metric.result()) == 5.0


def test_cosine_keeps_its_axis_in_files():
    metric = metrics.CosineSimilarity(axis=0)
    again = metrics.deserialize(metrics.serialize(metric))
    assert again.axis == 0
    assert float(again(jnp.eye(2), jnp.eye(2))) == pytest.approx(1)
