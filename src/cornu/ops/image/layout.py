"""How images come in and go out: single or in batches, channels first or last, any dtype.

Everything is computed on batches with channels last. Integer images are computed in float32,
rounded, and kept in their range:

    x, back = batched(name, images, data_format)
    y = ...                                          (computed in floating_dtype(x))
    return back(in_dtype_of(y, x))
"""

from typing import Any

import jax.numpy as jnp

from cornu.core.graph.operands import tensor
from cornu.errors import value_error
from cornu.numeric import is_float, is_integer
from cornu.ops.nn.layout import channels_last


def batched(name: str, images: Any, data_format: str | None, axes: int = 2) -> tuple[Any, Any]:
    """Images as a batch with channels last, and how to get back from there."""
    x = tensor(images)
    if x.ndim not in (axes + 1, axes + 2):
        raise value_error(
            f"{name} takes a batch with {axes + 2} axes or one image with {axes + 1}.",
            received=f"{tuple(x.shape)}",
        )
    single = x.ndim == axes + 1
    x = x[None] if single else x
    x, first = channels_last(x, data_format)

    def back(y: Any) -> Any:
        y = jnp.moveaxis(y, -1, 1) if first else y
        return y[0] if single else y

    return x, back


def in_dtype_of(y: Any, x: Any) -> Any:
    """Float results in the dtype of the images they come from."""
    if not is_integer(x.dtype):
        return y.astype(x.dtype)
    info = jnp.iinfo(x.dtype)
    return jnp.clip(jnp.round(y), float(info.min), float(info.max)).astype(x.dtype)


def floating_dtype(x: Any) -> Any:
    """The dtype to compute in: that of floating images, float32 for others."""
    return x.dtype if is_float(x.dtype) else jnp.float32
