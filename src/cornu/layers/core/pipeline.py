"""`Pipeline`: several layers as one."""

from collections.abc import Sequence
from typing import Self

from cornu.core.objects.serialize import deserialize_keras_object
from cornu.errors import type_error, value_error
from cornu.layers.base.call import takes_mask
from cornu.layers.base.layer import Layer
from cornu.types import Config, Tensor, Tensors


class Pipeline(Layer):
    """Layers that are called one after the other, such as steps of preprocessing.

    Unlike a `Sequential`, it is no model: it has no training loop, and what it is given may be
    anything that its first layer takes, such as a dict of images and labels or text.

    Args:
        layers: list of layers.
        name: name of the layer.

    Example:

        >>> import numpy as np
        >>> from cornu.layers import AutoContrast, RandomBrightness
        >>> augment = Pipeline([AutoContrast(), RandomBrightness(0.2)])
        >>> augment(np.random.rand(4, 8, 8, 3) * 255, training=True).shape
        (4, 8, 8, 3)
    """

    _passes_inputs_on = True
    _converts_inputs = False

    def __init__(self, layers: Sequence[Layer], name: str | None = None):
        super().__init__(name=name)
        if not isinstance(layers, (list, tuple)) or not all(isinstance(x, Layer) for x in layers):
            raise type_error(
                f"Pipeline takes a list of layers, got {layers!r}.",
                fix="Pipeline([layers.AutoContrast(), layers.RandomFlip()])",
            )
        self._pipeline_layers = list(layers)

    @property
    def layers(self) -> list[Layer]:
        """The layers, in order."""
        return self._pipeline_layers

    def call(self, inputs: Tensors, training: bool = True, mask: Tensor | None = None) -> Tensors:
        for layer in self._pipeline_layers:
            given = {} if mask is None or not takes_mask(layer) else {"mask": mask}
            inputs = layer(inputs, training=training, **given)
            mask = None  # the next layer reads that of its inputs
        return inputs

    def get_config(self) -> Config:
        config = super().get_config()
        return {"layers": config["layers"], "name": config["name"]}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        if not isinstance(config.get("layers"), list | tuple):
            raise value_error(
                f"The config of a Pipeline must have a list of layers, got {config.get('layers')}."
            )
        layers = [deserialize_keras_object(layer) for layer in config["layers"]]
        return cls(**{**config, "layers": layers})
