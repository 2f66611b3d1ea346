"""Products in 8-bit floats, in training too: weights, inputs and gradients are rounded to them.

The weights themselves stay in floats. Each of the three has a scale, which follows from the largest
numbers of past steps, of which a history is kept; see `quantizers/float8.py`. Evaluation changes
neither.
"""

from typing import Any

from cornu.dtype_policies import QuantizedFloat8DTypePolicy
from cornu.errors import explain
from cornu.layers.quantized.weight import Weight
from cornu.quantizers.float8 import rounded_e4m3, rounded_gradient
from cornu.quantizers.products import Product
from cornu.types import Tensor

NAMES = ("inputs", "kernel", "outputs_grad")


def names() -> list[str]:
    """The names of the variables that are kept beside the kernel."""
    return [f"{name}_{part}" for name in NAMES for part in ("scale", "amax_history")]


def build(layer: Any, weight: Weight, config: Any) -> None:
    """Make the scales and the histories; the kernel is made as in floats."""
    default = QuantizedFloat8DTypePolicy.default_amax_history_length
    length = getattr(layer._policy, "amax_history_length", default)
    for name in NAMES:
        for part, shape, initializer in (
            ("scale", (), "ones"),
            ("amax_history", (length,), "zeros"),
        ):
            made = layer.add_weight(
                name=f"{name}_{part}",
                shape=shape,
                initializer=initializer,
                dtype="float32",
                autocast=False,
                overwrite_with_gradient=True,
            )
            setattr(layer, f"{name}_{part}", made)


def multiply(layer: Any, weight: Weight, product: Product, x: Tensor) -> Tensor:
    """The product of the inputs and the weight, in the dtype of the inputs.

    Raises:
        NotImplementedError: LoRA is enabled on the layer.
    """
    if layer.lora_enabled:
        raise NotImplementedError(
            explain(
                f"'{layer.name}' computes in 8-bit floats, which cannot be combined with LoRA.",
                fix="quantize('int8') and quantize('int4') can be combined with LoRA.",
            )
        )
    states = {
        name: (
            getattr(layer, f"{name}_scale").value,
            getattr(layer, f"{name}_amax_history").value,
        )
        for name in NAMES
    }
    x = rounded_e4m3(x, *states["inputs"])
    w = rounded_e4m3(weight.variable(layer).value.astype(x.dtype), *states["kernel"])
    return rounded_gradient(product.compute(x, w), *states["outputs_grad"])
