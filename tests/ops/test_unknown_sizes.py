"""Ops whose results have a size that depends on values, on symbolic tensors and in models."""

import numpy as np
import pytest

from cornu import Input, Model, ops
from cornu.core.symbolic import KerasTensor

X = np.array([[3.0, 0.0, 3.0], [1.0, 0.0, 0.0]], "float32")


def parts(result):
    return list(result) if isinstance(result, (tuple, list)) else [result]


CALLS = {
    "unique": (ops.unique, [(None,)]),
    "unique of rows": (lambda x: ops.unique(x, axis=0), [(None, 3)]),
    "unique with all": (
        lambda x: ops.unique(x, return_index=True, return_inverse=True, return_counts=True),
        [(None,), (None,), (2, 3), (None,)],
    ),
    "unique of a size": (lambda x: ops.unique(x, size=4), [(4,)]),
    "nonzero": (ops.nonzero, [(None,), (None,)]),
    "where": (lambda x: ops.where(ops.greater(x, 1)), [(None,), (None,)]),
    "mask of rows": (lambda x: x[ops.greater(x[:, 0], 1)], [(None, 3)]),
    "mask of elements": (lambda x: x[ops.greater(x, 1)], [(None,)]),
    "repeat by numbers": (lambda x: ops.repeat(x, [1, 0, 2], axis=1), [(2, 3)]),
    "repeat of all": (lambda x: ops.repeat(x, 2), [(12,)]),
    "repeat by a tensor": (lambda x: ops.repeat(x, ops.cast(x[0], "int32"), axis=1), [(2, None)]),
    "reshape by a tensor": (lambda x: ops.reshape(x, (ops.cast(x[0, 0], "int32"), 2)), [(None, 2)]),
}


@pytest.mark.parametrize("name", CALLS)
def test_shapes_are_known_as_far_as_they_can_be(name):
    call, expected = CALLS[name]
    tensor = KerasTensor((2, 3))
    assert [t.shape for t in parts(call(tensor))] == expected
    arrays = parts(call(ops.convert_to_tensor(X)))
    for shape, array in zip(expected, arrays, strict=True):
        assert all(n in (None, m) for n, m in zip(shape, array.shape, strict=True))


@pytest.mark.parametrize("name", CALLS)
def test_graphs_of_them_run_again_and_again(name):
    call = CALLS[name][0]
    x = Input(batch_shape=(2, 3))
    model = Model(x, call(x))
    for _ in range(3):
        got, expected = model(X), call(ops.convert_to_tensor(X))
        for a, b in zip(parts(got), parts(expected), strict=True):
            np.testing.assert_array_equal(a, b)


def test_unknown_batches():
    x = KerasTensor((None, 3))
    assert ops.repeat(x, 2, axis=0).shape == (None, 3)
    assert ops.repeat(x, [1, 2, 3], axis=1).shape == (None, 6)
    assert ops.unique(x, return_inverse=True)[1].shape == (None, 3)
    with pytest.raises(ValueError, match="no axis 5"):
        ops.unique(x, axis=5)
