"""`Wrapper`: a layer around one other layer."""

from typing import Any

from cornu.core.objects.serialize import deserialize_keras_object
from cornu.errors import value_error
from cornu.layers.base.layer import Layer


class Wrapper(Layer):
    """A layer that changes what another layer does; subclasses write `call`.

    Args:
        layer: the layer inside.

    Example:

        >>> import numpy as np
        >>> from cornu.layers import Dense
        >>> class Twice(Wrapper):
        ...     def call(self, inputs):
        ...         return 2 * self.layer(inputs)
        >>> Twice(Dense(3))(np.ones((2, 4))).shape
        (2, 3)
    """

    def __init__(self, layer: Any, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise value_error(
                f"{type(self).__name__} takes a layer, got {type(layer).__name__}.",
                fix=f"layers.{type(self).__name__}(layers.Dense(10))",
            )
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        config = dict(config)
        if isinstance(config["layer"], dict):
            config["layer"] = deserialize_keras_object(config["layer"], custom_objects)
        return cls(**config)
