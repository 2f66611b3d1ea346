"""`DataLayer`: the base of layers that stand in input pipelines as well as in models."""

from cornu.layers.base.layer import Layer
from cornu.types import Tensor


class DataLayer(Layer):
    """A layer that prepares data."""

    def convert_weight(self, weight: Tensor) -> Tensor:
        """The weight itself; in Keras, in the framework of the pipeline that calls the layer."""
        return weight
