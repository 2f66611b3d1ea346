"""The settings of convolutions, declared once; see `layers/base/settings.py`."""

from collections.abc import Sequence
from typing import Annotated

from cornu.layers.base.settings import LayerSettings
from cornu.types import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike


class WindowedSettings(LayerSettings, total=False):
    """What every convolution takes; `base.py` and the layers describe the settings."""

    strides: Annotated[int | Sequence[int], 1]
    padding: Annotated[str, "valid"]
    data_format: Annotated[str | None, None]
    dilation_rate: Annotated[int | Sequence[int], 1]
    activation: Annotated[ActivationLike | None, None]
    use_bias: Annotated[bool, True]
    bias_initializer: Annotated[InitializerLike, "zeros"]
    bias_regularizer: Annotated[RegularizerLike | None, None]
    activity_regularizer: Annotated[RegularizerLike | None, None]
    bias_constraint: Annotated[ConstraintLike | None, None]


class KernelSettings(WindowedSettings, total=False):
    """What convolutions with one kernel take."""

    kernel_initializer: Annotated[InitializerLike, "glorot_uniform"]
    kernel_regularizer: Annotated[RegularizerLike | None, None]
    kernel_constraint: Annotated[ConstraintLike | None, None]


class ConvolutionSettings(KernelSettings, total=False):
    """What `Conv1D`, `Conv2D` and `Conv3D` take."""

    groups: Annotated[int, 1]
    lora_rank: Annotated[int | None, None]
    lora_alpha: Annotated[float | None, None]


class TransposedSettings(KernelSettings, total=False):
    """What transposed convolutions take."""

    output_padding: Annotated[int | Sequence[int] | None, None]


class DepthwiseSettings(WindowedSettings, total=False):
    """What depthwise convolutions take."""

    depth_multiplier: Annotated[int, 1]
    depthwise_initializer: Annotated[InitializerLike, "glorot_uniform"]
    depthwise_regularizer: Annotated[RegularizerLike | None, None]
    depthwise_constraint: Annotated[ConstraintLike | None, None]


class SeparableSettings(DepthwiseSettings, total=False):
    """What separable convolutions take."""

    pointwise_initializer: Annotated[InitializerLike, "glorot_uniform"]
    pointwise_regularizer: Annotated[RegularizerLike | None, None]
    pointwise_constraint: Annotated[ConstraintLike | None, None]
