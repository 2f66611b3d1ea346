"""Constraints by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from cornu import constraints


def lengths(w, axis=0):
    return np.linalg.norm(w, axis=axis)


def test_max_norm_shortens_only_what_is_too_long():
    w = jnp.array([[3.0, 0.3], [4.0, 0.4]])
    got = constraints.MaxNorm(2.0)(w)
    np.testing.assert_allclose(lengths(got), [2.0, 0.5], 1e-5)


def test_min_max_norm_goes_part_of_the_way():
    w = jnp.array([[3.0, 0.3], [4.0, 0.4]])
    got = constraints.MinMaxNorm(1.0, 2.0, rate=0.5)(w)
    np.testing.assert_allclose(lengths(got), [3.5, 0.75], 1e-5)


def test_unit_norm_over_the_axes_of_a_filter():
    w = jnp.ones((3, 3, 2, 4))
    got = constraints.UnitNorm(axis=(0, 1, 2))(w)
    np.testing.assert_allclose((np.asarray(got) ** 2).sum((0, 1, 2)), np.ones(4), 1e-5)


def test_non_neg():
    assert constraints.NonNeg()(jnp.array([-1.0, 0.0, 2.0])).tolist() == [0.0, 0.0, 2.0]


def test_zero_vectors_stay_finite():
    assert np.isfinite(constraints.UnitNorm()(jnp.zeros((3, 2)))).all()


def test_a_mistaken_name_gets_a_hint():
    with pytest.raises(ValueError, match="did you mean 'MaxNorm'"):
        constraints.get("maxnorm")
