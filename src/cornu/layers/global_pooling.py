"""Pooling over all positions, or over as many windows as are asked for.

See `pooling.py` for the shapes.
"""

from collections.abc import Sequence
from typing import Any

from cornu import ops
from cornu.arguments import channels_format, per_axis
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.base.layer import Layer
from cornu.types import Shape, Tensor


class GlobalPooling(Layer):
    """One window over all positions: `(batch, *spatial, channels)` to `(batch, channels)`."""

    _weightless = True

    rank = 2

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = channels_format(data_format)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _spatial_axes(self) -> tuple[int, ...]:
        """The axes of the positions."""
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self.rank))


class GlobalMaxPooling(GlobalPooling):
    """The largest value over all positions."""

    def call(self, inputs: Tensor) -> Tensor:
        return ops.max(inputs, axis=self._spatial_axes, keepdims=self.keepdims)  # (batch, channels)


class GlobalAveragePooling(GlobalPooling):
    """The mean over all positions."""

    def call(self, inputs: Tensor) -> Tensor:
        return ops.mean(
            inputs, axis=self._spatial_axes, keepdims=self.keepdims
        )  # (batch, channels)


class GlobalMaxPooling1D(GlobalMaxPooling):
    """The largest value over time.

    Input `(batch, time, channels)`, output `(batch, channels)`.

    The arguments are those of `GlobalMaxPooling2D`.

    Example:

        >>> import numpy as np
        >>> GlobalMaxPooling1D()(np.array([[[1.0], [3.0], [2.0]]])).tolist()
        [[3.0]]
    """

    rank = 1


class GlobalMaxPooling2D(GlobalMaxPooling):
    """The largest value over an image.

    Input `(batch, height, width, channels)`, output `(batch, channels)`.

    Args:
        data_format: "channels_last" or "channels_first".
        keepdims: whether the spatial axes stay, with size 1.

    Example:

        >>> import numpy as np
        >>> GlobalMaxPooling2D()(np.ones((2, 5, 5, 3))).shape
        (2, 3)
    """

    rank = 2


class GlobalMaxPooling3D(GlobalMaxPooling):
    """The largest value over a volume.

    Input `(batch, depth, height, width, channels)`, output `(batch, channels)`.

    The arguments are those of `GlobalMaxPooling2D`.

    Example:

        >>> import numpy as np
        >>> GlobalMaxPooling3D(keepdims=True)(np.ones((2, 5, 5, 5, 3))).shape
        (2, 1, 1, 1, 3)
    """

    rank = 3


class GlobalAveragePooling1D(GlobalAveragePooling):
    """The mean over time, over the steps that the mask keeps.

    Input `(batch, time, channels)`, output `(batch, channels)`.

    The arguments are those of `GlobalAveragePooling2D`.

    Example:

        >>> import numpy as np
        >>> x = np.array([[[1.0], [3.0], [9.0]]])
        >>> GlobalAveragePooling1D()(x, mask=np.array([[True, True, False]])).tolist()
        [[2.0]]
    """

    rank = 1

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None:
            return super().call(inputs)
        (axis,) = self._spatial_axes
        mask = ops.cast(mask, "bool")
        if mask.ndim == 1:  # of whole samples
            mask = ops.expand_dims(mask, -1)  # (batch, 1)
        mask = ops.expand_dims(mask, 2 if axis == 1 else 1)  # (batch, time, 1) or (batch, 1, time)
        total = ops.sum(ops.where(mask, inputs, 0), axis=axis, keepdims=self.keepdims)
        counts = ops.cast(ops.logical_and(mask, ops.ones_like(inputs, "bool")), inputs.dtype)
        number = ops.sum(counts, axis=axis, keepdims=self.keepdims)
        return total / ops.maximum(number, 1)  # 0 where no step counts

    def compute_mask(self, inputs: Tensor, mask: Tensor | None = None) -> None:
        return None


class GlobalAveragePooling2D(GlobalAveragePooling):
    """The mean over an image.

    Input `(batch, height, width, channels)`, output `(batch, channels)`.

    Args:
        data_format: "channels_last" or "channels_first".
        keepdims: whether the spatial axes stay, with size 1.

    Example:

        >>> import numpy as np
        >>> GlobalAveragePooling2D()(np.ones((2, 5, 5, 3))).shape
        (2, 3)
    """

    rank = 2


class GlobalAveragePooling3D(GlobalAveragePooling):
    """The mean over a volume.

    Input `(batch, depth, height, width, channels)`, output `(batch, channels)`.

    The arguments are those of `GlobalAveragePooling2D`.

    Example:

        >>> import numpy as np
        >>> GlobalAveragePooling3D()(np.ones((2, 5, 5, 5, 3))).shape
        (2, 3)
    """

    rank = 3


class AdaptivePooling(Layer):
    """As many windows as `output_size` asks for, which together cover the input.

    Window i of n over a size s goes from `floor(i * s / n)` up to `ceil((i + 1) * s / n)`.
    """

    _weightless = True

    rank = 2

    def __init__(
        self, output_size: int | Sequence[int], data_format: str | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.output_size = per_axis(output_size, self.rank, "output_size")
        self.data_format = channels_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.data_format == "channels_last":
            return (input_shape[0], *self.output_size, input_shape[-1])
        return (input_shape[0], input_shape[1], *self.output_size)


class AdaptiveMaxPooling(AdaptivePooling):
    """The largest value of each of `output_size` windows."""

    def call(self, inputs: Tensor) -> Tensor:
        return ops.adaptive_max_pool(inputs, self.output_size, self.data_format)


class AdaptiveAveragePooling(AdaptivePooling):
    """The mean of each of `output_size` windows."""

    def call(self, inputs: Tensor) -> Tensor:
        return ops.adaptive_average_pool(inputs, self.output_size, self.data_format)


class AdaptiveMaxPooling1D(AdaptiveMaxPooling):
    """The largest value of each of `output_size` windows in time.

    Input `(batch, time, channels)`, output `(batch, output_size, channels)`.

    The arguments are those of `AdaptiveMaxPooling2D`, for one axis.

    Example:

        >>> import numpy as np
        >>> AdaptiveMaxPooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).tolist()
        [[[3.0], [2.0]]]
    """

    rank = 1


class AdaptiveMaxPooling2D(AdaptiveMaxPooling):
    """The largest value of each of `output_size` windows of an image.

    Input `(batch, height, width, channels)`, output `(batch, *output_size, channels)`.

    Args:
        output_size: number of windows, an int or `(height, width)`.
        data_format: "channels_last" or "channels_first".

    Example:

        >>> import numpy as np
        >>> AdaptiveMaxPooling2D(3)(np.ones((1, 28, 20, 4))).shape
        (1, 3, 3, 4)
    """

    rank = 2


class AdaptiveMaxPooling3D(AdaptiveMaxPooling):
    """The largest value of each of `output_size` windows of a volume.

    Input `(batch, depth, height, width, channels)`, output `(batch, *output_size, channels)`.

    The arguments are those of `AdaptiveMaxPooling2D`, for three axes.

    Example:

        >>> import numpy as np
        >>> AdaptiveMaxPooling3D(2)(np.ones((1, 4, 6, 8, 3))).shape
        (1, 2, 2, 2, 3)
    """

    rank = 3


class AdaptiveAveragePooling1D(AdaptiveAveragePooling):
    """The mean of each of `output_size` windows in time.

    Input `(batch, time, channels)`, output `(batch, output_size, channels)`.

    The arguments are those of `AdaptiveAveragePooling2D`, for one axis.

    Example:

        >>> import numpy as np
        >>> AdaptiveAveragePooling1D(2)(np.array([[[1.0], [3.0], [2.0], [0.0]]])).tolist()
        [[[2.0], [1.0]]]
    """

    rank = 1


class AdaptiveAveragePooling2D(AdaptiveAveragePooling):
    """The mean of each of `output_size` windows of an image.

    Input `(batch, height, width, channels)`, output `(batch, *output_size, channels)`.

    Args:
        output_size: number of windows, an int or `(height, width)`.
        data_format: "channels_last" or "channels_first".

    Example:

        >>> import numpy as np
        >>> AdaptiveAveragePooling2D((3, 2))(np.ones((1, 28, 20, 4))).shape
        (1, 3, 2, 4)
    """

    rank = 2


class AdaptiveAveragePooling3D(AdaptiveAveragePooling):
    """The mean of each of `output_size` windows of a volume.

    Input `(batch, depth, height, width, channels)`, output `(batch, *output_size, channels)`.

    The arguments are those of `AdaptiveAveragePooling2D`, for three axes.

    Example:

        >>> import numpy as np
        >>> AdaptiveAveragePooling3D(2)(np.ones((1, 4, 6, 8, 3))).shape
        (1, 2, 2, 2, 3)
    """

    rank = 3
