"""Every public op: compiled in a loop over a map, called by itself, and in float64."""

import jax
import numpy as np
import pytest

from cornu import ops
from sweep.rows import (
    JUMPS,
    NO_ROW,
    OF_ITS_DTYPE,
    OWN_SLOPE,
    ROWS,
    WHOLE,
    block,
    call_of,
    chosen,
    compiled,
    in_double,
)


def near(got, wanted, tolerance, what):
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.shape == wanted.shape, what
    if got.dtype.kind not in "fc":
        # Images of whole numbers are rounded from interpolated ones, up or down at halves.
        steps = int(got.dtype == np.uint8)
        assert (abs(got.astype(float) - wanted.astype(float)) <= steps).all(), what
        return
    finite = wanted[np.isfinite(wanted)]
    size = max(abs(finite).max(initial=0), 1)
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance * size, err_msg=what)


@pytest.mark.parametrize("row", [row for row in chosen() if row.traceable], ids=repr)
def test_compiled_as_called_as_in_double_precision(row):
    call, arrays = call_of(row)
    if not arrays:
        pytest.skip("makes its numbers from settings alone")
    blocks, factors = block(arrays)
    results, slopes = compiled(row, call, arrays)
    rng = np.random.default_rng(1)
    for place in ((0, 0), (1, factors.shape[1] - 1)):
        these = [x[place] for x in blocks]
        got = [np.asarray(y)[place] for y in results]
        if WHOLE or row.name in OF_ITS_DTYPE | JUMPS:
            for mine, called in zip(got, jax.tree.leaves(call(*these)), strict=True):
                near(mine, called, row.tol, "compiled and called")
        floats = [i for i, x in enumerate(these) if x.dtype == np.float32]
        ways = None
        if slopes and row.name not in OWN_SLOPE:
            ways = [rng.normal(size=x.shape) if i in floats else None for i, x in enumerate(these)]
        if row.name in OF_ITS_DTYPE | JUMPS:
            continue
        exact, slope = in_double(row, call, these, ways)
        for mine, wanted in zip(got, exact, strict=True):
            near(mine, wanted, 5 * row.tol, "compiled and in float64")
        if slope is not None:
            along = [
                np.sum(np.asarray(s, float)[place] * ways[i])
                for s, i in zip(slopes, floats, strict=True)
            ]
            scale = sum(np.abs(np.asarray(s, float)[place]).sum() for s in slopes)
            np.testing.assert_allclose(
                sum(along), slope, rtol=1e-3, atol=20 * row.tol * max(scale, 1), err_msg="slope"
            )


def test_every_public_op_is_here():
    found = {name: getattr(ops, name) for name in dir(ops) if name[0] != "_"}
    public = {
        name
        for name, op in found.items()
        if callable(op) and op.__module__.startswith(("cornu.ops", "cornu.core", "jax"))
    }
    assert len(public) > 300
    assert public - {row.name for row in ROWS} <= NO_ROW | {"sparsemax"}
