"""Kernels are compiled as for users: how LLVM orders their sums is a part of their numbers."""

import jax
import pytest


@pytest.fixture(scope="module", autouse=True)
def _compiler():
    """In place of the fixture for all tests, which leaves out most optimizations."""
    jax.config.update("jax_disable_most_optimizations", False)
    jax.clear_caches()  # of programs that other modules left
