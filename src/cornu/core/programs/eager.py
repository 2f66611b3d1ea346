"""An op as one compiled program when it is called on arrays.

An op of many steps costs one dispatch a step when it is called on arrays, and a trace of every
kernel that jax has to look at again. `in_one_program` compiles the whole op instead, once for each
combination of settings, and keeps the program:

    conv(x, kernel, strides=2)
         |  |       `---------- a setting  -> part of the key
         `--`------------------ arrays     -> arguments of the program
    (conv, strides=2, machine, floatx, ...) --> jit(conv), compiled once for each shape

It steps aside, and the op runs as it is written, where anything else is given: a tracer (the op is
a part of another program), a nested list of numbers (its values would become part of the key), or a
setting that cannot be a key.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from cornu import settings
from cornu.core.frame import is_tracer
from cornu.core.host import from_host
from cornu.core.variable import Variable
from cornu.kernels.platform import target

KEPT = 4096  # programs; beyond it the one that was not used for longest is forgotten

_ARRAY = object()  # stands in a key where the program takes an array
_ARRAYS = (jax.Array, np.ndarray, Variable)


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
        try:
            if len(args) > len(order):
                raise _NoKeyError
            key = tuple(map(_entry, args, is_tensor, [arrays] * len(args)))
            for name, value in kwargs.items():
                key = (*key, name, _entry(value, name in tensors, arrays))
            now = settings.current
            program = _program(
                fn, target(), now.floatx, now.epsilon, now.image_data_format, len(args), *key
            )
        except (_NoKeyError, TypeError):  # a TypeError: a setting without a hash
            return fn(*args, **kwargs)
        return program(*arrays)

    return call


def _entry(value: Any, tensor: bool, arrays: list[Any]) -> Any:
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
        return tuple([_entry(v, tensor, arrays) for v in value])
    return value


@functools.lru_cache(maxsize=KEPT, typed=True)
def _program(
    fn: Callable[..., Any], machine: str, floatx: str, epsilon: float, images: str, count: int,
    *key: Any,
) -> Callable[..., Any]:  # fmt: skip
    """`fn` with the settings of a key, as a compiled function of the arrays."""
    positional, names, values = key[:count], key[count::2], key[count + 1 :: 2]

    def run(*arrays: Any) -> Any:
        feed = iter(arrays)

        def filled(entry: Any) -> Any:
            if entry is _ARRAY:
                return next(feed)
            return tuple(map(filled, entry)) if type(entry) is tuple else entry

        given = [filled(entry) for entry in positional]
        named = {name: filled(value) for name, value in zip(names, values, strict=True)}
        return fn(*given, **named)

    return jax.jit(run, inline=True)
