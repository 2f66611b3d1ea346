"""Layers that merge several arrays into one.

    Add, Subtract, Multiply, Average, Maximum, Minimum    element by element, broadcast
    Concatenate                                           one after the other along an axis
    Dot                                                   products summed along an axis

Inputs with fewer axes get axes of size 1 after the batch axis, so `(batch, 3)` can be added to
`(batch, 4, 3)`. The mask of the output keeps a step if the mask of any input does.
"""

import functools
from collections.abc import Iterable, Sequence
from typing import Any, TypeGuard

from cornu import ops
from cornu.arguments import is_int
from cornu.core.masks import mask_of
from cornu.errors import explain, type_error, value_error
from cornu.layers.base.build import is_shape
from cornu.layers.base.layer import Layer
from cornu.types import Shape, Tensor, Tensors

# One mask, or None, per input; None if no input has one.
Masks = Sequence[Tensor | None] | None


def _shown(shapes: Sequence[Shape]) -> str:
    def known(shape: Shape) -> Shape:
        return tuple(n if isinstance(n, int) else None for n in shape)

    return ", ".join(str(known(s)) for s in shapes)


class Merge(Layer):
    """Element by element over a list of inputs."""

    _least_inputs = 1
    _most_inputs: int | None = None

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Sequence[Shape]) -> None:
        self._check_shapes(input_shape)

    def _check_shapes(self, shapes: Sequence[Shape]) -> None:
        """Raise ValueError if the inputs are not a list, too few, or of sizes that do not fit."""
        kind = type(self).__name__
        if not isinstance(shapes, (list, tuple)) or is_shape(shapes):
            raise value_error(
                f"{kind} takes a list of inputs, got one input.", fix=f"{kind}()([x1, x2])"
            )
        least, most = self._least_inputs, self._most_inputs
        if len(shapes) < least or (most is not None and len(shapes) > most):
            number = f"{least}" if least == most else f"at least {least}"
            raise value_error(
                f"{kind} takes {number} inputs, got {len(shapes)}.", shapes=_shown(shapes)
            )
        self._check_fit(shapes)

    def _check_inputs(self, inputs: Tensors) -> None:
        self._check_shapes([tuple(x.shape) for x in inputs] if _is_list(inputs) else inputs.shape)

    def _check_fit(self, shapes: Sequence[Shape]) -> None:
        """Raise ValueError where sizes do not fit together."""
        for sizes in _columns(shapes):
            if len({n for n in sizes if isinstance(n, int) and n != 1}) > 1:
                raise value_error(
                    f"The inputs of {type(self).__name__} '{self.name}' do not fit together.",
                    shapes=_shown(shapes),
                    fix="equal sizes, or sizes of 1, axis by axis; Concatenate puts inputs of "
                    "different sizes side by side.",
                )

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        """The broadcast shape; a size that is not known gives way to one that is."""
        self._check_shapes(input_shape)

        def broadcast(sizes: Sequence[int | None]) -> int | None:
            known = [n for n in sizes if n not in (None, 1)]
            return known[0] if known else None if None in sizes else 1

        return tuple(broadcast(sizes) for sizes in _columns(input_shape))

    def call(self, inputs: Tensors) -> Tensor:
        self._check_inputs(inputs)
        ndim = max(x.ndim for x in inputs)
        return self._merge_function([_with_axes(x, ndim) for x in inputs])

    def _merge_function(self, inputs: list[Tensor]) -> Tensor:
        """Combine arrays of the same rank; written by subclasses."""
        raise NotImplementedError(
            explain(f"{type(self).__name__} does not define `_merge_function`.")
        )

    def _check_masks(self, inputs: Tensors, mask: Masks) -> None:
        """Raise ValueError where there is not one mask, or None, for each input."""
        fits = _is_list(inputs) and _is_list(mask) and len(inputs) == len(mask)
        if mask is not None and not fits:
            raise value_error(
                f"{type(self).__name__} takes a list of inputs and a list with a mask, or "
                "None, for each.",
                fix="compute_mask([x1, x2], [mask, None])",
            )

    def compute_mask(self, inputs: Tensors, mask: Masks = None) -> Tensor | None:
        self._check_masks(inputs, mask)
        if mask is None or any(m is None for m in mask):
            return None
        return functools.reduce(ops.logical_or, mask)


def _columns(shapes: Sequence[Shape]) -> Iterable[Sequence[int | None]]:
    """The sizes of all inputs, axis by axis."""
    ndim = max(len(s) for s in shapes)
    return zip(*[(s[0], *(1,) * (ndim - len(s)), *s[1:]) for s in shapes if s], strict=True)


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, (list, tuple))


def _with_axes(x: Tensor, ndim: int) -> Tensor:
    """The array with axes of size 1 after the batch axis: `(batch, 1, ..., *rest)`."""
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

    def _merge_function(self, inputs: list[Tensor]) -> Tensor:
        return functools.reduce(ops.add, inputs)


class Subtract(Merge):
    """The first input minus the second.

    Input a list of two arrays `(batch, ...)`, output their broadcast shape.

    Example:

        >>> import numpy as np
        >>> Subtract()([np.array([[1.0]]), np.array([[2.0]])]).tolist()
        [[-1.0]]
    """

    _least_inputs = _most_inputs = 2

    def _merge_function(self, inputs: list[Tensor]) -> Tensor:
        return ops.subtract(*inputs)


class Multiply(Merge):
    """The product of the inputs.

    Where inputs have masks, a step that is masked in one input counts as 1 there, and a step that
    is masked in all of them gives 0.

    Input a list of arrays `(batch, ...)`, output their broadcast shape.

    Example:

        >>> import numpy as np
        >>> Multiply()([np.array([[3.0]]), np.array([[2.0]])]).tolist()
        [[6.0]]
    """

    def call(self, inputs: Tensors) -> Tensor:
        masks = [mask_of(x) for x in inputs] if _is_list(inputs) else []
        if all(m is None for m in masks):
            return super().call(inputs)
        counting = [
            x if m is None else ops.where(_beside(m, x), x, ops.ones_like(x))
            for x, m in zip(inputs, masks, strict=True)
        ]
        product = super().call(counting)
        if any(m is None for m in masks):
            return product
        some = functools.reduce(ops.logical_or, masks)
        return ops.where(_beside(some, product), product, ops.zeros_like(product))

    def _merge_function(self, inputs: list[Tensor]) -> Tensor:
        return functools.reduce(ops.multiply, inputs)


def _first_known(sizes: Iterable[int | None]) -> int | None:
    return next((n for n in sizes if n is not None), None)


def _beside(mask: Tensor, x: Tensor) -> Tensor:
    """The mask `(batch, time)` with axes of size 1 up to the rank of `x`."""
    return ops.reshape(mask, (*mask.shape, *(1,) * (x.ndim - mask.ndim)))


class Average(Merge):
    """The mean of the inputs.

    Input a list of arrays `(batch, ...)`, output their broadcast shape.

    Example:

        >>> import numpy as np
        >>> Average()([np.array([[1.0]]), np.array([[2.0]])]).tolist()
        [[1.5]]
    """

    def _merge_function(self, inputs: list[Tensor]) -> Tensor:
        # each divided first: the sum may leave the range of half precision where the mean does not
        return functools.reduce(ops.add, [x / len(inputs) for x in inputs])


class Extreme(Merge):
    """The largest or the smallest of the inputs that are not masked at a step."""

    def call(self, inputs: Tensors) -> Tensor:
        masks = [mask_of(x) for x in inputs] if _is_list(inputs) else []
        if all(m is None for m in masks):
            return super().call(inputs)
        self._check_inputs(inputs)
        ndim = max(x.ndim for x in inputs)
        found, *others = (_with_axes(x, ndim) for x in inputs)
        counts = masks[0]  # where `found` comes from an unmasked step; None: everywhere
        for x, mask in zip(others, masks[1:], strict=True):
            both = self._merge_function([found, x])
            if counts is not None:
                both = ops.where(_beside(counts, both), both, x)
            if mask is not None:
                both = ops.where(_beside(mask, both), both, found)
            counts = None if counts is None or mask is None else ops.logical_or(counts, mask)
            found = both
        return found


class Maximum(Extreme):
    """The largest of the inputs, element by element.

    Where inputs have masks, a step that is masked in an input is left out there.

    Input a list of arrays `(batch, ...)`, output their broadcast shape.

    Example:

        >>> import numpy as np
        >>> Maximum()([np.array([[1.0]]), np.array([[2.0]])]).tolist()
        [[2.0]]
    """

    def _merge_function(self, inputs: list[Tensor]) -> Tensor:
        return functools.reduce(ops.maximum, inputs)


class Minimum(Extreme):
    """The smallest of the inputs, element by element.

    Where inputs have masks, a step that is masked in an input is left out there.

    Input a list of arrays `(batch, ...)`, output their broadcast shape.

    Example:

        >>> import numpy as np
        >>> Minimum()([np.array([[1.0]]), np.array([[2.0]])]).tolist()
        [[1.0]]
    """

    def _merge_function(self, inputs: list[Tensor]) -> Tensor:
        return functools.reduce(ops.minimum, inputs)


class Concatenate(Merge):
    """The inputs one after the other along an axis.

    Input a list of arrays that are alike except along the axis.

    Args:
        axis: axis to concatenate along; 0 is the batch axis.

    Example:

        >>> import numpy as np
        >>> Concatenate()([np.ones((2, 3)), np.ones((2, 4))]).shape
        (2, 7)
    """

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis

    def _check_fit(self, shapes: Sequence[Shape]) -> None:
        ndim = len(shapes[0])
        alike = all(len(s) == ndim for s in shapes)
        axis = self.axis % ndim if -ndim <= self.axis < ndim else None
        if alike and axis is None:
            raise value_error(
                f"The inputs of Concatenate '{self.name}' have no axis {self.axis}.",
                shapes=", ".join(map(str, shapes)),
                fix=f"axis=-1\nor an axis from 0 to {ndim - 1}",
            )
        if alike and axis is not None:
            for i, sizes in enumerate(zip(*shapes, strict=True)):
                alike &= i == axis or len({n for n in sizes if isinstance(n, int)}) < 2
        if not alike or axis is None:
            raise value_error(
                f"The inputs of Concatenate '{self.name}' differ besides along its axis.",
                shapes=_shown(shapes),
                axis=self.axis,
                fix="Flatten or Reshape the inputs first, or another axis.",
            )

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        self._check_shapes(input_shape)
        axis = self.axis % len(input_shape[0])
        sizes = [_first_known(column) for column in zip(*input_shape, strict=True)]
        along = [n for shape in input_shape if (n := shape[axis]) is not None]
        sizes[axis] = sum(along) if len(along) == len(input_shape) else None
        return tuple(sizes)

    def call(self, inputs: Tensors) -> Tensor:
        self._check_inputs(inputs)
        return ops.concatenate(inputs, axis=self.axis)

    def compute_mask(self, inputs: Tensors, mask: Masks = None) -> Tensor | None:
        self._check_masks(inputs, mask)
        if mask is None or all(m is None for m in mask):
            return None
        axis = self.axis % inputs[0].ndim
        shown = [  # made of the input, whose batch and time may be unknown
            ops.ones_like(x, "bool")[(..., *[0] * (x.ndim - 2))] if m is None else m
            for x, m in zip(inputs, mask, strict=True)
        ]
        if axis == 1:
            return ops.concatenate(shown, axis=1)
        return functools.reduce(ops.logical_or, shown)


class Dot(Merge):
    """Products of two inputs, summed along one axis of each, sample by sample.

    Input `[(batch, ..., n, ...), (batch, ..., n, ...)]`, output `(batch, other axes of the first,
    other axes of the second)`, or `(batch, 1)` if there are none.

    Args:
        axes: the axis of size n, or a pair: one for each input.
        normalize: whether both are first scaled to length 1 along it, which gives their cosine
            similarity.

    Example:

        >>> import numpy as np
        >>> Dot((1, 2))([np.ones((5, 3, 4)), np.ones((5, 2, 3))]).shape
        (5, 4, 2)
    """

    _least_inputs = _most_inputs = 2

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        if not is_int(axes):
            if not _is_list(axes):
                raise type_error(f"axes must be an int or two ints, got {axes!r}.", fix="axes=1")
            if len(axes) != 2 or not all(is_int(a) for a in axes):
                raise value_error(
                    f"axes must be an int or two ints, got {axes!r}.", fix="axes=(1, 2)"
                )
        self.axes: int | Sequence[int] = int(axes) if is_int(axes) else axes
        self.normalize = normalize
        self.supports_masking = True

    def _summed(self, shapes: Sequence[Shape]) -> tuple[int, int]:
        axes = (self.axes,) * 2 if isinstance(self.axes, int) else self.axes
        first, second = (a % len(s) for a, s in zip(axes, shapes, strict=True))
        return first, second

    def _check_fit(self, shapes: Sequence[Shape]) -> None:
        axes = (self.axes,) * 2 if isinstance(self.axes, int) else self.axes
        if any(
            a % max(len(s), 1) == 0 or not -len(s) <= a < len(s)
            for a, s in zip(axes, shapes, strict=True)
        ):
            raise value_error(
                f"Dot '{self.name}' cannot sum along these axes; they must exist, and not be the "
                "batch axis.",
                shapes=_shown(shapes),
                axes=self.axes,
                fix="axes=-1\nor axes=(1, 2)",
            )
        first, second = self._summed(shapes)
        sizes = shapes[0][first], shapes[1][second]
        if all(isinstance(n, int) for n in sizes) and sizes[0] != sizes[1]:
            raise value_error(
                f"The axes that Dot '{self.name}' sums along have different sizes.",
                shapes=_shown(shapes),
                axes=self.axes,
                fix="axes=(first, second) with the axes of the same size, counted from 0",
            )

    def call(self, inputs: Tensors) -> Tensor:
        self._check_inputs(inputs)
        x, y = inputs
        first, second = self._summed((x.shape, y.shape))
        if self.normalize:
            x, y = ops.normalize(x, axis=first), ops.normalize(y, axis=second)
        letters = [chr(ord("c") + i) for i in range(x.ndim + y.ndim)]
        of_x, of_y = letters[: x.ndim], letters[x.ndim :]
        of_x[0] = of_y[0] = "a"
        of_x[first] = of_y[second] = "b"  # summed
        out = ["a", *(c for c in (*of_x, *of_y) if c not in "ab")]
        result = ops.einsum(f"{''.join(of_x)},{''.join(of_y)}->{''.join(out)}", x, y)
        return ops.expand_dims(result, -1) if result.ndim == 1 else result  # (batch, ...)

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        self._check_shapes(input_shape)
        first, second = self._summed(input_shape)
        x, y = (list(shape) for shape in input_shape)
        del x[first], y[second]
        shape = (*x, *y[1:])
        return shape if len(shape) > 1 else (*shape, 1)

    def compute_mask(self, inputs: Tensors, mask: Masks = None) -> None:
        return None


# ---- as functions -----------------------------------------------------------------------------


def add(inputs: Tensors, **kwargs: Any) -> Tensor:
    """The sum of a list of tensors; see `Add`."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Tensors, **kwargs: Any) -> Tensor:
    """The first of two tensors minus the second; see `Subtract`."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Tensors, **kwargs: Any) -> Tensor:
    """The product of a list of tensors; see `Multiply`."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Tensors, **kwargs: Any) -> Tensor:
    """The mean of a list of tensors; see `Average`."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Tensors, **kwargs: Any) -> Tensor:
    """The largest of a list of tensors, element by element; see `Maximum`."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Tensors, **kwargs: Any) -> Tensor:
    """The smallest of a list of tensors, element by element; see `Minimum`."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Tensors, axis: int = -1, **kwargs: Any) -> Tensor:
    """A list of tensors one after the other along an axis; see `Concatenate`."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Tensors, axes: int | Sequence[int] = -1, **kwargs: Any) -> Tensor:
    """Products of two tensors, summed along an axis of each; see `Dot`."""
    return Dot(axes=axes, **kwargs)(inputs)
