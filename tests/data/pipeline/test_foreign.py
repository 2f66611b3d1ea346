"""Data sets of other libraries, and of grain both ways."""

import grain
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pytest

import cornu as keras
from cornu.data import Dataset

X, Y = np.arange(6.0).reshape(3, 2), np.arange(3)
ROWS = [(x, y) for x, y in zip(X, Y, strict=True)]


class Tensor:
    """Methods of a torch tensor that requires a gradient."""

    def __init__(self, array):
        self.array = np.asarray(array)
        self.shape, self.dtype = self.array.shape, f"torch.{self.array.dtype}"

    def detach(self):
        return self

    def cpu(self):
        return self

    def __array__(self, dtype=None, copy=None):
        return self.array


def stand_in(module, *bases, **members):
    """What seems to come from another library, as far as its methods go."""
    return type("Data", bases, {"__module__": module, **members})()


def of_torch(rows):
    return [(Tensor(x), int(y)) for x, y in rows]


TABLE = {"x": [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], "y": [0, 1, 2]}
INDEXED = {
    "torch Dataset": lambda: stand_in(
        "torch.utils.data.dataset",
        __len__=lambda self: 3,
        __getitem__=lambda self, i: of_torch(ROWS)[i],
    ),
    "grain MapDataset": lambda: grain.MapDataset.source(ROWS),
    "Dataset": lambda: Dataset.from_arrays(X, Y),
    "arrays": lambda: (X, Y),
}
IN_ORDER = {
    "torch IterableDataset": lambda: stand_in(
        "torch.utils.data.dataset", __iter__=lambda self: iter(of_torch(ROWS))
    ),
    "grain IterDataset": lambda: grain.MapDataset.source(ROWS).to_iter_dataset(),
    "grain DataLoader": lambda: grain.DataLoader(
        data_source=ROWS, sampler=grain.samplers.SequentialSampler(3), worker_count=0
    ),
    "tf.data": lambda: stand_in(
        "tensorflow.python.data.ops.dataset_ops",
        as_numpy_iterator=lambda self: iter(ROWS),
        cardinality=lambda self: np.int64(3),
    ),
    "an iterable": lambda: stand_in("__main__", __iter__=lambda self: iter(ROWS)),
    "a function": lambda: lambda: iter(ROWS),
}
TABLES = {
    "Arrow table": lambda: pa.table(TABLE),
    "Arrow table of fixed lists": lambda: pa.table(
        {"x": pa.array(TABLE["x"], pa.list_(pa.float64(), 2)), "y": TABLE["y"]}
    ),
    "Hugging Face": lambda: HuggingFace(),
    "dict": lambda: {"x": X, "y": Y},
}


class HuggingFace:
    """Methods of `datasets.Dataset`."""

    __module__ = "datasets.arrow_dataset"

    def __len__(self):
        return 3

    def with_format(self, kind):
        assert kind == "numpy"
        return self

    def __getitem__(self, rows):
        return {"x": X[rows], "y": Y[rows]}


def same(found, expected):
    assert len(found) == len(expected)
    for (x, y), (a, b) in zip(found, expected, strict=True):
        assert np.array_equal(x, a) and np.array_equal(y, b)
        assert isinstance(x, np.ndarray)


@pytest.mark.parametrize("kind", INDEXED)
def test_with_an_index(kind):
    data = Dataset.from_any(INDEXED[kind]())
    assert len(data) == 3
    same(list(data), ROWS)
    same([data[2]], ROWS[2:])
    same(list(data.batch(2)), [(X[:2], Y[:2]), (X[2:], Y[2:])])


@pytest.mark.parametrize("kind", IN_ORDER)
def test_in_order(kind):
    data = Dataset.from_any(IN_ORDER[kind]())
    for _ in range(2):
        same(list(data), ROWS)
    same(list(data.batch(2)), [(X[:2], Y[:2]), (X[2:], Y[2:])])


@pytest.mark.parametrize("kind", TABLES)
def test_tables(kind):
    data = Dataset.from_any(TABLES[kind]())
    batch = next(iter(data.batch(3)))
    assert np.array_equal(batch["x"], X) and np.array_equal(batch["y"], Y)
    assert data[1]["x"].tolist() == [2, 3] and data[1]["y"] == 1 and len(data) == 3


def test_columns():
    table = {"n": [1, None, 3], "t": ["a", "bc", "d"], "f": [0.5, 1.5, 2.5]}
    arrow = pa.chunked_array([["a", "bc"], ["d"]])
    for data in (
        pd.DataFrame(table),
        pa.table({**table, "t": arrow}),
        pyarrow.dataset.dataset(pa.table(table)),
    ):
        batch = next(iter(Dataset.from_any(data).batch(3)))
        assert np.array_equal(batch["n"], [1, np.nan, 3], equal_nan=True)
        assert batch["t"].tolist() == table["t"] and batch["f"].tolist() == table["f"]


def test_bytes_are_text_or_stay():
    batches = [
        np.array([b"caf\xc3\xa9", b"a"], object),
        np.array([b"\xff\x00", b"\xd8\x00"], object),
    ]
    data = stand_in(
        "tensorflow.data", as_numpy_iterator=lambda self: iter(batches), cardinality=lambda self: 2
    )
    text, raw = Dataset.from_any(data)
    assert text.tolist() == ["café", "a"] and raw.tolist() == [b"\xff\x00", b"\xd8\x00"]


def test_batches_of_loaders_train():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    loader = stand_in(
        "torch.utils.data.dataloader",
        __iter__=lambda self: iter([[Tensor(X), Tensor(Y)]] * 2),
        __len__=lambda self: 2,
        collate_fn=None,
        batch_size=3,
    )
    data = Dataset.from_any(loader)
    assert data.cardinality() == 2 and "2 batches" in repr(data)
    model.fit(data, verbose=0)

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, i):
            return X, Y

    model.fit(Dataset.from_any(Batches()).shuffle(2), verbose=0)


def test_what_is_no_data_set():
    with pytest.raises(TypeError, match="read once only"):
        Dataset.from_any(iter(ROWS))
    splits = type("DatasetDict", (dict,), {"__module__": "datasets.dataset_dict"})
    splits.with_format = splits.__len__
    with pytest.raises(TypeError, match=r"from_any\(data\['test'\]\)"):
        Dataset.from_any(splits(test=1))


# ---- to grain -----------------------------------------------------------------------------------


def test_to_grain_with_an_index():
    data = Dataset.from_arrays(X, Y).map(lambda x, y: (x + 1, y))
    loader = data.to_grain().seed(3).shuffle().repeat(2).batch(2)
    seen = [y for _, y in loader]
    assert isinstance(loader, grain.MapDataset) and sorted(np.concatenate(seen)) == [
        0,
        0,
        1,
        1,
        2,
        2,
    ]
    same(list(Dataset.from_any(data.to_grain())), [(x + 1, y) for x, y in ROWS])


def test_to_grain_in_order_with_its_state():
    data = Dataset.range(6).filter(lambda n: n != 2).to_grain()
    assert isinstance(data, grain.IterDataset)
    iterator = iter(data.map(lambda n: n * 10))
    assert [next(iterator), next(iterator)] == [0, 10]
    state = iterator.get_state()
    rest = list(iterator)
    other = iter(data.map(lambda n: n * 10))
    other.set_state(state)
    assert list(other) == rest == [30, 40, 50]
    assert list(data.batch(5))[0].tolist() == [0, 1, 3, 4, 5]


def test_a_dataset_is_a_source_of_grain():
    data = Dataset.from_arrays(X, Y)
    assert isinstance(data, grain.sources.RandomAccessDataSource)
    loader = grain.DataLoader(
        data_source=data, sampler=grain.samplers.SequentialSampler(3), worker_count=0
    )
    same(list(loader), ROWS)
