"""The last rows are for validation, as in Keras; or any, or a share of each class."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from cornu import bcoo
from cornu.data.arrays import ArraySource
from cornu.data.dataset import PyDataset, PyDatasetSource
from cornu.data.rows import PickedRows, mapped_file
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
        (iter([]), 0.5, "needs arrays or a PyDataset"),
    ],
)
def test_what_cannot_be_split(data, fraction, words):
    with pytest.raises(ValueError, match=words):
        train_validation_split((data,), fraction)


# ---- other picks --------------------------------------------------------------------------------


def test_random_rows_are_the_same_every_time_and_in_no_part_twice():
    (train, _), (held_out, _) = train_validation_split((np.arange(50), np.zeros(50)), 0.2, "random")
    again = train_validation_split((np.arange(50), None, None), 0.2, "random")[1]
    assert held_out.tolist() == again[0].tolist() != list(range(40, 50))
    assert sorted([*train, *held_out]) == list(range(50))


@pytest.mark.parametrize("form", ["numbers", "column", "one-hot", "text of numbers"])
def test_each_class_has_its_share(form):
    classes = np.repeat([0, 1, 2], [60, 30, 10])
    y = {
        "numbers": classes,
        "column": classes[:, None].astype("float32"),
        "one-hot": np.eye(3)[classes],
        "text of numbers": classes * 7 - 3,
    }[form]
    (_, kept), (_, held_out) = train_validation_split((np.arange(100), y), 0.2, "stratified")
    count = [int((held_out == value).all(-1).sum() if y.ndim > 1 else (held_out == value).sum())
             for value in y[[0, 60, 90]]]  # fmt: skip
    assert count == [12, 6, 2] and len(kept) == 80


def test_a_class_of_one_sample_stays_in_training():
    y = np.array([0] * 9 + [1])
    (_, kept), (_, held_out) = train_validation_split((np.arange(10), y), 0.5, "stratified")
    assert 1 in kept and set(held_out) == {0} and len(held_out) == 5


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (None, "y is missing"),
        (np.linspace(0, 1, 10), "shape (10,) and dtype float32"),
        (np.ones((10, 3)), "shape (10, 3)"),
        ([np.ones(10), np.ones(10)], "several arrays"),
    ],
)
def test_strata_need_one_class_for_each_sample(y, words):
    with pytest.raises(ValueError, match="needs one class per sample") as caught:
        train_validation_split((np.zeros((10, 2)), y), 0.5, "stratified")
    assert words in str(caught.value) and 'validation_pick="random"' in str(caught.value)


def test_a_mistaken_pick():
    with pytest.raises(ValueError, match="did you mean 'stratified'"):
        train_validation_split((np.zeros(4),), 0.5, "stratify")


# ---- other data ---------------------------------------------------------------------------------


@pytest.mark.parametrize("pick", ["last", "random", "stratified"])
@pytest.mark.parametrize(
    "make",
    [np.asarray, lambda x: x.tolist(), pd.DataFrame, scipy.sparse.csr_matrix, jnp.asarray],
    ids=["numpy", "lists", "pandas", "sparse", "jax"],
)
def test_everything_with_rows_is_split_alike(make, pick):
    table, y = np.arange(24.0).reshape(12, 2), np.arange(12) % 2
    train, validation = train_validation_split((make(table), y, None), 0.25, pick)
    for x, labels, weights in (train, validation):
        batch = bcoo.dense(next(ArraySource(x, labels, weights).batches(0)).data)
        assert np.array_equal(batch[0][:, 0] / 2 % 2, batch[1])
    assert len(validation[0]) == 3


@pytest.mark.parametrize("pick", ["last", "random"])
def test_rows_of_mapped_files_stay_there(tmp_path, pick):
    x = np.memmap(tmp_path / "x", "float32", "w+", shape=(20, 3))
    for part in train_validation_split((x,), 0.25, pick):
        assert mapped_file(part[0]) is mapped_file(x)
        assert isinstance(part[0], PickedRows) == (pick == "random")


class Numbers(PyDataset):
    def __len__(self):
        return 10

    def __getitem__(self, index):
        return np.full((2, 1), index), np.zeros(2)


class Shuffling(Numbers):
    def on_epoch_end(self):
        pass


class Endless(Numbers):
    num_batches = None


def test_a_data_set_is_cut_between_batches():
    (train, *_), (validation, *_) = train_validation_split((Numbers(workers=3), None, None), 0.3)
    assert train.workers == 3 and (len(train), len(validation)) == (7, 3)
    got = [int(batch.data[0][0, 0]) for batch in PyDatasetSource(validation).batches(0)]
    assert got == [7, 8, 9]
    train, validation = (p[0] for p in train_validation_split((Numbers(),), 0.3, "random"))
    assert sorted(train.numbers + validation.numbers) == list(range(10))


def made_in(module, **members):
    return type("Thing", (), {"__module__": module, **members})()


@pytest.mark.parametrize(
    ("data", "pick", "words"),
    [
        (Endless(), "last", "endless"),
        (Shuffling(), "last", "changes at the end of an epoch"),
        (Numbers(), "stratified", "needs to know all labels"),
        (made_in("torch.utils.data.dataloader"), "last", "random_split"),
        (made_in("tensorflow.data", as_numpy_iterator=None), "last", "data.skip(n)"),
        (made_in("grain.python"), "last", "before batching"),
        (7, "last", "pass validation_data"),
    ],
)
def test_what_has_no_rows_is_told_the_other_way(data, pick, words):
    with pytest.raises(ValueError, match="validation_split") as caught:
        train_validation_split((data,), 0.5, pick)
    assert words in str(caught.value) and len(str(caught.value).splitlines()) <= 4
