"""`ConvLSTM1D`, `ConvLSTM2D`, `ConvLSTM3D`: LSTMs over images, with convolutions for products.

    inputs (batch, time, *spatial, channels)
       |  one convolution for all steps at once
    (batch, time, *new_spatial, 4 * filters)   +   convolution of the state h    at each step
       |  i, f, c, o: the gates of an LSTM at each position
    h, c (batch, *new_spatial, filters)

Shi et al. 2015, "Convolutional LSTM Network".
"""

from typing import Any

from cornu import constraints, initializers, ops, regularizers
from cornu.arguments import channels_format, one_of, per_axis, positive_int
from cornu.errors import value_error
from cornu.layers.base.activated import ActivationAttribute
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.rnn.cells import DropoutCell
from cornu.layers.rnn.rnn import RNN, of_cell, time_loop
from cornu.random.seed import SeedGenerator


class ConvLSTMCell(DropoutCell):
    """One step of a convolutional LSTM.

    Args:
        rank: number of spatial axes.
        filters: channels of the states and the output.
        kernel_size: taps of the window.
        strides: step of the window over the inputs; states move by one.
        padding: "valid" or "same", of the inputs; states are padded to stay as they are.
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance between the taps.
        activation: of what is written and read.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        kernel_initializer: of the kernel, `(*kernel_size, channels, 4 * filters)`.
        recurrent_initializer: of the recurrent kernel, `(*kernel_size, filters, 4 * filters)`.
        bias_initializer: of the bias, `(4 * filters,)`.
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
    """

    activation = ActivationAttribute()
    recurrent_activation = ActivationAttribute()

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        super().__init__(**kwargs)
        self.rank = rank
        self.filters = positive_int(filters, "filters", f"ConvLSTM{rank}D(32, 3)")
        self.kernel_size = per_axis(kernel_size, rank, "kernel_size")
        self.strides = per_axis(strides, rank, "strides")
        self.padding = one_of(padding, ("valid", "same"), "padding")
        self.data_format = channels_format(data_format)
        self.dilation_rate = per_axis(dilation_rate, rank, "dilation_rate")
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise value_error(
                "strides and dilation_rate cannot both be greater than 1.",
                received=f"strides={self.strides}, dilation_rate={self.dilation_rate}",
                fix="strides=1\nor dilation_rate=1",
            )
        self.activation = activation
        self.recurrent_activation = recurrent_activation
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.unit_forget_bias = unit_forget_bias
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
        self.state_size = [self.filters, self.filters]
        self.bias: Any = None

    @property
    def channel_axis(self) -> int:
        """The axis of the channels in a step."""
        return -1 if self.data_format == "channels_last" else 1

    def build(self, input_shape: Any) -> None:
        channels = input_shape[self.channel_axis]
        if channels is None:
            raise value_error(
                f"'{self.name}' needs to know the number of channels.",
                shapes=f"a step {tuple(input_shape)}",
                fix="keras.Input(shape=(None, 64, 64, channels))",
            )
        blocks = 4 * self.filters
        self.kernel = self.add_weight(shape=(*self.kernel_size, channels, blocks), like="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(*self.kernel_size, self.filters, blocks),
            like="recurrent",
            name="recurrent_kernel",
        )
        if self.use_bias:
            self.bias = self.add_weight(shape=(blocks,), like="bias")
            if self.unit_forget_bias:
                start = self.bias.numpy()
                start[self.filters : 2 * self.filters] = 1
                self.bias.assign(start)

    def of_inputs(self, inputs: Any) -> Any:
        """The part of the gates that the inputs decide, `(batch, ..., 4 * filters)`."""
        z = ops.conv(
            inputs,
            self.kernel.value,
            strides=self.strides,
            padding=self.padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )
        if self.bias is None:
            return z
        bias = self.bias.value
        if self.data_format == "channels_first":
            bias = ops.reshape(bias, (1, -1) + (1,) * self.rank)
        return z + bias

    def step(self, of_inputs: Any, states: Any, training: Any) -> tuple[Any, list[Any]]:
        """The states after a step, given what its inputs say."""
        h, c = states
        mask = self.get_recurrent_dropout_mask(h) if training else None
        kept = h if mask is None else h * mask
        z = of_inputs + ops.conv(
            kept, self.recurrent_kernel.value, padding="same", data_format=self.data_format
        )
        i, f, g, o = ops.split(z, 4, axis=self.channel_axis)
        gate = self.recurrent_activation
        c = gate(f) * c + gate(i) * self.activation(g)
        h = gate(o) * self.activation(c)
        return h, [h, c]

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        if training:
            mask = self.get_dropout_mask(inputs)
            inputs = inputs if mask is None else inputs * mask
        return self.step(self.of_inputs(inputs), states, training)

    def new_sizes(self, sizes: Any) -> tuple[Any, ...]:
        """The spatial sizes of the states for those of the inputs; None where not known."""
        found: list[Any] = []
        for n, k, s, d in zip(
            sizes, self.kernel_size, self.strides, self.dilation_rate, strict=True
        ):
            if n is None:
                found.append(None)
            elif self.padding == "same":
                found.append((n + s - 1) // s)
            else:
                found.append((n - (k - 1) * d - 1) // s + 1)
        return tuple(found)

    def state_shape(self, step_shape: Any) -> tuple[Any, ...]:
        """The shape of the states for the shape `(batch, ...)` of a step."""
        if self.data_format == "channels_last":
            return (step_shape[0], *self.new_sizes(step_shape[1:-1]), self.filters)
        return (step_shape[0], self.filters, *self.new_sizes(step_shape[2:]))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["rank"]
        return config


class ConvLSTM(RNN):
    """A convolutional LSTM over time; the arguments are those of the cell and of `RNN`."""

    rank = 2

    filters = of_cell("filters")
    kernel_size = of_cell("kernel_size")
    strides = of_cell("strides")
    padding = of_cell("padding")
    data_format = of_cell("data_format")
    dilation_rate = of_cell("dilation_rate")
    activation = of_cell("activation")
    recurrent_activation = of_cell("recurrent_activation")
    use_bias = of_cell("use_bias")
    kernel_initializer = of_cell("kernel_initializer")
    recurrent_initializer = of_cell("recurrent_initializer")
    bias_initializer = of_cell("bias_initializer")
    unit_forget_bias = of_cell("unit_forget_bias")
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

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        **kwargs: Any,
    ):
        cell = ConvLSTMCell(
            self.rank,
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
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
            name="conv_lstm_cell",
        )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.input_spec = InputSpec(ndim=self.rank + 3)
        self._step_shape: tuple[Any, ...] = ()

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        self._step_shape = (sequences_shape[0], *sequences_shape[2:])
        super().build(sequences_shape, initial_state_shape)

    def get_initial_state(self, batch_size: Any) -> list[Any]:
        """Zeros `(batch, *new_spatial, filters)`, from which a sequence starts, for both states."""
        shape = (batch_size, *self.cell.state_shape(self._step_shape)[1:])
        return [ops.zeros(shape, self.compute_dtype) for _ in range(2)]

    def _first_states(self, sequences: Any) -> list[Any]:
        step = (sequences.shape[0], *sequences.shape[2:])
        return [ops.zeros(self.cell.state_shape(step), self.compute_dtype) for _ in range(2)]

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> tuple[Any, Any, Any]:
        cell = self.cell
        batch, time, *rest = sequences.shape
        if training and cell.dropout:
            sequences = sequences * ops.expand_dims(cell.get_dropout_mask(sequences[:, 0]), 1)
        z = cell.of_inputs(ops.reshape(sequences, (batch * time, *rest)))
        return time_loop(
            lambda x, states: cell.step(x, states, training),
            initial_state,
            ops.reshape(z, (batch, time, *z.shape[1:])),
            mask,
            backwards=self.go_backwards,
            unroll=self.unroll,
            zero_output_for_mask=self.zero_output_for_mask,
        )

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        batch, time, *rest = sequences_shape
        state = self.cell.state_shape((batch, *rest))
        output = (batch, time, *state[1:]) if self.return_sequences else state
        return (output, state, state) if self.return_state else output

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["cell"]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        return cls(**config)


class ConvLSTM1D(ConvLSTM):
    """A convolutional LSTM over series of series.

    Input `(batch, time, size, channels)`, output `(batch, new_size, filters)`, or
    `(batch, time, new_size, filters)` with `return_sequences`. The arguments are those of
    `ConvLSTM2D`.

    Example:

        >>> import numpy as np
        >>> ConvLSTM1D(4, 3)(np.ones((2, 5, 10, 1))).shape
        (2, 8, 4)
    """

    rank = 1


class ConvLSTM2D(ConvLSTM):
    """A convolutional LSTM over series of images, such as films.

    Input `(batch, time, height, width, channels)`, output
    `(batch, new_height, new_width, filters)`, with `return_sequences` one for each step.

    Args:
        filters: channels of the states and the output.
        kernel_size: taps of the window, an int or `(height, width)`.
        strides: step of the window over the inputs.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance between the taps.
        activation: of what is written and read.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        kernel_initializer: of the kernel, `(*kernel_size, channels, 4 * filters)`.
        recurrent_initializer: of the recurrent kernel, `(*kernel_size, filters, 4 * filters)`.
        bias_initializer: of the bias, `(4 * filters,)`.
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

    Example:

        >>> import numpy as np
        >>> ConvLSTM2D(4, 3, padding="same")(np.ones((2, 5, 8, 8, 1))).shape
        (2, 8, 8, 4)
    """

    rank = 2


class ConvLSTM3D(ConvLSTM):
    """A convolutional LSTM over series of volumes.

    Input `(batch, time, depth, height, width, channels)`, output
    `(batch, new_depth, new_height, new_width, filters)`, with `return_sequences` one for each step.
    The arguments are those of `ConvLSTM2D`.

    Example:

        >>> import numpy as np
        >>> ConvLSTM3D(2, 2)(np.ones((1, 3, 4, 4, 4, 1))).shape
        (1, 3, 3, 3, 2)
    """

    rank = 3
