"""`EinsumDense`: a dense layer whose product is written as an Einstein sum.

    "abc,cd->abd"       inputs abc, kernel cd, output abd: as Dense
    "...x,xy->...y"     the same for inputs of any rank
    "abc,cde->abde"     several axes made of one, as attention heads are

From the equation, the shape of the inputs and `output_shape` follow the shapes of kernel and bias.
"""

import re
from typing import Any

from cornu import activations, constraints, initializers, ops, regularizers
from cornu.errors import explain
from cornu.layers.base import adapters
from cornu.layers.base.arguments import is_int
from cornu.layers.base.layer import Layer

_EQUATION = re.compile(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?")


class EinsumDense(Layer):
    """`activation(einsum(equation, inputs, kernel) + bias)`.

    Args:
        equation: such as "abc,cd->abd"; the inputs are on the left, the kernel in the middle.
        output_shape: sizes of the output without the batch axis and the axes of an ellipsis; None
            where a size is that of the inputs.
        activation: function or name; linear if None.
        bias_axes: letters of the output axes that the bias has; no bias if None.
        kernel_initializer: of the kernel.
        bias_initializer: of the bias.
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        kernel_constraint: applied to the kernel after each update.
        bias_constraint: applied to the bias after each update.
        lora_rank: rank of a low-rank correction that is trained instead of the kernel.
        lora_alpha: its scale, `lora_alpha / lora_rank`; the rank if None.
        gptq_unpacked_column_size: kept for Keras's signature; quantized weights are not offered.
        quantization_config: not offered yet.

    Example:

        >>> import numpy as np
        >>> layer = EinsumDense("abc,cde->abde", output_shape=(None, 2, 4), bias_axes="de")
        >>> layer(np.ones((3, 5, 8))).shape, layer.kernel.shape, layer.bias.shape
        ((3, 5, 2, 4), (8, 2, 4), (2, 4))
    """

    config_omits_none = frozenset(("lora_rank", "lora_alpha", "gptq_unpacked_column_size"))
    kernel: Any = None

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        adapters.refuse_quantization(self, quantization_config)
        self.equation = equation
        self.partial_output_shape = (
            (output_shape,) if is_int(output_shape) or output_shape is None else tuple(output_shape)
        )
        self.activation = activations.get(activation)
        self.bias_axes = bias_axes
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.lora_rank = lora_rank
        self.lora_alpha = lora_alpha if lora_alpha is not None else lora_rank
        self.lora_enabled = False
        self.gptq_unpacked_column_size = gptq_unpacked_column_size
        self.quantization_config = quantization_config
        self.bias: Any = None

    def build(self, input_shape: Any) -> None:
        kernel_shape, bias_shape = weight_shapes(
            self.equation, self.bias_axes, tuple(input_shape), self.partial_output_shape
        )
        self.kernel = self.add_weight(
            shape=kernel_shape,
            initializer=_for_matrix(self.kernel_initializer, self.equation),
            like="kernel",
        )
        if bias_shape is not None:
            self.bias = self.add_weight(shape=bias_shape, like="bias")
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = ops.einsum(self.equation, inputs, adapters.weight(self, self.kernel))
        if self.bias is not None:
            x = ops.add(x, self.bias)
        return self.activation(x)

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freeze the kernel and train a correction of low rank beside it."""
        adapters.enable_lora(self, self.kernel, rank, lora_alpha, a_initializer, b_initializer)

    def save_own_variables(self, store: Any) -> None:
        if self.built:
            adapters.save_own(self, store, self.kernel, self.bias)

    def load_own_variables(self, store: Any) -> None:
        adapters.load_own(self, store, self.kernel, self.bias)

    def _config_value(self, name: str) -> Any:
        if name == "output_shape":
            return self.partial_output_shape
        return super()._config_value(name)

    def get_config(self) -> dict[str, Any]:
        return {"activity_regularizer": None, **super().get_config()}


def weight_shapes(
    equation: str, bias_axes: str | None, input_shape: tuple[Any, ...], output_shape: Any
) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    """The shapes of kernel and bias (None without bias axes).

    Args:
        equation: "inputs,kernel->output", with "..." at the same end of inputs and output or at
            none.
        bias_axes: letters of output axes, or None.
        input_shape: `(batch, ...)`.
        output_shape: sizes of the output's letters without the batch's; None for those of inputs.

    Raises:
        ValueError: the equation has another form, or the sizes do not follow from it.

    Example:

        >>> weight_shapes("...x,xy->...y", "y", (None, 5, 3), (4,))
        ((3, 4), (4,))
    """
    match = _EQUATION.fullmatch(equation.replace(" ", ""))
    if match is None or match.group(1, 3) != match.group(5, 7) or match.group(1) and match.group(3):
        raise ValueError(
            explain(
                f"{equation!r} is not an equation that EinsumDense takes.",
                fix='"abc,cd->abd", "...x,xy->...y" or "ab...,bc->ac..."',
            )
        )
    front, inputs, back, kernel, _, output, _ = match.groups()
    named = input_shape
    if front or back:
        hidden = len(input_shape) - len(inputs)
        named = input_shape[hidden:] if front else input_shape[: len(inputs)]
    if len(named) != len(inputs):
        raise ValueError(
            explain(
                f"The inputs have {len(input_shape)} axes, the equation {equation!r} "
                f"has {len(inputs)}.",
                shapes=f"inputs {input_shape}",
            )
        )
    sizes = dict(zip(inputs, named, strict=True))
    given = output if front else output[1:]  # the batch is the ellipsis's, or the first letter
    if len(given) != len(output_shape):
        raise ValueError(
            explain(
                f"output_shape has one size for each of the axes {given!r}, got {output_shape}.",
                equation=equation,
            )
        )
    for letter, size in zip(given, output_shape, strict=True):
        known = sizes.get(letter)
        if size is not None and known is not None and size != known:
            raise ValueError(
                explain(
                    f"Axis {letter!r} is {known} in the inputs and {size} in output_shape.",
                    equation=equation,
                    shapes=f"inputs {input_shape}, output_shape {output_shape}",
                )
            )
        if size is not None:
            sizes[letter] = size
    for letter in output:
        if letter not in inputs and letter not in kernel:
            raise ValueError(
                explain(
                    f"Axis {letter!r} of the output is neither in the inputs nor in the kernel.",
                    equation=equation,
                )
            )
    for letter in kernel:
        if sizes.get(letter) is None:
            raise ValueError(
                explain(
                    f"The size of axis {letter!r} of the kernel is not known.",
                    equation=equation,
                    shapes=f"inputs {input_shape}, output_shape {output_shape}",
                    fix="give it in output_shape, or as the size of an axis of the inputs.",
                )
            )
    kernel_shape = tuple(sizes[letter] for letter in kernel)
    if not bias_axes:
        return kernel_shape, None
    return kernel_shape, _bias_shape(equation, bias_axes, output, sizes, input_shape, bool(back))


def _bias_shape(
    equation: str, bias_axes: str, output: str, sizes: Any, input_shape: Any, open_end: bool
) -> tuple[int, ...]:
    """Sizes of the bias axes, 1 between and after them."""
    for letter in bias_axes:
        if letter not in output:
            raise ValueError(
                explain(
                    f"bias_axes has {letter!r}, which is no axis of the output.", equation=equation
                )
            )
    first = min(output.index(letter) for letter in bias_axes)
    shape = [sizes[letter] if letter in bias_axes else 1 for letter in output[first:]]
    if open_end:
        inputs = equation.replace(" ", "").split(",")[0].replace("...", "")
        shape += [1] * (len(input_shape) - len(inputs))
    return tuple(shape)


def _for_matrix(initializer: Any, equation: str) -> Any:
    """The initializer for a kernel seen as a matrix: the axes summed over against the others.

    Example:

        >>> found = _for_matrix(initializers.get("glorot_uniform"), "abc,cde->abde")
        >>> found.input_axes, found.output_axes
        ((0,), (1, 2))
    """
    if not isinstance(initializer, initializers.VarianceScaling):
        return initializer
    if initializer.input_axes is not None or initializer.output_axes is not None:
        return initializer  # the user has said which axes are which
    operands, output = equation.replace(" ", "").split("->")
    letters = operands.split(",")[1]
    summed = tuple(i for i, letter in enumerate(letters) if letter not in output)
    kept = tuple(i for i, letter in enumerate(letters) if letter in output)
    config = {**initializer.get_config(), "input_axes": summed, "output_axes": kept}
    return type(initializer).from_config(config)
