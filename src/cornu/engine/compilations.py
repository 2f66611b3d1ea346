"""Which programs are compiled, and how long it takes: `config.set_debug("compile")`.

    train_step_loop   many training steps in one dispatch    test_step_loop   the same, evaluating
    train_step        one training step, or the rest         test_step        one step, or the rest
    predict_step      one for each of a few sizes of batches

A program is compiled once for each shape of the batch (of the data set, where steps run in a loop).
More lines than that mean that shapes change when they need not.
"""

import functools
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

from cornu import settings
from cornu.errors import did_you_mean, value_error

KINDS = ("compile",)
_EVENT = "/jax/core/compile/backend_compile_duration"
_PROGRAMS = ("train_step", "test_step", "predict_step")

_listening: list[Counter[str]] = []  # whom to tell
_reported: Counter[str] = Counter()


def debug() -> tuple[str, ...]:
    """What is reported while the library works; see `set_debug`."""
    return settings.current.debug


def set_debug(*kinds: str) -> None:
    """Report on standard error what the library does: the kinds given, and no others.

    Args:
        *kinds: "compile" reports each compiled program. `CORNU_DEBUG=compile` in the environment
            does so from the start.

    Raises:
        ValueError: there is no such kind.

    Example:

        >>> set_debug("compile")
        >>> debug()
        ('compile',)
        >>> set_debug()
    """
    for kind in kinds:
        if kind not in KINDS:
            raise value_error(f"There is no debug output {kind!r}.", fix=did_you_mean(kind, KINDS))
    settings.current.debug = tuple(kind for kind in KINDS if kind in kinds)
    if kinds:
        _register()


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count the programs of steps that are compiled in a `with` block, by name."""
    _register()
    counter: Counter[str] = Counter()
    _listening.append(counter)
    try:
        yield counter
    finally:
        _listening.remove(counter)


@functools.cache
def _register() -> None:
    jax.monitoring.register_event_duration_secs_listener(_on_event)


def _on_event(event: str, seconds: float, **about: Any) -> None:
    if event != _EVENT:
        return
    name = str(about.get("fun_name", "")).removeprefix("jit(").removesuffix(")")
    if not name.startswith(_PROGRAMS):
        return
    for counter in _listening:
        counter[name] += 1
    if settings.current.debug:
        _reported[name] += 1
        print(f"compiled {name} ({_reported[name]}) in {seconds:.2f} s", file=sys.stderr)


if "compile" in os.environ.get("CORNU_DEBUG", "").split(","):
    set_debug("compile")
