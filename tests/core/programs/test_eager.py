"""Ops as one compiled program when they are called on arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu import ops, settings
from cornu.core.programs.eager import in_one_program
from cornu.core.variable import Variable
from cornu.kernels.platform import targeting


@pytest.fixture
def counted():
    """An op in one program, and how often it was run as Python."""
    runs = []

    def scaled(x, by=2, axes=None):
        runs.append((by, axes))
        return x * by

    return in_one_program(scaled, ["x"]), runs


def test_a_program_is_built_once_for_each_setting_and_shape(counted):
    scaled, runs = counted
    x = jnp.arange(3)
    for _ in range(3):
        assert scaled(x).tolist() == [0, 2, 4]
    assert runs == [(2, None)]
    assert scaled(x, by=3).tolist() == [0, 3, 6]
    scaled(jnp.arange(4), by=3)
    assert runs[1:] == [(3, None), (3, None)]
    assert scaled(x, 2.0).dtype == "float32"  # 2.0 is not 2
    assert scaled(x, axes=[0, 1]).tolist() == scaled(x, axes=(0, 1)).tolist()


def test_another_machine_or_data_format_is_another_program(counted):
    scaled, runs = counted
    x = jnp.arange(3)
    scaled(x)
    with targeting("tpu"):
        scaled(x)
    settings.current.set_image_data_format("channels_first")
    try:
        scaled(x)
    finally:
        settings.current.set_image_data_format("channels_last")
    assert len(runs) == 3


def test_it_steps_aside_for_tracers_and_for_lists_of_numbers(counted):
    scaled, runs = counted
    with pytest.raises(TypeError, match="takes"):
        scaled(jnp.arange(3), 1, None, 4)
    assert str(jax.make_jaxpr(scaled)(jnp.arange(3))).count("jit") == 0
    in_one_program(lambda x: jnp.asarray(x) * 2, ["x"])([1.0, 2.0])
    before = len(runs)
    jax.grad(lambda x: scaled(x).sum())(jnp.ones(3))
    jax.grad(lambda x: scaled(x).sum())(jnp.ones(3))
    assert len(runs) == before + 2


def test_numpy_arrays_and_variables_are_arrays(counted):
    scaled, runs = counted
    assert scaled(np.arange(3.0)).dtype == "float32"
    assert scaled(Variable([1.0, 2.0, 3.0])).tolist() == [2.0, 4.0, 6.0]
    assert len(runs) == 1


def test_values_gradients_and_messages_are_those_of_the_op():
    x, kernel = jnp.ones((1, 5, 5, 2)), jnp.ones((3, 3, 2, 4))
    traced = jax.jit(lambda x: ops.conv(x, kernel, strides=[2, 2]))(x)
    np.testing.assert_allclose(ops.conv(x, kernel, strides=[2, 2]), traced)
    with pytest.raises(ValueError, match=r"conv: the shape of the kernel does not match") as error:
        ops.conv(x, jnp.ones((3, 3, 7, 4)))
    assert "(3, 3, 7, 4)" in str(error.value)


def test_arrays_by_position_and_by_name_keep_their_places():
    minus = in_one_program(lambda x, y, z=0: x - 2 * y + z, ["x", "y", "z"])
    one, two, three = (jnp.float32(n) for n in (1, 2, 3))
    assert minus(one, two, z=three) == minus(one, z=three, y=two) == 0
    assert minus(z=three, y=two, x=one) == 0
