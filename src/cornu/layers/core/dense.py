"""`Dense`: the fully connected layer."""

from typing import Any

from cornu import ops
from cornu.arguments import is_int, positive_int
from cornu.errors import value_error
from cornu.layers.base.activated import ActivationAttribute
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.quantized.lora import weight_property
from cornu.layers.quantized.quantizable import Quantizable
from cornu.layers.quantized.weight import Weight
from cornu.quantizers.choose import read_config
from cornu.quantizers.products import Product, einsum_of
from cornu.types import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike, Tensor


class Dense(Quantizable):
    """Affine map of the last axis: `activation(inputs @ kernel + bias)`.

    Input `(batch, ..., features)`, output `(batch, ..., units)`.

    Args:
        units: size of the last axis of the output.
        activation: activation function or its name; linear if None.
        use_bias: whether a bias is added.
        kernel_initializer: initializer of the kernel, `(features, units)`.
        bias_initializer: initializer of the bias, `(units,)`.
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        kernel_constraint: function applied to the kernel after each update.
        bias_constraint: function applied to the bias after each update.
        lora_rank: rank of a low-rank correction that is trained instead of the kernel.
        lora_alpha: its scale is `lora_alpha / lora_rank`; the rank if None.
        quantization_config: how `quantize` rounds weights and inputs; see `quantizers`.

    Example:

        >>> import numpy as np
        >>> layer = Dense(3, activation="relu")
        >>> layer(np.ones((2, 5))).shape
        (2, 3)
    """

    activation = ActivationAttribute()
    kernel = weight_property()
    _ends_in_activation = True
    _config_omits_none = frozenset(("activity_regularizer", "lora_rank", "lora_alpha"))

    def __init__(
        self,
        units: int,
        activation: ActivationLike | None = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike | None = None,
        bias_regularizer: RegularizerLike | None = None,
        activity_regularizer: RegularizerLike | None = None,
        kernel_constraint: ConstraintLike | None = None,
        bias_constraint: ConstraintLike | None = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if is_int(activation):  # PyTorch's order
            raise value_error(
                "Dense takes the number of outputs only; that of inputs is found by itself.",
                received=f"Dense({units}, {activation})",
                fix=f"Dense({activation})",
            )
        self.units = positive_int(units, "units", "Dense(64)")
        self.activation = activation
        self.use_bias = use_bias
        self._set_weight_settings(
            "kernel", kernel_initializer, kernel_regularizer, kernel_constraint
        )
        self._set_weight_settings("bias", bias_initializer, bias_regularizer, bias_constraint)
        self._set_lora(lora_rank, lora_alpha)
        self.quantization_config = read_config(quantization_config)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True
        self.bias = None

    def build(self, input_shape: Any) -> None:
        features = input_shape[-1]
        if features is None:
            raise value_error(
                f"Dense '{self.name}' needs to know the size of the last axis of its inputs.",
                shapes=f"inputs {tuple(input_shape)}",
                fix="give it: keras.Input(shape=(..., features)).",
            )
        self._add_main_weight((features, self.units))
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.units,), like="bias")
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})
        self._apply_lora()

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        x = ops.matmul(inputs, self._corrected_weight())  # (batch, ..., units)
        if self.bias is not None:
            x = ops.add(x, self.bias)
        return self.activation(x)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        return self._spec_of_call(*args, **kwargs)  # the activation may change shape and dtype

    def _quantizable_weights(self) -> list[Weight]:
        return [Weight("kernel", self._weight_shape)]

    def _product(self) -> Product:
        return Product(einsum_of("...i,io->...o"), summed=(-1,))
