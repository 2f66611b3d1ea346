"""`Rule`: from the update rule of one weight to the update of all weights.

    rule(g, p, lr, t, *slots)                      pure function: new weight and slots
    update_step(gradient, variable, learning_rate) the form of Keras: assigns variables

A class defines one of the two. `rule` is applied to the arrays of each weight; `update_step` runs
inside a frame, which makes it a pure function too.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu.core.frame import is_tracing, purify
from cornu.core.objects.registry import is_builtin
from cornu.core.programs.lift import read, write
from cornu.core.variable import Variable
from cornu.errors import explain
from cornu.optimizers.step import State, Update
from cornu.optimizers.variables import OptimizerVariables
from cornu.types import DType, Tensor

Updated = tuple[Tensor, ...]  # the new weight, then its new slots


class Rule(OptimizerVariables):
    """The update of a weight and its slots, and of all weights."""

    iterations: Any

    def _begin(self, lr: Tensor, t: Tensor, *common: Tensor) -> tuple[Tensor, ...]:
        """Values that all weights share in a step, computed once in float32.

        Args:
            lr: learning rate.
            t: number of the update, counted from 1.
            *common: values of the variables in `_common_slots`.

        Returns:
            The `lr` argument of `rule` (any structure of scalars), then the new common values.
        """
        return (lr, *common)

    def rule(self, g: Tensor, p: Tensor, lr: Tensor, t: Tensor, *slots: Tensor) -> Updated:
        """The update of one weight as a pure function of arrays; defined by subclasses.

        Weights in half precision are passed in float32, with their gradients and slots.

        Args:
            g: gradient, in the shape and dtype of the weight.
            p: weight.
            lr: learning rate, or what `_begin` returns for it.
            t: number of the update, counted from 1; a scalar in the dtype of the weight.
            *slots: slots of the weight, in the order of `slots`.

        Returns:
            The new weight, then the new slots.
        """
        raise NotImplementedError(
            explain(
                f"{type(self).__name__} must define rule or update_step.",
                fix="def rule(self, g, p, lr, t, *slots): return (new_p, *new_slots)\n"
                "or def update_step(self, gradient, variable, learning_rate): ...",
            )
        )

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Update one weight and its slots by assigning them; subclasses may override it.

        Args:
            gradient: gradient, clipped and divided by the loss scale.
            variable: weight.
            learning_rate: learning rate, a float32 scalar.
        """
        slots = self._slots[self._get_variable_index(variable)]
        p, *values = read([variable, *slots])
        t = jnp.asarray(self.iterations, jnp.float32) + 1
        scalars, *_ = self._begin(jnp.asarray(learning_rate), t, *read(self._common))
        scalars, t = _cast((scalars, t), _at_least_single(p.dtype))
        gradient = jnp.asarray(gradient, p.dtype)
        write([variable, *slots], self._apply_rule(gradient, p, scalars, t, values))

    def _apply_rule(
        self, g: Tensor, p: Tensor, lr: Tensor, t: Tensor, slots: list[Any]
    ) -> Sequence[Any]:
        """`rule`, computed in float32 for weights in half precision, with one rounding at the end.

        In float16 the square of a gradient below 2e-4 is zero, in bfloat16 0.999 is 1.
        """
        if _at_least_single(p.dtype) == p.dtype:
            return self.rule(g, p, lr, t, *slots)
        before = [p, *slots]
        g, p, *slots = (x.astype(_at_least_single(x.dtype)) for x in (g, *before))
        after = self.rule(g, p, lr, t, *slots)
        return [new.astype(old.dtype) for new, old in zip(after, before, strict=True)]

    def _is_pure(self) -> bool:
        """Whether the update is `rule`, rather than a user's `update_step`."""
        return is_builtin(type(self).update_step)

    def _rest_and_update(
        self, variables: list[Variable], indices: list[int]
    ) -> tuple[list[Variable], Update]:
        """The other variables that a step on these weights may change, and the update."""
        if self._is_pure():
            rows = [self._slots[i] for i in indices]
            rest = [*(v for row in rows for v in row), *self._common]
            return rest, self._by_rule([len(row) for row in rows])
        known = {id(v) for v in (self._iterations, *self._averages, *self._accumulated_gradients)}
        rest = [v for v in self.variables if id(v) not in known]
        return rest, self._by_assigning(variables, rest)

    def _by_rule(self, counts: list[int]) -> Update:
        """The update by `rule`; `state.rest` holds all slots, then the common values."""
        ends = np.cumsum([0, *counts])

        def update(
            indices: list[int],
            state: State,
            params: list[Any],
            grads: list[Tensor],
            rate: Tensor,
            t: Tensor,
        ) -> tuple[list[Any], list[Any]]:
            rest = list(state.rest)
            scalars, *rest[ends[-1] :] = self._begin(rate, t, *rest[ends[-1] :])
            dtypes = {_at_least_single(p.dtype) for p in params}
            cast = {dtype: _cast((scalars, t), dtype) for dtype in dtypes}
            after = []

            def apply_rule(
                g: Tensor, p: Tensor, lr: Tensor, t: Tensor, slots: list[Any]
            ) -> list[Any]:
                return list(self._apply_rule(g, p, lr, t, slots))

            if is_tracing():  # traced once per shape, not per weight
                apply_rule = jax.jit(apply_rule)
            # One weight at a time: concatenating 200 small weights into one array is 3 to 5 times
            # slower on a CPU, and 10 times slower to compile.
            for i, g, p in zip(indices, grads, params, strict=True):
                lr, step = cast[_at_least_single(p.dtype)]
                own = slice(ends[i], ends[i + 1])
                p, *rest[own] = apply_rule(g, p, lr, step, rest[own])
                after.append(p)
            return after, rest

        return update

    def _by_assigning(self, variables: list[Variable], rest: list[Variable]) -> Update:
        """The update by a user's `update_step`, which assigns variables."""

        def update(
            indices: list[int],
            state: State,
            params: list[Any],
            grads: list[Tensor],
            rate: Tensor,
            t: Tensor,
        ) -> tuple[list[Any], list[Any]]:
            chosen = [variables[i] for i in indices]

            def steps() -> None:
                for g, v in zip(grads, chosen, strict=True):
                    self.update_step(g, v, rate)
                if self._common:
                    _, *common = self._begin(rate, t, *read(self._common))
                    write(self._common, common)

            values = [*params, *state.rest, state.iteration]
            _, after = purify(steps, [*chosen, *rest, self._iterations])(values)
            return after[: len(chosen)], after[len(chosen) : -1]

        return update


def _at_least_single(dtype: DType) -> Any:
    """float32 for half-precision dtypes; any other dtype unchanged."""
    return jnp.dtype("float32") if dtype in (jnp.float16, jnp.bfloat16) else dtype


def _cast(scalars: Tensor, dtype: DType) -> Any:
    return jax.tree.map(lambda x: jnp.asarray(x, dtype), scalars)
