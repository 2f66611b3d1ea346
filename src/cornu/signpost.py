"""`import keras` where no Keras is installed: the error says how Cornu answers to that name.

The last finder of the import system. It finds nothing, so whoever only asks whether there is a
Keras (`importlib.util.find_spec("keras")`) hears that there is none. Only where an import statement
is about to fail does it raise the error itself, with one more line.
"""

import importlib
import sys
from typing import Any

KERAS = ("keras", "tf_keras")
ADVICE = (
    "`import keras` means Cornu after `import cornu.compat; cornu.compat.install()`,\n"
    "  in a script run by `cornu run script.py`, and in a notebook after `%load_ext cornu`"
)


class Signpost:
    """A finder that finds nothing and says where to look."""

    @staticmethod
    def find_spec(fullname: str, path: Any = None, target: Any = None) -> None:
        """Never a spec.

        Raises:
            ModuleNotFoundError: the program imports `keras`, and nobody else has it, or a module of
                Cornu's that is not there.
        """
        if fullname.startswith("cornu.") and _is_import():
            absent = importlib.import_module("cornu.absent")
            parent, _, name = fullname.rpartition(".")
            error = ModuleNotFoundError(absent.message(parent, name))
            error.name = fullname
            raise error
        if fullname in KERAS and _is_import():
            error = ModuleNotFoundError(f"No module named {fullname!r}.\n  {ADVICE}.")
            error.name = fullname
            raise error


def _is_import() -> bool:
    """Whether an import statement asks, and not a program that looks what is installed."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__") == "importlib._bootstrap":
        if frame.f_code.co_name == "_find_and_load_unlocked":
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def stand() -> None:
    """Take the last place among the finders."""
    if not any(finder is Signpost for finder in sys.meta_path):
        sys.meta_path.append(Signpost)
