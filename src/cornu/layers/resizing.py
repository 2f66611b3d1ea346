"""Crop, pad or upsample the spatial axes of series, images and volumes.

    Cropping      removes positions on each side
    ZeroPadding   adds zeros on each side
    UpSampling    repeats each position, or interpolates between positions

Inputs are `(batch, *spatial, channels)`, or `(batch, channels, *spatial)` with
`data_format="channels_first"`.
"""

from collections.abc import Sequence
from typing import Any

from cornu import ops
from cornu.arguments import (
    channels_format,
    integer,
    is_int,
    one_of,
    pairs_per_axis,
    per_axis,
)
from cornu.errors import value_error
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.base.layer import Layer
from cornu.types import Tensor

# (before, after) per spatial axis.
Pairs = Sequence[tuple[int, int]]

# An int, one int per axis, or one pair (before, after) per axis.
PairsLike = int | Sequence[Any]

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


def _around(pairs: Pairs, data_format: str) -> list[tuple[int, int]]:
    """Pairs for every axis; those of batch and channels are (0, 0)."""
    if data_format == "channels_last":
        return [(0, 0), *pairs, (0, 0)]
    return [(0, 0), (0, 0), *pairs]


class Cropping(Layer):
    """Remove positions at both ends of each spatial axis."""

    _weightless = True

    _rank = 2
    data_format = "channels_last"

    def _crop(self, inputs: Tensor, pairs: Pairs) -> Tensor:
        """The inputs without the given numbers of positions before and after.

        Raises:
            ValueError: nothing would be left.
        """
        cuts = []
        for size, (before, after) in zip(
            inputs.shape, _around(pairs, self.data_format), strict=True
        ):
            if isinstance(size, int) and before + after >= size > 0:
                shape = tuple(n if isinstance(n, int) else None for n in inputs.shape)
                raise value_error(
                    f"{type(self).__name__} '{self.name}' would remove all of its inputs.",
                    shapes=f"inputs {shape}, cropping {pairs}",
                    fix="a smaller cropping.",
                )
            cuts.append(slice(before, size - after if after else None))
        return inputs[tuple(cuts)]


class Cropping1D(Cropping):
    """Remove time steps at the beginning and the end.

    Input `(batch, time, features)`, output `(batch, shorter_time, features)`.

    Args:
        cropping: an int for both sides, or `(before, after)`.

    Example:

        >>> import numpy as np
        >>> Cropping1D((1, 2))(np.ones((2, 10, 3))).shape
        (2, 7, 3)
    """

    _rank = 1

    def __init__(self, cropping: PairsLike = (1, 1), **kwargs: Any):
        super().__init__(**kwargs)
        pair = (cropping,) if not is_int(cropping) else cropping
        self.cropping = pairs_per_axis(pair, 1, "cropping")[0]
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs: Tensor) -> Tensor:
        return self._crop(inputs, (self.cropping,))


class _CroppingWithFormat(Cropping):
    """Cropping of several spatial axes, with the channels first or last."""

    def __init__(
        self, cropping: PairsLike = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.cropping = pairs_per_axis(cropping, self._rank, "cropping")
        self.data_format = channels_format(data_format)
        self.input_spec = InputSpec(ndim=self._rank + 2)

    def call(self, inputs: Tensor) -> Tensor:
        return self._crop(inputs, self.cropping)


class Cropping2D(_CroppingWithFormat):
    """Remove rows and columns at the edges of images.

    Input `(batch, height, width, channels)`, output the same with smaller sizes.

    Args:
        cropping: an int, `(rows, columns)`, or `((top, bottom), (left, right))`.
        data_format: "channels_last" or "channels_first".

    Example:

        >>> import numpy as np
        >>> Cropping2D(((2, 2), (4, 4)))(np.ones((2, 28, 28, 3))).shape
        (2, 24, 20, 3)
    """


class Cropping3D(_CroppingWithFormat):
    """Remove positions at the edges of volumes.

    Input `(batch, depth, height, width, channels)`, output the same with smaller sizes.

    Args:
        cropping: an int, one int per axis, or one pair (before, after) per axis.
        data_format: "channels_last" or "channels_first".

    Example:

        >>> import numpy as np
        >>> Cropping3D(1)(np.ones((2, 5, 6, 7, 3))).shape
        (2, 3, 4, 5, 3)
    """

    _rank = 3

    def __init__(
        self,
        cropping: PairsLike = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(cropping, data_format, **kwargs)


class _ZeroPadding(Layer):
    """Add zeros at both ends of each of the spatial axes."""

    _weightless = True

    _rank = 2

    def __init__(self, padding: PairsLike = (1, 1), data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self._pairs = pairs_per_axis(padding, self._rank, "padding")
        self.padding: Sequence[Any] = self._pairs
        self.data_format = channels_format(data_format)
        self.input_spec = InputSpec(ndim=self._rank + 2)

    def call(self, inputs: Tensor) -> Tensor:
        return ops.pad(inputs, _around(self._pairs, self.data_format))


class ZeroPadding1D(_ZeroPadding):
    """Add time steps of zeros at the beginning and the end.

    Input `(batch, time, features)`, output `(batch, longer_time, features)`.

    Args:
        padding: an int for both sides, or `(before, after)`.
        data_format: "channels_last" or "channels_first".

    Example:

        >>> import numpy as np
        >>> ZeroPadding1D((1, 2))(np.ones((2, 10, 3))).shape
        (2, 13, 3)
    """

    _rank = 1

    def __init__(self, padding: PairsLike = 1, data_format: str | None = None, **kwargs: Any):
        super().__init__(padding if is_int(padding) else (padding,), data_format, **kwargs)
        (self.padding,) = self._pairs


class ZeroPadding2D(_ZeroPadding):
    """Add rows and columns of zeros at the edges of images.

    Input `(batch, height, width, channels)`, output the same with larger sizes.

    Args:
        padding: an int, `(rows, columns)`, or `((top, bottom), (left, right))`.
        data_format: "channels_last" or "channels_first".

    Example:

        >>> import numpy as np
        >>> ZeroPadding2D(2)(np.ones((2, 28, 28, 3))).shape
        (2, 32, 32, 3)
    """


class ZeroPadding3D(_ZeroPadding):
    """Add zeros at the edges of volumes.

    Input `(batch, depth, height, width, channels)`, output the same with larger sizes.

    Args:
        padding: an int, one int per axis, or one pair (before, after) per axis.
        data_format: "channels_last" or "channels_first".

    Example:

        >>> import numpy as np
        >>> ZeroPadding3D(1)(np.ones((2, 5, 6, 7, 3))).shape
        (2, 7, 8, 9, 3)
    """

    _rank = 3

    def __init__(
        self,
        padding: PairsLike = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(padding, data_format, **kwargs)


class UpSampling1D(Layer):
    """Repeat each step.

    Input `(batch, time, features)`, output `(batch, time * size, features)`.

    Args:
        size: number of repetitions.

    Example:

        >>> import numpy as np
        >>> UpSampling1D(2)(np.array([[[1.0], [2.0]]])).tolist()
        [[[1.0], [1.0], [2.0], [2.0]]]
    """

    _weightless = True

    def __init__(self, size: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = integer(size, "size")
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs: Tensor) -> Tensor:
        return ops.repeat(inputs, self.size, axis=1)


class UpSampling2D(Layer):
    """Upsample images, by repeating pixels or interpolating between them.

    Input `(batch, height, width, channels)`, output the same with sizes times `size`.

    Args:
        size: factor of each spatial size, an int or `(rows, columns)`.
        data_format: "channels_last" or "channels_first".
        interpolation: "nearest" (repeat), "bilinear", "bicubic", "lanczos3" or "lanczos5".

    Example:

        >>> import numpy as np
        >>> UpSampling2D((1, 2))(np.array([[[[1.0], [2.0]]]])).ravel().tolist()
        [1.0, 1.0, 2.0, 2.0]
    """

    _weightless = True

    def __init__(
        self,
        size: int | Sequence[int] = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.size = per_axis(size, 2, "size")
        self.data_format = channels_format(data_format)
        self.interpolation = one_of(
            interpolation.lower() if isinstance(interpolation, str) else interpolation,
            INTERPOLATIONS,
            "interpolation",
        )
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Tensor) -> Tensor:
        first = 1 if self.data_format == "channels_last" else 2
        if self.interpolation == "nearest":
            for axis, times in enumerate(self.size, start=first):
                inputs = ops.repeat(inputs, times, axis=axis)
            return inputs
        sizes = inputs.shape[first : first + 2]
        return ops.image.resize(
            inputs,
            tuple(n * times for n, times in zip(sizes, self.size, strict=True)),
            interpolation=self.interpolation,
            data_format=self.data_format,
        )


class UpSampling3D(Layer):
    """Repeat each position of a volume along every spatial axis.

    Input `(batch, depth, height, width, channels)`, output the same with sizes times `size`.

    Args:
        size: factor of each spatial size, an int or `(depth, height, width)`.
        data_format: "channels_last" or "channels_first".

    Example:

        >>> import numpy as np
        >>> UpSampling3D(2)(np.ones((1, 2, 3, 4, 5))).shape
        (1, 4, 6, 8, 5)
    """

    _weightless = True

    def __init__(
        self, size: int | Sequence[int] = (2, 2, 2), data_format: str | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.size = per_axis(size, 3, "size")
        self.data_format = channels_format(data_format)
        self.input_spec = InputSpec(ndim=5)

    def call(self, inputs: Tensor) -> Tensor:
        first = 1 if self.data_format == "channels_last" else 2
        for axis, times in enumerate(self.size, start=first):
            inputs = ops.repeat(inputs, times, axis=axis)
        return inputs
