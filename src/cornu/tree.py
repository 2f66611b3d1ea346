"""Nested structures of lists, tuples, named tuples, deques and dicts; anything else is a leaf.

    {"b": [x, None], "a": y}        flatten: y, x, None       paths: ("a",), ("b", 0), ("b", 1)

Dicts are visited by sorted key, an OrderedDict in its own order; what is made of a dict keeps the
order of its keys. None is a leaf, and so is every object that JAX alone knows as a container.
"""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from cornu.errors import type_error, value_error

MAP_TO_NONE = object()  # returned by a `traverse` function to replace a subtree by None

_DICTS = (dict, OrderedDict, defaultdict)


class _Opened(NamedTuple):
    """A container, one level deep."""

    kind: Any  # what two containers must share to be alike
    keys: Sequence[Any]
    children: Sequence[Any]
    rebuild: Callable[[Sequence[Any]], Any]


def _open(node: Any) -> _Opened | None:
    """The children of a container and how to make another of its kind; None for a leaf."""
    cls = type(node)
    if cls is list or cls is tuple:
        return _Opened(cls, range(len(node)), node, cls)
    if cls in _DICTS:
        keys = list(node) if cls is OrderedDict else _in_order(node)
        return _Opened(
            dict, keys, [node[key] for key in keys], lambda items: _like(node, keys, items)
        )
    if cls is deque:
        return _Opened(cls, range(len(node)), node, lambda items: deque(items, node.maxlen))
    if isinstance(node, tuple) and hasattr(cls, "_fields"):
        return _Opened(cls, range(len(node)), node, lambda items: cls(*items))
    return None


def _like(model: Any, keys: Sequence[Any], values: Sequence[Any]) -> Any:
    """A dict of the kind of another, with its keys in their order."""
    found = dict(zip(keys, values, strict=True))
    pairs = ((key, found[key]) for key in model)
    if type(model) is defaultdict:
        return defaultdict(model.default_factory, pairs)
    return type(model)(pairs)


def _in_order(keys: Any) -> list[Any]:
    """The keys sorted; those that cannot be compared by type first."""
    try:
        return sorted(keys)
    except TypeError:
        pass
    try:
        return sorted(keys, key=lambda key: (type(key).__module__, type(key).__qualname__, key))
    except TypeError:
        return list(keys)


def is_nested(structure: Any) -> bool:
    """Whether the value is a container rather than a leaf."""
    return _open(structure) is not None


def flatten(structure: Any) -> list[Any]:
    """The leaves in order; dicts are visited by sorted key.

    Example:

        >>> flatten({"b": [2, None], "a": 1})
        [1, 2, None]
    """
    opened = _open(structure)
    if opened is None:
        return [structure]
    return [leaf for child in opened.children for leaf in flatten(child)]


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """Pairs of path and leaf; a path is a tuple of keys and positions.

    Example:

        >>> flatten_with_path({"b": [2, None], "a": 1})
        [(('a',), 1), (('b', 0), 2), (('b', 1), None)]
    """
    opened = _open(structure)
    if opened is None:
        return [((), structure)]
    return [
        ((key, *path), leaf)
        for key, child in zip(opened.keys, opened.children, strict=True)
        for path, leaf in flatten_with_path(child)
    ]


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """Apply `func` to corresponding leaves; the structures must be alike.

    All kinds of dicts are alike if they have the same keys; the result is of the first one's kind.

    Example:

        >>> map_structure(lambda a, b: a + b, {"x": [1, 2]}, {"x": [10, 20]})
        {'x': [11, 22]}
    """
    if not callable(func):
        raise type_error(f"map_structure needs a callable, got {func!r}.")
    if not structures:
        raise value_error("map_structure needs at least one structure, got none.")

    def at_leaf(first: Any, *others: Any) -> Any:
        skipped = first is None and not none_is_leaf
        for other in others:
            if _open(other) is not None or (skipped and other is not None):
                raise _unlike(first, other)
        return None if skipped else func(first, *others)

    return _map(at_leaf, structures)


def _map(at_leaf: Callable[..., Any], nodes: Sequence[Any]) -> Any:
    """Descend into the first structure and the others with it, down to the leaves of the first."""
    opened = _open(nodes[0])
    if opened is None:
        return at_leaf(*nodes)
    columns = [opened.children, *(_children_like(opened, nodes[0], n) for n in nodes[1:])]
    return opened.rebuild([_map(at_leaf, row) for row in zip(*columns, strict=True)])


def _children_like(opened: _Opened, node: Any, other: Any) -> Sequence[Any]:
    """The children of another container, in the order of the first one's keys."""
    found = _open(other)
    if found is None or found.kind is not opened.kind or len(found.keys) != len(opened.keys):
        raise _unlike(node, other)
    if opened.kind is not dict:
        return found.children
    if any(key not in other for key in opened.keys):
        raise _unlike(node, other)
    return [other[key] for key in opened.keys]


def _unlike(first: Any, second: Any) -> ValueError:
    return value_error(
        "Two structures should be alike, but differ.",
        first=_outline(first),
        second=_outline(second),
    )


def _outline(node: Any) -> str:
    """A node as a message shows it: its kind, and the number or keys of what it holds."""
    opened = _open(node)
    name = type(node).__name__
    if opened is None:
        return f"a leaf of type {name}"
    if opened.kind is dict:
        return f"{name} with the keys {list(opened.keys)}"
    kind = f"namedtuple {name}" if hasattr(node, "_fields") else name
    return f"{kind}, number of items: {len(opened.keys)}"


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """Apply `func` where the shallow structure has its leaves, to what the others have there.

    Example:

        >>> map_structure_up_to({"a": 0, "b": 0}, len, {"a": (2, 3), "b": [(4,)]})
        {'a': 2, 'b': 1}
    """
    if not structures:
        raise value_error("map_structure_up_to needs at least one structure, got none.")
    return _map(lambda _, *found: func(*found), (shallow_structure, *structures))


def map_shape_structure(func: Callable[..., Any], structure: Any) -> Any:
    """Apply `func` to each shape of a nested structure; a shape is a sequence of ints and None.

    Example:

        >>> map_shape_structure(len, {"a": (None, 3), "b": [(2,), (4, 5)]})
        {'a': 2, 'b': [1, 2]}
    """
    opened = None if _is_shape(structure) else _open(structure)
    if opened is None:
        return func(structure)
    return opened.rebuild([map_shape_structure(func, child) for child in opened.children])


def _is_shape(node: Any) -> bool:
    return isinstance(node, (list, tuple)) and all(n is None or isinstance(n, int) for n in node)


def assert_same_structure(a: Any, b: Any, check_types: bool | None = None) -> None:
    """Raise ValueError unless both have the same containers and keys.

    Args:
        a: a nested structure.
        b: another one.
        check_types: kept for Keras's signature. The types of containers always count, except that
            all kinds of dicts are alike; `assert_same_paths` takes a list and a tuple for the same.
    """
    map_structure(lambda *leaves: None, a, b)


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise ValueError unless both have the same paths to their leaves."""
    first = {path for path, _ in flatten_with_path(a)}
    second = {path for path, _ in flatten_with_path(b)}
    if first != second:
        raise value_error(
            "Two structures should have the same paths, but differ.",
            only_in_the_first=sorted(map(str, first - second)),
            only_in_the_second=sorted(map(str, second - first)),
        )


def pack_sequence_as(structure: Any, flat_sequence: Any) -> Any:
    """Put the items of a flat sequence into the shape of `structure`.

    Example:

        >>> pack_sequence_as({"a": 0, "b": [0, 0]}, [1, 2, 3])
        {'a': 1, 'b': [2, 3]}
    """
    flat = list(flat_sequence)
    leaves = len(flatten(structure))
    if len(flat) != leaves:
        raise value_error(f"The structure has {leaves} leaves, the sequence {len(flat)} items.")
    items = iter(flat)
    return _filled(structure, items)


def _filled(structure: Any, items: Iterator[Any]) -> Any:
    opened = _open(structure)
    if opened is None:
        return next(items)
    return opened.rebuild([_filled(child, items) for child in opened.children])


def lists_to_tuples(structure: Any) -> Any:
    """The same structure with every list turned into a tuple."""

    def convert(node: Any) -> Any:
        return tuple(node) if isinstance(node, list) else None

    return traverse(convert, structure, top_down=False)


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """Visit every node, containers too; a result other than None replaces the node.

    Args:
        func: called on each container and leaf. Top down, a replaced container is not entered.
        structure: what to visit.
        top_down: visit containers before (True) or after (False) what they hold.
    """
    if top_down:
        replaced = func(structure)
        if replaced is not None:
            return None if replaced is MAP_TO_NONE else replaced
    opened = _open(structure)
    result = structure
    if opened is not None:
        result = opened.rebuild([traverse(func, child, top_down) for child in opened.children])
    if not top_down:
        replaced = func(result)
        if replaced is not None:
            return None if replaced is MAP_TO_NONE else replaced
    return result
