"""Layers that make one array of several.

    Add, Subtract, Multiply, Average, Maximum, Minimum    element by element, broadcast
    Concatenate                                           one after the other along an axis
    Dot                                                   products summed along an axis

Inputs with fewer axes get axes of size 1 after the batch axis: `(batch, 3)` and `(batch, 4, 3)` go
together. A step counts in the output if it counts in one of the inputs.
"""

import functools
from typing import Any

from cornu import ops
from cornu.core.masks import mask_of
from cornu.errors import explain
from cornu.layers.base.build import is_shape
from cornu.layers.base.layer import Layer


def _shown(shapes: Any) -> str:
    def known(shape: Any) -> tuple[int | None, ...]:
        return tuple(n if isinstance(n, int) else None for n in shape)

    return ", ".join(str(known(s)) for s in shapes)


class Merge(Layer):
    """Element by element over a list of inputs."""

    least_inputs = 1
    most_inputs: int | None = None

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        self.check_shapes(input_shape)

    def check_shapes(self, shapes: Any) -> None:
        """Raise ValueError where the inputs are no list, too few, or of sizes that do not fit."""
        kind = type(self).__name__
        if not isinstance(shapes, (list, tuple)) or is_shape(shapes):
            raise ValueError(
                explain(
                    f"{kind} takes a list of inputs, got one input.", fix=f"{kind}()([x1, x2])"
                )
            )
        least, most = self.least_inputs, self.most_inputs
        if len(shapes) < least or (most is not None and len(shapes) > most):
            number = f"{least}" if least == most else f"at least {least}"
            raise ValueError(
                explain(
                    f"{kind} takes {number} inputs, got {len(shapes)}.", shapes=_shown(shapes)
                )
            )
        self.check_fit(shapes)

    def check_fit(self, shapes: Any) -> None:
        """Raise ValueError where sizes do not fit together."""
        ndim = max(len(s) for s in shapes)
        columns = zip(*[(s[0], *(1,) * (ndim - len(s)), *s[1:]) for s in shapes if s], strict=True)
        for sizes in columns:
            if len({n for n in sizes if isinstance(n, int) and n != 1}) > 1:
                raise ValueError(
                    explain(
                        f"The inputs of {type(self).__name__} '{self.name}' do not fit together.",
                        shapes=_shown(shapes),
                        fix="equal sizes, or sizes of 1, axis by axis; Concatenate puts inputs of "
                        "different sizes side by side.",
                    )
                )

    def call(self, inputs: Any) -> Any:
        self.check_shapes([tuple(x.shape) for x in inputs] if _is_list(inputs) else inputs.shape)
        ndim = max(x.ndim for x in inputs)
        return self.merge([_with_axes(x, ndim) for x in inputs])

    def merge(self, inputs: list[Any]) -> Any:
        """Combine arrays of the same rank; written by subclasses."""
        raise NotImplementedError(explain(f"{type(self).__name__} does not define `merge`."))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if not _is_list(mask) or any(m is None for m in mask):
            return None
        return functools.reduce(ops.logical_or, mask)


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _with_axes(x: Any, ndim: int) -> Any:
    """The array with axes of size 1 after the batch axis."""
    if x.ndim in (0, ndim):
        return x
    return ops.reshape(x, (x.shape[0], *(1,) * (ndim - x.ndim), *x.shape[1:]))


class Add(Merge):
    """The sum of the inputs.

    Input a list of arrays `(batch, ...)`, output their broadcast shape.

    Example:

        >>> import numpy as np
        >>> Add()([np.array([[1.0]]), np.array([[2.0]])]).tolist()
        [[3.0]]
    """

    def merge(self, inputs: list[Any]) -> Any:
        return functools.reduce(ops.add, inputs)


class Subtract(Merge):
    """The first input minus the second.

    Input a list of two arrays `(batch, ...)`, output their broadcast shape.

    Example:

        >>> import numpy as np
        >>> Subtract()([np.array([[1.0]]), np.array([[2.0]])]).tolist()
        [[-1.0]]
    """

    least_inputs = most_inputs = 2

    def merge(self, inputs: list[Any]) -> Any:
        return ops.subtract(*inputs)


def _neutral_where_masked(inputs: list[Any], neutral: float) -> list[Any]:
    """The inputs with `neutral` at steps that do not count, if all inputs have masks."""
    masks = [mask_of(x) for x in inputs]
    if any(m is None for m in masks):
        return inputs
    filled = []
    for x, mask in zip(inputs, masks, strict=True):
        counts = ops.reshape(mask, (*mask.shape, *(1,) * (x.ndim - mask.ndim)))
        filled.append(ops.where(counts, x, ops.cast(neutral, x.dtype)))
    return filled


class Multiply(Merge):
    """The product of the inputs; a step that an input masks counts as 1 there.

    Input a list of arrays `(batch, ...)`, output their broadcast shape.

    Example:

        >>> import numpy as np
        >>> Multiply()([np.array([[3.0]]), np.array([[2.0]])]).tolist()
        [[6.0]]
    """

    def merge(self, inputs: list[Any]) -> Any:
        return functools.reduce(ops.multiply, inputs)
