"""Every row of `layers.py`, held against real Keras."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import harness  # noqa: E402
from layers import BAD, CASES  # noqa: E402


@pytest.mark.parametrize("case", CASES, ids=str)
def test_numbers(case):
    harness.compare(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_config(case):
    harness.compare_config(case)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_specs(case):
    harness.compare_specs(case)


@pytest.mark.parametrize("case", [c for c in CASES if c.mixed and not c.random], ids=str)
def test_mixed_precision(case):
    harness.compare_mixed(case)


@pytest.mark.parametrize("row", BAD, ids=str)
def test_errors(row):
    harness.compare_errors(row)
