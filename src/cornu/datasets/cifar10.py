"""CIFAR-10: 60,000 photographs of 10 classes, in colour, 32 by 32 pixels.

    0 airplane   1 automobile   2 bird    3 cat    4 deer
    5 dog        6 frog         7 horse   8 ship   9 truck

Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
"""

from pathlib import Path

import numpy as np

from cornu import errors
from cornu.datasets import batches

ARCHIVE, FOLDER = "cifar-10-python.tar.gz", "cifar-10-batches-py"
SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
TRAIN = tuple(f"data_batch_{k}" for k in range(1, 6))
BATCH = 10_000  # images
CLASSES = 10


@errors.trimmed
def load_data() -> tuple[batches.Part, batches.Part]:
    """The CIFAR-10 photographs, downloaded on first use.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, all uint8: images `(50000, 32, 32, 3)` and
        `(10000, 32, 32, 3)` with pixels 0 to 255, labels `(50000, 1)` and `(10000, 1)` from 0 to
        9. With `image_data_format` "channels_first" images are `(..., 3, 32, 32)`.

    Raises:
        ValueError: a file does not hold images of this shape, or a label above 9.
        UnsafeFileError: a file is a pickle of more than data.
        ConnectionError: the archive is missing and cannot be downloaded; the message says where to
            put it.

    Example:

        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, y_train.shape  # doctest: +SKIP
        ((50000, 32, 32, 3), (50000, 1))
    """
    folder = batches.locate(ARCHIVE, FOLDER, f"{FOLDER}-target", SHA256)
    train, test = _part(folder, TRAIN), _part(folder, ("test_batch",))
    return train, test


def _part(folder: Path, names: tuple[str, ...]) -> batches.Part:
    parts = [batches.read(folder / name, BATCH, "labels", CLASSES) for name in names]
    data = np.concatenate([images for images, _ in parts])
    labels = np.concatenate([labels for _, labels in parts])
    return batches.images(data), labels.astype(np.uint8)[:, None]


def at_hand() -> Path | None:
    """The folder of the batches, or else their archive, if one is on this machine."""
    return batches.at_hand(ARCHIVE, FOLDER, f"{FOLDER}-target")
