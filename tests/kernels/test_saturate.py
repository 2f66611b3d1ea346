"""Casts that keep values within the range of the dtype; see also tests/ops/test_core.py."""

import jax.numpy as jnp
import numpy as np
import pytest

from cornu.kernels.saturate import saturate


@pytest.mark.parametrize("source", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16"])
def test_infinities_go_to_the_ends(source, dtype):
    ends = np.iinfo(dtype)
    got = saturate(jnp.array([-jnp.inf, jnp.inf], source), np.dtype(dtype))
    assert got.tolist() == [ends.min, min(ends.max, float(jnp.finfo(source).max))]


def test_what_overflows_is_the_largest_number():
    got = saturate(jnp.array([1e30, -1e30, jnp.nan], "float32"), np.dtype("float16"))
    np.testing.assert_array_equal(got, np.array([65504, -65504, np.nan], "float16"))
