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
# processes that tests start, except in the tests named below. With 0 all is optimized.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

# Shells start background jobs with Ctrl-C switched off, which child processes inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

LIGHTLY = os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"].lower() not in ("0", "false", "")
# Tests of last digits, of what is the same bit for bit, and of what a user sees first: compiled as
# for users, since how LLVM orders sums is a part of the numbers.
AS_FOR_USERS = (
    "kernels", "train", "properties", "random", "test_tour.py", "test_beginners.py",
    "test_reproducibility.py",
)  # fmt: skip
MOST_MEMORY = 2 << 30  # bytes of a worker, before what it has compiled is forgotten


@pytest.fixture(scope="module", autouse=True)
def _compiler(request):
    """How far programs are optimized, here and in processes that a test starts."""
    import jax

    name = request.path.relative_to(Path(__file__).parent).parts[0]
    lightly = LIGHTLY and name not in AS_FOR_USERS
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = str(int(lightly))
    if jax.config.read("jax_disable_most_optimizations") != lightly:
        jax.clear_caches()  # of programs that other modules left
        jax.config.update("jax_disable_most_optimizations", lightly)


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
