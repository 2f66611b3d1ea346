"""`Dense`: the fully connected layer."""

from typing import Any

import jax.numpy as jnp

from cornu import constraints, initializers, ops, regularizers
from cornu.arguments import is_int, positive_int
from cornu.errors import value_error
from cornu.kernels import rows
from cornu.layers.base.activated import ActivationAttribute
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.base.layer import Layer
from cornu.layers.quantized import lora, modes
from cornu.layers.quantized.weight import Product, Weight
from cornu.numeric import is_integer


class Dense(Layer):
    """Affine map of the last axis: `activation(inputs @ kernel + bias)`.

    Input `(batch, ..., features)`, output `(batch, ..., units)`.

    Args:
        units: size of the last axis of the output.
        activation: function or name; linear if None.
        use_bias: whether a bias is added.
        kernel_initializer: of the kernel, of shape `(features, units)`.
        bias_initializer: of the bias, of shape `(units,)`.
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        kernel_constraint: applied to the kernel after each update.
        bias_constraint: applied to the bias after each update.
        lora_rank: rank of a low-rank correction that is trained instead of the kernel.
        lora_alpha: its scale, `lora_alpha / lora_rank`; the rank if None.
        quantization_config: how `quantize` rounds weights and inputs; see `quantizers`.

    Example:

        >>> import numpy as np
        >>> layer = Dense(3, activation="relu")
        >>> layer(np.ones((2, 5))).shape
        (2, 3)
    """

    activation = ActivationAttribute()
    _ends_in_activation = True

    _config_omits_none = frozenset(("activity_regularizer", "lora_rank", "lora_alpha"))

    lora_kernel_a: Any
    lora_kernel_b: Any
    _kernel: Any = None
    _kernel_shape: Any = None

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if is_int(activation):  # PyTorch's order
            raise value_error(
                "Dense takes the number of outputs alone; that of inputs is found by itself.",
                received=f"Dense({units}, {activation})",
                fix=f"Dense({activation})",
            )
        self.units = positive_int(units, "units", "Dense(64)")
        self.activation = activation
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.lora_rank = lora_rank
        self.lora_alpha = lora_alpha if lora_alpha is not None else lora_rank
        self.lora_enabled = False
        self.quantization_config = modes.read_config(quantization_config)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True
        self.bias: Any = None

    def build(self, input_shape: Any) -> None:
        features = input_shape[-1]
        if features is None:
            raise value_error(
                f"Dense '{self.name}' needs to know the size of the last axis of its inputs.",
                shapes=f"inputs {tuple(input_shape)}",
                fix="give it: keras.Input(shape=(..., features)).",
            )
        self._kernel_shape = (features, self.units)
        mode = self.quantization_mode
        if mode is not None:
            self.quantized_build(self._kernel_shape, mode, self.quantization_config)
        if modes.keeps_floats(self):
            self._kernel = self.add_weight(shape=self._kernel_shape, like="kernel")
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.units,), like="bias")
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})
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
        x = rows.matmul(inputs, kernel)  # (batch, ..., units)
        if x is None:
            x = ops.matmul(inputs, kernel)
        if self.bias is not None:
            x = ops.add(x, self.bias)
        return self.activation(x)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)

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
        """The kernel, `(features, units)`, whose columns have a scale each."""
        shape = self._kernel_shape
        return [
            Weight(
                name="kernel",
                attribute="_kernel",
                shape=shape,
                summed=(0,),
                place=lambda scale: scale.reshape(-1),
                take=lambda scale: scale,
                matrix=shape,
                rows=0,
                packed=1,
            )
        ]

    @property
    def variable_serialization_spec(self) -> dict[str | None, list[str]]:
        """What files hold of the layer in each mode of quantization, in order."""
        return modes.KERNEL_FILES

    def quantize(self, mode: Any = None, type_check: bool = True, config: Any = None) -> None:
        """Round the kernel of the built layer to few bits; see `Layer.quantize`."""
        modes.quantize(self, Dense, mode, type_check, config)

    def quantized_build(self, kernel_shape: Any, mode: str, config: Any = None) -> None:
        """Make the variables of a kernel of that shape in few bits."""
        modes.require(self, mode)
        self._kernel_shape = tuple(kernel_shape)
        modes.build(self, self._few_bits(), mode, config)

    @property
    def inputs_quantizer(self) -> Any:
        """What rounds the inputs of the quantized layer; None if they stay in floats."""
        return modes.inputs_quantizer(self, lambda: _PRODUCT)

    def quantized_call(self, inputs: Any, training: bool | None = None) -> Any:
        """What `call` computes, with a kernel in few bits."""
        x = modes.multiply(self, self._few_bits()[0], _PRODUCT, inputs)
        return self.activation(modes.with_bias(self, x))

    def save_own_variables(self, store: Any) -> None:
        modes.save_own(self, store)

    def load_own_variables(self, store: Any) -> None:
        modes.load_own(self, store)


def _matmul(x: Any, kernel: Any) -> Any:
    """The product; of integers, with sums in int32."""
    sums = jnp.int32 if is_integer(kernel.dtype) else None
    return jnp.matmul(x, kernel, preferred_element_type=sums)


_PRODUCT = Product(_matmul, summed=(-1,))
