"""The summary of a stream: exact, in any order, and within its memory."""

import numpy as np
import pytest

from cornu.layers.preprocessing import quantiles
from cornu.layers.preprocessing.quantiles import Quantiles, boundaries

X = np.random.default_rng(0).normal(size=3000).astype("float32").round(2)


def summary(*batches):
    found = Quantiles()
    for batch in batches:
        found.add(batch)
    return found


def test_ranks_are_exact_whatever_the_batches(monkeypatch):
    monkeypatch.setattr(quantiles, "MOST", 1 << 12)
    ranks = np.arange(len(X))
    for batches in ([X], np.split(X, 30), [X[:10], X[10:]], list(X[:, None])):
        assert (summary(*batches).at_ranks(ranks) == np.sort(X)).all()


def test_beyond_the_memory_ranks_are_off_by_little(monkeypatch):
    monkeypatch.setattr(quantiles, "MOST", 1 << 8)
    x = np.random.default_rng(1).permutation(20_000).astype("float32")
    found = summary(*np.split(x, 20))
    ranks = np.arange(0, len(x), 100)
    assert found.total == len(x)
    assert len(found._values) <= 1 << 8
    assert np.abs(found.at_ranks(ranks) - ranks).max() < len(x) * 20 * 2 / (1 << 8)


@pytest.mark.parametrize("count", [2, 10, 49, 64])
def test_bins_hold_about_the_same_number(count):
    x = np.random.default_rng(2).exponential(size=100_000)
    bounds, _ = boundaries(summary(x), count, 0.01)
    shares = np.bincount(np.digitize(x, bounds), minlength=count) / len(x)
    assert len(shares) == count
    assert np.abs(shares - 1 / count).max() < 0.01
