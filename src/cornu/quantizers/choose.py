"""Which quantization config is meant: by the arguments of `quantize`, or by a dtype policy."""

from typing import Any

from cornu.core.objects.serialize import deserialize_keras_object
from cornu.dtype_policies import QUANTIZATION_MODES
from cornu.errors import did_you_mean, explain, value_error
from cornu.quantizers.config import (
    Float8QuantizationConfig,
    Int4QuantizationConfig,
    Int8QuantizationConfig,
    QuantizationConfig,
)

_CONFIGS: dict[str, Any] = {
    "int8": Int8QuantizationConfig,
    "int4": Int4QuantizationConfig,
    "float8": Float8QuantizationConfig,
}


def read_config(config: Any) -> QuantizationConfig | None:
    """The `quantization_config` argument of a constructor as an object.

    Raises:
        ValueError: it is no quantization config.
    """
    if isinstance(config, dict):
        config = deserialize_keras_object(config)
    if config is not None and not isinstance(config, QuantizationConfig):
        raise value_error(
            f"quantization_config must be a quantization config or None, got {config!r}.",
            fix="quantizers.Int8QuantizationConfig()",
        )
    return config


def config_for(mode: Any, config: Any) -> QuantizationConfig:
    """The config that the arguments of `quantize` mean.

    Args:
        mode: name of a mode, a config, or None.
        config: quantization config, or None for that of the mode.

    Raises:
        ValueError: neither is given, they contradict each other, or the mode is unknown.
        NotImplementedError: the mode needs calibration data, which is not offered.

    Example:

        >>> config_for("int4", None).block_size
        128
    """
    fix = "layer.quantize('int8'), or layer.quantize(config=Int8QuantizationConfig())"
    if isinstance(mode, QuantizationConfig) and config is None:
        mode, config = None, mode
    if mode is None and config is None:
        raise value_error("quantize needs a mode or a config.", fix=fix)
    if config is not None and not isinstance(config, QuantizationConfig):
        raise value_error(f"config must be a quantization config, got {config!r}.", fix=fix)
    if mode is not None and config is not None and mode != config.mode:
        raise value_error(
            f"The mode is {mode!r}, but the config has the mode {config.mode!r}.",
            fix="leave the mode out.",
        )
    name = config.mode if config is not None else mode
    if name in _CONFIGS:
        return _CONFIGS[name]() if config is None else config
    if name in QUANTIZATION_MODES:
        raise NotImplementedError(needs_data(name))
    raise value_error(f"There is no quantization mode {name!r}.", fix=did_you_mean(name, _CONFIGS))


def config_of_policy(policy: Any) -> QuantizationConfig:
    """The config of a quantized dtype policy, such as "int8_from_float32".

    Raises:
        ValueError: its mode needs calibration data.
    """
    mode = policy.quantization_mode
    if mode not in _CONFIGS:
        raise ValueError(needs_data(mode))
    if getattr(policy, "block_size", None) is not None:
        return Int4QuantizationConfig(block_size=policy.block_size)
    return _CONFIGS[mode]()


def needs_data(mode: str) -> str:
    """The message about a mode that fits the weights to calibration data."""
    return explain(
        f"The mode {mode!r} fits weights to data, which is not offered.",
        fix="quantize('int4') rounds the weights as they are, to 4 bits too.",
    )
