"""Layers take integers for the numbers that they are."""

import jax
import numpy as np
import pytest

import cornu
from parity import layers as rows
from parity.harness import Case, build, quiet

# One row of each layer that takes numbers; identifiers are integers anyway.
CASES: dict[str, Case] = {}
for table in vars(rows).values():
    for row in table if isinstance(table, list) else ():
        if isinstance(row, Case) and isinstance(row.inputs[0], (tuple, list)):
            CASES.setdefault(row.name, row)
del CASES["ReLU"]  # its limits are numbers of the dtype of the inputs, as in Keras


def numbers(shape, random):
    if isinstance(shape, list):
        return [numbers(s, random) for s in shape]
    return random.integers(-2, 3, shape)


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_outputs_are_those_of_the_same_floats(name):
    case = CASES[name]
    random = np.random.default_rng(len(name))
    inputs = [numbers(shape, random) for shape in case.inputs]

    def called(dtype):
        return layer(*jax.tree.map(lambda x: x.astype(dtype), inputs))

    cornu.utils.set_random_seed(1)
    with quiet():
        layer = build(cornu, case)
        expected = jax.tree.leaves(called("float32"))
        found = jax.tree.leaves(called("int32"))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.asarray(one, "float32"), np.asarray(other), 1e-5, 1e-5)
