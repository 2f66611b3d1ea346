"""JSON from files that nobody vouches for.

Python's parser recurses on nesting, lets the last of two equal keys win, and builds whatever it is
told to. So the text is measured first, block by block, in passes that run in C:

    size         bytes <= max_bytes
    strings out  '{"a": [1, 2]}'  ->  '{: [1, 2]}'
    nodes        commas and opening brackets <= max_nodes, opening braces <= MAX_OBJECTS
    depth        +1 per opening bracket, -1 per closing one: largest sum <= max_depth

and only then parsed, refusing duplicate keys and numbers of absurd length on the way.
"""

import json
from typing import Any

import numpy as np

from cornu import budget
from cornu.errors import UnsafeFileError, make_error, value_error

MAX_BYTES = 64 * 2**20
MAX_NODES = 2_000_000
MAX_OBJECTS = 200_000  # a model of 1000 layers has about 20,000
MAX_DIGITS = 64  # a 128-bit seed has 39

_BLOCK = 2**22  # bytes measured at once


def parse(
    text: str | bytes,
    *,
    what: str = "the JSON text",
    max_bytes: int = MAX_BYTES,
    max_depth: int = budget.DEPTH,
    max_nodes: int = MAX_NODES,
) -> Any:
    """The value that a JSON text stands for, within limits.

    Args:
        text: JSON text; bytes are taken as UTF-8.
        what: name of the text in messages, such as "config.json".
        max_bytes: maximum size of the text in bytes (characters if it is a `str`).
        max_depth: maximum nesting of arrays and objects.
        max_nodes: approximate maximum number of values.

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
    # In UTF-8 no byte of another letter looks like a bracket.
    _measure(_as_bytes(text), what, max_depth, max_nodes)
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise value_error(f"{what} is not UTF-8 text.", detail=error) from error

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
        raise value_error(
            f"{what} is not valid JSON.",
            detail=f"{error.msg} at line {error.lineno}, column {error.colno}",
            fix="the file is damaged or of another kind; get it again from its source.",
        ) from error


def _as_bytes(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def _measure(text: bytes, what: str, max_depth: int, max_nodes: int) -> None:
    """Count and add up block by block, in memory that does not grow with the text."""
    nodes = objects = depth = deepest = at = 0
    in_string = False
    while at < len(text):
        end = at + _BLOCK
        block = text[at:end]
        if (len(block) - len(block.rstrip(b"\\"))) % 2:  # it would part a backslash from its letter
            end += 1
            block = text[at:end]
        at = end
        block = block.replace(b"\\\\", b"  ").replace(b'\\"', b"  ")
        letters = np.frombuffer(block, np.uint8)
        inside = np.logical_xor.accumulate(letters == ord('"')) ^ in_string
        in_string = bool(inside[-1])
        bare = np.where(inside, 0, letters)
        braces = bare == ord("{")
        opening = braces | (bare == ord("["))
        closing = (bare == ord("}")) | (bare == ord("]"))
        steps = np.cumsum(opening.astype(np.int8) - closing, dtype=np.int64)
        deepest = max(deepest, depth + int(steps.max()))
        depth += int(steps[-1])
        nodes += int(np.count_nonzero(opening) + np.count_nonzero(bare == ord(",")))
        objects += int(np.count_nonzero(braces))
    if nodes > max_nodes:
        raise _refused(what, "has too many values", values=nodes, limit=max_nodes)
    if objects > MAX_OBJECTS:
        raise _refused(what, "has too many objects", objects=objects, limit=MAX_OBJECTS)
    if deepest > max_depth:
        raise _refused(what, "is nested too deeply", depth=deepest, limit=max_depth)
    budget.spend(nodes // budget.VALUES)


def _refused(what: str, why: str, **facts: object) -> UnsafeFileError:
    return make_error(UnsafeFileError, f"{what} {why}.", **facts)  # type: ignore[arg-type]
