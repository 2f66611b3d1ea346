"""Files of data sets: where they are looked for, and how they are read without trusting them.

    CORNU_DATA  ──>  the cache (CORNU_HOME, ~/.cornu)  ──>  ~/.keras  ──>  download
    folders of       what an earlier call brought          what Keras      into the cache
    your own                                                brought

Whatever is found is read by its structure: the arrays' names, shapes and types, and the range of
labels must be those of the data set before a byte of content is read. Nothing in a file is ever
executed: pickles are read for their data alone (`archive/safepickle.py`), and only where a data set
has them; a file that declares more than the data set has is refused before memory is taken for it.
"""

import gzip
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

import numpy as np

from cornu import errors
from cornu.archive.safepickle import Row, read_pickle
from cornu.engine.collector import paused
from cornu.types import FilePath
from cornu.utils import download, files

Shape = tuple[int, ...]
T = TypeVar("T")

MAX_ROWS = 256 << 20  # bytes of an array of lists; those of IMDB have 15 MB
KINDS = {"ui": "uint8", "uif": "numbers", "O": "lists"}

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def locate(
    name: FilePath,
    origin: str,
    *,
    subfolder: str = "datasets",
    sha256: str | None = None,
    md5: str | None = None,
    limit: int,
) -> Path:
    """The path of a file of a data set, which is downloaded if it is not found.

    Args:
        name: plain name of the file, or the path of a file of the user.
        origin: URL of the file.
        subfolder: folder in the caches; in the folders of `CORNU_DATA` what follows `datasets`.
        sha256: hash of a download. A file that is found may be a recompressed copy; its content is
            checked by the reader.
        md5: hash of a download that has no published SHA-256.
        limit: maximum size of a download in bytes.
    """
    given = user_file(name)
    if given is not None:
        return given
    name = files.checked_name(os.fspath(name))
    found = find([name], subfolder)
    if found is not None:
        return found
    path = files.cache_folder(subfolder) / name
    algorithm = "sha256" if sha256 else "md5" if md5 else None
    download.download(origin, path, algorithm, sha256 or md5, limit)
    return path


def find(names: Sequence[str], subfolder: str = "datasets", folder: bool = False) -> Path | None:
    """The first of the files (or folders) that is in a folder of the user's or in a cache."""
    below = Path(*Path(subfolder).parts[1:])
    own = [Path(d).expanduser() for d in os.environ.get("CORNU_DATA", "").split(os.pathsep) if d]
    places = [place / below for place in own]
    places += [files.home_folder() / subfolder, files.keras_folder(subfolder)]
    known = [place / name for place in places for name in names]
    return next((p for p in known if (p.is_dir() if folder else p.is_file())), None)


def read_npz(path: Path, layout: Mapping[str, Shape]) -> dict[str, np.ndarray]:
    """The arrays of an npz file of bytes (uint8), if it is laid out as expected.

    Args:
        path: path of the file.
        layout: names and shapes of the arrays that the file must hold. Other integer dtypes are
            converted if their values fit.

    Raises:
        ValueError: it is not an npz file, or an array is missing or has another shape or dtype.
    """
    with _opened(path) as archive:
        return {name: _bytes(archive, path, name, shape) for name, shape in layout.items()}


def read_numbers(path: Path, layout: Mapping[str, Shape]) -> dict[str, np.ndarray]:
    """The arrays of an npz file of integers or floats, in the dtypes that they are stored in.

    Raises:
        ValueError: it is not an npz file, or an array is missing or has another shape or dtype.
    """
    with _opened(path) as archive:
        return {name: _numbers(archive, path, name, shape) for name, shape in layout.items()}


def read_rows(path: Path, name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Lists of integers in an npz file, which numpy stores as an array of objects.

    Args:
        path: path of the file.
        name: name of the array.
        count: number of lists that it must hold.

    Returns:
        The integers of all lists, one after the other, `(integers,)`, and the lengths of the lists
        `(count,)`, both of int64.

    Raises:
        ValueError: the array is missing, has another length, or holds something else.
    """
    with _opened(path) as archive, paused():
        return _member(archive, path, name, (count,), "O", lambda file: _rows(file, path, name))


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
    """Raise ValueError unless all labels are integers from 0 to below `classes`."""
    if labels.dtype.kind not in "ui":
        raise ValueError(_unfit(path, f"has labels of type {labels.dtype}, not integers"))
    for label in (labels.min(initial=0), labels.max(initial=0)):
        if not 0 <= label < classes:
            raise ValueError(_unfit(path, f"has a label {label}, not one of 0 to {classes - 1}"))


def user_file(path: FilePath) -> Path | None:
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


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; what is wrong with its compression is said of the file."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError) as error:
        raise ValueError(_unfit(path, f"is damaged ({error})")) from error


def _bytes(archive: zipfile.ZipFile, path: Path, name: str, shape: Shape) -> np.ndarray:
    """An array of bytes; larger integers are converted."""
    array = _member(archive, path, name, shape, "ui", _content)
    if array.dtype != np.uint8:
        if array.size and (array.min() < 0 or array.max() > 255):
            raise ValueError(_unfit(path, f"has values in {name} that are not 0 to 255"))
        array = array.astype(np.uint8)
    return np.ascontiguousarray(array)


def _numbers(archive: zipfile.ZipFile, path: Path, name: str, shape: Shape) -> np.ndarray:
    return _member(archive, path, name, shape, "uif", _content)


def _rows(file: IO[bytes], path: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The integers and the lengths of lists; none is longer than what the file has room for."""
    (count,), _ = _header(file, path, name)
    data = file.read(MAX_ROWS + 1)
    if len(data) > MAX_ROWS:
        raise ValueError(_unfit(path, f"has more than {MAX_ROWS:,} bytes in {name}"))
    found = read_pickle(data, f"{name} in {path.name}", rows=True)
    is_array = isinstance(found, np.ndarray) and found.shape == (count,)
    rows: list[list[int | Row]] = found.tolist() if is_array else []
    unfit = ValueError(_unfit(path, f"does not hold {count:,} lists of integers in {name}"))
    if len(rows) != count or set(map(type, rows)) - {list} or sum(map(len, rows)) > len(data):
        raise unfit
    pieces = [piece for row in rows for piece in row]
    if set(map(type, pieces)) - {int, Row} or sum(map(_count, pieces)) > len(data):
        raise unfit
    try:
        arrays = [np.atleast_1d(np.asarray(piece, np.int64)) for piece in pieces]
    except OverflowError:
        raise unfit from None
    lengths = [sum(map(_count, row)) for row in rows]
    return np.concatenate([np.zeros(0, np.int64), *arrays]), np.array(lengths, np.int64)


def _count(piece: int | Row) -> int:
    """How many integers an item of a list stands for."""
    return 1 if isinstance(piece, int) else len(piece)


def _content(file: IO[bytes]) -> np.ndarray:
    array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
    return array


def _member(
    archive: zipfile.ZipFile,
    path: Path,
    name: str,
    shape: Shape,
    kinds: str,
    read: Callable[[IO[bytes]], T],
) -> T:
    """One array of an npz: its header is checked before its content is read.

    Args:
        archive: the npz.
        path: its path.
        name: name of the array.
        shape: shape that it must have.
        kinds: letters of the kinds of dtypes that it may have.
        read: reads it from a file that stands at its header.
    """
    try:
        entry = archive.getinfo(name + ".npy")
    except KeyError as error:
        has = ", ".join(sorted(n.removesuffix(".npy") for n in archive.namelist()[:10]))
        raise ValueError(_unfit(path, f"has no array {name!r}; it has {has or 'none'}")) from error
    with archive.open(entry) as file:
        found, dtype = _header(file, path, name)
    if found != shape or dtype.kind not in kinds or dtype.itemsize > 8:
        raise ValueError(
            _unfit(
                path,
                f"has {name} of shape {found} and type {dtype}, not {shape} and {KINDS[kinds]}",
            )
        )
    with archive.open(entry) as file:
        return read(file)


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
