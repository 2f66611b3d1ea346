"""Downloads: all of a file, with the hash and within the size that are expected, or nothing.

    .data.csv.<hash>.cornu-part      what has come so far; locked by the process that writes it
        │  the connection breaks:    go on from there, by a range request
        │  the process ends:         the next call goes on from there, if a hash verifies the whole
        v
    size caps ── hash ── flush ── rename to data.csv

What is refused, and why:

    an origin over http            anybody on the way may change it, unless there is a SHA-256
    a redirect that leaves https   the same
    more than MAX_DOWNLOAD bytes   or more than the disk has room for

pooch sends the requests.
"""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from urllib.parse import urljoin, urlsplit
from urllib.request import url2pathname

from cornu import errors
from cornu.archive.atomic import explained, flush, temporary_file
from cornu.reports import screen
from cornu.reports.progress import INTERVAL

if sys.platform != "win32":
    import fcntl

MAX_DOWNLOAD = 32 << 30  # bytes of one file
TIMEOUT = (15, 60)  # seconds to connect, and between two pieces
CHUNK = 1 << 16
ATTEMPTS = 5  # in a row that bring nothing new, after the connection broke
PAUSE = 0.5  # seconds before the second attempt; twice as long before each one after
PART = ".cornu-part"


def check_origin(origin: str, algorithm: str | None) -> None:
    """Raise ValueError unless what comes from an address can be trusted to be what was asked for.

    Args:
        origin: URL of a file.
        algorithm: kind of the hash that the file must have; None without one.
    """
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


def matches(path: Path, algorithm: str | None, digest: str | None) -> bool:
    """Whether the file has the hash; with none to check, whether it is there at all."""
    if algorithm is None:
        return True
    pooch = errors.need("pooch", for_="downloading files")
    return bool(pooch.file_hash(str(path), alg=algorithm) == digest)


def download(
    origin: str,
    path: Path,
    algorithm: str | None = None,
    digest: str | None = None,
    limit: int = MAX_DOWNLOAD,
) -> None:
    """Bring `origin` to `path`: all of it, with the hash and within `limit` bytes, or nothing.

    Args:
        origin: URL of the file.
        path: path that it gets.
        algorithm: "sha256" or "md5"; None if there is no hash to check.
        digest: hexadecimal digits of the hash.
        limit: maximum size in bytes.

    Raises:
        ValueError: the hash differs, or the file is too large.
        ConnectionError: it cannot be downloaded; the message says where to put it by hand.
    """
    print(f"Downloading data from {origin}", flush=True)
    with _partial(path, digest) as part:
        if urlsplit(origin).scheme.lower() == "file":
            _copy(Path(url2pathname(urlsplit(origin).path)), part, limit)
        else:
            with explained(path):
                went_on = _fetch(origin, path, part, limit)
            if went_on and not matches(part, algorithm, digest):  # what was kept was of another
                os.truncate(part, 0)
                _fetch(origin, path, part, limit)
        if not matches(part, algorithm, digest):
            part.unlink()
            raise errors.value_error(
                f"The {algorithm} of the file from {origin} does not match.",
                expected=digest,
                fix="try again; if it still differs, the file was changed or the hash is wrong.",
            )
        flush(part)
        part.replace(path)


@contextmanager
def _partial(path: Path, digest: str | None) -> Iterator[Path]:
    """The file that the download goes to, with what an earlier call left of it.

    It stays after an error, for the next call; without a hash, which alone can tell whether the
    pieces belong together, and while another process writes it, it is a temporary file.
    """
    if digest is None or sys.platform == "win32":  # there an open file cannot be renamed
        with temporary_file(path) as part:
            yield part
        return
    part = path.with_name(f".{path.name[:40]}.{digest[:8]}{PART}")
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with explained(path):
        handle = os.open(part, flags, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mine = os.path.samestat(os.fstat(handle), os.stat(part))
        except OSError:  # locked, renamed a moment ago, or a file system without locks
            mine = False
        if mine:
            try:
                yield part
            finally:
                with suppress(OSError):
                    if os.path.samestat(os.fstat(handle), os.stat(part)) and not _size(part):
                        part.unlink()
            return
    finally:
        os.close(handle)
    with temporary_file(path) as other:
        yield other


def _size(path: Path) -> int:
    return path.stat().st_size


def _copy(source: Path, target: Path, limit: int) -> None:
    if not source.is_file():  # a device would never end
        raise FileNotFoundError(
            errors.explain(
                f"There is no file {str(source)!r}.",
                fix="give an absolute path: origin='file:///home/me/data.csv'",
            )
        )
    if _size(source) > limit:
        raise ValueError(_too_large(str(source), _size(source), limit))
    shutil.copyfile(source, target)


def _fetch(origin: str, path: Path, part: Path, limit: int) -> bool:
    """Download over http(s); whether some of it was there before.

    A connection that breaks is taken up where it broke, as long as that brings something new.
    """
    kept, idle = _size(part), 0
    request = _Request(origin, _Meter(path, limit), verified=part.suffix == PART)
    try:
        while True:
            before = _size(part)
            with open(part, "r+b") as file:
                error = request.send(file)
            if error is None:
                return kept > 0
            idle = 0 if _size(part) > before else idle + 1
            if idle >= ATTEMPTS or not request.may_go_on(error):
                raise ConnectionError(_unreachable(origin, path, error, part)) from None
            time.sleep(PAUSE * 2**idle)
    finally:
        request.meter.line.finish()
        if _size(part) > limit:
            os.truncate(part, 0)


class _Request:
    """The requests for one file: the first, and those that go on after it.

    Args:
        origin: URL of the file.
        meter: what counts the bytes.
        verified: whether a hash is checked in the end, so that pieces that do not belong together
            are noticed. Without one, the server must say by a validator that they do.
    """

    def __init__(self, origin: str, meter: "_Meter", verified: bool):
        self.origin, self.meter, self.verified = origin, meter, verified
        self._validator = ""  # ETag or date of the file that the server sent
        self._answered = False

    def send(self, file: IO[bytes]) -> Exception | None:
        """Write what comes behind what is there; returns what went wrong with the connection."""
        pooch = errors.need("pooch", for_="downloading files")
        requests = errors.need("requests", for_="downloading files")
        start = file.seek(0, os.SEEK_END)
        if start and not (self.verified or self._validator):
            start = 0
        headers = {"Accept-Encoding": "identity"}  # or the sizes would not be those of the file
        if start:
            headers["Range"] = f"bytes={start}-"
            if self._validator:
                headers["If-Range"] = self._validator

        def place(response: Any, *_: Any, **__: Any) -> None:
            """Put what comes where it belongs: behind what is there, or in its place."""
            if response.is_redirect or not response.ok:
                return
            self._answered = True
            etag = response.headers.get("etag", "")
            strong = etag if etag.startswith('"') else ""
            self._validator = strong or response.headers.get("last-modified", "")
            goes_on = response.headers.get("content-range", "").startswith(f"bytes {start}-")
            self.meter.start = start if response.status_code == 206 and goes_on else 0
            file.truncate(file.seek(self.meter.start))

        hooks = [stay_on_https] if self.origin.lower().startswith("https:") else []
        downloader = pooch.HTTPDownloader(
            progressbar=self.meter,
            chunk_size=CHUNK,
            timeout=TIMEOUT,
            headers=headers,
            hooks={"response": [*hooks, place]},
        )
        try:
            downloader(self.origin, file, None)
        except requests.RequestException as error:
            if _status(error) != 416:  # what is there is not the beginning of the file
                return error
            file.truncate(0)
            return self.send(file) if start else error
        if file.tell() < self.meter.total:
            return ConnectionError("the connection breaks off")
        return None

    def may_go_on(self, error: Exception) -> bool:
        """Whether another try makes sense: something answered, and did not say no."""
        return self._answered and (_status(error) or 500) >= 500


def _status(error: object) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def stay_on_https(response: Any, *_: Any, **__: Any) -> None:
    """A hook for requests: refuse a redirect that leaves https, before it is followed."""
    target = urljoin(response.url, response.headers.get("location", ""))
    if response.is_redirect and urlsplit(target).scheme.lower() != "https":
        raise errors.value_error(
            f"{response.url} redirects to {target!r}, which is not https.",
            fix="use a URL that answers over https.",
        )


def _unreachable(origin: str, path: Path, error: Exception, part: Path) -> str:
    status = _status(error)
    kind = type(error).__name__
    if status:
        why = f"the server answers {status}"
    elif "Timeout" in kind:
        why = f"{urlsplit(origin).hostname} does not answer"
    elif kind == "ConnectionError" and not str(error).startswith("the connection"):
        why = f"{urlsplit(origin).hostname} cannot be reached"
    else:
        why = str(error).split("\n")[0][:200]
    facts = {"origin": origin, "why": why}
    if part.suffix == PART and _size(part):
        facts["kept"] = f"{_size(part) / 1e6:.1f} MB, with which the next call begins"
    return errors.explain(
        f"{path.name} cannot be downloaded.",
        **facts,
        fix=f"download it on a machine with a network;\nput the file at {path}",
    )


def _too_large(what: str, size: int, limit: int) -> str:
    return errors.explain(f"{what} must have at most {limit:,} bytes, got {size:,}.")


class _Meter:
    """What pooch calls for every piece: holds the size caps, and shows how far the download is."""

    def __init__(self, path: Path, limit: int):
        self.path, self.limit = path, limit
        self.line = screen.LiveLine(sys.stdout if screen.is_terminal(sys.stdout) else None)
        self._total = self._seen = self._start = 0
        self._due = 0.0

    @property
    def start(self) -> int:
        """Bytes that were there before this request."""
        return self._start

    @start.setter
    def start(self, start: int) -> None:
        self._start = self._seen = start

    @property
    def total(self) -> int:
        """Bytes of the whole file that the server promises; 0 if it does not say."""
        return self._total

    @total.setter
    def total(self, coming: int) -> None:
        room = shutil.disk_usage(self.path.parent).free + self.start
        total = self.start + coming if coming else 0
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
