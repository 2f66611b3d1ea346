"""Archives made to do harm, and ordinary ones."""

import contextlib
import io
import os
import tarfile
import warnings
import zipfile

import pytest

from cornu.errors import UnsafeFileError
from cornu.utils import unpack
from cornu.utils.unpack import extract_archive, formats_of


def make_tar(path, members, mode="w:gz"):
    """A tar of (name, content) pairs; a `TarInfo` instead of a pair is added as it is."""
    with tarfile.open(path, mode) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            name, content = member
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def everything_in(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_unpacked_however_compressed(tmp_path, mode):
    path = make_tar(tmp_path / "a", [("top/one.txt", b"1"), ("./top/sub/two.txt", b"22")], mode)
    extract_archive(path, tmp_path / "out")
    assert (tmp_path / "out/top/one.txt").read_bytes() == b"1"
    assert (tmp_path / "out/top/sub/two.txt").read_bytes() == b"22"
    assert everything_in(tmp_path) == [
        "a", "out", "out/top", "out/top/one.txt", "out/top/sub", "out/top/sub/two.txt"
    ]  # fmt: skip


def test_a_zip_is_unpacked(tmp_path):
    path = make_zip(tmp_path / "a.zip", [("empty/", b""), ("b/c.txt", b"hi")])
    extract_archive(path, tmp_path / "out")
    assert everything_in(tmp_path / "out") == ["b", "b/c.txt", "empty"]


def test_an_older_folder_is_replaced_as_a_whole(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/old.txt").write_text("old")
    extract_archive(make_zip(tmp_path / "a.zip", [("new.txt", b"new")]), tmp_path / "out")
    assert everything_in(tmp_path) == ["a.zip", "out", "out/new.txt"]


BAD_NAMES = [
    "../up",
    "a/../../up",
    "/abs",
    "C:x",
    "C:\\x",
    "a\\..\\..\\x",
    "a/c:d",
    "x\ny",
    "n" * 2000,
]


@pytest.mark.parametrize("make", [make_tar, make_zip])
@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_point_outside_are_refused(tmp_path, make, name):
    path = make(tmp_path / "a", [("fine.txt", b"x"), (name, b"x")])
    with pytest.raises(UnsafeFileError, match="points out of its folder"):
        extract_archive(path, tmp_path / "out")
    assert everything_in(tmp_path) == ["a"]  # not even the fine one


@pytest.mark.parametrize(
    "member",
    [
        special("link", tarfile.SYMTYPE, "../.."),
        special("link", tarfile.SYMTYPE, "/etc"),
        special("link", tarfile.LNKTYPE, "../up"),
        special("pipe", tarfile.FIFOTYPE),
        special("device", tarfile.CHRTYPE),
    ],
)
def test_links_and_devices_are_left_out(tmp_path, member):
    path = make_tar(tmp_path / "a", [member, ("fine.txt", b"x")])
    with pytest.warns(UserWarning, match="1 links or devices are left out"):
        extract_archive(path, tmp_path / "out")
    assert everything_in(tmp_path / "out") == ["fine.txt"]


def test_nothing_goes_through_a_link(tmp_path):
    path = make_tar(tmp_path / "a", [special("door", tarfile.SYMTYPE, ".."), ("door/in.txt", b"x")])
    with pytest.warns(UserWarning, match="left out"):
        extract_archive(path, tmp_path / "out")
    assert not (tmp_path / "in.txt").exists()
    assert (tmp_path / "out/door/in.txt").is_file()


def test_nothing_goes_through_a_chain_of_links_too_long_to_resolve(tmp_path):
    """Names that together pass the system's limit on a path defeat checks by `realpath`."""
    members, place = [], ""
    for i in range(16):
        members.append(special(f"{place}{chr(97 + i)}", tarfile.SYMTYPE, "d" * 247))
        place += f"{chr(97 + i)}/"
    members += [special(f"{place}{'l' * 254}", tarfile.SYMTYPE, "../" * 16), (f"{place}x", b"x")]
    members.append((f"{place}{'l' * 254}/evil.txt", b"x"))
    path = make_tar(tmp_path / "a", members)
    with pytest.warns(UserWarning, match="17 links or devices are left out"):
        extract_archive(path, tmp_path / "out")
    assert [n for n in everything_in(tmp_path) if n.endswith("evil.txt")][0].startswith("out/a/b/")
    assert not any(p.is_symlink() for p in tmp_path.rglob("*"))


@pytest.mark.parametrize("name", ["./link/../x", "link/../../x", "..", ".", "", "a//../..//x"])
def test_names_that_collapse_through_a_link(tmp_path, name):
    path = make_tar(tmp_path / "a", [special("link", tarfile.SYMTYPE, "."), (name, b"x")])
    with contextlib.suppress(UnsafeFileError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        extract_archive(path, tmp_path / "out")
    outside = [n for n in everything_in(tmp_path) if not n.startswith("out/")]
    assert outside in (["a"], ["a", "out"])


def test_a_link_in_a_zip_is_left_out(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.warns(UserWarning, match="'link'"):
        extract_archive(path, tmp_path / "out")
    assert everything_in(tmp_path / "out") == []


def test_permissions_are_not_taken_over(tmp_path):
    info = tarfile.TarInfo("run.sh")
    info.mode = 0o6777
    extract_archive(make_tar(tmp_path / "a", [info]), tmp_path / "out")
    assert os.stat(tmp_path / "out/run.sh").st_mode & 0o7111 == 0


def test_the_same_name_twice_is_refused(tmp_path):
    path = make_tar(tmp_path / "a", [("x", b"1"), ("./x", b"2")])
    with pytest.raises(UnsafeFileError, match="twice"):
        extract_archive(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_a_bomb_is_refused(tmp_path, make, monkeypatch):
    monkeypatch.setattr(unpack, "RATIO_FREE", 1 << 20)
    path = make(tmp_path / "a", [("zeros", bytes(8 << 20))])
    assert path.stat().st_size < 20_000
    with pytest.raises(UnsafeFileError, match="not unpacked"):
        extract_archive(path, tmp_path / "out")
    assert everything_in(tmp_path) == ["a"]


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_many_files_that_are_too_much_together_are_refused(tmp_path, make, monkeypatch):
    monkeypatch.setattr(unpack, "RATIO_FREE", 1 << 20)
    path = make(tmp_path / "a", [(f"zeros{k}", bytes(400_000)) for k in range(5)])
    with pytest.raises(UnsafeFileError, match="not unpacked"):
        extract_archive(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_too_many_members_are_refused(tmp_path, make, monkeypatch):
    monkeypatch.setattr(unpack, "MAX_MEMBERS", 3)
    path = make(tmp_path / "a", [(str(k), b"") for k in range(4)])
    with pytest.raises(UnsafeFileError, match="more than 3 members"):
        extract_archive(path, tmp_path / "out")


def test_a_huge_header_is_not_read_into_memory(tmp_path):
    info = tarfile.TarInfo("x")
    info.pax_headers = {"comment": "a" * (unpack.MAX_HEADER + 1)}
    path = make_tar(tmp_path / "a", [info])
    with pytest.raises(UnsafeFileError, match="a header of"):
        extract_archive(path, tmp_path / "out")


def test_a_cut_archive_is_damaged(tmp_path):
    path = make_tar(tmp_path / "a", [("x", os.urandom(100_000))])
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(ValueError, match="damaged"):
        extract_archive(path, tmp_path / "out")
    assert everything_in(tmp_path) == ["a"]


def test_what_is_no_archive_is_named(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("hello " * 500)
    with pytest.raises(ValueError, match="no archive of the format tar or zip"):
        extract_archive(path, tmp_path / "out")
    with pytest.raises(ValueError, match="format tar"):
        extract_archive(make_zip(tmp_path / "a.zip", [("x", b"")]), tmp_path / "out", ["tar"])


def test_formats():
    assert formats_of("auto") == ["tar", "zip"]
    assert formats_of("zip") == ["zip"]
    assert formats_of(("tar", "zip")) == ["tar", "zip"]
    assert formats_of(None) == []
    with pytest.raises(ValueError, match="did you mean 'zip'"):
        formats_of("zipp")
