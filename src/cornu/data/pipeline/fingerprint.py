"""The fingerprint of a pipeline: a text that changes when what it makes would.

    arrays        their bytes
    a source      its own `fingerprint()`, or its class and length
    functions     their code, constants, defaults and what they refer to, layers by their config
    the rest      its settings

So a cache on disk notices another folder, another function, another seed.
"""

import hashlib
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cornu.data.pipeline.stage import Stage
from cornu.types import Data


def fingerprint(stage: Stage) -> str:
    """The fingerprint of the elements of a stage, as 32 hexadecimal digits.

    Example:

        >>> from cornu.data import Dataset
        >>> a, b = Dataset.range(3), Dataset.range(3).map(lambda n: n + 1)
        >>> fingerprint(a.stage) == fingerprint(b.stage)
        False
    """
    digest = hashlib.blake2b(digest_size=16)
    stages = stage.all_stages()
    numbers = {id(s): number for number, s in enumerate(stages)}
    for each in stages:
        _add(digest, type(each).__qualname__, {})
        _add(digest, [numbers[id(s)] for s in each.inputs], {})
        _add(digest, each.settings(), {})
    return digest.hexdigest()


def _add(digest: hashlib.blake2b, value: Data, seen: dict[int, Any]) -> None:
    """Add a value to a digest; what cannot be told apart counts by its type."""
    digest.update(type(value).__qualname__.encode() + b":")
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        digest.update(repr(value).encode())
        return
    if id(value) in seen:
        return
    seen[id(value)] = value  # kept, so that nothing else gets its id
    if isinstance(value, np.ndarray | np.generic):
        array = np.ascontiguousarray(value)
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        if array.dtype.kind in "OT":
            _add(digest, array.tolist(), seen)
        else:
            digest.update(array.reshape(-1).view("uint8").data)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _add(digest, key, seen)
            _add(digest, item, seen)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in sorted(value, key=repr) if isinstance(value, set | frozenset) else value:
            _add(digest, item, seen)
    elif isinstance(value, types.CodeType):
        for part in (value.co_code, value.co_consts, value.co_names):
            _add(digest, part, seen)
    elif isinstance(value, types.ModuleType):
        digest.update(value.__name__.encode())
    elif hasattr(value, "fingerprint"):
        digest.update(str(value.fingerprint()).encode())
    elif callable(value) and hasattr(value, "__code__"):
        _add_function(digest, value, seen)
    elif hasattr(value, "get_config"):
        _add(digest, value.get_config(), seen)
        if hasattr(value, "get_weights"):
            _add(digest, value.get_weights(), seen)
    elif hasattr(value, "func") and hasattr(value, "keywords"):  # a partial
        _add(digest, [value.func, value.args, value.keywords], seen)
    elif hasattr(value, "__func__"):  # a method
        _add(digest, [value.__func__, value.__self__], seen)
    elif hasattr(value, "__array__"):
        _add(digest, np.asarray(value), seen)
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        _add(digest, vars(value), seen)
        _add(digest, vars(type(value)).get("__call__"), seen)


def _add_function(
    digest: hashlib.blake2b, function: Callable[..., Any], seen: dict[int, Any]
) -> None:
    code = function.__code__
    _add(digest, code, seen)
    _add(digest, getattr(function, "__defaults__", None), seen)
    for cell in getattr(function, "__closure__", None) or ():
        try:
            _add(digest, cell.cell_contents, seen)
        except ValueError:  # not filled yet
            continue
    names = getattr(function, "__globals__", {})
    for name in code.co_names:
        if name in names:
            _add(digest, names[name], seen)
