"""What an object owns: variables, layers and metrics among its attributes.

Setting an attribute needs no bookkeeping: Python keeps attributes in the order of assignment, so
what is owned is read from them on demand, also inside of lists, tuples, dicts and sets. Savers,
summaries and lists of variables all use these functions.
"""

import functools
import operator
from collections.abc import Iterable, Iterator
from typing import Any

from cornu import settings

# Types of values that own nothing, which are skipped fast: every step asks what a model owns.
_LEAVES = frozenset((int, float, bool, str, bytes, type(None), complex))

# Attributes of the library itself, which refer to other objects without owning them.
UNTRACKED = frozenset(("_arguments", "_inbound_nodes", "_outbound_nodes"))


def attributes(owner: Any) -> Iterator[tuple[str, Any]]:
    """Names and values of the attributes that may own something, in order of assignment."""
    cls: Any = type(owner)
    skipped = _skipped(cls)
    for name, value in list(vars(owner).items()):
        if type(value) not in _LEAVES and name not in skipped:
            yield name, value


@functools.cache
def _skipped(cls: Any) -> frozenset[str]:
    return UNTRACKED | getattr(cls, "_untracked_attributes", frozenset())


def leave_out(cls: Any, names: Iterable[str]) -> None:
    """Exclude attributes of a class from what its objects own.

    Example:

        >>> class Part: pass
        >>> box = Part(); box.borrowed = Part()
        >>> leave_out(Part, ["borrowed"])
        >>> owned_by(box, Part)
        []
    """
    known: frozenset[str] = getattr(cls, "_untracked_attributes", frozenset())
    if not known.issuperset(names):
        cls._untracked_attributes = known.union(names)
        _skipped.cache_clear()


def inside(value: Any, around: tuple[int, ...] = ()) -> Iterator[Any]:
    """The value, or the items of a nested container; `around`: ids of the containers it is in."""
    if not isinstance(value, (dict, list, tuple, set, frozenset)):
        yield value
    elif id(value) not in around:  # a list may contain itself
        for item in list(value.values() if isinstance(value, dict) else value):
            yield from inside(item, (*around, id(value)))


def owned_by(owner: Any, kind: type | tuple[type, ...]) -> list[Any]:
    """The objects of a class that an object owns directly, each once, in order of assignment.

    Example:

        >>> class Part:
        ...     def __repr__(self): return "part"
        >>> box = Part(); box.first = Part(); box.rest = [Part(), {"x": Part()}, "four"]
        >>> owned_by(box, Part)
        [part, part, part]
    """
    found = []
    for _, value in attributes(owner):
        if isinstance(value, kind):
            found.append(value)
        elif isinstance(value, (list, tuple, dict, set, frozenset)) and value:
            found += [item for item in inside(value) if isinstance(item, kind)]
    return unique(found)


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


class Snapshot:
    """The attributes of some objects at a moment; `holds` tells fast whether they are the same.

    Attributes and items of containers are compared by identity, and with them the settings that
    programs depend on (`settings.key`).

    Example:

        >>> class Part: pass
        >>> box = Part(); box.parts = [Part()]
        >>> before = Snapshot([box])
        >>> before.holds()
        True
        >>> box.parts.append(Part())
        >>> before.holds()
        False
    """

    def __init__(self, owners: Iterable[Any]):
        self._settings = settings.key()
        self._watched: list[tuple[Any, list[Any]]] = []
        self._seen: set[int] = set()  # ids of containers: a list may contain itself
        for owner in owners:
            self._watch(vars(owner))
            for _, value in attributes(owner):
                self._look_into(value)

    def _look_into(self, value: Any) -> None:
        if isinstance(value, (dict, list, tuple, set, frozenset)) and id(value) not in self._seen:
            self._seen.add(id(value))
            for item in self._watch(value):
                self._look_into(item)

    def _watch(self, container: Any) -> list[Any]:
        # The view of the values of a dict follows its changes; a tuple cannot change.
        items = container.values() if isinstance(container, dict) else container
        if not isinstance(container, (tuple, frozenset)):
            self._watched.append((items, list(items)))
        return list(items)

    def holds(self) -> bool:
        """Whether every attribute and every item is the same object, under the same settings."""
        return self._settings == settings.key() and all(
            len(now) == len(then) and all(map(operator.is_, now, then))
            for now, then in self._watched
        )
