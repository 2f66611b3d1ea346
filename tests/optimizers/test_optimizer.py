"""`Optimizer`: the public methods, own rules, Keras's `update_step`, and the learning rate."""

import copy
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cornu.context import using
from cornu.core.frame import StatelessScope
from cornu.core.variable import Variable
from cornu.optimizers import SGD, Adam, AdamW, Optimizer, schedules


class Momentum(Optimizer):
    """A rule with one slot."""

    slots = {"velocity": 0.0}  # noqa: RUF012

    def rule(self, g, p, lr, t, v):
        v = 0.9 * v - lr * g
        return p + v, v


class KerasMomentum(Optimizer):
    """The same optimizer, as Keras's guide writes it."""

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.velocities = [self.add_variable_from_reference(v, "velocity") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        lr = jnp.asarray(learning_rate, variable.dtype)
        v = self.velocities[self._get_variable_index(variable)]
        self.assign(v, 0.9 * v.value - lr * gradient)
        self.assign_add(variable, v.value)


def weights():
    return [Variable([1.0, 2.0], name="a"), Variable([[3.0]], name="b")]


def grads(i=1.0):
    return [jnp.array([0.5, -1.0]) * i, jnp.array([[2.0]]) * i]


def run(optimizer, steps=4, apply=None):
    ws = weights()
    optimizer.build(ws)
    for i in range(steps):
        (apply or optimizer.apply)(grads(i + 1.0))
    return [w.numpy() for w in ws]


SHARED = [
    {},
    {"weight_decay": 0.1, "clipnorm": 0.5},
    {"gradient_accumulation_steps": 2},
    {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2},
    {"loss_scale_factor": 4.0, "global_clipnorm": 1.0},
]


@pytest.mark.parametrize("shared", SHARED, ids=str)
def test_a_rule_and_an_update_step_do_the_same(shared):
    ours, keras_like = Momentum(0.1, **shared), KerasMomentum(0.1, **shared)
    for a, b in zip(run(ours), run(keras_like), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    assert [v.name for v in ours.variables] == [v.name for v in keras_like.variables]


@pytest.mark.parametrize("make", [Momentum, KerasMomentum, Adam])
@pytest.mark.parametrize("shared", SHARED, ids=str)
def test_apply_and_stateless_apply_do_the_same(make, shared):
    expected = run(make(0.1, **shared))
    optimizer = make(0.1, **shared)
    ws = weights()
    optimizer.build(ws)
    for step in (jax.jit(optimizer.stateless_apply), optimizer.stateless_apply):
        values, state = [w.value for w in ws], [v.value for v in optimizer.variables]
        for i in range(4):
            values, state = step(state, grads(i + 1.0), values)
        for got, want in zip(values, expected, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-6)
    assert [w.numpy().tolist() for w in ws] == [[1.0, 2.0], [[3.0]]]  # the weights are left alone
    assert isinstance(values, list) and isinstance(state, list)


def test_apply_inside_a_trace_that_carries_the_variables():
    optimizer, ws = Momentum(0.1), weights()
    optimizer.build(ws)
    everything = [*ws, *optimizer.variables]

    @jax.jit
    def step(values):
        with StatelessScope(list(zip(everything, values, strict=True))) as scope:
            optimizer.apply(grads())
        return [scope.get_current_value(v) for v in everything]

    after = step([v.value for v in everything])
    expected = run(Momentum(0.1), steps=1)
    np.testing.assert_allclose(after[0], expected[0], rtol=1e-6)
    assert int(after[2]) == 1


def test_apply_inside_a_foreign_trace_is_refused():
    optimizer, ws = Momentum(0.1), weights()
    optimizer.build(ws)
    with pytest.raises(RuntimeError, match="stateless"):
        jax.jit(lambda: optimizer.apply(grads()))()


def test_apply_gradients():
    optimizer, ws = SGD(0.5), weights()
    iterations = optimizer.apply_gradients(zip(grads(), ws, strict=True))
    assert int(iterations.value) == 1
    assert ws[0].numpy().tolist() == [0.75, 2.5]


def test_a_part_of_the_weights():
    optimizer, ws = SGD(0.5), weights()
    optimizer.build(ws)
    optimizer.apply([grads()[1]], [ws[1]])
    assert ws[0].numpy().tolist() == [1.0, 2.0]
    assert ws[1].numpy().tolist() == [[2.0]]


def test_settings_may_change_between_steps():
    optimizer, (w, _) = SGD(1.0), weights()
    optimizer.build([w])
    optimizer.apply([jnp.ones(2)])
    optimizer.clipvalue = 0.5
    optimizer.apply([jnp.ones(2)])
    optimizer.learning_rate = 2.0
    optimizer.apply([jnp.ones(2)])
    assert w.numpy().tolist() == [1.0 - 1.0 - 0.5 - 1.0, 2.0 - 1.0 - 0.5 - 1.0]


def test_autocast_does_not_reach_the_update():
    w = Variable([1.0])
    optimizer = SGD(2.0**-12)
    with using(autocast="bfloat16"):
        optimizer.apply([jnp.ones(1)], [w])
    assert w.numpy().tolist() == [1.0 - 2.0**-12]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_narrow_weights_use_wide_corrections(dtype):
    """In bfloat16 `0.999 ** t` is 1, and Adam's correction would divide by zero."""
    w = Variable(np.ones(3), dtype=dtype)
    optimizer = Adam(0.1)
    for _ in range(3):
        optimizer.apply([jnp.full(3, 0.5)], [w])
    assert w.dtype == dtype
    assert [v.dtype for v in optimizer.variables[2:]] == [dtype, dtype]
    np.testing.assert_allclose(w.numpy().astype("float32"), 0.7, atol=0.02)


def test_a_layer_built_while_tracing():
    optimizer, ws = Momentum(0.1), weights()

    def first(values):
        with StatelessScope(list(zip(ws, values, strict=True))):
            optimizer.build(ws)
        return 0

    jax.eval_shape(first, [w.value for w in ws])
    assert optimizer.built
    assert isinstance(optimizer.variables[2].value, jax.Array)


def test_a_copy_is_independent():
    ws = weights()
    optimizer = Momentum(0.1)
    optimizer.apply(grads(), ws)
    twin, twin_ws = copy.deepcopy((optimizer, ws))
    twin.apply(grads())
    assert int(optimizer.iterations.value) == 1
    assert int(twin.iterations.value) == 2
    assert twin_ws[0].numpy().tolist() != ws[0].numpy().tolist()


# ---- the learning rate ------------------------------------------------------------------------


def first_step(rate):
    optimizer, w = SGD(rate), Variable([0.0])
    optimizer.apply([jnp.ones(1)], [w])
    return -float(w.numpy()[0]), optimizer


def test_rates():
    assert first_step(0.5)[0] == 0.5
    assert first_step(np.float64(0.5))[0] == 0.5
    assert first_step(jnp.float32(0.5))[0] == 0.5
    assert first_step(lambda: 0.5)[0] == 0.5
    assert first_step(lambda step: 0.5 + step)[0] == 0.5
    assert first_step(schedules.PiecewiseConstantDecay([0], [0.5, 0.1]))[0] == 0.5
    assert first_step(Variable(0.5))[0] == 0.5


def test_a_rate_as_a_variable_is_part_of_the_state():
    rate = Variable(0.5, name="rate", trainable=False)
    _, optimizer = first_step(rate)
    assert optimizer.learning_rate is rate
    assert optimizer.variables[1] is rate
    assert optimizer.get_config()["learning_rate"] == 0.5


def test_a_schedule_replaces_the_variable():
    optimizer = SGD(0.5)
    assert [v.name for v in optimizer.variables] == ["iteration", "learning_rate"]
    optimizer.learning_rate = schedules.ExponentialDecay(0.25, 10, 0.5)
    assert [v.name for v in optimizer.variables] == ["iteration"]
    assert float(optimizer.learning_rate) == 0.25
    with pytest.raises(TypeError, match="follows the schedule ExponentialDecay"):
        optimizer.learning_rate = 0.1
    with pytest.raises(TypeError, match="follows the function"):
        first_step(lambda: 0.5)[1].learning_rate = 0.1


def test_the_rate_in_a_config_is_the_current_one():
    optimizer = SGD(0.5)
    optimizer.learning_rate = 0.1
    assert optimizer.get_config()["learning_rate"] == float(np.float32(0.1))
    schedule = schedules.ExponentialDecay(0.25, 10, 0.5)
    again = SGD.from_config(SGD(schedule).get_config())
    assert again._learning_rate.get_config() == schedule.get_config()


# ---- own classes ------------------------------------------------------------------------------


class Cautious(Adam):
    """A user's class: an argument more, and a gradient changed before Adam's update."""

    def __init__(self, limit, **kwargs):
        super().__init__(**kwargs)
        self.limit = limit

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(jnp.clip(gradient, -self.limit, self.limit), variable, learning_rate)


def test_own_class_over_a_built_in_one():
    optimizer = Cautious(0.1, learning_rate=0.5, beta_1=0.5)
    expected = Adam(0.5, beta_1=0.5, clipvalue=0.1)
    for a, b in zip(run(optimizer), run(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    config = optimizer.get_config()
    assert (config["limit"], config["beta_1"], config["learning_rate"]) == (0.1, 0.5, 0.5)
    assert Cautious.from_config(config).limit == 0.1
    parameters = inspect.signature(Cautious).parameters
    assert list(parameters)[:2] == ["limit", "learning_rate"]
    assert parameters["beta_1"].kind is inspect.Parameter.KEYWORD_ONLY


def test_own_apply_is_used_by_the_stateless_form():
    class Reversed(SGD):
        def apply(self, grads, trainable_variables=None):
            super().apply([-g for g in grads], trainable_variables)

    optimizer, w = Reversed(0.5), Variable([0.0])
    optimizer.build([w])
    values, _ = optimizer.stateless_apply(
        [v.value for v in optimizer.variables], [jnp.ones(1)], [w.value]
    )
    assert float(values[0][0]) == 0.5


def test_shared_arguments_by_position():
    optimizer = AdamW(0.1, 0.2, 0.8, 0.9, 1e-6, True, 1.0)
    assert (optimizer.weight_decay, optimizer.beta_1, optimizer.clipnorm) == (0.2, 0.8, 1.0)
    assert Adam(0.1, 0.8, 0.9, 1e-6, True, 0.2, 1.0).clipnorm == 1.0


def test_a_forgotten_rule():
    with pytest.raises(NotImplementedError, match=r"def rule\(self, g, p, lr, t"):
        Optimizer(0.1).apply([jnp.ones(1)], [Variable([1.0])])


def test_a_rule_is_traced_once_for_each_shape():
    class Counting(Momentum):
        factor = 1.0
        shapes = []  # noqa: RUF012

        def rule(self, g, p, lr, t, v):
            self.shapes.append(p.shape)
            return super().rule(g, p, lr * self.factor, t, v)

    variables = [Variable(np.full(shape, 1.0)) for shape in [(3,), (3,), (2, 2), (3,)]]
    optimizer = Counting(0.1)
    optimizer.build(variables)
    values = [v.value for v in variables]
    state = [v.value for v in optimizer.variables]

    def after():
        step = jax.jit(lambda *args: optimizer.stateless_apply(*args))
        return step(state, [jnp.full(v.shape, i + 1.0) for i, v in enumerate(values)], values)[0]

    for i, value in enumerate(after()):
        np.testing.assert_allclose(value, 1 - 0.1 * (i + 1), rtol=1e-6)
    assert sorted(Counting.shapes) == [(2, 2), (3,)]
    optimizer.factor = 2.0  # a new program follows a new setting
    for i, value in enumerate(after()):
        np.testing.assert_allclose(value, 1 - 0.2 * (i + 1), rtol=1e-6)


def test_a_subclass_may_limit_gradients_in_its_own_way():
    class OnlySigns(SGD):
        def _clip_gradients(self, grads):
            return [jnp.sign(g) for g in grads]

    weight = Variable([1.0, 2.0])
    OnlySigns(0.5).apply([[3.0, -3.0]], [weight])
    assert weight.numpy().tolist() == [0.5, 2.5]
