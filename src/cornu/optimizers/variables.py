"""The variables of an optimizer, with their names and their order in files.

    iteration                              number of steps done
    learning_rate                          if it is a number
    <weight>_average                       for each weight, with `use_ema`
    <weight>_gradient_accumulator          for each weight, with `gradient_accumulation_steps`
    <weight>_<slot>, <weight>_<slot>, ...  all slots of the first weight, of the second, ...
    <weight>_<later slot>                  the first later slot of each weight, the second, ...
    <common>                               scalars that all weights share

`<weight>` is the path of the weight with underscores, so Adam's slots of `dense/kernel` are
`adam/dense_kernel_momentum` and `adam/dense_kernel_velocity`.
"""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

import jax

from cornu import initializers, settings
from cornu.context import using
from cornu.core.objects.tracking import owned_by, unique
from cornu.core.variable import Variable
from cornu.errors import explain, type_error, value_error, warn
from cornu.types import DType, InitializerLike, Tensor


class OptimizerVariables:
    """Creates, lists, saves and loads the variables of an optimizer."""

    # Arrays that the optimizer keeps per weight: name -> initial value.
    slots: Mapping[str, float] = {}
    # More slots, which files hold after the slots of all weights, and rules take after `slots`.
    _later_slots: Mapping[str, float] = {}
    # Slots of an optimizer whose settings decide which it has; None for `slots` of its class.
    _chosen_slots: Mapping[str, float] | None = None
    # Scalars that all weights share: name -> initial value.
    _common_slots: Mapping[str, float] = {}

    # Attributes that hold variables of others, or variables that are in `_variables` already.
    _untracked_attributes = frozenset(
        (
            "_variables", "_trainable_variables", "_iterations", "_learning_rate", "_averages",
            "_accumulated_gradients", "_slots", "_common", "_excluded_from_decay", "_compiled",
            "_indices",
        )
    )  # fmt: skip
    _indices: dict[int, int] | None = None  # id of a weight -> its index

    # Set by the optimizer's constructor.
    name: str
    use_ema: bool
    gradient_accumulation_steps: int | None
    built: bool
    _learning_rate: Any
    _is_pure: Callable[[], bool]

    def _start_variables(self) -> None:
        """Start without weights, with the counter of steps."""
        self.built = False
        self._trainable_variables: list[Any] = []
        self._variables: list[Variable] = []
        self._averages: list[Variable] = []
        self._accumulated_gradients: list[Variable] = []
        self._slots: list[list[Variable]] = []
        self._common: list[Variable] = []
        self._iterations = self._add_scalar("iteration", 0, "int32")

    @property
    def variables(self) -> list[Variable]:
        """All variables of the optimizer, in the order of files."""
        return unique([*self._variables, *owned_by(self, Variable)])

    def _weights_and_averages(self) -> list[tuple[Any, Variable]]:
        """Pairs of a weight and its moving average; empty without `use_ema`."""
        return list(zip(self._trainable_variables, self._averages, strict=False))

    @property
    def _model_variables_moving_average(self) -> list[Variable]:
        # The attribute that callbacks and subclasses of Keras use; empty without `use_ema`.
        return [average for _, average in self._weights_and_averages()]

    def build(
        self,
        variables: Sequence[Variable] | None = None,
        var_list: Sequence[Variable] | None = None,
    ) -> None:
        """Create the slots of the weights to train.

        Args:
            variables: weights to train.
            var_list: the same, under the name of Keras's built-in optimizers.

        Raises:
            TypeError: no weights are given.
        """
        if self.built:
            return
        given = var_list if variables is None else variables
        if given is None:
            raise type_error(
                "build needs the weights to train.",
                fix="optimizer.build(model.trainable_variables)",
            )
        self._create_variables(list(given))
        self._indices = None
        self.built = True

    def _create_variables(self, variables: list[Variable]) -> None:
        """Create the variables for the weights to train; part of `build`."""
        self._trainable_variables = variables
        self._add_slots(variables)
        self._common = [self._add_scalar(name, start) for name, start in self._common_slots.items()]

    def _adopt(self, variables: Sequence[Variable]) -> None:
        """Create slots for weights that were frozen at `build`; the other weights keep theirs.

        Raises:
            ValueError: the class overrides `build`, so its slots are not known.
        """
        new = self._unknown(variables)
        own, base = type(self), OptimizerVariables
        if new and (own.build, own._create_variables) != (base.build, base._create_variables):
            raise value_error(
                f"{type(self).__name__} '{self.name}' has no slots for weight "
                f"'{new[0].path}', which was frozen when training began.",
                fix="compile the model again with a new optimizer.",
            )
        self._append(new)

    def _unknown(self, variables: Sequence[Variable]) -> list[Any]:
        known = {id(v) for v in self._trainable_variables}
        return [v for v in variables if id(v) not in known]

    def _append(self, variables: list[Variable]) -> None:
        if variables:
            self._trainable_variables = [*self._trainable_variables, *variables]
            self._add_slots(variables)
            self._indices = None

    def _add_slots(self, variables: list[Variable]) -> None:
        if self.use_ema:
            self._averages += self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulated_gradients += self.add_optimizer_variables(
                variables, "gradient_accumulator"
            )
        rows = [self._make_slots(v) for v in variables]
        for name, start in self._later_slots.items():
            for v, row in zip(variables, rows, strict=True):
                row.append(self.add_variable_from_reference(v, name, initializers.Constant(start)))
        self._slots += rows

    def _declared_slots(self) -> Mapping[str, float]:
        # A user's class with `update_step` may have an attribute `slots` of another meaning.
        declared = self.slots if self._is_pure() else type(self).slots
        return declared if self._chosen_slots is None else self._chosen_slots

    def _make_slots(self, variable: Variable) -> list[Variable]:
        """Create the slots of one weight, in the order of the arguments of `rule`."""
        return [
            self.add_variable_from_reference(variable, name, initializers.Constant(start))
            for name, start in self._declared_slots().items()
        ]

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: InitializerLike = "zeros",
        dtype: DType | None = None,
        aggregation: str = "none",
        layout: jax.sharding.Sharding | None = None,
        name: str | None = None,
    ) -> Variable:
        """Create a variable of the optimizer.

        Args:
            shape: shape of the variable.
            initializer: initializer of the value.
            dtype: dtype of the variable; `floatx` if None.
            aggregation: rule that combines the replicas of several devices.
            layout: sharding of the variable; None for the default device.
            name: last part of the variable's path.
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
        self,
        reference_variable: Variable,
        name: str | None = None,
        initializer: InitializerLike = "zeros",
    ) -> Variable:
        """Create a variable with the shape, dtype and layout of a weight; see `add_variable`."""
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
        self,
        trainable_variables: Sequence[Variable],
        name: str | Sequence[str],
        initializer: InitializerLike = "zeros",
    ) -> Any:
        """Create one variable per weight; for a list of names, a tuple of lists of variables.

        With several names the variables of one weight follow each other in `variables`.
        """
        several = [name] if isinstance(name, str) else list(name)
        starts = [initializer] * len(several)
        if isinstance(initializer, (list, tuple)):
            starts = list(initializer)
        if len(starts) != len(several):
            raise value_error(
                f"{len(several)} names need {len(several)} initializers, got {len(starts)}."
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

    def _add_scalar(self, name: str, value: Tensor, dtype: str | None = None) -> Variable:
        return self.add_variable(
            (),
            initializers.Constant(value),
            dtype=dtype or settings.current.floatx,
            aggregation="only_first_replica",
            name=name,
        )

    def _get_variable_index(self, variable: Variable) -> int:
        # Keras's method: users' `update_step` calls it for the index of their slots.
        if self._indices is None:
            self._indices = {id(v): i for i, v in enumerate(self._trainable_variables)}
        place = self._indices.get(id(variable))
        if place is None:
            raise value_error(
                f"{type(self).__name__} '{self.name}' has no slots for variable '{variable.path}'.",
                fix="optimizer.build(...) with all weights to train, or a new optimizer for new "
                "weights.",
            )
        return place

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Assign values to all variables, in order.

        Raises:
            ValueError: the number of values or a shape differs.
        """
        mine = self.variables
        if not self.built or len(weights) != len(mine):
            raise value_error(
                f"{type(self).__name__} '{self.name}' has {len(mine)} variables, got "
                f"{len(weights)} arrays.",
                fix=None if self.built else "optimizer.build(model.trainable_variables)",
            )
        for variable, value in zip(mine, weights, strict=True):
            variable.assign(value)

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Store the values of all variables in a mapping, by position."""
        for position, variable in enumerate(self.variables):
            store[str(position)] = variable.numpy()

    def _untrained_count(self) -> int:
        """The number of variables of an optimizer that is not built."""
        return 1 + isinstance(self._learning_rate, Variable)

    def load_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Assign all variables from a mapping, by position.

        The state of an optimizer that was not built has no slots; the slots then keep their values.
        For any other difference in number a warning is given, and nothing is loaded.
        """
        mine = self.variables
        count = len(store.keys())
        if count not in (len(mine), self._untrained_count()):
            warn(
                explain(
                    f"The state of optimizer '{self.name}' is not loaded: it has {len(mine)} "
                    f"variables, the file {count}. Training continues with a new state.",
                    fix="build the optimizer with the weights with which it was saved: freeze the "
                    "same layers, then optimizer.build(model.trainable_variables).",
                )
            )
            return
        for position, variable in enumerate(mine[:count]):
            variable.assign(store[str(position)])
