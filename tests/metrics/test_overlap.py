"""Intersection over union and F-scores from their definitions."""

import numpy as np
import pytest

from cornu import metrics

rng = np.random.default_rng(4)


def iou(y, p, classes, weights):
    out = []
    for c in classes:
        both = weights[(y == c) & (p == c)].sum()
        either = weights[(y == c) | (p == c)].sum()
        if either:
            out.append(both / either)
    return np.mean(out)


def test_iou_of_images_with_weights():
    y, p = rng.integers(0, 3, (4, 5, 5)), rng.integers(0, 3, (4, 5, 5))
    for w in (np.ones(4), np.array([1.0, 0.5, 0.0, 2.25])):
        each = np.broadcast_to(w[:, None, None], y.shape)
        metric = metrics.IoU(4, [0, 2, 3], dtype="float32")
        metric.update_state(y, p, sample_weight=w)
        assert float(metric.result()) == pytest.approx(iou(y, p, [0, 2, 3], each), rel=1e-5)
        mean = metrics.MeanIoU(4, dtype="float32")
        mean.update_state(y, p, sample_weight=w)
        assert float(mean.result()) == pytest.approx(iou(y, p, range(4), each), rel=1e-5)


def test_fractions_of_weights_are_truncated_with_a_warning():
    metric = metrics.MeanIoU(2)
    with pytest.warns(UserWarning, match="dtype='float32' keeps fractions"):
        metric.update_state([0, 1], [0, 1], sample_weight=[0.5, 1.5])
    assert metric.total_cm.numpy().tolist() == [[0, 0], [0, 1]]


def test_classes_on_another_axis_and_class_numbers_outside():
    scores = rng.random((2, 3, 5))
    y = rng.integers(0, 3, (2, 5))
    got = metrics.MeanIoU(3, sparse_y_pred=False, axis=1)(y, scores)
    expected = metrics.MeanIoU(3)(y, scores.argmax(1))
    assert float(got) == float(expected)
    assert float(metrics.MeanIoU(3)([0, 7, -1], [0, 1, 1])) == 1.0


def test_an_ignored_class_takes_no_part():
    metric = metrics.MeanIoU(3, ignore_class=2)
    assert float(metric([0, 1, 2, 2], [0, 1, 0, 1])) == 1.0


def test_binary_iou_without_a_threshold_takes_bits():
    assert float(metrics.BinaryIoU(threshold=None)([0, 1], [0, 1])) == 1.0


def f_score(y, said, beta, w):
    tp = (w * y * said).sum(0)
    fp, fn = (w * (1 - y) * said).sum(0), (w * y * (1 - said)).sum(0)
    return (1 + beta**2) * tp / ((1 + beta**2) * tp + beta**2 * fn + fp)


def test_f_scores_with_weights():
    y = (rng.random((40, 3)) > 0.5).astype("float32")
    p, w = rng.random((40, 3)), rng.random(40).astype("float32")
    expected = f_score(y, (p > 0.5) * 1.0, 2.0, w[:, None])
    metric = metrics.FBetaScore(beta=2.0, threshold=0.5)
    for part in (slice(0, 9), slice(9, 40)):
        metric.update_state(y[part], p[part], w[part])
    np.testing.assert_allclose(metric.result(), expected, 1e-5)
    macro = metrics.FBetaScore("macro", 2.0, 0.5)
    assert float(macro(y, p, w)) == pytest.approx(expected.mean(), rel=1e-5)


def test_f_score_of_the_highest_score():
    y, p = np.eye(3, dtype="float32"), np.eye(3) * 0.4 + 0.1
    assert metrics.F1Score()(y, p).tolist() == [1.0, 1.0, 1.0]


def test_before_the_first_batch_the_score_is_zero():
    assert float(metrics.F1Score().result()) == 0 and float(metrics.R2Score().result()) == 0


def test_mistaken_shapes_name_the_way_out():
    with pytest.raises(ValueError, match="to_categorical"):
        metrics.F1Score()(np.array([0, 1]), np.array([0.5, 0.5]))
    with pytest.raises(ValueError, match="sparse_y_pred=False"):
        metrics.MeanIoU(3)(np.array([0, 1]), np.ones((2, 3)))
