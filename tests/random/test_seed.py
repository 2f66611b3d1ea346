"""Seeds: counters in variables, and the generator of the process."""

import os
import random

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import cornu
from cornu.context import using
from cornu.core.frame import purify
from cornu.random import seed as seeds
from cornu.random.seed import (
    SeedGenerator,
    draw_seed,
    forget_global_seed,
    global_seed_generator,
    make_default_seed,
    set_random_seed,
)


@pytest.fixture(autouse=True)
def process_restored():
    state, numbers = random.getstate(), np.random.get_state()
    before = dict(seeds._process)
    yield
    seeds._process.update(before)
    random.setstate(state)
    np.random.set_state(numbers)


class TestSeedGenerator:
    def test_each_seed_is_another(self):
        generator = SeedGenerator(1337)
        drawn = [generator.next().tolist() for _ in range(3)]
        assert drawn == [[1337, 0], [1337, 1], [1337, 2]]
        assert generator.next().dtype == "uint32"

    def test_the_same_seed_gives_the_same_numbers(self):
        a, b = SeedGenerator(5), SeedGenerator(5)
        assert [a.next().tolist() for _ in range(2)] == [b.next().tolist() for _ in range(2)]

    def test_seeds_of_keras_are_the_same_words(self):
        ours, theirs = SeedGenerator(7), keras.random.SeedGenerator(7)
        for _ in range(3):
            assert ours.next().tolist() == np.asarray(theirs.next()).tolist()

    def test_the_state_is_a_variable_that_is_not_trained(self):
        generator = SeedGenerator(5, name="s")
        assert generator.state.path == "s/seed_generator_state"
        assert not generator.state.trainable
        generator.state.assign([5, 10])  # continues where it stopped
        assert generator.next().tolist() == [5, 10]

    def test_under_a_trace_it_advances_in_the_frame(self):
        generator = SeedGenerator(5)

        def draw_twice():
            return generator.next()[1], generator.next()[1]

        pure = jax.jit(purify(draw_twice, [generator.state]))
        drawn, (state,) = pure([jnp.array([5, 40], "uint32")])
        assert [int(n) for n in drawn] == [40, 41]
        assert state.tolist() == [5, 42]
        assert generator.state.numpy().tolist() == [5, 0]

    def test_config(self):
        assert SeedGenerator(3, name="s").get_config() == {"seed": 3, "name": "s"}
        again = SeedGenerator.from_config({"seed": 3, "name": "s"})
        assert again.next().tolist() == [3, 0]

    def test_a_layer_owns_its_generators(self):
        layer = cornu.layers.Dropout(0.5, seed=1)
        assert layer.variables[0] is layer.seed_generator.state
        assert layer.weights == []

    @pytest.mark.parametrize("wrong", [-1, 1.5, "seed"])
    def test_seeds_are_non_negative_ints(self, wrong):
        with pytest.raises(ValueError, match="seed must be a non-negative integer"):
            SeedGenerator(wrong)

    def test_unknown_arguments(self):
        with pytest.raises(ValueError, match="SeedGenerator takes no argument 'sead'"):
            SeedGenerator(sead=1)


class TestDrawing:
    def test_what_a_seed_may_be(self):
        generator = SeedGenerator(9)
        assert draw_seed(generator).tolist() == [9, 0]
        assert draw_seed(generator).tolist() == [9, 1]
        assert draw_seed(9).tolist() == draw_seed(np.int64(9)).tolist() == [9, 0]
        key = jnp.array([1, 2], "uint32")
        assert draw_seed(key) is key
        for wrong in ("text", 1.5, True):
            with pytest.raises(ValueError, match="seed must be an integer, a SeedGenerator"):
                draw_seed(wrong)

    def test_an_int_repeats_a_generator_goes_on(self):
        same = [cornu.random.normal((3,), seed=4).tolist() for _ in range(2)]
        assert same[0] == same[1]
        generator = SeedGenerator(4)
        other = [cornu.random.normal((3,), seed=generator).tolist() for _ in range(2)]
        assert other[0] == same[0]
        assert other[0] != other[1]


class TestProcess:
    def program(self):
        return (
            random.random(),
            np.random.rand(),
            cornu.random.uniform((2,)).tolist(),
            cornu.layers.Dropout(0.5).seed,
            cornu.layers.Dropout(0.5).seed_generator.seed,
            cornu.initializers.GlorotUniform()((2, 2)).tolist(),
            make_default_seed(),
        )

    def test_everything_random_repeats_itself(self):
        set_random_seed(11)
        first = self.program()
        again = self.program()
        set_random_seed(11)
        assert self.program() == first
        set_random_seed(12)
        assert self.program() != first
        assert again != first

    def test_without_a_seed_the_process_has_one_generator(self):
        forget_global_seed()
        generator = global_seed_generator()
        assert global_seed_generator() is generator
        cornu.random.normal((1,))
        assert generator.state.numpy()[1] == 1

    @pytest.mark.parametrize("wrong", [-1, 1.5, None, True, "1"])
    def test_the_seed_is_a_non_negative_int(self, wrong):
        with pytest.raises(ValueError, match="seed must be a non-negative integer"):
            set_random_seed(wrong)


def test_a_traced_function_needs_a_seed():
    @jax.jit
    def numbers(seed=None):
        return cornu.random.normal((3,), seed=seed)

    with pytest.raises(ValueError, match="same numbers at every call"):
        numbers()
    assert len(set(numbers(jax.random.PRNGKey(0)).tolist())) == 3


def test_numbers_for_an_element_of_a_pipeline():
    a, b, other = SeedGenerator(5), SeedGenerator(5), SeedGenerator(6)

    def drawn(element, *generators):
        with using(element=element, draws={}):
            return [tuple(g.next().tolist()) for g in generators]

    twice = drawn((0, 1, 2), a, a, b, b)
    assert twice[:2] == twice[2:] and twice[0] != twice[1]  # image and mask are changed alike
    assert drawn((0, 1, 2), a) == twice[:1]  # in any order
    seeds = [twice[0], *drawn((0, 1, 2), other), *drawn((0, 2, 1), a), *drawn((1, 1, 2), a)]
    assert len(set(seeds)) == 4
    assert a.next().tolist() == [5, 0]  # the state is where it was
