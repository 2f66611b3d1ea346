"""The one cache of what can be made again: compiled programs, shapes that were traced.

    Cache(limit).get(key, make)     what `make` returned when the key came first
    set_floatx, targeting, ...      another `settings.key()`, so another entry
    clear_session()                 every cache of the process is emptied

A key need not name settings: `get` adds `settings.key()` to it.
"""

import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from cornu import settings

T = TypeVar("T")

_all: "weakref.WeakSet[Cache[Any]]" = weakref.WeakSet()


class Cache(Generic[T]):
    """A table of limited size; beyond it the entry that was not used for longest is dropped.

    A copy or pickle of a cache is empty.

    Args:
        limit: greatest number of entries.

    Example:

        >>> squares = Cache(limit=2)
        >>> [squares.get(n, lambda n=n: n * n) for n in (1, 2, 3, 1)], len(squares)
        ([1, 4, 9, 1], 2)
    """

    __slots__ = ("__weakref__", "_table", "limit")

    def __init__(self, limit: int):
        self.limit = limit
        self._table: OrderedDict[Hashable, T] = OrderedDict()
        _all.add(self)

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is kept under the key and the present settings; made where there is nothing.

        Raises:
            TypeError: the key has no hash.
        """
        key = (settings.key(), key)
        table = self._table
        try:
            value = table[key]
            table.move_to_end(key)
            return value
        except KeyError:  # never made, or dropped by another thread just now
            pass
        table[key] = value = make()
        while len(table) > self.limit:
            table.popitem(last=False)
        return value

    def forget(self) -> None:
        """Drop all entries."""
        self._table.clear()

    def __len__(self) -> int:
        return len(self._table)

    def __reduce__(self) -> Any:
        return type(self), (self.limit,)


def forget_all() -> None:
    """Drop all entries of all caches."""
    for cache in list(_all):
        cache.forget()
