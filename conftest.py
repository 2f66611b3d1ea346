"""Settings of all tests: one platform, no files in the user's home."""

import gc
import os
import signal
import tempfile
from functools import lru_cache
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

ROOT = Path(__file__).parent
LIGHTLY = os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"].lower() not in ("0", "false", "")
# Tests of last digits, of what is the same bit for bit, and of what a user sees first: compiled as
# for users, since how LLVM orders sums is a part of the numbers.
AS_FOR_USERS = (
    "kernels/native", "kernels/test_random_bits.py", "kernels/test_reduce.py", "train",
    "properties", "random", "sweep", "test_tour.py", "test_beginners.py",
    "test_reproducibility.py",
)  # fmt: skip
# Options of XLA's CPU backend, version 0.10. One LLVM module for each program rather than 32 takes
# two thirds of the time and gives the same numbers. The older emitter of loops takes half the time
# of the one built on MLIR, and its last digits differ.
ONE_MODULE = {"xla_cpu_parallel_codegen_split_count": 1}
OLD_EMITTER = {"xla_cpu_use_fusion_emitters": False}
SHARING = 200  # programs that share an MLIR context
MOST_MEMORY = 2 << 30  # bytes of a worker, before what it has compiled is forgotten


@pytest.fixture(scope="module", autouse=True)
def _compiler(request):
    """How far programs are optimized, here and in processes that a test starts."""
    import jax
    import jaxlib
    from jax._src import compiler

    users = any(request.path.is_relative_to(ROOT / "tests" / place) for place in AS_FOR_USERS)
    lightly = LIGHTLY and not users
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = str(int(lightly))
    if jax.config.read("jax_disable_most_optimizations") != lightly:
        jax.clear_caches()  # of programs that other modules left
        jax.config.update("jax_disable_most_optimizations", lightly)

    plain = compiler.get_compile_options

    def with_more(*args, env_options_overrides=None, **kwargs):
        options = env_options_overrides or {}
        level = options.get("xla_backend_optimization_level", 0 if lightly else 3)
        options = {**ONE_MODULE, **(OLD_EMITTER if level == 0 else {}), **options}
        return plain(*args, env_options_overrides=options, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        known = jaxlib.__version__.startswith("0.10.")
        if LIGHTLY and known and os.environ["JAX_PLATFORMS"] == "cpu":
            patch.setattr(compiler, "get_compile_options", with_more)
        yield


@pytest.fixture(scope="session", autouse=True)
def _shared_context():
    """JAX makes an MLIR context for each program, which takes longer than to lower a small one."""
    from jax._src.interpreters import mlir

    made = 0

    @lru_cache(maxsize=1)
    def make(turn):
        return plain()

    def shared():
        nonlocal made
        made += 1
        return make(made // SHARING)

    plain = mlir.make_ir_context
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mlir, "make_ir_context", shared)
        yield


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
