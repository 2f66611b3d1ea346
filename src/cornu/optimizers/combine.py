"""Optimizers made of other optimizers.

    LossScaleOptimizer     loss * scale -> gradients / scale -> inner optimizer
                           all finite: the scale doubles every `dynamic_growth_steps` steps
                           inf or NaN: the step is skipped and the scale is halved

    MultiOptimizer         one optimizer per group of weights

Both list the variables of their inner optimizers after their own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import jax.numpy as jnp

from cornu import patterns
from cornu.core.frame import purify
from cornu.core.objects.configurable import Configurable
from cornu.core.objects.serialize import deserialize_keras_object, serialize_keras_object
from cornu.core.objects.tracking import unique
from cornu.core.programs.lift import read, write
from cornu.core.variable import Variable
from cornu.errors import explain, type_error, value_error
from cornu.optimizers.arguments import as_gradient, report_missing, signature_of, unknown_to
from cornu.optimizers.optimizer import Optimizer
from cornu.optimizers.step import cond
from cornu.types import Config, ScheduleLike, Tensor

# Defaults of the shared arguments, which LossScaleOptimizer accepts from old configs.
UNSET = {
    "weight_decay": None, "clipnorm": None, "global_clipnorm": None, "clipvalue": None,
    "use_ema": False, "ema_momentum": 0.99, "ema_overwrite_frequency": None,
    "loss_scale_factor": None, "gradient_accumulation_steps": None,
}  # fmt: skip


class LossScaleOptimizer(Optimizer):
    """Dynamic loss scaling for float16 training (Micikevicius et al. 2017).

    The loss is multiplied by the scale and the gradients are divided by it. If gradients overflow,
    the step is skipped and the scale is halved; after `dynamic_growth_steps` finite steps in a row
    it is doubled. All other settings are those of the inner optimizer.

    Args:
        inner_optimizer: optimizer that updates the weights.
        initial_scale: initial loss scale.
        dynamic_growth_steps: number of consecutive finite steps after which the scale is doubled.
        name: name of the optimizer; see `Optimizer`.
        **kwargs: other settings, which are rejected with a hint to the inner optimizer.

    Example:

        >>> from cornu.optimizers.gradient import SGD
        >>> optimizer = LossScaleOptimizer(SGD(0.1), initial_scale=1024.0)
        >>> optimizer.build([Variable([1.0])])
        >>> float(optimizer.scale_loss(2.0))
        2048.0
    """

    _wraps_others = True

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ):
        if not kwargs.pop("dynamic", True):
            raise value_error(
                "LossScaleOptimizer has a dynamic scale, got dynamic=False.",
                fix="dynamic=True\nor a constant scale, without a LossScaleOptimizer: "
                "Adam(loss_scale_factor=1024.0)",
            )
        # Files of older versions hold the defaults of the inner optimizer's settings.
        kwargs = {k: v for k, v in kwargs.items() if not (k in UNSET and v == UNSET[k])}
        for given, value in kwargs.items():
            if given in UNSET or given == "learning_rate":
                raise value_error(
                    f"LossScaleOptimizer takes no argument {given!r}, which belongs to the inner "
                    "optimizer.",
                    fix=f"LossScaleOptimizer(keras.optimizers.Adam({given}={value!r}))",
                )
        if kwargs:
            raise ValueError(unknown_to(type(self), kwargs))
        if not isinstance(inner_optimizer, Optimizer):
            raise type_error(
                f"inner_optimizer must be an optimizer, got {type(inner_optimizer).__name__}.",
                fix="LossScaleOptimizer(keras.optimizers.Adam(0.001))",
            )
        super().__init__(0.0, name=name)
        inner_optimizer.loss_scale_factor = None  # its loss is scaled already
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps

    __signature__ = signature_of(__init__)  # it rejects the shared arguments

    def _create_variables(self, variables: list[Variable]) -> None:
        self.step_counter = self.add_variable((), dtype="int32", name="step_counter")
        self.dynamic_scale = self._add_scalar("dynamic_scale", self.initial_scale, "float32")
        self.inner_optimizer.build(variables)
        super()._create_variables(variables)

    def _adopt(self, variables: Sequence[Variable]) -> None:
        self.inner_optimizer._adopt(variables)
        self._append(self._unknown(variables))

    @property
    def variables(self) -> list[Variable]:
        """Its own variables, then those of the inner optimizer."""
        return [*super().variables, *self.inner_optimizer.variables]

    def _untrained_count(self) -> int:
        return super()._untrained_count() + self.inner_optimizer._untrained_count()

    def _weights_and_averages(self) -> list[tuple[Any, Variable]]:
        return self.inner_optimizer._weights_and_averages()

    @property
    def iterations(self) -> Tensor:
        """The number of updates so far, without skipped steps."""
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self) -> Tensor:
        """The learning rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: ScheduleLike) -> None:
        self.inner_optimizer.learning_rate = learning_rate

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss times the current scale."""
        scale = read([self.dynamic_scale])[0] if self.built else self.initial_scale
        return self.inner_optimizer.scale_loss(loss) * scale

    def check_finite(self, grads: Sequence[Tensor]) -> Tensor:
        """Whether all gradients are finite; a boolean scalar."""
        checks = [jnp.all(jnp.isfinite(g)) for g in grads if g is not None]
        return jnp.all(jnp.stack(checks)) if checks else jnp.asarray(True)

    def apply(
        self, grads: Iterable[Tensor | None], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Unscale the gradients and apply them with the inner optimizer if they are finite."""
        grads = list(grads)
        if not grads:
            return
        variables = self._variables_for(grads, trainable_variables)
        if not self.built:
            self.build(variables)
        grads = [
            None if g is None else as_gradient(g, v) for g, v in zip(grads, variables, strict=True)
        ]
        scale = read([self.dynamic_scale])[0]

        def update() -> None:
            unscaled = [
                # Such a gradient is a new value, as for the scales of float8 layers.
                g if g is None or v.overwrite_with_gradient else g / scale.astype(g.dtype)
                for g, v in zip(grads, variables, strict=True)
            ]
            self.inner_optimizer.apply(unscaled, variables)
            seen = read([self.step_counter])[0] + 1
            grow = seen >= self.dynamic_growth_steps
            self.step_counter.assign(jnp.where(grow, 0, seen))
            self.dynamic_scale.assign(jnp.where(grow, scale * 2.0, scale))

        def skip() -> None:
            self.step_counter.assign(0)
            self.dynamic_scale.assign(scale / 2.0)

        carried = [*variables, *self.variables]
        pure_update, pure_skip = purify(update, carried), purify(skip, carried)
        values = cond(
            self.check_finite(grads),
            lambda values: pure_update(values)[1],
            lambda values: pure_skip(values)[1],
            read(carried),
        )
        write(carried, values)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Replace the weights by the moving averages of the inner optimizer."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def exclude_from_weight_decay(
        self, var_list: Sequence[Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """See `Optimizer.exclude_from_weight_decay`; passed to the inner optimizer."""
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            "name": self.name,
            "inner_optimizer": serialize_keras_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> Any:
        """Create an optimizer from what `get_config` returned."""
        inner = deserialize_keras_object(config["inner_optimizer"], custom_objects=custom_objects)
        return cls(**{**config, "inner_optimizer": inner})


def _reject_wrapper(optimizer: Optimizer, what: str) -> None:
    """Reject nested wrappers of optimizers, which would not know the loss scale."""
    if optimizer._wraps_others:
        kind = type(optimizer).__name__
        raise value_error(
            f"The optimizer of {what} is a {kind}, which cannot be inside a MultiOptimizer.",
            fix="keras.optimizers.SGD(0.1), and one wrapper around the MultiOptimizer:\n"
            "optimizer = keras.optimizers.LossScaleOptimizer(optimizer)",
        )


class OptimizerMap(Configurable, MutableMapping):
    """Optimizers by weight path.

    A key equal to the path takes precedence; otherwise keys are regular expressions that must match
    the whole path. Weights that match no key get the default optimizer.

    Args:
        default_optimizer: optimizer of the weights that match no key.
        optimizer_map: dict from path or pattern to optimizer.

    Example:

        >>> from cornu.optimizers.gradient import SGD
        >>> optimizers = OptimizerMap(SGD(0.1, name="fast"), {"encoder/.*": SGD(0.01, name="slow")})
        >>> optimizers["encoder/dense/kernel"].name, optimizers["head/kernel"].name
        ('slow', 'fast')
    """

    def __init__(
        self, default_optimizer: Optimizer, optimizer_map: Mapping[str, Optimizer] | None = None
    ):
        if not isinstance(default_optimizer, Optimizer):
            raise type_error(
                f"default_optimizer must be an optimizer, got {type(default_optimizer).__name__}.",
                fix="default_optimizer=keras.optimizers.Adam()",
            )
        self._default_optimizer = default_optimizer
        self._optimizer_map: dict[str, Optimizer] = {}
        for key, optimizer in dict(optimizer_map or {}).items():
            self[key] = optimizer

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer of the weights that match no key."""
        return self._default_optimizer

    def __call__(self, variable: Variable) -> Optimizer:
        return self[variable.path]

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        found = [pattern for pattern in self._optimizer_map if patterns.fits(pattern, key)]
        if len(found) > 1:
            raise value_error(
                f"Several patterns match '{key}'.",
                patterns=", ".join(repr(pattern) for pattern in found),
                fix="make the patterns mutually exclusive, or add the path itself as a key.",
            )
        return self._optimizer_map[found[0]] if found else self._default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise value_error(f"A key must be a path or a pattern, got {key!r}.")
        if key in self._optimizer_map:
            raise value_error(
                f"{key!r} has an optimizer already.", fix=f"del optimizer_map[{key!r}]"
            )
        if not isinstance(optimizer, Optimizer):
            raise value_error(
                f"The value for {key!r} must be an optimizer, got {type(optimizer).__name__}.",
                fix=f"optimizer_map[{key!r}] = keras.optimizers.SGD(0.01)",
            )
        _reject_wrapper(optimizer, repr(key))
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __contains__(self, key: object) -> bool:
        return key in self._optimizer_map

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizer_map)

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            "default_optimizer": serialize_keras_object(self._default_optimizer),
            "optimizer_map": serialize_keras_object(self._optimizer_map),
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> Any:
        """Create a map from what `get_config` returned."""
        return cls(**deserialize_keras_object(dict(config), custom_objects=custom_objects))


class MultiOptimizer(Optimizer):
    """Different optimizers for different weights.

    Args:
        optimizer_map: `OptimizerMap`, function from a weight to its optimizer, or one optimizer
            for all weights.
        loss_scale_factor: loss scale of all optimizers; see `Optimizer`.
        name: name of the optimizer; see `Optimizer`.

    Example:

        >>> from cornu.optimizers.gradient import SGD
        >>> optimizer = MultiOptimizer(OptimizerMap(SGD(0.1), {".*/bias": SGD(0.2)}))
        >>> [float(one.learning_rate.numpy()) > 0.15 for one in optimizer.optimizers]
        [True, False]
    """

    _wraps_others = True

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Any], Optimizer] | Optimizer,
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ):
        if isinstance(optimizer_map, Optimizer):
            optimizer_map = OptimizerMap(optimizer_map)
        if not callable(optimizer_map):
            raise type_error(
                "optimizer_map must be an OptimizerMap or a function, got "
                f"{type(optimizer_map).__name__}.",
                fix="optimizer_map=keras.optimizers.OptimizerMap(keras.optimizers.Adam())",
            )
        self.optimizer_map = optimizer_map
        self._members: list[Optimizer] = []
        if isinstance(optimizer_map, OptimizerMap):
            listed = [optimizer_map[key] for key in optimizer_map]
            self._members = unique([*listed, optimizer_map.default_optimizer])
        self._choice: list[int] = []  # index of the optimizer, per weight
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)

    def _create_variables(self, variables: list[Variable]) -> None:
        chosen = [self.optimizer_map(v) for v in variables]
        for optimizer, variable in zip(chosen, variables, strict=True):
            if not isinstance(optimizer, Optimizer):
                raise type_error(
                    f"optimizer_map returned no optimizer for weight '{variable.path}'.",
                    received=type(optimizer).__name__,
                    fix="return an optimizer for every weight.",
                )
            _reject_wrapper(optimizer, f"weight '{variable.path}'")
        self._members = unique([*self._members, *chosen])
        index = {id(optimizer): i for i, optimizer in enumerate(self._members)}
        self._choice = [index[id(optimizer)] for optimizer in chosen]
        for i, optimizer in enumerate(self._members):
            optimizer.loss_scale_factor = self.loss_scale_factor
            optimizer.build([v for v, c in zip(variables, self._choice, strict=True) if c == i])
        super()._create_variables(variables)

    def _adopt(self, variables: Sequence[Variable]) -> None:
        new = self._unknown(variables)
        for variable in new:
            optimizer = self.optimizer_map(variable)
            self._choice.append(next(i for i, o in enumerate(self._members) if o is optimizer))
            optimizer._adopt([variable])
        self._append(new)

    @property
    def optimizers(self) -> list[Optimizer]:
        """The inner optimizers: those of the map in order, then the default."""
        return list(self._members)

    @property
    def variables(self) -> list[Variable]:
        """Its own variables, then those of each inner optimizer."""
        return [*super().variables, *(v for one in self._members for v in one.variables)]

    def _untrained_count(self) -> int:
        inside = sum(one._untrained_count() for one in self._members)
        return super()._untrained_count() + inside

    @property
    def learning_rate(self) -> Tensor:
        """Not available: each inner optimizer has its own."""
        raise AttributeError(_no_single_rate())

    @learning_rate.setter
    def learning_rate(self, learning_rate: ScheduleLike) -> None:
        raise AttributeError(_no_single_rate())

    @property
    def loss_scale_factor(self) -> float | None:
        """The loss scale, which is the same for all inner optimizers."""
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, factor: float | None) -> None:
        self._loss_scale_factor = factor
        for one in self._members:
            one.loss_scale_factor = factor

    def apply(
        self, grads: Iterable[Tensor | None], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Update each weight with its optimizer; see `Optimizer.apply`."""
        grads = list(grads)
        if not grads:
            return
        variables = self._variables_for(grads, trainable_variables)
        if not self.built:
            self.build(variables)
        if any(g is None for g in grads):
            report_missing(variables, grads)
        groups: dict[int, list[tuple[Any, Any]]] = {}
        for g, v in zip(grads, variables, strict=True):
            if g is not None:
                groups.setdefault(self._choice[self._get_variable_index(v)], []).append((g, v))
        for i, pairs in groups.items():
            self._members[i].apply([g for g, _ in pairs], [v for _, v in pairs])
        self._iterations.assign_add(1)

    def _weights_and_averages(self) -> list[tuple[Any, Variable]]:
        return [pair for one in self._members for pair in one._weights_and_averages()]

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Replace weights by their moving averages where their optimizer keeps these."""
        for v in var_list:
            self._members[self._choice[self._get_variable_index(v)]].finalize_variable_values([v])

    def exclude_from_weight_decay(
        self, var_list: Sequence[Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """See `Optimizer.exclude_from_weight_decay`; passed to all inner optimizers."""
        for one in self._members:
            one.exclude_from_weight_decay(var_list, var_names)

    def get_config(self) -> Config:
        """The constructor's arguments."""
        return {
            "optimizer_map": serialize_keras_object(self.optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> Any:
        """Create an optimizer from what `get_config` returned."""
        choice = deserialize_keras_object(config["optimizer_map"], custom_objects=custom_objects)
        return cls(**{**config, "optimizer_map": choice})


def _no_single_rate() -> str:
    return explain(
        "A MultiOptimizer has no learning rate of its own.",
        fix="for one in optimizer.optimizers: one.learning_rate = 0.01",
    )
