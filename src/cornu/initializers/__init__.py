"""Initializers: the initial values of weights."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cornu.absent import names_of
from cornu.core.frame import is_tracer
from cornu.core.graph.operands import tensor
from cornu.core.objects.serialize import serialize_keras_object
from cornu.core.objects.vocabulary import Vocabulary
from cornu.core.variable import Variable
from cornu.errors import explain, value_error
from cornu.initializers.constant import (
    STFT as STFT,
    Constant as Constant,
    Identity as Identity,
    IdentityInitializer as IdentityInitializer,
    Ones as Ones,
    STFTInitializer as STFTInitializer,
    Zeros as Zeros,
    constant as constant,
    identity as identity,
    ones as ones,
    stft as stft,
    zeros as zeros,
)
from cornu.initializers.initializer import Initializer as Initializer, on_device
from cornu.initializers.random import (
    GlorotNormal as GlorotNormal,
    GlorotUniform as GlorotUniform,
    HeNormal as HeNormal,
    HeUniform as HeUniform,
    LecunNormal as LecunNormal,
    LecunUniform as LecunUniform,
    Orthogonal as Orthogonal,
    OrthogonalInitializer as OrthogonalInitializer,
    RandomNormal as RandomNormal,
    RandomUniform as RandomUniform,
    TruncatedNormal as TruncatedNormal,
    VarianceScaling as VarianceScaling,
    glorot_normal as glorot_normal,
    glorot_uniform as glorot_uniform,
    he_normal as he_normal,
    he_uniform as he_uniform,
    lecun_normal as lecun_normal,
    lecun_uniform as lecun_uniform,
    orthogonal as orthogonal,
    random_normal as random_normal,
    random_uniform as random_uniform,
    truncated_normal as truncated_normal,
    variance_scaling as variance_scaling,
)
from cornu.names import to_snake_case
from cornu.types import Config, DTypeLike, InitializerLike, Tensor


class _Initializers(Vocabulary):
    """The initializers; an array means itself, for a weight of its shape."""

    def find(self, identifier: InitializerLike | Tensor) -> Any:
        if hasattr(identifier, "shape") and hasattr(identifier, "dtype"):
            return _exactly(identifier)
        return super().find(identifier)


def _exactly(values: Tensor) -> Callable[..., Tensor]:
    """An initializer that returns these values, for weights of their shape."""

    def initialize(shape: Sequence[int], dtype: DTypeLike | None = None) -> Tensor:
        array = tensor(values)
        if tuple(shape) != tuple(array.shape):
            raise value_error(
                f"An array as initializer must have the shape of the weight, {tuple(shape)}, got "
                f"{tuple(array.shape)}."
            )
        return tensor(array, dtype) if is_tracer(array) else on_device(np.asarray(array), dtype)

    return initialize


_words = _Initializers(
    "initializer",
    vars(),
    Initializer,
    spelled=to_snake_case,
    short={"normal": RandomNormal, "one": Ones, "uniform": RandomUniform, "zero": Zeros},
)
get, deserialize = _words.get, _words.deserialize


def serialize(initializer: Initializer) -> Config:
    """The initializer as JSON values.

    Example:

        >>> serialize(Constant(2.0))["config"]
        {'value': 2.0}
    """
    return serialize_keras_object(initializer)


Variable._initializer_named = staticmethod(get)
globals()["__getattr__"] = names_of(__name__)
