"""Loops that are called again and again with the same functions, as programs that are kept.

jax compiles a loop once for each function object that it is given, and so do we, though such a
function may read Variables, whose values are then arguments of the program, and write them:

    scan(body, init, xs)    first time: traced as everything is
    scan(body, init, xs)    again: compiled and kept. body reads `scale` and writes `count`
                                program([scale, count], init, xs) -> out, [count], losses
    scan(body, init, xs)    from then on: the program, as long as `body` lives
                            and nothing that it reads has changed (`core/programs/reach.py`)

A call inside a trace, a frame or a layer is a part of something else, and is left alone.
"""

import types
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import jax

from cornu import settings
from cornu.core.context import local
from cornu.core.frame import AddedLoss, Frame, is_tracing
from cornu.core.programs.lift import pass_on
from cornu.core.programs.reach import Reach, UnboundedError
from cornu.core.variable import Variable
from cornu.kernels.platform import target

KEPT = 256  # programs; beyond it the one that was not used for longest is forgotten
CHANGES = 8  # a function whose surroundings have changed so often is not compiled again

Call = Callable[..., Any]

_kept: OrderedDict[Any, "_Kept"] = OrderedDict()


def forget() -> None:
    """Drop all programs: something that any function may read has changed."""
    _kept.clear()


def in_kept_program(
    call: Call, functions: Sequence[Call], constants: tuple[Any, ...], *arrays: Any
) -> Any:
    """`call(functions, constants, *arrays)`, by a program if the functions come again.

    Args:
        call: computes the result; a function of a module, which reads nothing else.
        functions: of the user.
        constants: further settings, which can be keys.
        *arrays: arrays, nested as `call` takes them.
    """
    if local.frame is not None or local.call is not None or is_tracing() or _is_special():
        return call(functions, constants, *arrays)
    now = settings.current
    key = (
        call,
        tuple([_identity(function) for function in functions]),
        tuple([(type(constant), constant) for constant in constants]),
        (target(), now.floatx, now.epsilon, now.image_data_format, now.flash_attention),
    )
    try:
        kept = _kept.get(key)
        if kept is None:
            _keep(key, functions)
        else:
            _kept.move_to_end(key)
    except (TypeError, KeyError):  # cannot be referred to weakly, or has died meanwhile
        kept = None
    if kept is None or not kept.is_ready(functions):
        return call(functions, constants, *arrays)
    return kept.run(call, functions, constants, arrays)


def _is_special() -> bool:
    """Whether a scope is open that changes what layers do."""
    scopes = (local.autocast, local.distribution, local.device, local.remat)
    return any(scope is not None for scope in scopes)


def _identity(function: Call) -> Any:
    if isinstance(function, types.MethodType):  # a new object each time it is asked for
        return id(function.__func__), id(function.__self__)
    return id(function)


def _keep(key: Any, functions: Sequence[Call]) -> None:
    def drop(_: Any) -> None:
        _kept.pop(key, None)

    _kept[key] = _Kept([_weak(function, drop) for function in functions])
    while len(_kept) > KEPT:
        _kept.popitem(last=False)


def _weak(function: Call, drop: Callable[[Any], None]) -> Any:
    if isinstance(function, types.MethodType):
        return weakref.WeakMethod(function, drop)
    return weakref.ref(function, drop)


class _Owner:
    """A weak reference that is equal to itself alone: Variables compare element by element."""

    __slots__ = ("_ref",)

    def __init__(self, owner: Any):
        self._ref = weakref.ref(owner)

    def __call__(self) -> Any:
        return self._ref()


@jax.tree_util.register_pytree_node_class
class _Owned:
    """A value and whose it is, a Variable's or that of the layer which added a loss."""

    __slots__ = ("owner", "value")

    def __init__(self, owner: _Owner, value: Any):
        self.owner, self.value = owner, value

    def tree_flatten(self) -> tuple[tuple[Any], _Owner]:
        return (self.value,), self.owner

    @classmethod
    def tree_unflatten(cls, owner: _Owner, children: tuple[Any]) -> "_Owned":
        return cls(owner, children[0])


class _FurtherReadsError(Exception):
    """A trace read variables that are no arguments of the program."""


class _Kept:
    """What is known of some functions, and their program."""

    def __init__(self, functions: list[Any]):
        self.functions = functions  # weak, so that they live no longer for it
        self.reach: Reach | None = None
        self.changes = 0
        self.program: Any = None  # with the variables whose values it takes
        self.reads: list[Variable] = []

    def is_ready(self, functions: Sequence[Call]) -> bool:
        """Whether a program may be used: nothing that the functions read has changed."""
        if self.changes > CHANGES:
            return False
        try:
            reach = Reach(*functions)
        except UnboundedError:
            self.changes = CHANGES + 1
            return False
        if self.reach is not None and self.reach != reach:
            self.changes += 1
            self.reach = self.program = None
            return False
        self.reach = reach
        return True

    def run(
        self, call: Call, functions: Sequence[Call], constants: tuple[Any, ...], arrays: Any
    ) -> Any:
        while True:
            program, reads = self.program or self._compiled(call, constants)
            try:
                out, written, losses = program([v._value for v in reads], arrays)
                break
            except _FurtherReadsError:
                self.program = None
        for variable in written:
            variable.owner().assign(variable.value)
        if losses:
            pass_on([AddedLoss(loss.owner(), loss.value) for loss in losses])
        return out

    def _compiled(self, call: Call, constants: tuple[Any, ...]) -> Any:
        reads, functions = list(self.reads), self.functions

        def run(values: list[Any], arrays: Any) -> Any:
            found: dict[int, Variable] = {}
            with Frame(reads, values, open_ended=True, reads=found) as frame:
                out = call([function() for function in functions], constants, *arrays)
            if found:
                self.reads += found.values()
                raise _FurtherReadsError
            before = {id(v): value for v, value in zip(reads, values, strict=True)}
            held = frame.held()
            written = [
                _Owned(_Owner(v), value)
                for v, value in zip(held, frame.values_of(held), strict=True)
                if value is not before.get(id(v))
            ]
            losses = [_Owned(_Owner(loss.owner), loss.value) for loss in frame.losses]
            return out, written, losses

        self.program = jax.jit(run), reads
        return self.program
