"""Nested structures of lists, tuples, dicts and named tuples.

`jax.tree_util` does the work, with one rule of Keras: None is a leaf, not an empty structure.
"""

import collections
from collections.abc import Callable
from typing import Any

import jax

from cornu.errors import explain

MAP_TO_NONE = object()  # returned by a `traverse` function to replace a subtree by None


def _is_none(x: Any) -> bool:
    return x is None


def is_nested(structure: Any) -> bool:
    """Whether the value is a container rather than a leaf."""
    return not jax.tree_util.all_leaves([structure], is_leaf=_is_none)


def flatten(structure: Any) -> list[Any]:
    """The leaves in order; dicts are visited by sorted key.

    Example:

        >>> flatten({"b": [2, None], "a": 1})
        [1, 2, None]
    """
    return jax.tree_util.tree_leaves(structure, is_leaf=_is_none)


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """Pairs of path and leaf; a path is a tuple of keys and positions.

    Example:

        >>> flatten_with_path({"b": [2, None], "a": 1})
        [(('a',), 1), (('b', 0), 2), (('b', 1), None)]
    """
    if not is_nested(structure):
        return [((), structure)]
    children, _ = jax.tree_util.tree_flatten_with_path(
        structure, is_leaf=lambda node: node is not structure
    )
    pairs = []
    for position, ((key,), child) in enumerate(children):
        step = getattr(key, "key", position)  # the parts of a named tuple go by position
        pairs += [((step, *path), leaf) for path, leaf in flatten_with_path(child)]
    return pairs


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """Apply `func` to corresponding leaves; the structures must be alike.

    Example:

        >>> map_structure(lambda a, b: a + b, {"x": [1, 2]}, {"x": [10, 20]})
        {'x': [11, 22]}
    """
    if not structures:
        raise ValueError(explain("map_structure needs at least one structure, got none."))
    if len(structures) > 1:
        for other in structures[1:]:
            assert_same_structure(structures[0], other)
    is_leaf = _is_none if none_is_leaf else None
    return jax.tree_util.tree_map(func, *structures, is_leaf=is_leaf)


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """Apply `func` where the shallow structure has its leaves, to what the others have there.

    Example:

        >>> map_structure_up_to({"a": 0, "b": 0}, len, {"a": (2, 3), "b": [(4,)]})
        {'a': 2, 'b': 1}
    """
    treedef = jax.tree_util.tree_structure(shallow_structure, is_leaf=_is_none)
    try:
        columns = [treedef.flatten_up_to(s) for s in structures]
    except ValueError as error:
        raise ValueError(
            explain("The structures differ above the leaves of the shallow one.", detail=error)
        ) from None
    return treedef.unflatten([func(*row) for row in zip(*columns, strict=True)])


def map_shape_structure(func: Callable[..., Any], structure: Any) -> Any:
    """Apply `func` to each shape of a nested structure; a shape is a sequence of ints and None.

    Example:

        >>> map_shape_structure(len, {"a": (None, 3), "b": [(2,), (4, 5)]})
        {'a': 2, 'b': [1, 2]}
    """
    return jax.tree_util.tree_map(func, structure, is_leaf=_is_shape)


def _is_shape(node: Any) -> bool:
    return node is None or (
        isinstance(node, (list, tuple)) and all(n is None or isinstance(n, int) for n in node)
    )


def assert_same_structure(a: Any, b: Any, check_types: bool | None = None) -> None:
    """Raise ValueError unless both have the same containers and keys.

    Args:
        a: a nested structure.
        b: another one.
        check_types: kept for Keras's signature. The types of containers always count;
            `assert_same_paths` takes a list and a tuple for the same.
    """
    first = jax.tree_util.tree_structure(a, is_leaf=_is_none)
    second = jax.tree_util.tree_structure(b, is_leaf=_is_none)
    if first != second:
        raise ValueError(
            explain("Two structures should be alike, but differ.", first=first, second=second)
        )


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise ValueError unless both have the same paths to their leaves."""
    first = {path for path, _ in flatten_with_path(a)}
    second = {path for path, _ in flatten_with_path(b)}
    if first != second:
        raise ValueError(
            explain(
                "Two structures should have the same paths, but differ.",
                only_in_the_first=sorted(map(str, first - second)),
                only_in_the_second=sorted(map(str, second - first)),
            )
        )


def pack_sequence_as(structure: Any, flat_sequence: Any) -> Any:
    """Put the items of a flat sequence into the shape of `structure`.

    Example:

        >>> pack_sequence_as({"a": 0, "b": [0, 0]}, [1, 2, 3])
        {'a': 1, 'b': [2, 3]}
    """
    treedef = jax.tree_util.tree_structure(structure, is_leaf=_is_none)
    flat = list(flat_sequence)
    if len(flat) != treedef.num_leaves:
        raise ValueError(
            explain(
                f"The structure has {treedef.num_leaves} leaves, the sequence {len(flat)} items."
            )
        )
    return treedef.unflatten(flat)


def lists_to_tuples(structure: Any) -> Any:
    """The same structure with every list turned into a tuple."""

    def convert(node: Any) -> Any:
        return tuple(map(lists_to_tuples, node)) if isinstance(node, list) else None

    return traverse(convert, structure)


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
    result = _map_children(lambda child: traverse(func, child, top_down), structure)
    if not top_down:
        replaced = func(result)
        if replaced is not None:
            return None if replaced is MAP_TO_NONE else replaced
    return result


def _map_children(func: Callable[[Any], Any], node: Any) -> Any:
    if isinstance(node, collections.defaultdict):
        pairs = ((key, func(value)) for key, value in node.items())
        return type(node)(node.default_factory, pairs)
    if isinstance(node, dict):
        return type(node)((key, func(value)) for key, value in node.items())
    if isinstance(node, tuple) and hasattr(node, "_fields"):
        return type(node)(*map(func, node))
    if isinstance(node, (list, tuple)):
        return type(node)(map(func, node))
    return node
