"""CIFAR-100: 60,000 photographs of 100 classes in 20 groups, in colour, 32 by 32 pixels.

Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
"""

from pathlib import Path

from cornu import errors
from cornu.datasets import batches

ARCHIVE, FOLDER = "cifar-100-python.tar.gz", "cifar-100-python"
SHA256 = "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
BATCHES = {"train": 50_000, "test": 10_000}
CLASSES = {"fine": 100, "coarse": 20}


@errors.trimmed
def load_data(label_mode: str = "fine") -> tuple[batches.Part, batches.Part]:
    """The CIFAR-100 photographs, downloaded on first use.

    Args:
        label_mode: "fine" (100 classes) or "coarse" (the 20 groups of five classes).

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images `(50000, 32, 32, 3)` and
        `(10000, 32, 32, 3)` of uint8 with pixels 0 to 255, labels `(50000, 1)` and `(10000, 1)` of
        int64 from 0. With `image_data_format` "channels_first" images are `(..., 3, 32, 32)`.

    Raises:
        ValueError: a file does not hold images of this shape, a label is out of range, or
            `label_mode` is unknown.
        UnsafeFileError: a file is a pickle of more than data.
        ConnectionError: the archive is missing and cannot be downloaded; the message says where to
            put it.

    Example:

        >>> (x_train, y_train), (x_test, y_test) = load_data("coarse")  # doctest: +SKIP
        >>> x_train.shape, int(y_train.max())  # doctest: +SKIP
        ((50000, 32, 32, 3), 19)
    """
    if label_mode not in CLASSES:
        raise errors.value_error(
            f"label_mode must be 'fine' or 'coarse', got {label_mode!r}.", fix="label_mode='fine'"
        )
    folder = batches.locate(ARCHIVE, FOLDER, f"{FOLDER}-target", SHA256)
    parts = []
    for name, count in BATCHES.items():
        key, classes = f"{label_mode}_labels", CLASSES[label_mode]
        data, labels = batches.read(folder / name, count, key, classes)
        parts.append((batches.images(data), labels[:, None]))
    return parts[0], parts[1]


def at_hand() -> Path | None:
    """The folder of the batches, or else their archive, if one is on this machine."""
    return batches.at_hand(ARCHIVE, FOLDER, f"{FOLDER}-target")
