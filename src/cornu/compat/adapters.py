"""Adapters for names of `keras.src` that packages import and Cornu has no other use for."""

import functools
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any, TypeVar

import numpy as np

from cornu.archive.safeh5 import SafeH5, Source, h5_writer, put
from cornu.context import local
from cornu.core.objects.tracking import leave_out
from cornu.errors import type_error, value_error

F = TypeVar("F", bound=Callable[..., Any])


def distribution() -> None:
    """The distribution of variables over devices that is in force: there is none."""


def in_safe_mode() -> bool:
    """Whether an object is being read from a config or file that must not bring code with it."""
    return local.read is not None and local.safe_mode


def SafeModeScope(safe_mode: bool = True) -> AbstractContextManager[None]:  # noqa: N802
    """A context manager for `safe_mode`.

    Args:
        safe_mode: value of `in_safe_mode` inside.
    """
    return local.using(safe_mode=safe_mode, read={})


def in_grain_data_pipeline() -> bool:
    """Whether the code that runs now was called by a data pipeline of grain."""
    if "grain" not in sys.modules:
        return False
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("grain."):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def no_automatic_dependency_tracking(method: F) -> F:
    """Decorate a method: the layers and variables that it puts into attributes are not owned.

    Args:
        method: method of a layer or model.
    """

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = dict(vars(self))
        try:
            return method(self, *args, **kwargs)
        finally:
            given = vars(self).items()
            leave_out(type(self), [n for n, v in given if n not in before or before[n] is not v])

    return call  # type: ignore[return-value]


class H5IOStore:
    """Arrays at paths in an HDF5 file, laid out as Keras lays them out, each path like a dict.

    Args:
        path_or_io: path, or seekable binary file.
        mode: "r" or "w"; a file is written when the store is closed.

    Example:

        >>> import io
        >>> file = io.BytesIO()
        >>> store = H5IOStore(file, mode="w")
        >>> store.make("lora")["rank"] = 4
        >>> store.close()
        >>> int(H5IOStore(file).get("lora")["rank"])
        4
    """

    def __init__(self, path_or_io: Source, *, mode: str = "r"):
        if mode not in ("r", "w"):
            raise value_error(f"mode must be 'r' or 'w', got {mode!r}.")
        self._stack = ExitStack()
        opened = SafeH5(path_or_io) if mode == "r" else h5_writer(path_or_io)
        self._file: Any = self._stack.enter_context(opened)
        self.mode = mode

    def make(self, path: str, metadata: Mapping[str, str] | None = None) -> "H5Entry":
        """The arrays at a path of a file that is written.

        Args:
            path: path in the file, such as `layers/dense`.
            metadata: texts to store beside the arrays.
        """
        for name, text in (metadata or {}).items():
            self._file.attribute(f"{path}/vars", name, text)
        return H5Entry(self._file, f"{path}/vars")

    def get(self, path: str) -> dict[str, np.ndarray]:
        """The arrays at a path of a file that is read; none where the file has no such path.

        Args:
            path: path in the file.
        """
        group = f"{path}/vars/".lstrip("/")
        found = self._file.datasets.items()
        return {
            key.removeprefix(group): self._file.array(key, stored.shape, stored.dtype)
            for key, stored in found
            if key.startswith(group)
        }

    def has_path(self, path: str) -> bool:
        """Whether a file that is read has something at a path."""
        return path in self._file.groups or path in self._file.datasets

    def close(self) -> None:
        """Close the file; what was written to a path is there from now on."""
        self._stack.close()


class H5Entry(MutableMapping[str, np.ndarray]):
    """Arrays at one path of a file that is written, each written when it is assigned."""

    def __init__(self, writer: Any, group: str):
        self._writer, self._group = writer, group.lstrip("/")
        self._written: dict[str, np.ndarray] = {}

    def __setitem__(self, key: str, value: object) -> None:
        self._written[key] = np.asarray(value)
        put(self._writer, f"{self._group}/{key}", self._written[key])

    def __getitem__(self, key: str) -> np.ndarray:
        return self._written[key]

    def __delitem__(self, key: str) -> None:
        raise type_error("An array that is written to the file cannot be deleted.")

    def __iter__(self) -> Iterator[str]:
        return iter(self._written)

    def __len__(self) -> int:
        return len(self._written)
