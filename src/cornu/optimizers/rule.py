"""`Rule`: from what happens to one weight to the update of all of them.

    rule(g, p, lr, t, *slots)                      pure: one weight's arrays in, its new arrays out
    update_step(gradient, variable, learning_rate) Keras's: assigns variables

A class writes one of the two. The first is applied to the arrays of each weight; the second runs
inside a frame, so that it becomes the same kind of pure function.
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


class Rule(OptimizerVariables):
    """What happens to a weight, and to its slots."""

    iterations: Any

    def _begin(self, lr: Tensor, t: Tensor, *common: Tensor) -> tuple[Tensor, ...]:
        """What all weights share in a step, computed once in float32.

        Args:
            lr: the learning rate.
            t: which update this is, counted from 1.
            *common: the values of the variables in `common`.

        Returns:
            What each `rule` gets as `lr` (scalars in any container), then the new common values.
        """
        return (lr, *common)

    def rule(
        self, g: Tensor, p: Tensor, lr: Tensor, t: Tensor, *slots: Tensor
    ) -> tuple[Tensor, ...]:
        """The update of one weight, written by subclasses: a pure function of arrays.

        Args:
            g: the gradient, in the weight's shape and dtype.
            p: the weight; like the gradient and the slots in float32 if it has half precision.
            lr: the learning rate, or whatever `_begin` made of it.
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

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Change one weight and its slots, by assigning them; subclasses may write their own.

        Args:
            gradient: an array of the weight's shape, clipped and unscaled.
            variable: the weight.
            learning_rate: a float32 scalar.
        """
        slots = self._slots[self._get_variable_index(variable)]
        p, *values = read([variable, *slots])
        t = jnp.asarray(self.iterations, jnp.float32) + 1
        scalars, *_ = self._begin(jnp.asarray(learning_rate), t, *read(self._common))
        scalars, t = _cast((scalars, t), _at_least_single(p.dtype))
        gradient = jnp.asarray(gradient, p.dtype)
        write([variable, *slots], self._ruled(gradient, p, scalars, t, values))

    def _ruled(
        self, g: Tensor, p: Tensor, lr: Tensor, t: Tensor, slots: list[Any]
    ) -> Sequence[Any]:
        """The rule, in float32 where a weight has half precision; what comes out is rounded once.

        In float16 the square of a gradient below 2e-4 is zero, in bfloat16 0.999 is 1.
        """
        if _at_least_single(p.dtype) == p.dtype:
            return self.rule(g, p, lr, t, *slots)
        before = [p, *slots]
        g, p, *slots = (x.astype(_at_least_single(x.dtype)) for x in (g, *before))
        after = self.rule(g, p, lr, t, *slots)
        return [new.astype(old.dtype) for new, old in zip(after, before, strict=True)]

    def _is_pure(self) -> bool:
        """Whether the update is a pure function of arrays, and no user's `update_step`."""
        return is_builtin(type(self).update_step)

    def _rest_and_update(
        self, variables: list[Any], places: list[int]
    ) -> tuple[list[Variable], Update]:
        """The other variables that a step on these weights may change, and the update itself."""
        if self._is_pure():
            rows = [self._slots[i] for i in places]
            rest = [*(v for row in rows for v in row), *self._common]
            return rest, self._by_rule([len(row) for row in rows])
        known = {id(v) for v in (self._iterations, *self._averages, *self._accumulated_gradients)}
        rest = [v for v in self.variables if id(v) not in known]
        return rest, self._by_assigning(variables, rest)

    def _by_rule(self, counts: list[int]) -> Update:
        """`rule` for each weight; `rest` is the slots of all weights, then `common`."""
        ends = np.cumsum([0, *counts])

        def update(
            places: list[int],
            state: State,
            params: list[Any],
            grads: list[Any],
            rate: Tensor,
            t: Tensor,
        ) -> tuple[list[Any], list[Any]]:
            rest = list(state.rest)
            scalars, *rest[ends[-1] :] = self._begin(rate, t, *rest[ends[-1] :])
            dtypes = {_at_least_single(p.dtype) for p in params}
            cast = {dtype: _cast((scalars, t), dtype) for dtype in dtypes}
            after = []

            def ruled(g: Tensor, p: Tensor, lr: Tensor, t: Tensor, slots: list[Any]) -> list[Any]:
                return list(self._ruled(g, p, lr, t, slots))

            if is_tracing():  # once for each shape, not for each weight
                ruled = jax.jit(ruled)
            # One weight at a time, small ones too: to join 200 small weights into one array takes
            # 3 to 5 times as long on a CPU, and 10 times as long to compile.
            for i, g, p in zip(places, grads, params, strict=True):
                lr, step = cast[_at_least_single(p.dtype)]
                own = slice(ends[i], ends[i + 1])
                p, *rest[own] = ruled(g, p, lr, step, rest[own])
                after.append(p)
            return after, rest

        return update

    def _by_assigning(self, variables: list[Any], rest: list[Variable]) -> Update:
        """A user's `update_step` for each weight, which assigns variables."""

        def update(
            places: list[int],
            state: State,
            params: list[Any],
            grads: list[Any],
            rate: Tensor,
            t: Tensor,
        ) -> tuple[list[Any], list[Any]]:
            chosen = [variables[i] for i in places]

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
    """float32 for the floats of half precision; any other dtype as it is."""
    return jnp.dtype("float32") if dtype in (jnp.float16, jnp.bfloat16) else dtype


def _cast(scalars: Tensor, dtype: DType) -> Any:
    return jax.tree.map(lambda x: jnp.asarray(x, dtype), scalars)
