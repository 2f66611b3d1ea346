"""Operations and the nodes they leave behind."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
import pytest

import cornu
from cornu.core.graph.operation import Operation, node_of
from cornu.core.symbolic import KerasTensor


class Scale(Operation):
    def __init__(self, factor, name=None):
        super().__init__(name)
        self.factor = factor

    def call(self, x, shift=0.0):
        return x * self.factor + shift


class Both(Operation):
    def call(self, x):
        return {"sum": x.sum(1), "double": x * 2}


def test_on_arrays_it_computes():
    assert Scale(3.0)(np.array([1.0, 2.0]), shift=1.0).tolist() == [4, 7]


def test_on_symbolic_tensors_it_remembers_the_call():
    scale, x = Scale(2.0), KerasTensor((None, 3))
    y = scale(x, shift=1.0)
    assert (y.shape, y.dtype) == ((None, 3), "float32")
    node = node_of(y)
    assert node.operation is scale
    assert (node.args, node.kwargs, node.outputs) == ((x,), {"shift": 1.0}, y)
    assert node.input_tensors == [x]
    assert node.parent_nodes == []
    assert scale.input is x
    assert scale.output is y


def test_each_call_has_a_node_and_each_output_its_place():
    both, x = Both(), KerasTensor((None, 3))
    first, second = both(x), both(first_input := KerasTensor((2, 3)))
    assert [y._keras_history[1:] for y in (first["double"], first["sum"])] == [(0, 0), (0, 1)]
    assert second["sum"]._keras_history.node_index == 1
    assert node_of(second["sum"]).input_tensors == [first_input]
    assert both.input is x  # of the first call
    with pytest.raises(AttributeError, match="'both.*' was not called on symbolic tensors"):
        Both().input  # noqa: B018


def test_nodes_know_their_parents():
    scale, x = Scale(2.0), KerasTensor((None, 3))
    y = scale(x)
    z = Scale(3.0)(y, shift=y)
    assert node_of(z).parent_nodes == [node_of(y)]
    assert scale._outbound_nodes[0] is node_of(z)
    assert not node_of(z).is_input


def test_a_node_is_filled_with_values():
    x, y = KerasTensor((None,)), KerasTensor((None,))
    node = node_of(Scale(2.0)(x, shift=y))
    assert node.filled({id(x): 10, id(y): 20}) == ((10,), {"shift": 20})


def test_names():
    assert Scale(1.0, name="mine").name == "mine"
    assert Scale(1.0).name.startswith("scale")
    for wrong in ("a/b", 3):
        with pytest.raises(ValueError, match="The name of Scale must be a string without '/'"):
            Scale(1.0, name=wrong)


def test_call_must_be_written():
    with pytest.raises(NotImplementedError, match="Operation does not define `call`"):
        Operation()(1)


def test_config():
    assert Scale(2.0, name="s").get_config() == {"name": "s", "factor": 2.0}
    again = Scale.from_config({"name": "s", "factor": 2.0})
    assert (again.name, again.factor) == ("s", 2.0)


@pytest.mark.parametrize("library", [cornu, keras])
def test_a_config_has_the_name_if_the_constructor_takes_it(library):
    class Power(library.Operation):
        def __init__(self, exponent):
            super().__init__()
            self.exponent = exponent

        def call(self, x):
            return x**self.exponent

    config = Power(3).get_config()
    assert config == {"exponent": 3}
    assert Power.from_config(config)(2) == 8
