"""Where a run is in its data, and in the random numbers of the process.

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
    """Refuse what a backup says of a source that no training can have come to.

    Args:
        position: what `Source.position` gave, or what stands in its place in a file.
        epoch: number of epochs that are over.
        step: number of batches of the next one that were used.
        batches: number of batches of an epoch; None if not known.

    Raises:
        ValueError: a number is of another kind, or beyond what was read until then.

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
    """Give data, or an iterator over them, the state that a backup has of them.

    Raises:
        ValueError: they do not take it.
    """
    try:
        data.set_state(state)
    except Exception as error:
        raise _other_data(
            f"{type(data).__name__} does not take the state that the backup has of it.",
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
    """Put them back.

    Args:
        streams: what `random_streams` gave.
        python: the generator of Python's kind that gets its state.
        numpy: the generator of numpy's older kind that gets its state.

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
