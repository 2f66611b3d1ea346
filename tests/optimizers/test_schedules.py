"""Schedules: their formulas at chosen steps, also compiled, and what they refuse."""

import math

import jax
import pytest

from cornu.core.variable import Variable
from cornu.optimizers import schedules


@pytest.mark.parametrize(
    ("schedule", "step", "rate"),
    [
        (schedules.ExponentialDecay(1.0, 10, 0.5), 5, math.sqrt(0.5)),
        (schedules.ExponentialDecay(1.0, 10, 0.5, staircase=True), 19, 0.5),
        (schedules.InverseTimeDecay(1.0, 10, 2.0), 5, 0.5),
        (schedules.PiecewiseConstantDecay([3, 6], [3.0, 2.0, 1.0]), 3, 3.0),
        (schedules.PiecewiseConstantDecay([3, 6], [3.0, 2.0, 1.0]), 4, 2.0),
        (schedules.PiecewiseConstantDecay([3, 6], [3.0, 2.0, 1.0]), 7, 1.0),
        (schedules.PolynomialDecay(1.0, 10, 0.0, power=2.0), 5, 0.25),
        (schedules.PolynomialDecay(1.0, 10, 0.5), 99, 0.5),
        (schedules.PolynomialDecay(1.0, 10, 0.0, cycle=True), 15, 0.25),
        (schedules.CosineDecay(1.0, 10, alpha=0.2), 10, 0.2),
        (schedules.CosineDecay(0.0, 10, warmup_target=1.0, warmup_steps=4), 1, 0.25),
        (schedules.CosineDecayRestarts(1.0, 10), 10, 1.0),
        (schedules.CosineDecayRestarts(1.0, 10, t_mul=1.0, m_mul=0.5), 25, 0.125),
    ],
)
def test_values(schedule, step, rate):
    assert float(schedule(step)) == pytest.approx(rate, rel=1e-6)
    assert float(jax.jit(schedule)(step)) == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize("length", [7, 10, 49, 103])
def test_jumps_happen_at_the_step(length):
    """A compiled `49 / 49` is a little less than 1, which must not delay a jump."""
    stairs = jax.jit(schedules.ExponentialDecay(1.0, length, 0.5, staircase=True))
    cosines = jax.jit(schedules.CosineDecayRestarts(1.0, length, t_mul=1.0))
    ramp = jax.jit(schedules.PolynomialDecay(1.0, length, 0.0, power=0.5))
    for i in range(1, 6):
        assert float(stairs(i * length)) == 0.5**i
        assert float(stairs(i * length - 1)) == 0.5 ** (i - 1)
        assert float(cosines(i * length)) == pytest.approx(1.0)
        assert float(ramp(i * length)) == 0.0


def test_the_step_may_be_a_variable():
    step = Variable(10, dtype="int32")
    assert float(schedules.ExponentialDecay(1.0, 10, 0.5)(step)) == 0.5


def test_round_trip():
    schedule = schedules.CosineDecay(0.1, 100, warmup_target=0.5, warmup_steps=10, name="warm")
    again = schedules.deserialize(schedules.serialize(schedule))
    assert again.get_config() == schedule.get_config()
    config = {"class_name": "CosineDecay", "config": schedule.get_config()}
    assert schedules.deserialize(config).name == "warm"


def test_own_schedule():
    class Halve(schedules.LearningRateSchedule):
        def __init__(self, start):
            self.start = start

        def __call__(self, step):
            return self.start / (step + 1)

    assert Halve(1.0)(1) == 0.5
    assert Halve(1.0).get_config() == {"start": 1.0}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: schedules.CosineDecay(0.1, 0),
            "decay_steps must be a positive number of steps, got 0",
        ),
        (lambda: schedules.CosineDecayRestarts(0.1, -1), "first_decay_steps"),
        (lambda: schedules.ExponentialDecay(0.1, "a", 0.5), "decay_steps must be a .* got 'a'"),
        (
            lambda: schedules.PiecewiseConstantDecay([1], [0.1]),
            "one more value than boundaries",
        ),
    ],
)
def test_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_schedule_without_a_rate():
    with pytest.raises(NotImplementedError, match="def __call__"):
        schedules.LearningRateSchedule()(1)
