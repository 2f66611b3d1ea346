"""Every row of `layers.py`, held against real Keras."""

import pytest

from parity import harness
from parity.layers import BAD, CASES


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
