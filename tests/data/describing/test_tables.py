"""Tables and arrays in files."""

import numpy as np
import pytest

from cornu.data import describe
from cornu.data.describing import tables


def part_of(path, *args):
    return describe(path, *args).parts[0]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_table_with_names(tmp_path, separator, monkeypatch):
    monkeypatch.setattr(tables, "ROWS", 2)
    lines = [["age", "town", "sick"], ["3", "b c", "1"], ["", "?", "0"], ["x", "b c", "1"],
             ["5.5e1", "d", "0"], ["7"], ["-1", "d", "1"]]  # fmt: skip
    lines[1:1] = [["1", "b c", "1"]] * 20
    path = tmp_path / "t.csv"
    path.write_text("\ufeff" + "\n".join(separator.join(line) for line in lines), "utf-8")
    found = describe(path, "sick")
    (part,) = found.parts
    assert found.kind == "table" and part.samples == 25
    age, town = part.columns
    assert (age.kind, age.missing, age.low, age.high) == ("numbers", 2, -1, 55)
    assert (town.kind, town.missing, town.distinct) == ("texts", 1, 2)
    assert part.classes == {"0": 2, "1": 23}
    assert part.facts == {"values that are no numbers": {"age": 1}, "rows of another length": 1}
    assert {"odd", "ragged", "missing", "balance"} <= {f.kind for f in found.findings}


def test_a_table_without_names_and_one_in_blanks(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("1,2.5\n3,4\n\n")
    assert [c.name for c in part_of(path).columns] == ["0", "1"]
    path.write_text(" 1   2.5\n 3   4\n")
    assert [(c.name, c.high) for c in part_of(path).columns] == [("0", 3), ("1", 4)]
    path.write_text('name,note\n"a, b","x\ny"\n')
    assert part_of(path).columns[0].common == [("a, b", 1)]


def test_what_is_no_table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("")
    with pytest.raises(ValueError, match="t.csv is empty"):
        describe(path)
    path.write_text('a,b\n1,"' + "x" * 200_000 + "\n")
    with pytest.raises(ValueError, match=r"cannot be read as a table[^$]*not closed"):
        describe(path)
    path.write_text("price,size\n1,2\n")
    with pytest.raises(ValueError, match="did you mean 'price'"):
        describe(path, "pric")
    with pytest.raises(ValueError, match="must be the name of a column"):
        describe(path, [0])
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        describe(tmp_path / "u.csv")
    (tmp_path / "a.doc").write_text("x")
    with pytest.raises(ValueError, match=r"a\.doc is no file that can be described"):
        describe(tmp_path / "a.doc")


def test_a_parquet_file(tmp_path):
    pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "t.parquet"
    pandas.DataFrame({"a": [1.0, None], "b": ["x", "y"], "y": [0, 1]}).to_parquet(path)
    part = part_of(path, "y")
    assert part.classes == {"0": 1, "1": 1}
    assert [(c.name, c.missing) for c in part.columns] == [("a", 1), ("b", 0)]


def test_arrays_of_training_and_test_data(tmp_path):
    path = tmp_path / "a.npz"
    x, y = np.arange(12).reshape(6, 2), np.arange(6) % 2
    np.savez(path, x_train=x, y_train=y, x_test=x[:2], y_test=y[:2])
    found = describe(path)
    assert [(p.name, p.samples, p.classes) for p in found.parts] == [
        ("training", 6, {"0": 3, "1": 3}), ("test", 2, {"0": 1, "1": 1}),
    ]  # fmt: skip
    assert found.shared == 2
    np.savez(path, a=x, b=y)
    assert [c.name for c in part_of(path).columns] == ["a 0", "a 1", "b"]
    np.savez(path, a=x, b=np.zeros((3, 2)))
    assert [p.name for p in describe(path).parts] == ["a", "b"]
    np.save(tmp_path / "a.npy", x)
    assert part_of(tmp_path / "a.npy", y).classes == {"0": 3, "1": 3}


class Harm:
    def __reduce__(self):
        return (open, ("/tmp/harmed-by-an-array", "w"))


def test_pickled_objects_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([Harm()], object))
    np.savez(tmp_path / "a.npz", x=np.array([Harm()], object))
    (tmp_path / "b.npz").write_bytes(b"no zip")
    for name in ("a.npy", "a.npz", "b.npz"):
        with pytest.raises(ValueError, match="cannot be read as arrays"):
            describe(tmp_path / name)


def test_lines_of_a_text(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("one two\n\ntwo\ntwo\n")
    part = part_of(path)
    assert (part.samples, part.copies, part.columns[0].vocabulary) == (3, 1, 2)
