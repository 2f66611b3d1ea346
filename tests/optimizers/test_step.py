"""What happens around the rule: clipping, decay, accumulation, averages, constraints."""

import jax.numpy as jnp
import numpy as np
import pytest

from cornu.core.variable import Variable
from cornu.optimizers import SGD, schedules
from cornu.optimizers.step import cond, global_norm


def steps(optimizer, gradients, start=1.0, **attributes):
    """The weight after each step."""
    w = Variable([start], name="w")
    for name, value in attributes.items():
        setattr(w, name, value)
    seen = []
    for g in gradients:
        optimizer.apply([jnp.array([g], "float32")], [w])
        seen.append(float(w.numpy()[0]))
    return seen


def test_clipping():
    g = [jnp.array([3.0, 4.0]), jnp.array([12.0])]
    assert float(global_norm(g)) == 13.0

    def clipped(**limit):
        return [x.tolist() for x in SGD(0.1, **limit)._clip_gradients(g)]

    np.testing.assert_allclose(clipped(clipnorm=1.0)[0], [0.6, 0.8])
    np.testing.assert_allclose(clipped(clipnorm=1.0)[1], [1.0])
    np.testing.assert_allclose(clipped(global_clipnorm=1.3)[1], [1.2])
    assert clipped(clipvalue=3.5) == [[3.0, 3.5], [3.5]]
    assert clipped(clipnorm=100.0) == [[3.0, 4.0], [12.0]]
    assert clipped() == [[3.0, 4.0], [12.0]]


def test_zero_gradients_stay_zero():
    for limit in ({"clipnorm": 1.0}, {"global_clipnorm": 1.0}):
        assert SGD(0.1, **limit)._clip_gradients([jnp.zeros(2)])[0].tolist() == [0.0, 0.0]


def test_decay_is_in_units_of_the_rate():
    assert steps(SGD(0.5, weight_decay=0.1), [0.0, 0.0]) == pytest.approx([0.95, 0.9025])


def test_accumulation_uses_the_mean():
    optimizer = SGD(0.5, gradient_accumulation_steps=2)
    assert steps(optimizer, [1.0, 3.0, 0.0, 2.0]) == [1.0, 0.0, 0.0, -0.5]
    assert int(optimizer.iterations) == 2
    assert int(optimizer.variables[0].value) == 4


def test_accumulation_clips_the_mean():
    optimizer = SGD(1.0, gradient_accumulation_steps=2, clipvalue=1.0)
    assert steps(optimizer, [3.0, -2.0]) == [1.0, 0.5]


def test_schedules_count_batches():
    optimizer = SGD(
        schedules.PiecewiseConstantDecay([0, 1, 2], [8.0, 1.0, 8.0, 0.5]),
        gradient_accumulation_steps=2,
    )
    assert steps(optimizer, [1.0] * 4) == [1.0, 0.0, 0.0, -0.5]


def test_averages_begin_with_the_weight():
    optimizer = SGD(1.0, use_ema=True, ema_momentum=0.5)
    assert steps(optimizer, [1.0, 1.0]) == [0.0, -1.0]
    assert optimizer._model_variables_moving_average[0].numpy().tolist() == [-0.5]
    w = optimizer._trainable_variables[0]
    optimizer.finalize_variable_values([w])
    assert w.numpy().tolist() == [-0.5]


def test_averages_overwrite():
    optimizer = SGD(1.0, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2)
    assert steps(optimizer, [1.0, 1.0, 1.0]) == [0.0, -0.5, -1.5]


def test_without_averages_nothing_is_finalized():
    optimizer = SGD(1.0)
    steps(optimizer, [1.0])
    w = optimizer._trainable_variables[0]
    optimizer.finalize_variable_values([w])
    assert w.numpy().tolist() == [0.0]
    assert optimizer._model_variables_moving_average == []


def test_constraints_come_last():
    keep = {"constraint": lambda p: jnp.maximum(p, 0.5)}
    assert steps(SGD(1.0), [1.0, -1.0], **keep) == [0.5, 1.5]


def test_loss_scale():
    optimizer = SGD(1.0, loss_scale_factor=4.0)
    assert optimizer.scale_loss(2.0) == 8.0
    assert steps(optimizer, [4.0]) == [0.0]
    assert SGD(1.0).scale_loss(2.0) == 2.0


def test_weights_that_are_their_gradient():
    own = {"overwrite_with_gradient": True}
    assert steps(SGD(1.0, loss_scale_factor=4.0, weight_decay=0.5), [5.0, 7.0], **own) == [5.0, 7.0]
    accumulated = SGD(1.0, gradient_accumulation_steps=2)
    assert steps(accumulated, [5.0, 3.0, 2.0, 9.0], **own) == [1.0, 5.0, 5.0, 9.0]
    averaged = SGD(1.0, use_ema=True, ema_overwrite_frequency=1)
    assert steps(averaged, [5.0, 7.0], **own) == [5.0, 7.0]


def test_exclusion_from_weight_decay():
    kernel, bias = Variable([1.0], name="kernel"), Variable([1.0], name="bias")

    def after(**excluded):
        kernel.assign([1.0])
        bias.assign([1.0])
        optimizer = SGD(1.0, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(**excluded)
        optimizer.apply([jnp.zeros(1)] * 2, [kernel, bias])
        return [float(v.numpy()[0]) for v in (kernel, bias)]

    assert after() == [0.5, 0.5]
    assert after(var_names=["^b"]) == [0.5, 1.0]
    assert after(var_names="bias") == [0.5, 1.0]
    assert after(var_list=[kernel]) == [1.0, 0.5]
    assert after(var_list=[kernel], var_names=["bias"]) == [1.0, 1.0]


def test_a_known_condition_is_decided_at_once():
    assert cond(jnp.array(True), lambda x: "yes", lambda x: "no", 1) == "yes"
    assert cond(False, lambda x: "yes", lambda x: "no", 1) == "no"
