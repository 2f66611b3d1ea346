"""Crosses of integers in compiled code against those of the host."""

import jax
import numpy as np
import pytest

from cornu.layers import HashedCrossing
from cornu.layers.preprocessing.crossing import crossed


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int8", "bool"])
def test_bins_are_those_of_the_host(dtype):
    random = np.random.default_rng(0)
    limits = np.iinfo(dtype) if dtype != "bool" else np.iinfo("uint8")
    x = random.integers(limits.min, limits.max, 500, endpoint=True).astype(dtype)
    y = random.integers(-5, 1000, 500).astype("int32")
    for bins in (1, 32, 1000, 2**16 + 1, 2**31 - 1):
        layer = HashedCrossing(bins)
        assert (crossed([x, y, x], bins) == layer([x, y, x])).all()


def test_a_layer_asks_no_host():
    x = np.arange(6, dtype="int32")[:, None]
    layer = HashedCrossing(10, output_mode="one_hot")
    program = jax.jit(lambda a, b: layer([a, b]))
    assert (program(x, x[::-1]) == layer([x, x[::-1]])).all()
    assert "callback" not in program.lower(x, x).as_text()
