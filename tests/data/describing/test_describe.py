"""What is in arrays, frames and data sets, by definition."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

from cornu.data import Dataset, describe
from cornu.data.describing import rows

RANDOM = np.random.default_rng(0)


def whats(found):
    return [finding.what for finding in found.findings]


def kinds(found):
    return {finding.kind: finding.severity for finding in found.findings}


@pytest.mark.parametrize("most", [3, 10_000], ids=["chunks of 3", "one chunk"])
def test_columns_of_a_matrix(monkeypatch, most):
    monkeypatch.setattr(rows, "MOST_ROWS", most)
    x = RANDOM.normal(size=(20, 3)) * [1, 5, 0] + [0, 1000, 7]
    x[4, 0], x[5, 0], x[6, 1] = np.nan, np.nan, -np.inf
    found = describe(x)
    (part,) = found.parts
    assert (part.samples, part.seen, part.name, found.kind) == (20, 20, "", "arrays")
    first, second, third = part.columns
    assert (first.name, first.missing, second.infinite, first.infinite) == ("0", 2, 1, 0)
    for column, values in zip(part.columns, x.T, strict=True):
        values = values[np.isfinite(values)]
        facts = column.low, column.high, column.mean, column.std
        np.testing.assert_allclose(facts, [f(values) for f in (np.min, np.max, np.mean, np.std)],
                                   atol=1e-12)  # fmt: skip
    assert third.is_constant and not first.is_constant
    assert whats(found) == [
        "Column 0 has 2 NaN.",
        "Column 1 has 1 infinite value.",
        "Column 2 has the same value in every row: 7.",
    ]
    assert kinds(found) == {"missing": "error", "infinite": "error", "constant": "warning"}


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "bool", "complex64"])
def test_images_are_one_column(dtype):
    x = (RANDOM.integers(0, 2, (5, 4, 4, 3)) * (255 if dtype == "uint8" else 1)).astype(dtype)
    (column,) = describe(x).parts[0].columns
    assert (column.name, column.shape, column.dtype, column.low) == ("x", (4, 4, 3), dtype, 0)
    assert column.high == (255 if dtype == "uint8" else 1)
    np.testing.assert_allclose(column.mean, np.abs(x).mean(dtype=complex).real, rtol=1e-3)
    assert ("scale" in kinds(describe(x))) == (dtype == "uint8")


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        ([2, 0, 0, 2], {"0": 2, "2": 2}),
        ([[2], [0], [0], [2]], {"0": 2, "2": 2}),
        (["b", "a", "b", "b"], {"a": 1, "b": 3}),
        ([True, False, True, True], {"False": 1, "True": 3}),
        (np.eye(3)[[2, 0, 0, 2]], {"0": 2, "2": 2}),
        ([1.0, 0.0, 1.0, 1.0], {"0": 1, "1": 3}),
        (jnp.array([1, 0, 1, 1]), {"0": 1, "1": 3}),
    ],
)
def test_classes_are_counted(y, classes):
    (part,) = describe(np.arange(8).reshape(4, 2), y).parts
    assert part.classes == classes and part.target is None


@pytest.mark.parametrize("y", [[0.5, 1.5, -1.0, 2.0], np.full((4, 2), 0.5)])
def test_other_labels_have_a_range(y):
    (part,) = describe(np.arange(8).reshape(4, 2), y).parts
    assert part.classes is None
    assert (part.target.low, part.target.high) == (np.min(y), np.max(y))


def test_balance_and_order():
    x = np.arange(60)[:, None]
    assert "Class '0' has 55 samples and class '1' 5." in whats(describe(x, [0] * 55 + [1] * 5))
    assert "order" in kinds(describe(x, [0] * 30 + [1] * 30))
    assert not describe(x, [0, 1] * 30).findings
    assert whats(describe(x, [3] * 60)) == ["All samples have the label '3'."]


def test_copies_and_labels_that_differ():
    x = np.array([[1, 2], [3, 4], [1, 2], [1, 2], [5, 6]])
    (part,) = describe(x).parts
    assert (part.copies, part.conflicts) == (2, 0)
    found = describe(x, [0, 1, 1, 0, 1])
    assert (found.parts[0].copies, found.parts[0].conflicts) == (2, 1)
    assert whats(found) == [
        "1 sample came before with another label.",
        "1 copy of earlier samples.",
    ]


def test_what_training_and_test_data_share():
    x = RANDOM.normal(size=(30, 3)).astype("float32")
    y = np.arange(30) % 2
    found = describe(x[:20], y[:20], test=(x[15:], y[15:]))
    assert [part.name for part in found.parts] == ["training", "test"] and found.shared == 5
    assert whats(found) == ["5 samples of the test data also in the training data."]
    assert describe(x[:20], test=x[20:]).shared == 0
    found = describe(x[:20], y[:20], test=(x[20:], y[20:] + 1))
    assert whats(found) == ["The test data has classes that the training data has not."]


def test_texts_and_lists():
    (part,) = describe(["a good film", "bad", "", None, "a good film"]).parts
    (column,) = part.columns
    assert (column.kind, column.count, column.missing, column.distinct) == ("texts", 5, 2, 2)
    assert (column.low, column.high, column.vocabulary) == (3, 11, 4)
    assert column.common[0] == ("a good film", 2) and part.copies == 1
    (column,) = describe([[1, 2, 3], [4], [1]]).parts[0].columns
    assert (column.kind, column.low, column.high, column.vocabulary) == ("lists", 1, 3, 4)
    assert column.common[0] == ("1", 2)


def test_a_data_frame():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({
        "age": [20.0, None, 40.0], "town": pandas.Categorical(["b", "b", None]),
        "when": pandas.to_datetime(["2020-01-01", None, "2021-01-01"]),
        "count": pandas.array([1, None, 3], dtype="Int64"), "y": [0, 1, 1],
    })  # fmt: skip
    found = describe(frame, "y")
    assert found.kind == "table" and found.parts[0].classes == {"0": 1, "1": 2}
    missing = {column.name: column.missing for column in found.parts[0].columns}
    assert missing == {"age": 1, "town": 1, "when": 1, "count": 1}
    with pytest.raises(ValueError, match=r"no column 'agee'[^$]*did you mean 'age'"):
        describe(frame, "agee")


def test_dicts_and_several_inputs():
    x = {"image": np.zeros((4, 2, 2)), "row": np.arange(8).reshape(4, 2)}
    names = [column.name for column in describe(x).parts[0].columns]
    assert names == ["image", "row 0", "row 1"]
    names = [column.name for column in describe((x["image"], x["row"])).parts[0].columns]
    assert names == ["input 0", "input 1 0", "input 1 1"]


@pytest.mark.parametrize("batch", [None, 4])
def test_a_data_set_passes_by(batch):
    x, y = RANDOM.normal(size=(10, 3)), np.arange(10) % 2
    data = Dataset.from_tensor_slices((x, y))
    found = describe(data.batch(batch) if batch else data)
    assert found.parts[0].samples == 10 and found.parts[0].classes == {"0": 5, "1": 5}
    np.testing.assert_allclose([c.mean for c in found.parts[0].columns], x.mean(axis=0))
    data = Dataset.from_tensor_slices(x)
    (part,) = describe(data.batch(batch) if batch else data).parts
    assert (part.samples, len(part.columns), part.classes) == (10, 3, None)
    with pytest.raises(ValueError, match="brings its labels itself"):
        describe(data, y)


def test_the_time_is_bounded(monkeypatch):
    monkeypatch.setattr(rows, "MOST_ROWS", 10)
    found = describe(np.arange(100)[:, None], seconds=0)
    assert (found.parts[0].samples, found.parts[0].seen) == (100, 10)
    assert not found.is_complete and "100, 10 of them looked at" in str(found)


def test_arrays_must_fit_together():
    with pytest.raises(ValueError, match=r"same number of samples[^$]*x 3, y 2"):
        describe(np.zeros((3, 1)), [0, 1])
    with pytest.raises(ValueError, match="axis of samples"):
        describe(np.float32(3))


def test_a_description_is_a_dict_and_a_text():
    found = describe(np.array([[1.0, np.nan], [1.0, 2.0]]), [0, 1])
    read = json.loads(found.to_json())
    assert read["parts"][0]["classes"] == {"0": 1, "1": 1} and read["is_complete"]
    assert read["findings"][0]["severity"] == "error" and read["findings"][0]["fix"]
    assert "classes: 2: 0 1, 1 1" in str(found) and "error: Column 1 has 1 NaN." in str(found)


def test_no_samples_are_no_error():
    assert describe(np.zeros((0, 3))).parts[0].samples == 0
