"""Normalization of each sample for itself: no statistics are kept.

LayerNormalization   (x - mean) / sqrt(variance + eps)      over `axis` of each sample
RMSNormalization     x / sqrt(mean(x**2) + eps)             over `axis`
GroupNormalization   as LayerNormalization, over all positions and a group of channels
UnitNormalization    x / sqrt(sum(x**2))                    over `axis`
"""

from typing import Any

from cornu import constraints, initializers, ops, regularizers
from cornu.arguments import is_int
from cornu.errors import type_error, value_error
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.base.layer import Layer


def checked_axes(axis: Any) -> Any:
    """The axis, or a list of axes; the layer turns one axis into a list when it is built.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(axis, (list, tuple)) and all(is_int(a) for a in axis):
        return [int(a) for a in axis]
    if not is_int(axis):
        raise type_error(f"axis is an int or a list of ints, got {axis!r}.", fix="axis=-1")
    return int(axis)


def sizes_along(layer: Any, input_shape: Any, axis: Any) -> tuple[int, ...]:
    """The sizes of the axes that a layer has weights for.

    Raises:
        ValueError: an axis does not exist, or its size is not known.
    """
    axes = axis if isinstance(axis, list) else [axis]
    ndim = len(input_shape)
    if any(not -ndim <= a < ndim for a in axes):
        raise value_error(
            f"{type(layer).__name__} '{layer.name}' has no axis {axis} in its inputs.",
            shapes=f"inputs {tuple(input_shape)}",
            fix=f"axis=-1\nor an axis from 1 to {ndim - 1}",
        )
    if any(input_shape[a] is None for a in axes):
        raise value_error(
            f"{type(layer).__name__} '{layer.name}' needs axes of known size.",
            shapes=f"inputs {tuple(input_shape)}, axis {axis}",
            fix="keras.Input(shape=(..., features))",
        )
    return tuple(input_shape[a] for a in axes)


class LayerNormalization(Layer):
    """Scale each sample to mean 0 and variance 1 over `axis`, then by `gamma`, plus `beta`.

    Input and output of any shape with the batch first. Ba et al. 2016, "Layer Normalization".

    Args:
        axis: axis or axes over which mean and variance are taken.
        epsilon: added to the variance.
        center: whether `beta` is added.
        scale: whether the result is multiplied by `gamma`.
        beta_initializer: of beta.
        gamma_initializer: of gamma.
        beta_regularizer: penalty on beta.
        gamma_regularizer: penalty on gamma.
        beta_constraint: applied to beta after each update.
        gamma_constraint: applied to gamma after each update.

    Example:

        >>> import numpy as np
        >>> [round(float(v), 2) for v in LayerNormalization()(np.array([[1.0, 3.0]]))[0]]
        [-1.0, 1.0]
    """

    rescales_inputs = True
    _takes_sparse = False
    _casts_inputs = False  # statistics are those of the numbers that come in
    _casts_variables = False

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        rms_scaling = kwargs.pop("rms_scaling", False)  # of older files
        super().__init__(**kwargs)
        self.axis = checked_axes(axis)
        self.epsilon = float(epsilon)
        self.center = center
        self.scale = scale
        self.rms_scaling = rms_scaling
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.supports_masking = True
        self.gamma: Any = None
        self.beta: Any = None

    def build(self, input_shape: Any) -> None:
        shape = sizes_along(self, input_shape, self.axis)
        self.axis = self.axis if isinstance(self.axis, list) else [self.axis]
        self.input_spec = InputSpec(axes=dict(zip(self.axis, shape, strict=True)))
        if self.scale or self.rms_scaling:
            self.gamma = self.add_weight(shape=shape, like="gamma")
        if self.center and not self.rms_scaling:
            self.beta = self.add_weight(shape=shape, like="beta")

    def call(self, inputs: Any) -> Any:
        gamma = None if self.gamma is None else self.gamma.value
        beta = None if self.beta is None else self.beta.value
        options = {"rms_scaling": True} if self.rms_scaling else {}
        y = ops.layer_normalization(
            inputs, gamma=gamma, beta=beta, axis=self.axis, epsilon=self.epsilon, **options
        )
        return ops.cast(y, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rms_scaling": self.rms_scaling}


class RMSNormalization(Layer):
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

    rescales_inputs = True
    _takes_sparse = False
    _casts_inputs = False  # statistics are those of the numbers that come in
    _casts_variables = False

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = checked_axes(axis)
        self.epsilon = float(epsilon)

    def build(self, input_shape: Any) -> None:
        shape = sizes_along(self, input_shape, self.axis)
        self.axis = self.axis if isinstance(self.axis, list) else [self.axis]
        self.input_spec = InputSpec(axes=dict(zip(self.axis, shape, strict=True)))
        self.scale = self.add_weight(shape=shape, initializer="ones", name="scale")

    def call(self, x: Any) -> Any:
        y = ops.rms_normalization(x, scale=self.scale.value, axis=self.axis, epsilon=self.epsilon)
        return ops.cast(y, self.compute_dtype)


class GroupNormalization(Layer):
    """Scale each group of channels of each sample to mean 0 and variance 1.

    Input and output of any shape with the batch first. Wu & He 2018, "Group Normalization".

    Args:
        groups: number of groups, which divides the channels; -1 for one group a channel (instance
            normalization), 1 for one group of all.
        axis: the axis of the channels.
        epsilon: added to the variance.
        center: whether `beta` is added.
        scale: whether the result is multiplied by `gamma`.
        beta_initializer: of beta.
        gamma_initializer: of gamma.
        beta_regularizer: penalty on beta.
        gamma_regularizer: penalty on gamma.
        beta_constraint: applied to beta after each update.
        gamma_constraint: applied to gamma after each update.

    Example:

        >>> import numpy as np
        >>> GroupNormalization(groups=2)(np.ones((1, 5, 5, 6))).shape
        (1, 5, 5, 6)
    """

    rescales_inputs = True
    _takes_sparse = False
    _casts_inputs = False  # statistics are those of the numbers that come in
    _casts_variables = False

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not is_int(groups) or (groups <= 0 and groups != -1):
            raise value_error(f"groups is a positive int, or -1 for one a channel, got {groups!r}.")
        self.groups = int(groups)
        self.axis = axis
        self.epsilon = float(epsilon)
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.supports_masking = True
        self.gamma: Any = None
        self.beta: Any = None

    def build(self, input_shape: Any) -> None:
        (channels,) = sizes_along(self, input_shape, self.axis)
        if self.groups == -1:
            self.groups = channels
        if channels % self.groups:
            raise value_error(
                f"The channels are divided among groups, so {channels} channels do not go with "
                f"{self.groups} groups.",
                shapes=f"inputs {tuple(input_shape)}, axis {self.axis}",
                fix="groups=1\nor another number that divides the channels",
            )
        if self.scale:
            self.gamma = self.add_weight(shape=(channels,), like="gamma")
        if self.center:
            self.beta = self.add_weight(shape=(channels,), like="beta")
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, "float32") if inputs.dtype in ("float16", "bfloat16") else inputs
        axis = self.axis % x.ndim
        channels = x.shape[axis]
        size = channels // self.groups
        # (batch, ..., groups, size, ...): everything of a group but the group itself is averaged
        grouped = ops.reshape(x, (*x.shape[:axis], self.groups, size, *x.shape[axis + 1 :]))
        axes = [i for i in range(1, grouped.ndim) if i != axis]
        mean, variance = ops.moments(grouped, axes=axes, keepdims=True)
        y = (grouped - mean) / ops.sqrt(variance + self.epsilon)
        y = ops.reshape(y, x.shape)
        shape = [channels if i == axis else 1 for i in range(x.ndim)]
        if self.gamma is not None:
            y = y * ops.reshape(ops.cast(self.gamma, x.dtype), shape)
        if self.beta is not None:
            y = y + ops.reshape(ops.cast(self.beta, x.dtype), shape)
        return ops.cast(y, self.compute_dtype)


class UnitNormalization(Layer):
    """Scale each sample to length 1 over `axis`: `x / sqrt(sum(x**2))`.

    Args:
        axis: axis or axes over which the squares are summed.

    Example:

        >>> import numpy as np
        >>> [round(float(v), 2) for v in UnitNormalization()(np.array([[3.0, 4.0]]))[0]]
        [0.6, 0.8]
    """

    rescales_inputs = True
    _takes_sparse = False

    _weightless = True

    _casts_inputs = False  # statistics are those of the numbers that come in
    _casts_variables = False

    def __init__(self, axis: Any = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = checked_axes(axis)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        sizes_along(self, inputs.shape, self.axis)
        y = ops.normalize(inputs, axis=self.axis, order=2, epsilon=1e-12)
        return ops.cast(y, self.compute_dtype)
