"""Data formats and paddings of images.

The kernels work with channels last. Images with channels first are transposed on the way in, and
their results on the way out:

    x, first = channels_last(x, data_format)    (n, c, h, w) -> (n, h, w, c), True
    return channels_back(y, first)              (n, h, w, c) -> (n, c, h, w)
"""

from typing import Any

import jax.numpy as jnp

from cornu import settings
from cornu.errors import did_you_mean, value_error
from cornu.types import Tensor


def channels_last(x: Tensor, data_format: str | None) -> tuple[Any, bool]:
    """Images with channels last, and whether they were channels first."""
    data_format = data_format or settings.current.image_data_format
    if data_format not in settings.DATA_FORMATS:
        raise value_error(
            f"data_format must be one of {settings.DATA_FORMATS}, got {data_format!r}.",
            fix=did_you_mean(data_format, settings.DATA_FORMATS),
        )
    if data_format == "channels_first":
        return jnp.moveaxis(x, 1, -1), True
    return x, False


def channels_back(y: Tensor, first: bool) -> Any:
    """Results in the data format of the images."""
    return jnp.moveaxis(y, -1, 1) if first else y


def standard_padding(padding: Any) -> Any:
    """The name of a padding in lower case; numbers as they are."""
    return padding.lower() if isinstance(padding, str) else padding
