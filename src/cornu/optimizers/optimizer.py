"""`Optimizer`: slots, settings and the one way from gradients to new weights.

A built-in optimizer is a pure rule for one weight:

    class Momentum(Optimizer):
        slots = {"velocity": 0.0}                    # one array like the weight, from zeros

        def rule(self, g, p, lr, t, velocity):
            velocity = 0.9 * velocity - lr * g
            return p + velocity, velocity            # the new weight, then the new slots

The base class makes the variables, and does the rest of the step (see `step.py`). A user's class
may instead write Keras's `update_step(gradient, variable, learning_rate)`, which assigns variables;
it runs inside a frame, so that it becomes the same kind of pure function.

    apply(grads)                       values of variables -> step -> assign      any trace, or none
    stateless_apply(state, grads, p)   the same `apply`, in a frame that holds the given values

The variables, in the order in which files have them:

    iteration | learning_rate if it is a number | averages | gradient accumulators
    | for each weight its slots | later slots | common
"""

import functools
import inspect
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu import initializers, names, settings
from cornu.core.configurable import Configurable, config_names, plain
from cornu.core.context import using
from cornu.core.frame import Frame, is_tracing, purify
from cornu.core.lift import read, write
from cornu.core.serialize import deserialize_keras_object, serialize_keras_object
from cornu.core.tracking import owned_by, unique
from cornu.core.variable import Variable
from cornu.errors import did_you_mean, explain
from cornu.optimizers.join import joined
from cornu.optimizers.schedules import LearningRateSchedule
from cornu.optimizers.step import State, advance

NUMBERS = (int, float, np.number, np.ndarray, jax.Array)


class Optimizer(Configurable):
    """Base of all optimizers, and their shared arguments.

    Args:
        learning_rate: a number, a schedule, a function of nothing or of the step, or a scalar
            Variable.
        weight_decay: the share of each weight, in units of the learning rate, that is taken away
            before the update.
        clipnorm: the largest norm that the gradient of one weight keeps.
        clipvalue: the largest absolute value that an element of a gradient keeps.
        global_clipnorm: the largest norm that all gradients together keep.
        use_ema: keep exponential moving averages of the weights.
        ema_momentum: the share of the old average, in [0, 1].
        ema_overwrite_frequency: put the averages into the weights every so many steps; None leaves
            that to the end of training (`finalize_variable_values`).
        loss_scale_factor: the loss is multiplied by it and the gradients are divided by it, which
            keeps small gradients from vanishing in float16.
        gradient_accumulation_steps: update the weights every so many steps, by the mean gradient.
        name: the first part of the variables' paths; from the class if None.

    Example:

        >>> class Sign(Optimizer):
        ...     def rule(self, g, p, lr, t):
        ...         return (p - lr * jnp.sign(g),)
        >>> weight = Variable([1.0, 2.0])
        >>> Sign(0.5).apply([[3.0, -3.0]], [weight])
        >>> weight.numpy().tolist()
        [0.5, 2.5]
    """

    # Arrays that each weight has besides itself: name -> the value they start from.
    slots: Mapping[str, float] = {}
    # More of them, which files have after the slots of all weights, and rules after a weight's own.
    later_slots: Mapping[str, float] = {}
    # Scalars that all weights share: name -> the value they start from.
    common: Mapping[str, float] = {}
    # Whether the rule treats every element alike, so that small weights may be updated as one.
    elementwise = True

    # Attributes that hold variables of others, or variables that `_variables` already lists.
    untracked_attributes = frozenset(
        (
            "_variables", "_trainable_variables", "_iterations", "_learning_rate", "_averages",
            "_accumulators", "_slots", "_common", "_undecayed", "_compiled", "_places",
        )
    )  # fmt: skip
    _compiled: Any = None  # (settings, program, weights) of the last eager step
    _places: dict[int, int] | None = None  # id of a weight -> its place among all

    def __init__(
        self,
        learning_rate: Any,
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
        if kwargs.pop("decay", None) is not None:
            warnings.warn(
                "The argument `decay` does nothing; use a schedule, such as "
                "learning_rate=InverseTimeDecay(...), or weight_decay=...",
                stacklevel=2,
            )
        if kwargs:
            raise ValueError(_unknown_argument(type(self), next(iter(kwargs))))
        clips = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        if sum(value is not None for value in clips.values()) > 1:
            raise ValueError(
                explain(
                    "Gradients are clipped in one way, got several.",
                    received=", ".join(f"{k}={v}" for k, v in clips.items() if v is not None),
                    fix="keep one of clipnorm, clipvalue and global_clipnorm.",
                )
            )
        if use_ema and not 0 <= ema_momentum <= 1:
            raise ValueError(explain(f"ema_momentum lies in [0, 1], got {ema_momentum!r}."))
        if use_ema:
            _check_count(ema_overwrite_frequency, "ema_overwrite_frequency", 1)
        _check_count(gradient_accumulation_steps, "gradient_accumulation_steps", 2)
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(explain(f"name is a string without '/', got {name!r}."))
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
        self.built = False
        self._undecayed: tuple[list[Any], list[str]] = ([], [])
        self._trainable_variables: list[Any] = []
        self._variables: list[Variable] = []
        self._averages: list[Variable] = []
        self._accumulators: list[Variable] = []
        self._slots: list[list[Variable]] = []
        self._common: list[Variable] = []
        self._iterations = self._add_scalar("iteration", 0, "int32")
        self._learning_rate: Any = None
        self._set_rate(learning_rate)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__signature__ = _full_signature(cls)

    # ---- variables ----------------------------------------------------------------------------

    @property
    def variables(self) -> list[Variable]:
        """All variables of the optimizer, in the order in which files have them."""
        return unique([*self._variables, *owned_by(self, Variable)])

    @property
    def averages(self) -> list[Variable]:
        """The running averages of the weights, in the weights' order; empty without `use_ema`."""
        return self._averages

    @property
    def iterations(self) -> Any:
        """How often the weights were updated."""
        if self.gradient_accumulation_steps:
            return self._iterations.value // self.gradient_accumulation_steps
        return self._iterations

    def build(self, variables: Sequence[Any] | None = None, var_list: Any = None) -> None:
        """Make the slots of the weights that will be trained.

        Args:
            variables: the weights.
            var_list: the same, under the name that Keras's built-in optimizers use.
        """
        if self.built:
            return
        variables = list(var_list if variables is None else variables)
        self._trainable_variables = variables
        if self.use_ema:
            self._averages = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulators = self.add_optimizer_variables(variables, "gradient_accumulator")
        self._slots = [self.make_slots(v) for v in variables]
        for name, start in self.later_slots.items():
            for v, row in zip(variables, self._slots, strict=True):
                row.append(self.add_variable_from_reference(v, name, initializers.Constant(start)))
        self._common = [self._add_scalar(name, start) for name, start in self.common.items()]
        self._places = None
        self.built = True

    def make_slots(self, variable: Any) -> list[Variable]:
        """The arrays that the rule keeps for one weight, in the order in which it takes them."""
        return [
            self.add_variable_from_reference(variable, name, initializers.Constant(start))
            for name, start in self.slots.items()
        ]

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Add a variable to the optimizer's state.

        Args:
            shape: its shape.
            initializer: a name, an initializer, or a function `(shape, dtype)`.
            dtype: name of the dtype; `floatx` if None.
            aggregation: see `Variable`.
            layout: how it is laid out over devices.
            name: last part of its path.
        """
        with using(path=self.name):
            variable = Variable(
                initializers.get(initializer),
                shape=tuple(shape),
                dtype=dtype,
                trainable=False,
                autocast=False,
                aggregation=aggregation,
                layout=layout,
                name=name,
            )
        self._variables.append(variable)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Any, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Add a variable of the shape, dtype and layout of a weight; see `add_variable`."""
        path = getattr(reference_variable, "path", None) or reference_variable.name
        layout = getattr(getattr(reference_variable, "_value", None), "sharding", None)
        return self.add_variable(
            reference_variable.shape,
            initializer,
            dtype=reference_variable.dtype,
            layout=layout if layout is not None and len(layout.device_set) > 1 else None,
            name=f"{path.replace('/', '_')}_{name or 'var'}",
        )

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Any], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """One variable like each weight; for a list of names, a tuple of such lists.

        With several names the variables of one weight follow each other in `variables`.
        """
        several = [name] if isinstance(name, str) else list(name)
        starts = [initializer] * len(several)
        if isinstance(initializer, (list, tuple)):
            starts = list(initializer)
        if len(starts) != len(several):
            raise ValueError(
                explain(f"{len(several)} names need as many initializers, got {len(starts)}.")
            )
        made = [
            [
                self.add_variable_from_reference(v, n, s)
                for n, s in zip(several, starts, strict=True)
            ]
            for v in trainable_variables
        ]
        lists = tuple([row[i] for row in made] for i in range(len(several)))
        return lists[0] if isinstance(name, str) else lists

    def _add_scalar(self, name: str, value: Any, dtype: str | None = None) -> Variable:
        return self.add_variable(
            (),
            initializers.Constant(value),
            dtype=dtype or settings.current.floatx,
            aggregation="only_first_replica",
            name=name,
        )

    # ---- the learning rate --------------------------------------------------------------------

    @property
    def learning_rate(self) -> Any:
        """The current learning rate: a Variable, or the schedule's value at this step."""
        rate = self._learning_rate
        return rate if isinstance(rate, Variable) else self._rate()

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self._set_rate(learning_rate)

    def _set_rate(self, rate: Any) -> None:
        before = self._learning_rate
        if isinstance(rate, Variable) or callable(rate):
            if isinstance(before, Variable):
                self._variables = [v for v in self._variables if v is not before]
            if isinstance(rate, Variable):
                self._variables.insert(1, rate)
            self._learning_rate = rate
        elif not isinstance(rate, NUMBERS) or isinstance(rate, bool) or np.ndim(rate) != 0:
            raise ValueError(
                explain(
                    "learning_rate is a number, a schedule or a function, got "
                    f"{type(rate).__name__}.",
                    received=repr(rate)[:80],
                    fix="learning_rate=0.001",
                )
            )
        elif before is None:
            self._learning_rate = self._add_scalar("learning_rate", float(rate))
        elif isinstance(before, Variable):
            before.assign(rate)
        else:
            raise TypeError(
                explain(
                    f"The learning rate follows {_shown(before)}, so it takes no number.",
                    fix="assign another schedule, or make the optimizer with a number.",
                )
            )

    def _rate(self) -> Any:
        """The rate of the step that comes next, a float32 scalar."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return read([rate])[0]
        step = read([self._iterations])[0]
        takes_step = isinstance(rate, LearningRateSchedule) or _takes_argument(rate)
        return jnp.asarray(rate(step) if takes_step else rate(), jnp.float32)

    # ---- the rule -----------------------------------------------------------------------------

    def begin(self, lr: Any, t: Any, *common: Any) -> tuple[Any, ...]:
        """What all weights share in a step, computed once in float32.

        Args:
            lr: the learning rate.
            t: which update this is, counted from 1.
            *common: the values of the variables in `common`.

        Returns:
            What each `rule` gets as `lr` (scalars in any container), then the new common values.
        """
        return (lr, *common)

    def rule(self, g: Any, p: Any, lr: Any, t: Any, *slots: Any) -> tuple[Any, ...]:
        """The update of one weight, written by subclasses: a pure function of arrays.

        Args:
            g: the gradient, in the weight's shape and dtype.
            p: the weight.
            lr: the learning rate, or whatever `begin` made of it.
            t: which update this is, counted from 1; a scalar in the weight's dtype.
            *slots: the weight's arrays, in the order of `slots`.

        Returns:
            The new weight, then the new slots.
        """
        raise NotImplementedError(
            explain(
                f"{type(self).__name__} does not say how it changes a weight.",
                fix="def rule(self, g, p, lr, t, *slots): return (new_p, *new_slots)\n"
                "or def update_step(self, gradient, variable, learning_rate): ...",
            )
        )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change one weight and its slots, by assigning them; subclasses may write their own.

        Args:
            gradient: an array of the weight's shape, clipped and unscaled.
            variable: the weight.
            learning_rate: a float32 scalar.
        """
        slots = self._slots[self._place_of(variable)]
        p, *values = read([variable, *slots])
        t = jnp.asarray(self.iterations, jnp.float32) + 1
        scalars, *_ = self.begin(jnp.asarray(learning_rate), t, *read(self._common))
        scalars, t = jax.tree.map(lambda x: x.astype(p.dtype), (scalars, t))
        write([variable, *slots], self.rule(jnp.asarray(gradient, p.dtype), p, scalars, t, *values))

    def _by_rule(self, counts: list[int]) -> Callable[..., Any]:
        """The step's update by `rule`; `rest` is the slots of all weights, then `common`."""
        ends = np.cumsum([0, *counts])

        def update(
            places: list[int], state: State, params: list[Any], grads: list[Any], rate: Any, t: Any
        ) -> tuple[list[Any], list[Any]]:
            rest = list(state.rest)
            scalars, *rest[ends[-1] :] = self.begin(rate, t, *rest[ends[-1] :])
            slots = [rest[ends[i] : ends[i + 1]] for i in places]
            after = joined(self, grads, params, scalars, t, slots)
            for i, (_, *new) in zip(places, after, strict=True):
                rest[ends[i] : ends[i + 1]] = new
            return [p for p, *_ in after], rest

        return update

    def _by_assigning(self, variables: list[Any], rest: list[Variable]) -> Callable[..., Any]:
        """The step's update by a user's `update_step`, which assigns variables."""

        def update(
            places: list[int], state: State, params: list[Any], grads: list[Any], rate: Any, t: Any
        ) -> tuple[list[Any], list[Any]]:
            chosen = [variables[i] for i in places]

            def steps() -> None:
                for g, v in zip(grads, chosen, strict=True):
                    self.update_step(g, v, rate)

            values = [*params, *state.rest, state.iteration]
            _, after = purify(steps, [*chosen, *rest, self._iterations])(values)
            return after[: len(chosen)], after[len(chosen) : -1]

        return update

    # ---- a step -------------------------------------------------------------------------------

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Update weights by their gradients.

        Args:
            grads: one array a weight, in the weight's shape; None leaves a weight alone.
            trainable_variables: the weights; those given to `build` if None.

        Raises:
            ValueError: the counts differ, a weight is unknown, or no gradient is an array.
        """
        grads = list(grads)
        if not grads:
            return
        variables = self._variables_for(grads, trainable_variables)
        if not self.built:
            self.build(variables)
        places = [self._place_of(v) for v in variables]
        present = [i for i, g in enumerate(grads) if g is not None]
        if len(present) < len(grads):
            _report_missing(variables, grads)
        grads, variables = [grads[i] for i in present], [variables[i] for i in present]
        places = [places[i] for i in present]
        grads = [_as_gradient(g, v) for g, v in zip(grads, variables, strict=True)]
        with using(autocast=None):
            self._step(grads, variables, places)

    def _step(self, grads: list[Any], variables: list[Any], places: list[int]) -> None:
        """Read the state, advance it, write it."""
        averages = [self._averages[i] for i in places] if self._averages else []
        accumulators = [self._accumulators[i] for i in places] if self._accumulators else []
        by_rule = type(self).update_step is Optimizer.update_step
        if by_rule:
            slots = [self._slots[i] for i in places]
            rest = [*(v for row in slots for v in row), *self._common]
            update = self._by_rule([len(row) for row in slots])
        else:
            known = {id(v) for v in (self._iterations, *averages, *accumulators)}
            rest = [v for v in self.variables if id(v) not in known]
            update = self._by_assigning(variables, rest)
        lists = [variables, [self._iterations], averages, accumulators, rest]
        params, (iteration,), *others = [read(some) for some in lists]
        state = State(params, iteration, *others)
        step = functools.partial(advance, self, variables, update)
        if by_rule and not is_tracing():
            step = self._program(step, variables)
        after = step(state, grads, self._rate())
        for some, values in zip(lists, after._replace(iteration=[after.iteration]), strict=True):
            write(some, values)

    def _program(self, step: Callable[..., Any], variables: list[Any]) -> Callable[..., Any]:
        """The step compiled, which is made anew when a setting or the weights change."""
        key = (
            [(k, v) for k, v in vars(self).items() if isinstance(v, (int, float, str, type(None)))],
            [(id(v), id(v.constraint), self.decays(v)) for v in variables],
        )
        if self._compiled is None or self._compiled[0] != key:
            self._compiled = key, jax.jit(step), variables  # the variables keep their ids alive
        return self._compiled[1]

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]]) -> Any:
        """Update weights by pairs `(gradient, weight)`.

        Returns:
            `iterations`.
        """
        pairs = list(grads_and_vars)
        if not pairs:
            raise ValueError(
                explain(
                    "apply_gradients needs at least one pair (gradient, variable), got none.",
                    fix="optimizer.apply_gradients(zip(gradients, model.trainable_variables))",
                )
            )
        grads, variables = zip(*pairs, strict=True)
        self.apply(grads, variables)
        return self._iterations

    def stateless_apply(
        self, optimizer_variables: Sequence[Any], grads: Any, trainable_variables: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        """`apply` as a pure function, for `jax.jit` and custom training loops.

        Args:
            optimizer_variables: values of `optimizer.variables`, in order.
            grads: one array a weight.
            trainable_variables: values of the weights given to `build`, in order.

        Returns:
            `(new values of the weights, new values of the optimizer's variables)`.

        Raises:
            ValueError: the optimizer is not built, or a count differs.
        """
        if not self.built:
            raise ValueError(
                explain(
                    f"{type(self).__name__} '{self.name}' has no slots yet.",
                    fix="optimizer.build(model.trainable_variables)",
                )
            )
        mine, weights = self.variables, self._trainable_variables
        counts = (
            ("optimizer_variables", len(mine), len(optimizer_variables)),
            ("trainable_variables", len(weights), len(trainable_variables)),
        )
        for name, expected, received in counts:
            if expected != received:
                raise ValueError(
                    explain(
                        f"{name} holds one value for each of {expected} variables, got {received}.",
                        fix="optimizer.build(model.trainable_variables) again after weights were "
                        "frozen or added, in a new optimizer.",
                    )
                )
        with Frame([*weights, *mine], [*trainable_variables, *optimizer_variables]) as frame:
            self.apply(grads)
        return frame.values_of(weights), frame.values_of(mine)

    def _variables_for(self, grads: list[Any], variables: Any) -> list[Any]:
        if variables is not None:
            return list(variables)[: len(grads)]
        if not self.built:
            raise ValueError(
                explain(
                    f"{type(self).__name__} '{self.name}' does not know which weights to update.",
                    fix="optimizer.apply(grads, model.trainable_variables)",
                )
            )
        if len(grads) != len(self._trainable_variables):
            raise ValueError(
                explain(
                    f"{type(self).__name__} '{self.name}' needs one gradient a weight: "
                    f"{len(self._trainable_variables)}, got {len(grads)}.",
                )
            )
        return self._trainable_variables

    def _place_of(self, variable: Any) -> int:
        if self._places is None:
            self._places = {id(v): i for i, v in enumerate(self._trainable_variables)}
        place = self._places.get(id(variable))
        if place is None:
            raise ValueError(
                explain(
                    f"{type(self).__name__} '{self.name}' has no slots for variable "
                    f"'{variable.path}'.",
                    fix="build the optimizer on all weights that it trains, or make a new one for "
                    "new weights.",
                )
            )
        return place

    # ---- what the training loop asks ----------------------------------------------------------

    def scale_loss(self, loss: Any) -> Any:
        """The loss times `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """Put the running averages into the weights, at the end of training."""
        if self.use_ema:
            averages = [self._averages[self._place_of(v)] for v in var_list]
            write(var_list, read(averages))

    def exclude_from_weight_decay(
        self, var_list: Sequence[Any] | None = None, var_names: Any = None
    ) -> None:
        """Name weights that do not decay, typically biases and norms.

        Args:
            var_list: weights.
            var_names: regular expressions, searched for in the weights' names.
        """
        patterns = [var_names] if isinstance(var_names, str) else list(var_names or ())
        self._undecayed = (list(var_list or ()), patterns)
        self._compiled = None

    def decays(self, variable: Any) -> bool:
        """Whether `weight_decay` applies to a weight."""
        excluded, patterns = self._undecayed
        if any(v is variable for v in excluded):
            return False
        return not any(re.search(pattern, variable.name) for pattern in patterns)

    def assign(self, variable: Any, value: Any) -> None:
        """Set a variable, for use in `update_step`."""
        variable.assign(value)

    def assign_add(self, variable: Any, value: Any) -> None:
        """Add to a variable, for use in `update_step`."""
        variable.assign_add(value)

    def assign_sub(self, variable: Any, value: Any) -> None:
        """Subtract from a variable, for use in `update_step`."""
        variable.assign_sub(value)

    # ---- saving -------------------------------------------------------------------------------

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Assign arrays to all variables, in order.

        Raises:
            ValueError: the count or a shape differs.
        """
        mine = self.variables
        if len(weights) != len(mine):
            raise ValueError(
                explain(
                    f"{type(self).__name__} '{self.name}' has {len(mine)} variables, got "
                    f"{len(weights)} arrays.",
                    fix=None if self.built else "optimizer.build(model.trainable_variables)",
                )
            )
        for variable, value in zip(mine, weights, strict=True):
            variable.assign(value)

    def save_own_variables(self, store: Any) -> None:
        """Put all variables into a mapping, by position."""
        for position, variable in enumerate(self.variables):
            store[str(position)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Assign all variables from a mapping, by position.

        What was saved before any training has no slots; ours then stay as they are. Any other
        difference in number is reported by a warning, and nothing is loaded.
        """
        mine = self.variables
        count = len(store.keys())
        untrained = 1 + isinstance(self._learning_rate, Variable)
        if count not in (len(mine), untrained):
            warnings.warn(
                explain(
                    f"The state of optimizer '{self.name}' is not loaded: it has {len(mine)} "
                    f"variables, the file {count}. Training goes on from a fresh state.",
                    fix="build the optimizer on the weights with which it was saved: freeze the "
                    "same layers, then optimizer.build(model.trainable_variables).",
                ),
                stacklevel=2,
            )
            return
        for position, variable in enumerate(mine[:count]):
            variable.assign(store[str(position)])

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; the learning rate is the current one, in float32."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            rate = float(rate.numpy())
        else:
            rate = serialize_keras_object(rate)
        config = {"name": self.name, "learning_rate": rate}
        config |= {name: getattr(self, name) for name in _CONFIG_ORDER}
        own = (name for name in config_names(type(self)) if name not in config)
        return config | {name: plain(self._config_value(name)) for name in own}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Make an optimizer from what `get_config` returned."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = deserialize_keras_object(
                config["learning_rate"], custom_objects=custom_objects
            )
        return cls(**config)

    def __getstate__(self) -> dict[str, Any]:
        # A copy has weights and a program of its own.
        return {k: v for k, v in vars(self).items() if k not in ("_compiled", "_places")}


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


def _full_signature(cls: type) -> inspect.Signature:
    """A class's own arguments, then those it passes on to `Optimizer`."""
    own = list(inspect.signature(vars(cls)["__init__"]).parameters.values())[1:]
    named = [p for p in own if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if len(own) - len(named) < 1:
        return inspect.Signature(own)
    shared = inspect.signature(Optimizer.__init__).parameters.values()
    known = {p.name for p in named} | {"self"}
    rest = [p for p in shared if p.name not in known]
    first = [p for p in named if p.kind is not p.KEYWORD_ONLY]
    last = [p for p in named if p.kind is p.KEYWORD_ONLY]
    if not any(p.kind is p.VAR_POSITIONAL for p in own):
        rest = [p if p.kind is p.VAR_KEYWORD else p.replace(kind=p.KEYWORD_ONLY) for p in rest]
    return inspect.Signature([*first, *rest[:-1], *last, rest[-1]])


def _unknown_argument(cls: type, name: str) -> str:
    known = [p for p in inspect.signature(cls).parameters if p != "kwargs"]
    if name == "lr":
        return explain(f"{cls.__name__} takes no argument 'lr'.", fix="learning_rate=...")
    return explain(f"{cls.__name__} takes no argument {name!r}.", fix=did_you_mean(name, known))


def _check_count(value: Any, name: str, least: int) -> None:
    if value is None or (isinstance(value, (int, np.integer)) and value >= least):
        return
    raise ValueError(explain(f"{name} is an integer >= {least} or None, got {value!r}."))


def _shown(rate: Any) -> str:
    if isinstance(rate, LearningRateSchedule):
        return f"the schedule {type(rate).__name__}"
    return f"the function {getattr(rate, '__name__', rate)}"


def _takes_argument(function: Callable[..., Any]) -> bool:
    """Whether a function must be given an argument."""
    parameters = inspect.signature(function).parameters.values()
    return any(
        p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        for p in parameters
    )


def _as_gradient(g: Any, variable: Any) -> Any:
    g = g.value if isinstance(g, Variable) else g
    g = g if isinstance(g, jax.Array) else jnp.asarray(g)
    if tuple(g.shape) != tuple(variable.shape):
        raise TypeError(
            explain(
                f"The gradient of variable '{variable.path}' has the wrong shape.",
                expected=tuple(variable.shape),
                received=tuple(g.shape),
            )
        )
    return g


def _report_missing(variables: list[Any], grads: list[Any]) -> None:
    missing = [v.path for v, g in zip(variables, grads, strict=True) if g is None]
    if len(missing) == len(grads):
        raise ValueError(
            explain(
                "No weight has a gradient.",
                fix="let the loss depend on the weights; inside jax.grad, pass their values as the "
                "argument that is differentiated.",
            )
        )
    warnings.warn(
        explain(
            f"{len(missing)} of {len(grads)} weights have no gradient and stay as they are.",
            weights=", ".join(missing),
            fix="let the loss depend on them, or freeze them: layer.trainable = False.",
        ),
        stacklevel=3,
    )
