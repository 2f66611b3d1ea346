"""Archives unpacked without trusting them.

    tar, zip ── members one by one ──> a fresh folder beside the target ── rename ──> target

What is refused, and why:

    names with '..', a leading '/', a drive, '\\' or control characters     they point outside
    the same name twice, also in another case                               one hides the other
    links, devices, pipes          left out with a warning: a link can point anywhere, and a later
                                   member can go through it
    more than the caps below       a small archive can hold terabytes of zeros
    owners, permissions            not taken over

Bytes are counted as they come, not as the archive declares them. A tar is read through `_Tame`,
which bounds what its headers can make `tarfile` hold in memory.
"""

import bz2
import contextlib
import gzip
import lzma
import os
import re
import shutil
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from cornu import errors
from cornu.archive.atomic import explained, temporary_folder
from cornu.errors import warn

MAX_EXTRACTED = 256 << 30  # bytes of all files of an archive
MAX_MEMBERS = 3_000_000  # ImageNet has 1.3 million
MAX_RATIO = 200  # extracted bytes per byte of archive; text reaches 20, zeros reach 1000
RATIO_FREE = 32 << 20  # extracted bytes below which the ratio does not matter
PIECE = 1 << 20  # bytes read at once
MAX_HEADER = 4 << 20  # bytes of one header of a tar: names and attributes

DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    gzip.BadGzipFile,
    EOFError,
    NotImplementedError,  # a way of compression that zipfile does not know
)


def formats_of(archive_format: str | Sequence[str] | None) -> list[str]:
    """The formats to try, from the argument `archive_format` of `get_file`."""
    formats = [archive_format] if isinstance(archive_format, str) else list(archive_format or ())
    for unknown in set(formats) - {"auto", "tar", "zip"}:
        raise errors.value_error(
            f"Unknown archive format {unknown!r}.",
            fix=errors.did_you_mean(unknown, ["auto", "tar", "zip"]),
        )
    return ["tar", "zip"] if "auto" in formats else formats


def extract_archive(path: Path, target: Path, formats: Sequence[str] = ("tar", "zip")) -> None:
    """Unpack a tar or zip archive into the new folder `target`, replacing what is there.

    Raises:
        ValueError: the file is not an archive of this format.
        UnsafeFileError: a member would land outside, comes twice, or the archive exceeds the caps.
    """
    try:
        with explained(target), temporary_folder(target) as folder:
            with contextlib.ExitStack() as stack:
                _write_members(_members(path, formats, stack), path, folder)
            _put_in_place(folder, target)
    except DAMAGED as error:
        raise errors.value_error(
            f"The archive {path.name} is damaged: {error}.", fix="download it again."
        ) from error


Member = tuple[str, str, int, Any]  # name, kind ("file", "folder" or "other"), size, opener


def _members(path: Path, formats: Sequence[str], stack: contextlib.ExitStack) -> Iterator[Member]:
    """The members of the archive, which `stack` closes in the end."""
    if "tar" in formats:
        stream = stack.enter_context(_decompressed(path))
        try:
            # Not tarfile.open, which would look for compression under the bounds of _Tame.
            tar = tarfile.TarFile(fileobj=_Tame(stream, path))  # type: ignore[arg-type]
            return _tar_members(stack.enter_context(tar))
        except (*DAMAGED, OSError):
            pass  # no tar: it may still be a zip
    if "zip" in formats and zipfile.is_zipfile(path):
        return _zip_members(stack.enter_context(zipfile.ZipFile(path)), path)
    raise errors.value_error(
        f"{path.name} is no archive of the format {' or '.join(formats) or None}.",
        fix="leave out `extract` to get the file itself.",
    )


def _tar_members(archive: tarfile.TarFile) -> Iterator[Member]:
    for member in archive:
        archive.members = []  # type: ignore[attr-defined]  # millions need not be kept
        kind = "file" if member.isreg() else "folder" if member.isdir() else "other"
        yield member.name, kind, member.size, lambda m=member: archive.extractfile(m)


def _zip_members(archive: zipfile.ZipFile, path: Path) -> Iterator[Member]:
    for member in archive.infolist():
        mode = stat.S_IFMT(member.external_attr >> 16)
        plain = mode in (0, stat.S_IFREG, stat.S_IFDIR)
        kind = "folder" if member.is_dir() else "file" if plain else "other"
        if member.flag_bits & 1:
            raise errors.value_error(f"{path.name} is encrypted.", fix="unpack it by hand.")
        yield member.filename, kind, member.file_size, lambda m=member: archive.open(m)


def _decompressed(path: Path) -> IO[bytes]:
    """The content of a file that may be compressed by gzip, bzip2 or xz."""
    with open(path, "rb") as file:
        magic = file.read(6)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.open(path)  # type: ignore[return-value]
    if magic.startswith(b"BZh"):
        return bz2.open(path)
    if magic.startswith(b"\xfd7zXZ"):
        return lzma.open(path)
    return open(path, "rb")


class _Tame:
    """A stream for `tarfile` that gives no more than the caps allow, in pieces of bounded size."""

    def __init__(self, stream: IO[bytes], path: Path):
        self.stream, self.path = stream, path
        self.limit = _limit(path)

    def read(self, size: int) -> bytes:
        if size > MAX_HEADER:  # files are read in pieces; only headers are read whole
            raise errors.UnsafeFileError(_bomb(self.path, f"a header of {size:,} bytes"))
        piece = self.stream.read(size)
        self._check(self.stream.tell())
        return piece

    def seek(self, position: int) -> int:
        self._check(position)
        return self.stream.seek(position)

    def tell(self) -> int:
        return self.stream.tell()

    def _check(self, position: int) -> None:
        if position > self.limit:
            raise errors.UnsafeFileError(_bomb(self.path, f"more than {self.limit:,} bytes"))


def _limit(path: Path) -> int:
    """Bytes that the archive may unpack to."""
    return min(MAX_EXTRACTED, max(RATIO_FREE, MAX_RATIO * path.stat().st_size))


def _write_members(members: Iterator[Member], path: Path, folder: Path) -> None:
    """Write the members under `folder`, counting what really comes, not what is declared."""
    limit = min(_limit(path), shutil.disk_usage(folder).free)
    left_out, total = [], 0
    for count, (name, kind, size, opener) in enumerate(members, start=1):
        if count > MAX_MEMBERS:
            raise errors.UnsafeFileError(_bomb(path, f"more than {MAX_MEMBERS:,} members"))
        if kind == "other":
            left_out.append(name)
            continue
        parts = _inside(name, path)
        place = folder.joinpath(*parts)
        if kind == "folder" or not parts:
            place.mkdir(parents=True, exist_ok=True)
            continue
        if total + size > limit:
            raise errors.UnsafeFileError(_bomb(path, f"more than {limit:,} bytes"))
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            with opener() as source, open(place, "xb") as file:
                total += _pour(source, file, limit - total, path)
        except FileExistsError as error:
            raise errors.UnsafeFileError(
                errors.explain(f"{path.name} holds {name!r} twice, or a name that differs in case.")
            ) from error
    if left_out:
        warn(
            f"{path.name}: {len(left_out)} links or devices are left out, such as {left_out[0]!r}."
        )


def _pour(source: IO[bytes], file: IO[bytes], limit: int, path: Path) -> int:
    """Copy at most `limit` bytes; returns how many came."""
    total = 0
    while piece := source.read(PIECE):
        total += len(piece)
        if total > limit:
            raise errors.UnsafeFileError(_bomb(path, "more bytes than it says"))
        file.write(piece)
    return total


def _inside(name: str, path: Path) -> list[str]:
    """The parts of a member's name, if they stay inside the folder on every system."""
    clean = unicodedata.normalize("NFC", name)
    parts = [part for part in clean.split("/") if part not in ("", ".")]
    if (
        clean.startswith("/")
        or ".." in parts
        or re.search(r"[\\\x00-\x1f\x7f]", clean)
        or any(re.match(r"[A-Za-z]:", part) for part in parts)
        or len(os.fsencode(clean)) > 1024
    ):
        raise errors.UnsafeFileError(
            errors.explain(
                f"{path.name} holds a file named {name[:200]!r}, which points out of its folder.",
                fix="do not use this archive.",
            )
        )
    return parts


def _bomb(path: Path, what: str) -> str:
    return errors.explain(
        f"The archive {path.name} holds {what} and is not unpacked.",
        archive=f"{path.stat().st_size:,} bytes",
        fix="if you trust it, unpack it by hand.",
    )


def _put_in_place(folder: Path, target: Path) -> None:
    """Give the finished folder its name; an older one of that name goes."""
    if not target.exists():
        os.rename(folder, target)
        return
    with temporary_folder(target) as old:
        os.rename(target, old / "old")
        try:
            os.rename(folder, target)
        except BaseException:
            os.rename(old / "old", target)
            raise
