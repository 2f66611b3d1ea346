"""Functions of the caller in place of code in a file.

A Lambda layer may come with the code of a Python lambda, which is never run. Who knows what it
computes can say so, by the name of the layer:

    load_model(path, custom_objects={"double": lambda x: 2 * x})

    {"class_name": "Lambda", "config": {"name": "double", "function": <code>}}
                                                          |
                                 the name "double", which is the caller's function
"""

from typing import Any

from cornu.core.registry import find_custom
from cornu.core.serialize import function_in_files


def with_own_functions(config: Any, custom_objects: dict[str, Any] | None) -> list[str]:
    """Put the caller's functions into Lambda layers that bring code; changes the config.

    Args:
        config: JSON values.
        custom_objects: name of a layer -> function.

    Returns:
        What was done, for the report.
    """
    notes = []
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
            inner = value.get("config")
            if value.get("class_name") == "Lambda" and isinstance(inner, dict):
                notes += _replaced(inner, custom_objects)
        elif isinstance(value, list):
            waiting += value
    return notes


def _replaced(inner: dict[str, Any], custom_objects: dict[str, Any] | None) -> list[str]:
    name = inner.get("name")
    own = isinstance(name, str) and callable(find_custom(name, custom_objects))
    if not own or not _is_code(inner.get("function"), inner.get("function_type")):
        return []
    for key in ("function_type", "module"):
        inner.pop(key, None)
    inner["function"] = function_in_files(str(name))
    shape, kind = inner.get("output_shape"), inner.pop("output_shape_type", None)
    if kind == "lambda" or (isinstance(shape, dict) and _is_code(shape, kind)):
        inner["output_shape"] = None  # the function is traced to find it
    return [f"Lambda '{name}': the given function in place of the code in the file"]


def _is_code(value: Any, kind: Any) -> bool:
    """Whether a setting holds code: as Keras 3 writes it, or Keras 2 with its kind beside it."""
    if isinstance(value, dict):
        return value.get("class_name") == "__lambda__"
    return kind == "lambda" or isinstance(value, list)
