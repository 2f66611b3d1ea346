"""Identifiers without a row in the table that looks them up."""

import numpy as np
import pytest

from cornu.checks import check_indices

X = np.array([[1, 4, 9], [0, 2, 3]])


def test_what_fits_is_not_talked_about():
    assert check_indices(X, (10,)) == []
    assert check_indices(X.astype("float32"), (10,)) == []
    assert check_indices(X, None) == []
    assert check_indices(np.zeros((0, 3), "int32"), (10,)) == []


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float32"])
def test_above_the_table(dtype):
    (finding,) = check_indices(X.astype(dtype), (9,))
    assert finding.severity == "error"
    assert "x holds index 9 (row 0, column 2), but the embedding has rows 0 to 8" in finding.message
    assert "input_dim=10" in finding.message and "numpy.minimum(x, 8)" in finding.message


def test_negative_ones_count_from_the_end_as_far_as_they_can():
    (finding,) = check_indices(-X, (10,))
    assert (
        finding.severity == "warning"
        and "-1 (row 0, column 0)" in finding.message
        and "x - x.min()" in finding.message
    )
    (finding,) = check_indices(-X, (8,))
    assert (
        finding.severity == "error"
        and "-9 (row 0, column 2)" in finding.message
        and "x - x.min()" in finding.message
    )


def test_numbers_that_are_not_whole_are_cut_off():
    (finding,) = check_indices(X + 0.5, (10,))
    assert finding.severity == "warning" and "x holds 1.5 (row 0, column 0)" in finding.message
    assert [f.severity for f in check_indices(X + 0.5, (9,))] == ["warning", "error"]
    (finding,) = check_indices(np.array([[1.0, np.nan]]), (12,))
    assert finding.severity == "error" and "x holds nan (row 0, column 1)" in finding.message


def test_each_input_has_its_own_table():
    x = {"words": X, "tags": X + 10, "age": np.full((2, 1), 1e6)}
    found = check_indices(x, {"words": (10,), "tags": (10,), "age": None})
    assert [f.message.split()[0] for f in found] == ["x['tags']"]
    found = check_indices([X, X + 10], [(10,), (10,)])
    assert [f.message.split()[0] for f in found] == ["x[1]"]


def test_mapped_files_are_sampled(tmp_path):
    np.save(tmp_path / "x.npy", np.full((10_000, 2), 7, "int32"))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    (finding,) = check_indices(mapped, (7,))
    assert finding.severity == "error"
