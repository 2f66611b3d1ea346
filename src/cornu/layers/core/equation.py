"""The equation of `EinsumDense`, and the shapes that follow from it.

"abc,cde->abde", inputs (batch, 5, 8), output_shape (5, 2, 4)    kernel (8, 2, 4)
"""

import re
from typing import Any

from cornu import initializers
from cornu.errors import value_error
from cornu.types import InitializerLike

_EQUATION = re.compile(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?")


def weight_shapes(
    equation: str, bias_axes: str | None, input_shape: tuple[Any, ...], output_shape: Any
) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    """The shapes of kernel and bias (None without bias axes).

    Args:
        equation: "inputs,kernel->output", with "..." at the same end of inputs and output, or
            without.
        bias_axes: letters of output axes, or None.
        input_shape: shape of the inputs, `(batch, ...)`.
        output_shape: sizes of the output's letters without the batch's; None for those of inputs.

    Raises:
        ValueError: the equation has another form, or the sizes do not follow from it.

    Example:

        >>> weight_shapes("...x,xy->...y", "y", (None, 5, 3), (4,))
        ((3, 4), (4,))
    """
    sizes, _ = _sizes(equation, input_shape, output_shape)
    _, kernel, output = letters_of(equation)
    for letter in kernel:
        if sizes.get(letter) is None:
            raise value_error(
                f"The size of axis {letter!r} of the kernel is not known.",
                equation=equation,
                shapes=f"inputs {input_shape}, output_shape {output_shape}",
                fix="give it in output_shape, or as the size of an axis of the inputs.",
            )
    kernel_shape = tuple(sizes[letter] for letter in kernel)
    if not bias_axes:
        return kernel_shape, None
    open_end = equation.replace(" ", "").endswith("...")
    return kernel_shape, _bias_shape(equation, bias_axes, output, sizes, input_shape, open_end)


def output_shape_of(
    equation: str, input_shape: tuple[Any, ...], output_shape: Any
) -> tuple[Any, ...]:
    """The shape of the outputs, None where it is not known.

    Example:

        >>> output_shape_of("...x,xy->...y", (None, 5, 3), (4,))
        (None, 5, 4)
    """
    sizes, hidden = _sizes(equation, input_shape, output_shape)
    named = tuple(sizes.get(letter) for letter in letters_of(equation)[2])
    return (*named, *hidden) if equation.replace(" ", "").endswith("...") else (*hidden, *named)


def _sizes(
    equation: str, input_shape: tuple[Any, ...], output_shape: Any
) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """The sizes of the letters, and of the axes that an ellipsis stands for."""
    match = _EQUATION.fullmatch(equation.replace(" ", ""))
    if match is None or match.group(1, 3) != match.group(5, 7) or match.group(1) and match.group(3):
        raise value_error(
            f"{equation!r} is not an equation that EinsumDense takes.",
            fix='"abc,cd->abd", "...x,xy->...y" or "ab...,bc->ac..."',
        )
    front, inputs, back, kernel, _, output, _ = match.groups()
    named, hidden = input_shape, ()
    if front:
        cut = max(len(input_shape) - len(inputs), 0)
        hidden, named = input_shape[:cut], input_shape[cut:]
    elif back:
        named, hidden = input_shape[: len(inputs)], input_shape[len(inputs) :]
    if len(named) != len(inputs):
        raise value_error(
            f"The inputs have {len(input_shape)} axes, the equation {equation!r} "
            f"has {len(inputs)}.",
            shapes=f"inputs {input_shape}",
        )
    sizes = dict(zip(inputs, named, strict=True))
    given = output if front else output[1:]  # the batch is the ellipsis's, or the first letter
    if len(given) > len(output_shape):  # more sizes than axes are left over, as in Keras
        raise value_error(
            f"output_shape must have one size for each of the axes {given!r}, got {output_shape}.",
            equation=equation,
        )
    for letter, size in zip(given, output_shape, strict=False):
        known = sizes.get(letter)
        if size is not None and known is not None and size != known:
            raise value_error(
                f"Axis {letter!r} is {known} in the inputs and {size} in output_shape.",
                equation=equation,
                shapes=f"inputs {input_shape}, output_shape {output_shape}",
            )
        if size is not None:
            sizes[letter] = size
    for letter in output:
        if letter not in inputs and letter not in kernel:
            raise value_error(
                f"Axis {letter!r} of the output is neither in the inputs nor in the kernel.",
                equation=equation,
            )
    return sizes, hidden


def _bias_shape(
    equation: str, bias_axes: str, output: str, sizes: Any, input_shape: Any, open_end: bool
) -> tuple[int, ...]:
    """Sizes of the bias axes, 1 between and after them."""
    for letter in bias_axes:
        if letter not in output:
            raise value_error(
                f"bias_axes contains {letter!r}, which is no axis of the output.", equation=equation
            )
    first = min(output.index(letter) for letter in bias_axes)
    shape = [sizes[letter] if letter in bias_axes else 1 for letter in output[first:]]
    if open_end:
        inputs = equation.replace(" ", "").split(",")[0].replace("...", "")
        shape += [1] * (len(input_shape) - len(inputs))
    return tuple(shape)


def for_matrix(initializer: Any, equation: str) -> InitializerLike:
    """The initializer for a kernel seen as a matrix: summed axes by the others.

    Example:

        >>> found = for_matrix(initializers.get("glorot_uniform"), "abc,cde->abde")
        >>> found.input_axes, found.output_axes
        ((0,), (1, 2))
    """
    if not isinstance(initializer, initializers.VarianceScaling):
        return initializer
    if initializer.input_axes is not None or initializer.output_axes is not None:
        return initializer  # the user has said which axes are which
    _, letters, output = letters_of(equation)
    summed = tuple(i for i, letter in enumerate(letters) if letter not in output)
    kept = tuple(i for i, letter in enumerate(letters) if letter in output)
    config = {**initializer.get_config(), "input_axes": summed, "output_axes": kept}
    return type(initializer).from_config(config)


def letters_of(equation: str) -> tuple[str, str, str]:
    """The letters of inputs, kernel and output, without those that an ellipsis stands for."""
    operands, output = equation.replace(" ", "").replace("...", "").split("->")
    inputs, kernel = operands.split(",")
    return inputs, kernel, output
