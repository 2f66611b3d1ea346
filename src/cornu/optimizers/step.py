"""One optimizer step as a pure function of arrays.

    gradients --/ loss scale--> [mean over k batches] --clip--+
                                                              v
    weights   --------------------------> weight decay --> rule(g, p, lr, t, *slots) --> weights
                                                              ^  |                         |
    slots     ------------------------------------------------+  +--> slots                |
    averages  <-- m * average + (1 - m) * weight ------------------------------------------+
    weights   <-- averages, every `ema_overwrite_frequency` steps <-- constraints

With `gradient_accumulation_steps=k` the gradients are applied at every k-th step only; the steps
between add to the accumulators. The averages are updated at every step.

The rule is called per weight. What all weights share in a step (bias corrections, the learning
rate) is computed once, in float32, by `Optimizer._begin`, and cast to the dtype of the weights.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp
from jax import lax

from cornu.core.frame import is_tracer
from cornu.core.variable import Variable
from cornu.types import Tensor, Tensors

if TYPE_CHECKING:
    from cornu.optimizers.optimizer import Optimizer

Arrays = list[Any]


class State(NamedTuple):
    """The arrays that a step reads and replaces.

    Attributes:
        params: weights that have a gradient.
        iteration: number of steps done, an int32 scalar.
        averages: exponential moving averages of the weights; empty without `use_ema`.
        accumulators: sums of gradients; empty without `gradient_accumulation_steps`.
        rest: other optimizer variables that the step may change.
    """

    params: Arrays
    iteration: Any
    averages: Arrays
    accumulators: Arrays
    rest: Arrays


# (indices, state, params, grads, rate, t) -> (new params, new rest); `indices` are those of the
# weights in `state.params`, and `params` their values after weight decay.
Update = Callable[[list[int], State, Arrays, Arrays, Any, Any], tuple[Arrays, Arrays]]


def advance(
    optimizer: "Optimizer",
    variables: Sequence[Variable],
    update: Update,
    state: State,
    grads: Arrays,
    rate: Tensor,
) -> State:
    """The state after one step.

    Args:
        optimizer: optimizer with the settings of the step.
        variables: variables of `state.params`, for constraints and weight-decay exclusions.
        update: update of all weights by the rule.
        state: arrays before the step.
        grads: one gradient per weight.
        rate: learning rate, a float32 scalar.
    """
    overwritten = [v.overwrite_with_gradient for v in variables]
    factor = optimizer.loss_scale_factor
    if factor is not None:
        grads = [g if own else g / factor for g, own in zip(grads, overwritten, strict=True)]
    every = optimizer.gradient_accumulation_steps
    done = (
        state.iteration // every if every else state.iteration
    )  # number of updates, not of batches

    def now(state: State, grads: Arrays) -> State:
        return _update(optimizer, variables, overwritten, update, state, grads, rate, done)

    if every:

        def due(state: State, grads: Arrays) -> State:
            grads = [
                jnp.maximum(g, a) if own else (g + a) / every
                for g, a, own in zip(grads, state.accumulators, overwritten, strict=True)
            ]
            state = now(state, grads)
            return state._replace(accumulators=[jnp.zeros_like(a) for a in state.accumulators])

        def later(state: State, grads: Arrays) -> State:
            sums = [
                (jnp.maximum(g, a) if own else a + g).astype(a.dtype)
                for g, a, own in zip(grads, state.accumulators, overwritten, strict=True)
            ]
            return state._replace(accumulators=sums)

        state = cond((state.iteration + 1) % every == 0, due, later, state, grads)
    else:
        state = now(state, grads)
    params, averages = state.params, state.averages
    if averages:
        params, averages = _average(optimizer, overwritten, params, averages, done)
    params = [
        p if v.constraint is None else v.constraint(p).astype(p.dtype)
        for v, p in zip(variables, params, strict=True)
    ]
    return state._replace(params=params, averages=averages, iteration=state.iteration + 1)


def cond(condition: Tensor, yes: Callable, no: Callable, *operands: Tensors) -> Any:
    """`lax.cond`, or a plain `if` where the condition is not traced."""
    if is_tracer(condition):
        return lax.cond(condition, yes, no, *operands)
    return (yes if condition else no)(*operands)


def _update(
    optimizer: "Optimizer",
    variables: Sequence[Variable],
    overwritten: list[bool],
    update: Update,
    state: State,
    grads: Arrays,
    rate: Tensor,
    done: Tensor,
) -> State:
    """Clip, decay, and apply the rule; weights with `overwrite_with_gradient` take the gradient."""
    if any(overwritten):
        state = state._replace(
            params=[
                g.astype(p.dtype) if own else p
                for g, p, own in zip(grads, state.params, overwritten, strict=True)
            ]
        )
        indices = [i for i, own in enumerate(overwritten) if not own]
    else:
        indices = list(range(len(grads)))
    if not indices:
        return state
    params = [state.params[i] for i in indices]
    grads = optimizer._clip_gradients([grads[i] for i in indices])
    decays = [optimizer._decay_of(variables[i]) for i in indices]
    if any(decays):
        params = [
            p - p * (decay * rate).astype(p.dtype) if decay else p
            for p, decay in zip(params, decays, strict=True)
        ]
    grads = [g.astype(p.dtype) for g, p in zip(grads, params, strict=True)]
    t = (done + 1).astype(jnp.float32)
    params, rest = update(indices, state, params, grads, rate, t)
    after = list(state.params)
    for i, p in zip(indices, params, strict=True):
        after[i] = p
    return state._replace(params=after, rest=rest)


def global_norm(arrays: Arrays) -> Tensor:
    """The Euclidean norm of all elements of all arrays, in float32."""
    return jnp.sqrt(sum(jnp.sum(jnp.square(x.astype(jnp.float32))) for x in arrays))


def clipped(g: Tensor, norm: Tensor, limit: float) -> Tensor:
    """The gradient scaled down by `limit / norm` if `norm` exceeds the limit."""
    return g * (limit / jnp.maximum(norm, limit)).astype(g.dtype)


def _average(
    optimizer: "Optimizer", overwritten: list[bool], params: Arrays, averages: Arrays, done: Tensor
) -> tuple[Arrays, Arrays]:
    # The first average is the weight itself, so no bias correction is needed.
    momentum = jnp.where(done == 0, 0.0, optimizer.ema_momentum)
    averages = [
        p if own else (momentum.astype(a.dtype) * a + (1.0 - momentum).astype(a.dtype) * p)
        for p, a, own in zip(params, averages, overwritten, strict=True)
    ]
    every = optimizer.ema_overwrite_frequency
    if every:
        now = (done + 1) % every == 0
        params = [jnp.where(now, a, p) for p, a in zip(params, averages, strict=True)]
    return params, averages
