"""Starting anew within a process."""

import jax

from cornu import names
from cornu.core.programs import cache
from cornu.random.seed import forget_global_seed


def clear_session(free_memory: bool = True) -> None:
    """Number names from the start, forget the global seed, and drop compiled programs.

    Args:
        free_memory: whether programs and traced shapes are dropped too, ours and those of JAX.
    """
    names.reset_names()
    forget_global_seed()
    if free_memory:
        cache.forget_all()
        jax.clear_caches()
