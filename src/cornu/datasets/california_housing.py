"""California housing: 20,640 block groups of the census of 1990, and the median price of a home.

    0 MedInc      median income              4 Population   of the block group
    1 HouseAge    median age of the houses   5 AveOccup     persons per household
    2 AveRooms    rooms per household        6 Latitude
    3 AveBedrms   bedrooms per household     7 Longitude

Source: Pace and Barry, Sparse Spatial Autoregressions, 1997.
"""

from cornu import errors
from cornu.datasets import tables
from cornu.types import FilePath

SHA256 = "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"
SHAPE = (20_640, 8)
SMALL = 600  # rows of the small version


@errors.trimmed
def load_data(
    version: str = "large",
    path: FilePath = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> tuple[tables.Part, tables.Part]:
    """The California housing data, downloaded on first use.

    Args:
        version: "large" (20,640 rows), or "small" (the first 600).
        path: name of the file in the cache, or the path of a local file.
        test_split: fraction of the rows for the test, at least 0 and below 1.
        seed: seed of the order of the rows.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: features `(16512, 8)` and `(4128, 8)`, prices
        `(16512,)` and `(4128,)` in dollars.

    Raises:
        ValueError: the file does not hold arrays of these names and shapes, or an argument is out
            of range.
        ConnectionError: it is missing and cannot be downloaded; the message says where to put it.

    Example:

        >>> (x_train, y_train), (x_test, y_test) = load_data("small")  # doctest: +SKIP
        >>> x_train.shape, x_test.shape  # doctest: +SKIP
        ((480, 8), (120, 8))
    """
    if version not in ("small", "large"):
        raise errors.value_error(
            f"version must be 'small' or 'large', got {version!r}.", fix="version='large'"
        )
    rows = SMALL if version == "small" else SHAPE[0]
    return tables.load(
        path, "california_housing.npz", SHA256, SHAPE, rows, test_split=test_split, seed=seed
    )
