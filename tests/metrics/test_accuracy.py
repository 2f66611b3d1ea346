"""Accuracies: ties, places, shapes, no argmax."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu import metrics
from cornu.metrics.accuracy import first_max

rng = np.random.default_rng(5)
SCORES = rng.integers(0, 3, (200, 6)).astype("float32")  # full of ties
LABELS = rng.integers(0, 6, 200)


def test_ties_count_as_argmax_counts_them():
    expected = (SCORES.argmax(-1) == LABELS).astype("float32")
    np.testing.assert_array_equal(metrics.sparse_categorical_accuracy(LABELS, SCORES), expected)
    np.testing.assert_array_equal(metrics.categorical_accuracy(np.eye(6)[LABELS], SCORES), expected)
    np.testing.assert_array_equal(first_max(jnp.asarray(SCORES)), SCORES.argmax(-1))


@pytest.mark.parametrize("k", [1, 2, 6, 9])
def test_places_are_counted_by_what_is_better(k):
    picked = SCORES[np.arange(200), LABELS]
    expected = (picked[:, None] < SCORES).sum(-1) < k
    np.testing.assert_array_equal(
        metrics.sparse_top_k_categorical_accuracy(LABELS, SCORES, k), expected
    )


def test_no_argmax_in_the_program():
    program = jax.make_jaxpr(metrics.sparse_categorical_accuracy)(LABELS, SCORES)
    assert "argmax" not in str(program) and " sort[" not in str(program)
    program = jax.make_jaxpr(metrics.categorical_accuracy)(np.eye(6)[LABELS], SCORES)
    assert "argmax" not in str(program)


def test_labels_outside_are_never_right():
    got = metrics.sparse_categorical_accuracy([-1, 6], SCORES[:2])
    assert got.tolist() == [0.0, 0.0]
    assert metrics.sparse_top_k_categorical_accuracy([-1, 6], SCORES[:2]).tolist() == [0.0, 0.0]


def test_a_threshold_of_zero_is_for_logits():
    metric = metrics.BinaryAccuracy(threshold=0.0)
    assert float(metric([[1.0], [0.0]], [[2.0], [-3.0]])) == 1.0


@pytest.mark.parametrize(
    ("function", "y_true", "y_pred", "message"),
    [
        ("categorical_accuracy", np.zeros(4), np.ones((4, 3)), "sparse_categorical_accuracy"),
        ("sparse_categorical_accuracy", np.ones((4, 3)), np.ones((4, 3)), "one-hot targets"),
    ],
)
def test_mistaken_shapes_name_the_way_out(function, y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        getattr(metrics, function)(y_true, y_pred)


def test_as_many_labels_may_have_their_axes_in_another_order():
    scores = np.array([[[0.9, 0.1, 0.0], [0.2, 0.7, 0.1]]])
    assert metrics.sparse_categorical_accuracy([[0], [1]], scores).tolist() == [[1.0, 1.0]]
