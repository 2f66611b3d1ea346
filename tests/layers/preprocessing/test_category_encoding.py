"""CategoryEncoding by definition, dense and sparse."""

import jax
import numpy as np
import pytest

from cornu.layers import CategoryEncoding
from cornu.layers.preprocessing.encoding import encoded


@pytest.mark.parametrize("mode", ["multi_hot", "count"])
@pytest.mark.parametrize("shape", [(5,), (4, 1), (4, 6), (2, 3, 6)])
def test_counts_by_definition(mode, shape):
    ids = np.random.default_rng(0).integers(-1, 4, shape)
    expected = np.stack([(ids == c).sum(-1) for c in range(4)], -1)
    if mode == "multi_hot":
        expected = np.minimum(expected, 1)
    for sparse in (False, True):
        y = CategoryEncoding(4, mode, sparse)(ids)
        assert ((y.todense() if sparse else y) == expected).all()


def test_weights_are_summed_and_have_gradients():
    ids, weights = np.array([[0, 2, 2]]), np.array([[0.5, 1.0, 2.0]], "float32")
    layer = CategoryEncoding(3, "count")
    assert layer(ids, count_weights=weights).tolist() == [[0.5, 0.0, 3.0]]
    slope = jax.grad(lambda w: (layer(ids, count_weights=w) * np.array([1, 2, 3])).sum())(weights)
    assert slope.tolist() == [[1.0, 3.0, 3.0]]


def test_jit_vmap_dtypes_and_empty():
    ids = np.array([[0, 2, 2], [1, 1, 0]])
    layer = CategoryEncoding(3, "count")
    assert (jax.jit(layer)(ids) == layer(ids)).all()
    assert (jax.vmap(layer)(ids) == layer(ids)).all()
    assert (layer(ids.astype("uint8")) == layer(ids.astype("float32"))).all()
    assert CategoryEncoding(3, dtype="bfloat16")(ids).dtype == "bfloat16"
    assert layer(np.zeros((0, 2), int)).shape == (0, 3)
    assert encoded(2, "one_hot", 3, "int32").tolist() == [[0, 0, 1]]


def test_large_counts_are_no_table_of_ones():
    ids = np.random.default_rng(1).integers(0, 50_000, (64, 400))
    assert jax.jit(CategoryEncoding(50_000, "count"))(ids).sum() == ids.size


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "must be given"),
        ({"num_tokens": 0}, "num_tokens"),
        ({"num_tokens": 3, "output_mode": "int"}, "output_mode"),
    ],
)
def test_wrong_settings(settings, says):
    with pytest.raises(ValueError, match=says):
        CategoryEncoding(**settings)


def test_a_category_that_is_too_large_is_refused():
    with pytest.raises(ValueError, match=r"num_tokens=8"):
        CategoryEncoding(3)([[1, 7]])
    with pytest.raises(ValueError, match="output_mode='count'"):
        CategoryEncoding(3)([[1]], count_weights=[[1.0]])
