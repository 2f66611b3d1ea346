"""`keras.src`: the private names of Keras that public packages import, answered by Cornu's own.

    from keras.src.layers.core.dense import Dense     cornu.layers.Dense, the same object
    from keras.src.ops import *                       the names of cornu.ops
    keras.src.backend.shape                           found in cornu.ops when it is asked for

`private.py` says which they are. A private module holds nothing: each name is looked up when it is
asked for, so nothing is imported before it is needed, and what a test puts in the place of a name
stands there until it is taken away.
"""

import importlib
import types
from typing import Any

import cornu
from cornu import absent
from cornu.compat.private import FILES, MODULES, NAMES
from cornu.errors import explain

ROOT = "cornu.src"


def _modules() -> dict[str, str | None]:
    """Private module -> the module whose names it answers with; None if it has single names."""
    found: dict[str, str | None] = {}
    for package, files in FILES.items():
        public = package.partition(".")[0]
        if public in cornu.NAMESPACES:
            found[package] = public
            found.update({f"{package}.{file}": public for file in files.split()})
    found.update(MODULES)
    for path in (*NAMES, *MODULES):
        while "." in path:
            path = path.rpartition(".")[0]
            found.setdefault(path, None)
    return found


PRIVATE = _modules()


def real_path(name: str) -> str | None:
    """The path below `keras.src` of a module's name in Cornu; None if it is no such module.

    Example:

        >>> real_path("cornu.src.layers.core"), real_path("cornu.src"), real_path("cornu.layers")
        ('layers.core', '', None)
    """
    if name == ROOT or name.startswith(ROOT + "."):
        return name[len(ROOT) + 1 :]
    return None


class Private(types.ModuleType):
    """A module below `keras.src`.

    Args:
        path: path of the module, below `keras.src`.

    Example:

        >>> Private("backend").cast is cornu.ops.cast
        True
    """

    def __init__(self, path: str):
        shown = f"keras.src.{path}".rstrip(".")
        super().__init__(f"{ROOT}.{path}".rstrip("."), f"Private names of Keras: {shown}.")
        self.__path__: list[str] = []  # a package, so that modules below it are looked for
        self._path = path

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return dir(self)
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        path = f"{self._path}.{name}".lstrip(".")
        if path in NAMES:
            module, _, last = f"cornu.{NAMES[path]}".rpartition(".")
            return getattr(importlib.import_module(module), last)
        if path in PRIVATE:
            return importlib.import_module(f"{ROOT}.{path}")
        place = _stands_for(self._path)
        if place is not None and name in dir(place):
            return getattr(place, name)
        if absent.instruction(2) == "IMPORT_FROM":  # an AttributeError would be replaced
            raise ImportError(refusal(path), name=self.__name__)
        raise AttributeError(refusal(path))

    def __dir__(self) -> list[str]:
        place = _stands_for(self._path)
        names = set() if place is None else {name for name in dir(place) if name[0] != "_"}
        above = f"{self._path}." if self._path else ""
        below = [path for path in (*NAMES, *PRIVATE) if path and path.startswith(above)]
        return sorted(names | {path.removeprefix(above).partition(".")[0] for path in below})


def _stands_for(path: str) -> types.ModuleType | None:
    """The module whose names a private module answers with."""
    place = PRIVATE[path]
    return None if place is None else importlib.import_module(f"cornu.{place}".rstrip("."))


def refusal(path: str) -> str:
    """The message for a private name that is not served.

    Args:
        path: path of the name, below `keras.src`.

    Example:

        >>> print(refusal("layers.kernels.Dense"))
        Cornu has no keras.src.layers.kernels.Dense, a private name of Keras.
          fix: use keras.layers.Dense
    """
    public = [
        name.replace("cornu", "keras", 1) for name in absent.elsewhere(path.rpartition(".")[2])
    ]
    return explain(
        f"Cornu has no keras.src.{path}, a private name of Keras.",
        fix=f"use {' or '.join(public)}" if public else "use a public name: dir(keras) lists them.",
    )
