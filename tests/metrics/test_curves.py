"""Areas under curves and points on them, against exact values."""

import numpy as np
import pytest

from cornu import metrics

rng = np.random.default_rng(1)
Y = rng.random(400) > 0.6
P = np.clip(0.3 * Y + 0.7 * rng.random(400), 0, 1)


def test_auc_is_the_chance_that_a_positive_scores_higher():
    exact = (P[Y][:, None] > P[~Y][None]).mean()
    assert float(metrics.AUC(num_thresholds=2000)(Y, P)) == pytest.approx(exact, abs=1e-3)


def test_a_perfect_and_a_reversed_order():
    y, p = [0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]
    assert float(metrics.AUC()(y, p)) == pytest.approx(1)
    assert float(metrics.AUC()(y, [0.9, 0.8, 0.2, 0.1])) == pytest.approx(0)
    assert float(metrics.AUC(curve="PR")(y, p)) == pytest.approx(1)


def test_labels_apart_are_averaged():
    y, p = Y.reshape(100, 4), P.reshape(100, 4)
    each = [float(metrics.AUC()(y[:, i], p[:, i])) for i in range(4)]
    assert float(metrics.AUC(multi_label=True)(y, p)) == pytest.approx(np.mean(each), abs=1e-5)
    weights = [1.0, 0.0, 2.0, 1.0]
    got = metrics.AUC(multi_label=True, label_weights=weights)(y, p)
    assert float(got) == pytest.approx(np.average(each, weights=weights), abs=1e-5)


def test_points_of_curves():
    recall_at = metrics.RecallAtPrecision(0.8, num_thresholds=1001)(Y, P)
    best = 0.0
    for t in np.linspace(0, 1, 1001):
        said = t < P
        if said.any() and Y[said].mean() >= 0.8:
            best = max(best, (said & Y).sum() / Y.sum())
    assert float(recall_at) == pytest.approx(best, abs=1e-6)


def test_a_point_that_is_nowhere_reached_is_zero():
    assert float(metrics.PrecisionAtRecall(0.5)([0, 0], [0.1, 0.9])) == 0


def test_scores_beyond_the_ends_count_as_the_ends():
    assert float(metrics.AUC()([0, 1], [-3.0, 4.0])) == pytest.approx(1)


def test_logits():
    logits = np.log(P + 1e-6) - np.log(1 - P + 1e-6)
    assert float(metrics.AUC(from_logits=True)(Y, logits)) == pytest.approx(
        float(metrics.AUC()(Y, P)), abs=1e-3
    )


def test_thresholds_survive_a_file():
    metric = metrics.AUC(thresholds=[0.6, 0.3])
    again = metrics.deserialize(metrics.serialize(metric))
    assert again.thresholds == metric.thresholds and again.num_thresholds == 4


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="curve must be .*, got 'ROCK'.*\n.*did you mean 'ROC'"):
        metrics.AUC(curve="rock")
    with pytest.raises(ValueError, match=r"needs scores of shape \(batch, num_labels\)"):
        metrics.AUC(multi_label=True, num_labels=3)(np.ones((2, 4)), np.ones((2, 4)))
