"""Downloads from a server that does what servers do."""

import hashlib
import os
import types

import pytest

from cornu.archive.atomic import ENDING
from cornu.utils import download
from faulty_server import serving

CONTENT = bytes(range(256)) * 6 * (download.CHUNK // 256)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(scope="module")
def whole_server():
    with serving({"data.bin": CONTENT}) as server:
        yield server


@pytest.fixture
def server(whole_server, monkeypatch):
    monkeypatch.setattr(download, "PAUSE", 0)
    whole_server.seen.clear()
    return whole_server


def fetch(server, kind, path, digest=SHA256, **options):
    algorithm = "sha256" if digest else None
    url = f"{server.address}/{kind}/data.bin"
    download.download(url, path, algorithm, digest, **options)


def ranges(server):
    return [asked for _, asked in server.seen]


@pytest.mark.parametrize("digest", [SHA256, None], ids=["hash", "no hash"])
@pytest.mark.parametrize("kind", ["plain", "slow", "moved", "unsized", "once", "changed"])
def test_a_file_arrives_whole(server, tmp_path, kind, digest):
    path = tmp_path / "data.bin"
    if kind == "changed" and digest:
        digest = hashlib.sha256(CONTENT[::-1]).hexdigest()
    fetch(server, kind, path, digest)
    assert path.read_bytes() == (CONTENT[::-1] if kind == "changed" else CONTENT)
    assert os.listdir(tmp_path) == ["data.bin"]


def test_a_broken_connection_is_taken_up_where_it_broke(server, tmp_path):
    fetch(server, "once", tmp_path / "data.bin")
    assert ranges(server) == [None, f"bytes={len(CONTENT) // 3}-"]


def test_what_an_earlier_call_left_is_gone_on_with(server, tmp_path):
    path = tmp_path / "data.bin"
    with pytest.raises(ConnectionError, match=r"cannot be downloaded[^$]*kept: .* MB"):
        fetch(server, "stubborn", path)
    (part,) = os.listdir(tmp_path)
    assert part == f".data.bin.{SHA256[:8]}{download.PART}"
    assert (tmp_path / part).read_bytes() == CONTENT[: len(CONTENT) // 3]
    assert len(server.seen) == 1 + download.ATTEMPTS  # the first one brought something
    server.seen.clear()
    fetch(server, "plain", path)
    assert path.read_bytes() == CONTENT and os.listdir(tmp_path) == ["data.bin"]
    assert ranges(server) == [f"bytes={len(CONTENT) // 3}-"]


def test_without_a_hash_nothing_is_left(server, tmp_path):
    with pytest.raises(ConnectionError, match="cannot be downloaded"):
        fetch(server, "stubborn", tmp_path / "data.bin", None)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("left", [b"other" * 1000, CONTENT + b"more", CONTENT])
def test_what_was_kept_may_be_of_another_file(server, tmp_path, left):
    (tmp_path / f".data.bin.{SHA256[:8]}{download.PART}").write_bytes(left)
    fetch(server, "plain", tmp_path / "data.bin")
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    assert os.listdir(tmp_path) == ["data.bin"]


def test_a_wrong_hash_leaves_nothing(server, tmp_path):
    with pytest.raises(ValueError, match="sha256 of the file .* does not match"):
        fetch(server, "garbled", tmp_path / "data.bin")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("digest", [SHA256, None], ids=["hash", "no hash"])
@pytest.mark.parametrize("kind", ["plain", "endless"])
def test_the_size_is_capped_whether_promised_or_not(server, tmp_path, kind, digest):
    with pytest.raises(ValueError, match="must have at most 1,000"):
        fetch(server, kind, tmp_path / "data.bin", digest, limit=1000)
    assert os.listdir(tmp_path) == []


def test_nothing_is_left_of_what_did_not_begin(server, tmp_path, monkeypatch):
    server.pages.pop("data.bin")
    try:
        with pytest.raises(ConnectionError, match="answers 404"):
            fetch(server, "plain", tmp_path / "data.bin")
    finally:
        server.pages["data.bin"] = CONTENT
    assert os.listdir(tmp_path) == [] and len(server.seen) == 1


def test_two_processes_do_not_write_the_same_file(server, tmp_path):
    path = tmp_path / "data.bin"
    with download._partial(path, SHA256) as part, download._partial(path, SHA256) as other:
        assert part.suffix == download.PART and other.suffix == ENDING
        fetch(server, "plain", path)  # a third
    assert path.read_bytes() == CONTENT and os.listdir(tmp_path) == ["data.bin"]


def test_a_planted_link_is_not_followed(server, tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    (tmp_path / f".data.bin.{SHA256[:8]}{download.PART}").symlink_to(mine)
    with pytest.raises(OSError, match="could not be written"):
        fetch(server, "plain", tmp_path / "data.bin")
    assert mine.read_text() == "mine"


def test_a_redirect_may_not_leave_https():
    def response(location):
        headers = {"location": location}
        return types.SimpleNamespace(url="https://a.org/x", headers=headers, is_redirect=True)

    download.stay_on_https(response("https://b.org/y"))
    download.stay_on_https(response("/y"))
    with pytest.raises(ValueError, match="not https"):
        download.stay_on_https(response("http://a.org/x"))
