"""One step of a recurrent layer: `SimpleRNNCell`, `LSTMCell`, `GRUCell`.

A cell maps the input of one time step and its states to an output and new states; `RNN` moves it
over time. Its dropout masks are drawn once for a whole sequence: `RNN` asks for them before the
loop (`get_dropout_mask`) and forgets them after it (`reset_dropout_mask`).
"""

from typing import Any

from cornu import constraints, initializers, ops, regularizers
from cornu.arguments import positive_int
from cornu.errors import value_error
from cornu.kernels import random_bits
from cornu.layers.base.activated import ActivationAttribute
from cornu.layers.base.layer import Layer
from cornu.random.seed import SeedGenerator


class DropoutCell(Layer):
    """A cell whose inputs and states may be dropped, the same way at all steps of a sequence."""

    _takes_sparse = False

    _untracked_attributes = Layer._untracked_attributes | {
        "_dropout_mask",
        "_recurrent_dropout_mask",
    }

    units: int
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    seed_generator: SeedGenerator

    _dropout_mask: Any = None
    _recurrent_dropout_mask: Any = None

    def _ones_or_zeros(self, like: Any, rate: float) -> Any:
        if rate >= 1:
            return ops.zeros_like(like)
        return random_bits.dropout(ops.ones_like(like), rate, self.seed_generator.next())

    def get_dropout_mask(self, step_input: Any) -> Any:
        """What the inputs of each step are multiplied by; None without dropout."""
        if self._dropout_mask is None and self.dropout > 0:
            self._dropout_mask = self._ones_or_zeros(step_input, self.dropout)
        return self._dropout_mask

    def get_recurrent_dropout_mask(self, step_input: Any) -> Any:
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

    def _dropped(self, inputs: Any, state: Any, training: Any) -> tuple[Any, Any]:
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
        if training:
            mask = self.get_dropout_mask(inputs)
            inputs = inputs if mask is None else inputs * mask
            mask = self.get_recurrent_dropout_mask(state)
            state = state if mask is None else state * mask
        return inputs, state


class SingleStateCell(DropoutCell):
    """A cell with `_gates` blocks of kernel columns, one after the other."""

    activation = ActivationAttribute()

    _gates = 1

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        kwargs.pop("implementation", None)  # of older files
        super().__init__(**kwargs)
        kind = type(self).__name__
        self.units = positive_int(units, "units", f"{kind}(32)")
        self.activation = activation
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)
        self.state_size: Any = self.units
        self.output_size = self.units
        self.bias: Any = None

    def _bias_shape(self) -> tuple[int, ...]:
        """The shape of the bias."""
        return (self._gates * self.units,)

    def build(self, input_shape: Any) -> None:
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

    def get_initial_state(self, batch_size: Any = None) -> Any:
        """Zeros, from which a sequence starts; a list with one `(batch, units)` a state."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [ops.zeros((batch_size, n), dtype=self.compute_dtype) for n in sizes]


class SimpleRNNCell(SingleStateCell):
    """`h = activation(x @ kernel + h @ recurrent_kernel + bias)`.

    Input `(batch, features)` and states `[(batch, units)]`, output `(batch, units)` and the new
    states.

    Args:
        units: length of the state.
        activation: of the state.
        use_bias: whether a bias is added.
        kernel_initializer: of the kernel, `(features, units)`.
        recurrent_initializer: of the recurrent kernel, `(units, units)`.
        bias_initializer: of the bias.
        kernel_regularizer: penalty on the kernel.
        recurrent_regularizer: penalty on the recurrent kernel.
        bias_regularizer: penalty on the bias.
        kernel_constraint: applied to the kernel after each update.
        recurrent_constraint: applied to the recurrent kernel after each update.
        bias_constraint: applied to the bias after each update.
        dropout: share of the inputs that are dropped while training.
        recurrent_dropout: share of the states that are dropped while training.
        seed: int for the same numbers in each run of a program.

    Example:

        >>> import numpy as np
        >>> output, states = SimpleRNNCell(4)(np.ones((2, 3)), [np.zeros((2, 4))])
        >>> output.shape
        (2, 4)
    """

    def call(self, sequence: Any, states: Any, training: bool = False) -> Any:
        many = isinstance(states, (list, tuple))
        sequence, h = self._dropped(sequence, states[0] if many else states, training)
        z = ops.matmul(sequence, self.kernel) + ops.matmul(h, self.recurrent_kernel)
        if self.bias is not None:
            z = z + self.bias
        h = self.activation(z)
        return h, [h] if many else h


class LSTMCell(SingleStateCell):
    """Long short-term memory: a state `c` that gates write to, forget and read.

        i, f, o = recurrent_activation(x @ kernel + h @ recurrent_kernel + bias)    a block each
        c = f * c + i * activation(...)                                             a fourth block
        h = o * activation(c)

    Input `(batch, features)` and states `[h, c]` of `(batch, units)`, output `h` and the new
    states. The kernel holds the blocks i, f, c, o side by side. Hochreiter & Schmidhuber 1997.

    Args:
        units: length of the states.
        activation: of what is written and read.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        kernel_initializer: of the kernel, `(features, 4 * units)`.
        recurrent_initializer: of the recurrent kernel, `(units, 4 * units)`.
        bias_initializer: of the bias, `(4 * units,)`.
        unit_forget_bias: whether the bias of the forget gate starts at 1.
        kernel_regularizer: penalty on the kernel.
        recurrent_regularizer: penalty on the recurrent kernel.
        bias_regularizer: penalty on the bias.
        kernel_constraint: applied to the kernel after each update.
        recurrent_constraint: applied to the recurrent kernel after each update.
        bias_constraint: applied to the bias after each update.
        dropout: share of the inputs that are dropped while training.
        recurrent_dropout: share of the states that are dropped while training.
        seed: int for the same numbers in each run of a program.

    Example:

        >>> import numpy as np
        >>> zeros = np.zeros((2, 4))
        >>> output, states = LSTMCell(4)(np.ones((2, 3)), [zeros, zeros])
        >>> output.shape, len(states)
        ((2, 4), 2)
    """

    recurrent_activation = ActivationAttribute()

    _gates = 4

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            units,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            **kwargs,
        )
        self.recurrent_activation = recurrent_activation
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [self.units, self.units]

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        if self.bias is not None and self.unit_forget_bias:
            start = self.bias.numpy()
            start[self.units : 2 * self.units] = 1
            self.bias.assign(start)

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        h, c = states
        inputs, h = self._dropped(inputs, h, training)
        z = ops.matmul(inputs, self.kernel) + ops.matmul(h, self.recurrent_kernel)
        if self.bias is not None:
            z = z + self.bias
        i, f, g, o = ops.split(z, 4, axis=-1)
        gate = self.recurrent_activation
        c = gate(f) * c + gate(i) * self.activation(g)
        h = gate(o) * self.activation(c)
        return h, [h, c]


class GRUCell(SingleStateCell):
    """Gated recurrent unit: a state that one gate renews and another resets.

        z, r = recurrent_activation(x @ kernel + h @ recurrent_kernel + bias)    a block each
        n = activation(x @ kernel + r * (h @ recurrent_kernel))      a third block; reset_after
        n = activation(x @ kernel + (r * h) @ recurrent_kernel)      without
        h = z * h + (1 - z) * n

    Input `(batch, features)` and states `[(batch, units)]`, output `(batch, units)` and the new
    states. The kernel holds the blocks z, r, n side by side. Cho et al. 2014.

    Args:
        units: length of the state.
        activation: of what is written.
        recurrent_activation: of the gates.
        use_bias: whether biases are added.
        kernel_initializer: of the kernel, `(features, 3 * units)`.
        recurrent_initializer: of the recurrent kernel, `(units, 3 * units)`.
        bias_initializer: of the bias, `(2, 3 * units)` with `reset_after`, `(3 * units,)` without.
        kernel_regularizer: penalty on the kernel.
        recurrent_regularizer: penalty on the recurrent kernel.
        bias_regularizer: penalty on the bias.
        kernel_constraint: applied to the kernel after each update.
        recurrent_constraint: applied to the recurrent kernel after each update.
        bias_constraint: applied to the bias after each update.
        dropout: share of the inputs that are dropped while training.
        recurrent_dropout: share of the states that are dropped while training.
        reset_after: whether the state is reset after its product with the recurrent kernel.
        seed: int for the same numbers in each run of a program.

    Example:

        >>> import numpy as np
        >>> output, states = GRUCell(4)(np.ones((2, 3)), [np.zeros((2, 4))])
        >>> output.shape
        (2, 4)
    """

    recurrent_activation = ActivationAttribute()

    _gates = 3

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(
            units,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            **kwargs,
        )
        self.recurrent_activation = recurrent_activation
        self.reset_after = reset_after

    def _bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        many = isinstance(states, (list, tuple))
        before = states[0] if many else states
        inputs, h = self._dropped(inputs, before, training)
        bias = None if self.bias is None else self.bias.value
        of_x, of_h = (bias[0], bias[1]) if bias is not None and self.reset_after else (bias, None)
        x = ops.matmul(inputs, self.kernel)
        x = x if of_x is None else x + of_x
        x_z, x_r, x_n = ops.split(x, 3, axis=-1)
        gate = self.recurrent_activation
        if self.reset_after:
            m = ops.matmul(h, self.recurrent_kernel)
            h_z, h_r, h_n = ops.split(m if of_h is None else m + of_h, 3, axis=-1)
            z, r = gate(x_z + h_z), gate(x_r + h_r)
            n = self.activation(x_n + r * h_n)
        else:
            kernel = self.recurrent_kernel.value
            m = ops.matmul(h, kernel[:, : 2 * self.units])
            h_z, h_r = ops.split(m, 2, axis=-1)
            z, r = gate(x_z + h_z), gate(x_r + h_r)
            n = self.activation(x_n + ops.matmul(r * h, kernel[:, 2 * self.units :]))
        new = z * before + (1 - z) * n
        return new, [new] if many else new
