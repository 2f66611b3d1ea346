"""`get_file` against a server on this machine."""

import hashlib
import http.server
import io
import os
import re
import stat
import tarfile
import threading
import types
from pathlib import Path

import pytest

from cornu.utils import get_file

CONTENT = b"x,y\n1,2\n" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


def tar_bytes():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo("sub/a.txt")
        info.size = 2
        archive.addfile(info, io.BytesIO(b"hi"))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def server():
    pages = {"/data.csv": CONTENT, "/thing.tar.gz": tar_bytes(), "/caf%C3%A9.csv": CONTENT}
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.path)
            page = pages.get(self.path.split("?")[0])
            if page is None:
                self.send_error(404)
            else:
                self.send_response(200)
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    yield types.SimpleNamespace(address=address, seen=seen, pages=pages)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Every test has a cache of its own, and none of the user's."""
    monkeypatch.setenv("CORNU_HOME", str(tmp_path / "cornu"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "cornu"


def everything_in(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_a_file_is_downloaded_once(server, home, capsys):
    server.seen.clear()
    for _ in range(2):
        path = get_file(origin=server.address + "/data.csv", file_hash=SHA256)
        assert path == str(home / "datasets/data.csv")
        assert Path(path).read_bytes() == CONTENT
    assert server.seen == ["/data.csv"]
    assert everything_in(home) == ["datasets/data.csv"]
    assert capsys.readouterr().out == f"Downloading data from {server.address}/data.csv\n"


def test_the_cache_belongs_to_its_owner_alone(server, home):
    get_file(origin=server.address + "/data.csv", file_hash=SHA256)
    for folder in (home, home / "datasets"):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700


def test_names_and_folders(server, tmp_path):
    path = get_file(
        "mine.csv", server.address + "/data.csv?raw=1", file_hash=SHA256,
        cache_subdir="a/b", cache_dir=tmp_path / "own",
    )  # fmt: skip
    assert path == str(tmp_path / "own/a/b/mine.csv")
    encoded = get_file(origin=server.address + "/caf%C3%A9.csv", file_hash=SHA256)
    assert os.path.basename(encoded) == "caf\u00e9.csv"


def test_a_folder_may_be_given_by_its_whole_path(server, home, tmp_path):
    path = get_file(
        origin=server.address + "/data.csv", file_hash=SHA256, cache_subdir=str(tmp_path / "here")
    )
    assert path == str(tmp_path / "here/data.csv")
    assert everything_in(home) == []


def test_force_download(server, home):
    get_file(origin=server.address + "/data.csv", file_hash=SHA256)
    server.seen.clear()
    get_file(origin=server.address + "/data.csv", file_hash=SHA256, force_download=True)
    assert server.seen == ["/data.csv"]


def test_a_cached_file_with_another_hash_is_replaced(server, home):
    path = home / "datasets/data.csv"
    path.parent.mkdir(parents=True)
    path.write_text("cut")
    get_file(origin=server.address + "/data.csv", file_hash=SHA256)
    assert path.read_bytes() == CONTENT


def test_a_file_of_keras_is_used_where_it_lies(tmp_path):
    path = tmp_path / "keras/datasets/data.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert get_file(origin="https://nowhere.invalid/data.csv", file_hash=SHA256) == str(path)
    assert get_file(origin="https://nowhere.invalid/data.csv", md5_hash=MD5) == str(path)


def test_offline_says_what_to_put_where(home, monkeypatch):
    def no_network(*_, **__):
        import requests

        raise requests.ConnectionError("no route")

    monkeypatch.setattr("requests.get", no_network)
    with pytest.raises(ConnectionError) as error:
        get_file(origin="https://example.com/data.csv")
    assert "example.com cannot be reached" in str(error.value)
    assert f"put the file at {home / 'datasets/data.csv'}" in str(error.value)


def test_a_missing_page_gives_the_status(server):
    with pytest.raises(ConnectionError, match="the server answers 404"):
        get_file(origin=server.address + "/nope.csv", file_hash=SHA256)


@pytest.mark.parametrize(
    ("origin", "options"),
    [
        ("http://example.com/x.csv", {}),
        ("http://example.com/x.csv", {"file_hash": "0" * 32}),  # an MD5 is not enough
        ("file://elsewhere/share/x.csv", {"file_hash": "0" * 64}),  # of another machine
        ("ftp://example.com/x.csv", {"file_hash": "0" * 64}),
        ("/etc/hostname", {"file_hash": "0" * 64}),
        ("example.com/x.csv", {}),
    ],
)
def test_other_addresses_are_refused(origin, options):
    with pytest.raises(ValueError, match="https"):
        get_file(origin=origin, **options)


@pytest.mark.parametrize("options", [{}, {"file_hash": SHA256}])
def test_a_local_file_is_copied(tmp_path, home, options):
    source = tmp_path / "source.csv"
    source.write_bytes(CONTENT)
    path = get_file(origin=source.as_uri(), **options)
    assert path == str(home / "datasets/source.csv")
    assert Path(path).read_bytes() == CONTENT


@pytest.mark.parametrize("path", ["/dev/zero", "/no/such/file.csv"])
def test_what_is_no_local_file_is_not_copied(home, path):
    with pytest.raises(FileNotFoundError, match="no file"):
        get_file("x.csv", f"file://{path}")
    assert everything_in(home / "datasets") == []


@pytest.mark.parametrize(
    "name", ["..", ".", "", "../x", "a/b", "a\\b", "C:x", "/abs", "x\0y", "~root", "n" * 300]
)
def test_names_are_plain(name):
    with pytest.raises(ValueError, match="plain name"):
        get_file(name, "https://example.com/x.csv")


@pytest.mark.parametrize("folder", ["../up", "/abs", "a/../b", "a\\b", "C:x"])
def test_folders_stay_below_the_cache(folder, tmp_path):
    with pytest.raises(ValueError, match="cannot be a folder in `cache_subdir`"):
        get_file(origin="https://example.com/x.csv", cache_subdir=folder, cache_dir=tmp_path)
    assert everything_in(tmp_path) == []


@pytest.mark.parametrize("end", ["/", "", "/.."])
def test_an_address_without_a_name(end):
    with pytest.raises(ValueError, match="fname|plain name"):
        get_file(origin="https://example.com" + end)


def test_a_missing_address():
    with pytest.raises(ValueError, match="origin.* must be given"):
        get_file("x.csv")


@pytest.mark.parametrize(
    "options",
    [
        {"file_hash": "abc"},
        {"file_hash": "g" * 64},
        {"file_hash": "0" * 64, "hash_algorithm": "md5"},
        {"md5_hash": "0" * 64},
        {"hash_algorithm": "sha25"},
    ],
)
def test_a_hash_is_hexadecimal_and_of_its_length(options):
    with pytest.raises(ValueError, match=re.compile("hexadecimal|did you mean 'sha256'")):
        get_file(origin="https://example.com/x.csv", **options)


def test_a_cache_that_cannot_be_made_is_no_reason_to_go_elsewhere(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PermissionError, match="CORNU_HOME"):
        get_file(origin="https://example.com/x.csv", cache_dir=tmp_path / "file")


@pytest.mark.parametrize(
    ("fname", "folder", "archive"),
    [
        (None, "thing.tar.gz", "thing.tar.gz_archive"),
        ("thing", "thing", "thing_archive"),
        ("thing.tar.gz", "thing_extracted", "thing.tar.gz"),
        ("thing.tgz", "thing_extracted", "thing.tgz"),
    ],
)
def test_an_archive_is_unpacked_under_the_names_of_keras(server, home, fname, folder, archive):
    origin = server.address + "/thing.tar.gz"
    digest = hashlib.sha256(server.pages["/thing.tar.gz"]).hexdigest()
    path = get_file(fname, origin, file_hash=digest, extract=True)
    assert path == str(home / "datasets" / folder)
    assert everything_in(home / "datasets") == sorted([archive, f"{folder}/sub/a.txt"])
    server.seen.clear()
    assert get_file(fname, origin, file_hash=digest, untar=True) == path
    assert server.seen == []


def test_a_download_that_is_no_archive_is_not_kept(server, home):
    with pytest.raises(ValueError, match="no archive"):
        get_file(origin=server.address + "/data.csv", file_hash=SHA256, extract=True)
    assert everything_in(home) == []


def test_a_mistyped_format_is_found_before_the_download(server):
    server.seen.clear()
    with pytest.raises(ValueError, match="did you mean 'tar'"):
        get_file(
            origin=server.address + "/thing.tar.gz", file_hash="0" * 64,
            extract=True, archive_format="tarr",
        )  # fmt: skip
    assert server.seen == []
