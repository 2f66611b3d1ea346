"""Normalization of each sample by itself: no statistics are kept.

LayerNormalization   (x - mean) / sqrt(variance + eps)      over `axis` of each sample
RMSNormalization     x / sqrt(mean(x**2) + eps)             over `axis`
GroupNormalization   as LayerNormalization, over all positions and a group of channels
UnitNormalization    x / sqrt(sum(x**2))                    over `axis`
"""

from typing import Any, Unpack

from cornu import ops
from cornu.arguments import is_int
from cornu.errors import value_error
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.base.settings import spelled_out
from cornu.layers.normalization.scaling import (
    Normalizing,
    ScaleSettings,
    Scaling,
    checked_axes,
    sizes_along,
)
from cornu.types import Axis, Config, Shape, Tensor


class LayerNormSettings(ScaleSettings, total=False):
    """What `LayerNormalization` takes."""

    rms_scaling: bool  # of older files: a mean square instead of a variance, and no `beta`


class LayerNormalization(Scaling):
    """Scale each sample to mean 0 and variance 1 over `axis`, then by `gamma`, plus `beta`.

    Input and output of any shape with the batch first. Ba et al. 2016, "Layer Normalization".

    Args:
        axis: axis or axes over which mean and variance are taken.
        epsilon: added to the variance.
        center: whether `beta` is added.
        scale: whether the result is multiplied by `gamma`.
        beta_initializer: initializer of beta.
        gamma_initializer: initializer of gamma.
        beta_regularizer: penalty on beta.
        gamma_regularizer: penalty on gamma.
        beta_constraint: function applied to beta after each update.
        gamma_constraint: function applied to gamma after each update.

    Example:

        >>> import numpy as np
        >>> [round(float(v), 2) for v in LayerNormalization()(np.array([[1.0, 3.0]]))[0]]
        [-1.0, 1.0]
    """

    @spelled_out()
    def __init__(
        self,
        axis: Axis = -1,
        epsilon: float = 0.001,
        *args: Any,
        **settings: Unpack[LayerNormSettings],
    ):
        rms_scaling = settings.pop("rms_scaling", False)
        super().__init__(epsilon, **settings)
        self.axis = checked_axes(axis)
        self.rms_scaling = rms_scaling

    def build(self, input_shape: Shape) -> None:
        shape = sizes_along(self, input_shape, self.axis)
        self.axis = self.axis if isinstance(self.axis, list) else [self.axis]
        self.input_spec = InputSpec(axes=dict(zip(self.axis, shape, strict=True)))
        if self.rms_scaling:
            self.gamma = self.add_weight(shape=shape, like="gamma")
        else:
            self._add_scale_and_shift(shape)

    def call(self, inputs: Tensor) -> Tensor:
        gamma = None if self.gamma is None else self.gamma.value
        beta = None if self.beta is None else self.beta.value
        options = {"rms_scaling": True} if self.rms_scaling else {}
        y = ops.layer_normalization(
            inputs, gamma=gamma, beta=beta, axis=self.axis, epsilon=self.epsilon, **options
        )
        return ops.cast(y, self.compute_dtype)

    def get_config(self) -> Config:
        return {**super().get_config(), "rms_scaling": self.rms_scaling}


class RMSNormalization(Normalizing):
    """Divide each sample by the root of its mean square over `axis`, then scale by `scale`.

    Input and output of any shape with the batch first. Zhang & Sennrich 2019.

    Args:
        axis: axis or axes over which the mean square is taken.
        epsilon: added to the mean square.

    Example:

        >>> import numpy as np
        >>> [round(float(v), 2) for v in RMSNormalization()(np.array([[3.0, 3.0]]))[0]]
        [1.0, 1.0]
    """

    def __init__(self, axis: Axis = -1, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = checked_axes(axis)
        self.epsilon = float(epsilon)

    def build(self, input_shape: Shape) -> None:
        shape = sizes_along(self, input_shape, self.axis)
        self.axis = self.axis if isinstance(self.axis, list) else [self.axis]
        self.input_spec = InputSpec(axes=dict(zip(self.axis, shape, strict=True)))
        self.scale = self.add_weight(shape=shape, initializer="ones", name="scale")

    def call(self, x: Tensor) -> Tensor:
        y = ops.rms_normalization(x, scale=self.scale.value, axis=self.axis, epsilon=self.epsilon)
        return ops.cast(y, self.compute_dtype)


class GroupNormalization(Scaling):
    """Scale each group of channels of each sample to mean 0 and variance 1.

    Input and output of any shape with the batch first. Wu & He 2018, "Group Normalization".

    Args:
        groups: number of groups, a divisor of the number of channels; -1 for one group per channel
            (instance normalization), 1 for a single group.
        axis: the axis of the channels.
        epsilon: added to the variance.
        **settings: `center`, `scale` and the settings of beta and gamma, as those of
            `LayerNormalization`.

    Example:

        >>> import numpy as np
        >>> GroupNormalization(groups=2)(np.ones((1, 5, 5, 6))).shape
        (1, 5, 5, 6)
    """

    @spelled_out()
    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        *args: Any,
        **settings: Unpack[ScaleSettings],
    ):
        super().__init__(epsilon, **settings)
        if not is_int(groups) or (groups <= 0 and groups != -1):
            raise value_error(
                f"groups must be a positive integer, or -1 for one per channel, got {groups!r}."
            )
        self.groups = int(groups)
        self.axis = axis

    def build(self, input_shape: Shape) -> None:
        (channels,) = sizes_along(self, input_shape, self.axis)
        if self.groups == -1:
            self.groups = channels
        if channels % self.groups:
            raise value_error(
                f"GroupNormalization '{self.name}' cannot divide {channels} channels into "
                f"{self.groups} groups.",
                shapes=f"inputs {tuple(input_shape)}, axis {self.axis}",
                fix="groups=1\nor another number that divides the channels",
            )
        self._add_scale_and_shift((channels,))
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})

    def call(self, inputs: Tensor) -> Tensor:
        x = ops.cast(inputs, "float32") if inputs.dtype in ("float16", "bfloat16") else inputs
        axis = self.axis % x.ndim
        channels = x.shape[axis]
        size = channels // self.groups
        # (batch, ..., groups, size, ...)
        grouped = ops.reshape(x, (*x.shape[:axis], self.groups, size, *x.shape[axis + 1 :]))
        axes = [i for i in range(1, grouped.ndim) if i != axis]  # all but batch and groups
        mean, variance = ops.moments(grouped, axes=axes, keepdims=True)
        y = (grouped - mean) / ops.sqrt(variance + self.epsilon)
        y = ops.reshape(y, x.shape)  # (batch, ..., channels, ...)
        shape = [channels if i == axis else 1 for i in range(x.ndim)]
        if self.gamma is not None:
            y = y * ops.reshape(ops.cast(self.gamma, x.dtype), shape)
        if self.beta is not None:
            y = y + ops.reshape(ops.cast(self.beta, x.dtype), shape)
        return ops.cast(y, self.compute_dtype)


class UnitNormalization(Normalizing):
    """Scale each sample to length 1 over `axis`: `x / sqrt(sum(x**2))`.

    Args:
        axis: axis or axes over which the squares are summed.

    Example:

        >>> import numpy as np
        >>> [round(float(v), 2) for v in UnitNormalization()(np.array([[3.0, 4.0]]))[0]]
        [0.6, 0.8]
    """

    _weightless = True

    def __init__(self, axis: Axis = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = checked_axes(axis)
        self.supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        sizes_along(self, inputs.shape, self.axis)
        y = ops.normalize(inputs, axis=self.axis, order=2, epsilon=1e-12)
        return ops.cast(y, self.compute_dtype)
