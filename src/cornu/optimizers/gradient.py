"""Optimizers whose rule looks at one element of a weight at a time: SGD and Adam's family.

In the formulas `p` is a weight, `g` its gradient, `lr` the learning rate, `t` the number of the
update, from 1. A rule returns the new weight and then the new slots.
"""

from typing import Any

import jax.numpy as jnp

from cornu.errors import explain
from cornu.optimizers.optimizer import Optimizer


class SGD(Optimizer):
    """Gradient descent: `p -= lr * g`, with momentum `m = momentum * m - lr * g; p += m`.

    With `nesterov`, `p += momentum * m - lr * g`, which looks one step ahead.

    Args:
        learning_rate: see `Optimizer`, as for the shared arguments that follow.
        momentum: the share of the last update that is repeated, in [0, 1].
        nesterov: whether to look ahead.

    Example:

        >>> SGD(learning_rate=0.1, momentum=0.9).get_config()["momentum"]
        0.9
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        *args: Any,
        **shared: Any,
    ):
        super().__init__(learning_rate, *args, **shared)
        if not isinstance(momentum, (int, float)) or not 0 <= momentum <= 1:
            raise ValueError(explain(f"momentum is a number in [0, 1], got {momentum!r}."))
        self.momentum = momentum
        self.nesterov = nesterov
        self.slots = {"momentum": 0.0} if momentum else {}

    def rule(self, g: Any, p: Any, lr: Any, t: Any, *slots: Any) -> tuple[Any, ...]:
        if not slots:
            return (p - lr * g,)
        m = self.momentum * slots[0] - lr * g
        return p + (self.momentum * m - lr * g if self.nesterov else m), m


class RMSprop(Optimizer):
    """`v = rho * v + (1 - rho) * g**2; p -= lr * g / sqrt(v + epsilon)` (Hinton 2012).

    Args:
        learning_rate: see `Optimizer`, as for the shared arguments that follow.
        rho: the share of the old mean square.
        momentum: the share of the last update that is repeated.
        epsilon: keeps the divisor above zero.
        centered: divide by the standard deviation of the gradient, not by its root mean square.

    Example:

        >>> RMSprop(rho=0.95).get_config()["rho"]
        0.95
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        *args: Any,
        **shared: Any,
    ):
        super().__init__(learning_rate, *args, **shared)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered
        self.slots = {"velocity": 0.0}
        if momentum > 0:
            self.slots["momentum"] = 0.0
        if centered:
            self.slots["average_gradient"] = 0.0

    def rule(self, g: Any, p: Any, lr: Any, t: Any, v: Any, *others: Any) -> tuple[Any, ...]:
        slots = dict(zip(list(self.slots)[1:], others, strict=True))
        v = self.rho * v + (1 - self.rho) * jnp.square(g)
        divisor = v + self.epsilon
        if self.centered:
            mean = self.rho * slots["average_gradient"] + (1 - self.rho) * g
            slots["average_gradient"] = mean
            divisor = v - jnp.square(mean) + self.epsilon
        move = lr * g / jnp.sqrt(divisor)
        if self.momentum > 0:
            move = slots["momentum"] = self.momentum * slots["momentum"] + move
        return p - move, v, *slots.values()


class Adam(Optimizer):
    """`p -= lr * m_hat / (sqrt(v_hat) + epsilon)` (Kingma & Ba 2014).

    `m` and `v` are running means of `g` and `g**2`; the hats undo their start from zero, by
    `1 - beta**t`.

    Args:
        learning_rate: see `Optimizer`, as for the shared arguments that follow.
        beta_1: the share of the old mean.
        beta_2: the share of the old mean square.
        epsilon: keeps the divisor above zero.
        amsgrad: divide by the largest `v` so far (Reddi et al. 2018).

    Example:

        >>> Adam(0.01, beta_1=0.8).get_config()["beta_1"]
        0.8
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        *args: Any,
        **shared: Any,
    ):
        super().__init__(learning_rate, *args, **shared)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad
        self.slots = {"momentum": 0.0, "velocity": 0.0}
        if amsgrad:
            self.slots["velocity_hat"] = 0.0

    def begin(self, lr: Any, t: Any) -> tuple[Any, ...]:
        return (lr * jnp.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t),)

    def rule(self, g: Any, p: Any, lr: Any, t: Any, m: Any, v: Any, *best: Any) -> tuple[Any, ...]:
        m = m + (g - m) * (1 - self.beta_1)
        v = v + (jnp.square(g) - v) * (1 - self.beta_2)
        best = tuple(jnp.maximum(b, v) for b in best)
        return p - lr * m / (jnp.sqrt(best[0] if best else v) + self.epsilon), m, v, *best
