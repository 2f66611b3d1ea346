"""`Metric`: a value accumulated over batches.

    reset_state() -> update_state(batch), update_state(batch), ... -> result()

The state is a few Variables. The `stateless_` methods do the same as pure functions of the values
of these variables, for compiled code: `core.frame.purify` makes them from the plain methods.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu import dtype_policies, initializers, names, settings
from cornu.context import name_scope
from cornu.core.frame import purify
from cornu.core.objects.configurable import Configurable
from cornu.core.objects.serialize import serialize_keras_object
from cornu.core.objects.tracking import owned_by, unique
from cornu.core.variable import Variable
from cornu.errors import explain, value_error, without_super
from cornu.types import Config, DTypeLike, InitializerLike, Tensor


class Metric(Configurable):
    """Base class of all metrics. Subclasses define `__init__`, `update_state` and `result`.

    Every metric takes `name` and `dtype`, which are described here only.

    Args:
        dtype: dtype, or dtype policy, of the state and the result; `floatx` if None.
        name: name of the metric in logs and in the history; made from the class name if None.

    Example:

        >>> class Largest(Metric):
        ...     def __init__(self, name="largest", dtype=None):
        ...         super().__init__(name=name, dtype=dtype)
        ...         self.seen = self.add_variable((), "zeros", name="seen")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.seen.assign(jnp.maximum(self.seen.value, jnp.max(y_pred)))
        ...     def result(self):
        ...         return self.seen.value
        >>> metric = Largest()
        >>> metric.update_state(None, jnp.array([1.0, 5.0]))
        >>> metric.update_state(None, jnp.array([3.0]))
        >>> float(metric.result())
        5.0
    """

    # "up" if more of it is better, "down" if less is, None if that depends; for callbacks that look
    # for the best result.
    direction: str | None = None

    def __init__(self, dtype: DTypeLike | None = None, name: str | None = None):
        self.name = name or names.auto_name(self)
        self._dtype_policy = dtype_policies.get(dtype or settings.current.floatx)
        self._variables: list[Variable] = []

    @property
    def dtype(self) -> str:
        """The dtype of the state."""
        return self._dtype_policy.compute_dtype

    @property
    def variables(self) -> list[Variable]:
        """The state variables: the metric's own, then those of nested metrics."""
        nested = [v for metric in owned_by(self, Metric) for v in metric.variables]
        return unique([*owned_by(self, Variable), *nested])

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: InitializerLike,
        dtype: DTypeLike | None = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Create a state variable.

        Args:
            shape: shape of the variable.
            initializer: initializer of the value, which `reset_state` restores.
            dtype: dtype of the variable; the metric's if None.
            aggregation: rule that combines the replicas of several devices.
            name: last part of the variable's path.
        """
        if "_variables" not in vars(self):
            raise RuntimeError(without_super(self))
        with name_scope(self.name):
            variable = Variable(
                initializers.get(initializer),
                shape=tuple(shape),
                dtype=dtype or self.dtype,
                trainable=False,
                autocast=False,
                aggregation=aggregation,
                name=name,
            )
        variable.initial_value = np.asarray(variable._value)  # type: ignore[attr-defined]
        self._variables.append(variable)
        return variable

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: InitializerLike | None = None,
        dtype: DTypeLike | None = None,
        name: str | None = None,
    ) -> Variable:
        """Create a state variable, zeros by default; the older name of `add_variable`."""
        return self.add_variable(shape, initializer or "zeros", dtype=dtype, name=name)

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Accumulate a batch; defined by subclasses."""
        method = "update_state(self, y_true, y_pred, sample_weight=None)"
        raise NotImplementedError(self._unwritten(method))

    def result(self) -> Tensor:
        """The value for all batches since the last reset; defined by subclasses."""
        raise NotImplementedError(self._unwritten("result(self)"))

    def _unwritten(self, method: str) -> str:
        name = type(self).__name__
        return explain(f"{name} must define {method}.", fix=f"def {method}: ...")

    def reset_state(self) -> None:
        """Set the state back to its initial values."""
        for variable in self.variables:
            reset(variable)

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        """Accumulate a batch and return the result so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    # ---- the same as pure functions -----------------------------------------------------------

    def stateless_update_state(
        self, metric_variables: Sequence[Tensor], *args: Any, **kwargs: Any
    ) -> list[Tensor]:
        """`update_state` as a pure function: returns the new values of `variables`.

        Args:
            metric_variables: values of `variables` before the batch, in order.
            *args: arguments of `update_state`.
            **kwargs: keyword arguments of `update_state`.

        Example:

            >>> from cornu.metrics.reduction import Mean
            >>> [float(v) for v in Mean().stateless_update_state([0.0, 0.0], jnp.array([1.0, 3.0]))]
            [4.0, 2.0]
        """
        values = self._checked(metric_variables)
        return purify(self.update_state, self.variables)(values, *args, **kwargs)[1]

    def stateless_result(self, metric_variables: Sequence[Tensor]) -> Tensor:
        """`result` as a pure function of the values of `variables`."""
        return purify(self.result, self.variables)(self._checked(metric_variables))[0]

    def stateless_reset_state(self) -> list[Tensor]:
        """The initial values of `variables`."""
        variables = self.variables
        _, values = purify(self.reset_state, variables)([v.value for v in variables])
        return values

    def _checked(self, values: Tensor) -> list[Tensor]:
        values = list(values)
        variables = self.variables
        if len(values) != len(variables):
            raise value_error(
                f"{type(self).__name__} has {len(variables)} variables, got {len(values)} values.",
                variables=[v.path for v in variables],
                fix="metric_variables=[v.value for v in metric.variables]",
            )
        return [jnp.asarray(x, v.dtype) for x, v in zip(values, variables, strict=True)]

    def get_config(self) -> Config:
        return {**super().get_config(), "dtype": self._dtype_config()}

    def _dtype_config(self) -> Any:
        """The dtype as saved: its name, or the config of a policy that a name does not describe."""
        policy = self._dtype_policy
        plain_name = policy.quantization_mode is None and "mixed" not in policy.name
        return policy.compute_dtype if plain_name else serialize_keras_object(policy)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def reset(variable: Variable) -> None:
    """Set a metric's variable back to its initial value."""
    initial = getattr(variable, "initial_value", None)
    if initial is None:
        initial = np.zeros(variable.shape, variable.dtype)
    variable.assign(jax.device_put(initial))  # a transfer: nothing is compiled for a shape
