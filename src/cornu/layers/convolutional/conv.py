"""`Conv1D`, `Conv2D`, `Conv3D`: convolutions; what they share is in `base.py`."""

from collections.abc import Sequence
from typing import Any, Unpack

from cornu import ops
from cornu.arguments import is_int, positive_int
from cornu.errors import explain, value_error, warn
from cornu.layers.base.settings import defaults_of, spelled_out
from cornu.layers.convolutional.base import Windowed
from cornu.layers.convolutional.settings import ConvolutionSettings
from cornu.layers.quantized.lora import LoRA, weight_property


class Convolution(LoRA, Windowed):
    """Sum over a moving window: `activation(conv(inputs, kernel) + bias)`."""

    kernel = weight_property()
    groups: int
    _declared = tuple(n for n in defaults_of(ConvolutionSettings) if not n.startswith("lora"))
    _config_omits_none = frozenset(("lora_rank", "lora_alpha"))

    @spelled_out(
        groups="dilation_rate", kernel_initializer="use_bias",
        kernel_regularizer="bias_initializer", kernel_constraint="activity_regularizer",
    )  # fmt: skip
    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        *args: Any,
        **settings: Unpack[ConvolutionSettings],
    ):
        lora = settings.pop("lora_rank"), settings.pop("lora_alpha")
        super().__init__(kernel_size, **settings)
        self.filters = positive_int(filters, "filters", f"{type(self).__name__}(32, 3)")
        self._doubt_order(filters, kernel_size, self.strides[0])
        self.groups = positive_int(self.groups, "groups", "groups=1")
        if self.filters % self.groups:
            raise value_error(
                f"filters is divided among groups, so {self.filters} filters do not go "
                f"with {self.groups} groups.",
                fix=f"filters={-(-self.filters // self.groups) * self.groups}",
            )
        if self.padding == "causal" and self.data_format == "channels_first":
            raise value_error(
                "Causal padding goes with data_format='channels_last'.",
                fix="data_format='channels_last', inputs (batch, time, channels)",
            )
        self._set_lora(*lora)

    def _doubt_order(self, filters: int, kernel_size: Any, strides: Any) -> None:
        """Warn where the arguments look like PyTorch's: channels in, channels out, kernel size."""
        if is_int(kernel_size) and is_int(strides) and kernel_size >= 16 > 4 >= filters:
            if strides == 1 or strides % 2 == 0:
                return
            name = type(self).__name__
            warn(
                explain(
                    f"{name}({filters}, {kernel_size}, {strides}) has {filters} filter"
                    f"{'s' if filters > 1 else ''} of size {kernel_size}, moved by {strides}.",
                    fix=f"{name}({kernel_size}, {strides})\n"
                    "filters come first; the number of input channels is found by itself.",
                )
            )

    def build(self, input_shape: Any) -> None:
        channels = self._known_channels(input_shape)
        if channels % self.groups:
            raise value_error(
                f"The input channels are divided among groups, so {channels} channels do not "
                f"go with {self.groups} groups.",
                shapes=f"inputs {tuple(input_shape)}",
                fix="a number of groups that divides the channels and the filters",
            )
        self._check_window(input_shape)
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self._kernel = self.add_weight(shape=shape, like="kernel")
        self._add_bias(self.filters)
        self._apply_lora()

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """The convolution alone; a subclass may compute another one.

        Args:
            inputs: `(batch, *spatial, channels)`, or as `data_format` says.
            kernel: `(*kernel_size, channels / groups, filters)`.

        Returns:
            `(batch, *new_spatial, filters)`, or as `data_format` says.
        """
        return ops.conv(
            inputs,
            kernel,
            strides=self.strides,
            padding=self.padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )

    def call(self, inputs: Any) -> Any:
        self._check_window(inputs.shape)
        return self._finish(self.convolution_op(inputs, self._corrected_weight()))


class Conv1D(Convolution):
    """Convolution over one axis, such as time.

    Input `(batch, time, channels)`, output `(batch, new_time, filters)`.

    Args:
        filters: number of output channels.
        kernel_size: taps of the window.
        strides: step of the window.
        padding: "valid", "same" or "causal" (output t sees the inputs up to t only).
        data_format: "channels_last" or "channels_first"; the setting of the process if None.
        dilation_rate: distance between the taps.
        groups: number of slices of the channels that are convolved apart.
        activation: function or name; linear if None.
        use_bias: whether a bias is added.
        kernel_initializer: initializer of the kernel, `(kernel_size, channels / groups, filters)`.
        bias_initializer: initializer of the bias, `(filters,)`.
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        kernel_constraint: applied to the kernel after each update.
        bias_constraint: applied to the bias after each update.
        lora_rank: rank of a low-rank correction that is trained instead of the kernel.
        lora_alpha: its scale, `lora_alpha / lora_rank`; the rank if None.

    Example:

        >>> import numpy as np
        >>> Conv1D(4, 3, padding="causal")(np.ones((2, 10, 8))).shape
        (2, 10, 4)
    """

    rank = 1
    _paddings = ("valid", "same", "causal")


class Conv2D(Convolution):
    """Convolution over two axes: the layer for images.

    Input `(batch, height, width, channels)`, output `(batch, new_height, new_width, filters)`.

    Args:
        filters: number of output channels.
        kernel_size: taps of the window, an int or `(height, width)`.
        strides: step of the window.
        padding: "valid" (no padding) or "same" (as many positions as inputs, for strides of 1).
        data_format: "channels_last" or "channels_first"; the setting of the process if None.
        dilation_rate: distance between the taps.
        groups: number of slices of the channels that are convolved apart.
        activation: function or name; linear if None.
        use_bias: whether a bias is added.
        kernel_initializer: initializer of the kernel, `(*kernel_size, channels / groups, filters)`.
        bias_initializer: initializer of the bias, `(filters,)`.
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        kernel_constraint: applied to the kernel after each update.
        bias_constraint: applied to the bias after each update.
        lora_rank: rank of a low-rank correction that is trained instead of the kernel.
        lora_alpha: its scale, `lora_alpha / lora_rank`; the rank if None.

    Example:

        >>> import numpy as np
        >>> Conv2D(4, 3, activation="relu")(np.ones((2, 28, 28, 1))).shape
        (2, 26, 26, 4)
    """

    rank = 2


class Conv3D(Convolution):
    """Convolution over three axes: volumes, or images over time.

    Input `(batch, depth, height, width, channels)`, output
    `(batch, new_depth, new_height, new_width, filters)`.

    Args:
        filters: number of output channels.
        kernel_size: taps of the window, an int or `(depth, height, width)`.
        strides: step of the window.
        padding: "valid" (no padding) or "same" (as many positions as inputs, for strides of 1).
        data_format: "channels_last" or "channels_first"; the setting of the process if None.
        dilation_rate: distance between the taps.
        groups: number of slices of the channels that are convolved apart.
        activation: function or name; linear if None.
        use_bias: whether a bias is added.
        kernel_initializer: initializer of the kernel, `(*kernel_size, channels / groups, filters)`.
        bias_initializer: initializer of the bias, `(filters,)`.
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        kernel_constraint: applied to the kernel after each update.
        bias_constraint: applied to the bias after each update.
        lora_rank: rank of a low-rank correction that is trained instead of the kernel.
        lora_alpha: its scale, `lora_alpha / lora_rank`; the rank if None.

    Example:

        >>> import numpy as np
        >>> Conv3D(4, 3, padding="same")(np.ones((1, 5, 6, 7, 2))).shape
        (1, 5, 6, 7, 4)
    """

    rank = 3
