"""Initializers that draw: seeds, moments, bounds, orthogonality."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu import initializers
from cornu.core.frame import purify
from cornu.initializers.random import fans
from cornu.random.seed import SeedGenerator, set_random_seed

NAMES = ["random_normal", "random_uniform", "truncated_normal", "glorot_uniform", "he_normal"]


@pytest.mark.parametrize("name", NAMES)
def test_an_int_gives_the_same_numbers_at_every_call(name):
    initializer = type(initializers.get(name))(seed=3)
    first = initializer((4, 5))
    assert initializer((4, 5)).tolist() == first.tolist()
    assert type(initializer)(seed=4)((4, 5)).tolist() != first.tolist()


def test_seeds_that_are_not_given_come_from_the_process():
    set_random_seed(1)
    first = initializers.GlorotUniform()((3,)).tolist()
    second = initializers.GlorotUniform()((3,)).tolist()
    set_random_seed(1)
    assert initializers.GlorotUniform()((3,)).tolist() == first != second


def test_a_generator_gives_new_numbers_at_every_call():
    initializer = initializers.RandomNormal(seed=SeedGenerator(5))
    first = initializer((4,)).tolist()
    assert initializer((4,)).tolist() != first
    again = initializers.RandomNormal.from_config(initializer.get_config())
    assert again((4,)).tolist() == first


def test_a_traced_seed_is_drawn_from_by_jax():
    seeds = SeedGenerator(5)
    initializer = initializers.HeNormal(seed=seeds)
    draw = jax.jit(purify(lambda: initializer((200, 300)), [seeds.state]))
    values, (state,) = draw([seeds.state.value])
    assert state.tolist() == [5, 1]
    assert float(values.std()) == pytest.approx((2 / 200) ** 0.5, rel=0.02)


def test_large_and_negative_seeds_differ():
    seen = {initializers.RandomNormal(seed=s)((1,)).item() for s in (0, 2**32, 2**40, -1, 1)}
    assert len(seen) == 5


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_dtypes(dtype):
    assert initializers.GlorotNormal(seed=1)((3, 4), dtype).dtype == dtype


def test_truncated_normal_has_the_shape_of_its_distribution():
    x = np.asarray(initializers.TruncatedNormal(stddev=1.0, seed=1)((400, 500)))
    assert abs(x).max() <= 2
    inside = (abs(x) < 1).mean()
    assert inside == pytest.approx(0.6827 / 0.9545, abs=0.005)
    assert x.mean() == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(
    ("shape", "axes", "expected"),
    [
        ((), (None, None), (1, 1)),
        ((7,), (None, None), (7, 7)),
        ((3, 5), (None, None), (3, 5)),
        ((3, 8, 16), (None, None), (24, 48)),  # Conv1D
        ((3, 3, 8, 16), (None, None), (72, 144)),  # Conv2D
        ((2, 3, 4, 8, 16), (None, None), (192, 384)),  # Conv3D
        ((64, 4, 8), ([0], [1, 2]), (64, 32)),
        ((4, 8, 64), ([0, 1], [2]), (32, 64)),
        ((64, 4, 8), ([-3], [-2, -1]), (64, 32)),
    ],
)
def test_fans(shape, axes, expected):
    assert fans(shape, *axes) == expected


@pytest.mark.parametrize("shape", [(4, 4), (4, 7), (7, 4), (3, 2, 2, 5), (2, 2, 2, 16)])
def test_orthogonal_vectors_have_the_gain_as_length(shape):
    q = np.asarray(initializers.Orthogonal(2.0, seed=1)(shape)).reshape(-1, shape[-1])
    gram = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=2e-6)


def test_orthogonal_also_where_the_seed_is_traced():
    seeds = SeedGenerator(3)
    initializer = initializers.Orthogonal(seed=seeds)
    (q, _) = jax.jit(purify(lambda: initializer((5, 3)), [seeds.state]))([seeds.state.value])
    np.testing.assert_allclose(q.T @ q, np.eye(3), atol=2e-6)


def test_orthogonal_matrices_are_turned_evenly():
    first = [initializers.Orthogonal(seed=s)((2, 2))[0, 0] for s in range(200)]
    assert abs(np.mean(first)) < 0.15  # without the correction of signs they are all negative


def test_an_own_initializer_with_a_constant_inside_is_cloned():
    initializer = initializers.VarianceScaling(2.0, "fan_out", seed=3)
    assert initializer.clone()((3, 4)).tolist() == initializer((3, 4)).tolist()


def test_integers_are_refused():
    with pytest.raises(ValueError, match="needs a floating-point dtype"):
        initializers.RandomUniform(seed=1)((2,), "int32")


def test_values_are_arrays_of_jax():
    assert isinstance(initializers.HeUniform(seed=1)((2, 2)), jnp.ndarray)
