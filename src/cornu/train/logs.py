"""`Logs`: a dict whose values stay on the device until somebody looks."""

from collections.abc import Iterator
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

    # Because of this method, `dict(logs)` and `**logs` ask for each value; else they copy all.
    def __iter__(self) -> Iterator[str]:
        return super().__iter__()

    def __getitem__(self, name: str) -> Any:
        return dict.__getitem__(self.fetch(), name)

    def __repr__(self) -> str:
        return dict.__repr__(self.fetch())

    def __eq__(self, other: object) -> bool:
        return dict.__eq__(self.fetch(), other)

    def __or__(self, other: Any) -> Any:
        return dict.__or__(self.fetch(), other)

    def get(self, name: str, default: Any = None) -> Any:
        return dict.get(self.fetch(), name, default)

    def items(self) -> Any:
        return dict.items(self.fetch())

    def values(self) -> Any:
        return dict.values(self.fetch())

    def copy(self) -> dict[str, Any]:
        return dict.copy(self.fetch())

    def pop(self, name: str, *default: Any) -> Any:
        return dict.pop(self.fetch(), name, *default)


def to_python(value: Any) -> Any:
    """A scalar array as a Python number; anything else as it is."""
    if isinstance(value, (np.ndarray, np.generic)) and np.size(value) == 1:
        return np.asarray(value).item()
    return value
