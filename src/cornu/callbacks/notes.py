"""Nested Python values as a list of arrays, and back: how non-arrays get into a backup.

    {"wait": 2, "best": array}  --pack-->  [ JSON text as bytes, array ]   --unpack-->  the same

A number, a text, None, True and False are themselves in the text; everything else is a dict with
one key that says what it is. Nothing but these kinds is read back, and no code is run.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from cornu.archive.safeh5 import fits
from cornu.archive.safejson import parse
from cornu.errors import type_error, value_error
from cornu.numeric import is_float

LARGEST_COUNT = 10**12  # epochs, batches, bytes of a log: no training has more
_KEYS = (str, int, float, bool, bytes, type(None))


def pack(value: object) -> list[np.ndarray]:
    """Encode a value as arrays: JSON in bytes, then the arrays that it refers to.

    Args:
        value: None, numbers, texts, bytes, arrays, and dicts, lists and tuples of them.

    Raises:
        TypeError: the value holds something else.

    Example:

        >>> unpack(pack({"best": 0.5, "weights": [np.ones(2)], 3: (None, b"x")}))
        {'best': 0.5, 'weights': [array([1., 1.])], 3: (None, b'x')}
    """
    arrays: list[np.ndarray] = []
    text = json.dumps(_encode(value, arrays))
    return [np.frombuffer(text.encode(), np.uint8), *arrays]


def unpack(packed: Sequence[np.ndarray], what: str = "the notes") -> Any:
    """The value that `pack` was given.

    Args:
        packed: result of `pack`, or whatever an untrusted file has in its place.
        what: name of the value in messages.

    Raises:
        ValueError: `packed` is not a result of `pack`.
        UnsafeFileError: it is larger or deeper than a backup can be.
    """
    if not packed or packed[0].dtype != np.uint8 or packed[0].ndim != 1:
        raise value_error(f"{what} do not begin with a text.")
    text, *arrays = packed
    return _decode(parse(text.tobytes(), what=what), arrays, what)


def _encode(value: object, arrays: list[np.ndarray]) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return _encode(value.item(), arrays)
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {"dict": [[_encode(k, arrays), _encode(v, arrays)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_encode(v, arrays) for v in value]}
    if hasattr(value, "__array__"):
        arrays.append(np.asarray(value))
        return {"array": len(arrays) - 1}
    raise type_error(
        f"A backup cannot hold a {type(value).__name__}.",
        holds="numbers, texts, bytes, arrays, and dicts, lists and tuples of them",
    )


def _decode(entry: object, arrays: Sequence[np.ndarray], what: str) -> Any:
    if isinstance(entry, list):
        raise value_error(f"{what} hold a list that is not named as one.")
    if not isinstance(entry, dict):
        return entry
    kind: Any
    content: Any
    kind, content = next(iter(entry.items())) if len(entry) == 1 else ("", None)
    if kind == "bytes" and isinstance(content, str):
        with suppress(ValueError):
            return base64.b64decode(content, validate=True)
    if kind == "array" and type(content) is int and 0 <= content < len(arrays):
        return arrays[content]
    if kind == "dict" and _are_pairs(content):
        decoded = [(_decode(k, arrays, what), _decode(v, arrays, what)) for k, v in content]
        if all(isinstance(key, _KEYS) for key, _ in decoded):
            return dict(decoded)
    if kind in ("list", "tuple") and isinstance(content, list):
        values = [_decode(v, arrays, what) for v in content]
        return tuple(values) if kind == "tuple" else values
    raise value_error(f"{what} hold something that no backup has.", found=f"{entry!r:.80}")


def _are_pairs(content: object) -> bool:
    return isinstance(content, list) and all(isinstance(p, list) and len(p) == 2 for p in content)


# ---- what is expected -------------------------------------------------------------------------

Kind = Callable[[Any], bool]


def is_count(value: object) -> bool:
    """Whether a value is a number of things: whole, not negative, and not beyond reason."""
    return type(value) is int and 0 <= value <= LARGEST_COUNT


def is_number(value: Any) -> bool:
    """Whether a value is one real number, NaN and infinite ones included."""
    if not np.isscalar(value) and not hasattr(value, "dtype"):
        return False
    dtype = np.asarray(value).dtype
    return np.size(value) == 1 and (dtype.kind in "biu" or is_float(dtype))


def is_text(value: object) -> bool:
    """Whether a value is a text."""
    return isinstance(value, str)


def optional(kind: Kind) -> Kind:
    """The kind of values that are None, or of the kind given."""
    return lambda value: value is None or kind(value)


def list_of(kind: Kind) -> Kind:
    """The kind of lists whose items are of the kind given."""
    return lambda value: isinstance(value, list) and all(map(kind, value))


def dict_of(kind: Kind) -> Kind:
    """The kind of dicts from texts to values of the kind given."""
    return lambda value: (
        isinstance(value, dict) and all(isinstance(k, str) and kind(v) for k, v in value.items())
    )


def is_array(value: object) -> bool:
    """Whether a value is an array."""
    return isinstance(value, np.ndarray)


def are_values_of(variables: Sequence[Any], values: Any) -> bool:
    """Whether there is one array for each variable, of its shape, and its dtype or a like one."""
    if not list_of(is_array)(values) or len(values) != len(variables):
        return False
    return all(
        value.shape == tuple(variable.shape) and fits(value.dtype, variable.dtype)
        for variable, value in zip(variables, values, strict=True)
    )


def anything(value: object) -> bool:
    """Whether a value is what `pack` takes; whatever comes out of `unpack` is."""
    return True
