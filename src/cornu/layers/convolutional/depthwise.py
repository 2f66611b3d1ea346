"""Convolutions that treat each channel for itself.

    DepthwiseConv   every input channel has depth_multiplier kernels of its own
    SeparableConv   a depthwise convolution, then a 1x1 convolution that mixes the channels

The shared arguments are explained in `base.py`. On two axes the strides may differ.
"""

from collections.abc import Sequence
from typing import Any, Unpack

from cornu import ops
from cornu.arguments import positive_int
from cornu.layers.base.settings import defaults_of, spelled_out
from cornu.layers.convolutional.base import Windowed
from cornu.layers.convolutional.settings import DepthwiseSettings, SeparableSettings


class DepthwiseConvolution(Windowed):
    """A convolution of each channel with kernels of its own."""

    depth_multiplier: int
    _declared = tuple(defaults_of(DepthwiseSettings))

    @spelled_out(
        depth_multiplier="padding", depthwise_initializer="use_bias",
        depthwise_regularizer="bias_initializer", depthwise_constraint="activity_regularizer",
    )  # fmt: skip
    def __init__(
        self,
        kernel_size: int | Sequence[int],
        *args: Any,
        **settings: Unpack[DepthwiseSettings],
    ):
        super().__init__(kernel_size, **settings)
        self.depth_multiplier = positive_int(
            self.depth_multiplier, "depth_multiplier", "depth_multiplier=1"
        )

    def build(self, input_shape: Any) -> None:
        channels = self._known_channels(input_shape)
        self._check_window(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self.add_weight(shape=shape, like="depthwise", name="kernel")
        self._add_bias(channels * self.depth_multiplier)

    def call(self, inputs: Any) -> Any:
        self._check_window(inputs.shape)
        return self._finish(
            ops.depthwise_conv(
                inputs,
                self.kernel.value,
                strides=self.strides,
                padding=self.padding,
                data_format=self.data_format,
                dilation_rate=self.dilation_rate,
            )
        )


class DepthwiseConv1D(DepthwiseConvolution):
    """Convolution of each channel for itself over one axis, such as time.

    Input `(batch, time, channels)`, output `(batch, new_time, channels * depth_multiplier)`.

    Args:
        kernel_size: taps of the window.
        strides: step of the window.
        padding: "valid" or "same".
        depth_multiplier: number of kernels a channel.
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance between the taps.
        activation: function or name; linear if None.
        use_bias: whether a bias is added.
        depthwise_initializer: initializer of the kernel,
            `(kernel_size, channels, depth_multiplier)`.
        bias_initializer: initializer of the bias.
        depthwise_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        depthwise_constraint: applied to the kernel after each update.
        bias_constraint: applied to the bias after each update.

    Example:

        >>> import numpy as np
        >>> DepthwiseConv1D(3, depth_multiplier=2)(np.ones((2, 10, 4))).shape
        (2, 8, 8)
    """

    rank = 1


class DepthwiseConv2D(DepthwiseConvolution):
    """Convolution of each channel of an image for itself.

    Input `(batch, height, width, channels)`, output
    `(batch, new_height, new_width, channels * depth_multiplier)`.

    Args:
        kernel_size: taps of the window, an int or `(height, width)`.
        strides: step of the window.
        padding: "valid" or "same".
        depth_multiplier: number of kernels a channel.
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance between the taps.
        activation: function or name; linear if None.
        use_bias: whether a bias is added.
        depthwise_initializer: initializer of the kernel,
            `(*kernel_size, channels, depth_multiplier)`.
        bias_initializer: initializer of the bias.
        depthwise_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        depthwise_constraint: applied to the kernel after each update.
        bias_constraint: applied to the bias after each update.

    Example:

        >>> import numpy as np
        >>> DepthwiseConv2D(3, padding="same")(np.ones((2, 8, 8, 4))).shape
        (2, 8, 8, 4)
    """

    rank = 2


class SeparableConvolution(Windowed):
    """A depthwise convolution, and a 1x1 convolution that mixes its channels."""

    depth_multiplier: int
    _declared = tuple(defaults_of(SeparableSettings))

    @spelled_out(
        depth_multiplier="dilation_rate", depthwise_initializer="use_bias",
        pointwise_initializer="depthwise_initializer", depthwise_regularizer="bias_initializer",
        pointwise_regularizer="depthwise_regularizer", depthwise_constraint="activity_regularizer",
        pointwise_constraint="depthwise_constraint",
    )  # fmt: skip
    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        *args: Any,
        **settings: Unpack[SeparableSettings],
    ):
        super().__init__(kernel_size, **settings)
        self.filters = positive_int(filters, "filters", f"{type(self).__name__}(32, 3)")
        self.depth_multiplier = positive_int(
            self.depth_multiplier, "depth_multiplier", "depth_multiplier=1"
        )

    def build(self, input_shape: Any) -> None:
        channels = self._known_channels(input_shape)
        self._check_window(input_shape)
        self.depthwise_kernel = self.add_weight(
            shape=(*self.kernel_size, channels, self.depth_multiplier),
            like="depthwise",
            name="depthwise_kernel",
        )
        self.pointwise_kernel = self.add_weight(
            shape=(*(1,) * self.rank, channels * self.depth_multiplier, self.filters),
            like="pointwise",
            name="pointwise_kernel",
        )
        self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        self._check_window(inputs.shape)
        return self._finish(
            ops.separable_conv(
                inputs,
                self.depthwise_kernel.value,
                self.pointwise_kernel.value,
                strides=self.strides,
                padding=self.padding,
                data_format=self.data_format,
                dilation_rate=self.dilation_rate,
            )
        )


class SeparableConv1D(SeparableConvolution):
    """Depthwise convolution over one axis, then a mix of the channels at each position.

    Input `(batch, time, channels)`, output `(batch, new_time, filters)`. It has fewer weights than
    `Conv1D` with the same window.

    Args:
        filters: number of output channels.
        kernel_size: taps of the window.
        strides: step of the window.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance between the taps.
        depth_multiplier: number of kernels a channel.
        activation: function or name; linear if None.
        use_bias: whether a bias is added.
        depthwise_initializer: initializer of the first kernel,
            `(kernel_size, channels, depth_multiplier)`.
        pointwise_initializer: initializer of the second kernel,
            `(1, channels * depth_multiplier, filters)`.
        bias_initializer: initializer of the bias, `(filters,)`.
        depthwise_regularizer: penalty on the first kernel.
        pointwise_regularizer: penalty on the second.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        depthwise_constraint: applied to the first kernel after each update.
        pointwise_constraint: applied to the second after each update.
        bias_constraint: applied to the bias after each update.

    Example:

        >>> import numpy as np
        >>> SeparableConv1D(6, 3)(np.ones((2, 10, 4))).shape
        (2, 8, 6)
    """

    rank = 1


class SeparableConv2D(SeparableConvolution):
    """Depthwise convolution of images, then a mix of the channels at each pixel.

    Input `(batch, height, width, channels)`, output `(batch, new_height, new_width, filters)`. It
    has fewer weights than `Conv2D` with the same window.

    Args:
        filters: number of output channels.
        kernel_size: taps of the window, an int or `(height, width)`.
        strides: step of the window.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance between the taps.
        depth_multiplier: number of kernels a channel.
        activation: function or name; linear if None.
        use_bias: whether a bias is added.
        depthwise_initializer: initializer of the first kernel,
            `(*kernel_size, channels, depth_multiplier)`.
        pointwise_initializer: initializer of the second kernel,
            `(1, 1, channels * depth_multiplier, filters)`.
        bias_initializer: initializer of the bias, `(filters,)`.
        depthwise_regularizer: penalty on the first kernel.
        pointwise_regularizer: penalty on the second.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        depthwise_constraint: applied to the first kernel after each update.
        pointwise_constraint: applied to the second after each update.
        bias_constraint: applied to the bias after each update.

    Example:

        >>> import numpy as np
        >>> SeparableConv2D(6, 3)(np.ones((2, 8, 8, 4))).shape
        (2, 6, 6, 6)
    """

    rank = 2
