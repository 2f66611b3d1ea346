"""Zip archives: read with limits, written the same way every time.

Reading checks the table of contents as a whole before a byte is unpacked, then each member as it
is asked for, by its exact name. Nothing is ever extracted to a path, so names cannot escape.

    what the table of contents says          refused when
    ---------------------------------------  --------------------------------------------
    number of members                        > max_members
    two members of one name                  always: readers disagree on which one counts
    encryption, compression but deflate      always
    sum of packed sizes                      > size of the file: members that overlap
    sum of unpacked sizes                    > max_ratio x size of the file + 1 MiB
    unpacked size of a member read()         > its own limit, or what the load has left

A stored member is handed out as a window into the file, so large weights are not copied. The
writer stores members uncompressed, with fixed dates, in the order given: the same content gives
the same bytes.
"""

import io
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

from cornu import budget
from cornu.archive.regular import open_regular
from cornu.archive.views import View
from cornu.errors import NoSuchNameError, UnsafeFileError, did_you_mean, make_error, value_error

MAX_MEMBERS = 10_000
MAX_JSON_BYTES = 64 * 2**20
MAX_DIRECTORY = 4 * 2**20  # bytes of the table of contents
_BLOCK = 2**20
_LOCAL_HEADER = 30  # bytes in front of a member, without its name and extra field
_DATE = (1980, 1, 1, 0, 0, 0)


class SafeZip:
    """A zip archive opened for reading, checked before anything is unpacked.

    Args:
        source: path, or seekable binary file.
        max_members: maximum number of members.
        max_ratio: maximum ratio of the unpacked size to the size of the file.

    Raises:
        UnsafeFileError: the table of contents is refused.
        ValueError: the file is not a zip archive, or is damaged.

    Example:

        >>> import io
        >>> file = io.BytesIO()
        >>> write_zip(file, [("config.json", b"{}")])
        >>> with SafeZip(file) as archive:
        ...     archive.names, archive.read("config.json", limit=100)
        (['config.json'], b'{}')
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | BinaryIO,
        *,
        max_members: int = MAX_MEMBERS,
        max_ratio: int = budget.UNPACKED,
    ) -> None:
        if isinstance(source, (str, os.PathLike)):
            self.label = f"The file {os.fspath(source)!r}"
            self._file: BinaryIO = open_regular(source, self.label)
            self._owned = True
        else:
            self.label = "The archive"
            self._file = source
            self._owned = False
        try:
            self._budget = budget.of(self.label)
            self._budget.grow(self._file.seek(0, io.SEEK_END))
            contents: Any = _Bounded(self._file, MAX_DIRECTORY, self._refused)
            self._zip = zipfile.ZipFile(contents)
            self._zip.fp = self._file
            self._members = self._checked(max_members, max_ratio)
        except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError) as error:
            self.close()
            raise self._damaged(error) from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "SafeZip":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, if it was opened here."""
        if self._owned:
            self._file.close()

    @property
    def names(self) -> list[str]:
        """Names of the members, in the order of the archive; never to be used as paths."""
        return list(self._members)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def size(self, name: str) -> int:
        """Unpacked size of a member, in bytes."""
        return self._member(name).file_size

    def packed_size(self, name: str) -> int:
        """Size of a member as it is stored, in bytes."""
        return self._member(name).compress_size

    def read(self, name: str, *, limit: int = MAX_JSON_BYTES) -> bytes:
        """The whole content of a member.

        Args:
            name: exact name of the member.
            limit: maximum size in bytes.

        Raises:
            KeyError: there is no such member.
            UnsafeFileError: the member is larger than `limit`.
            ValueError: the member is damaged.
        """
        member = self._member(name)
        if member.file_size > limit:
            raise self._refused(
                f"has a member {name!r} that is too large",
                size=f"{member.file_size} bytes",
                limit=f"{limit} bytes",
            )
        if member.compress_type != zipfile.ZIP_STORED:
            self._budget.unpack(member.file_size, self.label)
        try:
            with self._zip.open(member) as file:
                # zipfile stops at the declared size and then compares the checksum.
                content = file.read()
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError) as error:
            raise self._damaged(error, member=name) from error
        if len(content) != member.file_size:
            raise self._damaged("the member is shorter than declared", member=name)
        return content

    def open(self, name: str, *, limit: int | None = None) -> BinaryIO:
        """A seekable file over a member, after comparing its checksum.

        A stored member costs no memory and stays valid only while the archive is open; a packed
        one is unpacked into memory.

        Args:
            name: exact name of the member.
            limit: maximum size in bytes; that of the archive's ratio if None.

        Raises:
            KeyError, UnsafeFileError, ValueError: see `read`.
        """
        member = self._member(name)
        size = member.file_size
        if member.compress_type != zipfile.ZIP_STORED or (limit is not None and size > limit):
            return io.BytesIO(self.read(name, limit=size if limit is None else limit))
        window = _Window(self._file, self._start_of(member), size)
        checksum = 0
        while block := window.read(_BLOCK):
            checksum = zlib.crc32(block, checksum)
        if checksum != member.CRC or window.tell() != size:
            raise self._damaged("the checksum differs", member=name)
        window.seek(0)
        return io.BufferedReader(window)

    def _member(self, name: str) -> zipfile.ZipInfo:
        if name not in self._members:
            raise make_error(
                NoSuchNameError,
                f"{self.label} has no member {name!r}.",
                fix=did_you_mean(name, self._members),
            )
        return self._members[name]

    def _checked(self, max_members: int, max_ratio: int) -> dict[str, zipfile.ZipInfo]:
        members = self._zip.infolist()
        if len(members) > max_members:
            raise self._refused("has too many members", members=len(members), limit=max_members)
        self._budget.work(len(members))
        by_name: dict[str, zipfile.ZipInfo] = {}
        for member in members:
            name = member.filename
            if name in by_name:
                raise self._refused("has two members of one name", name=repr(name[:80]))
            if member.orig_filename != name:  # zipfile cuts a name at its first NUL
                raise self._refused("has a member with a NUL in its name", name=repr(name[:80]))
            if member.flag_bits & 0x1:
                raise self._refused("has an encrypted member", name=repr(name[:80]))
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise self._refused(
                    "has a member with a compression that model files do not use",
                    name=repr(name[:80]),
                    fix="pack it again with ordinary deflate, or without compression.",
                )
            if member.compress_type == zipfile.ZIP_STORED and (
                member.file_size != member.compress_size
            ):
                raise self._refused("has a member that lies about its size", name=repr(name[:80]))
            by_name[name] = member
        size = self._file.seek(0, io.SEEK_END)
        packed = sum(_LOCAL_HEADER + len(m.filename) + m.compress_size for m in members)
        if packed > size:
            raise self._refused("has members that overlap", members=packed, file=size)
        total = sum(m.file_size for m in members)
        if total > max_ratio * size + budget.SLACK:
            raise self._refused(
                "unpacks to far more than a model file does",
                packed=f"{size} bytes",
                unpacked=f"{total} bytes",
                limit=f"{max_ratio} times the packed size",
            )
        return by_name

    def _start_of(self, member: zipfile.ZipInfo) -> int:
        """Where the bytes of a member start; zipfile compares the two headers on the way."""
        try:
            self._zip.open(member).close()
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
            raise self._damaged(error, member=member.filename) from error
        self._file.seek(member.header_offset)
        header = self._file.read(_LOCAL_HEADER)
        name, extra = (int.from_bytes(header[i : i + 2], "little") for i in (26, 28))
        return member.header_offset + _LOCAL_HEADER + name + extra

    def _refused(self, why: str, *, fix: str | None = None, **facts: object) -> UnsafeFileError:
        return make_error(UnsafeFileError, f"{self.label} {why}.", fix=fix, **facts)

    def _damaged(self, detail: object, **facts: object) -> ValueError:
        return value_error(
            f"{self.label} is not a zip archive, or it is damaged.",
            fix="get it again from its source.",
            detail=detail,
            **facts,
        )


def write_zip(
    target: str | os.PathLike[str] | BinaryIO,
    members: Iterable[tuple[str, str | bytes | Path]],
) -> None:
    """Write an archive whose bytes depend on its content alone.

    Args:
        target: path (written in place, see `atomic_write`), or seekable binary file.
        members: names and contents in order; a `Path` stands for the content of that file.

    Raises:
        ValueError: a name is not a plain relative path with forward slashes, or is not unique.

    Example:

        >>> import io
        >>> first, second = io.BytesIO(), io.BytesIO()
        >>> for file in (first, second):
        ...     write_zip(file, [("metadata.json", "{}"), ("config.json", "{}")])
        >>> first.getvalue() == second.getvalue()
        True
    """
    seen: set[str] = set()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            check_member_name(name)
            if name in seen:
                raise value_error(f"Names of members must be unique, got {name!r} twice.")
            seen.add(name)
            info = zipfile.ZipInfo(name, _DATE)
            info.create_system = 3  # the same bytes on every system
            info.external_attr = 0o600 << 16
            if isinstance(content, Path):
                info.file_size = content.stat().st_size  # decides on 64-bit sizes up front
                with content.open("rb") as source, archive.open(info, "w") as member:
                    while block := source.read(_BLOCK):
                        member.write(block)
            else:
                archive.writestr(info, content)


def check_member_name(name: str) -> str:
    """Return `name` if it is safe as the name of an archive member on every system.

    Raises:
        ValueError: it is empty or absolute, climbs with `..`, or has a backslash, a colon, a
            control character, or a part over 255 bytes.

    Example:

        >>> check_member_name("assets/layers/string_lookup/vocabulary.txt")
        'assets/layers/string_lookup/vocabulary.txt'
    """
    parts = name.split("/")
    if (
        any(part in ("", ".", "..") or len(part.encode("utf-8", "replace")) > 255 for part in parts)
        or any(c in '\\:<>"|?*' or ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in name)
        or any(part[-1] in " ." for part in parts)  # Windows drops these when it makes the file
    ):
        raise value_error(
            f"{name[:80]!r} cannot be the name of an archive member.",
            fix="use a relative path with forward slashes, such as 'assets/layers/a/b.txt'.",
        )
    return name


class _Bounded:
    """A file from which no more than `limit` bytes are read at once: zipfile reads the whole table
    of contents before it says how long that is."""

    def __init__(self, file: BinaryIO, limit: int, refused: Callable[..., Exception]) -> None:
        self._file, self._limit, self._refused = file, limit, refused
        self.seek, self.tell = file.seek, file.tell

    def read(self, count: int = -1) -> bytes:
        if count > self._limit:
            raise self._refused("has too many members", contents=f"{count} bytes")
        return self._file.read(count)


class _Window(View):
    """The bytes `start ... start + size` of a file, as a read-only file of its own."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        super().__init__(size)
        self._source, self._start = file, start

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = max(0, min(len(buffer), self.size - self._at))
        self._source.seek(self._start + self._at)
        done = self._source.readinto(memoryview(buffer)[:count])  # type: ignore[attr-defined]
        self._at += done
        return done
