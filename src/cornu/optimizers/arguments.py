"""Checks of what users hand to an optimizer, and the messages about it."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from cornu import bcoo
from cornu.core.variable import Variable
from cornu.errors import explain, type_error, unknown_arguments, value_error, warn
from cornu.optimizers.schedules import LearningRateSchedule
from cornu.types import Tensor


def signature_of(init: Callable[..., None]) -> inspect.Signature:
    """The signature of a constructor as its callers see it, without `self`."""
    return inspect.Signature(list(inspect.signature(init).parameters.values())[1:])


def full_signature(cls: type) -> inspect.Signature:
    """A class's own arguments, then those that it passes on to its parent.

    `__init__(self, learning_rate, rho, *args, **shared)` takes everything that follows in the
    parent's order, `__init__(self, gain, **kwargs)` takes it by name alone.
    """
    own = signature_of(vars(cls)["__init__"]).parameters.values()
    named = [p for p in own if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if not any(p.kind is p.VAR_KEYWORD for p in own):
        return inspect.Signature(list(own))
    passed = inspect.signature(cls.__mro__[1]).parameters.values()
    known = {p.name for p in named}
    rest = [p for p in passed if p.name not in known and p.kind is not p.VAR_KEYWORD]
    if not any(p.kind is p.VAR_POSITIONAL for p in own):
        rest = [p.replace(kind=p.KEYWORD_ONLY) for p in rest]
    ordered = sorted([*named, *rest], key=lambda p: p.kind is p.KEYWORD_ONLY)  # keeps the order
    return inspect.Signature([*ordered, *(p for p in own if p.kind is p.VAR_KEYWORD)])


def unknown_to(cls: type, given: Iterable[str]) -> str:
    """The message about arguments that an optimizer does not take."""
    known = [p for p in inspect.signature(cls).parameters if p != "kwargs"]
    return unknown_arguments(cls.__name__, given, known)


NUMBERS = (int, float, np.number, np.ndarray, jax.Array)


def is_number(rate: object) -> bool:
    """Whether a learning rate is a plain number."""
    return isinstance(rate, NUMBERS) and not isinstance(rate, bool) and np.ndim(rate) == 0


def check_clipping(**limits: float | None) -> None:
    """At most one way to clip gradients is asked for."""
    given = {name: value for name, value in limits.items() if value is not None}
    if len(given) > 1:
        raise value_error(
            "Gradients are clipped in one way, got several.",
            received=", ".join(f"{name}={value}" for name, value in given.items()),
            fix="keep one of clipnorm, clipvalue and global_clipnorm.",
        )


def refuse_rate(rate: object) -> str:
    """The message about a learning rate that is none."""
    return explain(
        f"learning_rate is a number, a schedule or a function, got {type(rate).__name__}.",
        received=repr(rate)[:80],
        fix="learning_rate=0.001",
    )


def rate_at(rate: Callable[..., Any], step: Tensor) -> Any:
    """What a schedule, a function of the step, or a function of nothing says at a step."""
    takes_step = isinstance(rate, LearningRateSchedule) or _takes_argument(rate)
    return rate(step) if takes_step else rate()


def shown(rate: object) -> str:
    """A learning rate that is no number, for messages."""
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


def as_gradient(g: Tensor, variable: Variable) -> Any:
    """A gradient as a jax array of the weight's shape; a sparse one becomes dense."""
    g = g.value if isinstance(g, Variable) else bcoo.dense(g)
    g = g if isinstance(g, jax.Array) else jnp.asarray(g)
    if tuple(g.shape) != tuple(variable.shape):
        raise type_error(
            f"The gradient of variable '{variable.path}' has the wrong shape.",
            expected=tuple(variable.shape),
            received=tuple(g.shape),
        )
    return g


def report_missing(variables: list[Any], grads: list[Any]) -> None:
    """Warn about weights without a gradient; refuse if there is none at all."""
    missing = [v.path for v, g in zip(variables, grads, strict=True) if g is None]
    if len(missing) == len(grads):
        raise value_error(
            "No weight has a gradient.",
            fix="let the loss depend on the weights; inside jax.grad, pass their values as the "
            "argument that is differentiated.",
        )
    warn(
        explain(
            f"{len(missing)} of {len(grads)} weights have no gradient and stay as they are.",
            weights=", ".join(missing),
            fix="let the loss depend on them, or freeze them: layer.trainable = False.",
        )
    )
