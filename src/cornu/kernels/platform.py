"""Which machine a program is being built for, and whether its sizes are known.

Every kernel asks `target()` once while it is traced and picks a lowering from the answer:

    jax.default_backend() --(asked once)--> target() --> "cpu"   lowerings of this folder
                                               ^         "gpu"   plain XLA / jax.nn forms
                     targeting("tpu") ---------+         "tpu"   plain XLA / jax.nn forms

`targeting` overrides the answer, for example while exporting a program for another machine. The
answer is read while a function is traced; a function that jax has already compiled keeps the
lowering it was traced with.
"""

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax

from cornu.context import local, using
from cornu.errors import did_you_mean, value_error

TARGETS = ("cpu", "gpu", "tpu")


@functools.cache
def _found() -> str:
    """The backend jax computes on; every GPU flavour is one target."""
    backend = jax.default_backend()
    return "gpu" if backend in ("gpu", "cuda", "rocm") else backend


def target() -> str:
    """The machine that lowerings are picked for: `"cpu"`, `"gpu"` or `"tpu"`.

    Example:

        >>> with targeting("tpu"):
        ...     target()
        'tpu'
    """
    return local.target or _found()


def target_is_forced() -> bool:
    """True inside `targeting`: the program may run elsewhere, on a machine that nobody has seen.

    Example:

        >>> with targeting("cpu"):
        ...     target_is_forced()
        True
    """
    return local.target is not None


@contextmanager
def targeting(name: str) -> Iterator[None]:
    """Pick lowerings for another machine inside the block.

    Args:
        name: `"cpu"`, `"gpu"` or `"tpu"`.

    Raises:
        ValueError: for any other name.

    Example:

        >>> with targeting("cpu"):
        ...     target()
        'cpu'
    """
    if name not in TARGETS:
        raise value_error(
            f"The platform must be one of {', '.join(TARGETS)}, got {name!r}.",
            fix=did_you_mean(name, TARGETS),
        )
    with using(target=name):
        yield


def known(*shapes: Sequence[Any]) -> bool:
    """True where every size of the shapes is a plain integer, none a symbol of `jax.export`.

    Example:

        >>> known((2, 3), (4,))
        True
    """
    return all(isinstance(size, int) for shape in shapes for size in shape)


def tuned(*arrays: Any) -> bool:
    """True where a CPU lowering may be picked: the target is the CPU and all sizes are known."""
    return target() == "cpu" and known(*(a.shape for a in arrays))
