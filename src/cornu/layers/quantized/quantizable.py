"""`Quantizable`: a layer whose weights can be quantized.

    layer.quantize("int8")                    a built layer: its weights are rounded
    Dense(4, dtype="int8_from_float32")       a new one, whose integers come from a file

| mode   | weights                            | inputs                      | module      |
|--------|------------------------------------|-----------------------------|-------------|
| int8   | 8 bits, per-channel scales         | 8 bits, a scale per sample  | `int8.py`   |
| int4   | 4 bits, per-channel scales, or     | floats                      | `int4.py`   |
|        | a scale and a zero per block       |                             |             |
| float8 | floats, rounded in each product    | rounded, gradients too      | `float8.py` |
"""

from typing import Any, ClassVar

from cornu import bcoo, dtype_policies, ops
from cornu.core.frame import eagerly
from cornu.dtype_policies import QUANTIZATION_MODES
from cornu.errors import did_you_mean, explain, value_error
from cornu.layers.quantized import float8, int4, int8
from cornu.layers.quantized.lora import LoRA
from cornu.layers.quantized.weight import Weight
from cornu.quantizers import QuantizationConfig
from cornu.quantizers.choose import config_for, needs_data
from cornu.quantizers.products import Product
from cornu.types import Shape, Tensor

_MODULES: dict[str, Any] = {"int8": int8, "int4": int4, "float8": float8}


class Quantizable(LoRA):
    """Base of layers whose weights can be quantized.

    A subclass declares two things, `_quantizable_weights` and `_product`. It makes its main weight
    with `_add_main_weight`, and `call` computes the product with `_corrected_weight()`.
    """

    _modes: ClassVar[tuple[str, ...]] = ("int8", "int4", "float8")

    activation: Any
    bias: Any = None

    def _quantizable_weights(self) -> list[Weight]:
        """The weights, the main one first."""
        raise NotImplementedError

    def _product(self) -> Product:
        """What `call` computes from the inputs and the main weight."""
        raise AttributeError(
            explain(
                f"{type(self).__name__} looks up rows, so it has no quantizer of inputs.",
                fix="quantize Dense or EinsumDense.",
            )
        )

    def _quantizable_names(self) -> tuple[str, ...]:
        """The names of the weights, which are known before the layer is built."""
        return (self._main_weight,)

    @property
    def _keeps_floats(self) -> bool:
        """Whether the weights themselves are kept in floats."""
        return self.quantization_mode in (None, "float8")

    @property
    def variable_serialization_spec(self) -> dict[str | None, list[str]]:
        """The variables that files hold of the layer, in order, for each mode of quantization."""
        spec: dict[str | None, list[str]] = {None: []} | {mode: [] for mode in self._modes}
        parts = {"int8": ["_scale"], "int4": ["_scale", "_zero"]}
        for name in self._quantizable_names():
            main = name == self._main_weight
            for mode, names in spec.items():
                names += [name, *self._stored_beside] if main else [name]
                names += [name + part for part in parts.get(mode or "", [])]
                names += ["g_idx"] if main and mode == "int4" else []
                names += float8.names() if mode == "float8" else []
        return spec

    # ---- becoming quantized -------------------------------------------------------------------

    def quantize(self, mode: Any = None, type_check: bool = True, config: Any = None) -> None:
        """Quantize the weights of the built layer; see `Layer.quantize`."""
        config = config_for(mode, config)
        check_layer(self, config)
        owner = next(cls for cls in type(self).__mro__ if "_quantizable_weights" in vars(cls))
        if type_check and type(self) is not owner:
            raise NotImplementedError(
                explain(
                    f"{type(self).__name__} is a subclass of {owner.__name__}, whose computation "
                    "may be another one.",
                    fix=f"quantize(..., type_check=False) if its `call` is that of "
                    f"{owner.__name__}.",
                )
            )
        mode = config.mode
        self._check_mode(mode)
        with eagerly():
            weights = self._quantizable_weights()
            values: dict[str, Any] = {}
            for weight in weights if mode != "float8" else ():
                floats = weight.variable(self).numpy()
                values |= _MODULES[mode].rounded(self, weight, floats, config)
                self._drop_variable(weight.attribute)
            self.quantization_config = config
            self.quantized_build(weights[0].shape, mode, config)
            for name, value in values.items():
                self._variable(name).assign(value)
            suffix = "" if mode != "int4" else f"/{int4.block_size(self, config) or -1}"
            self._set_policy(dtype_policies.get(f"{mode}{suffix}_from_{self._policy.name}"))

    def _check_mode(self, mode: str) -> None:
        """Raise NotImplementedError where the layer does not offer a mode."""
        if mode in QUANTIZATION_MODES and mode not in _MODULES:
            raise NotImplementedError(needs_data(mode))
        if mode not in _MODULES:
            raise NotImplementedError(
                explain(
                    f"There is no quantization mode {mode!r}.", fix=did_you_mean(mode, _MODULES)
                )
            )
        if mode not in self._modes:
            raise NotImplementedError(
                explain(
                    f"{type(self).__name__} '{self.name}' does not offer the mode {mode!r}.",
                    fix="mode='int8' or 'int4'",
                )
            )

    def _add_main_weight(self, shape: Shape, **options: Any) -> None:
        """Make the main weight, in the form that the dtype policy says.

        Args:
            shape: shape of the weight in floats.
            **options: arguments of `add_weight` for a weight in floats.
        """
        self._weight_shape = shape
        mode, name = self.quantization_mode, self._main_weight
        if mode is not None:
            self.quantized_build(shape, mode, self.quantization_config)
        if self._keeps_floats:
            setattr(self, f"_{name}", self.add_weight(shape=shape, like=name, **options))

    def quantized_build(self, kernel_shape: Shape, mode: str, config: Any = None) -> None:
        """Make the variables of quantized weights.

        Args:
            kernel_shape: shape of the main weight in floats.
            mode: mode of quantization.
            config: quantization config; that of the mode if None.

        Raises:
            NotImplementedError: the mode is unknown, or not offered for the layer.
            ValueError: the layer has the weights already.
        """
        self._check_mode(mode)
        self._weight_shape = tuple(kernel_shape)
        for weight in self._quantizable_weights():
            if mode != "float8" and weight.variable(self) is not None:
                raise value_error(
                    f"'{self.name}' has its weights already.", fix=f"layer.quantize({mode!r})"
                )
            _MODULES[mode].build(self, weight, config)

    # ---- computing ----------------------------------------------------------------------------

    def _quantized(self) -> Any:
        """The module that computes in the layer's mode.

        Raises:
            NotImplementedError: the layer is not quantized.
        """
        if self.quantization_mode not in _MODULES:
            raise NotImplementedError(
                explain(
                    f"{type(self).__name__} '{self.name}' is not quantized.",
                    fix="layer.quantize('int8')\nor call the layer itself",
                )
            )
        return _MODULES[self.quantization_mode]

    def quantized_call(self, inputs: Any, training: bool | None = None) -> Any:
        """Compute what `call` computes, with quantized weights."""
        x = self._quantized_product(self._quantizable_weights()[0], inputs)
        if self.bias is not None:
            bias = self.bias.value
            if self.quantization_mode == "float8":  # what fused products in 8-bit floats take
                bias = bias.astype("bfloat16")
            x = x + bias.astype(x.dtype)
        return self.activation(x)

    def _quantized_product(self, weight: Weight, x: Tensor) -> Tensor:
        """The product of the inputs and a weight, with the correction of LoRA."""
        x, product = bcoo.dense(x), self._product()
        y = self._quantized().multiply(self, weight, product, x)
        if self.lora_enabled and weight.name == self._main_weight:
            y = y + product.compute(x, self._correction())
        return y

    def _quantized_rows(self, ids: Tensor) -> Tensor:
        """Rows of the main weight, a table, with the correction of LoRA."""
        weight = self._quantizable_weights()[0]
        rows = self._quantized().lookup(self, weight, ids, self.compute_dtype)
        return self._corrected_rows(rows, ids)

    @property
    def inputs_quantizer(self) -> Any:
        """The quantizer of the inputs of the quantized layer; None if they stay in floats.

        Raises:
            AttributeError: the layer is not quantized, or looks up rows.
        """
        if self.quantization_mode is None:
            raise AttributeError(
                explain(f"'{self.name}' is not quantized.", fix="layer.quantize('int8')")
            )
        product = self._product()
        if self.quantization_mode == "int8":
            return int8.quantizer_of_inputs(self, product)
        return QuantizationConfig.activation_quantizer_or_default(self.quantization_config, None)

    def _shown_weight(self) -> Any:
        shown = super()._shown_weight()  # raises if the layer is not built
        if self.quantization_mode == "int4":
            return int4.integers(self, self._quantizable_weights()[0])
        return shown if self._keeps_floats else self._variable(self._main_weight)

    # ---- files --------------------------------------------------------------------------------

    def _stored(self) -> dict[str, Any]:
        names = self.variable_serialization_spec[self.quantization_mode]
        found = {name: self._variable(name) for name in names}
        return {name: variable for name, variable in found.items() if variable is not None}

    def _merged(self) -> dict[str, Any]:
        if self._keeps_floats:
            return super()._merged()
        module, weight = self._quantized(), self._quantizable_weights()[0]
        merged = ops.convert_to_numpy(module.floats(self, weight) + self._correction())
        return module.rounded(self, weight, merged, self.quantization_config)


def check_layer(layer: Any, config: QuantizationConfig) -> None:
    """Refuse a layer that cannot be quantized as it is.

    Raises:
        ValueError: it is not built, quantized already, or computes in float16.
    """
    if not layer.built:
        raise value_error(
            f"{type(layer).__name__} '{layer.name}' is not built, so it has no weights to "
            "quantize.",
            fix="call it on a sample first, or call build(input_shape).",
        )
    if layer.quantization_mode is not None:
        raise value_error(
            f"'{layer.name}' is quantized already.",
            policy=layer._policy.name,
            received=f"mode={config.mode!r}",
            fix="quantize the layer in floats, or make a new one.",
        )
    if layer.compute_dtype == "float16" and config.mode == "int8":
        raise value_error(
            f"'{layer.name}' computes in float16, in which sums of 8-bit products overflow.",
            fix="dtype='mixed_bfloat16' or 'float32'",
        )
