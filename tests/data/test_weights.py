"""Class weights become sample weights, or an error that lists the classes."""

import numpy as np
import pytest

from cornu.data.weights import class_sample_weights, weighted

WEIGHTS = {0: 1.0, 1: 5.0, 2: 2.0}
Y = np.array([0, 2, 1, 1])
EXPECTED = [1.0, 2.0, 5.0, 5.0]


@pytest.mark.parametrize(
    "y", [Y, Y[:, None], Y.astype("float32"), np.eye(3)[Y], 0.9 * np.eye(3)[Y] + 0.1 / 3]
)
def test_kinds_of_labels(y):
    assert class_sample_weights(y, WEIGHTS).tolist() == EXPECTED


def test_one_label_for_each_step_of_a_sequence():
    assert class_sample_weights(np.eye(3)[Y.reshape(2, 2)], WEIGHTS).shape == (2, 2)


def test_sample_weights_are_multiplied():
    _, _, weights = weighted((None, Y, np.array([1, 0, 2, 1])), WEIGHTS)
    assert weights.tolist() == [1, 0, 10, 5]
    _, _, weights = weighted((None, Y, np.ones((4, 1))), WEIGHTS)
    assert weights.shape == (4, 1) and weights[:, 0].tolist() == EXPECTED


def test_a_class_without_a_weight_counts_one_and_a_weight_without_samples_does_nothing():
    with pytest.warns(UserWarning, match="no weight for class 2; it is 1"):
        assert class_sample_weights(Y, {0: 3, 1: 2}).tolist() == [3, 1, 2, 2]
    with pytest.warns(UserWarning, match="names class 7, which no label has"):
        assert class_sample_weights(Y, {**WEIGHTS, 7: 1}).tolist() == EXPECTED


def test_a_class_without_samples_is_fine_where_columns_name_it_or_in_one_batch():
    assert class_sample_weights(np.eye(3)[[0, 1]], WEIGHTS).tolist() == [1, 5]
    assert class_sample_weights(np.array([0, 1]), WEIGHTS, whole=False).tolist() == [1, 5]


def test_other_mistakes():
    with pytest.raises(TypeError, match=r"dict\(enumerate\(class_weight\)\)"):
        class_sample_weights(Y, [1.0, 5.0, 2.0])
    with pytest.raises(ValueError, match="several arrays"):
        class_sample_weights([Y, Y], WEIGHTS)
    with pytest.raises(ValueError, match="y is missing"):
        class_sample_weights(None, WEIGHTS)


def test_labels_that_are_no_classes_are_weighed_with_a_warning():
    with pytest.warns(UserWarning, match="not one-hot"):
        weights = class_sample_weights(np.array([[0, 1, 1], [1, 0, 1], [0, 0, 1]]), WEIGHTS)
    assert weights.tolist() == [
        5,
        1,
        2,
    ]  # of the first column with the greatest number, as in Keras
    with pytest.warns(UserWarning, match="integer labels"):
        weights = class_sample_weights(np.array([0.05, 0.95]), {0: 1.0, 1: 5.0})
    assert weights.tolist() == [1, 5]
