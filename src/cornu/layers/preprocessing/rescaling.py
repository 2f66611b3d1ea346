"""`Rescaling`: multiply inputs by a constant and add another."""

from typing import Unpack

import numpy as np

from cornu import ops, settings
from cornu.core.objects.serialize import deserialize_keras_object
from cornu.layers.base.data_layer import DataLayer
from cornu.layers.base.settings import LayerSettings
from cornu.numeric import as_numbers
from cornu.types import Config, Shape, Tensor


class Rescaling(DataLayer):
    """Multiply inputs by `scale` and add `offset`, in training and at inference.

    Input and output of any shape; integers become floats.

    Args:
        scale: factor, one number or one per channel; 1 / 255 takes pixels to [0, 1], 1 / 127.5
            with `offset=-1` to [-1, 1].
        offset: summand, likewise.

    Example:

        >>> Rescaling(1 / 127.5, offset=-1)(np.array([0, 255], "uint8")).tolist()
        [-1.0, 1.0]
    """

    rescales_inputs = True
    _weightless = True
    _takes_sparse = False
    _casts_inputs = False  # halves would round large integers

    def __init__(self, scale: Tensor, offset: Tensor = 0.0, **kwargs: Unpack[LayerSettings]):
        super().__init__(**kwargs)
        self.scale = _constant(scale, "scale")
        self.offset = _constant(offset, "offset")
        self.supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        dtype = "float64" if "float64" in (self.compute_dtype, str(inputs.dtype)) else "float32"
        scale, offset = (self._placed(v).astype(dtype) for v in (self.scale, self.offset))
        return ops.cast(ops.cast(inputs, dtype) * scale + offset, self.compute_dtype)

    @staticmethod
    def _placed(constant: Tensor) -> np.ndarray:
        """The constant, with the axis of the channels where images have it."""
        array = np.asarray(constant)
        if array.ndim and settings.current.image_data_format == "channels_first":
            return array.reshape(array.shape + (1,) * (3 - array.ndim))
        return array

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> "Rescaling":
        """Make a layer from what `get_config` returned, whose constants may be arrays."""
        constants = {
            key: deserialize_keras_object(config[key], custom_objects)
            for key in ("scale", "offset")
        }
        return super().from_config({**config, **constants})


def _constant(value: Tensor, name: str) -> Tensor:
    as_numbers(value, name)
    return value
