"""`split_dataset`: two parts without a common element."""

import inspect
import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import grain
import keras
import numpy as np
import pytest

from cornu.data import Dataset
from cornu.utils import split_dataset

X, Y = np.arange(20.0).reshape(10, 2), np.array([0] * 6 + [1] * 4)


def test_the_signature_begins_as_that_of_keras():
    ours = list(inspect.signature(split_dataset).parameters.values())
    theirs = list(inspect.signature(keras.utils.split_dataset).parameters.values())
    assert [(p.name, p.default) for p in ours[:-1]] == [(p.name, p.default) for p in theirs]


def numbers(data):
    return [int(np.asarray(element).reshape(-1)[0]) for element in data]


SIZES = {
    "left": ((0.8, None), (8, 2)),
    "right": ((None, 0.3), (7, 3)),
    "both": ((0.5, 0.2), (5, 2)),
    "integers": ((7, 2), (7, 2)),
    "an integer": ((None, 4), (6, 4)),
    "both kinds": ((0.5, 5), (5, 5)),
    "rounding": ((0.35, 0.65), (4, 6)),
}


@pytest.mark.parametrize("name", SIZES)
def test_sizes(name):
    (left_size, right_size), (n_left, n_right) = SIZES[name]
    left, right = split_dataset(np.arange(10), left_size, right_size)
    assert (len(left), len(right)) == (n_left, n_right)
    assert numbers(left) + numbers(right) == list(range(n_left + n_right))


KINDS = {
    "a list of arrays": lambda: [X, Y],
    "a tuple": lambda: (X, Y),
    "a Dataset": lambda: Dataset.from_arrays(X, Y),
    "a stream": lambda: Dataset.from_arrays(X, Y).filter(lambda x, y: True),
    "grain": lambda: grain.MapDataset.source(list(zip(X, Y, strict=True))),
    "a function": lambda: lambda: zip(X, Y, strict=True),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds(kind):
    left, right = split_dataset(KINDS[kind](), 0.7)
    assert isinstance(left, Dataset)
    found = [*left, *right]
    assert (
        all(map(np.array_equal, [x for x, _ in found], X)) and [y for _, y in found] == Y.tolist()
    )
    batch = left.batch(7)[0]
    assert np.array_equal(batch[0], X[:7]) and batch[1].shape == (7,)


def test_lists_and_dicts():
    assert numbers(split_dataset(list(range(10)), 0.5)[1]) == [5, 6, 7, 8, 9]
    assert split_dataset([[1, 2], [3, 4], [5, 6]], 1)[0][0].tolist() == [1, 2]
    assert split_dataset({"x": X, "y": Y}, 0.5)[1][0]["x"].tolist() == [10, 11]


def test_at_random():
    left, right = split_dataset(np.arange(10), 0.6, shuffle=True, seed=3)
    again = split_dataset(np.arange(10), 0.6, shuffle=True, seed=3)
    assert numbers(left) == numbers(again[0]) != list(range(6))
    assert sorted(numbers(left) + numbers(right)) == list(range(10))


def test_the_parts_of_what_is_shuffled_stay_apart():
    left, right = split_dataset(Dataset.range(10).shuffle(10, seed=1), 0.5)
    assert [numbers(left) for _ in range(2)] == [numbers(left)] * 2
    assert sorted(numbers(left) + numbers(right)) == list(range(10))
    batches, _ = split_dataset(Dataset.from_arrays(X, Y).batch(2), 3)
    assert "3 batches" in repr(batches)


@pytest.mark.parametrize("stratify", [Y, np.eye(2)[Y], lambda element: element[1]])
@pytest.mark.parametrize("shuffle", [True, False])
def test_stratified(stratify, shuffle):
    left, right = split_dataset((X, Y), 0.5, stratify=stratify, shuffle=shuffle, seed=1)
    assert [sum(y for _, y in part) for part in (left, right)] == [2, 2]
    firsts = [x[0] for part in (left, right) for x, _ in part]
    assert sorted(firsts) == X[:, 0].tolist()
    left, right = split_dataset((X, Y), 0.5, 0.3, stratify=stratify, shuffle=shuffle)
    assert (len(left), len(right)) == (5, 3)
    assert not {x[0] for x, _ in left} & {x[0] for x, _ in right}


def test_for_grain():
    left, _ = split_dataset((X, Y), 0.5, preferred_backend="grain")
    assert isinstance(left, grain.MapDataset) and len(left) == 5


MISTAKES = {
    "none": (lambda: split_dataset(X), "must be given"),
    "zero": (lambda: split_dataset(X, 0), "between 1 and 9"),
    "large": (lambda: split_dataset(X, 10), "between 1 and 9"),
    "fraction": (lambda: split_dataset(X, 1.5), "between 0 and 1"),
    "together": (lambda: split_dataset(X, 0.6, 0.6), "more than 1 together"),
    "together integers": (lambda: split_dataset(X, 6, 6), "do not split"),
    "empty": (lambda: split_dataset(X, 0.99), "do not split"),
    "type": (lambda: split_dataset(X, "half"), "must be a fraction"),
    "backend": (lambda: split_dataset(X, 0.5, preferred_backend="pt"), "preferred_backend"),
    "endless": (lambda: split_dataset(Dataset.range(3).repeat(), 1), "endless"),
    "classes": (lambda: split_dataset(X, 0.5, stratify=[1, 2]), "one class per element"),
    "iterator": (lambda: split_dataset(iter([1]), 0.5), "read once only"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    make, message = MISTAKES[name]
    with pytest.raises((ValueError, TypeError), match=message):
        make()
