"""The settings of attention with dense projections; see `layers/base/settings.py`."""

from collections.abc import Sequence
from typing import Annotated

from cornu.layers.base.settings import LayerSettings
from cornu.types import ConstraintLike, InitializerLike, RegularizerLike


class AttentionSettings(LayerSettings, total=False):
    """What all such layers take; `MultiHeadAttention` describes the settings."""

    dropout: Annotated[float, 0.0]
    use_bias: Annotated[bool, True]
    sliding_window: Annotated[int | None, None]
    flash_attention: Annotated[bool | None, None]
    kernel_initializer: Annotated[InitializerLike, "glorot_uniform"]
    bias_initializer: Annotated[InitializerLike, "zeros"]
    kernel_regularizer: Annotated[RegularizerLike | None, None]
    bias_regularizer: Annotated[RegularizerLike | None, None]
    activity_regularizer: Annotated[RegularizerLike | None, None]
    kernel_constraint: Annotated[ConstraintLike | None, None]
    bias_constraint: Annotated[ConstraintLike | None, None]
    use_gate: Annotated[bool, False]
    seed: Annotated[int | None, None]


class MultiHeadSettings(AttentionSettings, total=False):
    """What `MultiHeadAttention` takes."""

    output_shape: Annotated[int | Sequence[int] | None, None]
    attention_axes: Annotated[int | Sequence[int] | None, None]
