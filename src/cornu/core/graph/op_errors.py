"""Errors about the arguments of ops, with the name of the op and what it was given.

    ValueError: matmul does not accept its arguments: the sizes of the axes that are summed over ...
      received: x1 float32 (2, 3), x2 float32 (4, 5)

An error that jax or numpy raises about the arguments is raised again in these words; so is one of
another kind that is about them all the same, such as an OverflowError.
"""

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any

from cornu.errors import did_you_mean, explain

# What is raised about arguments, and what a caller gets to see of it. Subclasses, which jax's
# special errors are, stay as they are.
KINDS: dict[type[Exception], type[Exception]] = {
    TypeError: TypeError,
    ValueError: ValueError,
    IndexError: IndexError,
    AttributeError: TypeError,
    NameError: TypeError,
    AssertionError: ValueError,
    KeyError: ValueError,
    OverflowError: ValueError,
    ZeroDivisionError: ValueError,
}


def is_about_arguments(error: Exception) -> bool:
    """Whether an error is to be explained: not explained yet, and no mistake of the op's own."""
    if hasattr(error, "_explained") or type(error) not in KINDS:
        return False
    return not isinstance(error, NameError) or "axis name" in str(error)


def with_op(
    error: Exception, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Exception:
    """The error with the op's name and what it was given."""
    name = getattr(function, "__name__", "op")
    detail = str(error).strip()
    if isinstance(error, NameError):
        detail = "an axis is an int, not a name."
    if "\n  " in detail or detail.startswith(
        (f"{name} takes", f"{name}: ")
    ):  # in our words already
        message = detail if name in detail.split("\n")[0] else f"{name}: {detail}"
    else:
        received = _described(function, args, kwargs)
        because = f": {plainly(detail) or detail.split(chr(10))[0]}" if detail else "."
        what = f"{name} does not accept its arguments{because}"
        unknown = re.search(r"unexpected keyword argument '(\w+)'", detail)
        known = list(inspect.signature(function).parameters) if unknown else []
        fix = did_you_mean(unknown[1], known, "argument", name) if unknown and known else None
        message = explain(what, received=received, fix=fix)
    clear = KINDS[type(error)](message)
    clear._explained = True  # type: ignore[attr-defined]
    return clear


# What jax says of the primitives inside an op, in words that fit the op.
_PLAINLY = (
    (r".*ncompatible shapes for broadcasting: (?:shapes=\[)?(.*?)[\].]*$", r"\1 do not broadcast"),
    (
        r"dot_general requires contracting dimensions to have the same shape, got \((\d*|None),\)"
        r" and \((\d*|None),\)\.?$",
        r"the sizes of the axes that are summed over differ, \1 and \2",
    ),
    (r"tuple index out of range$", "there is no such axis"),
)


def plainly(detail: str) -> str | None:
    """What jax says of shapes that do not fit, in our words; None of anything else.

    Example:

        >>> plainly("Incompatible shapes for broadcasting: shapes=[(2,), (3,)]")
        '(2,), (3,) do not broadcast.'
    """
    said = detail.split("\n")[0]
    for pattern, words in _PLAINLY:
        if re.match(pattern, said):
            return re.sub(pattern, words, said) + "."
    return None


def _described(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """`x1 float32 (2, 3), axis 1`: the arguments as messages show them."""
    try:
        given = function.signature.bind(*args, **kwargs).arguments
    except TypeError:
        given = {**{str(i): a for i, a in enumerate(args)}, **kwargs}
    return ", ".join(f"{name} {_brief(value)}" for name, value in given.items())


def _brief(value: Any) -> str:
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        sizes = [str(n) if isinstance(n, int) else "None" for n in value.shape]
        comma = "," if len(sizes) == 1 else ""
        return f"{value.dtype} ({', '.join(sizes)}{comma})"
    if isinstance(value, (list, tuple)) and any(hasattr(v, "shape") for v in value):
        return "[" + ", ".join(_brief(v) for v in value) + "]"
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def explained(fn: Callable[..., Any]) -> Any:
    """Let a function that is no op, since it takes no tensors, name itself in errors as ops do.

    Example:

        >>> @explained
        ... def halves(n: int):
        ...     return [1 / 2] * n
        >>> halves("two")
        Traceback (most recent call last):
        TypeError: halves does not accept its arguments: can't multiply sequence by non-int of ...
          received: n 'two'
    """

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return fn(*args, **kwargs)
        except tuple(KINDS) as error:
            if not is_about_arguments(error):
                raise
            raise with_op(error, call, args, kwargs) from error

    known: Any = call
    known.signature = inspect.signature(fn)
    return known
