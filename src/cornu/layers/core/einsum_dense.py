"""`EinsumDense`: a dense layer whose product is written as an Einstein sum.

    "abc,cd->abd"       inputs abc, kernel cd, output abd: as Dense
    "...x,xy->...y"     the same for inputs of any rank
    "abc,cde->abde"     several axes made of one, as attention heads are

From the equation, the shape of the inputs and `output_shape` follow the shapes of kernel and bias.
"""

import math
import re
from typing import Any

import jax.numpy as jnp

from cornu import constraints, initializers, ops, regularizers
from cornu.arguments import is_int
from cornu.errors import value_error
from cornu.kernels import rows
from cornu.layers.base.activated import ActivationAttribute
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.base.layer import Layer
from cornu.layers.quantized import lora, modes
from cornu.layers.quantized.weight import Product, Weight
from cornu.numeric import is_integer

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
        gptq_unpacked_column_size: kept for Keras's signature; the mode "gptq" is not offered.
        quantization_config: how `quantize` rounds weights and inputs; see `quantizers`.

    Example:

        >>> import numpy as np
        >>> layer = EinsumDense("abc,cde->abde", output_shape=(None, 2, 4), bias_axes="de")
        >>> layer(np.ones((3, 5, 8))).shape, layer.kernel.shape, layer.bias.shape
        ((3, 5, 2, 4), (8, 2, 4), (2, 4))
    """

    activation = ActivationAttribute()

    _config_omits_none = frozenset(("lora_rank", "lora_alpha", "gptq_unpacked_column_size"))
    lora_kernel_a: Any
    lora_kernel_b: Any
    _kernel: Any = None
    _kernel_shape: Any = None

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
        self.equation = equation
        self.partial_output_shape = (
            (output_shape,) if is_int(output_shape) or output_shape is None else tuple(output_shape)
        )
        self.activation = activation
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
        self.quantization_config = modes.read_config(quantization_config)
        self.bias: Any = None

    def build(self, input_shape: Any) -> None:
        kernel_shape, bias_shape = weight_shapes(
            self.equation, self.bias_axes, tuple(input_shape), self.partial_output_shape
        )
        self._kernel_shape = kernel_shape
        self.input_spec = InputSpec(ndim=len(input_shape))
        mode = self.quantization_mode
        if mode is not None:
            self.quantized_build(kernel_shape, mode, self.quantization_config)
        if modes.keeps_floats(self):
            self._kernel = self.add_weight(
                shape=kernel_shape,
                initializer=_for_matrix(self.kernel_initializer, self.equation),
                like="kernel",
            )
        if bias_shape is not None:
            self.bias = self.add_weight(shape=bias_shape, like="bias")
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    @property
    def kernel(self) -> Any:
        """The kernel: the variable; the corrected array with LoRA; integers if it is quantized.

        Raises:
            AttributeError: the layer is not built.
        """
        return modes.shown(self, "_kernel", self._few_bits)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        kernel = lora.weight(self, self._kernel)
        x = rows.einsum(self.equation, inputs, kernel)
        if x is None:
            x = ops.einsum(self.equation, inputs, kernel)
        if self.bias is not None:
            x = ops.add(x, self.bias)
        return self.activation(x)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return output_shape_of(self.equation, tuple(input_shape), self.partial_output_shape)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        return self._spec_of_call(*args, **kwargs)  # the activation may change shape and dtype

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freeze the kernel and train a correction of low rank beside it."""
        lora.enable_lora(
            self, self._kernel, rank, lora_alpha, a_initializer, b_initializer, self._kernel_shape
        )

    # ---- few bits -----------------------------------------------------------------------------

    def _few_bits(self) -> list[Weight]:
        """The kernel, as a matrix of what is summed over by the rest."""
        _, kernel, output = _three(self.equation)
        shape = self._kernel_shape
        summed = tuple(i for i, letter in enumerate(kernel) if letter not in output)
        height = math.prod(shape[i] for i in summed)
        leads = summed == tuple(range(len(summed)))  # then the columns are the channels
        channels = (*(1 for _ in summed), *shape[len(summed) :])
        return [
            Weight(
                name="kernel",
                attribute="_kernel",
                shape=shape,
                summed=summed,
                place=lambda scale: relabel(scale, kernel, output),
                take=lambda scale: relabel(scale, output, kernel),
                matrix=(height, math.prod(shape) // height),
                rows=0,
                packed=1,
                place_channels=(
                    (lambda scale: relabel(scale.reshape(channels), kernel, output))
                    if leads
                    else None
                ),
            )
        ]

    def _product(self) -> Product:
        inputs, _, output = _three(self.equation)

        def compute(x: Any, kernel: Any) -> Any:
            sums = jnp.int32 if is_integer(kernel.dtype) else None
            return jnp.einsum(self.equation, x, kernel, preferred_element_type=sums)

        summed = tuple(i for i, letter in enumerate(inputs) if letter not in output)
        return Product(compute, summed, lambda scale: relabel(scale, inputs, output))

    @property
    def variable_serialization_spec(self) -> dict[str | None, list[str]]:
        """What files hold of the layer in each mode of quantization, in order."""
        return modes.KERNEL_FILES

    def quantize(self, mode: Any = None, type_check: bool = True, config: Any = None) -> None:
        """Round the kernel of the built layer to few bits; see `Layer.quantize`."""
        modes.quantize(self, EinsumDense, mode, type_check, config)

    def quantized_build(self, kernel_shape: Any, mode: str, config: Any = None) -> None:
        """Make the variables of a kernel of that shape in few bits."""
        modes.require(self, mode)
        if "." in self.equation and mode != "float8":
            raise value_error(
                f"The kernel of '{self.name}' is quantized by the letters of its equation, "
                "which has an ellipsis.",
                equation=self.equation,
                fix="write all axes as letters, such as 'abc,cd->abd'.",
            )
        self._kernel_shape = tuple(kernel_shape)
        modes.build(self, self._few_bits(), mode, config)

    @property
    def inputs_quantizer(self) -> Any:
        """What rounds the inputs of the quantized layer; None if they stay in floats."""
        return modes.inputs_quantizer(self, self._product)

    def quantized_call(self, inputs: Any, training: bool | None = None) -> Any:
        """What `call` computes, with a kernel in few bits."""
        x = modes.multiply(self, self._few_bits()[0], self._product(), inputs)
        return self.activation(modes.with_bias(self, x))

    def save_own_variables(self, store: Any) -> None:
        modes.save_own(self, store)

    def load_own_variables(self, store: Any) -> None:
        modes.load_own(self, store)

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
    sizes, _ = _sizes(equation, input_shape, output_shape)
    _, kernel, output = _three(equation)
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
    named = tuple(sizes.get(letter) for letter in _three(equation)[2])
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
            f"output_shape has one size for each of the axes {given!r}, got {output_shape}.",
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
                f"bias_axes has {letter!r}, which is no axis of the output.", equation=equation
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


def _three(equation: str) -> tuple[str, str, str]:
    """The letters of inputs, kernel and output, without those that an ellipsis stands for."""
    operands, output = equation.replace(" ", "").replace("...", "").split("->")
    inputs, kernel = operands.split(",")
    return inputs, kernel, output


def relabel(x: Any, letters: str, wanted: str) -> Any:
    """An array with the axes of other letters: those that are not wanted have size 1 and go, those
    that it lacks come with size 1.

    Example:

        >>> relabel(jnp.ones((1, 5, 2)), "cde", "abed").shape
        (1, 1, 2, 5)
    """
    gone = tuple(i for i, letter in enumerate(letters) if letter not in wanted)
    left = [letter for letter in letters if letter in wanted]
    common = [letter for letter in wanted if letter in letters]
    x = x.squeeze(gone).transpose([left.index(letter) for letter in common])
    return x[tuple(slice(None) if letter in letters else None for letter in wanted)]
