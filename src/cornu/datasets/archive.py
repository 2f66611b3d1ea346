"""Files of data sets: where they are looked for, and how they are read without trusting them.

    CORNU_DATA  ──>  the cache (CORNU_HOME, ~/.cornu)  ──>  ~/.keras  ──>  download
    folders of       what an earlier call brought          what Keras      into the cache
    your own                                                brought

Whatever is found is read by its structure: the arrays' names, shapes and types, and the range of
labels must be those of the data set before a byte of content is read. Nothing in a file is ever
executed: object arrays (pickles) are refused, and a file that declares more than the data set has
is refused before memory is taken for it.
"""

import gzip
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from cornu import errors
from cornu.utils import files

Shape = tuple[int, ...]


def locate(
    name: str, origin: str, *, subfolder: str = "datasets", sha256: str | None = None, limit: int
) -> Path:
    """The path of a file of a data set, which is downloaded if it is not found.

    Args:
        name: plain name of the file.
        origin: URL of the file.
        subfolder: folder in the caches; in the folders of `CORNU_DATA` what follows `datasets`.
        sha256: hash of a download. A file that is found may be a recompressed copy; its content is
            checked by the reader.
        limit: maximum size of a download in bytes.
    """
    name = files.checked_name(name)
    below = Path(*Path(subfolder).parts[1:])
    own = [Path(d).expanduser() for d in os.environ.get("CORNU_DATA", "").split(os.pathsep) if d]
    known = [folder / below / name for folder in own]
    known += [files.home_folder() / subfolder / name, files.keras_folder(subfolder) / name]
    for path in known:
        if path.is_file():
            return path
    path = files.cache_folder(subfolder) / name
    files.download(origin, path, "sha256" if sha256 else None, sha256, limit)
    return path


def read_npz(path: Path, layout: Mapping[str, Shape]) -> dict[str, np.ndarray]:
    """The arrays of an npz file of bytes (uint8), if it is laid out as expected.

    Args:
        path: path of the file.
        layout: names and shapes of the arrays that the file must hold. Other integer dtypes are
            converted if their values fit.

    Raises:
        ValueError: it is not an npz file, or an array is missing or has another shape or dtype.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: _member(archive, path, name, shape) for name, shape in layout.items()}
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError) as error:
        raise ValueError(_unfit(path, f"is damaged ({error})")) from error


def read_idx(path: Path, shape: Shape) -> np.ndarray:
    """The array in a gzipped idx file of bytes, if it has the expected shape.

    The file is a header and then the bytes of the array: two zero bytes, the type (8 for uint8),
    the number of axes, and each size as a big-endian 32-bit number.

    Raises:
        ValueError: it is not an idx file, or does not have this shape.
    """
    header = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
    size = int(np.prod(shape))
    try:
        with gzip.open(path) as file:
            found = file.read(len(header))
            if found != header:
                raise ValueError(_unfit(path, f"does not begin with the header for {shape}"))
            content = file.read(size + 1)  # one more than there should be
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(_unfit(path, f"is damaged ({error})")) from error
    if len(content) != size:
        amount = "more" if len(content) > size else f"{len(content):,}, fewer"
        raise ValueError(_unfit(path, f"holds {amount} than the {size:,} bytes of {shape}"))
    return np.frombuffer(bytearray(content), np.uint8).reshape(shape)  # writable


def check_labels(path: Path, labels: np.ndarray, classes: int) -> None:
    """Raise ValueError unless all labels are below `classes`."""
    if labels.size and labels.max() >= classes:
        raise ValueError(_unfit(path, f"has a label {labels.max()}, not one of 0 to {classes - 1}"))


def user_file(path: str | os.PathLike[str]) -> Path | None:
    """The path as a file of the user's, if it names a folder too; None for a plain name.

    Raises:
        FileNotFoundError: it names a folder, and there is no such file.
    """
    given = Path(path).expanduser()
    if len(given.parts) < 2:
        return None
    if not given.is_file():
        raise FileNotFoundError(
            errors.explain(
                f"There is no file {str(given)!r}.",
                fix=f"put it there, or pass the plain name {given.name!r} to have it downloaded.",
            )
        )
    return given


def _member(archive: zipfile.ZipFile, path: Path, name: str, shape: Shape) -> np.ndarray:
    """One array of an npz: its header is checked before its content is read."""
    try:
        entry = archive.getinfo(name + ".npy")
    except KeyError as error:
        has = ", ".join(sorted(n.removesuffix(".npy") for n in archive.namelist()[:10]))
        raise ValueError(_unfit(path, f"has no array {name!r}; it has {has or 'none'}")) from error
    with archive.open(entry) as file:
        found, dtype = _header(file, path, name)
    if found != shape or dtype.kind not in "ui" or dtype.itemsize > 8:
        raise ValueError(
            _unfit(path, f"has {name} of shape {found} and type {dtype}, not {shape} and uint8")
        )
    with archive.open(entry) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
    if array.dtype != np.uint8:
        if array.size and (array.min() < 0 or array.max() > 255):
            raise ValueError(_unfit(path, f"has values in {name} that are not 0 to 255"))
        array = array.astype(np.uint8)
    return np.ascontiguousarray(array)


def _header(file: IO[bytes], path: Path, name: str) -> tuple[Shape, np.dtype]:
    """Shape and type of an npy file; numpy limits the header to 10,000 characters."""
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        version = np.lib.format.read_magic(file)
        shape, _, dtype = readers[version](file)
    except (ValueError, KeyError) as error:
        raise ValueError(_unfit(path, f"has no readable array {name!r}")) from error
    return shape, dtype


def _unfit(path: Path, what: str) -> str:
    return errors.explain(
        f"{path.name} {what}.", file=path, fix="delete the file to download it again."
    )


def shapes_of(train: int, test: int, image: Sequence[int]) -> dict[str, Shape]:
    """The layout of an image data set: names and shapes of its four arrays."""
    return {
        "x_train": (train, *image),
        "y_train": (train,),
        "x_test": (test, *image),
        "y_test": (test,),
    }
