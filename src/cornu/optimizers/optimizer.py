"""`Optimizer`: its settings, its slots, and the application of gradients.

A built-in optimizer is a pure update rule for one weight:

    class Momentum(Optimizer):
        slots = {"velocity": 0.0}                    # name and initial value of each slot

        def rule(self, g, p, lr, t, velocity):
            velocity = 0.9 * velocity - lr * g
            return p + velocity, velocity            # the new weight, then the new slots

The base class creates the variables and does the rest of the step (see `step.py`).

    apply(grads)                       read variables -> step -> assign, traced or not
    stateless_apply(state, grads, p)   `apply` as a pure function, in a frame of the given values

`variables.py` lists the variables and their order; `rule.py` makes the update of all weights from a
rule or from a user's `update_step`.
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from cornu import names, patterns, settings
from cornu.arguments import optional_int
from cornu.context import using
from cornu.core.frame import Frame, is_tracing
from cornu.core.objects.attributes import Attributes
from cornu.core.objects.configurable import Configurable, config_names, plain
from cornu.core.objects.serialize import deserialize_keras_object, serialize_keras_object
from cornu.core.objects.shown import as_call
from cornu.core.programs.lift import read, write
from cornu.core.variable import Variable
from cornu.errors import explain, type_error, value_error, warn
from cornu.optimizers.arguments import (
    as_gradient,
    check_clipping,
    full_signature,
    invalid_rate,
    is_number,
    rate_at,
    report_missing,
    shown,
    unknown_to,
)
from cornu.optimizers.rule import Rule
from cornu.optimizers.step import State, advance, clipped, global_norm
from cornu.types import Config, ScheduleLike, Tensor


class Optimizer(Attributes, Rule, Configurable):
    """Base class of all optimizers; it documents the arguments that they share.

    Args:
        learning_rate: learning rate: a number, a schedule, a scalar Variable, or a function of the
            step or of no arguments.
        weight_decay: decoupled weight decay: `p -= learning_rate * weight_decay * p` before each
            update; None for none.
        clipnorm: maximum norm of the gradient of each weight; larger gradients are scaled down.
        clipvalue: maximum absolute value of the elements of the gradients.
        global_clipnorm: maximum norm of all gradients taken together.
        use_ema: whether to keep an exponential moving average of the weights.
        ema_momentum: decay rate of that average, in [0, 1].
        ema_overwrite_frequency: number of steps after which the weights are replaced by their
            averages; None for the end of training only (`finalize_variable_values`).
        loss_scale_factor: factor that multiplies the loss and divides the gradients, so that small
            gradients do not underflow in float16; None for none.
        gradient_accumulation_steps: number of steps whose mean gradient makes one update; None to
            update at every step.
        name: name of the optimizer and first part of its variables' paths; made from the class name
            if None.

    Example:

        >>> class Sign(Optimizer):
        ...     def rule(self, g, p, lr, t):
        ...         return (p - lr * jnp.sign(g),)
        >>> weight = Variable([1.0, 2.0])
        >>> Sign(0.5).apply([[3.0, -3.0]], [weight])
        >>> weight.numpy().tolist()
        [0.5, 2.5]
    """

    __signature__: ClassVar[inspect.Signature]
    _kinds = ("optimizer",)
    _user_settings = frozenset(
        (
            "learning_rate", "weight_decay", "clipnorm", "clipvalue", "global_clipnorm",
            "ema_momentum", "ema_overwrite_frequency", "loss_scale_factor",
            "gradient_accumulation_steps", "momentum", "epsilon", "nesterov", "amsgrad",
        )
    )  # fmt: skip
    _older_names: ClassVar = {"lr": "learning_rate"}
    _made_anew: ClassVar = {"_compiled": lambda _: None, "_indices": lambda _: None}

    _wraps_others = False  # whether it delegates to other optimizers
    _compiled: Any = None  # (settings, program, weights) of the last eager step

    def __init__(
        self,
        learning_rate: ScheduleLike,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        if kwargs.keys() - {"decay"}:
            raise ValueError(unknown_to(type(self), kwargs))
        if kwargs.get("decay") is not None:
            warn(
                "The argument `decay` has no effect; use a schedule, such as "
                "learning_rate=InverseTimeDecay(...), or weight_decay=..."
            )
        check_clipping(clipnorm=clipnorm, clipvalue=clipvalue, global_clipnorm=global_clipnorm)
        if use_ema and not 0 <= ema_momentum <= 1:
            raise value_error(f"ema_momentum must be in [0, 1], got {ema_momentum!r}.")
        if use_ema:
            optional_int(ema_overwrite_frequency or None, "ema_overwrite_frequency")
        optional_int(gradient_accumulation_steps or None, "gradient_accumulation_steps", least=2)
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise value_error(f"name must be a string without '/', got {name!r}.")
        self.name = name or names.auto_name(self)
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self._excluded_from_decay: tuple[list[Any], list[str]] = ([], [])
        self._start_variables()
        self._learning_rate: Any = None
        self._set_rate(learning_rate)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls) and "__signature__" not in vars(cls):
            cls.__signature__ = full_signature(cls)

    def __repr__(self) -> str:
        return as_call(self, always=("learning_rate",), learning_rate=self._learning_rate)

    # ---- variables ----------------------------------------------------------------------------

    @property
    def iterations(self) -> Tensor:
        """The number of updates of the weights so far."""
        if self.gradient_accumulation_steps:
            return self._iterations.value // self.gradient_accumulation_steps
        return self._iterations

    # ---- the learning rate --------------------------------------------------------------------

    @property
    def learning_rate(self) -> Tensor:
        """The current learning rate: a Variable, or the value of the schedule at this step."""
        rate = self._learning_rate
        return rate if isinstance(rate, Variable) else self._get_current_learning_rate()

    @learning_rate.setter
    def learning_rate(self, learning_rate: ScheduleLike) -> None:
        self._set_rate(learning_rate)

    def _set_rate(self, rate: ScheduleLike) -> None:
        before = self._learning_rate
        if isinstance(rate, Variable) or callable(rate):
            if isinstance(before, Variable):
                self._variables = [v for v in self._variables if v is not before]
            if isinstance(rate, Variable):
                self._variables.insert(1, rate)
            self._learning_rate = rate
            return
        if not is_number(rate):
            raise ValueError(invalid_rate(rate))
        if isinstance(rate, (int, float, np.number)) and rate < 0:
            warn(
                explain(
                    f"The learning rate {rate} is negative, so each step increases the loss.",
                    fix=f"learning_rate={-rate}",
                )
            )
        if before is None:
            self._learning_rate = self._add_scalar("learning_rate", float(rate))
        elif isinstance(before, Variable):
            before.assign(rate)
        else:
            raise type_error(
                f"The learning rate follows {shown(before)} and cannot be set to a number.",
                fix=f"create the optimizer with a number: {type(self).__name__}(0.001)\n"
                "or assign another schedule.",
            )

    def _get_current_learning_rate(self) -> Tensor:
        """The learning rate of the next step, a float32 scalar."""
        rate = self._learning_rate
        value = rate_at(rate, read([self._iterations])[0]) if callable(rate) else read([rate])[0]
        return jnp.asarray(value, jnp.float32)

    # ---- a step -------------------------------------------------------------------------------

    def apply(
        self, grads: Iterable[Tensor | None], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Update the weights with their gradients.

        Args:
            grads: one gradient per weight; weights with None are not updated.
            trainable_variables: weights; those given to `build` if None.

        Raises:
            ValueError: the numbers differ, a weight is unknown, or all gradients are None.
        """
        grads = list(grads)
        if not grads:
            return
        variables = self._variables_for(grads, trainable_variables)
        if not self.built:
            self.build(variables)
        indices = [self._get_variable_index(v) for v in variables]
        present = [i for i, g in enumerate(grads) if g is not None]
        if len(present) < len(grads):
            report_missing(variables, grads)
        grads, variables = [grads[i] for i in present], [variables[i] for i in present]
        indices = [indices[i] for i in present]
        grads = [as_gradient(g, v) for g, v in zip(grads, variables, strict=True)]
        with using(autocast=None):
            self._step(grads, variables, indices)

    def _step(self, grads: list[Tensor], variables: list[Variable], indices: list[int]) -> None:
        """Read the state, compute the step, write the new state."""
        averages = [self._averages[i] for i in indices] if self._averages else []
        accumulators = (
            [self._accumulated_gradients[i] for i in indices] if self._accumulated_gradients else []
        )
        rest, update = self._rest_and_update(variables, indices)
        lists = [variables, [self._iterations], averages, accumulators, rest]
        params, (iteration,), *others = [read(some) for some in lists]
        state = State(params, iteration, *others)
        step: Callable[..., State] = functools.partial(advance, self, variables, update)
        if self._is_pure() and not is_tracing():
            step = self._program(step, variables)
        after = step(state, grads, self._get_current_learning_rate())
        for some, values in zip(lists, after._replace(iteration=[after.iteration]), strict=True):
            write(some, values)

    def _program(self, step: Callable[..., Any], variables: list[Variable]) -> Callable[..., Any]:
        """The compiled step; compiled again when a setting or the list of weights changes."""
        key = (
            [(k, v) for k, v in vars(self).items() if isinstance(v, (int, float, str, type(None)))],
            [(id(v), id(v.constraint), self._decay_of(v)) for v in variables],
            settings.key(),
        )
        if self._compiled is None or self._compiled[0] != key:
            self._compiled = (
                key,
                jax.jit(step),
                variables,
            )  # keeps the variables, and so their ids, alive
        return self._compiled[1]

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]]) -> Tensor:
        """Update weights with pairs `(gradient, weight)`.

        Returns:
            The variable of `iterations`.
        """
        pairs = list(grads_and_vars)
        if not pairs:
            raise value_error(
                "apply_gradients needs at least one pair (gradient, variable).",
                fix="optimizer.apply_gradients(zip(gradients, model.trainable_variables))",
            )
        grads, variables = zip(*pairs, strict=True)
        self.apply(grads, variables)
        return self._iterations

    def stateless_apply(
        self,
        optimizer_variables: Sequence[Tensor],
        grads: Iterable[Tensor | None],
        trainable_variables: Sequence[Tensor],
    ) -> tuple[list[Any], list[Any]]:
        """`apply` as a pure function, for `jax.jit` and custom training loops.

        Args:
            optimizer_variables: values of `optimizer.variables`, in order.
            grads: one gradient per weight.
            trainable_variables: values of the weights given to `build`, in order.

        Returns:
            `(new values of the weights, new values of the optimizer's variables)`.

        Raises:
            ValueError: the optimizer is not built, or the numbers differ.
        """
        if not self.built:
            raise value_error(
                f"{type(self).__name__} '{self.name}' is not built.",
                fix="optimizer.build(model.trainable_variables)",
            )
        mine, weights = self.variables, self._trainable_variables
        counts = (
            ("optimizer_variables", len(mine), len(optimizer_variables)),
            ("trainable_variables", len(weights), len(trainable_variables)),
        )
        for name, expected, received in counts:
            if expected != received:
                raise value_error(
                    f"{name} must hold {expected} values, one per variable, got {received}.",
                    fix="after weights were frozen or added, build a new optimizer: "
                    "optimizer.build(model.trainable_variables)",
                )
        with Frame([*weights, *mine], [*trainable_variables, *optimizer_variables]) as frame:
            self.apply(grads)
        return frame.values_of(weights), frame.values_of(mine)

    def _variables_for(
        self, grads: list[Tensor], variables: Sequence[Variable] | None
    ) -> list[Any]:
        if variables is None and not self.built:
            raise value_error(
                f"{type(self).__name__} '{self.name}' has no weights to update.",
                fix="optimizer.apply(grads, model.trainable_variables)",
            )
        variables = self._trainable_variables if variables is None else list(variables)
        if len(grads) != len(variables):
            raise value_error(
                f"{type(self).__name__} '{self.name}' needs one gradient per weight: "
                f"{len(variables)}, got {len(grads)}.",
                fix="optimizer.apply(grads, model.trainable_variables)",
            )
        return variables

    def _clip_gradients(self, grads: list[Tensor]) -> list[Tensor]:
        """Clip the gradients: each norm, the global norm, or each value.

        Subclasses of Keras optimizers override this method.
        """
        if self.clipnorm:
            return [clipped(g, global_norm([g]), self.clipnorm) for g in grads]
        if self.global_clipnorm:
            norm = global_norm(grads)
            return [clipped(g, norm, self.global_clipnorm) for g in grads]
        if self.clipvalue:
            return [jnp.clip(g, -self.clipvalue, self.clipvalue) for g in grads]
        return grads

    # ---- for the training loop ----------------------------------------------------------------

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss times `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Replace the weights by their moving averages, at the end of training."""
        if self.use_ema:
            averages = [self._averages[self._get_variable_index(v)] for v in var_list]
            write(var_list, read(averages))

    def exclude_from_weight_decay(
        self, var_list: Sequence[Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Exclude weights from weight decay, typically biases and normalization weights.

        Args:
            var_list: weights to exclude.
            var_names: regular expressions, searched in the names of the weights.
        """
        names = [var_names] if isinstance(var_names, str) else list(var_names or ())
        self._excluded_from_decay = (list(var_list or ()), names)
        self._compiled = None

    def _decay_of(self, variable: Variable) -> float | None:
        """The weight decay of a weight; None or 0 for none."""
        return None if self._is_excluded(variable) else self.weight_decay

    def _is_excluded(self, variable: Variable) -> bool:
        excluded, names = self._excluded_from_decay
        return any(v is variable for v in excluded) or any(
            patterns.found(name, variable.name) for name in names
        )

    def assign(self, variable: Variable, value: Tensor) -> None:
        """Assign to a variable; for use in `update_step`."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Tensor) -> None:
        """Add to a variable; for use in `update_step`."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Tensor) -> None:
        """Subtract from a variable; for use in `update_step`."""
        variable.assign_sub(value)

    # ---- saving -------------------------------------------------------------------------------

    def get_config(self) -> Config:
        """The constructor's arguments, with the current learning rate in float32."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            rate = float(rate.numpy())
        else:
            rate = serialize_keras_object(rate)
        config = {"name": self.name, "learning_rate": rate}
        config |= {name: getattr(self, name) for name in _CONFIG_ORDER}
        own = (name for name in config_names(type(self)) if name not in config)  # type: ignore[arg-type]
        return config | {name: plain(self._config_value(name)) for name in own}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> Any:
        """Create an optimizer from what `get_config` returned."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = deserialize_keras_object(
                config["learning_rate"], custom_objects=custom_objects
            )
        return cls(**config)


# The order in which files have the shared arguments.
_CONFIG_ORDER = (
    "weight_decay",
    "clipnorm",
    "global_clipnorm",
    "clipvalue",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "loss_scale_factor",
    "gradient_accumulation_steps",
)
