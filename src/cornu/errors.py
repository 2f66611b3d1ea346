"""Error messages: what Cornu says when something goes wrong.

Exceptions keep the built-in types that programs catch (`ValueError`, `TypeError`, ...). Their text
always has the same order, and this file is the one place that builds it:

    Dense expects inputs whose last axis is 16, got 32.        what happened
      shapes: inputs (None, 32), kernel (16, 10)               the facts
      fix:    build a new layer for this width, or ...         what to do next
      where:  model 'mnist' > block_2 > dense_4                added while the error passes upward
"""

import ast
import difflib
import functools
import importlib
import inspect
import sys
import textwrap
import types
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from cornu import glossary, settings

E = TypeVar("E", bound=Exception)
F = TypeVar("F", bound=Callable[..., Any])

LISTED = 10  # names shown of a longer list
LINES, WIDTH = 10, 400  # of a message about a file, which may hold anything


class UnsafeFileError(ValueError):
    """A file asks for something that loading a model must never do; see the message for what."""


class NoSuchNameError(KeyError):
    """A `KeyError` whose text is a message, to be read as it stands rather than quoted."""

    __str__ = Exception.__str__


class Message(str):
    """A text that `explain` has built."""

    __slots__ = ()


def explain(what: str, *, fix: str | None = None, **facts: object) -> str:
    """Build a message: what happened, one fact per line, and what to do next.

    Args:
        what: one sentence, what is expected and what was received.
        fix: what the user can do, one alternative per line.
        **facts: named values, shown in this order.

    Example:

        >>> print(explain("x has 4 features, not 5.", shapes="x (8, 4)", fix="add one."))
        x has 4 features, not 5.
          shapes: x (8, 4)
          fix:    add one.
    """
    lines = [what]
    if fix is not None:
        facts["fix"] = fix
    width = max((len(name) for name in facts), default=0) + 1
    for name, value in facts.items():
        first, *rest = str(value).split("\n")
        lines.append(f"  {name + ':':{width}} {first}")
        lines += [f"  {'':{width}} {line}" for line in rest]
    return Message("\n".join(lines))


def value_error(what: str, *, fix: str | None = None, **facts: object) -> ValueError:
    """A `ValueError` with the message that `explain` builds."""
    return ValueError(explain(what, fix=fix, **facts))


def type_error(what: str, *, fix: str | None = None, **facts: object) -> TypeError:
    """A `TypeError` with the message that `explain` builds."""
    return TypeError(explain(what, fix=fix, **facts))


def make_error(kind: type[E], what: str, *, fix: str | None = None, **facts: object) -> E:
    """An error of any other kind with the message that `explain` builds."""
    return kind(explain(what, fix=fix, **facts))


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line of the user's program that led here."""
    level, frame = 1, sys._getframe()
    while is_ours(frame) and frame.f_back is not None:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def shorten(error: BaseException) -> None:
    """Cut the message of an error about a file to `LINES` lines of `WIDTH` letters."""
    text = str(error)
    lines = [
        line if len(line) <= WIDTH else f"{line[:WIDTH]} ..." for line in text[:100_000].split("\n")
    ]
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], f"  ... and {len(lines) - LINES + 1} lines more"]
    short = Message("\n".join(lines))
    if short != text and len(error.args) == 1:
        error.args = (short,)


def did_you_mean(name: object, names: Iterable[str], kind: str = "", owner: str = "") -> str:
    """The hint at the end of a message about an unknown name.

    The current name for an old or foreign one, or else names of similar spelling, or some names.

    Args:
        name: the unknown name.
        names: known names.
        kind: kind of the name: "argument", "loss", "metric", ...; see `glossary.word`.
        owner: name of the class or function that takes the argument.

    Example:

        >>> did_you_mean("nb_epoch", ["epochs", "verbose"], "argument")
        "did you mean 'epochs'?"

        >>> did_you_mean("adm", ["adam", "sgd"])
        "did you mean 'adam'?"
        >>> did_you_mean("zebra", ["adam", "sgd"])
        "known names: 'adam', 'sgd'"
    """
    known = sorted({str(n) for n in names})
    # Of spellings that differ in case alone, the one that is like the user's is shown.
    in_order = known if str(name).islower() else reversed(known)
    lowered = {n.lower(): n for n in in_order}
    if str(name).lower() in lowered:
        return f"did you mean {lowered[str(name).lower()]!r}?"
    for today in glossary.word(kind, str(name), owner):
        if not today.isidentifier():
            return today
        if today in lowered:
            return f"did you mean {lowered[today]!r}?"
    close = difflib.get_close_matches(str(name).lower(), lowered, n=3, cutoff=0.6)
    if not close and len(str(name)) >= 3:  # cut short, as acc
        close = [n for n in lowered if n.startswith(str(name).lower())][:3]
    close = list({c.replace("_", ""): lowered[c] for c in reversed(close)}.values())[::-1]
    if close:
        return f"did you mean {' or '.join(map(repr, close))}?"
    # One spelling of each, in snake case where there is one.
    known = list({n.lower().replace("_", ""): n for n in sorted(known)}.values())
    known.sort(key=lambda n: (not n.islower(), n))
    shown = ", ".join(repr(n) for n in known[:LISTED])
    more = len(known) - LISTED
    return f"known names: {shown}" + (f", and {more} more" if more > 0 else "")


def unknown_arguments(owner: str, given: Iterable[str], known: Iterable[str]) -> str:
    """The message about all unknown arguments of a class or function.

    Args:
        owner: name of the class or function.
        given: unknown arguments.
        known: known arguments.

    Example:

        >>> print(unknown_arguments("Adam", ["lr", "epsilonn"], ["learning_rate", "epsilon"]))
        Adam takes no arguments 'lr' and 'epsilonn'.
          fix: lr: did you mean 'learning_rate'?
               epsilonn: did you mean 'epsilon'?
    """
    given, known = list(given), list(known)
    hints = [did_you_mean(name, known, "argument", owner) if known else "" for name in given]
    if len(given) == 1:
        return explain(f"{owner} takes no argument {given[0]!r}.", fix=hints[0] or None)
    listed = f"{', '.join(map(repr, given[:-1]))} and {given[-1]!r}"
    lines = [f"{name}: {hint}" for name, hint in zip(given, hints, strict=True) if hint]
    return explain(f"{owner} takes no arguments {listed}.", fix="\n".join(lines) or None)


def without_super(obj: object) -> str:
    """The message for a class whose `__init__` does not call `super().__init__()`.

    Example:

        >>> class Mine: ...
        >>> print(without_super(Mine()))
        Mine.__init__ does not call super().__init__().
          fix: begin it with super().__init__(**kwargs).
    """
    return explain(
        f"{type(obj).__name__}.__init__ does not call super().__init__().",
        fix="begin it with super().__init__(**kwargs).",
    )


def returns_nothing(function: Any) -> str:
    """The message for a user's function that must return a value and does not.

    The fix returns the value of its last statement.

    Example:

        >>> print(returns_nothing(len))
        len returned None.
          fix: return ...
    """
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    name = getattr(function, "__qualname__", type(function).__name__).rpartition("<locals>.")[2]
    fix = "return ..."
    try:
        source = textwrap.dedent(inspect.getsource(code)) if code is not None else ""
        last = getattr(ast.parse(source).body[0], "body", [None])[-1]
    except (OSError, SyntaxError, IndexError, TypeError):  # typed into a shell, or a lambda
        last = None
    if isinstance(last, ast.Expr):
        fix = f"return {ast.unparse(last.value)}"
    elif isinstance(last, ast.Assign):
        fix = f"return {ast.unparse(last.targets[0])}"
    return explain(f"{name} returned None.", fix=fix)


def need(module: str, *, for_: str, install: str | None = None) -> types.ModuleType:
    """Import an optional package at the place of use, or say what to install.

    Args:
        module: dotted name to import, such as `"PIL.Image"`.
        for_: purpose, which ends the sentence "... is needed for".
        install: name of the distribution, if it differs from the first part of `module`.

    Returns:
        The imported module.

    Raises:
        ImportError: the package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = install or module.split(".")[0]
        raise ImportError(
            explain(f"The package {package!r} is needed for {for_}.", fix=f"pip install {package}")
        ) from error


@contextmanager
def located(place: str, detail: str = "") -> Iterator[None]:
    """Add a `where:` line to any error that passes, outermost place first.

    The note is one line: each outer place is put in front.
    """
    try:
        yield
    except Exception as error:
        where = [place, *getattr(error, "_where", [])]
        detail = getattr(error, "_where_detail", "") or detail
        note = f"  where:  {' > '.join(where)}{detail}"
        notes = [n for n in getattr(error, "__notes__", []) if not n.startswith("  where:  ")]
        try:
            error._where, error._where_detail = where, detail  # type: ignore[attr-defined]
            error.__notes__ = [*notes, note]
        except AttributeError:  # an exception class with slots cannot carry notes
            pass
        raise


# What puts an error of JAX into our words, as it is; entered by the floor that knows JAX's errors.
TRANSLATORS: list[Callable[[BaseException], None]] = []

_LIBRARY = __name__.rpartition(".")[0]
_BUILT_ON = (_LIBRARY, "jax", "jaxlib", "numpy", "ml_dtypes")
_JAX_NOTE = "JAX has removed its internal frames"


def frames_of(error: BaseException) -> list[types.TracebackType]:
    """The traceback of an error as a list, innermost frame last."""
    frames = []
    step = error.__traceback__
    while step is not None:
        frames.append(step)
        step = step.tb_next
    return frames


def is_ours(frame: types.FrameType) -> bool:
    """Whether a frame runs code of the library or of JAX, rather than the user's."""
    name = frame.f_globals.get("__name__", "")
    return name.startswith((_LIBRARY + ".", "jax.", "jaxlib.")) or name in (_LIBRARY, "contextlib")


def is_of_a_library(frame: types.FrameType) -> bool:
    """Whether a frame runs code of Python, of the library, or of its dependencies."""
    root = frame.f_globals.get("__name__", "").split(".")[0]
    return root != "__main__" and (root in sys.stdlib_module_names or root in _BUILT_ON)


def tidy(error: BaseException) -> None:
    """Put an error of JAX into our words, and drop what JAX says of its own frames."""
    for translate in TRANSLATORS:
        translate(error)
    notes = getattr(error, "__notes__", ())
    if any(_JAX_NOTE in note for note in notes):
        error.__notes__ = [note for note in notes if _JAX_NOTE not in note]


def _trim(error: BaseException) -> None:
    """Keep the frames that the user wrote; where we have explained the error, no other."""
    frames = frames_of(error)
    kept = [f for f in frames if not is_ours(f.tb_frame)]
    if not kept and not is_explained(error):
        kept = frames[-1:]
    for frame, following in zip(kept, [*kept[1:], None], strict=False):
        frame.tb_next = following
    error.__traceback__ = kept[0] if kept else None
    if is_explained(error) and all(is_ours(f.tb_frame) for f in _frames_behind(error)):
        error.__cause__, error.__suppress_context__ = None, True  # it says the same in JAX's words


def is_explained(error: BaseException) -> bool:
    """Whether the message of an error is one of ours."""
    if error.args and isinstance(error.args[0], Message):
        return True
    return "\n  " in str(error) or hasattr(error, "_explained") or _is_interrupt(error)


def _is_interrupt(error: BaseException) -> bool:
    return isinstance(error, KeyboardInterrupt)


def _frames_behind(error: BaseException) -> Iterator[types.TracebackType]:
    """The frames of the errors that led to this one."""
    behind = error.__cause__ or error.__context__
    while behind is not None:
        yield from frames_of(behind)
        behind = behind.__cause__ or behind.__context__


def trimmed(method: F) -> F:
    """Decorate a public method: tracebacks leave out the library's frames.

    Errors of JAX leave it in our words. `cornu.config.disable_traceback_filtering()` shows every
    frame again.
    """

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except (Exception, KeyboardInterrupt) as error:
            tidy(error)
            if settings.current.traceback_filtering:
                _trim(error)
            raise

    return call  # type: ignore[return-value]
