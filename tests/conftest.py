"""Settings of all tests: one platform, no files in the user's home."""

import gc
import os
import signal
import tempfile
from pathlib import Path

import pytest

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # waiting threads take the other worker's core
os.environ.setdefault("CORNU_HOME", tempfile.mkdtemp(prefix="cornu-tests-"))
# Programs this small spend their time in the compiler, so LLVM optimizes little, here and in the
# processes that tests start. With 0 all is optimized, as it always is in the tests of kernels.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

# Shells start background jobs with Ctrl-C switched off, which child processes inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

LIGHTLY = os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"].lower() not in ("0", "false", "")
MOST_MEMORY = 2 << 30  # bytes of a worker, before what it has compiled is forgotten


@pytest.fixture(scope="module", autouse=True)
def _compiler():
    """How far programs are optimized; other folders may have another fixture of this name."""
    import jax

    jax.config.update("jax_disable_most_optimizations", LIGHTLY)


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
