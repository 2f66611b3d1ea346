"""Optimizers of whole matrices, and one without a learning-rate schedule.

Adafactor            the second moment of a matrix, factored into row and column means
Muon                 momentum of a matrix, orthogonalized: all singular values about 1
ScheduleFreeAdamW    AdamW with iterate averaging instead of a schedule
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from cornu import patterns
from cornu.core.variable import Variable
from cornu.optimizers.optimizer import Optimizer
from cornu.optimizers.rule import Updated
from cornu.types import ScheduleLike, Tensor


class Adafactor(Optimizer):
    """Adafactor: adaptive steps with sublinear memory (Shazeer & Stern 2018).

    The second moment `v` of a weight with two or more axes is stored as its means over the last
    axis (rows) and the one before (columns): `v = rows * columns / mean(rows)`. The update, with
    `u = g / sqrt(v)`, is `p -= lr * max(epsilon_2, rms(p)) * u / max(1, rms(u) / clip_threshold)`.

    Args:
        learning_rate: learning rate or schedule; see `Optimizer` for this and the shared arguments.
        beta_2_decay: exponent of the decay rate of `v`, `1 - t**beta_2_decay` at update `t`.
        epsilon_1: constant added to the squared gradients for numerical stability.
        epsilon_2: lower bound of the root mean square of a weight, which scales its step.
        clip_threshold: upper bound of the root mean square of `u`.
        relative_step: kept for configs, without effect; the learning rate never exceeds
            `1 / sqrt(t)`.

    Example:

        >>> Adafactor().get_config()["beta_2_decay"]
        -0.8
    """

    def __init__(
        self,
        learning_rate: ScheduleLike = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        *args: Any,
        **shared: Any,
    ):
        super().__init__(learning_rate, *args, **shared)
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def _make_slots(self, variable: Variable) -> list[Variable]:
        # Files hold two unused scalars for weights with fewer than two axes.
        shape = tuple(variable.shape)
        if len(shape) < 2:
            sums = [self.add_variable((), dtype="int32", name=variable.name) for _ in range(2)]
        else:
            sums = [
                self.add_variable(s, dtype=variable.dtype, name=variable.name)
                for s in (shape[:-1], (*shape[:-2], shape[-1]))
            ]
        return [*sums, self.add_variable_from_reference(variable, "velocity")]

    def _begin(self, lr: Tensor, t: Tensor) -> tuple[Tensor, ...]:
        return ((jnp.minimum(lr, 1 / jnp.sqrt(t)), 1 - t**self.beta_2_decay),)

    def rule(
        self, g: Tensor, p: Tensor, lr: Tensor, t: Tensor, rows: Tensor, columns: Tensor, v: Tensor
    ) -> Updated:
        lr, decay = lr
        square = jnp.square(g) + self.epsilon_1
        if p.ndim >= 2:
            rows = decay * rows + (1 - decay) * jnp.mean(square, axis=-1)
            columns = decay * columns + (1 - decay) * jnp.mean(square, axis=-2)
            factor = rows / jnp.mean(rows, axis=-1, keepdims=True)
            v = factor[..., None] * columns[..., None, :]
        else:
            v = decay * v + (1 - decay) * square
        u = g / jnp.sqrt(v)
        u = u / jnp.maximum(1, _rms(u) / self.clip_threshold)
        return p - lr * jnp.maximum(self.epsilon_2, _rms(p)) * u, rows, columns, v


class Muon(Optimizer):
    """Muon: orthogonalized momentum for matrices (Jordan 2024, Liu et al. 2025), AdamW otherwise.

    For a matrix, `m = momentum * m + g`, and the step is `m` orthogonalized: Newton-Schulz
    iterations `X <- a X + (b A + c A A) X`, `A = X X^T`, bring its singular values to about 1.
    AdamW updates embeddings, excluded layers, and weights that are not matrices.

    Args:
        learning_rate: learning rate or schedule; see `Optimizer` for this and the shared arguments.
        adam_beta_1: exponential decay rate of AdamW's first-moment estimate.
        adam_beta_2: exponential decay rate of AdamW's second-moment estimate.
        adam_weight_decay: weight decay of the weights that AdamW updates.
        epsilon: constant for numerical stability in AdamW.
        weight_decay: weight decay of the matrices.
        exclude_layers: regular expressions, searched in the paths of matrices, that AdamW should
            update; typically the output layer.
        exclude_embeddings: whether AdamW updates embeddings.
        muon_a: coefficient `a` of the iteration.
        muon_b: coefficient `b` of the iteration.
        muon_c: coefficient `c` of the iteration.
        adam_lr_ratio: AdamW's learning rate in units of `learning_rate`.
        momentum: momentum of the matrices.
        ns_steps: number of Newton-Schulz iterations.
        nesterov: whether to use Nesterov momentum.
        rms_rate: root mean square of the steps, chosen like Adam's; None to leave them unscaled.

    Example:

        >>> optimizer = Muon(0.001, exclude_layers=["logits"])
        >>> optimizer.exclude_layers, optimizer.weight_decay
        (['logits'], 0.004)
    """

    def __init__(
        self,
        learning_rate: ScheduleLike = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        *args: Any,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **shared: Any,
    ):
        super().__init__(learning_rate, weight_decay, *args, **shared)
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = (
            [exclude_layers] if isinstance(exclude_layers, str) else list(exclude_layers or ())
        )
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    def _is_matrix(self, variable: Variable) -> bool:
        """Whether a weight gets orthogonalized steps."""
        if len(variable.shape) != 2:
            return False
        if self.exclude_embeddings and "embedding" in variable.path.lower():
            return False
        return not any(patterns.found(p, variable.path) for p in self.exclude_layers)

    def _make_slots(self, variable: Variable) -> list[Variable]:
        wanted = ("momentum",) if self._is_matrix(variable) else ("momentum", "velocity")
        return [self.add_variable_from_reference(variable, name) for name in wanted]

    def _decay_of(self, variable: Variable) -> float | None:
        if self._is_matrix(variable) or self._is_excluded(variable):
            return super()._decay_of(variable)
        return self.adam_weight_decay

    def _begin(self, lr: Tensor, t: Tensor) -> tuple[Tensor, ...]:
        bias = jnp.sqrt(1 - self.adam_beta_2**t) / (1 - self.adam_beta_1**t)
        return ((lr, lr * self.adam_lr_ratio * bias),)

    def rule(self, g: Tensor, p: Tensor, lr: Tensor, t: Tensor, m: Tensor, *v: Tensor) -> Updated:
        lr, adam_lr = lr
        if v:
            m = m + (g - m) * (1 - self.adam_beta_1)
            square = v[0] + (jnp.square(g) - v[0]) * (1 - self.adam_beta_2)
            return p - adam_lr * m / (jnp.sqrt(square) + self.epsilon), m, square
        m = self.momentum * m + g
        direction = g + self.momentum * m if self.nesterov else m
        step = self.zeropower_via_newtonschulz5(direction, self.ns_steps)
        return p - lr * self.lr_adjust(step), m

    def lr_adjust(self, x: Tensor) -> Tensor:
        """The orthogonalized step, scaled to a root mean square that is the same for all shapes."""
        rows, columns = x.shape
        return x if self.rms_rate is None else x * (self.rms_rate * max(rows, columns) ** 0.5)

    def transpose_last_axis(self, X: Tensor) -> Tensor:
        """`(..., a, b) -> (..., b, a)`."""
        return jnp.swapaxes(X, -1, -2)

    def zeropower_via_newtonschulz5(self, x: Tensor, steps: int) -> Tensor:
        """Approximately `U V^T` for `x = U S V^T`: the matrix with singular values of about 1.

        Args:
            x: matrix, `(rows, columns)`.
            steps: number of iterations.
        """
        tall = x.shape[-2] > x.shape[-1]
        x = self.transpose_last_axis(x) if tall else x  # the smaller product is (rows, rows)
        x = x / (jnp.sqrt(jnp.sum(jnp.square(x), axis=(-2, -1), keepdims=True)) + 1e-7)
        for _ in range(steps):
            a = x @ self.transpose_last_axis(x)
            x = self.muon_a * x + (self.muon_b * a + self.muon_c * (a @ a)) @ x
        return self.transpose_last_axis(x) if tall else x


class ScheduleFreeAdamW(Optimizer):
    """AdamW without a learning-rate schedule (Defazio et al. 2024).

    Adam updates a sequence `z`, whose average `x` is the result. Gradients are evaluated at the
    weights `y = beta_1 * x + (1 - beta_1) * z`. `x` is not stored; it follows from `y` and `z`.

    Args:
        learning_rate: learning rate or schedule; see `Optimizer` for this and the shared arguments.
        beta_1: interpolation between `z` (0) and `x` (1) at which gradients are evaluated.
        beta_2: exponential decay rate of the second-moment estimate.
        epsilon: constant added to the denominator for numerical stability.
        warmup_steps: number of steps over which the learning rate rises linearly.

    Example:

        >>> ScheduleFreeAdamW(warmup_steps=100).get_config()["warmup_steps"]
        100
    """

    def __init__(
        self,
        learning_rate: ScheduleLike = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        *args: Any,
        **shared: Any,
    ):
        super().__init__(learning_rate, *args, **shared)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.warmup_steps = warmup_steps

    def _make_slots(self, variable: Variable) -> list[Variable]:
        z = self.add_variable_from_reference(variable, "momentum")
        z.assign(variable)
        return [z, self.add_variable_from_reference(variable, "velocity")]

    def _begin(self, lr: Tensor, t: Tensor) -> tuple[Tensor, ...]:
        if self.warmup_steps:
            lr = lr * jnp.minimum(1.0, t / self.warmup_steps)
        return ((lr, 1 - jnp.float32(self.beta_2), 1 - self.beta_2**t, 1 / t),)

    def rule(self, g: Tensor, p: Tensor, lr: Tensor, t: Tensor, z: Tensor, v: Tensor) -> Updated:
        lr, gain, bias, weight = lr
        v = v + (jnp.square(g) - v) * gain
        x = (p - (1 - self.beta_1) * z) / self.beta_1
        z = z - lr * g / (jnp.sqrt(v / bias) + self.epsilon)
        x = x + weight * (z - x)
        return self.beta_1 * x + (1 - self.beta_1) * z, z, v


def _rms(x: Tensor) -> Tensor:
    return jnp.sqrt(jnp.mean(jnp.square(x)))
