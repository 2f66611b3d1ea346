"""`EinsumDense`: a dense layer whose product is written as an Einstein sum.

    "abc,cd->abd"       inputs abc, kernel cd, output abd: as Dense
    "...x,xy->...y"     the same for inputs of any rank
    "abc,cde->abde"     several axes made of one, as attention heads are

From the equation, the shape of the inputs and `output_shape` follow the shapes of kernel and bias.
"""

import math
from typing import Any

from cornu import ops
from cornu.arguments import is_int
from cornu.errors import value_error
from cornu.layers.base.activated import ActivationAttribute
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.core.equation import for_matrix, letters_of, output_shape_of, weight_shapes
from cornu.layers.quantized.lora import weight_property
from cornu.layers.quantized.quantizable import Quantizable
from cornu.layers.quantized.weight import Weight
from cornu.quantizers.choose import read_config
from cornu.quantizers.products import Product, einsum_of, relabel
from cornu.types import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike, Tensor


class EinsumDense(Quantizable):
    """`activation(einsum(equation, inputs, kernel) + bias)`.

    Args:
        equation: Einstein sum such as "abc,cd->abd": inputs, kernel, and output.
        output_shape: sizes of the output without the batch axis and the axes of an ellipsis; None
            where a size is that of the inputs.
        activation: activation function or its name; linear if None.
        bias_axes: letters of the output axes that the bias has; no bias if None.
        kernel_initializer: initializer of the kernel.
        bias_initializer: initializer of the bias.
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        kernel_constraint: function applied to the kernel after each update.
        bias_constraint: function applied to the bias after each update.
        lora_rank: rank of a low-rank correction that is trained instead of the kernel.
        lora_alpha: its scale is `lora_alpha / lora_rank`; the rank if None.
        gptq_unpacked_column_size: kept for Keras's signature; the mode "gptq" is not offered.
        quantization_config: how `quantize` rounds weights and inputs; see `quantizers`.

    Example:

        >>> import numpy as np
        >>> layer = EinsumDense("abc,cde->abde", output_shape=(None, 2, 4), bias_axes="de")
        >>> layer(np.ones((3, 5, 8))).shape, layer.kernel.shape, layer.bias.shape
        ((3, 5, 2, 4), (8, 2, 4), (2, 4))
    """

    kernel_initializer: Any
    activation = ActivationAttribute()
    kernel = weight_property()
    _config_omits_none = frozenset(("lora_rank", "lora_alpha", "gptq_unpacked_column_size"))

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: ActivationLike | None = None,
        bias_axes: str | None = None,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike | None = None,
        bias_regularizer: RegularizerLike | None = None,
        kernel_constraint: ConstraintLike | None = None,
        bias_constraint: ConstraintLike | None = None,
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
        self._set_weight_settings(
            "kernel", kernel_initializer, kernel_regularizer, kernel_constraint
        )
        self._set_weight_settings("bias", bias_initializer, bias_regularizer, bias_constraint)
        self._set_lora(lora_rank, lora_alpha)
        self.gptq_unpacked_column_size = gptq_unpacked_column_size
        self.quantization_config = read_config(quantization_config)
        self.bias = None

    def build(self, input_shape: Any) -> None:
        kernel_shape, bias_shape = weight_shapes(
            self.equation, self.bias_axes, tuple(input_shape), self.partial_output_shape
        )
        self.input_spec = InputSpec(ndim=len(input_shape))
        initializer = for_matrix(self.kernel_initializer, self.equation)
        self._add_main_weight(kernel_shape, initializer=initializer)
        if bias_shape is not None:
            self.bias = self.add_weight(shape=bias_shape, like="bias")
        self._apply_lora()

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        x = ops.einsum(self.equation, inputs, self._corrected_weight())  # as the equation says
        if self.bias is not None:
            x = ops.add(x, self.bias)
        return self.activation(x)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return output_shape_of(self.equation, tuple(input_shape), self.partial_output_shape)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        return self._spec_of_call(*args, **kwargs)  # the activation may change shape and dtype

    def _check_mode(self, mode: str) -> None:
        super()._check_mode(mode)
        if "." in self.equation and mode != "float8":
            raise value_error(
                f"The kernel of '{self.name}' is quantized by the letters of its equation, "
                "which has an ellipsis.",
                equation=self.equation,
                fix="write all axes as letters, such as 'abc,cd->abd'.",
            )

    def _quantizable_weights(self) -> list[Weight]:
        _, kernel, output = letters_of(self.equation)
        return [_EinsumKernel(self._weight_shape, kernel, output)]

    def _product(self) -> Product:
        inputs, _, output = letters_of(self.equation)
        summed = tuple(i for i, letter in enumerate(inputs) if letter not in output)
        return Product(
            einsum_of(self.equation), summed, lambda scale: relabel(scale, inputs, output)
        )

    def _config_value(self, name: str) -> Any:
        if name == "output_shape":
            return self.partial_output_shape
        return super()._config_value(name)

    def get_config(self) -> dict[str, Any]:
        return {"activity_regularizer": None, **super().get_config()}


class _EinsumKernel(Weight):
    """A kernel with letters, whose scale is stored with the axes of the output.

    "abc,cde->abde": the kernel cde is the matrix c x de, with one scale for each of the places de,
    stored as (1, 1, d, e).
    """

    def __init__(self, shape: tuple[int, ...], letters: str, output: str):
        super().__init__("kernel", shape)
        self._letters, self._output = letters, output
        self.summed = tuple(i for i, letter in enumerate(letters) if letter not in output)
        height = math.prod(shape[i] for i in self.summed)
        self.matrix = (height, math.prod(shape) // height)
        # Only then the columns of the matrix are the channels.
        self.has_channels = self.summed == tuple(range(len(self.summed)))

    def stored_scale(self, scale: Tensor) -> Tensor:
        return relabel(scale, self._letters, self._output)

    def scale_of_weight(self, stored: Tensor) -> Tensor:
        return relabel(stored, self._output, self._letters)

    def scale_of_output(self, channels: Tensor) -> Tensor:
        count = len(self.summed)
        channels = channels.reshape((1,) * count + self.shape[count:])  # (1, d, e) of cde
        return self.stored_scale(channels)
