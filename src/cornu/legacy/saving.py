"""The legacy format of serialized objects, under the name that Keras gives it."""

from cornu.utils.legacy import (
    deserialize_keras_object as deserialize_keras_object,
    serialize_keras_object as serialize_keras_object,
)

__all__ = ["deserialize_keras_object", "serialize_keras_object"]
