"""What `adapt` reads: arrays, tables, lists and streams of any kind, each once."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from cornu.data.dataset import PyDataset
from cornu.layers.preprocessing import adapting
from cornu.layers.preprocessing.adapting import as_array, batches_of

X = np.arange(12.0).reshape(6, 2)


class Halves(PyDataset):
    """Two batches with labels."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return X[3 * index : 3 * index + 3], np.zeros(3)


class Loader:
    """Something of another library that is iterated over, and says its length."""

    def __len__(self):
        return 3

    def __iter__(self):
        return iter(np.split(X, 3))


class Endless(Loader):
    """The same without an end, as tf.data and `Dataset.repeat()` have it."""

    def cardinality(self):
        return -1


@pytest.mark.parametrize(
    "data",
    [
        X,
        X.astype("float16"),
        jnp.asarray(X),
        X.tolist(),
        pd.DataFrame(X),
        scipy.sparse.coo_array(X),
        Halves(),
        Loader(),
        np.split(X, 2),
        tuple(np.split(X, 2)),
        [(a, "label") for a in np.split(X, 2)],
    ],
    ids=lambda data: type(data).__name__,
)
def test_data_of_every_kind_are_read_once_and_whole(data):
    assert np.concatenate(list(batches_of(data))).tolist() == X.tolist()


def test_a_generator_is_read_as_it_comes():
    read = []
    stream = batches_of(read.append(i) or X[i : i + 1] for i in range(6))
    next(stream), next(stream)
    assert len(read) == 2


def test_arrays_are_cut_into_chunks(monkeypatch):
    monkeypatch.setattr(adapting, "CHUNK", 4)
    assert [len(b) for b in batches_of(X)] == [2, 2, 2]
    assert [len(b) for b in batches_of(X, batch_size=4)] == [4, 2]
    assert [len(b) for b in batches_of(X, steps=2, batch_size=1)] == [1, 1]


@pytest.mark.parametrize("data", [Halves(), Loader(), Endless(), iter(np.split(X, 3))])
def test_steps_end_the_pass(data):
    assert len(list(batches_of(data, steps=1))) == 1


def test_a_column_of_numbers_becomes_one_feature_and_strings_stay():
    assert as_array(pd.Series([1, 2])).shape == (2, 1)
    assert as_array(pd.Series(["a", "b"])).tolist() == ["a", "b"]
    assert as_array("a").tolist() == "a"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (iter(()), "holds no data"),
        (np.zeros((0, 2)), "holds no data"),
        ([], "holds no data"),
        (Endless(), r"data\.take"),
        ({"age": X}, r"x\['age'\]"),
        (iter([{"age": X, "b": X}]), r"x\['age'\]"),
        ([[1.0], [1.0, 2.0]], "differ in length"),
    ],
)
def test_what_cannot_be_read_says_why(data, says):
    with pytest.raises(ValueError, match=says):
        list(batches_of(data))


@pytest.mark.parametrize("data", [5, "text", len])
def test_what_is_no_data_is_a_type_error(data):
    with pytest.raises(TypeError, match="adapt reads arrays"):
        list(batches_of(data))


def test_a_long_pass_shows_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(adapting, "PATIENCE", -1.0)
    monkeypatch.setattr("cornu.reports.progress.choose_mode", lambda stream: "notebook")
    list(batches_of(Loader()))
    assert "3/3" in capsys.readouterr().out
