"""What an object owns: variables, layers, metrics, found in its attributes.

There is no bookkeeping when an attribute is set: Python keeps the attributes of an object in the
order of assignment, so what is owned is read off them whenever somebody asks. Lists, tuples, dicts
and sets are looked into. Savers, summaries and variable lists all ask here and get one answer.
"""

from collections.abc import Iterable, Iterator
from typing import Any

# Attributes of the mechanisms themselves; they refer to other objects without owning them.
UNTRACKED = frozenset(("_arguments", "_inbound_nodes", "_outbound_nodes"))


def attributes(owner: Any) -> Iterator[tuple[str, Any]]:
    """Names and values of the attributes that may own something, in order of assignment."""
    skipped = UNTRACKED | getattr(type(owner), "untracked_attributes", frozenset())
    for name, value in list(vars(owner).items()):
        if name not in skipped:
            yield name, value


def inside(value: Any) -> Iterator[Any]:
    """The value itself, or what the (nested) container holds."""
    if isinstance(value, dict):
        for item in list(value.values()):
            yield from inside(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in list(value):
            yield from inside(item)
    else:
        yield value


def owned_by(owner: Any, kind: type | tuple[type, ...]) -> list[Any]:
    """The objects of a kind that an object owns directly, each once, in order of assignment.

    Example:

        >>> class Box: ...
        >>> box = Box(); box.a = 1; box.rest = [2, {"x": 3}, "four"]
        >>> owned_by(box, int)
        [1, 2, 3]
    """
    return unique(
        item for _, value in attributes(owner) for item in inside(value) if isinstance(item, kind)
    )


def unique(items: Iterable[Any]) -> list[Any]:
    """The items without repetition, by identity, in order."""
    return list({id(item): item for item in items}.values())


class Identities:
    """Membership by identity, for objects that compare element by element.

    Example:

        >>> a, b = [1], [1]
        >>> a in Identities([a]), b in Identities([a])
        (True, False)
    """

    def __init__(self, items: Iterable[Any]):
        self._items = {id(item): item for item in items}

    def __contains__(self, item: Any) -> bool:
        return id(item) in self._items
