"""`Dense`: the fully connected layer."""

from typing import Any

from cornu import activations, constraints, initializers, ops, regularizers
from cornu.errors import explain
from cornu.layers.base import adapters, own
from cornu.layers.base.input_spec import InputSpec
from cornu.layers.base.layer import Layer


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
        quantization_config: not offered yet.

    Example:

        >>> import numpy as np
        >>> layer = Dense(3, activation="relu")
        >>> layer(np.ones((2, 5))).shape
        (2, 3)
    """

    config_omits_none = frozenset(("activity_regularizer", "lora_rank", "lora_alpha"))

    lora_kernel_a: Any
    lora_kernel_b: Any

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
        if not isinstance(units, int) or isinstance(units, bool) or units <= 0:
            raise ValueError(explain(f"units is a positive int, got {units!r}.", fix="Dense(64)"))
        adapters.refuse_quantization(self, quantization_config)
        self.units = units
        self.activation = activations.get(activation)
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
        self.quantization_config = quantization_config
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True
        self.kernel: Any = None
        self.bias: Any = None

    def build(self, input_shape: Any) -> None:
        features = input_shape[-1]
        if features is None:
            raise ValueError(
                explain(
                    f"Dense '{self.name}' needs to know the size of the last axis of its inputs.",
                    shapes=f"inputs {tuple(input_shape)}",
                    fix="give it: keras.Input(shape=(..., features)).",
                )
            )
        self.kernel = self.add_weight(shape=(features, self.units), like="kernel")
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.units,), like="bias")
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})
        if self.lora_rank:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = ops.matmul(inputs, adapters.weight(self, self.kernel))  # (batch, ..., units)
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
        store["0"] = adapters.merged(self, self.kernel)
        if self.bias is not None:
            store["1"] = self.bias

    def load_own_variables(self, store: Any) -> None:
        if not self.lora_enabled:
            own.load_own_variables(self, store)
            return
        self.kernel.assign(store["0"])
        if self.bias is not None:
            self.bias.assign(store["1"])
        self.lora_kernel_b.assign(self.lora_kernel_b.value * 0)
