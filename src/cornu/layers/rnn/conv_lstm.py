"""`ConvLSTM1D`, `ConvLSTM2D`, `ConvLSTM3D`: LSTMs over images, with convolutions for products.

    inputs (batch, time, *spatial, channels)
       |  one convolution for all steps at once
    (batch, time, *new_spatial, 4 * filters)   +   convolution of the state h    at each step
       |  i, f, c, o: the gates of an LSTM at each position
    h, c (batch, *new_spatial, filters)

Shi et al. 2015, "Convolutional LSTM Network".
"""

from collections.abc import Sequence
from typing import Any, Unpack

from cornu import ops
from cornu.arguments import channels_format, one_of, per_axis, positive_int
from cornu.errors import value_error
from cornu.layers.base.activated import ActivationAttribute
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.base.settings import spelled_out
from cornu.layers.rnn.cells import DropoutCell, lstm_step, open_forget_gate
from cornu.layers.rnn.recurrent import Recurrent
from cornu.layers.rnn.rnn import time_loop
from cornu.layers.rnn.settings import ConvLSTMCellSettings, ConvLSTMSettings
from cornu.types import Config, Shape, Tensor


class ConvLSTMCell(DropoutCell):
    """One step of a convolutional LSTM.

    Args:
        rank: number of spatial axes.
        filters: number of channels of the states and of the output.
        kernel_size: size of the window along each axis.
        **settings: the arguments of `ConvLSTM2D` and `LSTMCell`.
    """

    recurrent_activation = ActivationAttribute()

    @spelled_out(recurrent_activation="activation", unit_forget_bias="bias_initializer")
    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: int | Sequence[int],
        *args: Any,
        **settings: Unpack[ConvLSTMCellSettings],
    ):
        strides, padding = settings.pop("strides"), settings.pop("padding")
        data_format, dilation_rate = settings.pop("data_format"), settings.pop("dilation_rate")
        recurrent_activation = settings.pop("recurrent_activation")
        unit_forget_bias = settings.pop("unit_forget_bias")
        super().__init__(**settings)
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
        self.recurrent_activation = recurrent_activation
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [self.filters, self.filters]

    @property
    def channel_axis(self) -> int:
        """The axis of the channels in a step."""
        return -1 if self.data_format == "channels_last" else 1

    def build(self, input_shape: Shape) -> None:
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
                open_forget_gate(self.bias)

    def of_inputs(self, inputs: Tensor) -> Tensor:
        """The part of the gates that the inputs decide, `(batch, *new_spatial, 4 * filters)`."""
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
            bias = ops.reshape(bias, (1, -1) + (1,) * self.rank)  # (1, 4 * filters, 1, ...)
        return z + bias

    def step(
        self, of_inputs: Tensor, states: list[Tensor], training: bool
    ) -> tuple[Tensor, list[Tensor]]:
        """The output and the states after a step, given what `of_inputs` says of its inputs."""
        h, c = states  # (batch, *new_spatial, filters)
        z = of_inputs + ops.conv(
            self._drop_state(h, training),
            self.recurrent_kernel.value,
            padding="same",
            data_format=self.data_format,
        )  # (batch, *new_spatial, 4 * filters)
        return lstm_step(self, z, c, self.channel_axis)

    def call(self, inputs: Tensor, states: list[Tensor], training: bool = False) -> Any:
        return self.step(self.of_inputs(self._drop_inputs(inputs, training)), states, training)

    def new_sizes(self, sizes: Shape) -> Shape:
        """The spatial sizes of the states, given those of the inputs; None where unknown."""

        def moved(n: int | None, k: int, s: int, d: int) -> int | None:
            if n is None:
                return None
            return (n + s - 1) // s if self.padding == "same" else (n - (k - 1) * d - 1) // s + 1

        windows = (self.kernel_size, self.strides, self.dilation_rate)
        return tuple(moved(*axis) for axis in zip(sizes, *windows, strict=True))

    def state_shape(self, step_shape: Shape) -> Shape:
        """The shape of the states, given the shape `(batch, ...)` of a step."""
        if self.data_format == "channels_last":
            return (step_shape[0], *self.new_sizes(step_shape[1:-1]), self.filters)
        return (step_shape[0], self.filters, *self.new_sizes(step_shape[2:]))

    def get_config(self) -> Config:
        config = super().get_config()
        del config["rank"]
        return config


class ConvLSTM(Recurrent, cell=ConvLSTMCell):
    """A convolutional LSTM over time, with `rank` spatial axes."""

    rank = 2

    @spelled_out(
        recurrent_activation="activation",
        unit_forget_bias="bias_initializer",
        activity_regularizer="bias_regularizer",
    )
    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        *args: Any,
        **settings: Unpack[ConvLSTMSettings],
    ):
        super().__init__(rank=self.rank, filters=filters, kernel_size=kernel_size, **settings)
        self.input_spec = InputSpec(ndim=self.rank + 3)
        self._step_shape: Shape = ()

    def build(self, sequences_shape: Shape, initial_state_shape: Any = None) -> None:
        self._step_shape = (sequences_shape[0], *sequences_shape[2:])
        super().build(sequences_shape, initial_state_shape)

    def _zeros(self, step_shape: Shape) -> list[Tensor]:
        shape = self.cell.state_shape(step_shape)  # (batch, *new_spatial, filters)
        return [ops.zeros(shape, self.compute_dtype) for _ in range(2)]

    def get_initial_state(self, batch_size: int | None) -> list[Tensor]:
        """Zeros `(batch, *new_spatial, filters)`, from which a sequence starts, for both states."""
        return self._zeros((batch_size, *self._step_shape[1:]))

    def _first_states(self, sequences: Tensor) -> list[Tensor]:
        return self._zeros((sequences.shape[0], *sequences.shape[2:]))

    def inner_loop(
        self, sequences: Tensor, initial_state: list[Tensor], mask: Tensor, training: bool = False
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        cell = self.cell
        batch, time, *rest = sequences.shape
        if training and cell.dropout:
            sequences = sequences * ops.expand_dims(cell.get_dropout_mask(sequences[:, 0]), 1)
        z = cell.of_inputs(ops.reshape(sequences, (batch * time, *rest)))
        return time_loop(
            lambda x, states: cell.step(x, states, training),
            initial_state,
            ops.reshape(z, (batch, time, *z.shape[1:])),  # (batch, time, *new_spatial, 4 * filters)
            mask,
            backwards=self.go_backwards,
            unroll=self.unroll,
            zero_output_for_mask=self.zero_output_for_mask,
        )

    def compute_output_shape(self, sequences_shape: Shape, initial_state_shape: Any = None) -> Any:
        batch, time, *rest = sequences_shape
        state = self.cell.state_shape((batch, *rest))
        output = (batch, time, *state[1:]) if self.return_sequences else state
        return (output, state, state) if self.return_state else output


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
    """A convolutional LSTM over series of images, such as videos.

    Input `(batch, time, height, width, channels)`, output
    `(batch, new_height, new_width, filters)`, or
    `(batch, time, new_height, new_width, filters)` with `return_sequences`.

    Args:
        filters: number of channels of the states and of the output.
        kernel_size: size of the window, an int or `(height, width)`.
        strides: step of the window over the inputs; over the states it moves by 1.
        padding: "valid" or "same", for the inputs; states are padded to keep their size.
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance between the taps of the window over the inputs.
        return_sequences: whether the outputs of all steps are returned.
        return_state: whether the last states `h` and `c` are returned after the output.
        **settings: the other arguments of `LSTMCell`, `RNN` and `Layer`; the kernels are
            `(*kernel_size, channels, 4 * filters)` and `(*kernel_size, filters, 4 * filters)`.

    Example:

        >>> import numpy as np
        >>> ConvLSTM2D(4, 3, padding="same")(np.ones((2, 5, 8, 8, 1))).shape
        (2, 8, 8, 4)
    """


class ConvLSTM3D(ConvLSTM):
    """A convolutional LSTM over series of volumes.

    Input `(batch, time, depth, height, width, channels)`, output
    `(batch, new_depth, new_height, new_width, filters)`, or one per step with `return_sequences`.
    The arguments are those of `ConvLSTM2D`.

    Example:

        >>> import numpy as np
        >>> ConvLSTM3D(2, 2)(np.ones((1, 3, 4, 4, 4, 1))).shape
        (1, 3, 3, 3, 2)
    """

    rank = 3
