"""Checks of constructor arguments that many layers share."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from cornu import settings
from cornu.errors import did_you_mean, type_error, value_error


def is_int(value: Any) -> bool:
    """Whether the value is an int that is not a bool."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def positive_int(value: Any, name: str, example: str) -> int:
    """The value as an int greater than zero.

    Args:
        value: what the user gave.
        name: name of the argument.
        example: a call that is right.

    Raises:
        ValueError: it is something else.

    Example:

        >>> positive_int(3, "units", "LSTM(32)")
        3
    """
    if not is_int(value) or value <= 0:
        raise value_error(f"{name} is a positive int, got {value!r}.", fix=example)
    return int(value)


def repetitions(value: Any, name: str, example: str) -> int:
    """The value as an int greater than zero, where Keras distinguishes the two mistakes.

    Args:
        value: what the user gave.
        name: name of the argument.
        example: a call that is right.

    Raises:
        TypeError: it is no int.
        ValueError: it is zero or less.

    Example:

        >>> repetitions(3, "n", "RepeatVector(3)")
        3
    """
    if not is_int(value):
        raise type_error(f"{name} must be an int, got {value!r}.", fix=example)
    if value < 1:
        raise value_error(f"{name} must be >= 1, got {value}.", fix=example)
    return int(value)


def per_axis(value: Any, rank: int, name: str, *, least: int = 1) -> tuple[int, ...]:
    """One int for each spatial axis, from an int or a sequence of ints.

    Args:
        value: what the user gave.
        rank: number of spatial axes.
        name: name of the argument.
        least: the smallest int allowed.

    Raises:
        ValueError: it is neither, or an int is too small.

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
        what = "an int" if rank == 1 else f"an int or {rank} ints"
        bound = f" of at least {least}"
        raise value_error(
            f"{name} is {what}{bound}, got {value!r}.",
            fix=f"{name}={max(least, 2)}" + (f"\nor {name}={(2,) * rank}" if rank > 1 else ""),
        )
    return tuple(int(n) for n in values)


def pairs_per_axis(value: Any, rank: int, name: str) -> tuple[tuple[int, int], ...]:
    """One pair (before, after) for each spatial axis, from an int, ints or pairs of ints.

    Raises:
        ValueError: it is none of these, or an int is negative.

    Example:

        >>> pairs_per_axis(1, 2, "padding"), pairs_per_axis(((1, 2), (0, 0)), 2, "padding")
        (((1, 1), (1, 1)), ((1, 2), (0, 0)))
    """
    values = (value,) * rank if is_int(value) else value
    fitting = isinstance(values, (tuple, list)) and len(values) == rank
    pairs = [(v, v) if is_int(v) else v for v in values] if fitting else []
    if not fitting or not all(
        isinstance(p, (tuple, list)) and len(p) == 2 and all(is_int(n) and n >= 0 for n in p)
        for p in pairs
    ):
        raise value_error(
            f"{name} is an int, or for each of {rank} axes an int or a pair (before, after) "
            f"of ints that are not negative, got {value!r}.",
            fix=f"{name}={((1, 1),) * rank}",
        )
    return tuple((int(a), int(b)) for a, b in pairs)


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
            f"data_format is 'channels_last' or 'channels_first', got {value!r}.",
            fix="data_format='channels_last'\nfor arrays (batch, height, width, channels)",
        )
    return value


def one_of(value: Any, choices: Iterable[Any], name: str) -> Any:
    """The value, if it is among the choices.

    Raises:
        ValueError: it is not.

    Example:

        >>> one_of("same", ("valid", "same"), "padding")
        'same'
    """
    choices = list(choices)
    if value not in choices:
        shown = " or ".join(repr(c) for c in choices)
        raise value_error(
            f"{name} is {shown}, got {value!r}.", fix=did_you_mean(value, map(str, choices))
        )
    return value


def fraction(value: Any, name: str) -> float:
    """The value, if it is a number from 0 to 1.

    Raises:
        TypeError: it is no number.
        ValueError: it lies outside.

    Example:

        >>> fraction(0.5, "rate")
        0.5
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise type_error(f"{name} is a number from 0 to 1, got {value!r}.", fix=f"{name}=0.5")
    if not 0 <= value <= 1:
        raise value_error(f"{name} is a number from 0 to 1, got {value!r}.", fix=f"{name}=0.5")
    return value  # type: ignore[return-value]


def yes_or_no(value: Any, name: str) -> bool:
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


def first_shape_given(kwargs: dict[str, Any]) -> tuple[int | None, ...] | None:
    """The batch shape that `input_shape=`, `batch_input_shape=` or `input_dim=` means."""
    batch = kwargs.pop("batch_size", None)
    if "batch_input_shape" in kwargs:
        return tuple(kwargs.pop("batch_input_shape"))
    if "input_shape" in kwargs:
        shape = kwargs.pop("input_shape")
        if not isinstance(shape, (tuple, list)):
            raise value_error(
                f"input_shape is a tuple of sizes, got {shape!r}.", fix="input_shape=(784,)"
            )
        return (batch, *shape)
    if "input_dim" in kwargs:
        return (batch, kwargs.pop("input_dim"))
    return None
