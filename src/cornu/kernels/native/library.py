"""The library of native kernels: where it lies, whether it fits this machine, loading it.

    conv.cc --(`cornu build-kernels`, once)--> CORNU_HOME/native/<key>.so --(first use)--> XLA

The kernels are optional: nothing needs them, and they are built only when somebody asks for it, on
the machine that runs them. The key is a digest of the source, of the version of XLA and of the
processor, so a library that does not fit is never looked at. `CORNU_NATIVE=off` leaves it alone.
"""

import ctypes
import functools
import hashlib
import platform
from pathlib import Path

from cornu.engine.runtime import home_folder, is_off

SOURCE = Path(__file__).parent / "conv.cc"
CALLS = ("cornu_conv", "cornu_conv_weights")


def processor() -> str:
    """What this processor is and can do, as one text."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(wanted)}))


@functools.cache
def library_path() -> Path:
    """Where the library for this source, this XLA and this processor lies once it is built."""
    import jaxlib

    parts = (SOURCE.read_text(), jaxlib.__version__, platform.machine(), processor())
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return home_folder() / "native" / f"{digest[:20]}.so"


@functools.cache
def lanes() -> int:
    """How many float32 numbers a vector of the kernels holds; 0 where they are not to be used."""
    if is_off("CORNU_NATIVE") or not library_path().is_file():
        return 0
    return load(library_path())


def load(path: Path) -> int:
    """Hand the calls of a library to XLA; returns the lanes of its vectors.

    Raises:
        OSError: it cannot be loaded.
    """
    import jax

    library = ctypes.CDLL(str(path))
    for name in CALLS:
        jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(getattr(library, name)), platform="cpu")
    return int(library.cornu_lanes())


def describe() -> str:
    """What there is, in a line."""
    if is_off("CORNU_NATIVE"):
        return "off by CORNU_NATIVE"
    if lanes():
        return str(library_path())
    return "not built; with a C++ compiler `cornu build-kernels` makes small convolutions faster"
