"""The old `keras.backend`: facts about the engine."""

from typing import Any

from cornu import names
from cornu.absent import names_of
from cornu.config import (
    backend as backend,
    epsilon as epsilon,
    floatx as floatx,
    image_data_format as image_data_format,
    set_epsilon as set_epsilon,
    set_floatx as set_floatx,
    set_image_data_format as set_image_data_format,
)
from cornu.core.dtypes import (
    is_float_dtype as is_float_dtype,
    is_int_dtype as is_int_dtype,
    result_type as result_type,
    standardize_dtype as standardize_dtype,
)
from cornu.core.symbolic import is_symbolic as is_keras_tensor
from cornu.session import clear_session as clear_session

__all__ = [
    "backend", "clear_session", "epsilon", "floatx", "get_uid", "image_data_format",
    "is_float_dtype", "is_int_dtype", "is_keras_tensor", "result_type", "set_epsilon",
    "set_floatx", "set_image_data_format", "standardize_dtype",
]  # fmt: skip


def get_uid(prefix: Any = "") -> int:
    """A number that was not given before for this prefix, from 1."""
    return names.next_number(str(prefix))


globals()["__getattr__"] = names_of(__name__)
