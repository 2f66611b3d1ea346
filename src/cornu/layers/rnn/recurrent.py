"""`SimpleRNN`, `LSTM`, `GRU`: `RNN` with the cell of the same name.

LSTM and GRU run as one fused loop while their activations are the usual ones and their states are
not dropped; else step by step through the cell. Both give the same numbers.
"""

from typing import Any

from cornu import activations, ops
from cornu.kernels import recurrence
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.rnn.cells import GRUCell, LSTMCell, SimpleRNNCell
from cornu.layers.rnn.rnn import RNN, of_cell
from cornu.numeric import is_float


class Recurrent(RNN):
    """`RNN` with a cell that it makes itself and whose arguments are its own."""

    units = of_cell("units")
    activation = of_cell("activation")
    use_bias = of_cell("use_bias")
    kernel_initializer = of_cell("kernel_initializer")
    recurrent_initializer = of_cell("recurrent_initializer")
    bias_initializer = of_cell("bias_initializer")
    kernel_regularizer = of_cell("kernel_regularizer")
    recurrent_regularizer = of_cell("recurrent_regularizer")
    bias_regularizer = of_cell("bias_regularizer")
    kernel_constraint = of_cell("kernel_constraint")
    recurrent_constraint = of_cell("recurrent_constraint")
    bias_constraint = of_cell("bias_constraint")
    dropout = of_cell("dropout")
    recurrent_dropout = of_cell("recurrent_dropout")
    seed = of_cell("seed")

    _config_omits_none = frozenset()  # activity_regularizer is an argument here

    def __init__(self, cell: Any, **kwargs: Any):
        super().__init__(cell, **kwargs)
        self.input_spec = InputSpec(ndim=3)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for name in ("cell", "use_cudnn"):
            config.pop(name, None)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        config = dict(config)
        if not config.get("time_major", True):  # of older files
            del config["time_major"]
        return cls(**config)

    def _is_usual(self, training: Any) -> bool:
        """Whether the fused loop computes what the cell does."""
        cell = self.cell
        return (
            not self.unroll
            and cell.activation is activations.tanh
            and cell.recurrent_activation is activations.sigmoid
            and not (training and cell.recurrent_dropout)
        )

    def _dropped(self, sequences: Any, training: Any) -> Any:
        """The sequences in floats, with the dropout mask of the cell on each step."""
        if not is_float(sequences.dtype):  # the fused loops compute in their dtype
            sequences = ops.cast(sequences, self.compute_dtype)
        mask = self.cell.get_dropout_mask(sequences[:, 0]) if training else None
        return sequences if mask is None else sequences * ops.expand_dims(mask, 1)

    def _in_order(self, outputs: Any, mask: Any) -> Any:
        """The outputs of a fused loop in the order of computation, zero where asked for."""
        if not self.return_sequences:
            return outputs
        if self.zero_output_for_mask and mask is not None:
            outputs = ops.where(ops.expand_dims(mask, -1), outputs, ops.zeros_like(outputs))
        return ops.flip(outputs, axis=1) if self.go_backwards else outputs


class SimpleRNN(Recurrent):
    """The plainest recurrent layer: `h = activation(x @ kernel + h @ recurrent_kernel + bias)`.

    Input `(batch, time, features)`, output `(batch, units)`, or `(batch, time, units)` with
    `return_sequences`.

    Args:
        units: length of the state and the output.
        activation: of the state.
        use_bias: whether a bias is added.
        kernel_initializer: of the kernel, `(features, units)`.
        recurrent_initializer: of the recurrent kernel, `(units, units)`.
        bias_initializer: of the bias.
        kernel_regularizer: penalty on the kernel.
        recurrent_regularizer: penalty on the recurrent kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        kernel_constraint: applied to the kernel after each update.
        recurrent_constraint: applied to the recurrent kernel after each update.
        bias_constraint: applied to the bias after each update.
        dropout: share of the inputs that are dropped while training.
        recurrent_dropout: share of the states that are dropped while training.
        return_sequences: whether the outputs of all steps are returned.
        return_state: whether the last state is returned after the output.
        go_backwards: whether the sequence is read from its end.
        stateful: whether a batch starts from the state at the end of the batch before.
        unroll: whether the steps are written out one after the other.
        seed: int for the same dropout in each run of a program.

    Example:

        >>> import numpy as np
        >>> SimpleRNN(4)(np.ones((2, 10, 8))).shape
        (2, 4)
    """

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
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        cell = SimpleRNNCell(
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
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="simple_rnn_cell",
        )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )


class LSTM(Recurrent):
    """Long short-term memory over time; `LSTMCell` has the formulas.

    Input `(batch, time, features)`, output `(batch, units)`, or `(batch, time, units)` with
    `return_sequences`. The states are `h` and `c`, `(batch, units)` each.

    Args:
        units: length of the states and the output.
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
        activity_regularizer: penalty on the outputs.
        kernel_constraint: applied to the kernel after each update.
        recurrent_constraint: applied to the recurrent kernel after each update.
        bias_constraint: applied to the bias after each update.
        dropout: share of the inputs that are dropped while training.
        recurrent_dropout: share of the states that are dropped while training.
        seed: int for the same dropout in each run of a program.
        return_sequences: whether the outputs of all steps are returned.
        return_state: whether the last states `h`, `c` are returned after the output.
        go_backwards: whether the sequence is read from its end.
        stateful: whether a batch starts from the states at the end of the batch before.
        unroll: whether the steps are written out one after the other.
        use_cudnn: accepted as Keras does; XLA chooses what runs.

    Example:

        >>> import numpy as np
        >>> output, h, c = LSTM(4, return_sequences=True, return_state=True)(np.ones((2, 10, 8)))
        >>> output.shape, h.shape
        ((2, 10, 4), (2, 4))
    """

    recurrent_activation = of_cell("recurrent_activation")
    unit_forget_bias = of_cell("unit_forget_bias")

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
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ):
        cell = LSTMCell(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            unit_forget_bias=unit_forget_bias,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="lstm_cell",
        )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.use_cudnn = use_cudnn

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> tuple[Any, Any, Any]:
        if not self._is_usual(training):
            return super().inner_loop(sequences, initial_state, mask, training)
        cell = self.cell
        outputs, h, c = recurrence.lstm(
            self._dropped(sequences, training),
            initial_state[0],
            initial_state[1],
            cell.kernel.value,
            cell.recurrent_kernel.value,
            None if cell.bias is None else cell.bias.value,
            mask=mask,
            reverse=self.go_backwards,
        )
        return h, self._in_order(outputs, mask), [h, c]


class GRU(Recurrent):
    """Gated recurrent unit over time; `GRUCell` has the formulas.

    Input `(batch, time, features)`, output `(batch, units)`, or `(batch, time, units)` with
    `return_sequences`.

    Args:
        units: length of the state and the output.
        activation: of what is written.
        recurrent_activation: of the gates.
        use_bias: whether biases are added.
        kernel_initializer: of the kernel, `(features, 3 * units)`.
        recurrent_initializer: of the recurrent kernel, `(units, 3 * units)`.
        bias_initializer: of the bias, `(2, 3 * units)` with `reset_after`, `(3 * units,)` without.
        kernel_regularizer: penalty on the kernel.
        recurrent_regularizer: penalty on the recurrent kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        kernel_constraint: applied to the kernel after each update.
        recurrent_constraint: applied to the recurrent kernel after each update.
        bias_constraint: applied to the bias after each update.
        dropout: share of the inputs that are dropped while training.
        recurrent_dropout: share of the states that are dropped while training.
        seed: int for the same dropout in each run of a program.
        return_sequences: whether the outputs of all steps are returned.
        return_state: whether the last state is returned after the output.
        go_backwards: whether the sequence is read from its end.
        stateful: whether a batch starts from the state at the end of the batch before.
        unroll: whether the steps are written out one after the other.
        reset_after: whether the state is reset after its product with the recurrent kernel.
        use_cudnn: accepted as Keras does; XLA chooses what runs.

    Example:

        >>> import numpy as np
        >>> GRU(4)(np.ones((2, 10, 8))).shape
        (2, 4)
    """

    recurrent_activation = of_cell("recurrent_activation")
    reset_after = of_cell("reset_after")

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
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ):
        cell = GRUCell(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
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
            reset_after=reset_after,
            seed=seed,
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="gru_cell",
        )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.use_cudnn = use_cudnn

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> tuple[Any, Any, Any]:
        if not self._is_usual(training):
            return super().inner_loop(sequences, initial_state, mask, training)
        cell = self.cell
        outputs, h = recurrence.gru(
            self._dropped(sequences, training),
            initial_state[0],
            cell.kernel.value,
            cell.recurrent_kernel.value,
            None if cell.bias is None else cell.bias.value,
            mask=mask,
            reverse=self.go_backwards,
            reset_after=cell.reset_after,
        )
        return h, self._in_order(outputs, mask), [h]
