"""Layers that make one tensor of several."""

import numpy as np
import pytest

from cornu.layers import (
    Add,
    Average,
    Concatenate,
    Dot,
    Input,
    Masking,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
)
from cornu.models import Model

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(2, 4, 3)), RNG.normal(size=(2, 4, 3))


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (Add(), A + B),
        (Subtract(), A - B),
        (Multiply(), A * B),
        (Average(), (A + B) / 2),
        (Maximum(), np.maximum(A, B)),
        (Minimum(), np.minimum(A, B)),
        (Concatenate(), np.concatenate([A, B], -1)),
        (Concatenate(axis=1), np.concatenate([A, B], 1)),
        (Dot(axes=2), np.einsum("btc,buc->btu", A, B)),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else "",
)
def test_each_is_its_operation(layer, expected):
    np.testing.assert_allclose(layer([A, B]), expected, atol=1e-5)
    assert layer.compute_output_shape([A.shape, B.shape]) == expected.shape


def test_a_normalized_dot_is_a_cosine():
    x, y = A[:, 0], B[:, 0]  # (batch, channels)
    cosine = (x * y).sum(-1) / np.linalg.norm(x, axis=-1) / np.linalg.norm(y, axis=-1)
    np.testing.assert_allclose(Dot(axes=1, normalize=True)([x, y])[:, 0], cosine, atol=1e-5)


def test_a_graph_branches_and_comes_together():
    inputs = Input((3,))
    model = Model(inputs, Add()([inputs, inputs * 2]))
    np.testing.assert_allclose(model(A[:, 0]), 3 * A[:, 0], atol=1e-5)


def test_a_step_counts_in_a_sum_where_any_input_has_it():
    padded = A.copy()
    padded[:, 2:] = 0
    one, other = Masking()(padded), Masking()(A)
    mask = np.asarray(Add()([one, other])._keras_mask)
    assert mask.all()


@pytest.mark.parametrize("layer", [Add(), Concatenate(), Dot(axes=2)], ids=lambda v: v.name)
def test_shapes_that_do_not_fit_are_refused_with_the_shapes(layer):
    with pytest.raises(ValueError, match=r"\(2, 4, 3\).*\(2, 5, 2\)"):
        layer([A, np.ones((2, 5, 2))])


def test_one_input_is_not_enough():
    with pytest.raises(ValueError, match="list of inputs"):
        Add()(A)
