"""What is refused in a config before any of it is turned into an object.

    code      {"class_name": "__lambda__", ...}, and Keras 2's [code, defaults, closure] of a Lambda
    slots     `kernel_initializer` takes an initializer, `optimizer` an optimizer, ...: a built-in
              of another kind stands there only to be called where nobody expects it
    files     a vocabulary is a list; a string would make loading read that file
    patterns  of paths are such as are matched in time that is linear in the path
    numbers   arrays hold numbers: a dtype such as "S1000000000" is a way to fill the memory

Names need no pass of their own: they are looked up in a closed table and nothing is imported.
`deserialize_keras_object` asks here for everything that it is handed, and readers of files before
they build anything.
"""

from collections.abc import Iterator
from typing import Any

from cornu import patterns
from cornu.core import dtypes
from cornu.core.objects import registry
from cornu.errors import UnsafeFileError, explain

# Last word of a key -> folders whose classes may stand there.
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
}
_TABLES = ("StringLookup", "IntegerLookup", "TextVectorization")
_TABLE_KEYS = ("vocabulary", "idf_weights")
_PATTERN_KEYS = ("policy_map", "optimizer_map", "layout_map", "exclude_layers")


def vet_objects(config: Any, *, what: str = "the config") -> None:
    """Refuse code, objects in the wrong slots, and paths of files.

    Args:
        config: JSON values.
        what: how messages name the text they come from, such as `"config.json"`.

    Raises:
        UnsafeFileError: the message names the layer.

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
            raise UnsafeFileError(
                explain(f"Layer {name!r} in {what} has an object that is not named by text.")
            )
        if kind == "__lambda__" or _is_old_lambda(kind, inner):
            raise UnsafeFileError(
                explain(
                    f"Layer {name!r} in {what} holds the code of a Python lambda, which loading "
                    "would have to run.",
                    fix="write the lambda as a registered function and save the model again:\n"
                    "@keras.saving.register_keras_serializable()\n"
                    "def my_function(x): ...\n"
                    "or say what the layer computes: load_model(path, custom_objects="
                    f"{{{name!r}: lambda x: ...}})",
                )
            )
        if slot is not None and not _belongs(value, _SLOTS[slot]):
            raise UnsafeFileError(
                explain(
                    f"Layer {name!r} in {what} has a {kind} where only {_SLOTS[slot][0]} belong.",
                    setting=slot,
                )
            )
        if isinstance(inner, dict):
            _vet_values(name, kind, inner, what)


def objects(config: Any) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """(name of the layer it is in, its slot, the object) of each object in a config."""
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
            # A dict without a class is a dict of such values: losses by the names of outputs.
            waiting += [(name, _slot(key) or slot, item) for key, item in value.items()]
        elif isinstance(value, (list, tuple)):
            waiting += [(name, slot, v) for v in value if isinstance(v, (dict, list, tuple))]


def _slot(key: Any) -> str | None:
    word = str(key).rpartition("_")[2]
    return word if word in _SLOTS else None


def _belongs(value: dict[str, Any], folders: tuple[str, ...]) -> bool:
    """Whether an object may stand in a slot; whatever is not built in is left to its maker."""
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
                raise UnsafeFileError(
                    explain(
                        f"Layer {name!r} in {what} names a file as its {key}, which loading would "
                        "read.",
                        file=repr(config[key][:80]),
                        fix="a saved model brings its vocabulary along; set another one with "
                        "set_vocabulary.",
                    )
                )
    for key in _PATTERN_KEYS:
        value = config.get(key)
        value = [value] if isinstance(value, str) else value
        for pattern in value if isinstance(value, list | dict) else ():
            _vet_pattern(name, key, pattern, what)
    if kind in ("__numpy__", "__tensor__"):
        dtype = config.get("dtype")
        if not isinstance(dtype, str) or dtype not in dtypes.ALLOWED - {"string"}:
            raise UnsafeFileError(
                explain(f"Layer {name!r} in {what} has an array that is not of numbers.",
                        dtype=repr(dtype)[:80])
            )  # fmt: skip


def _vet_pattern(name: str, key: str, pattern: Any, what: str) -> None:
    try:
        if not isinstance(pattern, str):
            raise TypeError(f"{pattern!r:.80} is no text.")
        patterns.require_linear(pattern)
    except UnsafeFileError:
        raise
    except (TypeError, ValueError) as error:
        raise UnsafeFileError(
            explain(
                f"{key} of {name!r} in {what} has a pattern that loading does not follow.",
                why=error,
                fix="save the model with simpler patterns: letters, ., [...], (...), |, *, +, ?.",
            )
        ) from None
