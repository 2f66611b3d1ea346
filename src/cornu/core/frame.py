"""Frames: the values of variables while a program is traced.

A `Variable` holds one concrete array, always. A pure program, on the other hand, needs the values
of variables to be its arguments and results. A `Frame` is the table in between: while it is open,
reads and writes of the variables it carries go to the table, and the variables are left alone.

    with Frame([kernel], [tracer]) as frame:     # frames stack; the innermost that knows wins
        kernel.value        -> tracer
        kernel.assign(new)  -> frame[kernel] = new
    kernel.value            -> the concrete array, as before

`purify` is the whole bridge from Keras's objects to JAX's functions; everything that is traced goes
through it. Three invariants hold:

* a Variable never stores a tracer, so an error in the middle of a trace leaves nothing to repair;
* a write goes to the frame of the current trace, or fails loudly: no update is lost silently;
* the frames of a thread are its own.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
from jax._src import core as jax_core

from cornu.context import local
from cornu.core import dtypes
from cornu.errors import value_error


def trace_state() -> Any:
    """A token of the JAX trace that is current; equal tokens mean the same trace.

    A semi-public part of JAX. Without it only the check that a write belongs to the current trace
    would be lost.
    """
    return jax_core.get_opaque_trace_state(convention="flax")


def is_tracing() -> bool:
    """Whether a JAX transformation is being traced now."""
    return not jax_core.trace_state_clean()


@contextmanager
def eagerly() -> Iterator[None]:
    """Leave every trace and frame for the length of a block: what is computed is concrete.

    Layers are built so, also when they are first called while a program is traced.
    """
    with jax.core.eval_context(), local.using(frame=None, symbolic=False, autocast=None):
        yield


def is_tracer(x: Any) -> bool:
    """Whether the value stands for an array that does not exist yet."""
    return isinstance(x, jax.core.Tracer)


@jax.tree_util.register_pytree_node_class
class AddedLoss:
    """A loss and the layer that added it; to JAX it is the loss alone."""

    __slots__ = ("owner", "value")

    def __init__(self, owner: Any, value: Any):
        self.owner, self.value = owner, value

    def tree_flatten(self) -> tuple[tuple[Any], Any]:
        return (self.value,), self.owner

    @classmethod
    def tree_unflatten(cls, owner: Any, children: tuple[Any]) -> "AddedLoss":
        return cls(owner, children[0])


class Frame:
    """Values of some variables for the length of a `with` block.

    Args:
        variables: the variables carried; reads and writes of them stay inside.
        values: their values at entry, in the same order; a variable stands for its value.
        open_ended: also take writes to variables that are not carried, and remember them.
        reads: table that takes the variables that are read past this frame, by id.

    Attributes:
        losses: an `AddedLoss` for each `add_loss` while the frame was innermost.
    """

    __slots__ = ("_values", "_variables", "_outer", "_trace", "losses", "open_ended", "reads")

    def __init__(
        self,
        variables: Sequence[Any] = (),
        values: Sequence[Any] = (),
        *,
        open_ended: bool = False,
        reads: dict[int, Any] | None = None,
    ):
        if len(variables) != len(values):
            raise ValueError(
                f"A frame needs one value per variable, got {len(variables)} variables "
                f"and {len(values)} values."
            )
        self._variables = {id(v): v for v in variables}
        self._values = {id(v): _plain(value) for v, value in zip(variables, values, strict=True)}
        self.open_ended = open_ended
        self.reads = reads
        self.losses: list[AddedLoss] = []

    def __enter__(self) -> "Frame":
        self._outer = local.frame
        self._trace = trace_state()
        local.frame = self
        return self

    def __exit__(self, *error: object) -> None:
        local.frame = self._outer

    def __contains__(self, variable: Any) -> bool:
        return id(variable) in self._values

    def __getitem__(self, variable: Any) -> Any:
        return self._values[id(variable)]

    def __setitem__(self, variable: Any, value: Any) -> None:
        self._variables[id(variable)] = variable
        self._values[id(variable)] = value

    def is_current_trace(self) -> bool:
        """Whether no transformation has been entered since the frame was."""
        return self._trace == trace_state()

    def values_of(self, variables: Iterable[Any]) -> list[Any]:
        """The values in the frame, in the order of `variables`."""
        return [self._values[id(v)] for v in variables]

    def held(self) -> list[Any]:
        """The variables that have a value here, in the order in which they came in."""
        return list(self._variables.values())


def _plain(value: Any) -> Any:
    """A value, which may be given as the variable that has it."""
    return value._stored() if hasattr(value, "assign") else value


def frame_of(variable: Any) -> Frame | None:
    """The innermost open frame that has a value for the variable."""
    frame = local.frame
    key = id(variable)
    while frame is not None:
        if key in frame._values:
            return frame
        if frame.reads is not None:
            frame.reads[key] = variable
        frame = frame._outer
    return None


def frame_for_writing(variable: Any) -> Frame | None:
    """The frame that takes a write: the innermost that has the variable or is open-ended."""
    frame = local.frame
    key = id(variable)
    while frame is not None:
        if frame.open_ended or key in frame._values:
            return frame
        frame = frame._outer
    return None


def purify(
    fn: Callable[..., Any], variables: Sequence[Any], *, with_losses: bool = False
) -> Callable[..., Any]:
    """Make `fn`, which reads and writes `variables`, a pure function of their values.

    Args:
        fn: any function.
        variables: the variables whose values become argument and result.
        with_losses: also return what `add_loss` collected.

    Returns:
        `pure(values, *args, **kwargs) -> (out, new_values)`, or with losses
        `(out, new_values, losses)`; both lists of values are in the order of `variables`.

    Example:

        >>> from cornu.core.variable import Variable
        >>> count = Variable(0, dtype="int32", name="count")
        >>> def advance():
        ...     count.assign(count.value + 1)
        >>> _, (after,) = purify(advance, [count])([count.value])
        >>> int(after), int(count.value)
        (1, 0)
    """
    variables = list(variables)

    def pure(values: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
        with Frame(variables, values) as frame:
            out = fn(*args, **kwargs)
        if with_losses:
            return out, frame.values_of(variables), frame.losses
        return out, frame.values_of(variables)

    return pure


def effects_of(fn: Callable[..., Any], *args: Any) -> tuple[list[Any], list[AddedLoss]]:
    """The variables that `fn` writes when called so, and the shapes of the losses it adds.

    They are found by running it on shapes alone. Nothing is computed and nothing is changed: the
    call is traced in an open-ended frame.
    """
    written: list[Any] = []

    def record(*args: Any) -> list[AddedLoss]:
        with Frame(open_ended=True) as frame:
            fn(*args)
        written.extend(frame.held())
        return frame.losses

    losses = jax.eval_shape(record, *args)
    return written, losses


class StatelessScope(Frame):
    """Keras's name for a frame: reads and writes of variables stay inside the `with` block.

    Args:
        state_mapping: pairs `(variable, value)` that the block starts from.
        collect_losses: keep what `add_loss` is given in `losses`.
        initialize_variables: accepted as Keras does; variables always have a value here.

    Example:

        >>> from cornu.core.variable import Variable
        >>> v = Variable(1.0)
        >>> with StatelessScope() as scope:
        ...     _ = v.assign(5.0)
        >>> float(scope.get_current_value(v)), float(v.value)
        (5.0, 1.0)
    """

    __slots__ = ("collect_losses", "initialize_variables", "state_mapping")

    def __init__(
        self,
        state_mapping: Any = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ):
        pairs = list(state_mapping or ())
        variables = [variable for variable, _ in pairs]
        super().__init__(variables, [_fitting(*pair) for pair in pairs], open_ended=True)
        self.state_mapping = pairs
        self.collect_losses = collect_losses
        self.initialize_variables = initialize_variables

    def add_loss(self, loss: Any) -> None:
        """Keep a loss for whoever opened the scope."""
        self.losses.append(AddedLoss(None, loss))

    def add_update(self, update: tuple[Any, Any]) -> None:
        """Set the value of a variable inside the scope, given as `(variable, value)`."""
        variable, value = update
        self[variable] = value

    def get_current_value(self, variable: Any) -> Any:
        """The variable's value inside the scope; None if it has none of its own here."""
        return self._values.get(id(variable))


def _fitting(variable: Any, value: Any) -> Any:
    """The value that a variable is to have in a scope, in its dtype."""
    if not hasattr(variable, "assign"):
        raise value_error(
            f"The keys of state_mapping must be variables, got {variable!r}.",
            fix="StatelessScope(state_mapping=[(variable, value)])",
        )
    value = jnp.asarray(_plain(value), dtypes.numpy_dtype(variable.dtype))
    if tuple(value.shape) != tuple(variable.shape):
        raise value_error(
            f"The value given for variable '{variable.path}' has the wrong shape.",
            expected=tuple(variable.shape),
            received=tuple(value.shape),
        )
    return value
