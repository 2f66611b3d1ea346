"""Quantizers: weights and inputs in few bits."""

import inspect
from typing import Any

from cornu.absent import names_of
from cornu.core.objects.serialize import deserialize_one, resolve, serialize_keras_object
from cornu.quantizers.config import (
    Float8QuantizationConfig as Float8QuantizationConfig,
    Int4QuantizationConfig as Int4QuantizationConfig,
    Int8QuantizationConfig as Int8QuantizationConfig,
    QuantizationConfig as QuantizationConfig,
)
from cornu.quantizers.functions import (
    abs_max_quantize as abs_max_quantize,
    abs_max_quantize_grouped_with_zero_point as abs_max_quantize_grouped_with_zero_point,
    compute_float8_amax_history as compute_float8_amax_history,
    compute_float8_scale as compute_float8_scale,
    fake_quant_with_min_max_vars as fake_quant_with_min_max_vars,
    quantize_and_dequantize as quantize_and_dequantize,
)
from cornu.quantizers.int4 import pack_int4 as pack_int4, unpack_int4 as unpack_int4
from cornu.quantizers.quantizer import AbsMaxQuantizer as AbsMaxQuantizer, Quantizer as Quantizer

_TABLE: dict[str, Any] = {
    "AbsMaxQuantizer": AbsMaxQuantizer,
    "Quantizer": Quantizer,
    "abs_max_quantizer": AbsMaxQuantizer,
    "quantizer": Quantizer,
}


def get(identifier: Any, **kwargs: Any) -> Any:
    """The quantizer that a name, a config, a class or a callable means; None for None.

    Args:
        identifier: what is meant.
        **kwargs: of the constructor, for a name or a class.

    Raises:
        ValueError: there is no such quantizer.

    Example:

        >>> get("abs_max_quantizer", axis=0).axis
        (0,)
    """
    found = resolve("quantizer", identifier, _TABLE, instantiate=False)
    return found(**kwargs) if inspect.isclass(found) else found


def serialize(initializer: Any) -> Any:
    """The quantizer as JSON values; the argument's name is Keras's.

    Example:

        >>> serialize(AbsMaxQuantizer(axis=0))["config"]["axis"]
        (0,)
    """
    return serialize_keras_object(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The quantizer that `serialize` described."""
    return deserialize_one(config, custom_objects)


globals()["__getattr__"] = names_of(__name__)
