"""Functions that the caller provides where a file has code or a lambda.

A lambda has no name that a file could say, and code in a file is never run. So a file says where a
lambda was, and who loads it says what it computes, by the name of the layer or of the argument:

    model = Sequential([Input((4,)), Lambda(lambda x: 2 * x, name="double")])
    model.compile("adam", loss=lambda y, p: ...)
    model.save("m.keras")                                    warns: give 'double' and 'loss'
    load_model("m.keras", custom_objects={"double": lambda x: 2 * x, "loss": lambda y, p: ...})

    {"class_name": "function", "config": "<lambda>"}         what a file of ours says
    {"class_name": "__lambda__", "config": <code>}           what a file of Keras may say
"""

from collections.abc import Iterator
from typing import Any

from cornu.core.objects.registry import find_custom
from cornu.core.objects.serialize import LAMBDA, function_in_files
from cornu.core.objects.vetting import holds_containers
from cornu.errors import explain, value_error, warn
from cornu.types import Config


def with_own_functions(config: Config, custom_objects: dict[str, Any] | None) -> list[str]:
    """Put the caller's functions where a config has code or a lambda; changes the config.

    Args:
        config: JSON values.
        custom_objects: dict from the name of a layer or argument to a function.

    Returns:
        Notes for the report.
    """
    notes = []
    for names, holder, key in _places(config):
        name = next((n for n in names if callable(find_custom(n, custom_objects))), None)
        if name is None:
            continue
        was = "a lambda" if _is_lambda(holder[key]) else "the code in the file"
        holder[key] = function_in_files(name)
        if key == "function" and isinstance(holder, dict):
            _tidy(holder)
        notes.append(f"{names[0]}: the given function in place of {was}")
    return notes


def lambdas_in(config: Config) -> list[str]:
    """The names under which a reader gives the lambdas that a config had, in order."""
    places = _places(config)
    return list(dict.fromkeys(n[0] for n, holder, key in places if _is_lambda(holder[key])))


def warn_of_lambdas(config: Config) -> None:
    """Warn, when a model is saved, of the functions that must be given to load it."""
    names = lambdas_in(config)
    if names:
        given = ", ".join(f"{name!r}: ..." for name in names)
        warn(
            explain(
                f"The file has a place for {_counted(names)}, not the function itself.",
                fix=f"load it with custom_objects={{{given}}},\n"
                "or write each as a function with a name, registered by\n"
                "@keras.saving.register_keras_serializable()",
            )
        )


def require_functions(config: Config, what: str) -> None:
    """Refuse a config whose lambdas nobody has given.

    Raises:
        ValueError: a function is missing; the message gives its name.
    """
    names = lambdas_in(config)
    if names:
        given = ", ".join(f"{name!r}: ..." for name in names)
        raise value_error(
            f"{what} has a place for {_counted(names)}; a file does not hold the function.",
            fix=f"give the functions: custom_objects={{{given}}}"
            + (",\nor leave out the arguments of compile: compile=False" * ("loss" in given)),
        )


def _counted(names: list[str]) -> str:
    quoted = ", ".join(map(repr, names[:10]))
    return f"the lambda {quoted}" if len(names) == 1 else f"{len(names)} lambdas: {quoted}"


def _places(config: Config) -> Iterator[tuple[list[str], Any, Any]]:
    """Where a function stands without a name: names for it, the container, and its key there."""
    waiting: list[tuple[str | None, str | None, Any]] = [(None, None, config)]
    while waiting:
        owner, slot, value = waiting.pop()
        if isinstance(value, dict):
            inner = value.get("config")
            if "class_name" in value and isinstance(inner, dict):
                name = inner.get("name")
                owner = name if isinstance(name, str) else owner
                if value["class_name"] == "Lambda" and _is_old_code(inner):
                    yield [str(owner), f"{owner}.function"], inner, "function"
            items: Any = reversed(value.items())
        elif isinstance(value, list) and holds_containers(value):
            items = reversed(list(enumerate(value)))
        else:
            continue
        for key, item in items:
            if not isinstance(item, (dict, list)):
                continue
            inside = None if key == "compile_config" else owner
            place = _place(slot, key, is_item=isinstance(value, list))
            if _is_lambda(item) or _is_code(item):
                yield _names(inside, place), value, key
            else:
                waiting.append((inside, place, item))


def _place(slot: str | None, key: Any, is_item: bool) -> str | None:
    """The words by which an argument is named: `kernel_initializer`, `metrics.0`, `loss.out`."""
    if key in ("config", "layers", "compile_config", "fn"):
        return slot if key in ("config", "fn") else None
    if is_item or (slot or "").split(".")[0] in ("loss", "metrics", "weighted_metrics"):
        return f"{slot}.{key}" if slot else None
    return str(key)


def _names(owner: str | None, place: str | None) -> list[str]:
    """Names for a function, the usual one first: a Lambda layer has but one, and so has a loss."""
    if owner is None:
        return [place or "function"]
    if place == "function":
        return [owner, f"{owner}.function"]
    return [f"{owner}.{place}", owner]


def _tidy(inner: dict[str, Any]) -> None:
    """Leave out what else belonged to the code of a Lambda layer."""
    for key in ("function_type", "module"):
        inner.pop(key, None)
    shape, kind = inner.get("output_shape"), inner.pop("output_shape_type", None)
    if kind == "lambda" or _is_code(shape):
        inner["output_shape"] = None  # the function is traced to find it


def _is_lambda(value: object) -> bool:
    return isinstance(value, dict) and (value.get("class_name"), value.get("config")) == (
        "function",
        LAMBDA,
    )


def _is_code(value: object) -> bool:
    return isinstance(value, dict) and value.get("class_name") == "__lambda__"


def _is_old_code(inner: dict[str, Any]) -> bool:
    """Whether a Lambda layer holds code as Keras 2 writes it."""
    return inner.get("function_type") == "lambda" or isinstance(inner.get("function"), list)
