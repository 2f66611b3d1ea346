"""Tables: CSV by two readers, Parquet, frames; types, missing values, wrong files."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cornu
from cornu.data import table_dataset, tables
from cornu.data.tables import read_table

CSV = """age,weight,city,when,member,target
31,70.5,Oslo,2020-01-02,true,yes
45,NA,"Bergen, west",2021-03-04,false,no
28,61,NA,2019-12-31,true,yes
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "data.csv"
    file.write_text("\ufeff" + CSV, encoding="utf-8")
    return file


def without_arrow(monkeypatch):
    def need(module, **_):
        raise ImportError(module)

    monkeypatch.setattr(tables.errors, "need", need)


@pytest.mark.parametrize("reader", ["arrow", "csv"])
def test_csv_is_the_same_by_both_readers(path, reader, monkeypatch):
    if reader == "csv":
        without_arrow(monkeypatch)
    table, paths = read_table(path)
    assert paths == [str(path)]
    assert {name: c.dtype.kind for name, c in table.items()} == {
        "age": "i", "weight": "f", "city": "T", "when": "T", "member": "b", "target": "T"
    }  # fmt: skip
    assert table["age"].tolist() == [31, 45, 28] and table["age"].dtype == np.int64
    assert table["weight"].dtype == np.float32 and np.isnan(table["weight"][1])
    assert table["city"].tolist() == ["Oslo", "Bergen, west", "NA"]
    assert table["when"].tolist() == ["2020-01-02", "2021-03-04", "2019-12-31"]


@pytest.mark.parametrize("reader", ["arrow", "csv"])
def test_damaged_csv_is_named(tmp_path, reader, monkeypatch):
    if reader == "csv":
        without_arrow(monkeypatch)
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3\n")
    with pytest.raises(ValueError, match=r"a.csv cannot be read as a table") as caught:
        table_dataset(tmp_path / "a.csv")
    assert "columns" in str(caught.value)
    with pytest.raises(FileNotFoundError, match="There is no file"):
        table_dataset(tmp_path / "b.csv")


@pytest.mark.parametrize("reader", ["arrow", "csv"])
def test_several_files_without_header(tmp_path, reader, monkeypatch):
    if reader == "csv":
        without_arrow(monkeypatch)
    for number in range(3):
        (tmp_path / f"part-{number}.csv").write_text(f"{number};x\n{number + 10};y\n")
    data = table_dataset(
        str(tmp_path / "part-*.csv"), label="b", names=["a", "b"], delimiter=";", shuffle=False
    )
    ((x, y),) = data
    assert x["a"].tolist() == [0, 10, 1, 11, 2, 12] and y.tolist() == [0, 1] * 3
    (tmp_path / "part-3.csv").write_text("1;2;3\n")
    with pytest.raises(ValueError, match="same columns"):
        table_dataset(str(tmp_path / "part-?.csv"), delimiter=";")


def test_frames_arrow_and_parquet_are_the_same(tmp_path):
    frame = pd.DataFrame(
        {
            "i": pd.array([1, None, 3], "Int64"),
            "s": ["a", None, "c"],
            "c": pd.Categorical(["x", "y", "x"]),
            "t": pd.to_datetime(["2020-01-01", None, "2020-01-03"]),
            "v": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
            "u": np.array([1, 2, 3], "uint8"),
        }
    )
    arrow = pa.Table.from_pandas(frame)
    pq.write_table(arrow, tmp_path / "a.parquet")
    for data in (frame, arrow, tmp_path / "a.parquet"):
        table, _ = read_table(data)
        assert list(table) == list("isctvu")
        np.testing.assert_array_equal(table["i"], np.array([1, np.nan, 3], "f"))
        assert table["s"].tolist() == ["a", "", "c"] and table["c"].tolist() == ["x", "y", "x"]
        assert table["t"][0].startswith("2020-01-01") and table["t"][1] == ""
        assert table["v"].shape == (3, 2) and table["v"].dtype == np.float32
        assert table["u"].dtype == np.int64


def test_rows_go_to_a_model_that_takes_a_dict(path):
    data = table_dataset(path, "target", columns=["age", "member"], batch_size=2, seed=0)
    assert data.class_names == ["no", "yes"] and data.file_paths == [str(path)]
    assert [len(y) for _, y in data] == [2, 1]
    age, member = (cornu.Input((1,), name=n) for n in ("age", "member"))
    joined = cornu.layers.Concatenate()([age, member])
    model = cornu.Model({"age": age, "member": member}, cornu.layers.Dense(2)(joined))
    model.compile("sgd", cornu.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(data, epochs=1, verbose=0)


def test_wrong_arguments_are_named(path):
    with pytest.raises(KeyError, match="did you mean 'target'"):
        table_dataset(path, "targt")
    with pytest.raises(TypeError, match="must be a path, a data frame"):
        table_dataset(3)
    with pytest.raises(ValueError, match="same length"):
        table_dataset({"a": [1, 2], "b": [1]})
    with pytest.raises(ValueError, match="must hold numbers, text"):
        table_dataset({"a": np.array([object(), 1], object)})
    both = table_dataset({"a": [1, 2], "b": [3, 4], "c": [5, 6]}, label=["b", "c"], shuffle=False)
    ((x, y),) = both
    assert list(x) == ["a"] and y["c"].tolist() == [5, 6]
