"""Messages about what users hand to an optimizer, and the published signatures."""

import inspect

import jax.numpy as jnp
import pytest

from cornu.core.variable import Variable
from cornu.optimizers import SGD, Adam, AdamW, LossScaleOptimizer


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lr": 0.1}, r"takes no argument 'lr'[\s\S]*did you mean 'learning_rate'"),
        ({"clip_norm": 1.0}, r"takes no argument 'clip_norm'[\s\S]*did you mean 'clipnorm'"),
        (
            {"learning_rate": "fast"},
            r"learning_rate must be a number, a schedule or a function, got str",
        ),
        ({"learning_rate": [0.1]}, r"got list"),
        ({"clipnorm": 1.0, "clipvalue": 2.0}, r"received: clipnorm=1.0, clipvalue=2.0"),
        ({"use_ema": True, "ema_momentum": 2.0}, r"ema_momentum must be in \[0, 1\], got 2.0"),
        ({"use_ema": True, "ema_overwrite_frequency": -1}, r"integer >= 1 or None, got -1"),
        ({"gradient_accumulation_steps": 1}, r"integer >= 2 or None, got 1"),
        ({"name": "a/b"}, r"name must be a string without '/'"),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Adam(**arguments)


def test_decay_is_a_thing_of_the_past():
    with pytest.warns(UserWarning, match="InverseTimeDecay"):
        Adam(decay=0.1)


def test_missing_and_misshapen_gradients():
    a, b = Variable([1.0], name="a"), Variable([1.0], name="b")
    optimizer = SGD(0.5)
    with pytest.warns(UserWarning, match=r"1 of 2 weights have no gradient[\s\S]*weights: b"):
        optimizer.apply([jnp.ones(1), None], [a, b])
    assert a.numpy().tolist() == [0.5]
    with pytest.raises(ValueError, match="No weight has a gradient"):
        optimizer.apply([None, None])
    with pytest.raises(TypeError, match=r"variable 'a'[\s\S]*expected: \(1,\)[\s\S]*\(2,\)"):
        optimizer.apply([jnp.ones(2)], [a])
    with pytest.raises(ValueError, match="one gradient per weight: 1, got 2"):
        optimizer.apply([jnp.ones(1)] * 2, [a])
    optimizer.apply([])  # nothing to do is fine


def test_signatures():
    names = list(inspect.signature(Adam).parameters)
    assert names[:6] == ["learning_rate", "beta_1", "beta_2", "epsilon", "amsgrad", "weight_decay"]
    assert names[-2:] == ["name", "shared"]
    assert list(inspect.signature(AdamW).parameters)[:2] == ["learning_rate", "weight_decay"]
    assert inspect.signature(AdamW).parameters["weight_decay"].default == 0.004
    assert list(inspect.signature(LossScaleOptimizer).parameters) == [
        "inner_optimizer", "initial_scale", "dynamic_growth_steps", "name", "kwargs",
    ]  # fmt: skip
