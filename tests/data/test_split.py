"""The last rows are for validation, as in Keras."""

import numpy as np
import pytest

from cornu.data.split import train_validation_split


def test_every_array_is_cut_at_the_same_row():
    x = {"a": np.arange(10), "b": np.arange(20).reshape(10, 2)}
    train, validation = train_validation_split((x, np.arange(10), None), 0.2)
    assert train[0]["a"].tolist() == list(range(8))
    assert validation[0]["b"].tolist() == [[16, 17], [18, 19]]
    assert validation[1].tolist() == [8, 9]
    assert train[2] is None
    assert np.shares_memory(train[1], train[1].base)


@pytest.mark.parametrize(
    ("samples", "fraction", "training"),
    [(10, 0.3, 7), (10, 0.33, 6), (11, 0.9, 1), (99, 0.05, 94), (100, 0.9, 9), (3, 0.05, 2)],
)
def test_sizes_are_those_of_keras(samples, fraction, training):
    train, validation = train_validation_split((np.zeros(samples),), fraction)
    assert (len(train[0]), len(validation[0])) == (training, samples - training)


@pytest.mark.parametrize(
    ("data", "fraction", "words"),
    [
        (np.zeros(10), 0.99, "of 10 samples leaves none for training"),
        (np.zeros(10), 1.5, "between 0 and 1, got 1.5"),
        (np.zeros(10), 0.0, "between 0 and 1"),
        (np.zeros(10), 1e-18, "leaves none for validation"),
        (iter([]), 0.5, "works on arrays"),
    ],
)
def test_what_cannot_be_split(data, fraction, words):
    with pytest.raises(ValueError, match=words):
        train_validation_split((data,), fraction)
