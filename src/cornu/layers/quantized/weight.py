"""`Weight` and `Product`: how a layer says which of its weights can be kept in few bits.

    x (batch, ..., in)  --Product-->  y (batch, ..., out)
            ^                                  ^
            `-- summed axes share a scale      `-- where scales of x and of w meet

A `Weight` says which axes of an array are summed over in products: the numbers along them share a
scale, and each of the others, a channel, has its own. For 4 bits it is seen as a matrix.
"""

from collections.abc import Callable
from typing import Any, NamedTuple


def as_it_is(x: Any) -> Any:
    """The array itself."""
    return x


class Weight(NamedTuple):
    """One weight of a layer.

    Attributes:
        name: of the variable; its scale is `<name>_scale`.
        attribute: of the layer, where the variable is kept.
        shape: in floats.
        summed: axes that products sum over, which share a scale.
        place: from a scale with size 1 in the summed axes to the form in which it is kept.
        take: from a kept scale back to one that the weight can be divided by.
        matrix: shape of the matrix that it is read as for 4 bits, number by number.
        rows: axis of the matrix that products sum over, which is cut into blocks.
        packed: axis of the matrix along which two numbers share a byte.
        place_channels: from one scale for each place along the matrix's other axis to one that a
            product can be divided by; None if those places are not its channels.
        zero_dtype: dtype in which the zeros of blocks are kept.
    """

    name: str
    attribute: str
    shape: tuple[int, ...]
    summed: tuple[int, ...]
    place: Callable[[Any], Any]
    take: Callable[[Any], Any]
    matrix: tuple[int, int]
    rows: int
    packed: int
    place_channels: Callable[[Any], Any] | None = as_it_is
    zero_dtype: str = "int8"

    def variable(self, layer: Any) -> Any:
        """The variable, as it is kept."""
        return getattr(layer, self.attribute)

    def scale(self, layer: Any) -> Any:
        """The variable of the scale."""
        return getattr(layer, f"{self.name}_scale")

    def zero(self, layer: Any) -> Any:
        """The variable of the zeros of blocks; None if there are no blocks."""
        return getattr(layer, f"{self.name}_zero", None)


class Product(NamedTuple):
    """What a layer computes from its inputs and a weight.

    Attributes:
        compute: `(x, w) -> y`, linear in both; sums of integers in int32.
        summed: axes of the inputs that are summed over, which share a scale.
        place: from a scale with size 1 in the summed axes to one that `y` can be divided by.
    """

    compute: Callable[[Any, Any], Any]
    summed: tuple[int, ...]
    place: Callable[[Any], Any] = as_it_is
