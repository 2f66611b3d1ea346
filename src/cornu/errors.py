"""What Cornu says when something goes wrong.

Exceptions keep the built-in types that programs catch (`ValueError`, `TypeError`, ...). Their text
always has the same order, and this file is the one place that builds it:

    Dense expects inputs whose last axis is 16, got 32.        what happened
      shapes: inputs (None, 32), kernel (16, 10)               the facts
      fix:    build a new layer for this width, or ...         what to do next
      where:  model 'mnist' > block_2 > dense_4                added while the error passes upward
"""

import difflib
import functools
import importlib
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from cornu import settings

F = TypeVar("F", bound=Callable[..., Any])


class UnsafeFileError(ValueError):
    """A file asks for something that loading a model must never do; see the message for what."""


def explain(what: str, *, fix: str | None = None, **facts: object) -> str:
    """Build a message: what happened, the facts one a line, and what to do next.

    Args:
        what: one sentence in the present tense, expected and received.
        fix: what the user can do; several lines are indented under each other.
        **facts: named values, shown in the order given.

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
    return "\n".join(lines)


def did_you_mean(name: object, names: Iterable[str]) -> str:
    """The hint that ends a message about an unknown name: close names, or else all of them.

    Example:

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
    close = difflib.get_close_matches(str(name).lower(), lowered, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(repr(lowered[c]) for c in close)}?"
    shown = ", ".join(repr(n) for n in known[:40])
    return f"known names: {shown}" + (", ..." if len(known) > 40 else "")


def without_super(obj: object) -> str:
    """The message for an object of a class whose `__init__` left out that of its base.

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


def need(module: str, *, for_: str, install: str | None = None) -> types.ModuleType:
    """Import an optional package at the place of use, or say what to install.

    Args:
        module: dotted name to import, such as `"PIL.Image"`.
        for_: what it is needed for; ends the sentence "... is needed for".
        install: name to give to pip where it differs from the module's first part.

    Returns:
        The imported module.

    Raises:
        ImportError: it is not installed.
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

    The note is one line however many layers the error passes: each outer place is put in front.
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


_LIBRARY = __name__.rpartition(".")[0]


def _is_ours(frame: types.FrameType) -> bool:
    name = frame.f_globals.get("__name__", "")
    return name.startswith((_LIBRARY + ".", "jax.", "jaxlib.")) or name in (_LIBRARY, "contextlib")


def _trim(error: BaseException) -> None:
    """Keep the frames that the user wrote, and the innermost one whoever wrote it."""
    frames = []
    step = error.__traceback__
    while step is not None:
        frames.append(step)
        step = step.tb_next
    kept = [f for f in frames if not _is_ours(f.tb_frame)] or frames[-1:]
    for frame, following in zip(kept, [*kept[1:], None], strict=True):
        frame.tb_next = following
    error.__traceback__ = kept[0] if kept else None


def trimmed(method: F) -> F:
    """Decorate a public method: a traceback out of it shows the user's frames, not the library's.

    `cornu.config.disable_traceback_filtering()` shows everything again.
    """

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except Exception as error:
            if settings.current.traceback_filtering:
                _trim(error)
            raise

    return call  # type: ignore[return-value]
