"""Settings of all tests: one platform, no files in the user's home."""

import gc
import os
import signal
import tempfile
from pathlib import Path

import pytest

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("CORNU_HOME", tempfile.mkdtemp(prefix="cornu-tests-"))
# Programs this small spend their time in the compiler, so LLVM optimises little in tests and in
# the processes they start; the tests of kernels switch it on again. With 0 everything is optimised.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

# Shells start background jobs with Ctrl-C switched off, which child processes inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

MOST_MEMORY = 2 << 30  # bytes of a worker, before what it has compiled is forgotten


@pytest.fixture(scope="module", autouse=True)
def _bounded_memory():
    """Thousands of small programs take gigabytes, and a large heap makes all tests slower."""
    yield
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:  # not Linux
        return
    if pages * os.sysconf("SC_PAGE_SIZE") > MOST_MEMORY:
        import jax

        jax.clear_caches()
        gc.collect()
