"""The settings of recurrent cells and layers, declared once; see `layers/base/settings.py`."""

from collections.abc import Sequence
from typing import Annotated, TypedDict

from cornu.layers.base.settings import LayerSettings
from cornu.types import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike


class CellSettings(LayerSettings, total=False):
    """What every recurrent cell takes; `SimpleRNNCell` describes the settings."""

    activation: Annotated[ActivationLike | None, "tanh"]
    use_bias: Annotated[bool, True]
    kernel_initializer: Annotated[InitializerLike, "glorot_uniform"]
    recurrent_initializer: Annotated[InitializerLike, "orthogonal"]
    bias_initializer: Annotated[InitializerLike, "zeros"]
    kernel_regularizer: Annotated[RegularizerLike | None, None]
    recurrent_regularizer: Annotated[RegularizerLike | None, None]
    bias_regularizer: Annotated[RegularizerLike | None, None]
    kernel_constraint: Annotated[ConstraintLike | None, None]
    recurrent_constraint: Annotated[ConstraintLike | None, None]
    bias_constraint: Annotated[ConstraintLike | None, None]
    dropout: Annotated[float, 0.0]
    recurrent_dropout: Annotated[float, 0.0]
    seed: Annotated[int | None, None]


class LSTMCellSettings(CellSettings, total=False):
    """What `LSTMCell` takes."""

    recurrent_activation: Annotated[ActivationLike | None, "sigmoid"]
    unit_forget_bias: Annotated[bool, True]


class GRUCellSettings(CellSettings, total=False):
    """What `GRUCell` takes."""

    recurrent_activation: Annotated[ActivationLike | None, "sigmoid"]
    reset_after: Annotated[bool, True]


class WindowSettings(TypedDict, total=False):
    """How the window of a convolution moves; `ConvLSTM2D` describes the settings."""

    strides: Annotated[int | Sequence[int], 1]
    padding: Annotated[str, "valid"]
    data_format: Annotated[str | None, None]
    dilation_rate: Annotated[int | Sequence[int], 1]


class ConvLSTMCellSettings(WindowSettings, LSTMCellSettings, total=False):
    """What the cell of a convolutional LSTM takes."""


class OverTime(TypedDict, total=False):
    """What layers take that move a cell of their own over time; `RNN` describes the settings."""

    activity_regularizer: Annotated[RegularizerLike | None, None]
    return_sequences: Annotated[bool, False]
    return_state: Annotated[bool, False]
    go_backwards: Annotated[bool, False]
    stateful: Annotated[bool, False]
    zero_output_for_mask: bool


class Unrolled(OverTime, total=False):
    """`OverTime`, and whether the steps are written out."""

    unroll: Annotated[bool, False]


class SimpleRNNSettings(CellSettings, Unrolled, total=False):
    """What `SimpleRNN` takes."""


class LSTMSettings(LSTMCellSettings, Unrolled, total=False):
    """What `LSTM` takes."""

    use_cudnn: Annotated[bool | str, "auto"]


class GRUSettings(GRUCellSettings, Unrolled, total=False):
    """What `GRU` takes."""

    use_cudnn: Annotated[bool | str, "auto"]


class ConvLSTMSettings(ConvLSTMCellSettings, OverTime, total=False):
    """What `ConvLSTM1D`, `ConvLSTM2D` and `ConvLSTM3D` take."""

    unroll: bool
