"""Optimizers: how weights follow their gradients."""

from typing import Any

from cornu.absent import names_of
from cornu.core.objects.registry import CustomObjectScope
from cornu.core.objects.serialize import deserialize_keras_object, resolve, serialize_keras_object
from cornu.errors import explain, value_error, without_super
from cornu.optimizers import legacy as legacy, schedules as schedules
from cornu.optimizers.adam import (
    Adam as Adam,
    Adamax as Adamax,
    AdamW as AdamW,
    Lamb as Lamb,
    Nadam as Nadam,
)
from cornu.optimizers.combine import (
    LossScaleOptimizer as LossScaleOptimizer,
    MultiOptimizer as MultiOptimizer,
    OptimizerMap as OptimizerMap,
)
from cornu.optimizers.gradient import (
    SGD as SGD,
    Adadelta as Adadelta,
    Adagrad as Adagrad,
    Ftrl as Ftrl,
    Lion as Lion,
    RMSprop as RMSprop,
)
from cornu.optimizers.matrix import (
    Adafactor as Adafactor,
    Muon as Muon,
    ScheduleFreeAdamW as ScheduleFreeAdamW,
)
from cornu.optimizers.optax import Optax as Optax
from cornu.optimizers.optimizer import Optimizer as Optimizer

# What a name alone can make: all whose constructors need nothing.
_TABLE: dict[str, Any] = {
    cls.__name__: cls
    for cls in (
        SGD, RMSprop, Adam, AdamW, Adadelta, Adagrad, Adamax, Nadam, Ftrl, Lion, Lamb, Adafactor,
        Muon, ScheduleFreeAdamW,
    )
}  # fmt: skip
_TABLE |= {name.lower(): cls for name, cls in _TABLE.items()}
_CLASSES = _TABLE | {
    spelling: cls
    for cls in (LossScaleOptimizer, MultiOptimizer)
    for spelling in (cls.__name__, cls.__name__.lower())
}


def get(identifier: Any) -> Any:
    """The optimizer that is meant by a name, a config, a class or an instance.

    Args:
        identifier: such as `"adam"`, `"AdamW"`, `SGD`, `SGD(0.1)`, or what `serialize` returned;
            None stays None.

    Raises:
        ValueError: no optimizer is meant by it.

    Example:

        >>> get("rmsprop").name.startswith("rm_sprop"), get(SGD).momentum
        (True, 0.0)
    """
    if identifier is None:
        return None
    if isinstance(identifier, Optimizer):
        return _checked(identifier)
    if isinstance(identifier, dict):
        identifier = deserialize(identifier)
    return _checked(resolve("optimizer", identifier, _TABLE))


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """An optimizer as plain JSON values.

    Example:

        >>> serialize(SGD(0.5))["class_name"]
        'SGD'
    """
    return serialize_keras_object(optimizer)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """The optimizer that a config describes.

    Example:

        >>> deserialize({"class_name": "SGD", "config": {"momentum": 0.9}}).momentum
        0.9
    """
    if isinstance(config, dict) and not config.get("registered_name"):
        cls = _CLASSES.get(str(config.get("class_name")).lower())
        if cls is not None:  # any spelling of the name, and of the module
            config = {**config, "module": "keras.optimizers", "class_name": cls.__name__}
        elif "module" not in config:
            with CustomObjectScope(custom_objects or {}):
                return _checked(resolve("optimizer", config, _CLASSES))
    return _checked(deserialize_keras_object(config, custom_objects=custom_objects))


def _checked(found: Any) -> Any:
    if isinstance(found, Optimizer):
        if "_iterations" not in vars(found):
            raise RuntimeError(without_super(found))
        return found
    raise value_error(
        f"An optimizer is expected, got {type(found).__name__}.",
        received=repr(found)[:80],
        fix="optimizer='adam'\nor optimizers.Adam(0.001)",
    )


globals()["__getattr__"] = names_of(__name__)
