"""Nested Python values as a list of arrays, and back: how what is no array gets into a backup.

    {"wait": 2, "best": array}  --pack-->  [ JSON text as bytes, array ]   --unpack-->  the same

A number, a text, None, True and False are themselves in the text; everything else is a dict with
one key that says what it is. Nothing but these kinds is read back, and no code is run.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cornu.errors import explain


def pack(value: Any) -> list[np.ndarray]:
    """A value as arrays: a text in bytes, then the arrays that it refers to.

    Args:
        value: None, numbers, texts, bytes, arrays, and dicts, lists and tuples of them.

    Raises:
        TypeError: there is something else in it.

    Example:

        >>> unpack(pack({"best": 0.5, "weights": [np.ones(2)], 3: (None, b"x")}))
        {'best': 0.5, 'weights': [array([1., 1.])], 3: (None, b'x')}
    """
    arrays: list[np.ndarray] = []
    text = json.dumps(_encode(value, arrays))
    return [np.frombuffer(text.encode(), np.uint8), *arrays]


def unpack(packed: Sequence[np.ndarray]) -> Any:
    """The value that `pack` was given."""
    text, *arrays = packed
    return _decode(json.loads(text.tobytes()), arrays)


def _encode(value: Any, arrays: list[np.ndarray]) -> Any:
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
    raise TypeError(
        explain(
            f"A backup cannot hold a {type(value).__name__}.",
            holds="numbers, texts, bytes, arrays, and dicts, lists and tuples of them",
        )
    )


def _decode(entry: Any, arrays: Sequence[np.ndarray]) -> Any:
    if not isinstance(entry, dict):
        return entry
    ((kind, content),) = entry.items()
    if kind == "bytes":
        return base64.b64decode(content)
    if kind == "array":
        return arrays[content]
    if kind == "dict":
        return {_decode(k, arrays): _decode(v, arrays) for k, v in content}
    decoded = [_decode(v, arrays) for v in content]
    return tuple(decoded) if kind == "tuple" else decoded
