"""What a module says of a name that it has not: an old or foreign one, one that stands elsewhere.

    from cornu.layers import Linear      ImportError: cornu.layers has no 'Linear'. ... 'Dense'?
    cornu.layers.Rescaling               AttributeError: ... instead: x / 255 ...
    cornu.layers.Adam                    AttributeError: ... it is in cornu.optimizers.

Each public module ends with `__getattr__ = absent.names_of(__name__)`, out of the sight of type
checkers, which are to flag such a name.
"""

import difflib
import importlib
import opcode
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from cornu import glossary
from cornu.errors import explain, trimmed

ROOT = "cornu"


def names_of(module: str) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a module: raises an error that says what to write instead.

    Args:
        module: its full name.

    Example:

        >>> names_of("cornu.layers")("Linear")
        Traceback (most recent call last):
        AttributeError: cornu.layers has no 'Linear'.
          fix: did you mean 'Dense'?
    """

    @trimmed
    def absent(name: str) -> NoReturn:
        refuse(module, name, instruction(3))  # this, what trims tracebacks, and who asks

    return absent


def refuse(module: str, name: str, asked: str) -> NoReturn:
    """Raise the error about a name that a module has not.

    Args:
        module: its full name.
        name: what was asked for.
        asked: the instruction that asks, as `opcode` calls it. Where it is neither an import nor an
            attribute, a program looks around by `hasattr`, and nothing is imported to answer it.
    """
    if name.startswith("__"):
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    text = message(module, name, look_around=asked in ("IMPORT_FROM", "LOAD_ATTR", "LOAD_METHOD"))
    if asked == "IMPORT_FROM":  # an AttributeError would be replaced by a bare sentence
        raise ImportError(text, name=module)
    raise AttributeError(text)


def message(module: str, name: str, look_around: bool = True) -> str:
    """What to write instead of a name that a module has not.

    Args:
        module: its full name, `cornu` or one below.
        name: what was asked for; dotted for a module inside.
        look_around: also import the other modules, to see whether one of them has it.
    """
    place = module.removeprefix(ROOT).lstrip(".")
    loaded = importlib.import_module(module)
    known = [n for n in dir(loaded) if not n.startswith("_")]
    what = f"{module} has no {name!r}."
    today = glossary.MODULES.get(place, {}).get(name.partition(".")[0])
    if today is not None and not today.isidentifier():
        return explain(what, instead=today)
    if today is None:
        where = elsewhere(name) if look_around else []
        if where:
            return explain(what, fix=f"it is {' or '.join(where)}.")
        today = glossary.MODULES.get("layers" if place == "" else place, {}).get(name)
    close = [today] if today in known else difflib.get_close_matches(name, known, n=1)
    if not close:
        by_case = {n.lower(): n for n in known}
        close = [by_case[c] for c in difflib.get_close_matches(name.lower(), by_case, n=1)]
    fix = f"did you mean {close[0]!r}?" if close else None
    return explain(what, fix=fix)


def elsewhere(name: str) -> list[str]:
    """Where a public name of the library stands, with its module: `cornu.layers.Dense`.

    Example:

        >>> elsewhere("EarlyStopping"), elsewhere("fashion_mnist"), elsewhere("Unicorn")
        (['cornu.callbacks.EarlyStopping'], ['cornu.datasets.fashion_mnist'], [])
    """
    root = importlib.import_module(ROOT)
    if name in root.__all__:
        return [f"{ROOT}.{name}"]
    modules = {space: importlib.import_module(f"{ROOT}.{space}") for space in root.NAMESPACES}
    found = [space for space, module in modules.items() if name in vars(module)]
    # What a module imports for its own use is a module; a class or function is meant to be there.
    found = [s for s in found if s == "datasets" or not _is_module(vars(modules[s])[name])]
    first = [s for s in ("layers", "ops", "optimizers", "callbacks") if s in found]
    return [f"{ROOT}.{space}.{name}" for space in (first[:1] or found[:2])]


def _is_module(value: Any) -> bool:
    return isinstance(value, type(sys))


def instruction(depth: int) -> str:
    """What a calling frame is doing: of the module's `__getattr__`, it is what asks for a name."""
    frame = sys._getframe(depth)
    at = frame.f_lasti
    return opcode.opname[frame.f_code.co_code[at]] if at >= 0 else ""
