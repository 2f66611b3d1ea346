"""Layers that rearrange what they get and compute nothing new.

Flatten, Reshape, Permute, RepeatVector      shapes
Cropping, ZeroPadding, UpSampling            in `resizing.py`
"""

import math
from collections.abc import Sequence
from typing import Any

from cornu import ops
from cornu.arguments import channels_format, integer, is_int
from cornu.errors import value_error
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.base.layer import Layer
from cornu.types import Shape, Tensor


class Flatten(Layer):
    """Flatten all axes except the batch axis into one.

    Input `(batch, ...)`, output `(batch, features)`; inputs `(batch,)` become `(batch, 1)`.

    Args:
        data_format: "channels_last" or "channels_first"; the channels vary
            fastest in the output either way.

    Example:

        >>> import numpy as np
        >>> Flatten()(np.ones((2, 28, 28))).shape
        (2, 784)
    """

    _weightless = True

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = channels_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Tensor) -> Tensor:
        if self.data_format == "channels_first" and inputs.ndim > 2:
            inputs = ops.moveaxis(inputs, 1, -1)  # (batch, *spatial, channels)
        return ops.reshape(inputs, (inputs.shape[0], math.prod(inputs.shape[1:])))


class Reshape(Layer):
    """Give each sample another shape; the elements stay in order.

    Input `(batch, ...)`, output `(batch, *target_shape)`.

    Args:
        target_shape: sizes without the batch axis; one of them may be -1, which is computed.

    Example:

        >>> import numpy as np
        >>> Reshape((2, -1))(np.ones((5, 6))).shape
        (5, 2, 3)
    """

    _weightless = True

    def __init__(self, target_shape: int | Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        shape = tuple(target_shape) if isinstance(target_shape, (tuple, list)) else (target_shape,)
        if not all(is_int(n) and n >= -1 for n in shape) or shape.count(-1) > 1:
            raise value_error(
                f"target_shape must hold sizes, at most one of them -1, got {target_shape!r}.",
                fix="target_shape=(7, -1)",
            )
        self.target_shape = tuple(int(n) for n in shape)

    def call(self, inputs: Tensor) -> Tensor:
        self._check_size(inputs.shape)
        return ops.reshape(inputs, (inputs.shape[0], *self.target_shape))

    def _check_size(self, input_shape: Shape) -> None:
        sizes = [n for n in input_shape[1:] if isinstance(n, int)]
        if len(sizes) < len(input_shape) - 1:  # some are not known yet
            return
        size = math.prod(sizes)
        target = math.prod(n for n in self.target_shape if n != -1)
        fits = size == target if -1 not in self.target_shape else target and size % target == 0
        if not fits:
            raise value_error(
                f"Reshape '{self.name}' cannot put {size} elements into {self.target_shape}.",
                shapes=f"a sample {tuple(sizes)}, target_shape {self.target_shape}",
                fix="sizes whose product is the number of elements; -1 for the one to compute.",
            )


class Permute(Layer):
    """Put the axes of each sample into another order.

    Args:
        dims: the axes in the new order, counted from 1; the batch axis 0 stays.

    Example:

        >>> import numpy as np
        >>> Permute((2, 1))(np.ones((5, 10, 64))).shape
        (5, 64, 10)
    """

    _weightless = True

    def __init__(self, dims: int | Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.dims = tuple(dims) if isinstance(dims, (tuple, list)) else (dims,)
        if sorted(self.dims, key=str) != sorted(range(1, len(self.dims) + 1), key=str):
            raise value_error(
                f"dims must hold each axis from 1 to the last once, got {dims!r}.",
                fix="Permute((2, 1)) exchanges the two axes after the batch axis.",
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Tensor) -> Tensor:
        return ops.transpose(inputs, (0, *self.dims))


class RepeatVector(Layer):
    """Repeat each sample `n` times along a new axis.

    Input `(batch, features)`, output `(batch, n, features)`.

    Args:
        n: number of repetitions.

    Example:

        >>> import numpy as np
        >>> RepeatVector(3)(np.ones((2, 5))).shape
        (2, 3, 5)
    """

    _weightless = True

    def __init__(self, n: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.n = integer(n, "n")
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Tensor) -> Tensor:
        batch, features = inputs.shape
        return ops.broadcast_to(ops.expand_dims(inputs, 1), (batch, self.n, features))
