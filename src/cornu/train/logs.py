"""`Logs`: a dict whose values stay on the device until somebody looks."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np


class Logs(dict[str, Any]):
    """Results by name; the first look fetches all of them at once as Python numbers.

    A callback that does not look does not wait for the device.

    Example:

        >>> import jax.numpy as jnp
        >>> logs = Logs({"loss": jnp.float32(0.5)})
        >>> logs["loss"], f"{logs}"
        (0.5, "{'loss': 0.5}")
    """

    __slots__ = ("_fetched",)

    def __init__(self, values: dict[str, Any]):
        super().__init__(values)
        self._fetched = False

    def fetch(self) -> "Logs":
        """Turn the values into Python numbers, if that has not been done."""
        if not self._fetched:
            self._fetched = True
            for name, value in jax.device_get(dict(dict.items(self))).items():
                dict.__setitem__(self, name, to_python(value))
        return self

    # With one of its own, `dict(logs)` and `**logs` ask for each value instead of copying all.
    def __iter__(self) -> Iterator[str]:
        return dict.__iter__(self)


def to_python(value: Any) -> Any:
    """A scalar array as a Python number; anything else as it is."""
    if isinstance(value, (np.ndarray, np.generic)) and np.size(value) == 1:
        return np.asarray(value).item()
    return value


def _fetching(name: str) -> Callable[..., Any]:
    plain = getattr(dict, name)

    def method(self: Logs, *args: Any) -> Any:
        return plain(self.fetch(), *args)

    method.__name__ = name
    return method


for _name in (
    "__getitem__",
    "__repr__",
    "__eq__",
    "get",
    "items",
    "values",
    "copy",
    "pop",
    "__or__",
):
    setattr(Logs, _name, _fetching(_name))
