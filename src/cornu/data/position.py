"""The position of a run in its data, and the state of the process's random generators.

batch in use   ...  41   42 | 43   44          a source may read ahead of the step that runs,
mark kept      ...  41   42   43   44          so what belongs to "42 batches used" is written
                          ^                    down as each batch is read, not when it is asked
"""

import random
from collections import deque
from typing import Any

import numpy as np

from cornu.errors import value_error

MARKS_KEPT = 64  # a source reads far fewer batches ahead


def check_position(position: dict[str, Any], epoch: int, step: int, batches: int | None) -> None:
    """Refuse a position of a source in a backup that no training can have reached.

    Args:
        position: result of `Source.position`, or whatever a file has in its place.
        epoch: number of finished epochs.
        step: number of used batches of the next one.
        batches: number of batches per epoch; None if unknown.

    Raises:
        ValueError: a number is invalid, or beyond what was read until then.

    Example:

        >>> check_position({"seed": 1, "taken": 25}, epoch=2, step=5, batches=10)
    """
    for name in ("seed", "taken"):
        value = position.get(name, 0)
        if type(value) is not int or not 0 <= value < 2**63:
            raise value_error(f"The backup says {name} of the data is {value!r:.80}.")
    read = step if batches is None else (epoch + 1) * batches
    if position.get("taken", 0) > read + MARKS_KEPT:
        raise _other_data(
            f"The backup says that {position['taken']} batches were read, in {epoch} epochs and "
            f"{step} steps."
        )
    at = position.get("streams_at", {})
    try:
        for streams in at.values():
            set_random_streams(streams, random.Random(), np.random.RandomState())  # noqa: NPY002
    except Exception as error:  # whatever else they are
        raise value_error("The backup holds no state of random numbers.") from error


def set_state(data: Any, state: Any) -> None:
    """Restore the state of data, or of an iterator over them, from a backup.

    Raises:
        ValueError: the state does not fit the data.
    """
    try:
        data.set_state(state)
    except Exception as error:
        raise _other_data(
            f"{type(data).__name__} does not accept its state in the backup.",
            detail=f"{type(error).__name__}: {error}"[:300],
        ) from error


def _other_data(what: str, **facts: object) -> ValueError:
    fix = "make the data as before, or delete the backup to start anew."
    return value_error(what, fix=fix, **facts)


class Marks:
    """What belongs to the last few numbers of batches.

    Example:

        >>> marks = Marks()
        >>> marks.keep(0, taken=5), marks.keep(1, taken=6)
        (None, None)
        >>> marks.at(0), marks.at(None), marks.at(7)
        ({'taken': 5}, {'taken': 6}, None)
    """

    def __init__(self) -> None:
        self._kept: deque[tuple[int, dict[str, Any]]] = deque(maxlen=MARKS_KEPT)

    def keep(self, batch: int, **what: Any) -> None:
        """Remember something beside the number of batches that were given before."""
        self._kept.append((batch, what))

    def at(self, batch: int | None) -> dict[str, Any] | None:
        """What was kept last for this number, or last of all; None if nothing was."""
        return next((what for n, what in reversed(self._kept) if batch in (None, n)), None)


def random_streams() -> dict[str, Any]:
    """The states of Python's and numpy's process-wide generators, as arrays and numbers."""
    version, words, gauss = random.getstate()
    return {
        "python": [version, np.array(words, np.uint32), gauss],
        "numpy": np.random.get_state(legacy=False),
    }


def set_random_streams(
    streams: dict[str, Any], python: Any = random, numpy: Any = np.random
) -> None:
    """Restore the states of Python's and numpy's process-wide generators.

    Args:
        streams: result of `random_streams`.
        python: generator of Python's kind to restore.
        numpy: legacy generator of numpy to restore.

    Example:

        >>> streams = random_streams()
        >>> first = random.random(), np.random.random()
        >>> set_random_streams(streams)
        >>> first == (random.random(), np.random.random())
        True
    """
    version, words, gauss = streams["python"]
    python.setstate((version, tuple(int(w) for w in words), gauss))
    numpy.set_state(streams["numpy"])
