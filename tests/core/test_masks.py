"""Masks beside arrays: who keeps them, and for how long."""

import gc

import jax
import jax.numpy as jnp

from cornu.core import masks
from cornu.core.masks import mask_of, set_mask
from cornu.core.symbolic import KerasTensor


def test_a_mask_lives_as_long_as_its_array():
    x, mask = jnp.ones((2, 3)), jnp.array([True, False])
    set_mask(x, mask)
    assert mask_of(x) is mask
    assert mask_of(x + 0) is None
    key = id(x)
    del x
    gc.collect()
    assert key not in masks._kept


def test_none_forgets_a_mask():
    x = jnp.ones((2, 3))
    set_mask(x, jnp.array([True, False]))
    set_mask(x, None)
    assert mask_of(x) is None


def test_symbolic_tensors_carry_theirs():
    x, mask = KerasTensor((None, 3)), KerasTensor((None,), "bool")
    set_mask(x, mask)
    assert mask_of(x) is mask and x._keras_mask is mask


def test_traced_arrays_keep_theirs_to_the_end_of_the_trace():
    seen = []

    @jax.jit
    def step(x):
        y = x * 2
        set_mask(y, x > 0)
        seen.append(mask_of(y) is not None)
        inner = jax.vmap(lambda row: (set_mask(row, row > 1), row + 1)[1])(x)
        seen.append(mask_of(inner) is None)
        return inner

    before = len(masks._kept)
    with jax.checking_leaks():
        step(jnp.ones((3, 2)))
    gc.collect()
    assert seen == [True, True] and len(masks._kept) <= before


def test_what_cannot_have_a_mask_has_none():
    assert mask_of(3.0) is None and mask_of([1, 2]) is None and mask_of(None) is None
