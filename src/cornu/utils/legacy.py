"""The legacy format of serialized objects, which packages for Keras 2 and 3 still use.

    serialize_keras_object(Float("lr"))      {"class_name": "Float", "config": {...}}
    serialize_keras_object(relu)             "relu"

There is no module beside a name: whoever reads says in `module_objects` what the names mean.
"""

import inspect
from collections.abc import Mapping
from typing import Any

from cornu.core.objects import registry
from cornu.core.objects.registry import CustomObjectScope
from cornu.errors import value_error

__all__ = ["deserialize_keras_object", "serialize_keras_object"]


def serialize_keras_object(instance: object) -> Any:
    """Serialize an object to the name of its class and its config, a function to its name.

    Args:
        instance: object with `get_config`, function, or None.

    Raises:
        ValueError: `instance` is none of these.

    Example:

        >>> from cornu.regularizers import L1
        >>> serialize_keras_object(L1(0.5))
        {'class_name': 'L1', 'config': {'l1': 0.5}}
    """
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        name = registry.get_registered_name(type(instance))
        config = {key: _described(value) for key, value in instance.get_config().items()}
        return {"class_name": name, "config": config}
    if hasattr(instance, "__name__"):
        return registry.get_registered_name(instance)
    raise value_error(
        f"{type(instance).__name__} must define get_config to be serialized.",
        fix="def get_config(self): return {...the constructor's arguments...}",
    )


def _described(value: object) -> Any:
    """A value of a config; an object in it is described like the whole."""
    if isinstance(value, str) or not (hasattr(value, "get_config") or inspect.isroutine(value)):
        return value
    return serialize_keras_object(value)


def deserialize_keras_object(
    identifier: object,
    module_objects: Mapping[str, Any] | None = None,
    custom_objects: dict[str, Any] | None = None,
    printable_module_name: str = "object",
) -> Any:
    """Deserialize an object from its name, or its name and config.

    Args:
        identifier: result of `serialize_keras_object`; a function is returned as it is.
        module_objects: dict from the names of the caller's module to classes and functions.
        custom_objects: dict from names to classes and functions, searched first.
        printable_module_name: name of the kind of object in messages.

    Raises:
        ValueError: the name is unknown, or `identifier` has another form.

    Example:

        >>> from cornu.regularizers import L1
        >>> described = {"class_name": "L1", "config": {"l1": 0.5}}
        >>> deserialize_keras_object(described, module_objects={"L1": L1})
        L1(l1=0.5)
    """
    if identifier is None or inspect.isroutine(identifier):
        return identifier
    if isinstance(identifier, str):
        found = _find(identifier, module_objects, custom_objects, printable_module_name)
        return found() if inspect.isclass(found) else found
    if not isinstance(identifier, dict) or not {"class_name", "config"} <= identifier.keys():
        raise value_error(
            f"A serialized {printable_module_name} must be a name or a dict with class_name and "
            f"config, got {type(identifier).__name__}.",
            received=repr(identifier)[:80],
        )
    name, config = identifier["class_name"], identifier["config"]
    cls = _find(name, module_objects, custom_objects, printable_module_name)
    with CustomObjectScope(custom_objects or {}):
        if not hasattr(cls, "from_config"):
            return cls(**config)
        if custom_objects and "custom_objects" in inspect.signature(cls.from_config).parameters:
            return cls.from_config(config, custom_objects=custom_objects)
        return cls.from_config(config)


def _find(
    name: str, module_objects: Mapping[str, Any] | None, custom: dict[str, Any] | None, kind: str
) -> Any:
    found = registry.find_custom(name, custom) or (module_objects or {}).get(name)
    if found is None:
        raise ValueError(registry.unknown(kind, name, {**(module_objects or {}), **(custom or {})}))
    return found
