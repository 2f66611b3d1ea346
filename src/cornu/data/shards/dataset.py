"""Data sets of samples in tar files, as WebDataset writes them.

    train-0000.tar      photos/17.jpg   photos/17.cls       sample photos/17: fields jpg and cls
                        photos/18.jpg   photos/18.cls       sample photos/18

Files next to each other with the same name up to its first dot are a sample; what follows the dot
is the field. The headers of all shards are read once; then each sample is read by its place, so the
data set is shuffled in full, has a length, and continues in the middle of an epoch.
"""

import glob
import io
import itertools
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from cornu import errors
from cornu.arguments import integer
from cornu.data.decode import sound
from cornu.data.decode.faults import Faults
from cornu.data.decode.images import EXTENSIONS as IMAGES, ImageDecoder
from cornu.data.folders.scan import fingerprint
from cornu.data.pipeline.dataset import Dataset
from cornu.data.pipeline.elements import stacked
from cornu.data.pipeline.operations import AUTOTUNE
from cornu.data.shards.tar import members
from cornu.data.skip import SkipElement
from cornu.types import FilePath

MAX_SHARDS = 100_000

Decoder = Callable[[bytes], Any]


@errors.trimmed
def shards_dataset(
    pattern: FilePath | Sequence[FilePath],
    fields: str | Sequence[str] | None = None,
    *,
    image_size: tuple[int, int] | None = None,
    color_mode: str = "rgb",
    sampling_rate: int | None = None,
    decoders: Mapping[str, Decoder] | None = None,
    decode: str = "auto",
    batch_size: int | None = 32,
    shuffle: bool = True,
    seed: int | None = None,
    on_error: str = "raise",
) -> Dataset:
    """A data set of the samples in tar files, as WebDataset writes them.

    Args:
        pattern: path of a tar file, a pattern such as `"train-*.tar"` or
            `"train-{0000..0099}.tar"`, or a list of them.
        fields: fields of a sample that make an element: a name, or a tuple of names such as
            `("jpg;png", "cls")`, where `;` separates names for the same. None for a dict of all
            fields of the first sample.
        image_size: height and width to which images are resized; None for their own.
        color_mode: "grayscale", "rgb" or "rgba".
        sampling_rate: samples per second to which sounds are resampled; None for their own.
        decoders: functions from bytes to a value for fields; images, sounds, "cls" and "id"
            (integers), "txt", "json" and "npy" are known.
        decode: "auto" or "exact"; see `image_dataset_from_directory`.
        batch_size: number of samples per batch; None for single samples.
        shuffle: whether to shuffle the samples, anew in each epoch.
        seed: seed of the order; drawn if None.
        on_error: "raise" an error that names a sample that cannot be read, or "skip" such samples.

    Returns:
        A `Dataset` of values, tuples or dicts of them; images are float32 from 0 to 255. Its
        `file_paths` are the tar files.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file is no tar archive, damaged, cut short or compressed.
        UnsafeFileError: it exceeds the limits.

    Example:

        >>> import tarfile, tempfile
        >>> path = tempfile.mkdtemp() + "/shard-0.tar"
        >>> with tarfile.open(path, "w") as archive:
        ...     for name, content in (("a.txt", b"good"), ("a.cls", b"1")):
        ...         info = tarfile.TarInfo(name)
        ...         info.size = len(content)
        ...         archive.addfile(info, io.BytesIO(content))
        >>> data = shards_dataset(path, ("txt", "cls"))
        >>> [(x.tolist(), y.tolist()) for x, y in data]
        [(['good'], [1])]
    """
    paths = shard_paths(pattern)
    images = ImageDecoder(image_size, color_mode, decode=decode)
    known: dict[str, Decoder] = {
        **dict.fromkeys((e[1:] for e in IMAGES), lambda data: np.asarray(images(data), np.float32)),
        **dict.fromkeys((e[1:] for e in sound.EXTENSIONS), sound.SoundDecoder(sampling_rate)),
        **dict.fromkeys(("cls", "id", "index"), int),
        **dict.fromkeys(("txt", "text"), lambda data: data.decode("utf-8")),
        "json": json.loads,
        "npy": read_npy,
        **{name.lower().lstrip("."): function for name, function in (decoders or {}).items()},
    }
    source = ShardSource(paths, fields, known, Faults(on_error, "a sample"))
    data: Any = Dataset.from_source(source, file_paths=paths)
    if shuffle:
        data = data.shuffle(max(len(source), 1), seed=seed)
    if batch_size is not None:
        data = data.batch(integer(batch_size, "batch_size"), num_parallel_calls=AUTOTUNE)
    data = data.prefetch(AUTOTUNE)
    data.skipped_files = source.faults.skipped
    return data


class ShardSource:
    """The samples of tar files, by index.

    Args:
        paths: path of each tar file.
        fields: fields of an element; see `shards_dataset`.
        decoders: functions from bytes to a value, by field.
        faults: what to do with samples that cannot be read.
    """

    work = "decoding"

    def __init__(
        self,
        paths: Sequence[str],
        fields: str | Sequence[str] | None,
        decoders: Mapping[str, Decoder],
        faults: Faults,
    ) -> None:
        self.paths, self.faults = list(paths), faults
        with ThreadPoolExecutor(8) as pool:
            samples = [list(found) for found in pool.map(lambda p: list(_samples(p)), self.paths)]
        first = next((sample for found in samples for sample in found), None)
        if first is None:
            raise errors.value_error("The shards hold no samples.", shards=", ".join(paths[:5]))
        self._form = fields if isinstance(fields, str) or fields is None else tuple(fields)
        names = first[1] if fields is None else [fields] if isinstance(fields, str) else fields
        self._names = [tuple(name.lower().split(";")) for name in names]
        for choices in self._names:
            unknown = next((name for name in choices if name not in decoders), None)
            if unknown is not None:
                raise errors.value_error(
                    f"There is no decoder for the field {unknown!r}.",
                    fields=", ".join(first[1]),
                    fix=f"decoders={{{unknown!r}: function_of_bytes}},\nor name the fields: "
                    'fields=("jpg", "cls").',
                )
        self._decoders = {name: decoders[name] for names in self._names for name in names}
        self._keys = [key for found in samples for key, _ in found]
        self._shards = np.repeat(np.arange(len(samples), dtype=np.int32), list(map(len, samples)))
        # For each field of a sample: which of its names, the offset and the size.
        places = np.full((len(self._keys), len(self._names), 3), -1, np.int64)
        for row, (_, files) in enumerate(itertools.chain.from_iterable(samples)):
            for column, choices in enumerate(self._names):
                choice = next((c for c, name in enumerate(choices) if name in files), None)
                if choice is not None:
                    places[row, column] = (choice, *files[choices[choice]])
        self._places = places
        self._sizes = [os.path.getsize(path) for path in self.paths]

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, index: int) -> Any:
        """The fields of a sample, decoded."""
        path = self.paths[self._shards[index]]
        with self.faults.watching(f"{self._keys[index]} in {path}"):
            values = self._read(index, path)
        if isinstance(self._form, str):
            return values[0]
        if self._form is None:
            return {names[0]: v for names, v in zip(self._names, values, strict=True)}
        return tuple(values)

    def gather(self, indices: Sequence[int]) -> Any:
        """The batch of these samples, without those that are skipped."""
        elements = []
        for index in indices:
            try:
                elements.append(self[int(index)])
            except SkipElement:
                continue
        if not elements:
            raise SkipElement("none of the batch can be read")
        return stacked(elements)

    def fingerprint(self) -> str:
        """A digest of the shards, which changes with each of them."""
        return fingerprint(self.paths)

    def _read(self, index: int, path: str) -> list[Any]:
        values = []
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size != self._sizes[self._shards[index]]:
                raise ValueError("the file has changed since the data set was made")
            for names, (choice, offset, size) in zip(
                self._names, self._places[index].tolist(), strict=True
            ):
                if choice < 0:
                    raise ValueError(f"the sample has no {' or '.join(names)}")
                file.seek(offset)
                values.append(self._decoders[names[choice]](file.read(size)))
        return values


Sample = tuple[str, dict[str, tuple[int, int]]]  # key; offset and size of each field


def _samples(path: str) -> Iterator[Sample]:
    """The samples of a tar file, in order."""
    key: str | None = None
    files: dict[str, tuple[int, int]] = {}
    for member in members(path):
        folder, _, name = member.name.rpartition("/")
        base, dot, field = name.partition(".")
        if not base or not dot:
            continue  # hidden, or no field
        own = f"{folder}/{base}" if folder else base
        if own != key:
            if key is not None and files:
                yield key, files
            key, files = own, {}
        if field.lower() in files:
            raise errors.value_error(f"{path} holds {member.name!r} twice.")
        files[field.lower()] = (member.offset, member.size)
    if key is not None and files:
        yield key, files


def shard_paths(pattern: FilePath | Sequence[FilePath]) -> list[str]:
    """The files that a pattern names.

    Example:

        >>> list(expanded("t-{08..10}.{tar,tgz}"))[:3]
        ['t-08.tar', 't-08.tgz', 't-09.tar']
    """
    given = [pattern] if isinstance(pattern, str | os.PathLike) else list(pattern)
    found: list[str] = []
    for item in given:
        for path in expanded(os.path.expanduser(os.fspath(item))):
            matches = [path] if os.path.isfile(path) else sorted(glob.glob(path))
            if not matches:
                raise FileNotFoundError(
                    errors.explain(f"There is no file {path!r}.", working_directory=os.getcwd())
                )
            found += matches
    return found


def expanded(pattern: str) -> Iterator[str]:
    """The paths that braces stand for: `{000..012}` and `{a,b}`."""
    braces = re.search(r"\{(?:(\d+)\.\.(\d+)|([^{}]*,[^{}]*))\}", pattern)
    if braces is None:
        yield pattern
        return
    first, last, listed = braces.groups()
    if listed is not None:
        choices = listed.split(",")
    else:
        if int(last) - int(first) >= MAX_SHARDS:
            raise errors.value_error(f"{pattern!r} must stand for at most {MAX_SHARDS:,} files.")
        choices = [str(n).zfill(len(first)) for n in range(int(first), int(last) + 1)]
    for choice in choices:
        yield from expanded(pattern[: braces.start()] + choice + pattern[braces.end() :])


def read_npy(data: bytes) -> np.ndarray:
    """The array in a .npy file that says no more than it has.

    Raises:
        ValueError: it is damaged, holds Python objects, or is smaller than its shape.
    """
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in read:
        raise ValueError(f"version {version} of the .npy format is not known")
    shape, fortran, dtype = read[version](file)
    count = int(np.prod(shape, dtype=object))
    if dtype.hasobject or count * dtype.itemsize > len(data) - file.tell():
        raise ValueError(f"it has no room for an array of {dtype} and shape {shape}")
    array = np.frombuffer(data, dtype, count, file.tell())
    return array.reshape(shape, order="F" if fortran else "C")
