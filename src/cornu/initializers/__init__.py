"""Initializers: the first values of weights."""

from typing import Any

import numpy as np

from cornu.absent import names_of
from cornu.core.frame import is_tracer
from cornu.core.graph.operands import tensor
from cornu.core.objects.registry import CustomObjectScope
from cornu.core.objects.serialize import resolve, serialize_keras_object
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

_TABLE: dict[str, Any] = {
    "Constant": Constant,
    "GlorotNormal": GlorotNormal,
    "GlorotUniform": GlorotUniform,
    "HeNormal": HeNormal,
    "HeUniform": HeUniform,
    "Identity": Identity,
    "IdentityInitializer": Identity,
    "Initializer": Initializer,
    "LecunNormal": LecunNormal,
    "LecunUniform": LecunUniform,
    "Ones": Ones,
    "Orthogonal": Orthogonal,
    "OrthogonalInitializer": Orthogonal,
    "RandomNormal": RandomNormal,
    "RandomUniform": RandomUniform,
    "STFT": STFT,
    "STFTInitializer": STFT,
    "TruncatedNormal": TruncatedNormal,
    "VarianceScaling": VarianceScaling,
    "Zeros": Zeros,
    "constant": Constant,
    "glorot_normal": GlorotNormal,
    "glorot_uniform": GlorotUniform,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "identity": Identity,
    "initializer": Initializer,
    "lecun_normal": LecunNormal,
    "lecun_uniform": LecunUniform,
    "normal": RandomNormal,
    "one": Ones,
    "ones": Ones,
    "orthogonal": Orthogonal,
    "random_normal": RandomNormal,
    "random_uniform": RandomUniform,
    "stft": STFT,
    "truncated_normal": TruncatedNormal,
    "uniform": RandomUniform,
    "variance_scaling": VarianceScaling,
    "zero": Zeros,
    "zeros": Zeros,
}


def get(identifier: Any) -> Any:
    """The initializer that a name, a config, a class, a callable or an array means.

    An array becomes the value itself, for a weight of its shape. None stays None.

    Raises:
        ValueError: there is no such initializer.

    Example:

        >>> get("he_normal").mode, get(np.ones(2))((2,)).tolist()
        ('fan_in', [1.0, 1.0])
    """
    if isinstance(identifier, dict) and _is_renamed(identifier):
        identifier = {key: value for key, value in identifier.items() if key != "module"}
    if hasattr(identifier, "shape") and hasattr(identifier, "dtype"):
        return _exactly(identifier)
    return resolve("initializer", identifier, _TABLE)


def _is_renamed(config: dict[str, Any]) -> bool:
    """Whether a config names a built-in by a name that older files use."""
    return (
        config.get("module") == "keras.initializers"
        and config.get("class_name") in _TABLE
        and not config.get("registered_name")
    )


def _exactly(values: Any) -> Any:
    """An initializer that gives these values, and refuses any other shape."""

    def initialize(shape: Any, dtype: Any = None) -> Any:
        array = tensor(values)
        if tuple(shape) != tuple(array.shape):
            raise value_error(
                "The array given as initializer has another shape than the weight.",
                array=tuple(array.shape),
                weight=tuple(shape),
            )
        return tensor(array, dtype) if is_tracer(array) else on_device(np.asarray(array), dtype)

    return initialize


def serialize(initializer: Any) -> Any:
    """The initializer as JSON values.

    Example:

        >>> serialize(Constant(2.0))["config"]
        {'value': 2.0}
    """
    return serialize_keras_object(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The initializer that `serialize` described, or that a name means."""
    with CustomObjectScope(custom_objects or {}):
        return get(config)


Variable._initializer_named = staticmethod(get)
globals()["__getattr__"] = names_of(__name__)
