"""The archives of CIFAR: pickled batches of colour images, 32 by 32 pixels.

    a folder of the user's or in a cache ──> read
    an archive there, or a download      ──> unpacked into the cache, read

torchvision and older versions of Keras keep the same files under other names, which are looked for
too. The batches are pickles; `archive/safepickle.py` reads their data and runs nothing.
"""

from pathlib import Path

import numpy as np

from cornu import errors
from cornu.archive.safepickle import read_pickle
from cornu.datasets import archive
from cornu.settings import current
from cornu.utils import files, unpack

ORIGIN = "https://www.cs.toronto.edu/~kriz/"
SIDE = 32  # pixels

LIMIT = 256 << 20  # bytes of an archive

Part = tuple[np.ndarray, np.ndarray]


def locate(name: str, inner: str, kept: str, sha256: str) -> Path:
    """The folder of the batches.

    Args:
        name: name of the archive on the server.
        inner: name of the folder in the archive.
        kept: name of the folder that it is unpacked into.
        sha256: hash of a download.
    """
    found = at_hand(name, inner, kept)
    if found is not None and found.is_dir():
        return found
    target = files.cache_folder("datasets") / kept
    if found is not None:
        unpack.extract_archive(found, target)
    else:
        packed = archive.locate(name, ORIGIN + name, sha256=sha256, limit=LIMIT)
        unpack.extract_archive(packed, target)
        packed.unlink()  # its content is there now
    return target / inner


def at_hand(name: str, inner: str, kept: str) -> Path | None:
    """The folder of the batches, or else their archive, if one is on this machine."""
    folder = archive.find([f"{kept}/{inner}", inner], folder=True)
    return folder or archive.find([name, f"{inner}.tar.gz", f"{kept}_archive"])


def read(path: Path, count: int, key: str, classes: int) -> Part:
    """The images `(count, 3072)`, channel by channel, and the labels `(count,)` of a batch.

    Args:
        path: path of the batch.
        count: number of images that it must hold.
        key: name of the labels in it.
        classes: number of classes.

    Raises:
        ValueError: it holds something else.
    """
    limit = (1 << 20) + 2 * count * 3 * SIDE * SIDE
    if not path.is_file() or path.stat().st_size > limit:
        raise ValueError(_unfit(path, f"must be a file of at most {limit:,} bytes"))
    batch = read_pickle(path.read_bytes(), path.name)
    if not isinstance(batch, dict):
        raise ValueError(_unfit(path, "holds no dict"))
    data, labels = (batch.get(name.encode(), batch.get(name)) for name in ("data", key))
    shape = (count, 3 * SIDE * SIDE)
    if not isinstance(data, np.ndarray) or data.shape != shape or data.dtype != np.uint8:
        raise ValueError(_unfit(path, f"holds no images {shape} of uint8"))
    if type(labels) is not list or len(labels) != count or set(map(type, labels)) != {int}:
        raise ValueError(_unfit(path, f"holds no {count:,} labels"))
    if min(labels) < 0 or max(labels) >= classes:
        raise ValueError(_unfit(path, f"has labels that are not 0 to {classes - 1}"))
    return data, np.array(labels)


def images(data: np.ndarray) -> np.ndarray:
    """Images `(count, 32, 32, 3)`, or `(count, 3, 32, 32)` where that is the data format."""
    data = data.reshape(-1, 3, SIDE, SIDE)
    if current.image_data_format == "channels_last":
        data = data.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(data)


def _unfit(path: Path, what: str) -> str:
    return errors.explain(
        f"{path.name} {what}.",
        file=path,
        fix=f"delete the folder {path.parent} to download it again.",
    )
