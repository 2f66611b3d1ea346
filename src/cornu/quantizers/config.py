"""Quantization configs: the mode, and what rounds the weights and the inputs of a layer.

| class                    | mode   | inputs, by default       | weights, by default               |
|--------------------------|--------|--------------------------|-----------------------------------|
| Int8QuantizationConfig   | int8   | 8 bits, a scale a sample | 8 bits, a scale a channel         |
| Int4QuantizationConfig   | int4   | as they are              | 4 bits, scale and zero of a block |
| Float8QuantizationConfig | float8 | scales from past maxima  | scales from past maxima           |
"""

from collections.abc import Callable
from typing import Any

from cornu.arguments import is_int
from cornu.core.objects.configurable import Configurable
from cornu.core.objects.serialize import deserialize_keras_object
from cornu.errors import explain, type_error, value_error
from cornu.quantizers.quantizer import AbsMaxQuantizer, Quantizer

_INT4_RANGE = (-8, 7)


class QuantizationConfig(Configurable):
    """Base of the configs of `layer.quantize(config=...)`.

    Args:
        weight_quantizer: rounds the weights; the mode's own way if None.
        activation_quantizer: rounds the inputs; they stay as they are if None.

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
                "A QuantizationConfig by itself has no mode.",
                fix="Int8QuantizationConfig(), Int4QuantizationConfig() or "
                "Float8QuantizationConfig()",
            )
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make a config from what `get_config` returned."""
        return cls(**{key: deserialize_keras_object(value) for key, value in config.items()})

    @staticmethod
    def weight_quantizer_or_default(config: "QuantizationConfig | None", default: Any) -> Any:
        """The config's quantizer of weights; the default if there is no config or it has none."""
        chosen = None if config is None else config.weight_quantizer
        return default if chosen is None else chosen

    @staticmethod
    def activation_quantizer_or_default(config: "QuantizationConfig | None", default: Any) -> Any:
        """The config's quantizer of inputs, which may be None; the default without a config."""
        return default if config is None else config.activation_quantizer


class Int8QuantizationConfig(QuantizationConfig):
    """Weights in 8 bits, and inputs too.

    Args:
        weight_quantizer: rounds the weights; if None, each output channel has its own scale.
        activation_quantizer: rounds the inputs; "default" gives each sample its own scale, None
            leaves the inputs in floats.

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
    """Weights in 4 bits, two of them in a byte.

    Args:
        weight_quantizer: rounds the weights to -8 ... 7; only for one scale a channel.
        activation_quantizer: rounds the inputs; only for one scale a channel.
        block_size: how many inputs share a scale and a zero; None or -1 for one scale a channel.

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
                raise type_error(f"block_size is an int, got {block_size!r}.", fix="block_size=128")
            if block_size < 1 and block_size != -1:
                raise value_error(
                    f"block_size is positive, or -1 for one scale a channel, got {block_size}.",
                    fix="block_size=128",
                )
        self.block_size = block_size
        custom = weight_quantizer is not None or activation_quantizer is not None
        if custom and block_size not in (None, -1):
            raise value_error(
                "Quantizers of one's own go with one scale a channel, not with blocks.",
                block_size=block_size,
                fix="block_size=None",
            )
        _check(self, weight_quantizer)
        if weight_quantizer is not None:
            value_range = tuple(getattr(weight_quantizer, "value_range", ()))
            if value_range != _INT4_RANGE:
                raise value_error(
                    "A quantizer of weights in 4 bits uses all of them.",
                    received=f"value_range={value_range}",
                    fix=f"value_range={_INT4_RANGE}",
                )

    @property
    def mode(self) -> str:
        return "int4"


class Float8QuantizationConfig(QuantizationConfig):
    """Weights, inputs and gradients rounded to 8-bit floats in each product, also in training.

    Example:

        >>> Float8QuantizationConfig().mode
        'float8'
    """

    def __init__(self) -> None:
        super().__init__()

    @property
    def mode(self) -> str:
        return "float8"

    def get_config(self) -> dict[str, Any]:
        return {}


def _check(config: QuantizationConfig, quantizer: Callable[..., Any] | None) -> None:
    """Refuse a quantizer of weights whose integers the layers do not keep."""
    if quantizer is None:
        return
    if not isinstance(quantizer, Quantizer) and not hasattr(quantizer, "output_dtype"):
        raise AttributeError(
            explain(
                f"weight_quantizer is a quantizer, got {quantizer!r}.",
                fix="weight_quantizer=keras.quantizers.AbsMaxQuantizer(axis=0)",
            )
        )
    if quantizer.output_dtype != "int8":
        raise value_error(
            f"{type(config).__name__} keeps weights in int8, and this quantizer gives "
            f"{quantizer.output_dtype}.",
            fix="output_dtype='int8'; the range says how many bits are used, such as (-8, 7).",
        )
