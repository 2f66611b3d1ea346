"""The variables of an optimizer: names, order, saving, loading."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest

from cornu.context import name_scope
from cornu.core.variable import Variable
from cornu.optimizers import SGD, Adam, LossScaleOptimizer, Nadam, Optimizer, schedules


def dense():
    with name_scope("dense"):
        return [Variable(np.ones((3, 2)), name="kernel"), Variable(np.ones(2), name="bias")]


def test_names_and_order():
    optimizer = Adam(amsgrad=True, use_ema=True, gradient_accumulation_steps=2, name="adam")
    assert [v.path for v in optimizer.variables] == ["adam/iteration", "adam/learning_rate"]
    optimizer.build(dense())
    slots = [
        *("average", "average", "gradient_accumulator", "gradient_accumulator"),
        *("momentum", "velocity", "momentum", "velocity", "velocity_hat", "velocity_hat"),
    ]
    weights = ["kernel", "bias", "kernel", "bias", "kernel", "kernel", "bias", "bias"]
    weights += ["kernel", "bias"]
    assert [v.path for v in optimizer.variables[2:]] == [
        f"adam/dense_{w}_{s}" for w, s in zip(weights, slots, strict=True)
    ]
    assert not any(v.trainable for v in optimizer.variables)


def test_common_variables_come_last():
    optimizer = Nadam(name="nadam")
    optimizer.build(dense())
    assert optimizer.variables[-1].path == "nadam/u_product"
    assert len(optimizer.variables) == 7


def test_a_scope_around_does_not_change_names():
    with name_scope("outer"):
        optimizer = SGD(0.1, momentum=0.9, name="sgd")
        optimizer.build([Variable([1.0], name="w")])
    assert [v.path for v in optimizer.variables][1:] == [
        "sgd/learning_rate",
        "sgd/outer_w_momentum",
    ]


def test_building_twice_changes_nothing():
    optimizer = Adam()
    optimizer.build(dense())
    before = optimizer.variables
    optimizer.build(dense())
    assert optimizer.variables == before


def test_variables_in_attributes_count():
    class Counting(SGD):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.seen = Variable(0, dtype="int32", name="seen", trainable=False)

    assert [v.name for v in Counting().variables] == ["iteration", "learning_rate", "seen"]


def test_added_variables():
    optimizer = Optimizer(0.1, name="opt")
    weight = dense()[0]
    ones = optimizer.add_variable_from_reference(weight, "ones", initializer="ones")
    assert (ones.path, ones.shape, float(ones.numpy()[0, 0])) == (
        "opt/dense_kernel_ones",
        (3, 2),
        1,
    )
    assert optimizer.add_variable_from_reference(weight).name == "dense_kernel_var"
    count = optimizer.add_variable((), dtype="int32", name="count")
    assert (count.dtype, count.autocast) == ("int32", False)
    a, b = optimizer.add_optimizer_variables(dense(), ["a", "b"], initializer=["zeros", "ones"])
    assert [v.name for v in optimizer.variables[-4:]] == [
        "dense_kernel_a", "dense_kernel_b", "dense_bias_a", "dense_bias_b",
    ]  # fmt: skip
    assert (len(a), float(b[1].numpy()[0])) == (2, 1.0)
    assert len(optimizer.add_optimizer_variables(dense(), "c")) == 2
    with pytest.raises(ValueError, match="2 names need 2 initializers, got 1"):
        optimizer.add_optimizer_variables(dense(), ["a", "b"], initializer=["zeros"])


def trained(**arguments):
    optimizer, weights = Adam(0.5, name="adam", **arguments), dense()
    optimizer.apply([jnp.ones((3, 2)), jnp.ones(2)], weights)
    return optimizer


def test_saving_and_loading():
    store = {}
    optimizer = trained()
    optimizer.save_own_variables(store)
    assert list(store) == ["0", "1", "2", "3", "4", "5"]
    again = Adam(0.1)
    again.build(dense())
    again.load_own_variables(store)
    for a, b in zip(again.variables, optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_loading_what_was_saved_before_training():
    store = {}
    Adam(0.25).save_own_variables(store)
    optimizer = trained()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.load_own_variables(store)
    assert float(optimizer.learning_rate.numpy()) == 0.25
    assert float(np.abs(optimizer.variables[2].numpy()).max()) > 0


def test_loading_something_else():
    optimizer = trained()
    with pytest.warns(UserWarning, match="it has 6 variables, the file 4"):
        optimizer.load_own_variables({str(i): np.zeros(()) for i in range(4)})
    assert int(optimizer.iterations.value) == 1


def test_loading_with_a_schedule():
    optimizer = Adam(schedules.ExponentialDecay(0.1, 10, 0.5))
    optimizer.load_own_variables({"0": np.int32(7)})
    assert int(optimizer.iterations.value) == 7


def test_loading_a_combined_optimizer_saved_before_training():
    optimizer, store = LossScaleOptimizer(Adam(0.5)), {}
    optimizer.save_own_variables(store)
    assert len(store) == 4
    optimizer = LossScaleOptimizer(Adam(0.1))
    optimizer.load_own_variables(store)
    assert float(optimizer.learning_rate.numpy()) == 0.5


def test_set_weights():
    optimizer = trained()
    optimizer.set_weights([np.zeros(v.shape) + 3 for v in optimizer.variables])
    assert int(optimizer.iterations.value) == 3
    with pytest.raises(ValueError, match="has 6 variables, got 1"):
        optimizer.set_weights([1])
    with pytest.raises(ValueError, match="optimizer.build"):
        Adam().set_weights([1, 0.1])


def test_an_unknown_weight():
    with pytest.raises(ValueError, match="no slots for variable 'stranger'"):
        trained().apply([jnp.ones(1)], [Variable([1.0], name="stranger")])
