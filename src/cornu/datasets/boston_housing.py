"""Boston housing: 506 districts of Boston in 1970, 13 features, and the median price of a home.

One feature was made from the fraction of Black residents, on an assumption about its effect on
prices. Take `california_housing` unless you study that: with `version="small"` it is about as
large.
"""

from cornu import errors
from cornu.datasets import tables
from cornu.types import FilePath

SHA256 = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"
SHAPE = (506, 13)


@errors.trimmed
def load_data(
    path: FilePath = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[tables.Part, tables.Part]:
    """The Boston housing data, downloaded on first use.

    Args:
        path: name of the file in the cache, or the path of a local file.
        test_split: fraction of the rows for the test, at least 0 and below 1.
        seed: seed of the order of the rows.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, all float64: features `(404, 13)` and `(102, 13)`,
        prices `(404,)` and `(102,)` in thousands of dollars.

    Raises:
        ValueError: the file does not hold arrays of these names and shapes, or `test_split` is out
            of range.
        ConnectionError: it is missing and cannot be downloaded; the message says where to put it.

    Example:

        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, x_test.shape  # doctest: +SKIP
        ((404, 13), (102, 13))
    """
    return tables.load(
        path, "boston_housing.npz", SHA256, SHAPE, SHAPE[0], test_split=test_split, seed=seed
    )
