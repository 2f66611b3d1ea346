"""What JAX traces and runs during a load is counted, whatever asks for it."""

import jax
import jax.numpy as jnp
import pytest

from cornu import budget
from cornu.core.symbolic import KerasTensor, infer
from cornu.errors import UnsafeFileError


def repeated(times):
    def fn(x):
        for _ in range(times):
            x = x + 1.0
        return x

    return fn


def test_every_primitive_that_is_traced_counts():
    with budget.within(budget.Budget("f")) as purse:
        infer(repeated(50), KerasTensor((3,)))
    assert 50 <= purse._work < 100
    infer(repeated(budget.WORK + 1), KerasTensor((1,)))  # outside of a load nothing is counted


@pytest.mark.parametrize("shape", [(3,), (None, 3)])
def test_a_loop_is_stopped_and_no_other_size_is_tried(shape):
    runs = []

    def fn(x):
        runs.append(x)
        return repeated(10**7)(x)

    with budget.within(budget.Budget("f")), pytest.raises(UnsafeFileError, match="far more work"):
        infer(fn, KerasTensor(shape))
    assert len(runs) == 1


def test_one_primitive_with_many_results_counts_as_many():
    with budget.within(budget.Budget("f")), pytest.raises(UnsafeFileError, match="far more work"):
        infer(lambda x: jax.lax.split(x, (1,) * 10**5), KerasTensor((10**5,)))


def test_what_is_run_counts_by_the_size_of_its_result_before_it_is_made():
    one = jnp.ones(())
    with budget.within(budget.Budget("f")), pytest.raises(UnsafeFileError, match="far more work"):
        jax.lax.broadcast(one, (10**6, 10**6))


def test_values_of_variables_are_counted_as_memory_alone():
    from_a_file = budget.Budget("f", elements=10**7)
    with budget.within(from_a_file):
        from cornu.layers import Dense

        Dense(1000).build((None, 1000))
    assert from_a_file._work < 50
