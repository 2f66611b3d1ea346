"""`SimpleRNN`, `LSTM`, `GRU`: `RNN` with the cell of the same name.

LSTM and GRU run as one fused loop while their activations are the usual ones and their states are
not dropped; else step by step through the cell. Both give the same numbers.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, ClassVar, Self, Unpack

from cornu import activations, names, ops
from cornu.kernels import recurrence
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.base.settings import spelled_out
from cornu.layers.rnn.cells import DropoutCell, GRUCell, LSTMCell, SimpleRNNCell
from cornu.layers.rnn.rnn import RNN
from cornu.layers.rnn.settings import GRUSettings, LSTMSettings, SimpleRNNSettings
from cornu.numeric import is_float
from cornu.types import Config, Tensor


def of_cell(name: str) -> Any:
    """A property that reads an attribute of the layer's cell."""
    return property(lambda self: getattr(self.cell, name), doc=f"`{name}` of the cell.")


class Recurrent(RNN):
    """`RNN` with a cell that it makes itself, whose settings are attributes of the layer, too.

    A subclass names the class of its cell: `class LSTM(Recurrent, cell=LSTMCell)`.
    """

    _cell_class: ClassVar[type[DropoutCell]]
    _cell_settings: ClassVar[tuple[str, ...]]

    _config_omits_none = frozenset()  # activity_regularizer is an argument here

    def __init_subclass__(cls, cell: type[DropoutCell] | None = None, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        if cell is not None:
            cls._cell_class = cell
            *settings, _ = inspect.signature(cell).parameters  # the last is **kwargs
            cls._cell_settings = tuple(settings)
            for name in settings:
                if not hasattr(cls, name):
                    setattr(cls, name, of_cell(name))

    def __init__(self, **settings: Any):
        own = {name: settings.pop(name) for name in self._cell_settings}
        cell = self._cell_class(
            **own,
            dtype=settings.get("dtype"),
            trainable=settings.get("trainable", True),
            name=names.to_snake_case(self._cell_class.__name__),
        )
        super().__init__(cell, **settings)
        self.input_spec = InputSpec(ndim=3)

    def get_config(self) -> Config:
        config = super().get_config()
        for name in ("cell", "use_cudnn"):
            config.pop(name, None)
        return config

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> Self:
        config = dict(config)
        if not config.get("time_major", True):  # of older files
            del config["time_major"]
        return cls(**config)

    def _fused_loop(self) -> Callable[..., Any] | None:
        """A kernel `(sequences, *states, kernel, recurrent_kernel, bias, mask=, reverse=)`.

        It is for the usual activations, without recurrent dropout; None if there is none.
        """
        return None

    def inner_loop(
        self, sequences: Tensor, initial_state: list[Tensor], mask: Tensor, training: bool = False
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        cell, fused = self.cell, self._fused_loop()
        if (
            fused is None
            or self.unroll
            or cell.activation is not activations.tanh
            or cell.recurrent_activation is not activations.sigmoid
            or (training and cell.recurrent_dropout)
        ):
            return super().inner_loop(sequences, initial_state, mask, training)
        if not is_float(sequences.dtype):  # the fused loops compute in their dtype
            sequences = ops.cast(sequences, self.compute_dtype)
        dropped = cell.get_dropout_mask(sequences[:, 0]) if training else None  # (batch, features)
        if dropped is not None:
            sequences = sequences * ops.expand_dims(dropped, 1)  # (batch, time, features)
        outputs, *states = fused(
            sequences,
            *initial_state,
            cell.kernel.value,
            cell.recurrent_kernel.value,
            None if cell.bias is None else cell.bias.value,
            mask=mask,
            reverse=self.go_backwards,
        )
        return states[0], self._in_order(outputs, mask), states

    def _in_order(self, outputs: Tensor, mask: Tensor) -> Tensor:
        """The outputs of a fused loop in the order of computation, zero where asked for."""
        if not self.return_sequences:
            return outputs
        if self.zero_output_for_mask and mask is not None:
            outputs = ops.where(ops.expand_dims(mask, -1), outputs, ops.zeros_like(outputs))
        return ops.flip(outputs, axis=1) if self.go_backwards else outputs  # (batch, time, units)


class SimpleRNN(Recurrent, cell=SimpleRNNCell):
    """A plain recurrent layer: `h = activation(x @ kernel + h @ recurrent_kernel + bias)`.

    Input `(batch, time, features)`, output `(batch, units)`, or `(batch, time, units)` with
    `return_sequences`.

    Args:
        units: length of the state and of the output.
        return_sequences: whether the outputs of all steps are returned.
        return_state: whether the last state is returned after the output.
        **settings: the other arguments of `SimpleRNNCell`, `RNN` and `Layer`.

    Example:

        >>> import numpy as np
        >>> SimpleRNN(4)(np.ones((2, 10, 8))).shape
        (2, 4)
    """

    @spelled_out(activity_regularizer="bias_regularizer", seed="unroll")
    def __init__(self, units: int, *args: Any, **settings: Unpack[SimpleRNNSettings]):
        super().__init__(units=units, **settings)


class LSTM(Recurrent, cell=LSTMCell):
    """Long short-term memory (LSTM) over time; `LSTMCell` has the formulas.

    Input `(batch, time, features)`, output `(batch, units)`, or `(batch, time, units)` with
    `return_sequences`. The states are `h` and `c`, `(batch, units)` each.

    Args:
        units: length of the states and of the output.
        return_sequences: whether the outputs of all steps are returned.
        return_state: whether the last states `h` and `c` are returned after the output.
        use_cudnn: accepted as Keras does; XLA chooses what runs.
        **settings: the other arguments of `LSTMCell`, `RNN` and `Layer`.

    Example:

        >>> import numpy as np
        >>> output, h, c = LSTM(4, return_sequences=True, return_state=True)(np.ones((2, 10, 8)))
        >>> output.shape, h.shape
        ((2, 10, 4), (2, 4))
    """

    @spelled_out(
        recurrent_activation="activation",
        unit_forget_bias="bias_initializer",
        activity_regularizer="bias_regularizer",
    )
    def __init__(self, units: int, *args: Any, **settings: Unpack[LSTMSettings]):
        use_cudnn = settings.pop("use_cudnn")
        super().__init__(units=units, **settings)
        self.use_cudnn = use_cudnn

    def _fused_loop(self) -> Callable[..., Any]:
        return recurrence.lstm


class GRU(Recurrent, cell=GRUCell):
    """Gated recurrent unit (GRU) over time; `GRUCell` has the formulas.

    Input `(batch, time, features)`, output `(batch, units)`, or `(batch, time, units)` with
    `return_sequences`.

    Args:
        units: length of the state and of the output.
        return_sequences: whether the outputs of all steps are returned.
        return_state: whether the last state is returned after the output.
        use_cudnn: accepted as Keras does; XLA chooses what runs.
        **settings: the other arguments of `GRUCell`, `RNN` and `Layer`.

    Example:

        >>> import numpy as np
        >>> GRU(4)(np.ones((2, 10, 8))).shape
        (2, 4)
    """

    @spelled_out(
        recurrent_activation="activation",
        activity_regularizer="bias_regularizer",
        reset_after="unroll",
    )
    def __init__(self, units: int, *args: Any, **settings: Unpack[GRUSettings]):
        use_cudnn = settings.pop("use_cudnn")
        super().__init__(units=units, **settings)
        self.use_cudnn = use_cudnn

    def _fused_loop(self) -> Callable[..., Any]:
        return functools.partial(recurrence.gru, reset_after=self.cell.reset_after)
