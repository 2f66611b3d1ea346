"""What a process does that was forked from one in which JAX had already worked.

A fork copies memory and one thread. JAX waits there for threads that do not exist, for ever, so the
first computation in such a child says what to do instead. A fork before the first use, a subprocess
and a child that only reads or saves weights are left alone.
"""

import os
from typing import Any, NoReturn

from cornu.engine import runtime
from cornu.errors import explain

# Classes and their methods that compute.
_computing: list[tuple[type, str]] = []


def refuse_after_fork(cls: Any, *methods: str) -> None:
    """Let these methods say, in a child that was forked too late, that they cannot work."""
    _computing.extend((cls, method) for method in methods)


def _refuse(*args: Any, **kwargs: Any) -> NoReturn:
    raise RuntimeError(
        explain(
            "This process was forked from one that had used JAX, whose threads it does not have, "
            "so any computation would wait for ever.",
            fix="multiprocessing.get_context('spawn') starts processes that compute;\n"
            "or fork before the first layer, array or model is made.",
        )
    )


def _after_fork() -> None:
    if runtime.backend_is_up():
        for cls, method in _computing:
            old = vars(cls).get(method)
            setattr(cls, method, property(_refuse) if isinstance(old, property) else _refuse)


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
