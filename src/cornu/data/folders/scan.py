"""The files of a folder, in one order on every machine.

    folder/cats/1.jpg  folder/cats/tabby/2.jpg  folder/dogs/3.jpg

A class is a subfolder; its files are those of all its subfolders. Folders come in the order of
their paths and files in that of their names, as in Keras, so that a seed gives the same split.
Links to folders are followed on request, never in a circle. Pipes, devices, broken links and `._*`,
which macOS writes beside files on other disks, are no files.
"""

import difflib
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cornu import errors
from cornu.types import FilePath

_THREADS = 8  # scanning waits for the disk, or for a network


def checked_folder(folder: FilePath) -> str:
    """The path of a folder that exists.

    Raises:
        FileNotFoundError: there is none; the message names one of similar spelling.
        NotADirectoryError: it is a file.
    """
    path = os.path.expanduser(os.fspath(folder))
    if os.path.isdir(path):
        return path
    if os.path.exists(path):
        fix = "unpack it first." if path.endswith((".zip", ".gz", ".tgz", ".tar")) else None
        raise NotADirectoryError(
            errors.explain(
                f"{path!r} is a file, and a folder is needed.",
                fix=fix or "give the folder that it is in.",
            )
        )
    parent = Path(path).parent
    names = [p.name for p in parent.iterdir() if p.is_dir()] if parent.is_dir() else []
    close = difflib.get_close_matches(Path(path).name, names, n=1)
    fix = f"did you mean {str(parent / close[0])!r}?" if close else "check the path."
    raise FileNotFoundError(
        errors.explain(f"There is no folder {path!r}.", working_directory=os.getcwd(), fix=fix)
    )


def subfolders(folder: str) -> list[str]:
    """The names of the folders directly below, sorted; hidden ones are left out."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_dir()]
    return sorted(name for name in names if not name.startswith("."))


def list_files(folder: str, extensions: tuple[str, ...], follow_links: bool = False) -> list[str]:
    """The paths of all files below a folder whose name ends with one of the extensions.

    Args:
        folder: path of the folder, with which the results begin.
        extensions: endings in lower case, with their dots.
        follow_links: whether to enter links to folders.
    """
    found = []
    for path, names in sorted(_walk(folder, follow_links, ())):
        found += [
            os.path.join(path, name)
            for name in sorted(names)
            if name.lower().endswith(extensions) and not name.startswith("._")
        ]
    return found


def list_classes(
    folder: str, classes: Sequence[str], extensions: tuple[str, ...], follow_links: bool = False
) -> list[list[str]]:
    """`list_files` of several subfolders at once."""
    folders = [os.path.join(folder, name) for name in classes]
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(lambda path: list_files(path, extensions, follow_links), folders))


def _walk(
    folder: str, follow_links: bool, above: tuple[tuple[int, int], ...]
) -> Iterator[tuple[str, list[str]]]:
    """Each folder and the names of its files; `above` are the folders that led here."""
    if follow_links:
        status = os.stat(folder)
        own = (status.st_dev, status.st_ino)
        if own in above:
            return
        above = (*above, own)
    names, inner = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=follow_links):
                inner.append(entry.path)
            elif entry.is_file():
                names.append(entry.name)
    yield folder, names
    for path in inner:
        yield from _walk(path, follow_links, above)


def what_is_there(folder: str) -> str:
    """The most common endings below a folder, for a message: '120 .tiff, 3 .csv'."""
    counts: Counter[str] = Counter()
    for number, (_, names) in enumerate(_walk(folder, False, ())):
        counts.update(os.path.splitext(name)[1].lower() or name for name in names)
        if number > 1000:
            break
    listed = ", ".join(f"{count} {ending}" for ending, count in counts.most_common(5))
    return listed or "no files"


def fingerprint(paths: Iterable[str]) -> str:
    """A digest of the names, sizes and times of change of files."""
    digest = hashlib.sha256()
    for path in paths:
        status = os.stat(path)
        digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
