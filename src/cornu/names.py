"""Names: automatic numbering, snake case, and scopes.

`Dense` becomes `dense`, the next one `dense_1`. The counters live here and are reset by
`clear_session`.
"""

import collections
import functools
import re
from collections.abc import Iterator
from contextlib import contextmanager

_counters: collections.Counter[str] = collections.Counter()
_numbers: collections.Counter[str] = collections.Counter()


@functools.lru_cache(maxsize=1024)
def to_snake_case(name: str) -> str:
    """`"Conv2DTranspose"` -> `"conv2d_transpose"`.

    Example:

        >>> to_snake_case("LSTMCell"), to_snake_case("MaxPooling2D"), to_snake_case("_Private")
        ('lstm_cell', 'max_pooling2d', 'private')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower().lstrip("_")


def unique_name(prefix: str) -> str:
    """`prefix` at the first call with it, `prefix_1` at the second, and so on."""
    count = _counters[prefix]
    _counters[prefix] += 1
    return prefix if count == 0 else f"{prefix}_{count}"


def next_number(prefix: str) -> int:
    """1 at the first call with a prefix, then 2, and so on; apart from names."""
    _numbers[prefix] += 1
    return _numbers[prefix]


def auto_name(owner: object) -> str:
    """A fresh name for an object, from its class."""
    return unique_name(to_snake_case(type(owner).__name__))


@contextmanager
def kept() -> Iterator[None]:
    """Give back the numbers that are used inside of the block.

    Example:

        >>> with kept():
        ...     inside = unique_name("some_layer")
        >>> unique_name("some_layer") == inside
        True
    """
    before = [(counter, counter.copy()) for counter in (_counters, _numbers)]
    try:
        yield
    finally:
        for counter, numbers in before:
            counter.clear()
            counter.update(numbers)


def reset_names() -> None:
    """Start numbering anew."""
    _counters.clear()
    _numbers.clear()
