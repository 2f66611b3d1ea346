"""Adam and its family: steps by moment estimates of the gradient, `m` (first) and `v` (second).

    m = beta_1 * m + (1 - beta_1) * g             m_hat = m / (1 - beta_1**t)
    v = beta_2 * v + (1 - beta_2) * g**2          v_hat = v / (1 - beta_2**t)

    Adam     p -= lr * m_hat / (sqrt(v_hat) + epsilon)
    AdamW    Adam with decoupled weight decay
    Adamax   the infinity norm, v = max(beta_2 * v, |g|), instead of the second moment
    Nadam    Nesterov momentum in m_hat
    Lamb     steps scaled to the norm of each weight

The hats are the bias-corrected moments. The corrections are the same for all weights, so `_begin`
computes them once per step.
"""

from typing import Any

import jax.numpy as jnp

from cornu.errors import value_error
from cornu.optimizers.optimizer import Optimizer
from cornu.optimizers.rule import Updated
from cornu.types import ScheduleLike, Tensor


class Adam(Optimizer):
    """Adam (Kingma & Ba 2014): `p -= lr * m_hat / (sqrt(v_hat) + epsilon)`.

    `m = beta_1 * m + (1 - beta_1) * g` and `v = beta_2 * v + (1 - beta_2) * g**2` estimate the
    first and second moments of the gradient; the hats divide by `1 - beta**t` (bias correction).

    Args:
        learning_rate: learning rate or schedule; see `Optimizer` for this and the shared arguments.
        beta_1: exponential decay rate of the first-moment estimate.
        beta_2: exponential decay rate of the second-moment estimate.
        epsilon: constant for numerical stability, added to `sqrt(v)` before the bias correction
            ("epsilon hat" in the paper).
        amsgrad: whether to use the maximum of all `v` so far (Reddi et al. 2018).

    Example:

        >>> Adam(0.01, beta_1=0.8).get_config()["beta_1"]
        0.8
    """

    slots = {"momentum": 0.0, "velocity": 0.0}

    def __init__(
        self,
        learning_rate: ScheduleLike = 0.001,
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
        self._later_slots = {"velocity_hat": 0.0} if amsgrad else {}

    def _begin(self, lr: Tensor, t: Tensor) -> tuple[Tensor, ...]:
        return (lr * jnp.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t),)

    def rule(
        self, g: Tensor, p: Tensor, lr: Tensor, t: Tensor, m: Tensor, v: Tensor, *best: Tensor
    ) -> Updated:
        m = m + (g - m) * (1 - self.beta_1)
        v = v + (jnp.square(g) - v) * (1 - self.beta_2)
        best = tuple(jnp.maximum(b, v) for b in best)
        return p - lr * m / (jnp.sqrt(best[0] if best else v) + self.epsilon), m, v, *best


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019): `p -= lr * weight_decay * p`.

    Args:
        learning_rate: learning rate or schedule; see `Optimizer` for this and the shared arguments.
        weight_decay: weight decay per step, in units of the learning rate.
        beta_1: exponential decay rate of the first-moment estimate.
        beta_2: exponential decay rate of the second-moment estimate.
        epsilon: constant for numerical stability; see `Adam`.
        amsgrad: whether to use the maximum of all `v` so far.

    Example:

        >>> optimizer = AdamW(0.001, weight_decay=0.01)
        >>> optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        >>> optimizer.weight_decay
        0.01
    """

    def __init__(
        self,
        learning_rate: ScheduleLike = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        *args: Any,
        **shared: Any,
    ):
        if weight_decay is None:
            raise value_error(
                "weight_decay of AdamW must be a number, got None.",
                fix="weight_decay=0.004\nor use Adam, which has none.",
            )
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, *args, **shared
        )


class _AdamLike(Optimizer):
    """The arguments that all relatives of Adam take."""

    def __init__(
        self,
        learning_rate: ScheduleLike = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        *args: Any,
        **shared: Any,
    ):
        super().__init__(learning_rate, *args, **shared)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon


class Adamax(_AdamLike):
    """Adamax, Adam with the infinity norm (Kingma & Ba 2014, section 7).

    `u = max(beta_2 * u, |g|); p -= lr * m_hat / (u + epsilon)`.

    Args:
        learning_rate: learning rate or schedule; see `Optimizer` for this and the shared arguments.
        beta_1: exponential decay rate of the first-moment estimate.
        beta_2: exponential decay rate of the infinity norm.
        epsilon: constant added to the denominator for numerical stability.

    Example:

        >>> Adamax().get_config()["beta_2"]
        0.999
    """

    slots = {"momentum": 0.0, "norm": 0.0}

    def _begin(self, lr: Tensor, t: Tensor) -> tuple[Tensor, ...]:
        return (lr / (1 - self.beta_1**t),)

    def rule(self, g: Tensor, p: Tensor, lr: Tensor, t: Tensor, m: Tensor, u: Tensor) -> Updated:
        m = m + (g - m) * (1 - self.beta_1)
        u = jnp.maximum(self.beta_2 * u, jnp.abs(g))
        return p - lr * m / (u + self.epsilon), m, u


class Nadam(_AdamLike):
    """Adam with Nesterov momentum (Dozat 2015).

    The momentum has a schedule, `b[t] = beta_1 * (1 - 0.5 * 0.96**t)`, and
    `m_hat = b[t+1] * m / (1 - b[1]...b[t+1]) + (1 - b[t]) * g / (1 - b[1]...b[t])`.

    Args:
        learning_rate: learning rate or schedule; see `Optimizer` for this and the shared arguments.
        beta_1: exponential decay rate of the first-moment estimate.
        beta_2: exponential decay rate of the second-moment estimate.
        epsilon: constant added to the denominator for numerical stability.

    Example:

        >>> Nadam().get_config()["beta_1"]
        0.9
    """

    slots = {"momentum": 0.0, "velocity": 0.0}
    _common_slots = {"u_product": 1.0}

    def _begin(self, lr: Tensor, t: Tensor, product: Tensor) -> tuple[Tensor, ...]:
        now = self.beta_1 * (1 - 0.5 * 0.96**t)
        ahead = self.beta_1 * (1 - 0.5 * 0.96 ** (t + 1))
        product = product * now
        scale_m = lr * ahead / (1 - product * ahead)
        scale_g = lr * (1 - now) / (1 - product)
        # 1 - beta_2 in float32, as in the bias correction, so that the first v_hat is g**2 exactly.
        return (scale_m, scale_g, 1 - jnp.float32(self.beta_2), 1 - self.beta_2**t), product

    def rule(self, g: Tensor, p: Tensor, lr: Tensor, t: Tensor, m: Tensor, v: Tensor) -> Updated:
        scale_m, scale_g, gain, bias = lr
        m = m + (g - m) * (1 - self.beta_1)
        v = v + (jnp.square(g) - v) * gain
        return p - (scale_m * m + scale_g * g) / (jnp.sqrt(v / bias) + self.epsilon), m, v


class Lamb(_AdamLike):
    """LAMB, Adam with layer-wise adaptive steps for large batches (You et al. 2019).

    `r = m_hat / (sqrt(v_hat) + epsilon); p -= lr * r * norm(p) / norm(r)`.

    Args:
        learning_rate: learning rate or schedule; see `Optimizer` for this and the shared arguments.
        beta_1: exponential decay rate of the first-moment estimate.
        beta_2: exponential decay rate of the second-moment estimate.
        epsilon: constant added to the denominator for numerical stability.

    Example:

        >>> Lamb().get_config()["epsilon"]
        1e-07
    """

    slots = {"momentum": 0.0, "velocity": 0.0}

    def _begin(self, lr: Tensor, t: Tensor) -> tuple[Tensor, ...]:
        return ((lr, 1 - self.beta_1**t, 1 - self.beta_2**t),)

    def rule(self, g: Tensor, p: Tensor, lr: Tensor, t: Tensor, m: Tensor, v: Tensor) -> Updated:
        lr, bias_1, bias_2 = lr
        m = m + (g - m) * (1 - self.beta_1)
        v = v + (jnp.square(g) - v) * (1 - self.beta_2)
        r = (m / bias_1) / (jnp.sqrt(v / bias_2) + self.epsilon)
        size, length = jnp.sqrt(jnp.sum(jnp.square(p))), jnp.sqrt(jnp.sum(jnp.square(r)))
        usable = (size > 0) & (length > 0)
        trust = jnp.where(usable, size / jnp.where(usable, length, 1), 1)
        return p - lr * trust * r, m, v
