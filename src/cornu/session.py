"""Starting anew within a process."""

import jax

from cornu import names
from cornu.random.seed import forget_global_seed


def clear_session(free_memory: bool = True) -> None:
    """Number names from the start, forget the global seed, and drop compiled programs.

    Args:
        free_memory: also let go of what JAX has compiled in this process.
    """
    names.reset_names()
    forget_global_seed()
    if free_memory:
        jax.clear_caches()
