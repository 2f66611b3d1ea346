"""SGD, and optimizers that scale the gradient elementwise or use its sign.

In the formulas `p` is a weight, `g` its gradient, `lr` the learning rate. A rule returns the new
weight, then the new slots in the order of `slots`.

    SGD        p -= lr * g                               with optional momentum
    RMSprop    p -= lr * g / sqrt(v)                     v: moving average of g**2
    Adagrad    p -= lr * g / sqrt(a)                     a: sum of g**2
    Adadelta   RMSprop with steps scaled by a moving average of past updates
    Ftrl       follow the regularized leader, with L1 and L2 penalties
    Lion       p -= lr * sign(moving average of g)
"""

from typing import Any

import jax.numpy as jnp

from cornu.core.variable import Variable
from cornu.errors import value_error
from cornu.optimizers.optimizer import Optimizer
from cornu.optimizers.rule import Updated
from cornu.types import ScheduleLike, Tensor


class SGD(Optimizer):
    """Stochastic gradient descent, `p -= lr * g`, with optional momentum.

    With momentum `m = momentum * m - lr * g; p += m`; with Nesterov momentum
    `p += momentum * m - lr * g`.

    Args:
        learning_rate: learning rate or schedule; see `Optimizer` for this and the shared arguments.
        momentum: momentum, in [0, 1]; 0 for none.
        nesterov: whether to use Nesterov momentum.

    Example:

        >>> SGD(learning_rate=0.1, momentum=0.9).get_config()["momentum"]
        0.9
    """

    def __init__(
        self,
        learning_rate: ScheduleLike = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        *args: Any,
        **shared: Any,
    ):
        super().__init__(learning_rate, *args, **shared)
        if not isinstance(momentum, (int, float)) or not 0 <= momentum <= 1:
            raise value_error(
                f"momentum must be a number in [0, 1], got {momentum!r}.", fix="momentum=0.9"
            )
        self.momentum = momentum
        self.nesterov = nesterov
        self._chosen_slots = {"momentum": 0.0} if momentum else {}

    @property
    def momentums(self) -> list[Any]:
        """The momentum variables of the weights; empty without momentum."""
        return [row[0] for row in self._slots if row]

    def rule(self, g: Tensor, p: Tensor, lr: Tensor, t: Tensor, *slots: Tensor) -> Updated:
        if not slots:
            return (p - lr * g,)
        m = self.momentum * slots[0] - lr * g
        return p + (self.momentum * m - lr * g if self.nesterov else m), m


class RMSprop(Optimizer):
    """RMSprop (Hinton 2012): `v = rho * v + (1 - rho) * g**2; p -= lr * g / sqrt(v + epsilon)`.

    Args:
        learning_rate: learning rate or schedule; see `Optimizer` for this and the shared arguments.
        rho: exponential decay rate of the moving average of squared gradients.
        momentum: momentum of the updates; 0 for none.
        epsilon: constant added to the moving average for numerical stability.
        centered: whether to divide by the standard deviation of the gradient instead of its root
            mean square.

    Example:

        >>> RMSprop(rho=0.95).get_config()["rho"]
        0.95
    """

    slots = {"velocity": 0.0}

    def __init__(
        self,
        learning_rate: ScheduleLike = 0.001,
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
        wanted = {"momentum": momentum > 0, "average_gradient": centered}
        self._later_slots = {name: 0.0 for name, is_wanted in wanted.items() if is_wanted}

    def rule(
        self, g: Tensor, p: Tensor, lr: Tensor, t: Tensor, v: Tensor, *later: Tensor
    ) -> Updated:
        slots = dict(zip(self._later_slots, later, strict=True))
        v = self.rho * v + (1 - self.rho) * jnp.square(g)
        second = v
        if self.centered:
            mean = self.rho * slots["average_gradient"] + (1 - self.rho) * g
            slots["average_gradient"] = mean
            second = v - jnp.square(mean)
        move = lr * g / jnp.sqrt(second + self.epsilon)
        if self.momentum > 0:
            move = slots["momentum"] = self.momentum * slots["momentum"] + move
        return p - move, v, *slots.values()


class Adagrad(Optimizer):
    """Adagrad (Duchi et al. 2011): `a += g**2; p -= lr * g / sqrt(a + epsilon)`.

    Parameters with rare gradients keep large steps.

    Args:
        learning_rate: learning rate or schedule; see `Optimizer` for this and the shared arguments.
        initial_accumulator_value: initial value of `a`; must be >= 0.
        epsilon: constant added to `a` for numerical stability.

    Example:

        >>> Adagrad(0.1).get_config()["initial_accumulator_value"]
        0.1
    """

    def __init__(
        self,
        learning_rate: ScheduleLike = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        *args: Any,
        **shared: Any,
    ):
        super().__init__(learning_rate, *args, **shared)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon
        self._chosen_slots = {"accumulator": initial_accumulator_value}

    def rule(self, g: Tensor, p: Tensor, lr: Tensor, t: Tensor, a: Tensor) -> Updated:
        a = a + jnp.square(g)
        return p - lr * g / jnp.sqrt(a + self.epsilon), a


class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012): `p -= lr * g * rms(past updates) / rms(past gradients)`.

    `rms(x) = sqrt(mean(x**2) + epsilon)`, with an exponential moving average. The paper has no
    learning rate; use `learning_rate=1.0` for its form.

    Args:
        learning_rate: learning rate or schedule; see `Optimizer` for this and the shared arguments.
        rho: exponential decay rate of both moving averages.
        epsilon: constant added to them for numerical stability; sets the size of the first updates.

    Example:

        >>> Adadelta(1.0).get_config()["rho"]
        0.95
    """

    slots = {"accumulated_grad": 0.0, "accumulated_delta_var": 0.0}

    def __init__(
        self,
        learning_rate: ScheduleLike = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        *args: Any,
        **shared: Any,
    ):
        super().__init__(learning_rate, *args, **shared)
        self.rho = rho
        self.epsilon = epsilon

    def rule(
        self,
        g: Tensor,
        p: Tensor,
        lr: Tensor,
        t: Tensor,
        grads: Tensor,
        moves: Tensor,
    ) -> Updated:
        grads = self.rho * grads + (1 - self.rho) * jnp.square(g)
        move = g * jnp.sqrt(moves + self.epsilon) / jnp.sqrt(grads + self.epsilon)
        moves = self.rho * moves + (1 - self.rho) * jnp.square(move)
        return p - lr * move, grads, moves

    def update_step(self, grad: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """See `Optimizer.update_step`; as in Keras, the gradient is called `grad` here."""
        super().update_step(grad, variable, learning_rate)


class Ftrl(Optimizer):
    """FTRL, follow the regularized leader (McMahan et al. 2013), for large sparse models.

        n' = n + g**2
        z' = z + g - (n'**-power - n**-power) / lr * p
        p  = 0 where |z'| <= l1, else (sign(z') * l1 - z') / (n'**-power / lr + 2 * l2 + beta / lr)

    Args:
        learning_rate: learning rate or schedule; see `Optimizer` for this and the shared arguments.
        learning_rate_power: `power` above; must be <= 0, and 0 means a constant learning rate.
        initial_accumulator_value: initial value of `n`; must be >= 0.
        l1_regularization_strength: `l1`, which makes weights exactly zero; must be >= 0.
        l2_regularization_strength: `l2`, which shrinks weights; must be >= 0.
        l2_shrinkage_regularization_strength: L2 penalty added to the gradient; must be >= 0.
        beta: `beta` above, the learning-rate offset of the paper.

    Example:

        >>> Ftrl(0.1, l1_regularization_strength=0.01).get_config()["learning_rate_power"]
        -0.5
    """

    def __init__(
        self,
        learning_rate: ScheduleLike = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        *args: Any,
        **shared: Any,
    ):
        super().__init__(learning_rate, *args, **shared)
        if learning_rate_power > 0:
            raise value_error(f"learning_rate_power must be <= 0, got {learning_rate_power!r}.")
        strengths = {
            "initial_accumulator_value": initial_accumulator_value,
            "l1_regularization_strength": l1_regularization_strength,
            "l2_regularization_strength": l2_regularization_strength,
            "l2_shrinkage_regularization_strength": l2_shrinkage_regularization_strength,
        }
        for name, value in strengths.items():
            if value < 0:
                raise value_error(f"{name} must be >= 0, got {value!r}.")
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        self._chosen_slots = {"accumulator": initial_accumulator_value, "linear": 0.0}

    def rule(self, g: Tensor, p: Tensor, lr: Tensor, t: Tensor, n: Tensor, z: Tensor) -> Updated:
        power, l1 = -self.learning_rate_power, self.l1_regularization_strength
        l2 = self.l2_regularization_strength + self.beta / (2 * lr)
        after = n + jnp.square(g)
        z = z + g + 2 * self.l2_shrinkage_regularization_strength * p
        z = z - (after**power - n**power) / lr * p
        p = (jnp.clip(z, -l1, l1) - z) / (after**power / lr + 2 * l2)
        return p, after, z


class Lion(Optimizer):
    """Lion (Chen et al. 2023): steps of the sign of a moving average of the gradient.

    `p -= lr * sign(beta_1 * m + (1 - beta_1) * g); m = beta_2 * m + (1 - beta_2) * g`. It usually
    needs a learning rate 3 to 10 times smaller than Adam's, and a larger weight decay by as much.

    Args:
        learning_rate: learning rate or schedule; see `Optimizer` for this and the shared arguments.
        beta_1: weight of the moving average in the direction of the step, in (0, 1].
        beta_2: exponential decay rate of the moving average of the gradient.

    Example:

        >>> Lion(1e-4).get_config()["beta_2"]
        0.99
    """

    slots = {"momentum": 0.0}

    def __init__(
        self,
        learning_rate: ScheduleLike = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        *args: Any,
        **shared: Any,
    ):
        super().__init__(learning_rate, *args, **shared)
        if not 0 < beta_1 <= 1:
            raise value_error(
                f"beta_1 must be in (0, 1], got {beta_1!r}.",
                fix="beta_1=0.9",
            )
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def rule(self, g: Tensor, p: Tensor, lr: Tensor, t: Tensor, m: Tensor) -> Updated:
        p = p - lr * jnp.sign(m * self.beta_1 + g * (1 - self.beta_1))
        return p, m * self.beta_2 + g * (1 - self.beta_2)
