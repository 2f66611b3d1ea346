"""The settings of recurrent cells and layers, each declared once: name, type and default.

    class CellSettings(TypedDict):                          activation: Annotated[..., "tanh"]

    @spelled_out
    def __init__(self, units: int, *args: Any, **settings: Unpack[CellSettings])

    inspect.signature(SimpleRNNCell)                        (units, activation="tanh", ...)

Type checkers and editors read the `TypedDict`; `inspect` and `help` read the signature that
`spelled_out` publishes. A setting without a default is one that every layer takes: it is known to
type checkers, and part of `**kwargs` in the signature.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypedDict, TypeVar, get_args

from cornu.types import (
    ActivationLike,
    ConstraintLike,
    DType,
    InitializerLike,
    RegularizerLike,
    Shape,
)

Init = TypeVar("Init", bound=Callable[..., None])


class LayerSettings(TypedDict, total=False):
    """What every layer takes."""

    name: str | None
    dtype: DType | Any
    trainable: bool
    autocast: bool
    input_shape: Shape
    batch_input_shape: Shape
    batch_size: int


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


def defaults_of(settings: Any) -> dict[str, Any]:
    """The settings of a `TypedDict` that have a default, and their defaults."""
    fields = settings.__annotations__.items()
    return {name: t.__metadata__[0] for name, t in fields if hasattr(t, "__metadata__")}


def spelled_out(**after: str) -> Callable[[Init], Init]:
    """Decorate a constructor `(self, ..., *args, **settings: Unpack[...])`: publish its settings.

    The constructor gets all settings by name, with their defaults, however they were given.

    Args:
        after: setting -> the one that it follows by position, where that is not the order of the
            `TypedDict`.
    """

    def decorate(init: Init) -> Init:
        *sizes, _, settings = inspect.signature(init).parameters.values()
        (declared,) = get_args(settings.annotation)
        defaults = defaults_of(declared)
        order = [name for name in defaults if name not in after]
        for name, before in after.items():
            order.insert(order.index(before) + 1, name)
        spelled = [
            inspect.Parameter(
                name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=defaults[name],
                annotation=declared.__annotations__[name].__origin__,
            )
            for name in order
        ]
        rest = inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD, annotation=Any)
        signature = inspect.Signature([*sizes, *spelled, rest])

        @functools.wraps(init)
        def construct(self: Any, *args: Any, **kwargs: Any) -> None:
            if len(args) >= len(sizes):  # `sizes` has self
                kwargs = _by_name(signature, init.__qualname__, (self, *args), kwargs)
                args = ()
            init(self, *args, **{**defaults, **kwargs})

        construct.__signature__ = signature  # type: ignore[attr-defined]
        return construct  # type: ignore[return-value]

    return decorate


def _by_name(
    signature: inspect.Signature, owner: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """All arguments by name, without self."""
    try:
        given = dict(signature.bind(*args, **kwargs).arguments)
    except TypeError as error:
        raise TypeError(f"{owner}() got {error}") from None
    del given["self"]
    return {**given.pop("kwargs", {}), **given}
