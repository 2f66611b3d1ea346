"""The arithmetic of windows."""

import jax.numpy as jnp
import numpy as np
import pytest

from cornu.kernels.window import (
    Geometry,
    check_padding,
    extent,
    taps,
    window_pads,
    xla_padding,
)


def test_same_pads_the_end_first():
    assert window_pads((5, 6), (3, 4), (1, 2), (1, 1), "same") == ((1, 1), (1, 1))
    assert window_pads((6,), (2,), (1,), (1,), "same") == ((0, 1),)
    assert window_pads((6,), (1,), (4,), (1,), "same") == ((0, 0),)


def test_causal_and_explicit_pads():
    assert window_pads((9,), (3,), (1,), (2,), "causal") == ((4, 0),)
    assert window_pads((9,), (3,), (1,), (1,), [(1, 2)]) == ((1, 2),)
    assert xla_padding((9,), (3,), (1,), (2,), "causal") == ((4, 0),)
    assert xla_padding((9,), (3,), (1,), (2,), "valid") == "VALID"


def test_taps_cover_what_a_window_sees():
    x = jnp.arange(6.0).reshape(1, 6, 1)
    geometry = Geometry((2,), ((1, 0),), (1,), (2,))
    assert extent(2, 2) == 3
    seen = {
        position: np.asarray(part[0, :, 0]).tolist() for position, part in taps(x, (2,), geometry)
    }
    # padded input: 0 | 0 1 2 3 4 5, windows begin at 0, 2 and 4
    assert seen == {(0,): [0, 1, 3], (1,): [1, 3, 5]}


def test_known_paddings():
    check_padding("causal", 1)
    check_padding(((0, 0), (1, 1)), 2)
    for padding, rank in (("causal", 2), ("SAME", 1), (((0, 0),), 2)):
        with pytest.raises(ValueError, match="padding"):
            check_padding(padding, rank)
