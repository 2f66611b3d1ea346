"""Layers of a line or two: `Identity`, `Lambda`, `Masking`."""

import inspect
from typing import Any

from cornu import ops
from cornu.core.objects.configurable import plain
from cornu.core.objects.serialize import deserialize_keras_object, serialize_function
from cornu.errors import type_error
from cornu.layers.base.build import map_shapes
from cornu.layers.base.layer import Layer


class Identity(Layer):
    """Pass the inputs on as they are.

    Example:

        >>> import numpy as np
        >>> Identity()(np.ones((2, 3))).shape
        (2, 3)
    """

    _weightless = True

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs


class Masking(Layer):
    """Mark the time steps at which every feature equals `mask_value` as padding.

    The layers after it skip those steps: recurrent layers, attention, losses, means over time. The
    steps themselves are set to zero.

    Input and output `(batch, time, features)`; the mask is `(batch, time)`, True where a step
    counts.

    Args:
        mask_value: what padding is filled with.

    Example:

        >>> import numpy as np
        >>> x = np.array([[[1.0, 2.0], [0.0, 0.0]]])
        >>> Masking().compute_mask(x).tolist()
        [[True, False]]
    """

    _repeatable = False
    _weightless = True

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.supports_masking = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Any) -> Any:
        counts = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        return ops.where(counts, inputs, ops.zeros_like(inputs))


class Lambda(Layer):
    """Any function of arrays as a layer.

    A function that has a name is saved by the name, so it must be registered
    (`cornu.saving.register_keras_serializable`) before a model with it is loaded. A lambda has no
    name: a file has a place for it, and `load_model(path, custom_objects={layer.name: function})`
    fills it. For a layer with weights, write a subclass of `Layer`.

    Args:
        function: takes the inputs, and `mask` and `training` if it has such arguments.
        output_shape: shape of the output without the batch axis, or a function from the shape of
            the input to it; found by tracing the function if None.
        mask: the mask of the output, or a function `(inputs, mask)` that gives it; none if None.
        arguments: further keyword arguments of the function.

    Example:

        >>> import numpy as np
        >>> Lambda(lambda x: x ** 2)(np.array([[3.0]])).tolist()
        [[9.0]]
    """

    _repeatable = False
    _weightless = True

    _config_omits_none = frozenset(("output_shape", "mask"))

    def __init__(
        self,
        function: Any,
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not callable(function):
            raise type_error(
                f"Lambda takes a function, got {type(function).__name__}.",
                fix="Lambda(lambda x: x ** 2)",
            )
        self.function = function
        self.output_shape = output_shape
        self.mask = mask
        self.arguments = dict(arguments or {})
        self.supports_masking = mask is not None
        try:
            parameters = frozenset(inspect.signature(function).parameters)
        except ValueError:  # some built-in functions have no signature
            parameters = frozenset()
        self._takes = parameters & {"mask", "training"}

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        given = dict(self.arguments)
        given |= {"mask": mask} if "mask" in self._takes else {}
        given |= {"training": training} if "training" in self._takes else {}
        return self.function(inputs, **given)

    def compute_output_spec(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if self.output_shape is None:
            return self._spec_of_call(inputs, *args, **kwargs)
        return super().compute_output_spec(inputs, *args, **kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self.output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self.output_shape):
            return self.output_shape(input_shape)
        first = input_shape
        while isinstance(first, (list, dict)) or (first and isinstance(first[0], (tuple, list))):
            first = next(iter(first.values() if isinstance(first, dict) else first))
        return map_shapes(lambda shape: (first[0], *shape), self.output_shape)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        """The arguments; a function without a name stays itself, which no file can hold."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable}
        config["dtype"] = plain(self.dtype_policy)
        for name in ("function", "output_shape", "mask", "arguments"):
            value = getattr(self, name)
            if value is not None or name not in self._config_omits_none:
                config[name] = value if _is_anonymous(value) else _plain(value)
        return config

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None, safe_mode: bool | None = None
    ) -> Any:
        config = dict(config)
        for name in ("function", "output_shape", "mask"):
            value = config.get(name)
            if isinstance(value, dict) and "class_name" in value:
                config[name] = deserialize_keras_object(
                    value, custom_objects, safe_mode=safe_mode is not False
                )
        if isinstance(config.get("output_shape"), list):
            config["output_shape"] = tuple(config["output_shape"])
        return cls(**config)


def _plain(value: Any) -> Any:
    return serialize_function(value) if inspect.isfunction(value) else plain(value)


def _is_anonymous(value: Any) -> bool:
    return getattr(value, "__name__", "") == "<lambda>"
