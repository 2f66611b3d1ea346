"""Counts at many thresholds: both ways of counting against a table in numpy."""

import numpy as np
import pytest

from cornu.metrics.counts import FEW, count

rng = np.random.default_rng(9)


def by_hand(y_true, y_pred, thresholds, weights):
    above = y_pred[None] > np.array(thresholds, "float32").reshape(-1, *[1] * y_pred.ndim)
    yes = y_true.astype(bool)
    axes = tuple(range(1, above.ndim))
    return [
        (weights * (yes & above)).sum(axes),
        (weights * (~yes & above)).sum(axes),
        (weights * (~yes & ~above)).sum(axes),
        (weights * (yes & ~above)).sum(axes),
    ]


@pytest.mark.parametrize(
    "thresholds", [[0.5], [0.7, 0.1], [0.0, 0.25, 0.5, 0.75, 1.0], [0.9, 0.1, 0.5, 0.3, 0.7, 0.2]]
)
def test_counts(thresholds):
    assert len([0.0, 0.25, 0.5, 0.75, 1.0]) > FEW
    y_true = rng.random((50, 3)) > 0.4
    y_pred = (rng.integers(0, 9, (50, 3)) / 8).astype("float32")  # often on a threshold
    weights = rng.integers(0, 4, (50, 1)).astype("float32")
    got = count(y_true, y_pred, thresholds, "float32", sample_weight=weights)
    for g, e in zip(got, by_hand(y_true, y_pred, thresholds, weights), strict=True):
        np.testing.assert_array_equal(g, e)
    labels = count(
        y_true, y_pred, thresholds, "float32", sample_weight=weights[:, 0], by_label=True
    )
    for i in range(3):
        expected = by_hand(y_true[:, i : i + 1], y_pred[:, i : i + 1], thresholds, weights)
        for g, e in zip(labels, expected, strict=True):
            np.testing.assert_array_equal(g[:, i], e)


def test_only_the_highest_scores_may_say_yes():
    y = np.array([[1, 1, 0], [0, 1, 0]])
    p = np.array([[0.9, 0.8, 0.7], [0.2, 0.1, 0.3]], "float32")
    got = count(y, p, [-1e10], "float32", top_k=2)
    assert [x.item() for x in got] == [2.0, 2.0, 1.0, 1.0]


def test_mistakes_are_named():
    y = np.ones((2, 3))
    with pytest.raises(ValueError, match="class_id=5 is out of range"):
        count(y, y, [0.5], "float32", class_id=5)
    with pytest.raises(ValueError, match="top_k=4 is more than the number of classes"):
        count(y, y, [0.5], "float32", top_k=4)
    with pytest.raises(ValueError, match="different shapes"):
        count(np.ones(2), y, [0.5], "float32")
