"""How arrays lie in memory."""

import jax
from jax.experimental.layout import Layout, with_layout_constraint

from cornu.kernels.derivatives import Differentiable


@Differentiable
def row_major(x: jax.Array) -> jax.Array:
    """The same array, made sure to lie with its last axis innermost.

    Left to itself, XLA picks the layout that suits one of the operations around. Derivatives pass
    unchanged: jax takes an output of a program that is the result of a layout constraint, as one of
    a transposed constraint may be, for one of any layout, and then misreads the outputs beside it.

    Example:

        >>> row_major(jax.numpy.ones((2, 3)).T).shape
        (3, 2)
    """
    return with_layout_constraint(x, Layout(tuple(range(x.ndim))))


row_major.defvjp(lambda x: (row_major(x), ()), lambda kept, g: (g,), lambda kept, slopes: slopes[0])
