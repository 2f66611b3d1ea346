"""One step of a recurrent layer: `SimpleRNNCell`, `LSTMCell`, `GRUCell`.

A cell maps the input of one time step and its states to an output and new states; `RNN` moves it
over time. Its dropout masks are drawn once for a whole sequence: `RNN` asks for them before the
loop (`get_dropout_mask`) and forgets them after it (`reset_dropout_mask`).
"""

from typing import Any, Unpack

from cornu import ops, random
from cornu.arguments import positive_int
from cornu.core.variable import Variable
from cornu.errors import value_error
from cornu.layers.base.activated import ActivationAttribute
from cornu.layers.base.layer import Layer
from cornu.layers.base.settings import assign_settings, defaults_of, spelled_out
from cornu.layers.rnn.settings import CellSettings, GRUCellSettings, LSTMCellSettings
from cornu.random.seed import SeedGenerator
from cornu.types import Shape, Tensor, Tensors


class DropoutCell(Layer):
    """A cell with the settings of `CellSettings`.

    Its inputs and states may be dropped, in the same places at all steps of a sequence.
    """

    activation = ActivationAttribute()

    _takes_sparse = False

    _untracked_attributes = Layer._untracked_attributes | {
        "_dropout_mask",
        "_recurrent_dropout_mask",
    }

    bias: Variable | None = None
    dropout: float
    recurrent_dropout: float

    _dropout_mask: Tensor = None
    _recurrent_dropout_mask: Tensor = None

    def __init__(self, **settings: Any):
        own = {n: settings.pop(n, default) for n, default in defaults_of(CellSettings).items()}
        super().__init__(**settings)
        assign_settings(self, own)
        self.dropout = min(1.0, max(0.0, own["dropout"]))
        self.recurrent_dropout = min(1.0, max(0.0, own["recurrent_dropout"]))
        self.seed_generator = SeedGenerator(own["seed"])

    def _ones_or_zeros(self, like: Tensor, rate: float) -> Tensor:
        if rate >= 1:
            return ops.zeros_like(like)
        return random.dropout(ops.ones_like(like), rate, seed=self.seed_generator)

    def get_dropout_mask(self, step_input: Tensor) -> Tensor:
        """What the inputs of each step are multiplied by; None without dropout."""
        if self._dropout_mask is None and self.dropout > 0:
            self._dropout_mask = self._ones_or_zeros(step_input, self.dropout)
        return self._dropout_mask

    def get_recurrent_dropout_mask(self, step_input: Tensor) -> Tensor:
        """What the first state is multiplied by at each step; None without dropout."""
        if self._recurrent_dropout_mask is None and self.recurrent_dropout > 0:
            self._recurrent_dropout_mask = self._ones_or_zeros(step_input, self.recurrent_dropout)
        return self._recurrent_dropout_mask

    def reset_dropout_mask(self) -> None:
        """Draw a new mask for the inputs at the next call."""
        self._dropout_mask = None

    def reset_recurrent_dropout_mask(self) -> None:
        """Draw a new mask for the states at the next call."""
        self._recurrent_dropout_mask = None

    def _drop_inputs(self, inputs: Tensor, training: bool) -> Tensor:
        mask = self.get_dropout_mask(inputs) if training else None
        return inputs if mask is None else inputs * mask

    def _drop_state(self, state: Tensor, training: bool) -> Tensor:
        mask = self.get_recurrent_dropout_mask(state) if training else None
        return state if mask is None else state * mask


class DenseCell(DropoutCell):
    """A cell whose kernels have `_gates` blocks of `units` columns, one after the other."""

    _gates = 1

    def __init__(self, units: int, **settings: Any):
        settings.pop("implementation", None)  # of older files
        super().__init__(**settings)
        self.units = positive_int(units, "units", f"{type(self).__name__}(32)")
        self.state_size: int | list[int] = self.units
        self.output_size = self.units

    def _bias_shape(self) -> tuple[int, ...]:
        return (self._gates * self.units,)

    def build(self, input_shape: Shape) -> None:
        features = input_shape[-1]
        if features is None:
            raise value_error(
                f"{type(self).__name__} '{self.name}' needs to know the number of features.",
                shapes=f"a step {tuple(input_shape)}",
                fix="keras.Input(shape=(None, features))",
            )
        columns = self._gates * self.units
        self.kernel = self.add_weight(shape=(features, columns), like="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, columns), like="recurrent", name="recurrent_kernel"
        )
        if self.use_bias:
            self.bias = self.add_weight(shape=self._bias_shape(), like="bias")

    def get_initial_state(self, batch_size: int | None = None) -> list[Tensor]:
        """Zeros, from which a sequence starts: a list with one `(batch, units)` per state."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [ops.zeros((batch_size, n), dtype=self.compute_dtype) for n in sizes]

    def _dropped(self, inputs: Tensor, state: Tensor, training: bool) -> tuple[Tensor, Tensor]:
        """Inputs and state with the masks applied, while training.

        Raises:
            ValueError: the state has another length than the cell.
        """
        if state.shape[-1] != self.units:
            raise value_error(
                f"The states of {type(self).__name__} '{self.name}' have {self.units} numbers.",
                shapes=f"inputs {tuple(inputs.shape)}, a state {tuple(state.shape)}",
                fix=f"states (batch, {self.units}), as get_initial_state gives them",
            )
        return self._drop_inputs(inputs, training), self._drop_state(state, training)

    def _blocks(self, inputs: Tensor, h: Tensor) -> Tensor:
        """`inputs @ kernel + h @ recurrent_kernel + bias`, `(batch, _gates * units)`."""
        z = ops.matmul(inputs, self.kernel) + ops.matmul(h, self.recurrent_kernel)
        return z if self.bias is None else z + self.bias


class SimpleRNNCell(DenseCell):
    """One step of a plain recurrent network.

        h = activation(x @ kernel + h @ recurrent_kernel + bias)

    Input `(batch, features)` and states `[(batch, units)]`; output `(batch, units)` and the new
    states.

    Args:
        units: length of each state and of the output.
        activation: activation function of what becomes the state.
        use_bias: whether a bias is added.
        kernel_initializer: initializer of the kernel, `(features, gates * units)`.
        recurrent_initializer: initializer of the recurrent kernel, `(units, gates * units)`.
        bias_initializer: initializer of the bias, `(gates * units,)`.
        kernel_regularizer: penalty on the kernel.
        recurrent_regularizer: penalty on the recurrent kernel.
        bias_regularizer: penalty on the bias.
        kernel_constraint: function applied to the kernel after each update.
        recurrent_constraint: function applied to the recurrent kernel after each update.
        bias_constraint: function applied to the bias after each update.
        dropout: fraction of the inputs to drop while training.
        recurrent_dropout: fraction of the state to drop while training.
        seed: seed of the dropout masks.

    Example:

        >>> import numpy as np
        >>> output, states = SimpleRNNCell(4)(np.ones((2, 3)), [np.zeros((2, 4))])
        >>> output.shape
        (2, 4)
    """

    @spelled_out()
    def __init__(self, units: int, *args: Any, **settings: Unpack[CellSettings]):
        super().__init__(units, **settings)

    def call(self, sequence: Tensor, states: Tensors, training: bool = False) -> Any:
        many = isinstance(states, (list, tuple))
        sequence, h = self._dropped(sequence, states[0] if many else states, training)
        h = self.activation(self._blocks(sequence, h))  # (batch, units)
        return h, [h] if many else h


class LSTMCell(DenseCell):
    """One step of a long short-term memory: a state `c` that gates write to, forget and read.

        i, f, o = recurrent_activation(x @ kernel + h @ recurrent_kernel + bias)    a block each
        c = f * c + i * activation(...)                                             a fourth block
        h = o * activation(c)

    Input `(batch, features)` and states `[h, c]` of `(batch, units)`; output `h` and the new
    states. The kernels hold the blocks i, f, c, o side by side. Hochreiter & Schmidhuber 1997.

    Args:
        units: length of each state and of the output.
        activation: activation function of what is written to and read from `c`.
        recurrent_activation: activation function of the gates.
        unit_forget_bias: whether the bias of the forget gate starts at 1.
        **settings: the other arguments of `SimpleRNNCell`.

    Example:

        >>> import numpy as np
        >>> zeros = np.zeros((2, 4))
        >>> output, states = LSTMCell(4)(np.ones((2, 3)), [zeros, zeros])
        >>> output.shape, len(states)
        ((2, 4), 2)
    """

    recurrent_activation = ActivationAttribute()

    _gates = 4

    @spelled_out(recurrent_activation="activation", unit_forget_bias="bias_initializer")
    def __init__(self, units: int, *args: Any, **settings: Unpack[LSTMCellSettings]):
        recurrent_activation = settings.pop("recurrent_activation")
        unit_forget_bias = settings.pop("unit_forget_bias")
        super().__init__(units, **settings)
        self.recurrent_activation = recurrent_activation
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [self.units, self.units]

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        if self.bias is not None and self.unit_forget_bias:
            open_forget_gate(self.bias)

    def call(self, inputs: Tensor, states: Tensors, training: bool = False) -> Any:
        h, c = states
        inputs, h = self._dropped(inputs, h, training)
        return lstm_step(self, self._blocks(inputs, h), c)


def open_forget_gate(bias: Variable) -> None:
    """Set the second of the four blocks of an LSTM's bias to 1."""
    start = bias.numpy().reshape(4, -1)
    start[1] = 1
    bias.assign(start.reshape(-1))


def lstm_step(cell: Any, z: Tensor, c: Tensor, axis: int = -1) -> tuple[Tensor, list[Tensor]]:
    """The output and the states of an LSTM after a step.

    Args:
        cell: layer with an `activation` and a `recurrent_activation`.
        z: what enters the gates and the state, four blocks along `axis`: `(..., 4 * units)`.
        c: state before the step, `(..., units)`.
        axis: axis of the blocks.
    """
    i, f, g, o = ops.split(z, 4, axis=axis)  # (..., units) each
    gate = cell.recurrent_activation
    c = gate(f) * c + gate(i) * cell.activation(g)
    h = gate(o) * cell.activation(c)
    return h, [h, c]


class GRUCell(DenseCell):
    """One step of a gated recurrent unit: a state that one gate renews and another one resets.

        z, r = recurrent_activation(x @ kernel + h @ recurrent_kernel + bias)    a block each
        n = activation(x @ kernel + r * (h @ recurrent_kernel))      a third block; reset_after
        n = activation(x @ kernel + (r * h) @ recurrent_kernel)      without
        h = z * h + (1 - z) * n

    Input `(batch, features)` and states `[(batch, units)]`; output `(batch, units)` and the new
    states. The kernels hold the blocks z, r, n side by side. The bias is `(2, 3 * units)` with
    `reset_after`, one row per kernel, and `(3 * units,)` without. Cho et al. 2014.

    Args:
        units: length of the state and of the output.
        activation: activation function of `n`.
        recurrent_activation: activation function of the gates.
        reset_after: whether the state is reset after its product with the recurrent kernel.
        **settings: the other arguments of `SimpleRNNCell`.

    Example:

        >>> import numpy as np
        >>> output, states = GRUCell(4)(np.ones((2, 3)), [np.zeros((2, 4))])
        >>> output.shape
        (2, 4)
    """

    recurrent_activation = ActivationAttribute()

    _gates = 3

    @spelled_out(recurrent_activation="activation", reset_after="recurrent_dropout")
    def __init__(self, units: int, *args: Any, **settings: Unpack[GRUCellSettings]):
        recurrent_activation = settings.pop("recurrent_activation")
        reset_after = settings.pop("reset_after")
        super().__init__(units, **settings)
        self.recurrent_activation = recurrent_activation
        self.reset_after = reset_after

    def _bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def call(self, inputs: Tensor, states: Tensors, training: bool = False) -> Any:
        many = isinstance(states, (list, tuple))
        before = states[0] if many else states
        inputs, h = self._dropped(inputs, before, training)
        bias = None if self.bias is None else self.bias.value
        of_x, of_h = (bias[0], bias[1]) if bias is not None and self.reset_after else (bias, None)
        x = ops.matmul(inputs, self.kernel)  # (batch, 3 * units)
        x_z, x_r, x_n = ops.split(x if of_x is None else x + of_x, 3, axis=-1)  # (batch, units)
        gate = self.recurrent_activation
        if self.reset_after:
            m = ops.matmul(h, self.recurrent_kernel)  # (batch, 3 * units)
            h_z, h_r, h_n = ops.split(m if of_h is None else m + of_h, 3, axis=-1)
            z, r = gate(x_z + h_z), gate(x_r + h_r)
            n = self.activation(x_n + r * h_n)
        else:
            kernel = self.recurrent_kernel.value
            m = ops.matmul(h, kernel[:, : 2 * self.units])  # (batch, 2 * units)
            h_z, h_r = ops.split(m, 2, axis=-1)
            z, r = gate(x_z + h_z), gate(x_r + h_r)
            n = self.activation(x_n + ops.matmul(r * h, kernel[:, 2 * self.units :]))
        new = z * before + (1 - z) * n  # (batch, units)
        return new, [new] if many else new
