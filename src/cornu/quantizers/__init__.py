"""Quantizers of weights and activations, and quantization configs."""

import inspect
from typing import Any

from cornu.absent import names_of
from cornu.core.objects.serialize import serialize_keras_object
from cornu.core.objects.vocabulary import Vocabulary
from cornu.names import to_snake_case
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
from cornu.types import Config, Identifier

_words = Vocabulary("quantizer", vars(), Quantizer, spelled=to_snake_case)
deserialize = _words.deserialize


def get(identifier: Identifier, **kwargs: Any) -> Any:
    """The quantizer that a name, a config, a class or an object means; None for None.

    Args:
        identifier: name, config, class or object.
        **kwargs: arguments of the constructor, where a name or a class is given.

    Raises:
        ValueError: no quantizer is meant by it.

    Example:

        >>> get("abs_max_quantizer", axis=0).axis
        (0,)
    """
    found = _words.find(identifier)
    return found(**kwargs) if inspect.isclass(found) else found


def serialize(initializer: Quantizer) -> Config:
    """The quantizer as JSON values; the argument's name is Keras's.

    Example:

        >>> serialize(AbsMaxQuantizer(axis=0))["config"]["axis"]
        (0,)
    """
    return serialize_keras_object(initializer)


globals()["__getattr__"] = names_of(__name__)
