"""Pooling: the maximum or mean of each window of an image.

The size and stride of the windows are given (`max_pool`), or their number (`adaptive_max_pool`).
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from cornu.budget import counted
from cornu.core.graph.op import op
from cornu.core.graph.operands import tensor, to_float
from cornu.errors import type_error, value_error
from cornu.kernels import pool
from cornu.ops.nn.layout import channels_back, channels_last, standard_padding
from cornu.types import PerAxis, Tensor


@op(compiled=True)
def max_pool(
    inputs: Tensor,
    pool_size: PerAxis,
    strides: PerAxis | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Maximum of each window.

    Args:
        inputs: `(batch, *spatial, channels)`, or with channels first.
        pool_size: size of the window, one int or one per axis.
        strides: step of the window; `pool_size` if None.
        padding: "valid" (whole windows only) or "same".
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.

    Example:

        >>> max_pool([[[1.0], [3.0], [2.0], [4.0]]], 2)[0, :, 0].tolist()
        [3.0, 4.0]
    """
    x, first = channels_last(_pooled("max_pool", inputs, pool_size, padding), data_format)
    bits = x.dtype == bool
    x = x.astype("uint8") if bits else x
    y = channels_back(pool.max_pool(x, pool_size, strides, standard_padding(padding)), first)
    return y.astype(bool) if bits else y


@op(compiled=True)
def average_pool(
    inputs: Tensor,
    pool_size: PerAxis,
    strides: PerAxis | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Mean of each window, without the padding. See `max_pool`."""
    x, first = channels_last(
        to_float(_pooled("average_pool", inputs, pool_size, padding)), data_format
    )
    return channels_back(pool.average_pool(x, pool_size, strides, standard_padding(padding)), first)


def _pooled(name: str, inputs: Tensor, pool_size: PerAxis, padding: str) -> Any:
    x = tensor(inputs)
    if not 3 <= x.ndim <= 5:
        raise value_error(
            f"{name}: inputs must have a batch axis, one to three spatial axes, and channels.",
            received=f"inputs {tuple(x.shape)}",
        )
    if pool_size is None:
        raise type_error(
            f"{name}: pool_size must be a positive integer, or one per spatial axis, got None.",
            fix="pool_size=2",
        )
    if standard_padding(padding) not in ("valid", "same"):
        raise value_error(
            f"{name}: padding must be 'valid' or 'same', got {padding!r}.", fix="padding='same'"
        )
    return x


@op(compiled=True, wide=True)
def adaptive_average_pool(
    inputs: Tensor, output_size: PerAxis, data_format: str | None = None
) -> Tensor:
    """Mean over a given number of windows, which cover the images evenly.

    Args:
        inputs: `(batch, *spatial, channels)`, or with channels first.
        output_size: number of windows, one int or one per axis; None keeps an axis.
        data_format: "channels_last" or "channels_first"; `config.image_data_format()` if None.
    """
    return _adaptive(jnp.mean, to_float(inputs), output_size, data_format)


@op(compiled=True)
def adaptive_max_pool(
    inputs: Tensor, output_size: PerAxis, data_format: str | None = None
) -> Tensor:
    """Maximum over a given number of windows; see `adaptive_average_pool`."""
    return _adaptive(jnp.max, tensor(inputs), output_size, data_format)


def _adaptive(
    fold: Callable[..., Tensor], x: Tensor, output_size: PerAxis, data_format: str | None
) -> Any:
    x, first = channels_last(x, data_format)
    rank = x.ndim - 2
    wanted = (output_size,) * rank if isinstance(output_size, int) else tuple(output_size)
    if len(wanted) != rank:
        raise value_error(
            f"output_size must be an int or {rank} ints, got {output_size!r}.",
            received=f"inputs {tuple(x.shape)}",
        )
    for axis, count in enumerate(wanted, start=1):
        size = x.shape[axis]
        if count is None or count == size:
            continue
        if size % count == 0:
            shape = (*x.shape[:axis], count, size // count, *x.shape[axis + 1 :])
            x = fold(x.reshape(shape), axis=axis + 1)
            continue
        each = counted(range(count))
        windows = [((i * size) // count, -(-((i + 1) * size) // count)) for i in each]
        parts = [lax.slice_in_dim(x, start, stop, axis=axis) for start, stop in windows]
        x = jnp.concatenate([fold(part, axis=axis, keepdims=True) for part in parts], axis)
    return channels_back(x, first)
