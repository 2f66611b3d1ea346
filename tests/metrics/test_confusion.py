"""Precision, recall and the four counts by hand."""

import numpy as np
import pytest

from cornu import metrics

Y = np.array([0, 1, 1, 0, 1])
P = np.array([0.6, 0.7, 0.2, 0.1, 0.9])


def test_counts_and_rates():
    values = {
        name: float(getattr(metrics, name)()(Y, P))
        for name in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives")
    }
    assert list(values.values()) == [2, 1, 1, 1]
    assert float(metrics.Precision()(Y, P)) == pytest.approx(2 / 3)
    assert float(metrics.Recall()(Y, P)) == pytest.approx(2 / 3)


def test_several_thresholds_give_several_numbers():
    assert metrics.Recall(thresholds=[0.8, 0.15])(Y, P).tolist() == pytest.approx([1 / 3, 1.0])
    assert metrics.Recall(thresholds=[0.8]).result().shape == ()


def test_chunks_add_up():
    chunks, once = metrics.Precision([0.3, 0.5]), metrics.Precision([0.3, 0.5])
    chunks.update_state(Y[:2], P[:2])
    chunks.update_state(Y[2:], P[2:])
    once.update_state(Y, P)
    np.testing.assert_array_equal(chunks.result(), once.result())


def test_nothing_found_is_zero():
    assert float(metrics.Precision()(Y, P * 0)) == 0 and float(metrics.Recall().result()) == 0


def test_thresholds_are_checked():
    with pytest.raises(ValueError, match="Thresholds must be between 0 and 1"):
        metrics.Precision(thresholds=[0.5, 1.5])


def test_a_class_needs_an_axis_of_classes():
    with pytest.raises(ValueError, match="class_id=2 needs predictions with an axis of classes"):
        metrics.Precision(class_id=2).update_state([0, 1, 1], [0.2, 0.1, 0.6])
