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


def mixed_rows():
    """The first row of each class, and those with options of the call, such as masks."""
    seen = set()
    for case in CASES:
        if case.mixed and not case.random and (case.options or case.name not in seen):
            seen.add(case.name)
            yield case


@pytest.mark.parametrize("case", list(mixed_rows()), ids=str)
def test_mixed_precision(case):
    harness.compare_mixed(case)


@pytest.mark.parametrize("row", BAD, ids=str)
def test_errors(row):
    harness.compare_errors(row)
