"""Where a run is in its data, and in the random numbers of the process.

batch in use   ...  41   42 | 43   44          a source may read ahead of the step that runs,
mark kept      ...  41   42   43   44          so what belongs to "42 batches used" is written
                          ^                    down as each batch is read, not when it is asked
"""

import random
from collections import deque
from typing import Any

import numpy as np

MARKS_KEPT = 64  # a source reads far fewer batches ahead


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


def set_random_streams(streams: dict[str, Any]) -> None:
    """Put them back.

    Example:

        >>> streams = random_streams()
        >>> first = random.random(), np.random.random()
        >>> set_random_streams(streams)
        >>> first == (random.random(), np.random.random())
        True
    """
    version, words, gauss = streams["python"]
    random.setstate((version, tuple(int(w) for w in words), gauss))
    np.random.set_state(streams["numpy"])
