"""Files from the network: downloaded once, verified, cached; archives are not trusted.

    get_file ── already there, and the hash fits? ──────────────────────────────> its path
        │ no                                                                        ^
        └─> download.py: a partial file ── size caps ── hash ── rename ─────────────┤
                                                                                    │
        extract=True:  unpack.py: a temporary folder ── rename ─────────────────────┘

A file or folder appears under its final name only when it is complete, so a process that is killed
leaves nothing that a later one would take for whole. Names with '..', '/' or 'C:' are refused: they
point out of the folder.

The cache is the folder in `CORNU_HOME`, else `~/.cornu`, readable by its owner alone; files that
Keras left in `~/.keras` are used where they are.
"""

import os
import re
import unicodedata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cornu import errors
from cornu.engine.runtime import home_folder
from cornu.utils import download, unpack

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
    download.check_origin(origin, algorithm)
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
        path = next(
            (p for p in known if p.is_file() and download.matches(p, algorithm, digest)), None
        )
    fresh = path is None
    if path is None:
        path = folder / name
        download.download(origin, path, algorithm, digest)
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
