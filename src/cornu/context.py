"""What the code that runs now is inside of: the one thread-local, and the one way to scope a value.

Every field has a `with` block of the form `using(field=value)`, so that leaving restores it, also
after an error. It is on the ground because kernels and readers of files ask it too.

    frame         innermost Frame: values of variables during a trace         (core/frame.py)
    call          enclosing layer call: training flag                         (layers/base/call.py)
    autocast      dtype to which float variables are cast when read           (mixed precision)
    path          names of the enclosing scopes, joined by "/"                (names of variables)
    distribution  layout of a new variable over devices
    device        device of new arrays
    remat         calls that are recomputed in the backward pass              (core/remat_scope.py)
    symbolic      True while shapes are inferred and nothing is computed      (core/symbolic.py)
    sketching     True while layers are made only for their shapes            (layers/base/build.py)
    text          calls of layers that take text, recorded or answered        (core/text.py)
    target        platform that lowerings are picked for; None: where it runs (kernels/platform.py)
    logits        id(output) -> (output, logits, kind) of softmax and sigmoid (core/logits.py)
    element       (seed, epoch, index) of what a data pipeline maps now       (data/pipeline)
    draws         id(generator) -> number of draws for that element         (random/seed.py)
    turns         number of turns that the thread holds                       (core/turns.py)
    budget        budget of the load that is under way                        (budget.py)
    blanks        variables whose initial values wait for a file   (core/objects/blank.py)
    custom_objects  names that loading may use inside CustomObjectScope
    safe_mode       whether loading refuses code (lambdas) found in a file
    written, read   objects of the file that is being written or read, to keep those that it shares
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
    sketching: bool = False
    text: Any = None
    target: str | None = None
    logits: dict[int, tuple[Any, Any, str]] | None = None
    element: tuple[int, int, int] | None = None
    draws: dict[int, int] = {}
    turns: int = 0
    budget: Any = None
    blanks: Any = None
    custom_objects: dict[str, Any] = {}
    safe_mode: bool = True
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
