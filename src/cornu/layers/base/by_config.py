"""Layers to and from plain values."""

from typing import Any

from cornu.core.objects.serialize import deserialize_keras_object, serialize_keras_object
from cornu.errors import value_error
from cornu.layers.base.layer import Layer


def serialize(layer: Any) -> dict[str, Any]:
    """The layer as nested dicts and plain values, which `deserialize` reads.

    Example:

        >>> from cornu.layers import Dense
        >>> serialize(Dense(3))["config"]["units"]
        3
    """
    return serialize_keras_object(layer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The layer that `serialize` described.

    Args:
        config: what `serialize` returns.
        custom_objects: classes and functions of one's own, by name.

    Raises:
        ValueError: the config describes something else.
    """
    layer = deserialize_keras_object(config, custom_objects)
    if not isinstance(layer, Layer):
        raise value_error(f"The config describes {type(layer).__name__}, which is not a layer.")
    return layer
