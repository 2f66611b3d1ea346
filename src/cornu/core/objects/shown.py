"""Reprs of objects: the call that makes them, without arguments that have their defaults.

Adam(learning_rate=0.001)    Huber(delta=2.0)    EarlyStopping(monitor='val_loss', patience=3)
"""

import inspect
from typing import Any

from cornu.core.variable import Variable

_LONGEST = 80  # characters of one value


def as_call(obj: Any, always: tuple[str, ...] = (), **values: Any) -> str:
    """The constructor call that makes an object, with the arguments that are not their defaults.

    Args:
        obj: object that stores arguments as attributes of their names; others are not shown.
        always: arguments that are shown even with their defaults.
        **values: values of arguments that the object stores elsewhere.

    Example:

        >>> class Box:
        ...     def __init__(self, size, color="red", name=None):
        ...         self.size, self.color, self.name = size, color, "box_3"
        >>> print(as_call(Box(3)), as_call(Box(3, "blue")))
        Box(size=3) Box(size=3, color='blue')
    """
    shown = []
    given = {*values, *_given(obj)}
    for parameter in inspect.signature(type(obj)).parameters.values():
        name, usual = parameter.name, parameter.default
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if usual is None and name not in given:
            continue  # a number, a seed or a dtype that the constructor chose
        try:
            value = values[name] if name in values else getattr(obj, name)
            is_usual = usual is not parameter.empty and bool(value == usual)
        except Exception:
            continue  # not stored, a property that raises, or an array
        if inspect.ismethod(value):
            continue
        if not is_usual or name in always:
            shown.append(f"{name}={_short(value)}")
    return f"{type(obj).__name__}({', '.join(shown)})"


def _given(obj: Any) -> list[str]:
    """The names of the arguments that the constructor was called with, where that is known."""
    args, kwargs = getattr(obj, "_arguments", ((), {}))
    names = list(inspect.signature(type(obj)).parameters)
    return [*names[: len(args)], *kwargs]


def _short(value: Any) -> str:
    if isinstance(value, Variable):
        try:
            return f"{float(value.numpy()):.6g}"
        except Exception:
            return "..."  # a tracer has no value
    if inspect.isroutine(value) or inspect.isclass(value):
        return getattr(value, "__name__", "...")
    text = repr(value)
    return text if len(text) <= _LONGEST and "\n" not in text else "..."
