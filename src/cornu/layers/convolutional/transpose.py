"""`Conv1DTranspose`, `Conv2DTranspose`, `Conv3DTranspose`: convolutions the other way round.

Each input position is multiplied by the kernel and added to the output around position * strides:
what the gradient of a convolution to its inputs does. Images become larger where a convolution with
the same arguments makes them smaller. The shared arguments are explained in `base.py`.

    new size    n * strides                            padding="same"
                n * strides + max(taps - strides, 0)   padding="valid"
                (n - 1) * strides + taps - 2 * pad + output_padding    with output_padding
"""

import inspect
from collections.abc import Sequence
from typing import Any, Unpack

from cornu import ops
from cornu.arguments import per_axis, positive_int
from cornu.errors import value_error
from cornu.layers.base.settings import defaults_of, spelled_out
from cornu.layers.convolutional.base import Windowed
from cornu.layers.convolutional.settings import TransposedSettings


class TransposedConvolution(Windowed):
    """The gradient of a convolution to its inputs, used as a layer."""

    output_padding: Any
    _declared = tuple(defaults_of(TransposedSettings))

    @spelled_out(
        output_padding="padding", kernel_initializer="use_bias",
        kernel_regularizer="bias_initializer", kernel_constraint="activity_regularizer",
    )  # fmt: skip
    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        *args: Any,
        **settings: Unpack[TransposedSettings],
    ):
        super().__init__(kernel_size, **settings)
        self.filters = positive_int(filters, "filters", f"{type(self).__name__}(32, 3)")
        if self.output_padding is not None:
            self.output_padding = per_axis(
                self.output_padding, self.rank, "output_padding", least=0
            )
            if any(p >= s for p, s in zip(self.output_padding, self.strides, strict=True)):
                raise value_error(
                    "output_padding is less than strides on every axis.",
                    received=f"output_padding {self.output_padding}, strides {self.strides}",
                )

    def build(self, input_shape: Any) -> None:
        channels = self._known_channels(input_shape)
        shape = (*self.kernel_size, self.filters, channels)
        self.kernel = self.add_weight(shape=shape, like="kernel")
        self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        return self._finish(
            ops.conv_transpose(
                inputs,
                self.kernel.value,
                strides=self.strides,
                padding=self.padding,
                output_padding=self.output_padding,
                data_format=self.data_format,
                dilation_rate=self.dilation_rate,
            )
        )


class Conv1DTranspose(TransposedConvolution):
    """Transposed convolution over one axis, such as time.

    Input `(batch, time, channels)`, output `(batch, new_time, filters)`.

    Args:
        filters: number of output channels.
        kernel_size: taps of the window.
        strides: factor of enlargement.
        padding: "valid" or "same".
        output_padding: positions added at the end, less than `strides`; the usual size if None.
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance between the taps.
        activation: function or name; linear if None.
        use_bias: whether a bias is added.
        kernel_initializer: initializer of the kernel, `(kernel_size, filters, channels)`.
        bias_initializer: initializer of the bias, `(filters,)`.
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        kernel_constraint: applied to the kernel after each update.
        bias_constraint: applied to the bias after each update.

    Example:

        >>> import numpy as np
        >>> Conv1DTranspose(4, 3, strides=2, padding="same")(np.ones((2, 10, 8))).shape
        (2, 20, 4)
    """

    rank = 1


class Conv2DTranspose(TransposedConvolution):
    """Transposed convolution over images, which makes them larger.

    Input `(batch, height, width, channels)`, output `(batch, new_height, new_width, filters)`.

    Args:
        filters: number of output channels.
        kernel_size: taps of the window, an int or `(height, width)`.
        strides: factor of enlargement.
        padding: "valid" or "same".
        output_padding: positions added at the end, less than `strides`; the usual size if None.
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance between the taps.
        activation: function or name; linear if None.
        use_bias: whether a bias is added.
        kernel_initializer: initializer of the kernel, `(*kernel_size, filters, channels)`.
        bias_initializer: initializer of the bias, `(filters,)`.
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        kernel_constraint: applied to the kernel after each update.
        bias_constraint: applied to the bias after each update.

    Example:

        >>> import numpy as np
        >>> Conv2DTranspose(4, 3, strides=2, padding="same")(np.ones((2, 7, 7, 8))).shape
        (2, 14, 14, 4)
    """

    rank = 2


class Conv3DTranspose(TransposedConvolution):
    """Transposed convolution over volumes, which makes them larger.

    Input `(batch, depth, height, width, channels)`, output
    `(batch, new_depth, new_height, new_width, filters)`.

    Args:
        filters: number of output channels.
        kernel_size: taps of the window, an int or `(depth, height, width)`.
        strides: factor of enlargement.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".
        output_padding: positions added at the end, less than `strides`; the usual size if None.
        dilation_rate: distance between the taps.
        activation: function or name; linear if None.
        use_bias: whether a bias is added.
        kernel_initializer: initializer of the kernel, `(*kernel_size, filters, channels)`.
        bias_initializer: initializer of the bias, `(filters,)`.
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        kernel_constraint: applied to the kernel after each update.
        bias_constraint: applied to the bias after each update.

    Example:

        >>> import numpy as np
        >>> Conv3DTranspose(4, 2, strides=2)(np.ones((1, 3, 4, 5, 8))).shape
        (1, 6, 8, 10, 4)
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        *args: Any,
        **kwargs: Any,
    ):
        # Keras has data_format before output_padding here, and here alone.
        super().__init__(
            filters, kernel_size, strides, padding, output_padding, data_format, *args, **kwargs
        )


def _exchanged(signature: inspect.Signature, one: str, other: str) -> inspect.Signature:
    """The signature with two parameters in each other's place."""
    parameters = dict(signature.parameters)
    places = [{one: other, other: one}.get(name, name) for name in parameters]
    return signature.replace(parameters=[parameters[name] for name in places])


Conv3DTranspose.__signature__ = _exchanged(  # type: ignore[attr-defined]
    inspect.signature(Conv2DTranspose), "output_padding", "data_format"
)
