"""The closed table of classes and functions that files may name.

    ("keras.layers", "Dense") -> Dense          of the library, entered when the class is defined
    "my_package>Block"        -> Block          of users, by decorator, scope or argument

No string from a file is ever imported: a name that is not in the table is refused, with similar
names and the way to register it.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from cornu.context import local
from cornu.errors import did_you_mean, explain, value_error

# (package in which Keras lists a built-in, class name) -> class
_builtins: dict[tuple[str, str], Any] = {}
_by_name: dict[str, type] = {}  # class name -> first class of that name in any package
_names: dict[Any, tuple[str, str, str | None]] = {}
_functions: dict[str, Callable[..., Any]] = {}

# Objects of users, for the whole process: "package>Name" -> object.
_custom: dict[str, Any] = {}
_custom_names: dict[Any, str] = {}

# Classes that Keras does not list in the package of their folder: (module, registered_name).
_EXCEPTIONS: dict[str, tuple[str, str | None]] = {
    "Sequential": ("keras", None),
    "Functional": ("keras.src.models.functional", "Functional"),
    "Model": ("keras", None),
    "DTypePolicy": ("keras", None),
    "Variable": ("keras", None),
    "FeatureSpace": ("keras.utils", None),
    "Feature": ("keras.src.layers.preprocessing.feature_space", "Feature"),
    "Cross": ("keras.src.layers.preprocessing.feature_space", "Cross"),
    "TFDIdentity": ("keras.src.layers.preprocessing.feature_space", "TFDIdentity"),
    "TFDConcat": ("keras.src.layers.preprocessing.feature_space", "TFDConcat"),
}

# Packages whose classes are not in files.
_INTERNAL = ("core", "train", "ops")

# Names of the library in older files.
_OLD_PREFIXES = ("keras_core", "tensorflow.keras", "tensorflow.python.keras", "tf_keras", "cornu")


def _is_plain(cls: Any) -> bool:
    """Whether files may name the class; internal classes are not in files."""
    return cls.__module__.split(".")[1] not in _INTERNAL and "_class_in_files" not in vars(cls)


def register_builtin(
    cls: Any, module: str | None = None, registered_name: str | None = None
) -> None:
    """Enter a class of the library under the name that it has in files of Keras."""
    # A class whose name in files is not its public name says it.
    name = vars(cls).get("_name_in_files", cls.__name__)
    if module is None and not _is_plain(cls):
        return
    if module is None:
        if name in _EXCEPTIONS:
            module, registered_name = _EXCEPTIONS[name]
        else:
            parts = cls.__module__.split(".")
            module = f"keras.{parts[1]}"
            if parts[-1] == "schedules":
                module += ".schedules"
    _builtins[module, name] = cls
    _builtins[module, cls.__name__] = cls  # what legacy files say
    for known in (name, cls.__name__):
        _by_name.setdefault(known, cls)
    _names[cls] = (module, name, registered_name)


def is_builtin(obj: Any) -> bool:
    """Whether a class or function belongs to the library."""
    return str(getattr(obj, "__module__", "")).startswith("cornu.")


def builtin_name(cls: type) -> tuple[str, str, str | None] | None:
    """`(module, class_name, registered_name)` of a built-in class, None for another."""
    return _names.get(cls)


def is_keras(module: str) -> bool:
    """Whether a module is of Keras, by one of the names that it has had."""
    return any(module == p or module.startswith(f"{p}.") for p in ("keras", *_OLD_PREFIXES))


def find_builtin(module: str, name: str) -> Any:
    """The built-in class that a file of this or an older version names; None if there is none."""
    for prefix in _OLD_PREFIXES:
        if module == prefix or module.startswith(prefix + "."):
            module = "keras" + module[len(prefix) :]
    found = _builtins.get((module, name))
    if found is not None:
        return found
    if module.startswith(("keras.src.", "keras.engine", "keras.layers", "keras.models")):
        # Private modules moved between versions, so the class name alone decides.
        return _by_name.get(name)
    return None


def builtin_classes(module: str) -> dict[str, Any]:
    """The built-in classes of one package, by name."""
    return {name: cls for (package, name), cls in _builtins.items() if package == module}


def register_functions(table: Mapping[str, Callable[..., Any]]) -> None:
    """Let files name these functions of the library."""
    for name, function in table.items():
        _functions.setdefault(name, function)


def builtin_functions() -> Mapping[str, Callable[..., Any]]:
    """The functions that files may name without registration, by name."""
    return _functions


# ---- classes and functions of users -----------------------------------------------------------


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[Any], Any]:
    """Decorator that registers a class or function, so that files may name it.

    Args:
        package: first part of the registered name, `package>name`.
        name: second part; the name of the class or function if None.

    Example:

        >>> @register_keras_serializable("my_lab")
        ... def swish5(x):
        ...     return x
        >>> get_registered_name(swish5)
        'my_lab>swish5'
    """

    def decorator(obj: Any) -> Any:
        full = f"{package}>{name or obj.__name__}"
        if inspect.isclass(obj) and not hasattr(obj, "get_config"):
            raise value_error(
                f"{obj.__name__} has no `get_config`, so it cannot be saved.",
                fix="def get_config(self): return {...the constructor's arguments...}",
            )
        _custom[full] = obj
        _custom_names[obj] = full
        return obj

    return decorator


def get_registered_name(obj: Any) -> str:
    """`package>name` of a registered object; the name of any other."""
    return _custom_names.get(obj) or str(getattr(obj, "__name__", obj))


def get_registered_object(
    name: str, custom_objects: dict[str, Any] | None = None, module_objects: Any = None
) -> Any:
    """The object with a registered name; None if there is none.

    Args:
        name: `package>name`, or the name alone.
        custom_objects: names to use besides the registered ones.
        module_objects: names to use where none of these matches.
    """
    return find_custom(name, custom_objects) or (module_objects or {}).get(name)


def get_custom_objects() -> dict[str, Any]:
    """The dict of registered objects, which may be changed."""
    return _custom


class CustomObjectScope:
    """Names that loading may use in a `with` block.

    Args:
        custom_objects: name -> class or function.

    Example:

        >>> class Twice: ...
        >>> with CustomObjectScope({"Twice": Twice}):
        ...     find_custom("Twice").__name__
        'Twice'
    """

    def __init__(self, custom_objects: dict[str, Any]):
        self.custom_objects = dict(custom_objects or {})

    def __enter__(self) -> "CustomObjectScope":
        self._outer = local.custom_objects
        local.custom_objects = {**self._outer, **self.custom_objects}
        return self

    def __exit__(self, *error: object) -> None:
        local.custom_objects = self._outer


custom_object_scope = CustomObjectScope


def find_custom(name: str | None, custom_objects: dict[str, Any] | None = None) -> Any:
    """The object of a user with that name: in the argument, the scopes, or registered."""
    if not name:
        return None
    tables = [custom_objects or {}, local.custom_objects, _custom]
    for table in tables:
        for spelling in (name, name.split(">")[-1], f"Custom>{name}"):
            if spelling in table:
                return table[spelling]
    return None


def find_custom_function(name: str) -> Any:
    """The function of a user with that name. Without a package, as in files of Keras 3.6 and older,
    the only function of that name in any package."""
    found = find_custom(name)
    if found is None and ">" not in name:
        alike = [f for full, f in _custom.items() if full.rpartition(">")[2] == name]
        plain = [f for f in alike if not inspect.isclass(f)]
        found = plain[0] if len(plain) == 1 else None
    return found


def unknown(kind: str, name: Any, known: Any) -> str:
    """The message about a name that is not registered."""
    return explain(
        f"No {kind} is known by the name {name!r}.",
        fix=(f"{did_you_mean(name, known)}\n" if known else "")
        + "If it is your own, register it before loading:\n"
        + how_to_register([name]),
    )


def how_to_register(registered_names: list[Any]) -> str:
    """The code that registers names, and the argument that gives them without.

    Example:

        >>> print(how_to_register(["lab>Block", "swish5"]))
        @keras.saving.register_keras_serializable("lab")  # Block
        @keras.saving.register_keras_serializable()  # swish5
        or pass custom_objects={'Block': ..., 'swish5': ...}
    """
    lines, short = [], []
    for registered in map(str, registered_names):
        package, _, name = registered.rpartition(">")
        argument = f'"{package}"' if package and package != "Custom" else ""
        comment = f"  # {name}" if len(registered_names) > 1 else ""
        lines.append(f"@keras.saving.register_keras_serializable({argument}){comment}")
        short.append(name)
    given = ", ".join(f"{name!r}: ..." for name in short)
    return "\n".join([*lines, f"or pass custom_objects={{{given}}}"])
