"""Objects <-> JSON, in the format of Keras 3.

    Dense(4)  ->  {"module": "keras.layers", "class_name": "Dense", "config": {...},
                   "registered_name": null, "build_config": {...}}

Names are looked up in the closed table of `core/objects/registry.py`, and code in a file (a lambda)
is refused: reading never runs what a file says.
"""

import inspect
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from cornu import budget
from cornu.context import local, using
from cornu.core.objects import registry
from cornu.core.objects.vetting import vet_objects
from cornu.core.symbolic import KerasTensor
from cornu.errors import UnsafeFileError, explain, type_error, value_error

_VALUE = 16  # bytes of a value of a config as text, approximately
LAMBDA = "<lambda>"  # the name of every lambda in Python
PLAIN = (str, int, float, bool, types.NoneType)

# Reads the ops of a graph, `(class_name, config) -> operation or None`; from `core/graph/op.py`.
OP_READERS: list[Callable[[str, dict[str, Any]], Any]] = []


# ---- writing ----------------------------------------------------------------------------------


def serialize_keras_object(obj: Any) -> Any:
    """An object as JSON values.

    Args:
        obj: object with `get_config`, function, plain value, or nested containers of these.

    Returns:
        Numbers, strings, lists, tuples and dicts, which `json` can write.

    Raises:
        TypeError: an object has no `get_config`.

    Example:

        >>> serialize_keras_object((1, 2.5, "same"))
        (1, 2.5, 'same')
    """
    if isinstance(obj, PLAIN):
        return obj
    if isinstance(obj, (list, tuple)):
        items = [serialize_keras_object(x) for x in obj]
        return tuple(items) if isinstance(obj, tuple) else items
    if isinstance(obj, dict):
        return {str(key): serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("latin-1")}}
    if isinstance(obj, KerasTensor):
        history = obj._keras_history
        place = (
            [history.operation.name, history.node_index, history.tensor_index] if history else None
        )
        config = {"shape": list(obj.shape), "dtype": obj.dtype, "keras_history": place}
        return {"class_name": "__keras_tensor__", "config": config}
    if isinstance(obj, np.generic) and obj.ndim == 0:
        return obj.item()
    if isinstance(obj, (np.ndarray, jax.Array)):
        kind = "__numpy__" if isinstance(obj, np.ndarray) else "__tensor__"
        values = np.asarray(obj)
        config = {"value": values.tolist(), "dtype": values.dtype.name}
        return {"class_name": kind, "config": config}
    if isinstance(obj, slice):
        parts = {k: serialize_keras_object(getattr(obj, k)) for k in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": parts}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if hasattr(obj, "get_config") and not inspect.isclass(obj):
        return _serialize_object(obj)
    if callable(obj):
        return serialize_callable(obj)
    if isinstance(obj, np.dtype):
        return obj.name
    raise type_error(
        f"An object of type {type(obj).__name__} cannot be saved.",
        fix="give its class a `get_config` method that returns the constructor's arguments.",
    )


def serialize_shared(obj: Any) -> Any:
    """`serialize_keras_object` with a `shared_object_id` where a layer occurs more than once.

    The numbers count from 1 in order of appearance, so that equal models give equal texts.
    """
    with using(written={}):
        out = serialize_keras_object(obj)
    places: dict[int, list[dict[str, Any]]] = {}
    waiting = [out]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value and "shared_object_id" in value:
                places.setdefault(value["shared_object_id"], []).append(value)
            waiting += reversed(value.values())
        elif isinstance(value, (list, tuple)):
            waiting += reversed(value)
    several = [found for found in places.values() if len(found) > 1]
    for found in places.values():
        for value in found:
            del value["shared_object_id"]
    for number, found in enumerate(several, start=1):
        for value in found:
            value["shared_object_id"] = number
    return out


def _serialize_object(obj: Any) -> dict[str, Any]:
    module, class_name, registered = names_in_files(type(obj), getattr(obj, "op_name", None))
    out = {
        "module": module,
        "class_name": class_name,
        "config": _serialize_config(obj),
        "registered_name": registered,
    }
    if local.written is not None and hasattr(obj, "built"):  # only layers have state to share
        number, _ = local.written.setdefault(id(obj), (len(local.written) + 1, obj))
        out["shared_object_id"] = number
    if hasattr(obj, "get_build_config"):
        build_config = obj.get_build_config()
        if build_config is not None:
            out["build_config"] = serialize_keras_object(build_config)
    if hasattr(obj, "_notes_for_files"):
        out |= obj._notes_for_files()
    if hasattr(obj, "get_compile_config"):
        compile_config = obj.get_compile_config()
        if compile_config:
            out["compile_config"] = compile_config
    return out


def names_in_files(
    cls: type, op_name: tuple[str, str] | None = None
) -> tuple[Any, str, str | None]:
    """`(module, class_name, registered_name)` of a class in files."""
    if op_name is not None:
        return (*op_name, op_name[1])
    cls = getattr(cls, "_class_in_files", cls)
    known = registry.builtin_name(cls)
    if known is not None:
        return known
    module = None if cls.__module__ in ("__main__", "builtins") else cls.__module__
    return module, cls.__name__, registry.get_registered_name(cls)


def _serialize_config(obj: Any) -> dict[str, Any]:
    config = obj.get_config()
    if not isinstance(config, dict):
        raise value_error(
            f"{type(obj).__name__}.get_config returns a {type(config).__name__}, not a dict.",
            fix="return a dict of the constructor's arguments.",
        )
    if hasattr(obj, "_warn_if_unreadable"):
        obj._warn_if_unreadable(config)
    return {key: serialize_keras_object(value) for key, value in config.items()}


def function_in_files(name: str) -> dict[str, Any]:
    """The config of a function of that name, which reading turns into the function."""
    return {
        "module": "builtins",
        "class_name": "function",
        "config": name,
        "registered_name": "function",
    }


def serialize_function(function: Any) -> dict[str, Any]:
    """The config of a function, for places where a bare name would stay text."""
    return function_in_files(registry.get_registered_name(function))


def serialize_in_full(value: Any) -> Any:
    """`serialize_keras_object`, with functions of the library as configs instead of names."""
    if inspect.isfunction(value) and value.__name__ != LAMBDA:
        return serialize_function(value)
    return serialize_keras_object(value)


def serialize_callable(function: Any) -> Any:
    """A function of the library as its name, one of a user as a config with its registered name."""
    name = getattr(function, "__name__", type(function).__name__)
    if name == LAMBDA:
        return function_in_files(LAMBDA)  # a placeholder: the reader must supply the function
    if registry.is_builtin(function):
        return name
    if inspect.isclass(function):
        module, class_name, registered = names_in_files(function)
        return {
            "module": module,
            "class_name": class_name,
            "config": {},
            "registered_name": registered,
        }
    return serialize_function(function)


# ---- reading ----------------------------------------------------------------------------------


def deserialize_one(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """`deserialize_keras_object` for a single object.

    Raises:
        ValueError: the config is a dict without a class.
    """
    if isinstance(config, dict) and "class_name" not in config:
        raise value_error(
            f"The config of an object must have the keys 'class_name' and 'config', got "
            f"{', '.join(map(repr, config)) or 'an empty dict'}."
        )
    return deserialize_keras_object(config, custom_objects)


def deserialize_keras_object(
    config: Any, custom_objects: dict[str, Any] | None = None, safe_mode: bool = True, **kwargs: Any
) -> Any:
    """The object that JSON values describe.

    Args:
        config: JSON values that `serialize_keras_object` returned.
        custom_objects: names to use besides the built-in and the registered ones.
        safe_mode: whether to refuse code in the config.
        **kwargs: further arguments of Keras, which are ignored.

    Raises:
        UnsafeFileError: the config contains a lambda and `safe_mode` is on.
        TypeError: a name is not known; the message says how to register it.
    """
    scope = registry.CustomObjectScope(custom_objects or {})
    safe_mode = safe_mode and local.safe_mode
    if local.read is None:  # else an outer call has checked the whole config
        vet_objects(config)
    read = {} if local.read is None else local.read
    with scope, using(safe_mode=safe_mode, read=read), budgeted(config, safe_mode):
        return _deserialize(config)


@contextmanager
def budgeted(config: Any, safe_mode: bool = True) -> Iterator[None]:
    """Bound the work of reading a config, unless an enclosing load does."""
    if budget.current() is not None:
        yield
        return
    size = _VALUE * sum(1 for _ in _values(config))
    with budget.within(budget.Budget("the config", size, trusted=not safe_mode)):
        yield


def _values(config: Any) -> Iterator[Any]:
    """All values in a config."""
    waiting = [config]
    while waiting:
        value = waiting.pop()
        yield value
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, (list, tuple)):
            waiting += value


def _deserialize(config: Any) -> Any:
    if isinstance(config, PLAIN):
        return config
    if isinstance(config, (list, tuple)):
        return type(config)(_deserialize(x) for x in config)
    if not isinstance(config, dict):
        raise type_error(f"A config must consist of JSON values, got {type(config).__name__}.")
    if "class_name" not in config or "config" not in config:
        return {key: _deserialize(value) for key, value in config.items()}
    class_name, inner = config["class_name"], config["config"]
    budget.spend(budget.OBJECT)
    if class_name in SPECIAL:
        return SPECIAL[class_name](inner if isinstance(inner, dict) else {"value": inner})
    if class_name == "function":
        return find_function(inner, config.get("registered_name"))
    if str(config.get("module")).startswith("keras.src.ops") and isinstance(inner, dict):
        for read_op in OP_READERS:
            operation = read_op(class_name, _deserialize(inner))
            if operation is not None:
                return operation
    cls = find_class(config)
    number = config.get("shared_object_id")
    shared = local.read.get(number) if local.read and isinstance(number, int) else None
    if shared is not None and getattr(type(shared), "_class_in_files", type(shared)) is cls:
        return shared
    if not isinstance(inner, dict):
        got = type(inner).__name__
        raise type_error(f"The config of {class_name!r} must be a dict, got {got}.")
    obj = cls.from_config(inner)
    if config.get("build_config") and hasattr(obj, "build_from_config") and not obj.built:
        obj.build_from_config(_deserialize(config["build_config"]))
    if hasattr(obj, "_read_notes"):
        obj._read_notes(config)
    if config.get("compile_config") and hasattr(obj, "compile_from_config"):
        obj.compile_from_config(config["compile_config"])
    if local.read is not None and isinstance(number, int):
        local.read[number] = obj
    return obj


def _refuse_lambda(config: dict[str, Any]) -> Any:
    raise UnsafeFileError(
        explain(
            "The config holds the code of a Python lambda, which loading would have to run.",
            fix="write the lambda as a registered function and save the model again:\n"
            "@keras.saving.register_keras_serializable()\n"
            "def my_function(x): ...",
        )
    )


def _slice(config: dict[str, Any]) -> slice:
    return slice(*(_deserialize(config.get(part)) for part in ("start", "stop", "step")))


def _array(config: dict[str, Any]) -> np.ndarray:
    return np.array(config["value"], dtype=config["dtype"])


SPECIAL: dict[str, Callable[[dict[str, Any]], Any]] = {
    "__lambda__": _refuse_lambda,
    "__numpy__": _array,
    "__tensor__": lambda config: jax.numpy.asarray(_array(config)),
    "__bytes__": lambda config: str(config["value"]).encode("latin-1"),
    "__slice__": _slice,
    "__ellipsis__": lambda config: Ellipsis,
    "__keras_tensor__": lambda config: KerasTensor(config["shape"], config["dtype"]),
}


def find_class(config: dict[str, Any]) -> Any:
    """The class that a config names: of a user by its registered name, or of the library."""
    module, name = config.get("module"), config["class_name"]
    registered = config.get("registered_name")
    found = registry.find_custom(registered) if registered else None
    if found is None and not (module or "").startswith("keras"):
        if _of_user(registered):  # a built-in of the same name must not replace it
            raise TypeError(registry.unknown("class", registered, registry.get_custom_objects()))
        found = registry.find_custom(name)
    if found is not None:
        return found
    found = registry.find_builtin(module or "keras", name)
    if found is None and not module:
        found = registry.find_builtin("keras.layers", name)
    if found is None:
        package = (module or "").replace("keras.src", "keras")
        known = registry.builtin_classes(package) or registry.get_custom_objects()
        raise TypeError(registry.unknown("class", registered or name, known))
    _require_one_name(registered, (name, found.__name__), "class")
    return found


def find_function(name: Any, registered: Any = None) -> Callable[..., Any]:
    """The function that a config names.

    Args:
        name: name of the function.
        registered: name under which a user registered it, if any.
    """
    found = registry.find_custom_function(str(name))
    builtin = registry.builtin_functions().get(str(name))
    if found is None and builtin is not None:
        found = registry.find_custom(registered) if isinstance(registered, str) else None
        if found is None:
            _require_one_name(registered, (str(name), "function"), "function")
            found = builtin
    if found is None and name == LAMBDA:
        raise value_error(
            "The config has a placeholder for a lambda, which was not saved.",
            fix=f"supply the function: custom_objects={{{LAMBDA!r}: ...}}",
        )
    if found is None:
        raise TypeError(registry.unknown("function", name, registry.builtin_functions()))
    return found


# Packages in the registered names of built-ins.
_OURS = ("", "keras", "Custom", "builtins", "cornu")


def _of_user(registered: Any) -> bool:
    """Whether a registered name has a package of a user."""
    package, mark, _ = str(registered or "").rpartition(">")
    return bool(mark) and package.split(".")[0] not in _OURS


def _require_one_name(registered: Any, names: tuple[str, ...], kind: str) -> None:
    """Raise if a built-in would replace what a user registered under another name.

    Raises:
        ValueError: the config names a built-in and another registered name.
    """
    if not registered or (not _of_user(registered) and str(registered).rpartition(">")[2] in names):
        return
    raise value_error(
        f"The config names the built-in {kind} {names[0]!r}, but {registered!r} as its "
        "registered name.",
        fix=f"if it is your own, register it before loading:\n"
        f"{registry.how_to_register([registered])}\n"
        "if it is the built-in: del config['registered_name']",
    )


def unknown_names(config: Any) -> list[tuple[str, str]]:
    """Names in a config that are not registered, as ("class" or "function", name), each once.

    Example:

        >>> unknown_names([{"module": None, "class_name": "Mine", "config": {}}])
        [('class', 'Mine')]
    """
    found: dict[tuple[str, str], None] = {}
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list | tuple):
            waiting += reversed(value)
        if not isinstance(value, dict):
            continue
        waiting += reversed(list(value.values()))
        name, inner = value.get("class_name"), value.get("config")
        is_op = str(value.get("module")).startswith("keras.src.ops")
        if not isinstance(name, str) or "config" not in value or name in SPECIAL or is_op:
            continue
        try:
            if name == "function":
                find_function(inner, value.get("registered_name"))
            else:
                find_class(value)
        except (TypeError, ValueError):
            kind = "function" if name == "function" else "class"
            found[
                kind, str(inner if kind == "function" else value.get("registered_name") or name)
            ] = None
    return list(found)
