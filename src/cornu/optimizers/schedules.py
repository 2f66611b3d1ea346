"""Learning rates that depend on the step.

A schedule is a function of the number of steps done, in float32, that can be traced: the optimizer
calls it once a step with its `iteration`, and the rate becomes part of the compiled program.

    constant pieces   PiecewiseConstantDecay      ``|__``
    rate ** step      ExponentialDecay            halves every so many steps
    1 / (1 + step)    InverseTimeDecay
    power of the rest PolynomialDecay             a straight line for power 1
    half a cosine     CosineDecay                 after a linear warmup, if asked for
    cosines again     CosineDecayRestarts         each longer and lower than the one before

In the formulas below, `initial` is `initial_learning_rate` and `part` is `step / decay_steps`.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from cornu.absent import names_of
from cornu.core.objects.configurable import Configurable
from cornu.core.objects.serialize import serialize_keras_object
from cornu.core.objects.vocabulary import Vocabulary
from cornu.core.variable import Variable
from cornu.errors import explain, value_error
from cornu.types import Config, Tensor


class LearningRateSchedule(Configurable):
    """Base of all schedules: a function from the step to the learning rate.

    Example:

        >>> class Halve(LearningRateSchedule):
        ...     def __init__(self, start):
        ...         self.start = start
        ...     def __call__(self, step):
        ...         return self.start * 0.5**step
        >>> Halve(1.0)(3), Halve(1.0).get_config()
        (0.125, {'start': 1.0})
    """

    def __call__(self, step: Tensor) -> Any:
        """The learning rate after `step` steps; written by subclasses."""
        raise NotImplementedError(
            explain(
                f"Schedule {type(self).__name__} does not say its rate.",
                fix="def __call__(self, step): return ...",
            )
        )


class ExponentialDecay(LearningRateSchedule):
    """`initial * decay_rate ** part`.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: after so many steps the rate is multiplied by `decay_rate` once.
        decay_rate: the factor.
        staircase: let the rate fall in jumps, every `decay_steps` steps.
        name: a name for the schedule.

    Example:

        >>> float(ExponentialDecay(1.0, decay_steps=10, decay_rate=0.5)(20))
        0.25
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive(decay_steps, "decay_steps")
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Tensor) -> Any:
        part = _parts(step, self.decay_steps, self.staircase)
        return self.initial_learning_rate * _number(self.decay_rate) ** part


class InverseTimeDecay(LearningRateSchedule):
    """`initial / (1 + decay_rate * part)`.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: how often, in steps, the decay applies once.
        decay_rate: by how much `1 / rate` grows each time, in units of `1 / initial`.
        staircase: let the rate fall in jumps, every `decay_steps` steps.
        name: a name for the schedule.

    Example:

        >>> float(InverseTimeDecay(1.0, decay_steps=10, decay_rate=0.5)(20))
        0.5
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive(decay_steps, "decay_steps")
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Tensor) -> Any:
        part = _parts(step, self.decay_steps, self.staircase)
        return self.initial_learning_rate / (1.0 + self.decay_rate * part)


class PiecewiseConstantDecay(LearningRateSchedule):
    """`values[i]` for steps in `(boundaries[i - 1], boundaries[i]]`.

    Args:
        boundaries: the last step at which each value but the last holds, increasing.
        values: the rates; one more than boundaries.
        name: a name for the schedule.

    Example:

        >>> rate = PiecewiseConstantDecay([100], [1.0, 0.5])
        >>> float(rate(100)), float(rate(101))
        (1.0, 0.5)
    """

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"
    ):
        if len(boundaries) != len(values) - 1:
            raise value_error(
                "PiecewiseConstantDecay needs one value more than boundaries.",
                received=f"{len(boundaries)} boundaries, {len(values)} values",
                fix="keras.optimizers.schedules.PiecewiseConstantDecay([100], [0.01, 0.001])",
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: Tensor) -> Any:
        passed = jnp.sum(jnp.asarray(self.boundaries, jnp.float32) < _number(step))
        return jnp.asarray(self.values, jnp.float32)[passed]


class PolynomialDecay(LearningRateSchedule):
    """`(initial - end) * (1 - part) ** power + end`, and `end` from `decay_steps` on.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: the step at which the rate reaches its end.
        end_learning_rate: the rate at the end.
        power: 1 for a straight line.
        cycle: start again beyond `decay_steps`, over twice, three times, ... that many steps.
        name: a name for the schedule.

    Example:

        >>> float(PolynomialDecay(1.0, decay_steps=100, end_learning_rate=0.5)(50))
        0.75
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive(decay_steps, "decay_steps")
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Tensor) -> Any:
        step = _number(step)
        length = jnp.float32(self.decay_steps)
        if self.cycle:
            length *= jnp.maximum(-_parts(-step, self.decay_steps, whole=True), 1.0)
        left = jnp.maximum(length - step, 0.0) / length
        span = self.initial_learning_rate - self.end_learning_rate
        return span * left**self.power + self.end_learning_rate


class CosineDecay(LearningRateSchedule):
    """Half a cosine from the initial rate down to `alpha` times it, after an optional warmup.

    Without warmup `initial * ((1 - alpha) * (1 + cos(pi * part)) / 2 + alpha)`. With a
    `warmup_target` the rate first rises along a straight line from `initial` to the target, and
    the cosine begins there, from the target.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: how many steps the cosine takes, the warmup not counted.
        alpha: the last rate as a share of the highest one.
        name: a name for the schedule.
        warmup_target: the rate at the end of the warmup; None for no warmup.
        warmup_steps: how many steps the warmup takes.

    Example:

        >>> rate = CosineDecay(0.0, decay_steps=100, warmup_target=1.0, warmup_steps=10)
        >>> float(rate(5)), float(rate(10)), round(float(rate(60)), 3)
        (0.5, 1.0, 0.5)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ):
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive(decay_steps, "decay_steps")
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: Tensor) -> Any:
        step = _number(step)
        if self.warmup_target is None:
            return self._falling(step, self.initial_learning_rate)
        rise = self.warmup_target - self.initial_learning_rate
        rising = self.initial_learning_rate + rise * (step / max(self.warmup_steps, 1))
        falling = self._falling(step - self.warmup_steps, self.warmup_target)
        return jnp.where(step < self.warmup_steps, rising, falling)

    def _falling(self, step: Tensor, start: float) -> Any:
        part = jnp.minimum(step, self.decay_steps) / self.decay_steps
        cosine = 0.5 * (1.0 + jnp.cos(math.pi * part))
        return start * ((1.0 - self.alpha) * cosine + self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """Half cosines one after the other (Loshchilov & Hutter 2016).

    The i-th of them, counted from 0, takes `first_decay_steps * t_mul ** i` steps and starts from
    `initial * m_mul ** i`; each ends at `alpha * initial`.

    Args:
        initial_learning_rate: the rate at step 0.
        first_decay_steps: how many steps the first cosine takes.
        t_mul: how much longer each is than the one before.
        m_mul: how much lower each starts than the one before.
        alpha: the lowest rate as a share of the initial one.
        name: a name for the schedule.

    Example:

        >>> rate = CosineDecayRestarts(1.0, first_decay_steps=100)
        >>> float(rate(0)), round(float(rate(50)), 3), float(rate(100)), round(float(rate(200)), 3)
        (1.0, 0.5, 1.0, 0.5)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ):
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = _positive(first_decay_steps, "first_decay_steps")
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: Tensor) -> Any:
        step = _number(step)
        if self.t_mul == 1.0:
            restarts = _parts(step, self.first_decay_steps, whole=True)
            part = step / self.first_decay_steps - restarts
        else:
            # The first i cosines take (t_mul**i - 1) / (t_mul - 1) lengths of the first together.
            growth = self.t_mul - 1.0
            part = step / self.first_decay_steps
            restarts = jnp.floor(jnp.log(1.0 + part * growth) / math.log(self.t_mul))
            length = jnp.float32(self.t_mul) ** restarts
            part = (part - (length - 1.0) / growth) / length
            # A rounded logarithm may be one too low just at a restart.
            restarts, part = restarts + (part >= 1.0), jnp.where(part >= 1.0, 0.0, part)
        cosine = 0.5 * jnp.float32(self.m_mul) ** restarts * (1.0 + jnp.cos(math.pi * part))
        return self.initial_learning_rate * ((1.0 - self.alpha) * cosine + self.alpha)


def serialize(learning_rate_schedule: LearningRateSchedule) -> Config:
    """The schedule as JSON values.

    Example:

        >>> config = serialize(ExponentialDecay(0.1, 10, 0.5))
        >>> deserialize(config).decay_steps
        10
    """
    return serialize_keras_object(learning_rate_schedule)


deserialize = Vocabulary("schedule", vars(), LearningRateSchedule).deserialize


def _number(step: Tensor) -> Any:
    return jnp.asarray(step.value if isinstance(step, Variable) else step, jnp.float32)


def _parts(step: Tensor, length: Tensor, whole: bool = False) -> Any:
    """How often `length` goes into `step`; without the rest if `whole`."""
    # A compiled division multiplies by 1 / length, which for 49 / 49 falls short of 1. The whole
    # number comes from a remainder, which is exact.
    step = _number(step)
    return jnp.floor_divide(step, jnp.float32(length)) if whole else step / length


def _positive(value: float, name: str) -> float:
    if value is None or isinstance(value, str) or value <= 0:
        raise value_error(
            f"{name} is a number of steps above 0, got {value!r}.",
            fix="steps of one epoch: math.ceil(samples / batch_size).",
        )
    return value


globals()["__getattr__"] = names_of(__name__)
