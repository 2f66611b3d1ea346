"""`Weight`: a weight of a layer that can be quantized, and where its scales lie."""

from typing import Any

import jax.numpy as jnp

from cornu.types import Tensor


class Weight:
    """A matrix of a layer, and where its scales lie.

        summed=0, a kernel                 summed=1, a table

             out                                dim
           q q q q                            q q q | s
        in q q q q                       rows q q q | s
           q q q q                            q q q | s
           -------                            q q q | s
           s s s s

    Products sum over one axis of the matrix. The numbers along it share a scale; each place on the
    other axis, a channel, has its own: `w = q / s`. In 4 bits, the numbers along the summed axis
    may be cut into blocks, with a scale and a zero per block and channel.

    Args:
        name: name of the variable; its scale is `<name>_scale`.
        shape: shape of the weight in floats.
        summed: axis that products sum over.
        packed: axis along which two 4-bit integers share a byte.
        zero_dtype: dtype in which the zeros of blocks are kept.
        attribute: attribute of the layer that holds the variable; `_<name>` if None.
    """

    # Whether each place along the other axis of the matrix is one channel of the output.
    has_channels = True

    def __init__(
        self,
        name: str,
        shape: tuple[int, ...],
        *,
        summed: int = 0,
        packed: int = 1,
        zero_dtype: str = "int8",
        attribute: str | None = None,
    ):
        self.name = name
        self.attribute = attribute or f"_{name}"
        self.shape = shape
        self.summed: tuple[int, ...] = (summed,)
        self.zero_dtype = zero_dtype
        # As 4 bits see it: shape of the matrix, its axis that products sum over, its packed axis.
        self.matrix = shape
        self.reduced = summed
        self.packed = packed

    def variable(self, layer: Any) -> Any:
        """The variable, in floats or quantized."""
        return getattr(layer, self.attribute)

    def scale(self, layer: Any) -> Any:
        """The variable of the scale."""
        return getattr(layer, f"{self.name}_scale")

    def zero(self, layer: Any) -> Any:
        """The variable of the zeros of blocks; None if there are no blocks."""
        return getattr(layer, f"{self.name}_zero", None)

    def stored_scale(self, scale: Tensor) -> Tensor:
        """A scale with size 1 in the summed axes, in the form of the variable."""
        return scale.reshape(-1)  # (channels,)

    def scale_of_weight(self, stored: Tensor) -> Tensor:
        """A stored scale in the form that the weight is divided by."""
        return jnp.expand_dims(stored, self.summed)  # (1, out) or (rows, 1)

    def scale_of_output(self, channels: Tensor) -> Tensor:
        """A scale per channel in the form that the output of the product is divided by."""
        return channels
