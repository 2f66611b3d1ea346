"""An op as one compiled program when it is called on arrays.

An op of several primitives costs one dispatch per primitive when it is called on arrays, and a
trace of every kernel. `in_one_program` compiles the whole op instead, once per combination of
arguments that are no arrays, and keeps the program:

    conv(x, kernel, strides=2)
         |  |       `---------- a setting  -> part of the key
         `--`------------------ arrays     -> arguments of the program
    (conv, strides=2, settings.key()) --> jit(conv), compiled once per shape

The op runs as it is written where anything else is given: a tracer (the op is a part of another
program), a nested list of numbers (its values would become part of the key), or a setting without a
hash.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from cornu.core.frame import is_tracer
from cornu.core.host import from_host
from cornu.core.programs.cache import Cache
from cornu.core.variable import Variable

_ARRAY = object()  # stands in a key where the program takes an array
_ARRAYS = (jax.Array, np.ndarray, Variable)

_programs: Cache[Callable[..., Any]] = Cache(limit=4096)


class _NoKeyError(Exception):
    """The arguments of a call do not make a key."""


def in_one_program(fn: Callable[..., Any], tensors: Sequence[str]) -> Callable[..., Any]:
    """A function that computes what `fn` does, compiled where that is possible.

    Args:
        fn: traceable function of arrays and settings.
        tensors: names of its parameters that are arrays, or lists of arrays.

    Example:

        >>> import jax.numpy as jnp
        >>> twice = in_one_program(lambda x, n=2: x * n, ["x"])
        >>> twice(jnp.arange(3), n=3).tolist()
        [0, 3, 6]
    """
    order = [p.name for p in inspect.signature(fn).parameters.values()]
    is_tensor = tuple(name in tensors for name in order)

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        arrays: list[Any] = []
        types: list[type] = []  # of settings: 2 is equal to 2.0
        try:
            if len(args) > len(order):
                raise _NoKeyError
            given = tuple([_entry(x, is_tensor[i], arrays, types) for i, x in enumerate(args)])
            named = tuple([(k, _entry(x, k in tensors, arrays, types)) for k, x in kwargs.items()])
            key = (fn, given, named, tuple(types))
            program = _programs.get(key, lambda: _program(fn, given, named))
        except (_NoKeyError, TypeError):  # a TypeError: a setting without a hash
            return fn(*args, **kwargs)
        return program(*arrays)

    return call


def _entry(value: Any, tensor: bool, arrays: list[Any], types: list[type]) -> Any:
    """What an argument adds to the key; arrays are put aside for the program."""
    if isinstance(value, _ARRAYS):
        if isinstance(value, Variable):
            value = value.value
        if isinstance(value, np.ndarray):
            value = from_host(value)
        elif is_tracer(value):
            raise _NoKeyError
        arrays.append(value)
        return _ARRAY
    if isinstance(value, (list, tuple)):
        if tensor and not all(isinstance(v, _ARRAYS) for v in value):
            raise _NoKeyError
        return tuple([_entry(v, tensor, arrays, types) for v in value])
    types.append(type(value))
    return value


def _program(
    fn: Callable[..., Any], given: tuple[Any, ...], named: tuple[tuple[str, Any], ...]
) -> Callable[..., Any]:
    """`fn` with the settings of a key, as a compiled function of the arrays."""

    def run(*arrays: Any) -> Any:
        feed = iter(arrays)

        def filled(entry: Any) -> Any:
            if entry is _ARRAY:
                return next(feed)
            return tuple(map(filled, entry)) if type(entry) is tuple else entry

        places = [filled(entry) for entry in given]  # Python would expand a map after the names
        return fn(*places, **{name: filled(entry) for name, entry in named})

    return jax.jit(run, inline=True)
