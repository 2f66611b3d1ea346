"""The engine's start: settings that must be made before XLA compiles anything.

| what              | why (measured on two cores with AVX-512)            | off with            |
|-------------------|-----------------------------------------------------|---------------------|
| flag for YNNPACK  | its reductions return wrong numbers, and end the    | CORNU_XLA_FLAGS=off |
|                   | process for arrays of rank 7 (jaxlib 0.10.2, 0.11); |                     |
|                   | its convolutions without padding are 2 to 4 times   |                     |
|                   | slower than Eigen's; its products are kept          |                     |
| flag for vectors  | 512 bits where the processor has them, LLVM stops   | CORNU_XLA_FLAGS=off |
|                   | at 256: an epoch of mlp, cnn, lstm 5 to 11 % less,  |                     |
|                   | of a transformer 2 % more                           |                     |
| compilation cache | the second run of a script need not compile         | CORNU_CACHE=off     |

`start` runs once per process, when the first part of the library that computes is imported, and
leaves everything alone that was initialised or set by the user before, with one exception: what
computes wrong numbers is switched off in any case. Where it is too late for a flag, or where
nobody knows whether this XLA has it, each program is compiled with the option instead (`_guard`).

What reaches beyond XLA is done on request alone: `tune_process` sets the memory allocator of the
process. `cornu run` and `cornu demo`, whose process is theirs, call it.

The cache lies in `CORNU_CACHE` if that names a folder, else in `compiled` below `CORNU_HOME`
(`~/.cornu`). What is compiled under one setting is never found under another: flags and options
are part of the key.
"""

import ctypes
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

YNN_OPTION = "xla_cpu_experimental_ynn_fusion_type"
_PART = "LIBRARY_FUSION_TYPE_"
NO_REDUCTIONS = f"--{YNN_OPTION}=-{_PART}REDUCE"
YNN_FLAG = f"{NO_REDUCTIONS},-{_PART}INDIVIDUAL_CONVOLUTION"
VECTOR_FLAG = "--xla_cpu_prefer_vector_width=512"
FLAGS = (YNN_FLAG, VECTOR_FLAG)
# The option of a single program names what is left: products, or nothing.
SAFE_VALUES = (f"{_PART}INDIVIDUAL_DOT", "")
KNOWN_VERSIONS = ((0, 10), (0, 11))  # of jaxlib, which know the flags; 0.10.1 has the first

CACHE_LIMIT = 1 << 30  # bytes; the entries used longest ago go first
OFF = ("off", "0", "false", "no")

# What `start` did, by name, for `describe`.
_in_force: dict[str, str] = {}


def start() -> None:
    """Make the settings, once; later calls do nothing."""
    if "cache" in _in_force:
        return
    if backend_is_up():
        reason = "left alone: JAX was initialised before"
        _in_force.update({"xla_flags": reason, "cache": reason})
        if not is_off("CORNU_XLA_FLAGS"):
            _in_force["xla_flags"] = f"{reason}; {_guard()}"
        return
    _in_force["xla_flags"] = _set_flags()
    _in_force["cache"] = _set_cache()


def describe() -> dict[str, str]:
    """What is in force: a line each for the allocator, the XLA flags and the cache.

    Example:

        >>> sorted(describe())
        ['allocator', 'cache', 'xla_flags']
    """
    start()
    return {"allocator": _UNTUNED, **_in_force}


def is_off(variable: str) -> bool:
    """Whether the user switched something off by an environment variable."""
    return os.environ.get(variable, "").lower() in OFF


def backend_is_up() -> bool:
    """Whether JAX has begun to work in this process."""
    bridge = sys.modules.get("jax._src.xla_bridge")
    return bridge is not None and bool(bridge.backends_are_initialized())


# ---- memory -----------------------------------------------------------------------------------


_UNTUNED = "left alone: keras.config.tune_process() tunes it"


def tune_process() -> str:
    """Let this process keep the memory that it frees, for faster training on the CPU.

    XLA allocates and frees temporary buffers in every step. glibc returns large ones to the system,
    so each step takes page faults that can cost more than the arithmetic. After this call glibc
    serves large blocks from its heap, keeps freed pages, and uses one arena for all threads. The
    process keeps its peak of memory, and threads that allocate much wait for each other, so this is
    for a program that trains or predicts, not for one in which Cornu is a small part.

    Call it first, before arrays are made; it cannot be undone. `cornu run` and `cornu demo` do so
    by themselves, unless `CORNU_MALLOC=off` is in the environment, which makes this do nothing.
    What it brings stands in `benchmarks/RESULTS.md`.

    Returns:
        What was done, as `keras.config.engine()["allocator"]` says it from then on.
    """
    _in_force["allocator"] = done = _tune_allocator()
    return done


def _tune_allocator() -> str:
    if is_off("CORNU_MALLOC"):
        return "off by CORNU_MALLOC"
    if not sys.platform.startswith("linux"):
        return "left alone: not glibc"
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return "left alone: not glibc"
    trim_threshold, top_pad, mmap_max, arena_max = -1, -2, -4, -8
    options = ((mmap_max, 0), (trim_threshold, 2**31 - 1), (top_pad, 64 << 20), (arena_max, 1))
    if all(mallopt(option, value) for option, value in options):
        return "glibc keeps freed pages (no mmap, no trim, one arena)"
    return "left alone: glibc refused"


# ---- XLA --------------------------------------------------------------------------------------


def _set_flags() -> str:
    if is_off("CORNU_XLA_FLAGS"):
        return "off by CORNU_XLA_FLAGS"
    if not _flags_are_known():
        return f"left alone: another version of XLA; {_guard()}"
    flags = os.environ.get("XLA_FLAGS", "")
    added = [flag for flag in FLAGS if flag.partition("=")[0] not in flags]
    if YNN_FLAG not in added and flags.split()[-1:] != [NO_REDUCTIONS]:
        added.append(NO_REDUCTIONS)  # later words of XLA_FLAGS change what earlier ones say
    os.environ["XLA_FLAGS"] = " ".join([flags, *added]).strip()
    return " ".join(added) or "left alone: set by XLA_FLAGS"


def _flags_are_known() -> bool:
    """Whether this XLA takes the flags: an unknown one would end the process."""
    import jaxlib  # a sub-package of JAX, which is loaded in any case by what calls `start`

    return tuple(int(part) for part in jaxlib.__version__.split(".")[:2]) in KNOWN_VERSIONS


def _guard() -> str:
    """Compile every program from now on without reductions by YNNPACK; says what was done.

    An option that XLA does not know is an error of the one program it is tried on, and then left
    out.
    """
    import jax
    from jax._src import compiler

    options_of = getattr(compiler, "get_compile_options", None)
    if options_of is None:
        return "programs compile as JAX likes it"
    safe: list[str | None] = []  # the value to use, once it is known
    finding_out = threading.RLock()

    def guarded(*args: Any, **settings: Any) -> Any:
        options = options_of(*args, **settings)
        if getattr(settings.get("backend"), "platform", "cpu") != "cpu":
            return options
        with finding_out:
            if not safe:
                safe.append(None)  # what is compiled to find out is compiled without
                safe[0] = _safe_value(jax)
        given = dict(options.env_option_overrides)
        if safe[0] is not None and YNN_OPTION not in given:
            options.env_option_overrides = [*given.items(), (YNN_OPTION, safe[0])]
        return options

    compiler.get_compile_options = guarded
    jax.clear_caches()  # programs that were compiled before, and would be met again
    return "every program is compiled without YNNPACK's reductions"


def _safe_value(jax: Any) -> str | None:
    """The value of YNNPACK's option that this XLA takes; None if it has no such option."""
    for value in SAFE_VALUES:
        try:
            jax.jit(lambda x: x + 1, compiler_options={YNN_OPTION: value}).lower(1.0).compile()
        except Exception:  # noqa: S112 - of whatever type, it says that the option is not known
            continue
        return value
    return None


# ---- compiled programs ------------------------------------------------------------------------


def cache_folder() -> Path:
    """Where compiled programs are kept."""
    named = os.environ.get("CORNU_CACHE")
    return Path(named).expanduser() if named else home_folder() / "compiled"


def home_folder() -> Path:
    """Where Cornu keeps files: `CORNU_HOME`, else `~/.cornu`."""
    return Path(os.environ.get("CORNU_HOME") or "~/.cornu").expanduser()


def _set_cache() -> str:
    import jax
    from jax._src import compilation_cache

    if is_off("CORNU_CACHE"):
        return "off by CORNU_CACHE"
    if jax.config.jax_compilation_cache_dir:
        return f"left alone: JAX uses {jax.config.jax_compilation_cache_dir}"
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        return f"off: {folder} cannot be made ({error.strerror})"
    if not os.access(folder, os.W_OK):
        return f"off: {folder} cannot be written"
    if hasattr(compilation_cache, "get_file_cache"):
        compilation_cache.get_file_cache = lambda path: (ProgramCache(path), path)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return str(folder)


class ProgramCache:
    """Compiled programs in files, one each; what JAX asks of a cache.

    Files are written aside and renamed, so processes that share the folder, or are killed while
    they write, never leave half a program. When the folder grows over the limit, the programs that
    were used longest ago go.

    It takes the place of JAX's own cache (`jax._src.lru_cache`, with a limit only where `filelock`
    is installed), which does not survive a process that is killed while it writes: half a file
    stays under its name for good, is read, warned of and compiled again in every later process,
    and with a limit an entry without its time of access lets every later write fail. JAX has no
    public way to name another cache; a JAX without `get_file_cache` uses its own.

    Args:
        path: the folder.
        limit: bytes it may hold.
    """

    def __init__(self, path: Any, limit: int = CACHE_LIMIT):
        self._path = Path(path)
        self._limit = limit
        self._size: int | None = None  # bytes in the folder; counted at the first write

    def _file(self, key: str) -> Path:
        return self._path / f"{key}.xla"

    def get(self, key: str) -> bytes | None:
        """The program under a key; None if there is none."""
        file = self._file(key)
        try:
            program = file.read_bytes()
            os.utime(file)
        except OSError:  # never written, or just evicted by another process
            return None
        return program

    def put(self, key: str, value: bytes) -> None:
        """Keep a program, unless it is there or larger than the whole cache may be."""
        file = self._file(key)
        if len(value) > self._limit or file.exists():
            return
        self._make_room(len(value))
        descriptor, aside = tempfile.mkstemp(dir=self._path, prefix="writing-")
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.write(value)
            os.replace(aside, file)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise

    def _make_room(self, size: int) -> None:
        if self._size is not None and self._size + size <= self._limit:
            self._size += size
            return
        entries = []
        for file in self._path.iterdir():
            try:
                facts = file.stat()
            except OSError:  # evicted by another process
                continue
            entries.append((facts.st_mtime, facts.st_size, file))
        total = sum(entry[1] for entry in entries) + size
        for _, freed, file in sorted(entries):
            if total <= self._limit:
                break
            file.unlink(missing_ok=True)
            total -= freed
        self._size = total
