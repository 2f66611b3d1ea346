"""Files from the network: downloaded once, verified, cached; archives are not trusted.

    get_file ── already there, and the hash fits? ──────────────────────────────> its path
        │ no                                                                        ^
        └─> temporary file in the same folder ── size caps ── hash ── rename ───────┤
                                                                                    │
        extract=True:  unpacked in a temporary folder (see unpack.py) ── rename ────┘

A file or folder appears under its final name only when it is complete, so a process that is killed
leaves nothing that a later one would take for whole. What is refused, and why:

    an origin over http            anybody on the way may change it, unless there is a SHA-256
    names with '..', '/', 'C:'     they point out of the folder
    more than MAX_DOWNLOAD bytes   or more than the disk has room for

The cache is the folder in `CORNU_HOME`, else `~/.cornu`, readable by its owner alone; files that
Keras left in `~/.keras` are used where they are. pooch does the downloading.
"""

import os
import re
import shutil
import sys
import time
import unicodedata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import url2pathname

from cornu import errors
from cornu.archive.atomic import explained, flush, temporary_file
from cornu.engine.runtime import home_folder
from cornu.reports import screen
from cornu.reports.progress import INTERVAL
from cornu.utils import unpack

MAX_DOWNLOAD = 32 << 30  # bytes of one file
TIMEOUT = (15, 60)  # seconds to connect, and between two pieces
CHUNK = 1 << 16

ARCHIVE_SUFFIXES = (".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tbz", ".txz", ".tar", ".zip")
HASH_LENGTHS = {"sha256": 64, "md5": 32}


@errors.trimmed
def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | list[str] | tuple[str, ...] | None = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """The path of a file from the network, which is downloaded if it is not in the cache.

    Args:
        fname: plain file name in the cache; the last part of `origin` if None.
        origin: URL of the file: `https://`, `file://`, or with a SHA-256 also `http://`.
        untar: whether to unpack the file, a tar archive; see `extract`.
        md5_hash: MD5 in hexadecimal, which detects damage but not malice; prefer `file_hash`.
        file_hash: SHA-256 (64 digits) or MD5 (32 digits) in hexadecimal. A cached file that does
            not match is downloaded again.
        cache_subdir: folder in the cache, or without `cache_dir` an absolute path.
        hash_algorithm: "sha256", "md5", or "auto", by the length of `file_hash`.
        extract: whether to unpack the archive and return the folder.
        archive_format: "auto", "tar", "zip", or a list of formats to try.
        cache_dir: folder of the cache; `CORNU_HOME`, or `~/.cornu`, if None.
        force_download: whether to download a cached file again.

    Returns:
        The path of the file, or with `extract` of the folder that holds the unpacked archive:
        `name` for the file `name`, `name_extracted` if you named the file `name.zip`.

    Raises:
        ValueError: the URL or name is refused, the hash differs, or the file is too large.
        FileNotFoundError: there is no such local file.
        ConnectionError: the file cannot be downloaded; the message says where to put it by hand.
        UnsafeFileError: the archive would write outside its folder, or is a decompression bomb.

    Example:

        >>> get_file("../x", "https://example.com/x.csv")
        Traceback (most recent call last):
        ValueError: '../x' cannot be the name of a file in the cache.
          fix: give a plain name such as 'data.csv'; folders go into cache_dir and cache_subdir.
    """
    if not origin:
        raise errors.value_error(
            "origin, the URL to download from, must be given.",
            fix="get_file(origin='https://...')",
        )
    algorithm, digest = _expected_hash(md5_hash, file_hash, hash_algorithm)
    _check_origin(origin, algorithm)
    extract = extract or untar
    name = checked_name(_name_in(origin) if fname is None else os.fspath(fname))
    formats = unpack.formats_of(archive_format)
    folder_name = name
    if extract:
        suffix = next((s for s in ARCHIVE_SUFFIXES if name.lower().endswith(s)), None)
        if fname is not None and suffix:
            folder_name = name[: -len(suffix)] + "_extracted"
        else:
            name += "_archive"

    folder = cache_folder(cache_subdir, cache_dir)
    path = None
    if not force_download:
        known = [folder / name]
        if cache_dir is None:
            known.append(keras_folder(cache_subdir) / name)
        path = next((p for p in known if p.is_file() and _matches(p, algorithm, digest)), None)
    fresh = path is None
    if path is None:
        path = folder / name
        download(origin, path, algorithm, digest)
    if not extract:
        return str(path)

    target = folder / folder_name
    if fresh or not target.is_dir():
        try:
            unpack.extract_archive(path, target, formats)
        except ValueError:
            if fresh:  # nothing of it is of use
                path.unlink()
            raise
    return str(target)


# ---- places and names --------------------------------------------------------------------------


def cache_folder(subfolder: str = "", cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """A folder of the cache, made for its owner alone if it does not exist.

    Raises:
        PermissionError: the folder cannot be created or written to.
    """
    if cache_dir is None and Path(subfolder).is_absolute():  # the whole way, as tutorials give it
        cache_dir, subfolder = subfolder, ""
    folder = home_folder() if cache_dir is None else Path(cache_dir).expanduser()
    parts = [checked_name(part, "`cache_subdir`") for part in Path(subfolder).parts]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in parts:
            folder = folder / part
            folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise PermissionError(_not_writable(folder)) from error
    if not os.access(folder, os.W_OK):
        raise PermissionError(_not_writable(folder))
    return folder


def keras_folder(subfolder: str = "") -> Path:
    """Where Keras keeps files: `KERAS_HOME`, else `~/.keras`. Only ever read."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / subfolder


def _not_writable(folder: Path) -> str:
    return errors.explain(
        f"The cache folder {str(folder)!r} cannot be written to.",
        fix="set the environment variable CORNU_HOME to a folder of yours, or pass cache_dir=...",
    )


def _name_in(origin: str) -> str:
    """The last part of the address, as a name."""
    name = unquote(urlsplit(origin).path).rsplit("/", 1)[-1]
    if not name:
        raise errors.value_error(
            f"The URL {origin!r} does not end with a file name.", fix="fname='data.csv'"
        )
    return name


def checked_name(name: str, argument: str = "") -> str:
    """`name` in one spelling, if it is a plain name on every system."""
    clean = unicodedata.normalize("NFC", str(name))
    if (
        clean in ("", ".", "..")
        or re.search(r"[/\\\x00-\x1f\x7f]", clean)
        or re.match(r"[A-Za-z]:", clean)
        or clean.startswith("~")
        or len(os.fsencode(clean)) > 240
    ):
        place = f"a folder in {argument}" if argument else "the name of a file in the cache"
        raise errors.value_error(
            f"{name!r} cannot be {place}.",
            fix="give a plain name such as 'data.csv'; folders go into cache_dir and cache_subdir.",
        )
    return clean


# ---- hashes ------------------------------------------------------------------------------------


def _expected_hash(
    md5_hash: str | None, file_hash: str | None, algorithm: str
) -> tuple[str | None, str | None]:
    """The algorithm and the digits to expect, or None twice."""
    if algorithm not in ("auto", *HASH_LENGTHS):
        raise errors.value_error(
            f"Unknown hash algorithm {algorithm!r}.",
            fix=errors.did_you_mean(algorithm, ["auto", *HASH_LENGTHS]),
        )
    if file_hash is None:
        if md5_hash is None:
            return None, None
        file_hash, algorithm = md5_hash, "md5"
    digits = file_hash.strip().lower()
    if algorithm == "auto":
        algorithm = "md5" if len(digits) == HASH_LENGTHS["md5"] else "sha256"
    if not re.fullmatch(rf"[0-9a-f]{{{HASH_LENGTHS[algorithm]}}}", digits):
        raise errors.value_error(
            f"A {algorithm} hash must have {HASH_LENGTHS[algorithm]} hexadecimal digits, "
            f"got {file_hash!r}.",
            fix="run `sha256sum FILE` on a copy that you trust.",
        )
    return algorithm, digits


def _matches(path: Path, algorithm: str | None, digest: str | None) -> bool:
    """Whether the file has the hash; with none to check, whether it is there at all."""
    if algorithm is None:
        return True
    pooch = errors.need("pooch", for_="downloading files")
    return bool(pooch.file_hash(str(path), alg=algorithm) == digest)


# ---- downloads ---------------------------------------------------------------------------------


def _check_origin(origin: str, algorithm: str | None) -> None:
    parts = urlsplit(origin)
    scheme = parts.scheme.lower()
    if scheme == "https" or (scheme == "http" and algorithm == "sha256"):
        return
    if scheme == "file" and parts.netloc in ("", "localhost"):
        return
    if scheme == "http":
        raise errors.value_error(
            f"A download over plain http needs a SHA-256, got {origin!r}.",
            fix="use the https URL, or pass the SHA-256 as file_hash.",
        )
    raise errors.value_error(
        f"origin must be an https URL, got {origin!r}.",
        fix="open a local file by its path.",
    )


def download(
    origin: str,
    path: Path,
    algorithm: str | None = None,
    digest: str | None = None,
    limit: int = MAX_DOWNLOAD,
) -> None:
    """Bring `origin` to `path`: all of it, with the hash and within `limit` bytes, or nothing."""
    print(f"Downloading data from {origin}", flush=True)
    with temporary_file(path) as temporary:
        if urlsplit(origin).scheme.lower() == "file":
            _copy(Path(url2pathname(urlsplit(origin).path)), temporary, limit)
        else:
            with explained(path):
                _fetch(origin, path, str(temporary), limit)
        if not _matches(temporary, algorithm, digest):
            raise errors.value_error(
                f"The {algorithm} of the file from {origin} does not match.",
                expected=digest,
                fix="try again; if it still differs, the file was changed or the hash is wrong.",
            )
        flush(temporary)
        temporary.replace(path)


def _copy(source: Path, target: Path, limit: int) -> None:
    if not source.is_file():  # a device would never end
        raise FileNotFoundError(
            errors.explain(
                f"There is no file {str(source)!r}.",
                fix="give an absolute path: origin='file:///home/me/data.csv'",
            )
        )
    if source.stat().st_size > limit:
        raise ValueError(_too_large(str(source), source.stat().st_size, limit))
    shutil.copyfile(source, target)


def _fetch(origin: str, path: Path, temporary: str, limit: int) -> None:
    """Download over http(s) by pooch."""
    pooch = errors.need("pooch", for_="downloading files")
    requests = errors.need("requests", for_="downloading files")
    meter = _Meter(path, limit)

    hooks = [stay_on_https] if origin.lower().startswith("https:") else []
    downloader = pooch.HTTPDownloader(
        progressbar=meter,
        chunk_size=CHUNK,
        timeout=TIMEOUT,
        headers={"Accept-Encoding": "identity"},  # or the sizes would not be those of the file
        hooks={"response": hooks},
    )
    try:
        downloader(origin, temporary, None)
    except requests.RequestException as error:
        raise ConnectionError(_unreachable(origin, path, error)) from None
    finally:
        meter.line.finish()
    if os.path.getsize(temporary) < meter.total:
        raise ConnectionError(_unreachable(origin, path, "the connection breaks off"))


def stay_on_https(response: Any, *_: Any, **__: Any) -> None:
    """A hook for requests: refuse a redirect that leaves https, before it is followed."""
    target = urljoin(response.url, response.headers.get("location", ""))
    if response.is_redirect and urlsplit(target).scheme.lower() != "https":
        raise errors.value_error(
            f"{response.url} redirects to {target!r}, which is not https.",
            fix="use a URL that answers over https.",
        )


def _unreachable(origin: str, path: Path, error: object) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    kind = type(error).__name__
    if status:
        why = f"the server answers {status}"
    elif "Timeout" in kind:
        why = f"{urlsplit(origin).hostname} does not answer"
    elif kind == "ConnectionError":
        why = f"{urlsplit(origin).hostname} cannot be reached"
    else:
        why = str(error).split("\n")[0][:200]
    return errors.explain(
        f"{path.name} cannot be downloaded.",
        origin=origin,
        why=why,
        fix=f"download it on a machine with a network;\nput the file at {path}",
    )


def _too_large(what: str, size: int, limit: int) -> str:
    return errors.explain(f"{what} must have at most {limit:,} bytes, got {size:,}.")


class _Meter:
    """What pooch calls for every piece: holds the size caps, and shows how far the download is."""

    def __init__(self, path: Path, limit: int):
        self.path, self.limit = path, limit
        self.line = screen.LiveLine(sys.stdout if screen.is_terminal(sys.stdout) else None)
        self._total = self._seen = 0
        self._due = 0.0

    @property
    def total(self) -> int:
        """Bytes the server promises; 0 if it does not say."""
        return self._total

    @total.setter
    def total(self, total: int) -> None:
        room = shutil.disk_usage(self.path.parent).free
        if total > min(self.limit, room):
            raise ValueError(_too_large(self.path.name, total, min(self.limit, room)))
        self._total = total

    def update(self, size: int) -> None:
        """A piece of up to `size` bytes came."""
        self._seen += size
        if self._seen > self.limit + CHUNK:
            raise ValueError(_too_large(self.path.name, self._seen, self.limit))
        now = time.monotonic()
        if now >= self._due:
            self._due = now + INTERVAL
            whole = f" of {self._total / 1e6:.1f}" if self._total else ""
            done = min(self._seen, self._total or self._seen) / 1e6
            text = f"{self.path.name}: {done:.1f}{whole} MB"
            self.line.rewrite(text, len(text))

    def reset(self) -> None:
        """The end: pooch reports the whole size once more."""
        self._seen, self._due = 0, 0.0

    def close(self) -> None:
        """Leave the line."""
        self.line.finish()
