"""Fashion-MNIST: 70,000 images of clothes, gray, 28 by 28 pixels, laid out as MNIST.

    0 T-shirt/top   1 trouser   2 pullover   3 dress   4 coat
    5 sandal        6 shirt     7 sneaker    8 bag     9 ankle boot

The data set is four gzipped idx files. They have the same names as those of MNIST, so they are
looked for in a folder `fashion-mnist` only.
"""

import numpy as np

from cornu import errors
from cornu.datasets import archive

ORIGIN = archive.ORIGIN
FILES = {
    "x_train": "train-images-idx3-ubyte.gz",
    "y_train": "train-labels-idx1-ubyte.gz",
    "x_test": "t10k-images-idx3-ubyte.gz",
    "y_test": "t10k-labels-idx1-ubyte.gz",
}
LAYOUT = archive.shapes_of(60_000, 10_000, (28, 28))
CLASSES = 10

Part = tuple[np.ndarray, np.ndarray]


@errors.trimmed
def load_data() -> tuple[Part, Part]:
    """The Fashion-MNIST images, downloaded on first use.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, all uint8: images `(60000, 28, 28)` and
        `(10000, 28, 28)` with pixels 0 to 255, labels `(60000,)` and `(10000,)` from 0 to 9.

    Raises:
        ValueError: a file does not hold an array of this shape, or a label above 9.
        ConnectionError: a file is missing and cannot be downloaded; the message says where to put
            it.

    The files come over https and have no published SHA-256, so their content is verified by its
    structure: header, shape, exact length, range of the labels.

    Example:

        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, int(y_train.max())  # doctest: +SKIP
        ((60000, 28, 28), 9)
    """
    data = {}
    for name, file in FILES.items():
        try:
            path = archive.locate(
                file, ORIGIN + file, subfolder="datasets/fashion-mnist", limit=64 << 20
            )
        except ConnectionError as error:
            others = ", ".join(other for other in FILES.values() if other != file)
            error.args = (f"{error}\n       and likewise the other files: {others}",)
            raise
        data[name] = archive.read_idx(path, LAYOUT[name])
        if name.startswith("y"):
            archive.check_labels(path, data[name], CLASSES)
    return (data["x_train"], data["y_train"]), (data["x_test"], data["y_test"])
