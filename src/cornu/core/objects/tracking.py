"""What an object owns: variables, layers, metrics, found in its attributes.

There is no bookkeeping when an attribute is set: Python keeps the attributes of an object in the
order of assignment, so what is owned is read off them whenever somebody asks. Lists, tuples, dicts
and sets are looked into. Savers, summaries and variable lists all ask here and get one answer.
"""

import functools
import operator
from collections.abc import Iterable, Iterator
from typing import Any

from cornu import settings

# Types of values that own nothing, passed over quickly: every step asks what a model owns.
_LEAVES = frozenset((int, float, bool, str, bytes, type(None), complex))

# Attributes of the mechanisms themselves; they refer to other objects without owning them.
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
    """Let what objects of a class hold in some attributes not be owned by them.

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
    """The value itself, or what the (nested) container holds; `around`: ids of those it is in."""
    if not isinstance(value, (dict, list, tuple, set, frozenset)):
        yield value
    elif id(value) not in around:  # a list may contain itself
        for item in list(value.values() if isinstance(value, dict) else value):
            yield from inside(item, (*around, id(value)))


def owned_by(owner: Any, kind: type | tuple[type, ...]) -> list[Any]:
    """The objects of a kind that an object owns directly, each once, in order of assignment.

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
    """What some objects hold at a moment; tells quickly whether it is still so.

    Attributes and the containers in them are compared by identity, one by one, and so is what
    programs depend on besides (`settings.key`).

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
        self._seen: set[int] = set()  # containers, of which a list may contain itself
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
        # The view of a dict's values follows the dict; a tuple cannot change.
        items = container.values() if isinstance(container, dict) else container
        if not isinstance(container, (tuple, frozenset)):
            self._watched.append((items, list(items)))
        return list(items)

    def holds(self) -> bool:
        """Whether every attribute and every item is the object it was, under the same settings."""
        return self._settings == settings.key() and all(
            len(now) == len(then) and all(map(operator.is_, now, then))
            for now, then in self._watched
        )
