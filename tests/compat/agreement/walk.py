"""Hold what a program can tell of Cornu against Keras: parameters, classes, attributes, errors.

Each comparison yields `Found`s. Their keys say what differs and where; `differences.py` lists those
that are meant by patterns of such keys.

    absent: layers.Resizing                     a public name that Cornu has not
    parameters: losses.Hinge                    names, order, kinds and defaults of parameters
    class: metrics.MeanIoU                      base classes, names, what is a class at all
    member: Model.export                        a member that the class has not, or of another kind
    value: layers.Dense() .kernel               value, or its type; or reading it raises
    setting: Sequential() .loss                 an attribute that cannot be set as in Keras
    printed: History                            what `repr` says
    error: initializers.get(no such name)       the type of an exception, or that there is none

What Cornu has more than Keras is no difference: parameters with defaults after Keras's, attributes,
settings. `test_attribute_names.py` of the parity tests looks after those.
"""

import functools
import importlib
import inspect
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import keras
import numpy as np

import cornu

Parameter = inspect.Parameter


@dataclass(frozen=True)
class Found:
    """A difference: where, and what both libraries have there."""

    key: str
    theirs: str
    ours: str

    def __str__(self) -> str:
        return f"{self.key}\n    Keras: {self.theirs}\n    Cornu: {self.ours}"


# ---- the public names -------------------------------------------------------------------------


def _namespaces() -> list[str]:
    root = os.path.dirname(keras.__file__)
    found = []
    for folder, inner, files in os.walk(root):
        inner[:] = [n for n in inner if n not in ("src", "_tf_keras", "__pycache__", "_legacy")]
        if "__init__.py" in files:
            found.append(os.path.relpath(folder, root).replace(os.sep, ".").removeprefix("."))
    return sorted(found)


@functools.cache
def _names_of_keras() -> dict[str, tuple[Any, Any]]:
    """Path -> what it is in Keras and in Cornu, None where it is absent."""
    found: dict[str, tuple[Any, Any]] = {}
    for space in _namespaces():
        theirs = importlib.import_module(f"keras.{space}".rstrip("."))
        for name, value in sorted(vars(theirs).items()):
            if not name.startswith("_") and not inspect.ismodule(value):
                found[f"{space}.{name}".lstrip(".")] = value, _reach(space, name)
    return found


@functools.cache
def every_name() -> dict[str, tuple[Any, Any]]:
    """Path -> what it is in Keras and in Cornu, of all public names that both have."""
    return {path: pair for path, pair in _names_of_keras().items() if pair[1] is not None}


@functools.cache
def public() -> dict[str, tuple[Any, Any]]:
    """The same, with each thing under the first of its names alone."""
    first: dict[int, str] = {}
    for path, (theirs, _) in every_name().items():
        first.setdefault(id(theirs), path)
    return {path: every_name()[path] for path in first.values()}


def _reach(space: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(f"cornu.{space}".rstrip(".")), name)
    except (ImportError, AttributeError):
        return None


# ---- describing -------------------------------------------------------------------------------


def describe(value: Any) -> str:
    """A value by what a program can tell of it: plain ones literally, others by their class."""
    if isinstance(value, np.generic):
        return f"{type(value).__name__}" if not isinstance(value, float) else repr(float(value))
    if isinstance(value, (bool, int, float, str, bytes, type(None))):
        return repr(value)
    for kind in (list, tuple, dict):
        if isinstance(value, kind):
            items = value.items() if kind is dict else value
            shown = (f"{k!r}: {describe(v)}" for k, v in items) if kind is dict else (
                describe(v) for v in items
            )  # fmt: skip
            return f"{kind.__name__}({', '.join(shown)})"
    if isinstance(value, (np.ndarray, jax.Array)):
        kind_of_array = "numpy" if isinstance(value, np.ndarray) else "jax"
        return f"{kind_of_array} array {value.shape} {value.dtype}"
    if inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value):
        return getattr(value, "__name__", "a function").rpartition(".")[2]
    return type(value).__name__


def outcome(attempt: Callable[[], Any]) -> str:
    """The type of the exception of an attempt; "" if there is none."""
    try:
        attempt()
    except Exception as error:
        return type(error).__name__
    return ""


# ---- comparing --------------------------------------------------------------------------------


def parameters(place: str, theirs: Any, ours: Any) -> Iterator[Found]:
    """Whether every call that binds to Keras's parameters binds to ours in the same way."""
    try:
        given, taken = (list(inspect.signature(f).parameters.values()) for f in (theirs, ours))
    except (TypeError, ValueError):  # built in C
        return
    star, stars = (any(p.kind is kind for p in taken) for kind in _VARIADIC)
    names = [p.name for p in taken]
    agrees, expected = True, 0
    for parameter in given:
        if parameter.kind is Parameter.VAR_POSITIONAL:
            agrees &= star
        elif parameter.kind is Parameter.VAR_KEYWORD:
            agrees &= stars
        elif parameter.name not in names:
            agrees &= stars and (star or parameter.kind is Parameter.KEYWORD_ONLY)
        else:
            place_here = names.index(parameter.name)
            twin = taken[place_here]
            agrees &= twin.kind is parameter.kind and _default(twin) == _default(parameter)
            if parameter.kind is not Parameter.KEYWORD_ONLY:
                agrees &= place_here == expected
                expected += 1
    known = {p.name for p in given}
    further = [p for p in taken if p.name not in known]
    agrees &= all(p.default is not p.empty or p.kind in _VARIADIC for p in further)
    if not agrees:
        yield Found(f"parameters: {place}", _shown(given), _shown(taken))


_VARIADIC = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def _default(parameter: Parameter) -> str:
    return "" if parameter.default is parameter.empty else describe(parameter.default)


def _shown(parameters: list[Parameter]) -> str:
    return ", ".join(str(p.replace(annotation=p.empty)) for p in parameters)


def members(place: str, theirs: type, ours: type) -> Iterator[Found]:
    """The methods of a class, as far as the class itself defines them."""
    for name in sorted(n for n in dir(theirs) if not n.startswith("_")):
        if not hasattr(ours, name):
            yield Found(f"member: {place}.{name}", "there", "absent")
        elif name in vars(theirs) or name in vars(ours):
            one, other = getattr(theirs, name), getattr(ours, name)
            if callable(one) != callable(other):
                yield Found(f"member: {place}.{name}", describe(one), describe(other))
            elif inspect.isroutine(one):
                yield from parameters(f"{place}.{name}", one, other)


def absent() -> Iterator[Found]:
    """The public names that Cornu has not."""
    for path, (theirs, ours) in _names_of_keras().items():
        if ours is None and theirs is not None:
            yield Found(f"absent: {path}", "there", "absent")


def aliases() -> Iterator[Found]:
    """Whether several names mean one thing where they do in Keras."""
    first: dict[int, str] = {}
    for path, (theirs, ours) in every_name().items():
        name = first.setdefault(id(theirs), path)
        if ours is not every_name()[name][1] and not isinstance(theirs, (str, int, float)):
            yield Found(f"class: {path}", f"the same as {name}", "something else")


def kinship(place: str, theirs: Any, ours: Any) -> Iterator[Found]:
    """Name, whether it is a class, and of which public classes it is a subclass."""
    if inspect.isclass(theirs) != inspect.isclass(ours):
        yield Found(f"class: {place}", describe(theirs), describe(ours))
        return
    if getattr(theirs, "__name__", "") != getattr(ours, "__name__", ""):
        yield Found(f"class: {place} .__name__", theirs.__name__, ours.__name__)
    if not inspect.isclass(theirs):
        return
    for base in (dict, list, tuple, str, Exception):
        if issubclass(theirs, base) != issubclass(ours, base):
            yield Found(f"class: {place}", f"{issubclass(theirs, base)}", base.__name__)
    for other, (one, twin) in public().items():
        if inspect.isclass(one) and inspect.isclass(twin):
            expected, got = issubclass(theirs, one), issubclass(ours, twin)
            if expected != got:
                yield Found(f"class: {place} < {other}", str(expected), str(got))


def _attributes(obj: Any) -> list[str]:
    return sorted(n for n in dir(obj) if not n.startswith("_"))


def _read(obj: Any, name: str) -> tuple[Any, str]:
    try:
        return getattr(obj, name), ""
    except Exception as error:
        return None, type(error).__name__


def values(place: str, theirs: Any, ours: Any) -> Iterator[Found]:
    """The public attributes of an object of Keras, read from both."""
    for name in _attributes(theirs):
        (one, missing), (other, failed) = _read(theirs, name), _read(ours, name)
        if inspect.isroutine(one) and callable(other):
            continue
        expected, got = missing or describe(one), failed or describe(other)
        if expected != got:
            yield Found(f"value: {place} .{name}", expected, got)
    if " at 0x" not in repr(theirs) and repr(theirs) != repr(ours):
        yield Found(f"printed: {place}", repr(theirs), repr(ours))


def settings(place: str, theirs: Any, ours: Any) -> Iterator[Found]:
    """Whether what can be set in Keras, to what it is, can be set here."""
    for name in _attributes(theirs):
        (one, missing), (other, failed) = _read(theirs, name), _read(ours, name)
        if missing or failed or inspect.isroutine(one):
            continue
        if outcome(functools.partial(setattr, theirs, name, one)):
            continue
        refused = outcome(functools.partial(setattr, ours, name, other))
        if refused:
            yield Found(f"setting: {place} .{name}", "can be set", refused)


def mistake(place: str, theirs: Callable[[], Any], ours: Callable[[], Any]) -> Iterator[Found]:
    """The types of the exceptions of a mistake."""
    expected, got = outcome(theirs), outcome(ours)
    if expected != got:
        yield Found(f"error: {place}", expected or "none", got or "none")


LIBRARIES = (keras, cornu)
