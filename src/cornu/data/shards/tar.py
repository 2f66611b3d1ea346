"""Where the files of a tar archive are: its headers, read once, and nothing unpacked.

    | header | content, padded to 512 | header | content ... | 1024 zeros |

Nothing is written to disk, so the names in an archive, and its links and devices, can do no harm:
a name is a text, and what is no file is passed over. Sizes are held against the archive's own, and
a header of names is bounded. Formats: ustar, GNU (long names), pax (long names, large sizes).
"""

import os
import re
import stat
from collections.abc import Iterator
from typing import IO, NamedTuple

from cornu import errors
from cornu.errors import UnsafeFileError

BLOCK = 512
MAX_MEMBERS = 10_000_000
MAX_NAME = 1 << 16  # bytes of a header that holds a name
MAX_BYTES = 1 << 30  # of one file

_WITHOUT_CONTENT = b"123456"  # links, devices, folders, pipes
_COMPRESSED = {b"\x1f\x8b": "gzip -d", b"BZ": "bzip2 -d", b"\xfd7": "xz -d", b"(\xb5": "zstd -d"}


class Member(NamedTuple):
    """A file in an archive: its name, and where its content is."""

    name: str
    offset: int
    size: int


def members(path: str) -> Iterator[Member]:
    """The files of a tar archive, in order.

    Raises:
        ValueError: the archive is damaged, cut short or compressed.
        UnsafeFileError: it exceeds the limits.
    """
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise errors.value_error(f"{path} is not a regular file.")
        start = file.read(2)
        if start in _COMPRESSED:
            raise errors.value_error(
                f"{path} is compressed, so its files cannot be read by index.",
                fix=f"{_COMPRESSED[start]} {path}",
            )
        yield from _members(file, path, status.st_size)


def _members(file: IO[bytes], path: str, end: int) -> Iterator[Member]:
    position = count = 0
    name, size_in_pax = "", None
    while position + BLOCK <= end:
        file.seek(position)
        header = file.read(BLOCK)
        if not header.strip(b"\0"):
            return
        _check_sum(header, path, position)
        kind = header[156:157]
        size = 0 if kind in _WITHOUT_CONTENT else _number(header[124:136], path)
        if size_in_pax is not None and kind not in b"xgLK":
            size = size_in_pax
        position += BLOCK
        if size > end - position:
            raise _cut_short(path, f"a file of {size:,} bytes begins at byte {position:,}", end)
        if kind in b"xgLK":
            if size > MAX_NAME:
                raise UnsafeFileError(f"{path} has a header of {size:,} bytes for a name.")
            content = file.read(size)
            if kind == b"L":
                name = _text(content)
            elif kind == b"x":
                fields = _pax(content)
                name = fields.get("path", name)
                size_in_pax = int(fields["size"]) if fields.get("size", "").isdigit() else None
        else:
            if kind in b"0\x007" or not kind:
                count += 1
                if count > MAX_MEMBERS or size > MAX_BYTES:
                    raise UnsafeFileError(
                        f"{path} must have at most {MAX_MEMBERS:,} files of at most {MAX_BYTES:,} "
                        f"bytes, got file {count:,} of {size:,} bytes."
                    )
                yield Member(name or _name(header), position, size)
            elif kind == b"S":
                raise errors.value_error(f"{path} holds a sparse file.", fix="tar without -S")
            name, size_in_pax = "", None
        position += -(-size // BLOCK) * BLOCK
    if position != end or name:  # archives without zeros at their end are common
        raise _cut_short(path, f"a header is expected at byte {position:,}", end)


def _cut_short(path: str, why: str, end: int) -> ValueError:
    return errors.value_error(
        f"The archive {path} is cut short: {why} of {end:,}.", fix="copy or download it again."
    )


def _check_sum(header: bytes, path: str, position: int) -> None:
    expected = sum(header[:148]) + 8 * 32 + sum(header[156:])
    if _number(header[148:156], path) != expected:
        raise errors.value_error(
            f"{path} is no tar archive, or damaged: no header at byte {position:,}.",
            fix="copy or download it again.",
        )


def _number(field: bytes, path: str) -> int:
    if field[0] == 0x80:  # GNU: binary
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    if not re.fullmatch(rb"[0-7]*", digits):
        raise errors.value_error(f"{path} is no tar archive, or damaged.")
    return int(digits or b"0", 8)


def _name(header: bytes) -> str:
    name, prefix = _text(header[:100]), _text(header[345:500])
    return f"{prefix}/{name}" if prefix and header[257:263] == b"ustar\0" else name


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")


def _pax(content: bytes) -> dict[str, str]:
    """The fields of a pax header: lines of length, name and value."""
    fields, rest = {}, content
    while rest:
        length, _, _ = rest.partition(b" ")
        if not length.isdigit() or not 0 < int(length) <= len(rest):
            break
        name, _, value = rest[len(length) + 1 : int(length) - 1].partition(b"=")
        fields[_text(name)] = value.decode("utf-8", "replace")
        rest = rest[int(length) :]
    return fields
