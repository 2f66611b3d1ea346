"""Layouts of images: single or batched, channels first or last, of any dtype.

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
from cornu.types import Tensor


def batched(name: str, images: Tensor, data_format: str | None, axes: int = 2) -> tuple[Any, Any]:
    """Images as a batch with channels last, and the function that undoes it."""
    x = tensor(images)
    if x.ndim not in (axes + 1, axes + 2):
        raise value_error(
            f"{name}: images must have {axes + 2} axes (a batch) or {axes + 1} (one image).",
            received=f"{tuple(x.shape)}",
        )
    single = x.ndim == axes + 1
    x = x[None] if single else x
    x, first = channels_last(x, data_format)

    def back(y: Tensor) -> Any:
        y = jnp.moveaxis(y, -1, 1) if first else y
        return y[0] if single else y

    return x, back


def in_dtype_of(y: Tensor, x: Tensor) -> Any:
    """Float results in the dtype of the images, rounded and clipped for integers."""
    if not is_integer(x.dtype):
        return y.astype(x.dtype)
    info = jnp.iinfo(x.dtype)
    return jnp.clip(jnp.round(y), float(info.min), float(info.max)).astype(x.dtype)


def floating_dtype(x: Tensor) -> Any:
    """The dtype to compute in: that of the images if it is floating, else float32."""
    return x.dtype if is_float(x.dtype) else jnp.float32
