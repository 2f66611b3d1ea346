"""Checks of arguments: the value in its final form, or an error that says what it must be.

    positive_int, integer, optional_int     integers
    non_negative, fraction                numbers
    per_axis, pairs_per_axis              one entry per spatial axis
    one_of, channels_format, yes_or_no    choices

Each takes the value, the name of the argument for the message, and bounds.
"""

import operator
from collections.abc import Iterable
from typing import Any, TypeGuard, TypeVar

import numpy as np

from cornu import settings
from cornu.errors import did_you_mean, type_error, value_error

T = TypeVar("T")


def is_int(value: object) -> TypeGuard[int]:
    """Whether the value is an integer of Python or numpy, and not a bool."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Whether the value is a real number of Python or numpy, and not a bool."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def positive_int(value: object, name: str, example: str | None = None) -> int:
    """The value as an integer greater than zero.

    Args:
        value: what the user gave.
        name: name of the argument.
        example: a correct call, shown as the fix.

    Raises:
        ValueError: the value is not a positive integer.

    Example:

        >>> positive_int(-3, "units", "LSTM(32)")
        Traceback (most recent call last):
        ValueError: units must be a positive integer, got -3.
          fix: LSTM(32)
    """
    if not is_int(value) or value <= 0:
        raise value_error(f"{name} must be a positive integer, got {value!r}.", fix=example)
    return int(value)


def integer(value: Any, name: str, *, least: int = 1) -> int:
    """The value as an integer, with one kind of error for its type and one for its size.

    Args:
        value: what the user gave.
        name: name of the argument.
        least: the smallest integer allowed.

    Raises:
        TypeError: the value is not an integer.
        ValueError: the value is less than `least`.

    Example:

        >>> integer("5", "epochs", least=0)
        Traceback (most recent call last):
        TypeError: epochs must be an integer, got '5'.
          fix: epochs=5
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        try:
            near = max(int(float(value)), least)
        except (TypeError, ValueError, OverflowError):
            near = max(least, 1)
        raise type_error(f"{name} must be an integer, got {value!r:.60}.", fix=f"{name}={near}")
    if number < least:
        fix = f"{name}={max(least, 1)}"
        raise value_error(f"{name} must be at least {least}, got {number}.", fix=fix)
    return number


def optional_int(value: object, name: str, *, least: int = 1) -> int | None:
    """The value, if it is None or an integer that is large enough.

    Raises:
        ValueError: it is neither.

    Example:

        >>> optional_int(128, "sliding_window")
        128
    """
    if value is None or (is_int(value) and value >= least):
        return value
    raise value_error(
        f"{name} must be an integer >= {least} or None, got {value!r}.", fix=f"{name}=None"
    )


def non_negative(value: object, name: str) -> float:
    """The value, if it is a number of at least zero.

    Raises:
        ValueError: it is not.

    Example:

        >>> non_negative(0.1, "stddev")
        0.1
    """
    if not is_number(value) or not value >= 0:
        raise value_error(f"{name} must be a number >= 0, got {value!r}.", fix=f"{name}=0.1")
    return value


def fraction(value: object, name: str) -> float:
    """The value, if it is a number from 0 to 1.

    Raises:
        TypeError: it is not a number.
        ValueError: it lies outside.

    Example:

        >>> fraction(0.5, "rate")
        0.5
    """
    if not is_number(value):
        raise type_error(f"{name} must be a number from 0 to 1, got {value!r}.", fix=f"{name}=0.5")
    if not 0 <= value <= 1:
        raise value_error(f"{name} must be a number from 0 to 1, got {value!r}.", fix=f"{name}=0.5")
    return value


def per_axis(value: object, rank: int, name: str, *, least: int = 1) -> tuple[int, ...]:
    """One integer per spatial axis, from an integer or a sequence of integers.

    Args:
        value: what the user gave.
        rank: number of spatial axes.
        name: name of the argument.
        least: the smallest integer allowed, 0 or 1.

    Raises:
        ValueError: the value is neither, or an integer is too small.

    Example:

        >>> per_axis(3, 2, "kernel_size"), per_axis([1, 5], 2, "kernel_size")
        ((3, 3), (1, 5))
    """
    values = (value,) * rank if is_int(value) else value
    if (
        not isinstance(values, Iterable)
        or isinstance(values, str)
        or len(values := tuple(values)) != rank
        or not all(is_int(n) and n >= least for n in values)
    ):
        what = "a positive integer" if least else "a non-negative integer"
        raise value_error(
            f"{name} must be {what}{f' or {rank} of them' if rank > 1 else ''}, got {value!r}.",
            fix=f"{name}=2" + (f"\nor {name}={(2,) * rank}" if rank > 1 else ""),
        )
    return tuple(int(n) for n in values)


def pairs_per_axis(value: object, rank: int, name: str) -> tuple[tuple[int, int], ...]:
    """One pair (before, after) per spatial axis, from an integer, integers or pairs of integers.

    Raises:
        ValueError: the value is none of these, or an integer is negative.

    Example:

        >>> pairs_per_axis(1, 2, "padding"), pairs_per_axis(((1, 2), (0, 0)), 2, "padding")
        (((1, 1), (1, 1)), ((1, 2), (0, 0)))
    """
    values = (value,) * rank if is_int(value) else value
    entries = values if isinstance(values, (tuple, list)) and len(values) == rank else [None]
    pairs: list[Any] = [(v, v) if is_int(v) else v for v in entries]
    if not all(
        isinstance(p, (tuple, list)) and len(p) == 2 and all(is_int(n) and n >= 0 for n in p)
        for p in pairs
    ):
        raise value_error(
            f"{name} must be a non-negative integer, or {rank} entries that are such integers or "
            f"pairs (before, after) of them, got {value!r}.",
            fix=f"{name}={((1, 1),) * rank}",
        )
    return tuple((int(a), int(b)) for a, b in pairs)


def one_of(value: T, choices: Iterable[object], name: str) -> T:
    """The value, if it is among the choices.

    Raises:
        ValueError: it is not.

    Example:

        >>> one_of("same", ("valid", "same"), "padding")
        'same'
    """
    choices = list(choices)
    if value not in choices:
        shown = " or ".join(", ".join(map(repr, choices)).rsplit(", ", 1))
        raise value_error(
            f"{name} must be {shown}, got {value!r}.", fix=did_you_mean(value, map(str, choices))
        )
    return value


def channels_format(value: str | None) -> str:
    """The data format: the given one, or the setting of the process if None.

    Raises:
        ValueError: there is no such format.

    Example:

        >>> channels_format(None)
        'channels_last'
    """
    if value is None:
        return settings.current.image_data_format
    if value not in settings.DATA_FORMATS:
        raise value_error(
            f"data_format must be 'channels_last' or 'channels_first', got {value!r}.",
            fix="data_format='channels_last'\nfor arrays (batch, height, width, channels)",
        )
    return value


def yes_or_no(value: object, name: str) -> bool:
    """The value as a bool, if it is one, or 0 or 1.

    Raises:
        ValueError: it is something else.

    Example:

        >>> yes_or_no(False, "trainable")
        False
    """
    if not isinstance(value, (bool, int, np.bool_, np.integer)) or value not in (0, 1):
        raise value_error(f"{name} must be True or False, got {value!r}.", fix=f"{name}=True")
    return bool(value)
