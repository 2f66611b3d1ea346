"""Optimizers made of optimizers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu.context import name_scope
from cornu.core.variable import Variable
from cornu.optimizers import (
    SGD,
    Adam,
    LossScaleOptimizer,
    MultiOptimizer,
    OptimizerMap,
    deserialize,
    serialize,
)


def scaled(**inner):
    optimizer = LossScaleOptimizer(SGD(0.5, **inner), initial_scale=8.0, dynamic_growth_steps=2)
    w = Variable([1.0], name="w")
    optimizer.build([w])
    return optimizer, w


@pytest.mark.parametrize("compiled", [False, True])
def test_the_scale_follows_the_gradients(compiled):
    optimizer, w = scaled()
    step = jax.jit(optimizer.stateless_apply)
    seen = []
    for g in (8.0, 8.0, np.inf, 8.0, np.nan, 4.0, 4.0):
        grads = [jnp.array([g], "float32")]
        if compiled:
            values, state = step([v.value for v in optimizer.variables], grads, [w.value])
            w.assign(values[0])
            optimizer.set_weights(state)
        else:
            optimizer.apply(grads)
        seen.append((float(w.numpy()[0]), float(optimizer.dynamic_scale.numpy())))
    assert seen == [
        (0.5, 8.0),
        (0.0, 16.0),  # two good steps: the scale doubles
        (0.0, 8.0),  # an overflow: no step, and half the scale
        (-0.5, 8.0),
        (-0.5, 4.0),
        (-1.0, 4.0),
        (-1.5, 8.0),
    ]
    assert int(optimizer.iterations.value) == 5  # skipped steps do not count


def test_the_loss_is_scaled():
    optimizer, _ = scaled(loss_scale_factor=2.0)  # two scales would be one too many
    assert (
        float(optimizer.scale_loss(1.0)) == 8.0
        and optimizer.inner_optimizer.loss_scale_factor is None
    )
    optimizer.apply([jnp.array([8.0])])
    assert optimizer._trainable_variables[0].numpy().tolist() == [0.5]
    assert float(LossScaleOptimizer(SGD()).scale_loss(1.0)) == 2.0**15


def test_settings_are_those_of_the_inner_optimizer():
    optimizer, w = scaled(use_ema=True, ema_momentum=0.5, weight_decay=0.5)
    optimizer.learning_rate = 0.25
    assert float(optimizer.inner_optimizer.learning_rate.numpy()) == 0.25
    optimizer.exclude_from_weight_decay(var_names=["w"])
    optimizer.apply([jnp.array([8.0])])
    assert w.numpy().tolist() == [0.75]
    optimizer.apply([jnp.array([8.0])])
    optimizer.finalize_variable_values([w])
    assert w.numpy().tolist() == [0.625]
    assert [v.name for v in optimizer._model_variables_moving_average] == ["w_average"]


def test_variables_of_both():
    optimizer, _ = scaled(momentum=0.5)
    assert [v.name for v in optimizer.variables] == [
        "iteration", "learning_rate", "step_counter", "dynamic_scale",
        "iteration", "learning_rate", "w_momentum",
    ]  # fmt: skip


def test_float16_gradients():
    w = Variable([1.0], dtype="float16")
    optimizer = LossScaleOptimizer(SGD(0.5), initial_scale=1024.0)
    optimizer.build([w])
    optimizer.apply([jnp.array([1024.0], "float16")])
    assert w.numpy().tolist() == [0.5]
    optimizer.apply([jnp.array([np.inf], "float16")])
    assert w.numpy().tolist() == [0.5]


def test_loss_scale_refuses_foreign_settings():
    with pytest.raises(ValueError, match="belongs to the inner optimizer"):
        LossScaleOptimizer(SGD(), clipnorm=1.0)
    with pytest.raises(ValueError, match="did you mean 'initial_scale'"):
        LossScaleOptimizer(SGD(), inital_scale=1.0)
    with pytest.raises(TypeError, match="inner_optimizer must be an optimizer, got str"):
        LossScaleOptimizer("sgd")


# ---- several optimizers -----------------------------------------------------------------------


def weights():
    with name_scope("encoder"):
        a = Variable([1.0], name="kernel")
    with name_scope("head"):
        b = Variable([1.0], name="kernel")
    return a, b


def two(**arguments):
    choice = OptimizerMap(SGD(0.5, name="rest"), {"encoder/.*": SGD(0.25, name="slow")})
    return MultiOptimizer(choice, **arguments)


def test_each_weight_has_its_optimizer():
    optimizer, (a, b) = two(), weights()
    optimizer.apply([jnp.ones(1), jnp.ones(1)], [a, b])
    assert (a.numpy().tolist(), b.numpy().tolist()) == ([0.75], [0.5])
    step = jax.jit(optimizer.stateless_apply)
    values, state = step(
        [v.value for v in optimizer.variables], [jnp.ones(1)] * 2, [a.value, b.value]
    )
    assert [float(v[0]) for v in values] == [0.5, 0.0]
    assert [int(state[i]) for i in (0, 2, 4)] == [2, 2, 2]
    optimizer.apply([jnp.ones(1)], [b])
    assert (a.numpy().tolist(), b.numpy().tolist()) == ([0.75], [0.0])


def test_a_function_may_choose():
    fast, slow = SGD(0.5), SGD(0.25)
    optimizer = MultiOptimizer(lambda v: slow if "encoder" in v.path else fast)
    assert optimizer.optimizers == []
    a, b = weights()
    optimizer.build([a, b])
    assert optimizer.optimizers == [slow, fast]
    optimizer.apply([jnp.ones(1), jnp.ones(1)])
    assert (a.numpy().tolist(), b.numpy().tolist()) == ([0.75], [0.5])
    with pytest.raises(TypeError, match="no optimizer for weight 'encoder/kernel'"):
        MultiOptimizer(lambda v: "sgd").build([a])


def test_missing_gradients_of_one_optimizer():
    optimizer, (a, b) = two(), weights()
    with pytest.warns(UserWarning, match="encoder/kernel"):
        optimizer.apply([None, jnp.ones(1)], [a, b])
    assert (a.numpy().tolist(), b.numpy().tolist()) == ([1.0], [0.5])


def test_the_loss_scale_holds_for_all():
    optimizer, (a, b) = two(loss_scale_factor=4.0), weights()
    assert optimizer.scale_loss(1.0) == 4.0
    optimizer.apply([jnp.array([4.0]), jnp.array([4.0])], [a, b])
    assert (a.numpy().tolist(), b.numpy().tolist()) == ([0.75], [0.5])


def test_averages_and_exclusions_reach_the_inside():
    choice = OptimizerMap(SGD(0.5, weight_decay=0.5), {"encoder/.*": SGD(1.0, use_ema=True)})
    optimizer, (a, b) = MultiOptimizer(choice), weights()
    optimizer.exclude_from_weight_decay(var_names=["kernel"])
    optimizer.build([a, b])
    optimizer.apply([jnp.ones(1), jnp.zeros(1)])
    optimizer.apply([jnp.ones(1), jnp.zeros(1)])
    assert (a.numpy().tolist(), b.numpy().tolist()) == ([-1.0], [1.0])
    optimizer.finalize_variable_values([a, b])
    np.testing.assert_allclose(a.numpy(), [-0.01], atol=1e-6)


def test_there_is_no_single_rate():
    optimizer = two()
    assert not hasattr(optimizer, "learning_rate")
    with pytest.raises(AttributeError, match=r"for one in optimizer\.optimizers"):
        optimizer.learning_rate = 0.1


def test_the_map():
    choice = OptimizerMap(SGD(name="rest"), {"encoder/.*": Adam(name="encoder")})
    choice["encoder/head/kernel"] = SGD(name="exact")
    assert choice["encoder/head/kernel"].name == "exact"
    assert choice["encoder/dense/kernel"].name == "encoder"
    assert choice["decoder/kernel"].name == choice.default_optimizer.name == "rest"
    assert choice(weights()[0]).name == "encoder"
    assert (list(choice), len(choice)) == (["encoder/.*", "encoder/head/kernel"], 2)
    assert "encoder/.*" in choice and "decoder" not in choice
    choice[".*/dense/.*"] = SGD()
    with pytest.raises(ValueError, match=r"patterns: 'encoder/\.\*', '\.\*/dense/\.\*'"):
        choice["encoder/dense/kernel"]
    del choice[".*/dense/.*"]
    assert len(choice) == 2


@pytest.mark.parametrize(
    ("key", "optimizer", "message"),
    [
        (3, SGD(), "A key must be a path or a pattern, got 3"),
        ("a", "sgd", "The value for 'a' must be an optimizer, got str"),
        ("encoder/.*", SGD(), "has an optimizer already"),
    ],
)
def test_the_map_refuses(key, optimizer, message):
    choice = OptimizerMap(SGD(), {"encoder/.*": SGD()})
    with pytest.raises(ValueError, match=message):
        choice[key] = optimizer


def test_configs():
    for optimizer in (two(loss_scale_factor=2.0), LossScaleOptimizer(Adam(0.5), 16.0)):
        again = deserialize(serialize(optimizer))
        assert again.get_config() == optimizer.get_config()


def test_settings_that_older_files_hold_unset_are_taken():
    config = LossScaleOptimizer(SGD(0.5)).get_config()
    older = {**config, "weight_decay": None, "use_ema": False, "ema_momentum": 0.99}
    assert LossScaleOptimizer.from_config(older).get_config() == config
    assert LossScaleOptimizer(SGD(), dynamic=True).initial_scale == 2.0**15
    with pytest.raises(ValueError, match="belongs to the inner optimizer"):
        LossScaleOptimizer(SGD(), clipnorm=1.0)
    with pytest.raises(ValueError, match="loss_scale_factor"):
        LossScaleOptimizer(SGD(), dynamic=False)


def test_what_overwrites_a_weight_is_not_unscaled():
    w = Variable([1.0], name="w")
    w.overwrite_with_gradient = True
    optimizer = LossScaleOptimizer(SGD(0.5), initial_scale=8.0)
    optimizer.build([w])
    values, _ = optimizer.stateless_apply(
        [v.value for v in optimizer.variables], [jnp.array([3.0])], [w.value]
    )
    assert values[0].tolist() == [3.0]


@pytest.mark.parametrize("wrap", [LossScaleOptimizer, MultiOptimizer])
def test_what_wraps_optimizers_cannot_stand_inside(wrap):
    message = f"is a {wrap.__name__}, which cannot be inside"
    with pytest.raises(ValueError, match=message):
        OptimizerMap(SGD(0.1))["a/.*"] = wrap(SGD(0.1))
    with pytest.raises(ValueError, match=message):
        MultiOptimizer(lambda weight: wrap(SGD(0.1))).build([Variable(1.0)])
