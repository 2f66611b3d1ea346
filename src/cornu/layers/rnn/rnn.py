"""`RNN`: a cell moved over time.

    sequences (batch, time, ...)
        |                       x[t], states
    time loop  ----------------------------->  cell  --->  output[t], new states
        |
    last output, or all of them (return_sequences), and the last states (return_state)

At a masked step the states stay, and the output is that of the step before (or zero, with
`zero_output_for_mask`).

Any cell goes through a loop that carries whatever the cell writes to variables. LSTM and GRU with
their usual activations have fused loops in `kernels/recurrence.py` instead (`recurrent.py`).
"""

from collections.abc import Callable, Sequence
from typing import Any, Self

import jax
import jax.numpy as jnp

from cornu import ops, tree
from cornu.context import name_scope
from cornu.core.frame import Frame, eagerly
from cornu.core.objects.serialize import deserialize_keras_object
from cornu.core.programs import lift
from cornu.core.variable import Variable
from cornu.errors import value_error
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.base.layer import Layer
from cornu.layers.rnn.cells import DropoutCell
from cornu.layers.rnn.stacked import StackedRNNCells
from cornu.types import Config, Shape, Tensor, Tensors


def as_list(states: Tensors) -> list[Any]:
    """The states as a list, even if there is one."""
    return list(states) if isinstance(states, (list, tuple)) else [states]


class RNN(Layer):
    """Move a cell over the time axis.

    Input `(batch, time, ...)`, output `(batch, ...)` of the last step, or `(batch, time, ...)`.

    A cell has `call(inputs_at_t, states_at_t) -> (output_at_t, states_at_t_plus_1)`, an attribute
    `state_size` (an int or a list of ints), and may have `output_size` and
    `get_initial_state(batch_size)`.

    Args:
        cell: the cell, or a list of cells to stack.
        return_sequences: whether the outputs of all steps are returned.
        return_state: whether the last states are returned after the output.
        go_backwards: whether the sequence is read from its end; the outputs come in the order in
            which they are computed.
        stateful: whether each sample continues from the last states of the sample at the same
            position in the previous batch.
        unroll: whether the loop is unrolled, which can be faster for short sequences.
        zero_output_for_mask: whether masked steps give zero.

    Example:

        >>> import numpy as np
        >>> class Sum(Layer):
        ...     state_size = 3
        ...     def call(self, inputs, states):
        ...         total = inputs + states[0]
        ...         return total, [total]
        >>> RNN(Sum())(np.ones((2, 5, 3)))[0].tolist()
        [5.0, 5.0, 5.0]
    """

    _takes_sparse = False

    _untracked_attributes = Layer._untracked_attributes | {"states"}

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ):
        kwargs.pop("implementation", None)  # of older files
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        for name in ("call", "state_size"):
            if not hasattr(cell, name):
                raise value_error(
                    f"A cell must have `{name}`, which {type(cell).__name__} lacks.",
                    fix="RNN(LSTMCell(32)); a cell of your own defines call(inputs, states) "
                    "and state_size.",
                )
        super().__init__(**kwargs)
        self.cell = cell
        self.return_sequences = bool(return_sequences)
        self.return_state = bool(return_state)
        self.go_backwards = bool(go_backwards)
        self.stateful = bool(stateful)
        self.unroll = bool(unroll)
        self.zero_output_for_mask = bool(zero_output_for_mask)
        self.supports_masking = True
        self.states: Any = None
        self.input_spec = InputSpec(min_ndim=3)

    # ---- shapes and states --------------------------------------------------------------------

    @property
    def state_size(self) -> list[Any]:
        """The sizes of the cell's states, a list even if there is one."""
        return as_list(self.cell.state_size)

    @property
    def single_state(self) -> bool:
        """Whether the cell has one state."""
        return len(self.state_size) == 1

    def build(self, sequences_shape: Shape, initial_state_shape: Any = None) -> None:
        if isinstance(self.cell, Layer) and not self.cell.built:
            if type(self.cell).build is Layer.build:
                self.cell.built = True  # what it calls is built when it is called
            else:
                self.cell.build((sequences_shape[0], *sequences_shape[2:]))
        if self.stateful and self.states is None:
            if sequences_shape[0] is None:
                raise value_error(
                    f"The states of '{self.name}' are kept between batches, so the batch size "
                    "is needed.",
                    shapes=f"sequences {tuple(sequences_shape)}",
                    fix="keras.Input(batch_shape=(32, None, 8)), or stateful=False",
                )
            self._keep_states(sequences_shape[0])

    def _keep_states(self, batch: int) -> None:
        with eagerly(), name_scope(self.name):
            zeros = self.get_initial_state(batch)
            self.states = tree.map_structure(
                lambda x: Variable(
                    jnp.asarray(x), dtype=self.variable_dtype, trainable=False, name="rnn_state"
                ),
                zeros,
            )

    def get_initial_state(self, batch_size: int | None) -> list[Tensor]:
        """Zeros, from which a sequence starts: one `(batch, size)` per state."""
        if hasattr(self.cell, "get_initial_state"):
            return as_list(self.cell.get_initial_state(batch_size=batch_size))
        return [
            ops.zeros(
                (batch_size, *(n if isinstance(n, (tuple, list)) else (n,))), self.compute_dtype
            )
            for n in self.state_size
        ]

    def _first_states(self, sequences: Tensors) -> list[Tensor]:
        """The states from which these sequences start."""
        return self.get_initial_state(tree.flatten(sequences)[0].shape[0])

    def _collect(self, *, with_seeds: bool) -> list[Variable]:
        # Kept states travel with the state of a model, as seeds do, and are no weights either.
        found = super()._collect(with_seeds=with_seeds)
        return found + (tree.flatten(self.states) if with_seeds and self.states else [])

    def compute_output_shape(self, sequences_shape: Shape, initial_state_shape: Any = None) -> Any:
        batch, time = sequences_shape[:2]
        states = [self._state_shape(batch, size) for size in self.state_size]
        output = getattr(self.cell, "output_size", None)
        if output is None:
            output = states[0][1:]
        output = tuple(output) if isinstance(output, (tuple, list)) else (output,)
        shape = (batch, time, *output) if self.return_sequences else (batch, *output)
        if not self.return_state:
            return shape
        return (shape, *states)

    def _state_shape(self, batch: int | None, size: int | Sequence[int]) -> Any:
        """The shape of a state: `(batch, size)`, or `(batch, *size)` where the size is a shape.

        A cell in a stack that has several states has a list of shapes, as in Keras.
        """
        if not isinstance(size, (tuple, list)):
            return (batch, size)
        if isinstance(self.cell, StackedRNNCells):
            return [(batch, n) for n in size]
        return (batch, *size)

    def compute_mask(self, _: Tensors, mask: Tensors | None) -> Any:
        mask = tree.flatten(mask)[0]
        output = mask if self.return_sequences else None
        if output is not None and self.go_backwards and output.ndim > 1:
            output = ops.flip(output, axis=1)  # the outputs come in the order of computation
        if self.return_state:
            return [output, *(None for _ in self.state_size)]
        return output

    # ---- computing ----------------------------------------------------------------------------

    def call(
        self,
        sequences: Tensors,
        initial_state: Tensors | None = None,
        mask: Tensors | None = None,
        training: bool = False,
    ) -> Any:
        if initial_state is None:
            if self.stateful:
                self._check_batch(sequences)
                initial_state = tree.map_structure(lambda v: v.value, self.states)
            else:
                initial_state = self._first_states(sequences)
        initial_state = tree.map_structure(
            lambda x: ops.cast(x, self.compute_dtype), as_list(initial_state)
        )
        mask = self._fitted_mask(sequences, tree.flatten(mask)[0])
        self._check_states(initial_state)
        try:
            if training:
                self._draw_dropout(sequences, initial_state)
            last, outputs, states = self.inner_loop(
                sequences, initial_state, mask, training=training
            )
        finally:
            self._forget_dropout()
        if self.stateful:
            for variable, value in zip(
                tree.flatten(self.states), tree.flatten(states), strict=True
            ):
                variable.assign(value)
        output = outputs if self.return_sequences else last
        output = tree.map_structure(lambda x: ops.cast(x, self.compute_dtype), output)
        return (output, *states) if self.return_state else output

    def _check_batch(self, sequences: Tensors) -> None:
        """Raise ValueError if the kept states are those of another batch size."""
        kept = tree.flatten(self.states)[0].shape[0]
        batch = tree.flatten(sequences)[0].shape[0]
        if isinstance(batch, int) and batch != kept:
            raise value_error(
                f"'{self.name}' keeps the states of {kept} sequences, but the batch has {batch}.",
                fix=f"batch_size={kept}, and a multiple of it as the number of samples\n"
                "or stateful=False, which starts every sequence from zero",
            )

    def _check_states(self, states: list[Tensor]) -> None:
        expected = len(self.state_size)
        if len(states) != expected:
            raise value_error(
                f"'{self.name}' has {expected} states, initial_state has {len(states)}.",
                shapes=", ".join(str(tuple(s.shape)) for s in tree.flatten(states)),
                fix="a list with one array per state, as return_state=True returns them",
            )
        for size, state in zip(self.state_size, states, strict=True):
            shape = tuple(getattr(state, "shape", ()))
            if isinstance(size, int) and len(shape) == 2 and shape[1] != size:
                raise value_error(
                    f"The states of '{self.name}' must have shape (batch, {size}), got {shape} in "
                    "initial_state.",
                    fix="states of a layer with the same number of units",
                )

    def _fitted_mask(self, sequences: Tensors, mask: Tensor | None) -> Tensor | None:
        """The mask as booleans `(batch, time)`; one of whole samples, `(batch,)`, is repeated."""
        if mask is None:
            return None
        shape = tree.flatten(sequences)[0].shape[:2]
        if mask.ndim > 2 or any(
            isinstance(m, int) and isinstance(n, int) and m not in (1, n)
            for m, n in zip(mask.shape, shape, strict=False)
        ):
            raise value_error(
                f"The mask of '{self.name}' does not fit its sequences.",
                shapes=f"sequences (batch, time, ...) begin with {tuple(shape)}, mask "
                f"{tuple(mask.shape)}",
                fix="booleans (batch, time), False where a step is to be skipped",
            )
        mask = ops.cast(mask, "bool")
        mask = mask if mask.ndim == 2 else ops.expand_dims(mask, -1)  # (batch, 1)
        return ops.broadcast_to(mask, shape)  # (batch, time)

    def _dropout_cells(self) -> list[Any]:
        cells = self.cell.cells if isinstance(self.cell, StackedRNNCells) else [self.cell]
        return [cell for cell in cells if isinstance(cell, DropoutCell)]

    def _draw_dropout(self, sequences: Tensors, states: list[Tensor]) -> None:
        """Draw the masks of the cell before the loop, in which they stay the same."""
        if isinstance(self.cell, DropoutCell):
            self.cell.get_dropout_mask(tree.flatten(sequences)[0][:, 0])
            self.cell.get_recurrent_dropout_mask(tree.flatten(states)[0])
        elif isinstance(self.cell, StackedRNNCells):
            self.cell._draw_dropout(sequences[:, 0], states)

    def _forget_dropout(self) -> None:
        for cell in self._dropout_cells():
            cell.reset_dropout_mask()
            cell.reset_recurrent_dropout_mask()

    def inner_loop(
        self,
        sequences: Tensors,
        initial_state: list[Tensor],
        mask: Tensor | None,
        training: bool = False,
    ) -> tuple[Tensors, Tensors, list[Tensor]]:
        """Run the cell over time.

        Returns:
            The output of the last step `(batch, ...)`, all outputs `(batch, time, ...)` in the
            order in which they are computed, and the last states.
        """
        options = {"training": training} if isinstance(self.cell, Layer) else {}
        run = self.cell if callable(self.cell) else self.cell.call

        def step(x: Tensors, states: list[Tensor]) -> tuple[Tensors, list[Tensor]]:
            output, states = run(x, states, **options)
            return output, as_list(states)

        return time_loop(
            step,
            initial_state,
            sequences,
            mask,
            backwards=self.go_backwards,
            unroll=self.unroll,
            zero_output_for_mask=self.zero_output_for_mask,
        )

    def reset_state(self) -> None:
        """Set the kept states to zero."""
        for variable in tree.flatten(self.states or []):
            variable.assign(jnp.zeros(variable.shape, variable.dtype))

    def reset_states(self) -> None:
        """Another name of `reset_state`."""
        self.reset_state()

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> Self:
        config = dict(config)
        if isinstance(config.get("cell"), dict):
            config["cell"] = deserialize_keras_object(config["cell"], custom_objects)
        return cls(**config)


def time_loop(
    step: Callable[[Tensors, Any], tuple[Tensors, Any]],
    states: Tensors,
    sequences: Tensors,
    mask: Tensor | None = None,
    *,
    backwards: bool = False,
    unroll: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[Tensors, Tensors, Any]:
    """Run `step` over time, carrying what it writes to variables.

    Args:
        step: function `(x at one time, states) -> (output, new states)`.
        states: states before the first step.
        sequences: tree of `(batch, time, ...)` arrays.
        mask: booleans `(batch, time)`; where False, states and output are those of the step before.
        backwards: whether the loop starts at the last time.
        unroll: whether the loop is unrolled.
        zero_output_for_mask: whether the output is zero where the mask is False.

    Returns:
        `(last output, outputs, states)`, outputs in the order in which they are computed.
    """
    xs = jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), sequences)  # (time, batch, ...)
    counts = None if mask is None else jnp.swapaxes(mask, 0, 1)  # (time, batch)
    if backwards:
        xs, counts = jax.tree.map(lambda x: jnp.flip(x, 0), (xs, counts))
    first = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), xs)  # (batch, ...)

    def dry_step(x: Tensors, states: Tensors) -> Tensors:
        with Frame(open_ended=True):
            return step(x, states)[0]

    spec = jax.eval_shape(dry_step, first, states)
    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), spec)

    def body(carry: tuple[Any, Any], x_and_count: tuple[Any, Any]) -> Any:
        states, before = carry
        x, here = x_and_count
        output, new = step(x, states)
        new = jax.tree.map(lambda a, b: a.astype(b.dtype), new, states)
        if here is None:
            return (new, output), output
        new = choose(here, new, states)
        shown = choose(here, output, zeros if zero_output_for_mask else before)
        return (new, choose(here, output, before)), shown

    (states, last), outputs = lift.scan(body, (states, zeros), (xs, counts), unroll=unroll)
    outputs = jax.tree.map(lambda y: jnp.swapaxes(y, 0, 1), outputs)  # (batch, time, ...)
    return last, outputs, states


def choose(here: Tensor, yes: Tensors, no: Tensors) -> Tensors:
    """Per sample, `yes` where the mask `(batch,)` is True, and `no` elsewhere."""

    def pick(a: Tensor, b: Tensor) -> Tensor:
        # here: (batch,) -> (batch, 1, ...)
        return jnp.where(here.reshape(here.shape + (1,) * (a.ndim - here.ndim)), a, b)

    return jax.tree.map(pick, yes, no)
