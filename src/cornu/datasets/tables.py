"""What the two housing data sets have in common: a table of numbers, shuffled and parted."""

import numpy as np

from cornu import errors
from cornu.datasets import archive
from cornu.types import FilePath

Part = tuple[np.ndarray, np.ndarray]


def check_split(test_split: float) -> None:
    """Raise ValueError unless a fraction leaves something to train on."""
    if not 0 <= test_split < 1:
        raise errors.value_error(
            f"test_split must be at least 0 and below 1, got {test_split!r}.",
            fix="test_split=0.2",
        )


def load(
    path: FilePath,
    file: str,
    sha256: str,
    shape: tuple[int, int],
    rows: int,
    test_split: float,
    seed: int,
) -> tuple[Part, Part]:
    """The rows of a table in a random order that depends on the seed alone.

    Args:
        path: name of the file in the cache, or the path of a local file.
        file: name of the file on the server.
        sha256: hash of a download.
        shape: numbers of rows and of features that the file must have.
        rows: number of rows to take, from the first.
        test_split: fraction of the rows for the test.
        seed: seed of the order.
    """
    check_split(test_split)
    place = archive.locate(path, archive.ORIGIN + file, sha256=sha256, limit=64 << 20)
    data = archive.read_numbers(place, {"x": shape, "y": shape[:1]})
    order = np.arange(min(rows, shape[0]))
    np.random.RandomState(seed).shuffle(order)
    x, y = data["x"][order], data["y"][order]
    cut = int(len(x) * (1 - test_split))
    return (x[:cut].copy(), y[:cut].copy()), (x[cut:].copy(), y[cut:].copy())
