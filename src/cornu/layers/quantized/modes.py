"""Layers whose weights are kept in few bits: how they come about, and how they compute.

    layer.quantize("int8")                    a built layer: its weights are rounded
    Dense(4, dtype="int8_from_float32")       a new one, whose integers come from a file

| mode   | weights                         | inputs                    | module      |
|--------|---------------------------------|---------------------------|-------------|
| int8   | 8 bits, a scale a channel       | 8 bits, a scale a sample  | `int8.py`   |
| int4   | 4 bits, a scale a channel, or   | floats                    | `int4.py`   |
|        | a scale and a zero a block      |                           |             |
| float8 | floats, rounded in each product | rounded, gradients too    | `float8.py` |

A layer that takes part has `_few_bits(shape)`, its weights as `Weight`, `quantized_build`,
`quantize` and `quantized_call`, and says in `variable_serialization_spec` what files hold.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from cornu import bcoo, dtype_policies, ops
from cornu.core.frame import eagerly
from cornu.core.objects.serialize import deserialize_keras_object
from cornu.dtype_policies import QUANTIZATION_MODES
from cornu.errors import did_you_mean, explain, value_error
from cornu.layers.base import own
from cornu.layers.quantized import float8, int4, int8, lora
from cornu.layers.quantized.weight import Product, Weight
from cornu.quantizers import (
    Float8QuantizationConfig,
    Int4QuantizationConfig,
    Int8QuantizationConfig,
    QuantizationConfig,
)

_MODULES: dict[str, Any] = {"int8": int8, "int4": int4, "float8": float8}
_CONFIGS: dict[str, Any] = {
    "int8": Int8QuantizationConfig,
    "int4": Int4QuantizationConfig,
    "float8": Float8QuantizationConfig,
}

# What files hold of a layer with a kernel in each mode, in order; what a layer lacks is left out.
KERNEL_FILES: dict[str | None, list[str]] = {
    None: ["kernel", "bias"],
    "int8": ["kernel", "bias", "kernel_scale"],
    "int4": ["kernel", "bias", "kernel_scale", "kernel_zero", "g_idx"],
    "float8": ["kernel", "bias", *float8.names()],
}


# ---- arguments --------------------------------------------------------------------------------


def read_config(config: Any) -> Any:
    """The `quantization_config` argument of a constructor as an object.

    Raises:
        ValueError: it is no config.
    """
    if isinstance(config, dict):
        config = deserialize_keras_object(config)
    if config is not None and not isinstance(config, QuantizationConfig):
        raise value_error(
            f"quantization_config is a config, got {config!r}.",
            fix="quantizers.Int8QuantizationConfig()",
        )
    return config


def config_for(mode: Any, config: Any) -> QuantizationConfig:
    """The config that the arguments of `quantize` mean.

    Raises:
        ValueError: neither is given, they contradict each other, or the mode is unknown.
        NotImplementedError: the mode needs a pass over data, which is not offered.
    """
    fix = "layer.quantize('int8'), or layer.quantize(config=Int8QuantizationConfig())"
    if isinstance(mode, QuantizationConfig) and config is None:
        mode, config = None, mode
    if mode is None and config is None:
        raise value_error("quantize needs a mode or a config.", fix=fix)
    if config is not None and not isinstance(config, QuantizationConfig):
        raise value_error(f"config is a quantization config, got {config!r}.", fix=fix)
    if mode is not None and config is not None and mode != config.mode:
        raise value_error(
            f"The mode is {mode!r} and the config is of {config.mode!r}.", fix="leave the mode out."
        )
    name = config.mode if mode is None else mode  # type: ignore[union-attr]
    if name in _CONFIGS:
        return _CONFIGS[name]() if config is None else config
    if name in QUANTIZATION_MODES:
        raise NotImplementedError(_needs_data(name))
    raise value_error(f"There is no quantization mode {name!r}.", fix=did_you_mean(name, _CONFIGS))


def _needs_data(mode: str) -> str:
    return explain(
        f"The mode {mode!r} fits weights to data, which is not offered.",
        fix="quantize('int4') rounds the weights as they are, in 4 bits too.",
    )


def check_layer(layer: Any, config: QuantizationConfig) -> None:
    """Refuse a layer that cannot be quantized as it stands.

    Raises:
        ValueError: it is not built, quantized already, or computes in float16.
    """
    if not layer.built:
        raise value_error(
            f"{type(layer).__name__} '{layer.name}' is not built, so it has no weights to "
            "quantize.",
            fix="call it on a sample first, or call build(input_shape).",
        )
    if layer.quantization_mode is not None:
        raise value_error(
            f"'{layer.name}' is quantized already.",
            policy=layer._policy.name,
            received=f"mode={config.mode!r}",
            fix="quantize the layer in floats, or make a new one.",
        )
    if layer.compute_dtype == "float16" and config.mode == "int8":
        raise value_error(
            f"'{layer.name}' computes in float16, in which sums of 8-bit products overflow.",
            fix="dtype='mixed_bfloat16' or 'float32'",
        )


def refuse(layer: Any, mode: Any = None, config: Any = None) -> None:
    """What `quantize` of a layer does that does not offer it.

    Raises:
        NotImplementedError: always, if nothing is wrong with the arguments.
    """
    check_layer(layer, config_for(mode, config))
    raise NotImplementedError(
        explain(
            f"{type(layer).__name__} '{layer.name}' has no weights that can be kept in few bits.",
            fix="Dense, EinsumDense, Embedding and ReversibleEmbedding have.",
        )
    )


# ---- building ---------------------------------------------------------------------------------


def build(layer: Any, weights: Iterable[Weight], mode: str, config: Any) -> None:
    """Make the variables of a layer in few bits.

    Raises:
        NotImplementedError: the mode is unknown, or not offered for the layer.
        ValueError: the layer has the weights already.
    """
    require(layer, mode)
    for weight in weights:
        if mode != "float8" and weight.variable(layer) is not None:
            raise value_error(
                f"'{layer.name}' has its weights already.", fix=f"layer.quantize({mode!r})"
            )
        _MODULES[mode].build(layer, weight, config)


def require(layer: Any, mode: str) -> None:
    """Raise NotImplementedError where a layer does not offer a mode."""
    if mode in QUANTIZATION_MODES and mode not in _MODULES:
        raise NotImplementedError(_needs_data(mode))
    if mode not in _MODULES:
        raise NotImplementedError(
            explain(f"There is no quantization mode {mode!r}.", fix=did_you_mean(mode, _MODULES))
        )
    if mode not in layer.variable_serialization_spec:
        raise NotImplementedError(
            explain(
                f"{type(layer).__name__} '{layer.name}' does not offer the mode {mode!r}.",
                fix="mode='int8' or 'int4'",
            )
        )


def inputs_quantizer(layer: Any, product: Callable[[], Product]) -> Any:
    """What rounds the inputs of a quantized layer; None if they stay in floats.

    Raises:
        AttributeError: the layer is not quantized.
    """
    if layer.quantization_mode is None:
        raise AttributeError(
            explain(f"'{layer.name}' is not quantized.", fix="layer.quantize('int8')")
        )
    if layer.quantization_mode != "int8":
        return QuantizationConfig.activation_quantizer_or_default(layer.quantization_config, None)
    return int8.quantizer_of_inputs(layer, product())


def follow_policy(layer: Any, policy: Any) -> bool:
    """Quantize a built layer as a policy that is assigned to it says; whether that was to be done.

    Raises:
        ValueError: the policy's mode needs a pass over data.
    """
    mode = policy.quantization_mode
    if mode is None or not layer.built or layer.quantization_mode is not None:
        return False
    if mode not in _MODULES:
        raise ValueError(_needs_data(mode))
    config = _CONFIGS[mode]()
    if getattr(policy, "block_size", None) is not None:
        config = Int4QuantizationConfig(block_size=policy.block_size)
    layer.quantize(config=config)
    return True


def keeps_floats(layer: Any) -> bool:
    """Whether the weights themselves are kept in floats."""
    return layer.quantization_mode in (None, "float8")


def quantize(layer: Any, owner: type, mode: Any, type_check: bool, config: Any) -> None:
    """Round the weights of a built layer.

    Args:
        layer: changed in place; it computes with what is kept from then on.
        owner: the class that offers it.
        mode: "int8", "int4" or "float8".
        type_check: refuse subclasses, whose `call` may do something else.
        config: how weights and inputs are rounded.

    Raises:
        ValueError: the arguments or the state of the layer do not allow it.
        NotImplementedError: the layer is of a subclass, or the mode is not offered.
    """
    config = config_for(mode, config)
    check_layer(layer, config)
    if type_check and type(layer) is not owner:
        raise NotImplementedError(
            explain(
                f"{type(layer).__name__} is a subclass of {owner.__name__}, whose computation may "
                "be another one.",
                fix=f"quantize(..., type_check=False) if its `call` is that of {owner.__name__}.",
            )
        )
    mode = config.mode
    require(layer, mode)
    with eagerly():
        weights = layer._few_bits()
        values = {}
        if mode != "float8":
            for weight in weights:
                values.update(_MODULES[mode].rounded(layer, weight, _frozen(layer, weight), config))
                layer._drop_variable(weight.attribute)
        layer.quantization_config = config
        layer.quantized_build(weights[0].shape, mode, config)
        for name, value in values.items():
            _named(layer, weights, name).assign(value)
        suffix = "" if mode != "int4" else f"/{int4.block_size(layer, config) or -1}"
        layer._set_policy(dtype_policies.get(f"{mode}{suffix}_from_{layer._policy.name}"))


def _frozen(layer: Any, weight: Weight) -> np.ndarray:
    return weight.variable(layer).numpy()


def _named(layer: Any, weights: Iterable[Weight], name: str) -> Any:
    """A variable of the layer by the name that it has in files."""
    for weight in weights:
        if weight.name == name:
            return weight.variable(layer)
    return getattr(layer, name, None)


# ---- computing --------------------------------------------------------------------------------


def _module(layer: Any) -> Any:
    """What computes for a layer in its mode.

    Raises:
        NotImplementedError: the layer is not quantized.
    """
    if layer.quantization_mode not in _MODULES:
        raise NotImplementedError(
            explain(
                f"{type(layer).__name__} '{layer.name}' is not quantized.",
                fix="layer.quantize('int8')\nor call the layer itself",
            )
        )
    return _MODULES[layer.quantization_mode]


def multiply(layer: Any, weight: Weight, product: Product, x: Any) -> Any:
    """The product of the inputs and a weight, the correction of low rank included."""
    x = bcoo.dense(x)
    y = _module(layer).multiply(layer, weight, product, x)
    if layer.lora_enabled and hasattr(layer, f"lora_{weight.name}_a"):
        y = y + product.compute(x, lora.correction(layer, weight.name))
    return y


def with_bias(layer: Any, x: Any) -> Any:
    """A product and the layer's bias, if it has one."""
    if layer.bias is None:
        return x
    bias = layer.bias.value
    if layer.quantization_mode == "float8":  # what fused products in 8-bit floats take
        bias = bias.astype("bfloat16")
    return x + bias.astype(x.dtype)


def lookup(layer: Any, weight: Weight, ids: Any) -> Any:
    """Rows of a table, the correction of low rank included."""
    dtype = layer.compute_dtype
    rows = _module(layer).lookup(layer, weight, ids, dtype)
    return lora.corrected_rows(layer, weight.name, rows, ids)


def shown(layer: Any, attribute: str, weights: Callable[[], list[Weight]]) -> Any:
    """A weight as a property of the layer shows it.

    Args:
        layer: whose weight it is.
        attribute: in which the variable is kept.
        weights: the layer's `_few_bits`, of which the first is the one.

    Returns:
        The variable; the sum of the weight and its correction with LoRA; integers, unpacked, if
        they are kept in 4 bits.

    Raises:
        AttributeError: the layer is not built.
    """
    variable = getattr(layer, attribute)
    if variable is None:
        raise AttributeError(lora.unbuilt(layer, attribute.lstrip("_")))
    if layer.quantization_mode == "int4":
        return int4.integers(layer, weights()[0])
    if layer.lora_enabled and keeps_floats(layer):
        return lora.weight(layer, variable)
    return variable


def floats(layer: Any, weight: Weight) -> Any:
    """The weight in floats, as it is kept, without the correction of low rank."""
    if keeps_floats(layer):
        return weight.variable(layer).value
    return _MODULES[layer.quantization_mode].floats(layer, weight)


# ---- files ------------------------------------------------------------------------------------


def stored(layer: Any) -> dict[str, Any]:
    """The variables that files hold of a layer, by name, in order."""
    names = layer.variable_serialization_spec[layer.quantization_mode]
    weights = layer._few_bits()
    found = {name: _named(layer, weights, name) for name in names}
    return {name: variable for name, variable in found.items() if variable is not None}


def save_own(layer: Any, store: Any) -> None:
    """Put what a layer keeps into a mapping, by position; a correction of low rank is merged."""
    if not layer.built:
        return
    values = stored(layer)
    if layer.lora_enabled:
        weight = layer._few_bits()[0]
        merged = floats(layer, weight) + lora.correction(layer, weight.name)
        if keeps_floats(layer):
            values[weight.name] = merged
        else:
            module, config = _MODULES[layer.quantization_mode], layer.quantization_config
            values.update(module.rounded(layer, weight, ops.convert_to_numpy(merged), config))
    for position, value in enumerate(values.values()):
        store[str(position)] = value


def load_own(layer: Any, store: Any) -> None:
    """Take it back; a correction of low rank starts from zero again.

    Raises:
        ValueError: the number of arrays or a shape differs.
    """
    own.assign_all(layer, store, list(stored(layer).values()) if layer.built else [])
    if layer.lora_enabled:
        lora.forget_correction(layer, layer._few_bits()[0].variable(layer))
