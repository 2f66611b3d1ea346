"""Building the native kernels with the C++ compiler of this machine, and testing them.

    compiler --> <key>.building-... --(loaded and tested in a process of its own)--> <key>.so

A library that crashes, or computes something else than XLA does, never gets its name.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cornu.errors import explain
from cornu.kernels.native.library import SOURCE, library_path

COMPILERS = ("c++", "g++", "clang++")
OPTIONS = ("-std=c++17", "-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC", "-w")
PATIENCE = 300  # seconds for the compiler, and for the test


def find_compiler() -> str | None:
    """The C++ compiler named by `CXX`, else the first that is installed; None without any."""
    named = os.environ.get("CXX")
    return next(filter(None, map(shutil.which, [named] if named else COMPILERS)), None)


def build() -> Path:
    """Compile the native kernels for this machine, test them, and keep the library.

    Returns:
        Where the library lies. It is used from the next process on.

    Raises:
        RuntimeError: there is no compiler, it fails, or the library does not compute what it
            should.
    """
    compiler = find_compiler()
    if compiler is None:
        named = os.environ.get("CXX")
        raise RuntimeError(
            explain(
                f"The compiler CXX={named} is not found."
                if named
                else "There is no C++ compiler on this machine.",
                fix="install g++ or clang++, or name one in the environment variable CXX;\n"
                "without it everything works all the same, only some convolutions are slower.",
            )
        )
    import jax

    goal = library_path()
    goal.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="building-", dir=goal.parent) as folder:
        made = Path(folder) / goal.name
        include = jax.ffi.include_dir()
        _run("compiler", [compiler, *OPTIONS, "-I", include, str(SOURCE), "-o", str(made)])
        _run("test", [sys.executable, "-m", "cornu.kernels.native.check", str(made)])
        made.replace(goal)
    return goal


def _run(what: str, command: list[str]) -> None:
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "CORNU_CACHE": "off"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False, env=environment
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(explain(f"The {what} did not end within {PATIENCE} seconds.")) from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-12:]
        raise RuntimeError(
            explain(
                f"The native kernels were not built: the {what} ended with {done.returncode}.",
                command=" ".join(command[:1] + command[-3:]),
                output="\n".join(said) or "none",
            )
        )
