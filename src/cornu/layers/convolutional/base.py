"""What all convolutions share.

    inputs (batch, *spatial, channels)          data_format="channels_last", the default
    inputs (batch, channels, *spatial)          data_format="channels_first"

    window      kernel_size taps for each spatial axis, dilation_rate apart
    position    moved by strides
    padding     "valid": none, the output shrinks
                "same": zeros around, the output has ceil(size / strides) positions
                "causal" (Conv1D): zeros in front, output t sees inputs up to t only

The three numbers are an int for all axes or one int for each axis.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from cornu import ops
from cornu.arguments import channels_format, one_of, per_axis
from cornu.errors import value_error
from cornu.layers.base.activated import ActivationAttribute
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.base.layer import Layer
from cornu.layers.base.settings import assign_settings


class Windowed(Layer):
    """A layer that moves a window over `rank` spatial axes, adds a bias and applies an activation.

    Args:
        kernel_size: taps of the window.
        **settings: those that `_declared` names, and what every layer takes.
    """

    activation = ActivationAttribute()

    rank = 2
    _declared: ClassVar[tuple[str, ...]]  # names of the settings that become attributes
    _paddings: tuple[str, ...] = ("valid", "same")
    _config_omits_none = frozenset()  # activity_regularizer is an argument here
    strides: Any
    padding: str
    data_format: Any
    dilation_rate: Any
    use_bias: bool
    kernel: Any = None
    bias: Any = None

    def __init__(self, kernel_size: int | Sequence[int], **settings: Any):
        own = {name: settings.pop(name) for name in self._declared}
        super().__init__(activity_regularizer=own.pop("activity_regularizer"), **settings)
        assign_settings(self, own)
        self.kernel_size = per_axis(kernel_size, self.rank, "kernel_size")
        self.strides = per_axis(self.strides, self.rank, "strides")
        padding = self.padding.lower() if isinstance(self.padding, str) else self.padding
        self.padding = one_of(padding, self._paddings, "padding")
        self.data_format = channels_format(self.data_format)
        self.dilation_rate = per_axis(self.dilation_rate, self.rank, "dilation_rate")
        self.input_spec = InputSpec(ndim=self.rank + 2)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise value_error(
                "strides and dilation_rate cannot both be greater than 1.",
                received=f"strides {self.strides}, dilation_rate {self.dilation_rate}",
            )

    @property
    def channel_axis(self) -> int:
        """The axis of the channels, counted from the end or the start."""
        return -1 if self.data_format == "channels_last" else 1

    def _known_channels(self, input_shape: Any) -> int:
        """The number of input channels; fixes it in the input spec.

        Raises:
            ValueError: it is not known, or the shape has too few or too many axes.
        """
        if len(input_shape) != self.rank + 2:  # built by another layer, which does not check
            raise value_error(
                f"{type(self).__name__} '{self.name}' expects inputs with {self.rank + 2} "
                f"axes, got {len(input_shape)}.",
                shapes=f"inputs {tuple(input_shape)}",
                fix="x = x[..., None]",
            )
        channels = input_shape[self.channel_axis]
        if channels is None:
            raise value_error(
                f"{type(self).__name__} '{self.name}' needs to know the number of channels.",
                shapes=f"inputs {tuple(input_shape)}",
                fix="keras.Input(shape=(None, None, 3))",
            )
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={self.channel_axis: channels})
        return channels

    def _check_window(self, input_shape: Any) -> None:
        """Raise ValueError where the window is larger than an input without padding."""
        if self.padding != "valid":
            return
        sizes = input_shape[1:-1] if self.data_format == "channels_last" else input_shape[2:]
        for size, taps, apart in zip(sizes, self.kernel_size, self.dilation_rate, strict=True):
            if isinstance(size, int) and size < (taps - 1) * apart + 1:
                raise value_error(
                    f"The window of {type(self).__name__} '{self.name}' is larger than its inputs.",
                    shapes=f"inputs {shown(input_shape)}, kernel_size {self.kernel_size}, "
                    f"dilation_rate {self.dilation_rate}",
                    fix="padding='same'\nor a smaller kernel_size, or fewer strides and "
                    "pooling layers before it.",
                )

    def _add_bias(self, channels: int) -> None:
        """Make the bias if the layer has one."""
        if self.use_bias:
            self.bias = self.add_weight(shape=(channels,), like="bias")

    def _finish(self, x: Any) -> Any:
        """Add the bias and apply the activation."""
        if self.bias is not None:
            bias = self.bias.value
            if self.data_format == "channels_first":
                bias = ops.reshape(bias, (1, -1) + (1,) * self.rank)
            x = ops.add(x, bias)
        return self.activation(x)


def shown(shape: Any) -> tuple[int | None, ...]:
    """A shape as messages show it: None where a size is not known."""
    return tuple(n if isinstance(n, int) else None for n in shape)
