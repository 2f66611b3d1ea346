"""What a function of the user reads besides its arguments, so that a change of it is noticed.

    scale = 2.0
    def body(carry, x):
        return carry + scale * x      Reach(body): 2.0
    scale = 3.0                       Reach(body): 3.0, so not equal

Looked at are the variables of enclosing functions, the globals that the code names, defaults, the
object of a method, and what these hold in turn: attributes, items of containers, other functions of
the user. The libraries themselves are not looked into, nor are the values of Variables, which are
arguments of every program.
"""

import functools
import sys
import types
import weakref
from typing import Any

import jax
import numpy as np

from cornu.core.variable import Variable

MOST = 2000  # things looked at; a function that reaches more is not followed
LARGEST = 2**20  # bytes of arrays, which a compiled program would hold a second time

_PLAIN = (type(None), bool, int, float, complex, str, bytes, np.generic, np.dtype)
_LIBRARIES = frozenset((*sys.stdlib_module_names, "jax", "jaxlib", "numpy", "cornu", "keras")) - {
    "__main__"
}


class UnboundedError(Exception):
    """A function reaches too much, or something that can change without a trace."""


class Reach:
    """What a function reaches at a moment; equal to another if nothing has changed in between.

    Things are held weakly where that is possible, and compared by identity.

    Raises:
        UnboundedError: it reaches too much to be looked at.

    Example:

        >>> factors = [2.0]
        >>> body = functools.partial(map, factors)
        >>> before = Reach(body)
        >>> before == Reach(body)
        True
        >>> factors[0] = 3.0
        >>> before == Reach(body)
        False
    """

    __slots__ = ("_bytes", "_held", "_marks", "_seen")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, *functions: Any):
        self._marks: list[Any] = []
        self._held: list[Any] = []
        self._seen: dict[int, Any] = {}  # alive as long as their ids are in use here
        self._bytes = 0
        for function in functions:
            self._visit(function, frozenset())
        self._seen.clear()

    def __eq__(self, other: object) -> bool:
        # An id says which thing it is as long as that thing lives.
        return (
            isinstance(other, Reach)
            and self._marks == other._marks
            and all(held() is not None for held in self._held if type(held) is weakref.ref)
        )

    def _visit(self, x: Any, names: frozenset[str]) -> None:
        if isinstance(x, _PLAIN):
            self._mark(type(x), repr(x) if isinstance(x, (float, complex, np.generic)) else x)
            return
        if isinstance(x, (list, tuple, dict, set, frozenset)):
            self._mark(type(x), len(x))
            if self._is_new(x):
                for item in x:
                    self._visit(item, names)
                    if isinstance(x, dict):
                        self._visit(x[item], names)
            return
        if isinstance(x, types.MethodType):  # a new object each time it is asked for
            self._visit(x.__func__, names)
            self._visit(x.__self__, names | _names(x.__func__))
            return
        self._mark(None, id(x))
        if not self._is_new(x):
            return
        try:
            self._held.append(weakref.ref(x))
        except TypeError:
            self._held.append(x)
        self._look_into(x, names)

    def _look_into(self, x: Any, names: frozenset[str]) -> None:
        if isinstance(x, types.FunctionType):
            if not _is_of_a_library(x.__module__):
                self._look_into_function(x)
        elif isinstance(x, jax.Array):
            self._count(x.nbytes)
        elif isinstance(x, np.ndarray):
            self._count(x.nbytes)
            self._mark(x.shape, x.tobytes())
        elif isinstance(x, types.ModuleType):
            if not _is_of_a_library(x.__name__):
                self._look_up(vars(x), names)
        elif isinstance(x, type):
            if not _is_of_a_library(x.__module__):
                self._look_up(vars(x), names)
        elif isinstance(x, functools.partial):
            for part in (x.func, x.args, x.keywords):
                self._visit(part, names)
        elif isinstance(x, Variable):
            self._mark(x.trainable, x.autocast)
        else:
            self._look_into_object(x, names)

    def _look_into_object(self, x: Any, names: frozenset[str]) -> None:
        if hasattr(x, "__wrapped__"):  # of jax.jit, functools.lru_cache and the like
            self._visit(x.__wrapped__, names)
        if hasattr(x, "__dict__"):
            self._visit(vars(x), names)
        for cls in type(x).__mro__:
            slots = vars(cls).get("__slots__", ())
            for slot in (slots,) if isinstance(slots, str) else slots:
                if slot not in ("__dict__", "__weakref__") and hasattr(x, slot):
                    self._visit(getattr(x, slot), names)
        self._visit(type(x), names)

    def _look_into_function(self, function: Any) -> None:
        names = _names(function)
        self._visit(function.__defaults__, names)
        self._visit(function.__kwdefaults__, names)
        for cell in function.__closure__ or ():
            try:
                self._visit(cell.cell_contents, names)
            except ValueError:  # not filled yet
                self._mark(None, None)
        self._look_up(function.__globals__, names)

    def _look_up(self, place: Any, names: frozenset[str]) -> None:
        for name in sorted(names.intersection(place)):
            self._visit(place[name], names)

    def _mark(self, kind: Any, value: Any) -> None:
        if len(self._marks) > MOST:
            raise UnboundedError
        self._marks.append((kind, value))

    def _is_new(self, x: Any) -> bool:
        if id(x) in self._seen:
            return False
        self._seen[id(x)] = x
        return True

    def _count(self, nbytes: int) -> None:
        self._bytes += nbytes
        if self._bytes > LARGEST:
            raise UnboundedError


def _names(function: Any) -> frozenset[str]:
    """The names of globals and attributes in a function's code and in the functions within it."""
    code = getattr(function, "__code__", None)
    return frozenset() if code is None else _names_in(code)


def _names_in(code: types.CodeType) -> frozenset[str]:
    inside = (_names_in(c) for c in code.co_consts if isinstance(c, types.CodeType))
    return frozenset(code.co_names).union(*inside)


def _is_of_a_library(module: str | None) -> bool:
    return module is not None and module.split(".")[0] in _LIBRARIES
