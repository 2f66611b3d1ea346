"""Quantization configs: the mode, and the quantizers of the weights and inputs of a layer.

| class                    | mode   | inputs by default          | weights by default             |
|--------------------------|--------|----------------------------|--------------------------------|
| Int8QuantizationConfig   | int8   | int8, per-sample scale     | int8, per-channel scale        |
| Int4QuantizationConfig   | int4   | not quantized              | int4, scale and zero per block |
| Float8QuantizationConfig | float8 | float8, scale from history | float8, scale from history     |
"""

from collections.abc import Callable
from typing import Any

from cornu.arguments import is_int
from cornu.core.objects.configurable import Configurable
from cornu.core.objects.serialize import deserialize_keras_object
from cornu.errors import explain, type_error, value_error
from cornu.quantizers.quantizer import AbsMaxQuantizer, Quantizer
from cornu.types import Config

_INT4_RANGE = (-8, 7)


class QuantizationConfig(Configurable):
    """Base class of the configs for `layer.quantize(config=...)`.

    Args:
        weight_quantizer: quantizer of the weights; the default of the mode if None.
        activation_quantizer: quantizer of the inputs, which are not quantized if None.

    Example:

        >>> QuantizationConfig.weight_quantizer_or_default(None, "the default")
        'the default'
    """

    def __init__(
        self,
        weight_quantizer: Callable[..., Any] | None = None,
        activation_quantizer: Callable[..., Any] | str | None = None,
    ):
        self.weight_quantizer = weight_quantizer
        self.activation_quantizer = activation_quantizer

    @property
    def mode(self) -> str:
        """The name of the mode, such as "int8"."""
        raise NotImplementedError(
            explain(
                "QuantizationConfig is a base class without a mode.",
                fix="Int8QuantizationConfig(), Int4QuantizationConfig() or "
                "Float8QuantizationConfig()",
            )
        )

    @classmethod
    def from_config(cls, config: Config) -> Any:
        """Create a config from what `get_config` returned."""
        return cls(**{key: deserialize_keras_object(value) for key, value in config.items()})

    @staticmethod
    def weight_quantizer_or_default(config: "QuantizationConfig | None", default: Any) -> Any:
        """The weight quantizer of a config; the default without a config or quantizer."""
        chosen = None if config is None else config.weight_quantizer
        return default if chosen is None else chosen

    @staticmethod
    def activation_quantizer_or_default(config: "QuantizationConfig | None", default: Any) -> Any:
        """The activation quantizer of a config, which may be None; the default without a config."""
        return default if config is None else config.activation_quantizer


class Int8QuantizationConfig(QuantizationConfig):
    """Config of the "int8" mode: weights and inputs as 8-bit integers.

    Args:
        weight_quantizer: quantizer of the weights; per-output-channel scales if None.
        activation_quantizer: quantizer of the inputs; "default" for per-sample scales, None for
            unquantized inputs.

    Example:

        >>> Int8QuantizationConfig(activation_quantizer=None).mode
        'int8'
    """

    def __init__(
        self,
        weight_quantizer: Callable[..., Any] | None = None,
        activation_quantizer: Callable[..., Any] | str | None = "default",
    ):
        if activation_quantizer == "default":
            activation_quantizer = AbsMaxQuantizer()
        super().__init__(weight_quantizer, activation_quantizer)
        _check(self, weight_quantizer)

    @property
    def mode(self) -> str:
        return "int8"


class Int4QuantizationConfig(QuantizationConfig):
    """Config of the "int4" mode: weights as 4-bit integers, two per byte.

    Args:
        weight_quantizer: quantizer of the weights with the range -8 to 7; needs per-channel scales.
        activation_quantizer: quantizer of the inputs; needs per-channel scales.
        block_size: number of inputs that share a scale and a zero point; None or -1 for per-channel
            scales.

    Example:

        >>> Int4QuantizationConfig(block_size=64).block_size
        64
    """

    def __init__(
        self,
        weight_quantizer: Callable[..., Any] | None = None,
        activation_quantizer: Callable[..., Any] | str | None = "default",
        block_size: int | None = 128,
    ):
        if activation_quantizer == "default":
            activation_quantizer = None
        super().__init__(weight_quantizer, activation_quantizer)
        if block_size is not None:
            if not is_int(block_size):
                raise type_error(
                    f"block_size must be an integer or None, got {block_size!r}.",
                    fix="block_size=128",
                )
            if block_size < 1 and block_size != -1:
                raise value_error(
                    f"block_size must be positive, or -1 for per-channel scales, got {block_size}.",
                    fix="block_size=128",
                )
        self.block_size = block_size
        custom = weight_quantizer is not None or activation_quantizer is not None
        if custom and block_size not in (None, -1):
            raise value_error(
                "A custom quantizer needs per-channel scales, without blocks.",
                block_size=block_size,
                fix="block_size=None",
            )
        _check(self, weight_quantizer)
        if weight_quantizer is not None:
            value_range = tuple(getattr(weight_quantizer, "value_range", ()))
            if value_range != _INT4_RANGE:
                raise value_error(
                    f"The value_range of an int4 weight quantizer must be {_INT4_RANGE}.",
                    received=f"value_range={value_range}",
                    fix=f"value_range={_INT4_RANGE}",
                )

    @property
    def mode(self) -> str:
        return "int4"


class Float8QuantizationConfig(QuantizationConfig):
    """Config of the "float8" mode: products of 8-bit floats, with their gradients, for training.

    Example:

        >>> Float8QuantizationConfig().mode
        'float8'
    """

    def __init__(self) -> None:
        super().__init__()

    @property
    def mode(self) -> str:
        return "float8"

    def get_config(self) -> Config:
        return {}


def _check(config: QuantizationConfig, quantizer: Callable[..., Any] | None) -> None:
    """Check that a weight quantizer returns int8, the dtype in which layers store integers."""
    if quantizer is None:
        return
    if not isinstance(quantizer, Quantizer) and not hasattr(quantizer, "output_dtype"):
        raise AttributeError(
            explain(
                f"weight_quantizer must be a quantizer, got {quantizer!r}.",
                fix="weight_quantizer=keras.quantizers.AbsMaxQuantizer(axis=0)",
            )
        )
    if quantizer.output_dtype != "int8":
        raise value_error(
            f"The output_dtype of a weight quantizer for {type(config).__name__} must be int8, got "
            f"{quantizer.output_dtype}.",
            fix="output_dtype='int8'\nvalue_range sets the number of bits, such as (-8, 7).",
        )
