"""The one thread-local: what the code that runs now is inside of.

Every field has a `with` block of the form `using(field=value)`, so that leaving restores it, also
after an error. The only other thread-local is the budget of a load (`budget.py`), which the ground
needs too.

    frame         innermost Frame: values of variables during a trace      (core/frame.py)
    call          the layer call that encloses this one: training flag     (layers/base/call.py)
    autocast      dtype to which float variables are cast when read        (mixed precision)
    path          names of the enclosing scopes, joined by "/"             (names of variables)
    distribution  how a new variable is laid out over devices
    device        where new arrays are put
    remat         which calls are recomputed in the backward pass
    symbolic      True while shapes are inferred and nothing is computed
    custom_objects  names that loading may use inside CustomObjectScope
    safe_mode     whether loading refuses code (lambdas) found in a file
    blanks        variables whose initial values are put off, as a file fills them
                  (core/objects/blank.py)
    written, read  objects of the file that is being written or read, to keep those that it shares
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Context(threading.local):
    """Fields of the current thread; see the module's docstring."""

    frame: Any = None
    call: Any = None
    autocast: str | None = None
    path: str = ""
    distribution: Any = None
    device: Any = None
    remat: Any = None
    symbolic: bool = False
    custom_objects: dict[str, Any] = {}
    safe_mode: bool = True
    blanks: Any = None
    written: dict[int, Any] | None = None
    read: dict[int, Any] | None = None

    @contextmanager
    def using(self, **fields: Any) -> Iterator[None]:
        """Set fields for the length of a `with` block."""
        before = {name: getattr(self, name) for name in fields}
        for name, value in fields.items():
            setattr(self, name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(self, name, value)


local = Context()
using = local.using


@contextmanager
def name_scope(name: str) -> Iterator[str]:
    """Enter a scope whose name becomes part of the paths of variables made inside.

    Example:

        >>> with name_scope("encoder"), name_scope("dense"):
        ...     current_path()
        'encoder/dense'
    """
    path = f"{local.path}/{name}" if local.path else name
    with using(path=path):
        yield path


def current_path() -> str:
    """Names of the enclosing scopes, joined by a slash; empty outside of any."""
    return local.path
