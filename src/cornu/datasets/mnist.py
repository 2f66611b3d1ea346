"""MNIST: 70,000 handwritten digits, gray, 28 by 28 pixels."""

import numpy as np

from cornu import errors
from cornu.datasets import archive
from cornu.types import FilePath

ORIGIN = archive.ORIGIN + "mnist.npz"
SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
LAYOUT = archive.shapes_of(60_000, 10_000, (28, 28))
CLASSES = 10

Part = tuple[np.ndarray, np.ndarray]


@errors.trimmed
def load_data(path: FilePath = "mnist.npz") -> tuple[Part, Part]:
    """The MNIST digits, downloaded on first use.

    Args:
        path: name of the file in the cache, or the path of a local file.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, all uint8: images `(60000, 28, 28)` and
        `(10000, 28, 28)` with pixels 0 (paper) to 255 (ink), labels `(60000,)` and `(10000,)`
        from 0 to 9.

    Raises:
        ValueError: the file does not hold arrays of these names, shapes and types.
        ConnectionError: it is missing and cannot be downloaded; the message says where to put it.

    A file is looked for in the folders of `CORNU_DATA`, in Cornu's cache and in `~/.keras`; a
    download must match the published SHA-256.

    Example:

        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, y_train[:4]  # doctest: +SKIP
        ((60000, 28, 28), array([5, 0, 4, 1], dtype=uint8))
    """
    file = archive.locate(path, ORIGIN, sha256=SHA256, limit=64 << 20)
    data = archive.read_npz(file, LAYOUT)
    for name in ("y_train", "y_test"):
        archive.check_labels(file, data[name], CLASSES)
    return (data["x_train"], data["y_train"]), (data["x_test"], data["y_test"])
