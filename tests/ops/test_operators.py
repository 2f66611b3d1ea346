"""Operators on symbolic tensors and on Variables."""

import jax.numpy as jnp
import numpy as np
import pytest

from cornu import ops  # noqa: F401  (gives the operators)
from cornu.core.graph.graph import Function
from cornu.core.graph.operation import Operation
from cornu.core.symbolic import KerasTensor
from cornu.core.variable import Variable


class Start(Operation):
    """Introduces a symbolic tensor."""

    def call(self, x):
        return x


def evaluate(build, value):
    """Run the graph that `build` makes of a symbolic tensor."""
    x = Start().symbolic_call(KerasTensor((None, *value.shape[1:]), value.dtype.name))
    return Function(x, build(x))(jnp.asarray(value))


EXPRESSIONS = {
    "x + 1": lambda x: x + 1,
    "1 - x": lambda x: 1 - x,
    "x * x": lambda x: x * x,
    "2 / x": lambda x: 2 / x,
    "x // 2": lambda x: x // 2,
    "x % 2": lambda x: x % 2,
    "x ** 2": lambda x: x**2,
    "2 ** x": lambda x: 2**x,
    "-x": lambda x: -x,
    "abs(x)": abs,
    "x > 1": lambda x: x > 1,
    "x <= 1": lambda x: x <= 1,
    "x != 1": lambda x: x != 1,
    "x[:, 0]": lambda x: x[:, 0],
    "x[..., None]": lambda x: x[..., None],
    "x[:, ::-1]": lambda x: x[:, ::-1],
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_graph_computes_what_numpy_does(name):
    value = np.array([[1.0, -2.0, 3.0], [0.5, 2.0, -1.0]], "float32")
    build = EXPRESSIONS[name]
    np.testing.assert_allclose(evaluate(build, value), build(value), rtol=1e-6)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_variables_compute_as_arrays(name):
    value = np.array([[1.0, -2.0, 3.0], [0.5, 2.0, -1.0]], "float32")
    build = EXPRESSIONS[name]
    np.testing.assert_allclose(build(Variable(value)), build(value), rtol=1e-6)


def test_matmul_and_logic():
    a, b = np.ones((2, 3), "float32"), np.ones((3, 2), "float32")
    assert (Variable(a) @ b).shape == (2, 2)
    assert (a @ Variable(b)).shape == (2, 2)
    assert (KerasTensor((None, 3)) @ b).shape == (None, 2)
    yes, no = Variable([True, False]), np.array([True, True])
    assert (yes & no).tolist() == [True, False]
    assert (yes | no).tolist() == [True, True]
    assert (yes ^ no).tolist() == [False, True]
    assert (~yes).tolist() == [False, True]


def test_equality_and_hashing():
    v, x = Variable([1.0, 2.0]), KerasTensor((3,))
    assert (v == [1.0, 3.0]).tolist() == [True, False]
    assert {v: 1}[v] == 1
    assert x == x and {x: 1}[x] == 1


def test_methods_of_symbolic_tensors():
    x = KerasTensor((None, 6))
    assert x.reshape((-1, 2, 3)).shape == (None, 2, 3)
    assert KerasTensor((None, 1)).squeeze(1).shape == (None,)
