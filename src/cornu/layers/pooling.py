"""Pooling: one number for each window of an image, a series or a volume.

    MaxPooling, AveragePooling                windows of pool_size, moved by strides (pool_size if
                                              None); "valid" drops positions at the end that fill
                                              no window, "same" pads them
    GlobalMaxPooling, GlobalAveragePooling    one window over all positions
    AdaptiveMaxPooling, ...AveragePooling     as many windows as output_size asks for

Inputs are `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` with
`data_format="channels_first"`. Padding does not count in averages.
"""

from collections.abc import Sequence
from typing import Any

from cornu import ops
from cornu.arguments import channels_format, one_of, per_axis
from cornu.errors import value_error
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.base.layer import Layer
from cornu.types import Shape, Tensor


class Pooling(Layer):
    """Windows of `pool_size`, moved by `strides`."""

    _weightless = True

    rank = 2

    def __init__(
        self,
        pool_size: int | Sequence[int],
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self.pool_size = per_axis(pool_size, self.rank, "pool_size")
        strides = self.pool_size if strides is None else strides
        self.strides = per_axis(strides, self.rank, "strides")
        self.padding = one_of(
            padding.lower() if isinstance(padding, str) else padding, ("valid", "same"), "padding"
        )
        self.data_format = channels_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _check_window(self, input_shape: Shape) -> None:
        """Raise ValueError where the window is larger than an input without padding."""
        if self.padding == "same":
            return
        sizes = input_shape[1:-1] if self.data_format == "channels_last" else input_shape[2:]
        for size, window in zip(sizes, self.pool_size, strict=True):
            if isinstance(size, int) and size < window:
                shape = tuple(n if isinstance(n, int) else None for n in input_shape)
                raise value_error(
                    f"The window of {type(self).__name__} '{self.name}' is larger than its inputs.",
                    shapes=f"inputs {shape}, pool_size {self.pool_size}",
                    fix="padding='same'\nor a smaller pool_size, or fewer pooling layers.",
                )


class MaxPooling(Pooling):
    """The largest value of each window."""

    pool_mode = "max"

    def call(self, inputs: Tensor) -> Tensor:
        self._check_window(inputs.shape)
        return ops.max_pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)


class AveragePooling(Pooling):
    """The mean of each window."""

    pool_mode = "average"

    def call(self, inputs: Tensor) -> Tensor:
        self._check_window(inputs.shape)
        return ops.average_pool(
            inputs, self.pool_size, self.strides, self.padding, self.data_format
        )


class MaxPooling1D(MaxPooling):
    """The largest value of each window in time.

    Input `(batch, time, channels)`, output `(batch, new_time, channels)`.

    The arguments are those of `MaxPooling2D`, for one axis.

    Example:

        >>> import numpy as np
        >>> MaxPooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).tolist()
        [[[3.0], [2.0]]]
    """

    rank = 1

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling2D(MaxPooling):
    """The largest value of each window of an image.

    Input `(batch, height, width, channels)`, output `(batch, new_height, new_width, channels)`.

    Args:
        pool_size: size of the window, an int or `(height, width)`.
        strides: step of the window; `pool_size` if None.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".

    Example:

        >>> import numpy as np
        >>> MaxPooling2D()(np.ones((1, 28, 28, 4))).shape
        (1, 14, 14, 4)
    """

    rank = 2

    def __init__(
        self,
        pool_size: int | Sequence[int] = (2, 2),
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling3D(MaxPooling):
    """The largest value of each window of a volume.

    Input `(batch, depth, height, width, channels)`, output the same with smaller spatial sizes.

    The arguments are those of `MaxPooling2D`, for three axes.

    Example:

        >>> import numpy as np
        >>> MaxPooling3D()(np.ones((1, 4, 6, 8, 3))).shape
        (1, 2, 3, 4, 3)
    """

    rank = 3

    def __init__(
        self,
        pool_size: int | Sequence[int] = (2, 2, 2),
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class AveragePooling1D(AveragePooling):
    """The mean of each window in time.

    Input `(batch, time, channels)`, output `(batch, new_time, channels)`.

    The arguments are those of `AveragePooling2D`, for one axis.

    Example:

        >>> import numpy as np
        >>> AveragePooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).tolist()
        [[[2.0], [1.0]]]
    """

    rank = 1


class AveragePooling2D(AveragePooling):
    """The mean of each window of an image.

    Input `(batch, height, width, channels)`, output `(batch, new_height, new_width, channels)`.

    Args:
        pool_size: size of the window, an int or `(height, width)`.
        strides: step of the window; `pool_size` if None.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".

    Example:

        >>> import numpy as np
        >>> AveragePooling2D(2)(np.ones((1, 28, 28, 4))).shape
        (1, 14, 14, 4)
    """

    rank = 2


class AveragePooling3D(AveragePooling):
    """The mean of each window of a volume.

    Input `(batch, depth, height, width, channels)`, output the same with smaller spatial sizes.

    The arguments are those of `AveragePooling2D`, for three axes.

    Example:

        >>> import numpy as np
        >>> AveragePooling3D(2)(np.ones((1, 4, 6, 8, 3))).shape
        (1, 2, 3, 4, 3)
    """

    rank = 3
