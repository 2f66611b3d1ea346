"""Checks of inputs: each mistake with its message, and correct data with none."""

import numpy as np
import pytest

from cornu.checks import check_inputs
from cornu.checks.inputs import BLOCK, not_finite


def only(findings):
    assert len(findings) == 1, findings
    return findings[0]


def test_clean_inputs_give_no_finding():
    x = np.random.default_rng(0).normal(size=(100, 5)).astype("float32")
    assert check_inputs(x, (None, 5)) == []
    assert check_inputs(x) == []


def test_nan_is_counted_and_located():
    x = np.zeros((8, 3), dtype="float32")
    x[3, 1] = np.nan
    finding = only(check_inputs(x, (None, 3)))
    assert finding.severity == "error"
    assert finding.message.startswith("1 NaN in x, first at row 3, column 1.")
    assert "nan_to_num(x)" in finding.message


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_nan_count_is_exact_across_blocks_and_in_any_memory_order(dtype):
    x = np.ones((3 * BLOCK // 4, 2), dtype=dtype)
    x[[10, 20, -1], [0, 1, 1]] = np.nan
    for array in (x, np.asfortranarray(x), x[::-1][::-1]):
        assert not_finite(array)[:3] == (3, 0, (10, 0))


def test_large_finite_numbers_whose_square_overflows_are_finite():
    assert not_finite(np.full((4, 4), 1e30, dtype="float32")).nans == 0
    assert not_finite(np.full((4, 4), 1e30, dtype="float32")).infinite == 0


def test_infinite_numbers_are_counted_and_located():
    x = np.zeros((4, 2, 2))
    x[2, 0, 1] = -np.inf
    finding = only(check_inputs(x))
    assert finding.severity == "error"
    assert "1 infinite number in x, first at row 2, position (0, 1)" in finding.message


def test_a_mapped_file_is_sampled_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("cornu.checks.inputs.BLOCK", 4)
    x = np.memmap(tmp_path / "x.bin", dtype="float32", mode="w+", shape=(1000, 4))
    x[:] = np.nan
    found = not_finite(x)
    assert not found.exact and 0 < found.nans < x.size
    assert "At least" in check_inputs(x, rescales=True)[0].message


@pytest.mark.parametrize(
    ("shape", "expected", "words"),
    [
        ((8, 4), (None, 5), "The model expects 5 features, x has 4."),
        ((4,), (None, 4), "x[None]"),
        ((28, 28, 3), (None, 28, 28, 3), "x[None]"),
        ((9, 28, 28), (None, 28, 28, 3), "channel axis"),
        ((9, 28, 28, 1), (None, 28, 28, 3), "The model expects 3 channels, x has 1."),
        ((9, 28, 28), (None, 784), "x = x.reshape(len(x), 784)"),
        ((9, 7, 2), (None, 784), "Each sample of x has 2 axes, the model expects 784 features"),
        ((9, 7, 2), (None, 5, 3, 2), "another shape"),
        ((28, 28), (None, 28, 28, 1), "x = x[None, ..., None]"),
        ((9, 3, 28, 28), (None, 28, 28, 3), "x = numpy.moveaxis(x, 1, -1)"),
        ((9, 28, 28, 3), (None, 3, 28, 28), "x = numpy.moveaxis(x, -1, 1)"),
        ((9, 4, 6, 3), (None, 6, 4, 3), "x = numpy.transpose(x, (0, 2, 1, 3))"),
        ((9, 28, 28, 4), (None, 28, 28, 3), "x = x[..., :3]"),
        ((9, 28, 28, 3), (None, 28, 28, 1), "x = x.mean(-1, keepdims=True)"),
        ((9, 32, 32, 3), (None, 28, 28, 3), "keras.ops.image.resize(x, (28, 28))"),
        ((9, 3072), (None, 32, 32, 3), "numpy.moveaxis(x.reshape(len(x), 3, 32, 32), 1, -1)"),
    ],
)
def test_wrong_shapes(shape, expected, words):
    finding = only(check_inputs(np.zeros(shape), expected))
    assert finding.severity == "error"
    assert words in finding.message
    assert len(finding.message.splitlines()) <= 6


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((9, 28, 28), (None, 28, 28, 1)),  # the model adds a last axis of 1
        ((9,), (None, 1)),
        ((9, 1), (None,)),  # ... or takes it away
        ((9, 5, 1), (None, 5)),
        ((9, 30, 2), (None, None, 2)),
        ((5, 5), (None, 5)),
    ],
)
def test_shapes_that_a_model_accepts(shape, expected):
    assert check_inputs(np.zeros(shape), expected) == []


def test_several_inputs_are_named():
    x = {"image": np.zeros((4, 3)), "age": np.full((4, 1), np.nan)}
    findings = check_inputs(x, {"image": (None, 2), "age": (None, 1)})
    assert "x['image'] has 3" in findings[0].message
    assert "4 NaN in x['age']" in findings[1].message
    findings = check_inputs([np.zeros((4, 3)), np.zeros((4, 2))], [(None, 3), (None, 3)])
    assert "x[1] has 2" in only(findings).message


def test_pixels_are_recognised_in_bytes_and_in_floats():
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1))
    for x in (images.astype("uint8"), images.astype("float32")):
        finding = only(check_inputs(x))
        assert finding.severity == "warning"
        assert "/ 255" in finding.message
        assert check_inputs(x, rescales=True) == []


def test_scaled_images_small_bytes_and_indices_are_left_alone():
    rng = np.random.default_rng(0)
    assert check_inputs(rng.random((20, 8, 8, 1))) == []
    assert check_inputs(rng.integers(0, 10, (20, 4)).astype("uint8")) == []
    assert check_inputs(rng.integers(0, 50_000, (20, 100))) == []
    assert check_inputs(rng.integers(20, 250, (20, 3)).astype("float32")) == []  # a small table


def test_columns_of_wild_size_are_named():
    x = np.random.default_rng(0).normal(size=(50, 4))
    x[:, 2] *= 1e5
    finding = only(check_inputs(x))
    assert finding.severity == "warning"
    assert finding.message.startswith("Column 2 of x")
    assert "x = (x - x.mean(0)) / (x.std(0) + 1e-7)" in finding.message
