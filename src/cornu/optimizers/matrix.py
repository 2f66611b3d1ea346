"""Optimizers that look at a weight as a whole, and the one that needs no schedule.

Adafactor            a matrix of mean squares is kept as the product of its row and column means
Muon                 the mean gradient of a matrix, with all its singular values made about 1
ScheduleFreeAdamW    Adam on a fast sequence, gradients taken near the mean of that sequence
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from cornu import patterns
from cornu.core.variable import Variable
from cornu.optimizers.optimizer import Optimizer
from cornu.types import ScheduleLike, Tensor


class Adafactor(Optimizer):
    """Adam's divisor with little memory (Shazeer & Stern 2018).

    For weights of two axes or more the mean square is `rows * columns / mean(rows)`, from its means
    along the last axis and the one before. The step is limited in length and scaled by the size of
    the weight: `p -= lr * max(epsilon_2, rms(p)) * u / max(1, rms(u) / clip_threshold)`, where
    `u = g / sqrt(mean square)`.

    Args:
        learning_rate: see `Optimizer`, as for the shared arguments that follow.
        beta_2_decay: the share of the old mean square at update `t` is `1 - t**beta_2_decay`.
        epsilon_1: added to the squares; keeps the divisor above zero.
        epsilon_2: the smallest size of a weight that scales its step.
        clip_threshold: the largest root mean square of `u`.
        relative_step: kept for configs; the learning rate is at most `1 / sqrt(t)` in any case.

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
        # Files have two empty scalars where a weight has no rows and columns.
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
    ) -> tuple[Tensor, ...]:
        lr, keep = lr
        square = jnp.square(g) + self.epsilon_1
        if p.ndim >= 2:
            rows = keep * rows + (1 - keep) * jnp.mean(square, axis=-1)
            columns = keep * columns + (1 - keep) * jnp.mean(square, axis=-2)
            share = rows / jnp.mean(rows, axis=-1, keepdims=True)
            v = share[..., None] * columns[..., None, :]
        else:
            v = keep * v + (1 - keep) * square
        u = g / jnp.sqrt(v)
        u = u / jnp.maximum(1, _rms(u) / self.clip_threshold)
        return p - lr * jnp.maximum(self.epsilon_2, _rms(p)) * u, rows, columns, v


class Muon(Optimizer):
    """Orthogonal steps for matrices (Jordan 2024, Liu et al. 2025), AdamW for all other weights.

    For a matrix, `m = momentum * m + g`, and the step is `m` with its singular values brought to
    about 1 by a few Newton-Schulz iterations `X <- a X + (b A + c A A) X`, `A = X X^T`. Weights
    that are not matrices, embeddings and excluded layers are updated as by AdamW.

    Args:
        learning_rate: see `Optimizer`, as for the shared arguments that follow.
        adam_beta_1: AdamW's share of the old mean.
        adam_beta_2: AdamW's share of the old mean square.
        adam_weight_decay: weight decay of the weights that AdamW updates.
        epsilon: keeps divisors above zero.
        weight_decay: weight decay of the matrices.
        exclude_layers: regular expressions, searched for in paths of matrices that AdamW updates,
            typically of the output layer.
        exclude_embeddings: leave embeddings to AdamW.
        muon_a: `a` above.
        muon_b: `b` above.
        muon_c: `c` above.
        adam_lr_ratio: AdamW's learning rate in units of `learning_rate`.
        momentum: the share of the old mean of a matrix.
        ns_steps: how many Newton-Schulz iterations.
        nesterov: whether the mean looks one step ahead.
        rms_rate: the root mean square that steps get, about Adam's; None leaves them as they come.

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
        """Whether a weight gets orthogonal steps."""
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

    def rule(
        self, g: Tensor, p: Tensor, lr: Tensor, t: Tensor, m: Tensor, *v: Tensor
    ) -> tuple[Tensor, ...]:
        lr, adam_lr = lr
        if v:
            m = m + (g - m) * (1 - self.adam_beta_1)
            square = v[0] + (jnp.square(g) - v[0]) * (1 - self.adam_beta_2)
            return p - adam_lr * m / (jnp.sqrt(square) + self.epsilon), m, square
        m = self.momentum * m + g
        direction = g + self.momentum * m if self.nesterov else m
        step = self.zeropower_via_newtonschulz5(direction, self.ns_steps)
        return p - lr * self.lr_adjust(step), m

    def lr_adjust(self, x: Tensor) -> Any:
        """An orthogonal step, scaled so that its size does not depend on the shape."""
        rows, columns = x.shape
        return x if self.rms_rate is None else x * (self.rms_rate * max(rows, columns) ** 0.5)

    def transpose_last_axis(self, X: Tensor) -> Any:
        """`(..., a, b) -> (..., b, a)`."""
        return jnp.swapaxes(X, -1, -2)

    def zeropower_via_newtonschulz5(self, x: Tensor, steps: int) -> Any:
        """About `U V^T` for `x = U S V^T`: the matrix with its singular values made about 1.

        Args:
            x: `(rows, columns)`.
            steps: how many iterations of the polynomial.
        """
        tall = x.shape[-2] > x.shape[-1]
        x = self.transpose_last_axis(x) if tall else x  # the smaller product is (rows, rows)
        x = x / (jnp.sqrt(jnp.sum(jnp.square(x), axis=(-2, -1), keepdims=True)) + 1e-7)
        for _ in range(steps):
            a = x @ self.transpose_last_axis(x)
            x = self.muon_a * x + (self.muon_b * a + self.muon_c * (a @ a)) @ x
        return self.transpose_last_axis(x) if tall else x


class ScheduleFreeAdamW(Optimizer):
    """AdamW that needs no decay of the learning rate (Defazio et al. 2024).

    Adam moves a sequence `z`, whose mean `x` is the result. Gradients are taken in between, at the
    weights `y = beta_1 * x + (1 - beta_1) * z`. `x` is not stored; it follows from `y` and `z`.

    Args:
        learning_rate: see `Optimizer`, as for the shared arguments that follow.
        beta_1: how near to `x` the gradients are taken.
        beta_2: the share of the old mean square.
        epsilon: keeps the divisor above zero.
        warmup_steps: the learning rate rises along a line over so many steps.

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

    def rule(
        self, g: Tensor, p: Tensor, lr: Tensor, t: Tensor, z: Tensor, v: Tensor
    ) -> tuple[Tensor, ...]:
        lr, share, bias, weight = lr
        v = v + (jnp.square(g) - v) * share
        x = (p - (1 - self.beta_1) * z) / self.beta_1
        z = z - lr * g / (jnp.sqrt(v / bias) + self.epsilon)
        x = x + weight * (z - x)
        return self.beta_1 * x + (1 - self.beta_1) * z, z, v


def _rms(x: Tensor) -> Any:
    return jnp.sqrt(jnp.mean(jnp.square(x)))
