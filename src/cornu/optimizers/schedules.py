"""Learning-rate schedules.

A schedule is a traceable function of the number of steps done: the optimizer calls it once per step
with its `iteration`, and it becomes part of the compiled program.

    PiecewiseConstantDecay      constant between given steps
    ExponentialDecay            initial * decay_rate ** progress
    InverseTimeDecay            initial / (1 + decay_rate * progress)
    PolynomialDecay             a power of the remaining fraction; linear for power 1
    CosineDecay                 half a cosine, with optional linear warmup
    CosineDecayRestarts         cosine decay with warm restarts

In the formulas, `initial` is `initial_learning_rate` and `progress` is `step / decay_steps`.
"""

import math
from collections.abc import Sequence

import jax.numpy as jnp

from cornu.absent import names_of
from cornu.core.objects.configurable import Configurable
from cornu.core.objects.serialize import serialize_keras_object
from cornu.core.objects.vocabulary import Vocabulary
from cornu.core.variable import Variable
from cornu.errors import explain, value_error
from cornu.types import Config, Tensor


class LearningRateSchedule(Configurable):
    """Base class of all schedules: functions from the step to the learning rate.

    The built-in schedules take a `name`, which is kept in their config.

    Example:

        >>> class Halve(LearningRateSchedule):
        ...     def __init__(self, start):
        ...         self.start = start
        ...     def __call__(self, step):
        ...         return self.start * 0.5**step
        >>> Halve(1.0)(3), Halve(1.0).get_config()
        (0.125, {'start': 1.0})
    """

    def __call__(self, step: Tensor) -> Tensor:
        """The learning rate after `step` steps; defined by subclasses."""
        raise NotImplementedError(
            explain(
                f"Schedule {type(self).__name__} must define __call__(self, step).",
                fix="def __call__(self, step): return ...",
            )
        )


class ExponentialDecay(LearningRateSchedule):
    """Exponential decay, `initial * decay_rate ** (step / decay_steps)`.

    Args:
        initial_learning_rate: learning rate at step 0.
        decay_steps: number of steps in which the rate is multiplied by `decay_rate`.
        decay_rate: decay factor.
        staircase: whether to decay in discrete steps, every `decay_steps` steps.

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

    def __call__(self, step: Tensor) -> Tensor:
        progress = _progress(step, self.decay_steps, self.staircase)
        return self.initial_learning_rate * _number(self.decay_rate) ** progress


class InverseTimeDecay(LearningRateSchedule):
    """Inverse time decay, `initial / (1 + decay_rate * step / decay_steps)`.

    Args:
        initial_learning_rate: learning rate at step 0.
        decay_steps: number of steps per unit of decay.
        decay_rate: increase of `initial / rate` per `decay_steps` steps.
        staircase: whether to decay in discrete steps, every `decay_steps` steps.

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

    def __call__(self, step: Tensor) -> Tensor:
        progress = _progress(step, self.decay_steps, self.staircase)
        return self.initial_learning_rate / (1.0 + self.decay_rate * progress)


class PiecewiseConstantDecay(LearningRateSchedule):
    """Piecewise constant rate: `values[i]` for steps in `(boundaries[i - 1], boundaries[i]]`.

    Args:
        boundaries: last step of each value but the last, in increasing order.
        values: learning rates, one more than boundaries.

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
                "PiecewiseConstantDecay needs one more value than boundaries.",
                received=f"{len(boundaries)} boundaries, {len(values)} values",
                fix="keras.optimizers.schedules.PiecewiseConstantDecay([100], [0.01, 0.001])",
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: Tensor) -> Tensor:
        passed = jnp.sum(jnp.asarray(self.boundaries, jnp.float32) < _number(step))
        return jnp.asarray(self.values, jnp.float32)[passed]


class PolynomialDecay(LearningRateSchedule):
    """Polynomial decay, `(initial - end) * (1 - step / decay_steps) ** power + end`.

    Args:
        initial_learning_rate: learning rate at step 0.
        decay_steps: step at which `end_learning_rate` is reached.
        end_learning_rate: final learning rate.
        power: exponent; 1 for linear decay.
        cycle: whether to restart beyond `decay_steps`, with `decay_steps` replaced by its smallest
            multiple that is >= `step`.

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

    def __call__(self, step: Tensor) -> Tensor:
        step = _number(step)
        length = jnp.float32(self.decay_steps)
        if self.cycle:
            length *= jnp.maximum(-_progress(-step, self.decay_steps, whole=True), 1.0)
        left = jnp.maximum(length - step, 0.0) / length
        span = self.initial_learning_rate - self.end_learning_rate
        return span * left**self.power + self.end_learning_rate


class CosineDecay(LearningRateSchedule):
    """Cosine decay with optional linear warmup (Loshchilov & Hutter 2016).

    The rate is `initial * ((1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2 + alpha)`. With a
    `warmup_target` it first rises linearly from `initial` to the target, and decays from there.

    Args:
        initial_learning_rate: learning rate at step 0.
        decay_steps: number of steps of the decay, without the warmup.
        alpha: final learning rate as a fraction of the rate at which the decay starts.
        warmup_target: learning rate at the end of the warmup; None for no warmup.
        warmup_steps: number of steps of the warmup.

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

    def __call__(self, step: Tensor) -> Tensor:
        step = _number(step)
        if self.warmup_target is None:
            return self._decayed(step, self.initial_learning_rate)
        rise = self.warmup_target - self.initial_learning_rate
        rising = self.initial_learning_rate + rise * (step / max(self.warmup_steps, 1))
        decayed = self._decayed(step - self.warmup_steps, self.warmup_target)
        return jnp.where(step < self.warmup_steps, rising, decayed)

    def _decayed(self, step: Tensor, start: float) -> Tensor:
        progress = jnp.minimum(step, self.decay_steps) / self.decay_steps
        cosine = 0.5 * (1.0 + jnp.cos(math.pi * progress))
        return start * ((1.0 - self.alpha) * cosine + self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decay with warm restarts, SGDR (Loshchilov & Hutter 2016).

    Period `i`, counted from 0, takes `first_decay_steps * t_mul ** i` steps and starts from
    `initial * m_mul ** i`; each ends at `alpha * initial`.

    Args:
        initial_learning_rate: learning rate at step 0.
        first_decay_steps: number of steps of the first period.
        t_mul: ratio of the lengths of a period and the one before.
        m_mul: ratio of the initial rates of a period and the one before.
        alpha: final learning rate of each period as a fraction of `initial_learning_rate`.

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

    def __call__(self, step: Tensor) -> Tensor:
        step = _number(step)
        if self.t_mul == 1.0:
            restarts = _progress(step, self.first_decay_steps, whole=True)
            progress = step / self.first_decay_steps - restarts
        else:
            # The first i periods take (t_mul**i - 1) / (t_mul - 1) times the length of the first.
            growth = self.t_mul - 1.0
            progress = step / self.first_decay_steps
            restarts = jnp.floor(jnp.log(1.0 + progress * growth) / math.log(self.t_mul))
            length = jnp.float32(self.t_mul) ** restarts
            progress = (progress - (length - 1.0) / growth) / length
            # Rounding of the logarithm can give one restart too few exactly at a restart.
            restarts = restarts + (progress >= 1.0)
            progress = jnp.where(progress >= 1.0, 0.0, progress)
        cosine = 0.5 * jnp.float32(self.m_mul) ** restarts * (1.0 + jnp.cos(math.pi * progress))
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


def _number(step: Tensor) -> Tensor:
    return jnp.asarray(step.value if isinstance(step, Variable) else step, jnp.float32)


def _progress(step: Tensor, length: Tensor, whole: bool = False) -> Tensor:
    """`step / length`, rounded down if `whole`."""
    # A compiled division multiplies by 1 / length, which gives less than 1 for 49 / 49.
    # `floor_divide` uses the remainder, which is exact.
    step = _number(step)
    return jnp.floor_divide(step, jnp.float32(length)) if whole else step / length


def _positive(value: float, name: str) -> float:
    if value is None or isinstance(value, str) or value <= 0:
        raise value_error(
            f"{name} must be a positive number of steps, got {value!r}.",
            fix=f"{name}=1000\none epoch has math.ceil(samples / batch_size) steps.",
        )
    return value


globals()["__getattr__"] = names_of(__name__)
