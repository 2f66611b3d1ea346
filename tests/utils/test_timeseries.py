"""`timeseries_dataset_from_array`: the windows of Keras, one read per batch."""

import inspect
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
import pytest

from cornu.data import Dataset
from cornu.utils import timeseries_dataset_from_array

SERIES = np.arange(40.0).reshape(20, 2)
TARGETS = np.arange(20) * 10


def test_the_signature_is_that_of_keras():
    ours = inspect.signature(timeseries_dataset_from_array).parameters
    theirs = inspect.signature(keras.utils.timeseries_dataset_from_array).parameters
    assert list(ours) == list(theirs)
    assert [p.default for p in ours.values()] == [p.default for p in theirs.values()]


SETTINGS = {
    "windows": {"targets": None, "sequence_length": 3},
    "targets": {"sequence_length": 3, "batch_size": 4},
    "fewer targets": {"targets": TARGETS[:9], "sequence_length": 3},
    "stride and rate": {"sequence_length": 3, "sequence_stride": 2, "sampling_rate": 3},
    "a part": {"sequence_length": 2, "start_index": 4, "end_index": 15},
    "single windows": {"sequence_length": 5, "batch_size": None},
    "one window": {"sequence_length": 20},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_same_windows_as_keras(name):
    settings = {"targets": TARGETS, **SETTINGS[name]}
    expected = list(keras.utils.timeseries_dataset_from_array(SERIES, **settings, format="grain"))
    found = timeseries_dataset_from_array(SERIES, **settings)
    assert isinstance(found, Dataset) and len(found) == len(expected)
    in_grain = list(timeseries_dataset_from_array(SERIES, **settings, format="grain"))
    for ours, grains, theirs in zip(found, in_grain, expected, strict=True):
        parts = [x if isinstance(x, tuple) else (x,) for x in (ours, grains, theirs)]
        for a, b, c in zip(*parts, strict=True):
            assert np.array_equal(a, c) and np.array_equal(b, c) and a.shape == np.shape(c)


def test_in_random_order():
    data = timeseries_dataset_from_array(SERIES, TARGETS, 3, shuffle=True, seed=1, batch_size=4)
    first, second = ([t for _, ts in data for t in ts.tolist()] for _ in range(2))
    assert sorted(first) == sorted(second) == TARGETS[:18].tolist() and first != second
    for windows, targets in data:
        assert np.array_equal(windows[:, 0, 0] * 5, targets)


def test_structures_of_targets_and_other_kinds_of_data():
    data = timeseries_dataset_from_array(SERIES.tolist(), {"a": TARGETS.tolist()}, 3)
    windows, targets = data[0]
    assert windows.shape == (18, 3, 2) and targets["a"][3] == 30


def test_the_windows_are_never_made_at_once():
    series = np.zeros(10**6, "float32")
    data = timeseries_dataset_from_array(series, None, sequence_length=10**5)
    assert len(data) == 7032 and data[7000].shape == (128, 10**5)


def test_the_fix_of_a_window_that_is_too_long_is_the_longest_one():
    with pytest.raises(ValueError, match="sequence_length=5"):
        timeseries_dataset_from_array(np.arange(5), None, 10)
    assert timeseries_dataset_from_array(np.arange(5), None, 5)[0].shape == (1, 5)
    with pytest.raises(ValueError, match="sequence_length=3"):
        timeseries_dataset_from_array(np.arange(5), None, 10, sampling_rate=2)


MISTAKES = {
    "sequence_length": ({"sequence_length": 30}, "No window fits"),
    "stride": ({"sequence_stride": 20}, "sequence_stride must be less"),
    "no stride": ({"sequence_stride": 0}, "sequence_stride must be at least 1"),
    "rate": ({"sampling_rate": 20}, "sampling_rate must be less"),
    "start": ({"start_index": 20}, "start_index must be an index"),
    "negative start": ({"start_index": -1}, "start_index must be an index"),
    "end": ({"end_index": 21}, "end_index must be an index"),
    "end before start": ({"start_index": 5, "end_index": 3}, "must be greater than start_index"),
    "format": ({"format": "pt"}, "format must be one of"),
    "batch_size": ({"batch_size": 0}, "batch_size"),
    "targets": ({"targets": []}, "No window fits"),
    "data": ({"data": 3.0}, "must be an array"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    wrong, message = MISTAKES[name]
    settings = {"data": SERIES, "targets": TARGETS, "sequence_length": 3, **wrong}
    with pytest.raises(ValueError, match=message):
        timeseries_dataset_from_array(**settings)
