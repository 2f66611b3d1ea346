"""Tar archives: every format beside tarfile, and archives that attack."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from cornu.data.shards import tar
from cornu.data.shards.tar import members
from cornu.errors import UnsafeFileError


def write(path, files, **options):
    with tarfile.open(path, "w", **options) as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return str(path)


FILES = [("a.txt", b"one"), ("d/" * 60 + "b.txt", b"two" * 400), ("ü" * 90 + ".txt", b"")]


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_format_is_that_of_tarfile(tmp_path, kind):
    files = FILES[:2] if kind == tarfile.USTAR_FORMAT else FILES
    path = write(tmp_path / "a.tar", files, format=kind)
    content = Path(path).read_bytes()
    found = [(m.name, content[m.offset : m.offset + m.size]) for m in members(path)]
    assert found == files


def test_links_devices_and_folders_are_passed_over(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo("../../x")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        archive.addfile(info := tarfile.TarInfo("../../up.txt"))
    (only,) = members(str(tmp_path / "a.tar"))
    assert only.name == "../../up.txt" and only.size == 0  # a text, not a place


def test_what_is_cut_short_damaged_or_compressed(tmp_path):
    path = write(tmp_path / "a.tar", FILES)
    content = Path(path).read_bytes()

    def refused(data, message):
        (tmp_path / "b.tar").write_bytes(data)
        with pytest.raises(ValueError, match=message):
            list(members(str(tmp_path / "b.tar")))

    refused(content[:1700], "cut short")
    refused(content[:100] + b"x" + content[101:], "damaged: no header at byte 0")
    refused(b"no archive" * 100, "no tar archive")
    refused(b"\x1f\x8b" + content, "is compressed")


def test_limits(tmp_path, monkeypatch):
    path = write(tmp_path / "a.tar", FILES)
    monkeypatch.setattr(tar, "MAX_NAME", 10)
    with pytest.raises(UnsafeFileError, match="for a name"):
        list(members(path))
    monkeypatch.setattr(tar, "MAX_BYTES", 2)
    with pytest.raises(UnsafeFileError, match="at most"):
        list(members(path))


def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.tar")
    with pytest.raises(ValueError, match="not a regular file"):
        list(members(str(tmp_path / "pipe.tar")))
