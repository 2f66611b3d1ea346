"""Checks of a config before any of it becomes an object. Refused are:

    code      {"class_name": "__lambda__", ...}, and [code, defaults, closure] of a Keras 2 Lambda
    slots     a built-in of another kind: `kernel_initializer` takes an initializer, ..., and
              anything else is there only to be called by surprise
    files     a string as vocabulary, which would make loading read that file; a list is needed
    patterns  patterns of paths whose matching can take more than linear time
    numbers   arrays of other dtypes than numbers: "S1000000000" would fill the memory

Names need no check here: they are looked up in a closed table, and nothing is imported.
`deserialize_keras_object` checks every config, and readers of files do before they build anything.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from cornu import patterns
from cornu.core import dtypes
from cornu.core.objects import registry
from cornu.errors import UnsafeFileError, make_error

# Last word of a key -> packages whose classes its value may be of.
_LAYERS = ("layers", "models", "ops")
_SLOTS = {
    "initializer": ("initializers",),
    "regularizer": ("regularizers",),
    "constraint": ("constraints",),
    "activation": ("activations", "layers"),
    "optimizer": ("optimizers",),
    "rate": ("optimizers",),
    "loss": ("losses",),
    "metrics": ("metrics", "losses"),
    "dtype": ("dtype_policies",),
    "layers": _LAYERS,
    "layer": _LAYERS,
    "cell": _LAYERS,
    "cells": _LAYERS,
    "preprocessor": _LAYERS,
}
_TABLES = ("StringLookup", "IntegerLookup", "TextVectorization")
_TABLE_KEYS = ("vocabulary", "idf_weights")
_PATTERN_KEYS = ("policy_map", "optimizer_map", "layout_map", "exclude_layers")


def vet_objects(config: Any, *, what: str = "the config") -> None:
    """Refuse code, objects in the wrong slots, and paths of files.

    Args:
        config: JSON values.
        what: name of the source in messages, such as `"config.json"`.

    Raises:
        UnsafeFileError: the config holds one of them; the message names the layer.

    Example:

        >>> vet_objects({"class_name": "Dense", "config": {"units": 3}})
        >>> vet_objects({"class_name": "__lambda__", "config": {"value": "..."}})
        Traceback (most recent call last):
        cornu.errors.UnsafeFileError: Layer 'model' in the config holds the code of a Python ...
    """
    for name, slot, value in objects(config):
        kind, inner = value["class_name"], value.get("config")
        texts = (kind, value.get("module") or "", value.get("registered_name") or "")
        if not all(isinstance(text, str) for text in texts):
            raise _refused(f"Layer {name!r} in {what} has an object that is not named by text.")
        if kind == "__lambda__" or _is_old_lambda(kind, inner):
            raise _refused(
                f"Layer {name!r} in {what} holds the code of a Python lambda, which loading would "
                "have to run.",
                fix="write the lambda as a registered function and save the model again:\n"
                "@keras.saving.register_keras_serializable()\n"
                "def my_function(x): ...\n"
                "or say what the layer computes: load_model(path, custom_objects="
                f"{{{name!r}: lambda x: ...}})",
            )
        if slot is not None and not _belongs(value, _SLOTS[slot]):
            raise _refused(
                f"Layer {name!r} in {what} has a {kind} where only {_SLOTS[slot][0]} belong.",
                setting=slot,
            )
        if isinstance(inner, dict):
            _vet_values(name, kind, inner, what)


def objects(config: Any) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """(name of the layer, slot, object) of each object in a config."""
    waiting: list[tuple[str, str | None, Any]] = [("model", None, config)]
    while waiting:
        name, slot, value = waiting.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                inner = value.get("config")
                if isinstance(inner, dict) and isinstance(inner.get("name"), str):
                    name = inner["name"]
                yield name, slot, value
                slot = None
            # A dict without a class holds such values by name: losses by the names of outputs.
            waiting += [(name, _slot(key) or slot, item) for key, item in value.items()]
        elif isinstance(value, (list, tuple)) and holds_containers(value):
            waiting += [(name, slot, v) for v in value if isinstance(v, (dict, list, tuple))]


def holds_containers(values: Iterable[Any]) -> bool:
    """Whether any of the values is a dict, list or tuple; quick for a million numbers."""
    return any(issubclass(kind, (dict, list, tuple)) for kind in set(map(type, values)))


def _slot(key: Any) -> str | None:
    word = str(key).rpartition("_")[2]
    return word if word in _SLOTS else None


def _belongs(value: dict[str, Any], folders: tuple[str, ...]) -> bool:
    """Whether an object may be in a slot; an object that is not built in may be in any."""
    module, kind = value.get("module"), value["class_name"]
    if kind.startswith("__") or kind == "function" or not isinstance(module, str):
        return True
    if module.startswith("keras.src.ops"):
        return "ops" in folders
    if registry.find_custom(value.get("registered_name") or kind) is not None:
        return True
    cls = registry.find_builtin(module, kind)
    return cls is None or cls.__module__.split(".")[1] in folders


def _is_old_lambda(kind: str, config: Any) -> bool:
    if kind != "Lambda" or not isinstance(config, dict):
        return False
    kinds = [config.get(f"{part}_type") for part in ("function", "output_shape", "mask")]
    return "lambda" in kinds or isinstance(config.get("function"), list)


def _vet_values(name: str, kind: str, config: dict[str, Any], what: str) -> None:
    if kind in _TABLES:
        for key in _TABLE_KEYS:
            if isinstance(config.get(key), str):
                raise _refused(
                    f"Layer {name!r} in {what} names a file as its {key}, which loading would "
                    "read.",
                    file=repr(config[key][:80]),
                    fix="a saved model contains its vocabulary; set another one with "
                    "set_vocabulary.",
                )
    for key in _PATTERN_KEYS:
        value = config.get(key)
        value = [value] if isinstance(value, str) else value
        for pattern in value if isinstance(value, list | dict) else ():
            _vet_pattern(name, key, pattern, what)
    if kind in ("__numpy__", "__tensor__"):
        dtype = config.get("dtype")
        if not isinstance(dtype, str) or dtype not in dtypes.ALLOWED - {"string"}:
            raise _refused(
                f"Layer {name!r} in {what} has an array that is not of numbers.",
                dtype=repr(dtype)[:80],
            )


def _vet_pattern(name: str, key: str, pattern: Any, what: str) -> None:
    try:
        if not isinstance(pattern, str):
            raise TypeError(f"{pattern!r:.80} is not text.")
        patterns.require_linear(pattern)
    except UnsafeFileError:
        raise
    except (TypeError, ValueError) as error:
        raise _refused(
            f"{key} of {name!r} in {what} has a pattern that loading does not follow.",
            why=error,
            fix="save the model with simpler patterns: letters, ., [...], (...), |, *, +, ?.",
        ) from None


def _refused(what: str, *, fix: str | None = None, **facts: object) -> UnsafeFileError:
    return make_error(UnsafeFileError, what, fix=fix, **facts)
