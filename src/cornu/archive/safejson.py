"""JSON from files that nobody vouches for.

Python's parser recurses on nesting, lets the last of two equal keys win, and builds whatever it is
told to. So the text is measured first, in passes that run in C and build nothing:

    size         bytes <= max_bytes
    strings out  '{"a": [1, 2]}'  ->  '{: [1, 2]}'
    nodes        commas and opening brackets <= max_nodes
    depth        +1 per opening bracket, -1 per closing one: largest sum <= max_depth

and only then parsed, refusing duplicate keys and numbers of absurd length on the way.
"""

import json
import re
from typing import Any

import numpy as np

from cornu.errors import UnsafeFileError, explain

MAX_BYTES = 64 * 2**20
MAX_DEPTH = 128
MAX_NODES = 2_000_000
MAX_DIGITS = 64  # a 128-bit seed has 39

# Possessive repeats keep nothing to come back to: memory does not grow with the string.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_NOT_BRACKET = re.compile(r"[^\[\]{}]++")


def parse(
    text: str | bytes,
    *,
    what: str = "the JSON text",
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    max_nodes: int = MAX_NODES,
) -> Any:
    """The value that a JSON text stands for, within limits.

    Args:
        text: the text; bytes are taken as UTF-8.
        what: how messages name the text, such as `"config.json"`.
        max_bytes: largest size of the text, in bytes (characters if it is a `str`).
        max_depth: deepest nesting of arrays and objects.
        max_nodes: largest number of values in it, about.

    Returns:
        Dicts, lists, strings, numbers, booleans and None.

    Raises:
        UnsafeFileError: a limit is exceeded, or an object has the same key twice.
        ValueError: the text is not JSON.

    Example:

        >>> parse('{"units": 3, "shape": [null, 4]}')
        {'units': 3, 'shape': [None, 4]}
    """
    if len(text) > max_bytes:
        raise _refused(what, "is too large", size=f"{len(text)} bytes", limit=f"{max_bytes} bytes")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(explain(f"{what} is not UTF-8 text.", detail=error)) from error
    _measure(text, what, max_depth, max_nodes)

    def number(digits: str) -> int:
        if len(digits) > MAX_DIGITS:
            raise _refused(
                what, "has an absurdly long number", digits=len(digits), limit=MAX_DIGITS
            )
        return int(digits)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            seen: set[str] = set()
            twice = next(k for k, _ in pairs if k in seen or seen.add(k))  # type: ignore[func-returns-value]
            raise _refused(what, "has the same key twice in one object", key=repr(twice[:80]))
        return made

    try:
        return json.loads(text, parse_int=number, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise ValueError(
            explain(
                f"{what} is not valid JSON.",
                detail=f"{error.msg} at line {error.lineno}, column {error.colno}",
                fix="the file is damaged or of another kind; get it again from its source.",
            )
        ) from error


def _measure(text: str, what: str, max_depth: int, max_nodes: int) -> None:
    # A quote that stays behind means an unfinished string, which the parser refuses by itself.
    bare = _STRING.sub("", text)
    nodes = bare.count(",") + bare.count("[") + bare.count("{")
    if nodes > max_nodes:
        raise _refused(what, "has too many values", values=nodes, limit=max_nodes)
    brackets = np.frombuffer(_NOT_BRACKET.sub("", bare).encode("ascii"), np.uint8)
    if brackets.size == 0:
        return
    opening = (brackets == ord("[")) | (brackets == ord("{"))
    depth = int(np.cumsum(np.where(opening, 1, -1)).max())
    if depth > max_depth:
        raise _refused(what, "is nested too deeply", depth=depth, limit=max_depth)


def _refused(what: str, why: str, **facts: object) -> UnsafeFileError:
    return UnsafeFileError(explain(f"{what} {why}.", **facts))  # type: ignore[arg-type]
