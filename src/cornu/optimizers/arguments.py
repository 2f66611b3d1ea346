"""Checks of the arguments of optimizers, and their messages."""

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
    """The signature of a constructor without `self`."""
    return inspect.Signature(list(inspect.signature(init).parameters.values())[1:])


def full_signature(cls: type) -> inspect.Signature:
    """The signature of a class: its own arguments, then those it passes on to its parent.

    `__init__(self, learning_rate, rho, *args, **shared)` takes the latter by position or name,
    `__init__(self, gain, **kwargs)` by name only.
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
    """The message about unknown arguments of an optimizer."""
    known = [p for p in inspect.signature(cls).parameters if p != "kwargs"]
    return unknown_arguments(cls.__name__, given, known)


NUMBERS = (int, float, np.number, np.ndarray, jax.Array)


def is_number(rate: object) -> bool:
    """Whether a learning rate is a number."""
    return isinstance(rate, NUMBERS) and not isinstance(rate, bool) and np.ndim(rate) == 0


def check_clipping(**limits: float | None) -> None:
    """Check that at most one kind of gradient clipping is given."""
    given = {name: value for name, value in limits.items() if value is not None}
    if len(given) > 1:
        raise value_error(
            "At most one of clipnorm, clipvalue and global_clipnorm may be set.",
            received=", ".join(f"{name}={value}" for name, value in given.items()),
            fix=", ".join(f"{name}=None" for name in list(given)[1:]),
        )


def invalid_rate(rate: object) -> str:
    """The message about an invalid learning rate."""
    return explain(
        f"learning_rate must be a number, a schedule or a function, got {type(rate).__name__}.",
        received=repr(rate)[:80],
        fix="learning_rate=0.001",
    )


def rate_at(rate: Callable[..., Any], step: Tensor) -> Tensor:
    """The value at a step of a schedule, or of a function with or without an argument."""
    takes_step = isinstance(rate, LearningRateSchedule) or _takes_argument(rate)
    return rate(step) if takes_step else rate()


def shown(rate: object) -> str:
    """A schedule or function as named in messages."""
    if isinstance(rate, LearningRateSchedule):
        return f"the schedule {type(rate).__name__}"
    return f"the function {getattr(rate, '__name__', rate)}"


def _takes_argument(function: Callable[..., Any]) -> bool:
    """Whether a function has a required positional argument."""
    parameters = inspect.signature(function).parameters.values()
    return any(
        p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        for p in parameters
    )


def as_gradient(g: Tensor, variable: Variable) -> Tensor:
    """A gradient as a dense JAX array, checked to have the shape of the variable."""
    g = g.value if isinstance(g, Variable) else bcoo.dense(g)
    g = g if isinstance(g, jax.Array) else jnp.asarray(g)
    if tuple(g.shape) != tuple(variable.shape):
        raise type_error(
            f"The gradient of variable '{variable.path}' must have its shape.",
            expected=tuple(variable.shape),
            received=tuple(g.shape),
            fix="pass gradients in the order of the variables.",
        )
    return g


def report_missing(variables: list[Variable], grads: list[Tensor]) -> None:
    """Warn about weights without a gradient; raise an error if no weight has one."""
    missing = [v.path for v, g in zip(variables, grads, strict=True) if g is None]
    if len(missing) == len(grads):
        raise value_error(
            "No weight has a gradient.",
            fix="make the loss depend on the weights; with jax.grad, differentiate with respect to "
            "their values.",
        )
    warn(
        explain(
            f"{len(missing)} of {len(grads)} weights have no gradient and are not updated.",
            weights=", ".join(missing),
            fix="make the loss depend on them, or freeze them: layer.trainable = False.",
        )
    )
