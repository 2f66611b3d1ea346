"""Weights that a file fills are not drawn before; the others are drawn as ever."""

import numpy as np
import pytest

from cornu import initializers, layers
from cornu.core.objects.blank import LARGE, blank_weights
from cornu.core.variable import Variable
from cornu.models import Sequential, load_model
from cornu.random.seed import SeedGenerator


def test_what_nobody_assigns_is_drawn_at_the_end():
    expected = initializers.GlorotUniform(seed=3)((64, 65)).tolist()
    with blank_weights():
        drawn = Variable(initializers.GlorotUniform(seed=3), (64, 65))
        given = Variable(initializers.GlorotUniform(seed=3), (64, 65))
        assert not drawn.numpy().any()
        given.assign(np.ones((64, 65), "f"))
    assert drawn.numpy().tolist() == expected and (given.numpy() == 1).all()


def test_what_is_small_or_advances_a_seed_is_drawn_at_once():
    seeds = SeedGenerator(1)
    with blank_weights():
        small = Variable(initializers.RandomNormal(seed=1), (3,))
        shared = Variable(initializers.RandomNormal(seed=seeds), (LARGE,))
        ones = Variable(initializers.Ones(), (LARGE,))
        assert small.numpy().any() and shared.numpy().any() and ones.numpy().all()
    assert seeds.state.numpy().tolist() == [1, 1]


def test_an_error_leaves_nothing_behind():
    with pytest.raises(KeyError), blank_weights():
        raise KeyError
    assert Variable(initializers.RandomNormal(seed=1), (LARGE,)).numpy().any()


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_loading_draws_what_the_file_lacks(tmp_path, ending):
    model = Sequential([layers.Input((64,)), layers.Dense(128)])
    model.layers[0].enable_lora(64)
    model.save(tmp_path / f"m.{ending}")
    copy = load_model(tmp_path / f"m.{ending}")
    x = np.random.default_rng(0).normal(size=(2, 64)).astype("f")
    np.testing.assert_array_equal(copy(x), model(x))
    # Only .h5 files hold the two factors; elsewhere they begin anew, the first one at random.
    assert copy.layers[0].lora_kernel_a.numpy().any()
