"""A folder of images, sounds or texts: what is in its files.

Files are looked at in a random order that is always the same, so that what is known when the time
is up holds for all of them. Numbers of files and classes come from the names alone.
"""

import hashlib
import io
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cornu import errors
from cornu.data.decode import images, sound
from cornu.data.decode.faults import read_file
from cornu.data.describing.columns import Numbers, Values
from cornu.data.describing.copies import Copies, Seen, copies_in, similar_in
from cornu.data.describing.description import Part
from cornu.data.describing.rows import Clock
from cornu.data.folders.scan import list_files, subfolders, what_is_there

KINDS = {"images": images.EXTENSIONS, "sounds": sound.EXTENSIONS, "texts": (".txt",)}
PARTS = {"train": "training", "training": "training", "test": "test", "testing": "test",
         "val": "validation", "valid": "validation", "validation": "validation",
         "dev": "validation"}  # fmt: skip
THREADS = 2
AT_ONCE = 64  # files
SMALL = (8, 9)  # rows and columns of what images are compared by


@dataclass
class File:
    """What is in a file.

    Attributes:
        facts: counted words, such as the mode of an image.
        numbers: measured numbers, such as its width.
        content: hash of all bytes.
        look: 64 bits of what an image looks like; None for other files and for plain images.
        text: content of a text.
    """

    facts: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    content: bytes = b""
    look: int | None = None
    text: str | None = None


def kind_of(folder: str) -> str:
    """What most of the files below a folder are: "images", "sounds" or "texts".

    Raises:
        ValueError: there are none of these.
    """
    counts = {kind: len(list_files(folder, tuple(ext))) for kind, ext in KINDS.items()}
    kind = max(counts, key=lambda k: counts[k])
    if not counts[kind]:
        raise errors.value_error(
            f"There are no images, sounds or texts in {folder!r}.",
            found=what_is_there(folder),
            fix="name a file: .csv, .tsv, .parquet, .npy or .npz",
        )
    return kind


def parts_of(folder: str) -> dict[str, str]:
    """The folders of training and test data by the name of the part, or the folder alone."""
    found = {PARTS[n.lower()]: os.path.join(folder, n) for n in subfolders(folder)
             if n.lower() in PARTS}  # fmt: skip
    order = ("training", "validation", "test")
    return {part: found[part] for part in order if part in found} or {"": folder}


def part_of_folder(name: str, folder: str, kind: str, clock: Clock) -> tuple[Part, Seen]:
    """What is in the files of a folder, and a hash of each."""
    paths = list_files(folder, tuple(KINDS[kind]))
    classes = [os.path.relpath(path, folder).split(os.sep)[0] for path in paths]
    has_classes = any(os.sep in os.path.relpath(path, folder) for path in paths)
    part = Part(name, len(paths))
    if has_classes:
        empty = dict.fromkeys(subfolders(folder), 0)
        part.classes = dict(sorted((empty | Counter(classes)).items()))
    order = list(range(len(paths)))
    random.Random(0).shuffle(order)
    look, facts = LOOKS[kind], Facts()
    copies, looks = Copies(), dict[bytes, int]()
    for k, found in _looked_at([paths[k] for k in order], look, clock):
        path = paths[order[k]]
        part.seen += 1
        if isinstance(found, str):
            part.unreadable[os.path.relpath(path, folder)] = found
            continue
        facts.add(found)
        copies.add([found.content], [classes[order[k]]])
        if found.look is not None:
            looks[found.content] = found.look
    seen = copies.seen()
    part.copies, part.conflicts = copies_in(seen)
    part.similar = similar_in(np.array(list(looks.values()), np.uint64))
    part.facts |= facts.report()
    part.columns = facts.texts.columns() if kind == "texts" else []
    return part, seen


def _looked_at(
    paths: Sequence[str], look: Callable[[bytes], File], clock: Clock
) -> Iterator[tuple[int, File | str]]:
    """What is in each file, or what is wrong with it, until the time is up."""

    def safely(path: str) -> File | str:
        try:
            data = read_file(path)
            found = look(data)
            found.content = hashlib.blake2b(data, digest_size=16).digest()
            found.numbers["bytes"] = len(data)
            return found
        except (MemoryError, ImportError):
            raise
        except Exception as error:  # decoders fail with almost any type of error
            text = getattr(error, "strerror", None) or str(error).split("\n")[0]
            return str(text)[:200] or type(error).__name__

    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(paths), AT_ONCE):
            block = paths[start : start + AT_ONCE]
            yield from enumerate(pool.map(safely, block), start)
            if clock.is_over:
                return


class Facts:
    """Facts of many files."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {}
        self.numbers: dict[str, Numbers] = {}
        self.texts = Values("text", "texts")

    def add(self, file: File) -> None:
        """Take in a file."""
        for name, word in file.facts.items():
            self.counts.setdefault(name, Counter())[word] += 1
        for name, value in file.numbers.items():
            if name not in self.numbers:
                self.numbers[name] = Numbers(name, (), np.dtype(np.float64))
            self.numbers[name].add(np.array([value]))
        if file.text is not None:
            self.texts.add([file.text])

    def report(self) -> dict[str, Any]:
        """Counts of words, and ranges of numbers as dicts."""
        found: dict[str, Any] = {n: dict(c.most_common()) for n, c in self.counts.items()}
        for name, numbers in self.numbers.items():
            (column,) = numbers.columns()
            found[name] = {"low": column.low, "high": column.high, "mean": column.mean}
        return found


# ---- what is in a file --------------------------------------------------------------------------


def look_at_image(data: bytes) -> File:
    """Size, mode and format of an image, which is decoded to see that it can be."""
    pillow = errors.need("PIL.Image", for_="reading images", install="Pillow")
    small = images.ImageDecoder(SMALL, color_mode="grayscale")(data)[:, :, 0]  # (8, 9)
    with pillow.open(io.BytesIO(data), formats=images.FORMATS) as image:
        (width, height), mode, form = image.size, image.mode, image.format
    found = File({"modes": mode, "formats": form}, {"width": width, "height": height})
    steps = np.asarray(small, np.int64)
    darker = steps[:, 1:] > steps[:, :-1]  # (8, 8)
    if np.ptp(steps) > 16 and 8 < darker.sum() < 56:  # plain images look all the same
        found.look = int.from_bytes(np.packbits(darker).tobytes(), "big")
    if np.ptp(steps) == 0:
        found.facts["contrast"] = "of one colour"
    return found


def look_at_sound(data: bytes) -> File:
    """Rate, channels and duration of a sound."""
    samples, rate = sound.read_sound(data)
    if not len(samples):
        raise ValueError("it has no samples")
    found = File({"rates": f"{rate} Hz", "channels": str(samples.shape[1])})
    found.numbers = {"seconds": len(samples) / rate, "loudest": float(np.abs(samples).max())}
    if not samples.any():
        found.facts["loudness"] = "silent"
    return found


def look_at_text(data: bytes) -> File:
    """The content of a text."""
    text = data.decode("utf-8-sig")
    empty = {} if text.strip() else {"content": "empty"}
    return File(empty, {}, text=text)


LOOKS = {"images": look_at_image, "sounds": look_at_sound, "texts": look_at_text}


def checked_path(path: str | os.PathLike[str]) -> Path:
    """The path of a file or folder that is there.

    Raises:
        FileNotFoundError: it is not.
    """
    found = Path(path).expanduser()
    if not found.exists():
        raise FileNotFoundError(
            errors.explain(
                f"There is no file or folder {str(found)!r}.",
                working_directory=os.getcwd(),
                fix="check the path.",
            )
        )
    return found
