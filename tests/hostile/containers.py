"""Hostile containers: zip archives, directories and indexes of shards, not what is in them."""

import io
import json
import os
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

from hostile.configs import UNSAFE, VALUE, layer, sequential, start, text, written

Members = dict[str, bytes]
Maker = Callable[[Members], bytes]


def zipped(members: Members, method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def honest(weights: bytes) -> Members:
    return {
        "metadata.json": b'{"keras_version": "3.15.1"}',
        "config.json": json.dumps(sequential()).encode(),
        "model.weights.h5": weights,
    }


def plus(extra: Members, method: int = zipfile.ZIP_DEFLATED) -> Maker:
    return lambda members: zipped(members | extra, method)


def twice(name: str) -> Maker:
    def make(members: Members) -> bytes:
        file = io.BytesIO()
        with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as archive:
            warnings.simplefilter("ignore")
            for member, content in [*members.items(), (name, b"{}")]:
                archive.writestr(member, content)
        return file.getvalue()

    return make


def patched(old: bytes, new: bytes, count: int = -1) -> Maker:
    return lambda members: zipped(members).replace(old, new, count)


def encrypted(members: Members) -> bytes:
    content = bytearray(zipped(members))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(signature)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(signature, at + 4)
    return bytes(content)


def lying(size: int) -> Maker:
    """The table of contents says another size of config.json than there is."""

    def make(members: Members) -> bytes:
        content = bytearray(zipped(members, zipfile.ZIP_DEFLATED))
        at = content.rfind(b"PK\x01\x02", 0, content.rfind(b"config.json"))
        content[at + 24 : at + 28] = struct.pack("<I", size)
        return bytes(content)

    return make


def overlapping(members: Members) -> bytes:
    """Many entries in the table for the bytes of one member."""
    content = zipped(members | {"big": bytes(100_000)})
    end = content.rfind(b"PK\x05\x06")
    start = int.from_bytes(content[end + 16 : end + 20], "little")
    entry = content.rfind(b"PK\x01\x02", 0, end)
    table = content[start:entry]
    for i in range(500):
        table += content[entry:end].replace(b"big", b"%03d" % i)
    count = len(members) + 500
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(table), start, 0)
    return content[:start] + table + tail


def link(name: str, target: str) -> Maker:
    def make(members: Members) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for member, content in members.items():
                if member != name:
                    archive.writestr(member, content)
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, target)
        return file.getvalue()

    return make


def with_words(asset: bytes | None, **settings: object) -> Maker:
    """A model that begins with a lookup, and the asset of that."""

    def make(members: Members) -> bytes:
        sizes = {"output_mode": "multi_hot", "vocabulary_size": 4, **settings}
        dense = [layer("Dense", "h1", units=3), layer("Dense", "out", units=2)]
        config = sequential(start(), layer("IntegerLookup", "words", **sizes), *dense)
        path = "assets/layers/integer_lookup/vocabulary.txt"
        files = {} if asset is None else {path: asset}
        return zipped(members | {"config.json": json.dumps(config).encode()} | files)

    return make


ZEROS = bytes(50 << 20)
ZIPS: dict[str, tuple[Maker, str, str]] = {
    "no vocabulary": (with_words(None), VALUE, "no vocabulary of 'words'"),
    "a vocabulary that is no text": (with_words(b"\xff\xfe"), VALUE, "UTF-8"),
    "a vocabulary of another kind": (with_words(b"-1\nx"), VALUE, "no integer"),
    "a term of a million digits": (
        with_words(b"-1\n" + b"9" * 10**6),
        VALUE,
        "no integer",
    ),
    "a vocabulary of one term": (with_words(b"-1\n3\n3\n3"), VALUE, "more than"),
    "a vocabulary of another size": (with_words(b"-1\n3"), VALUE, "another size"),
    **{
        f"a lookup with {key} {number}": (
            with_words(b"-1\n3", **{key: number}, **more),
            UNSAFE,
            "mem",
        )
        for key, number, more in (
            ("vocabulary_size", 10**10, {}),
            ("max_tokens", 10**10, {"pad_to_max_tokens": True}),
            ("num_oov_indices", 10**10, {"vocabulary": [1]}),
        )
    },
    "a member of 300 MiB of zeros": (
        lambda m: zipped(m | {"assets/a": ZEROS * 6}, zipfile.ZIP_DEFLATED),
        UNSAFE,
        "far more",
    ),
    "members of zeros that are too much together": (
        lambda m: zipped(
            m | {f"assets/{i}": bytes(20 << 20) for i in range(10)}, zipfile.ZIP_DEFLATED
        ),
        UNSAFE,
        "far more",
    ),
    "20,000 members": (
        plus({f"assets/{i}": b"" for i in range(20_000)}),
        UNSAFE,
        "too many members",
    ),
    "two configs": (twice("config.json"), UNSAFE, "two members of one name"),
    "two files of weights": (twice("model.weights.h5"), UNSAFE, "two members of one name"),
    "members that are encrypted": (encrypted, UNSAFE, "encrypted"),
    "members packed by bzip2": (lambda m: zipped(m, zipfile.ZIP_BZIP2), UNSAFE, "compression"),
    "members packed by lzma": (lambda m: zipped(m, zipfile.ZIP_LZMA), UNSAFE, "compression"),
    "a size that is too small": (lying(10), f"{UNSAFE}|{VALUE}", ""),
    "a size that is too large": (lying(2**31), UNSAFE, ""),
    "members that overlap": (overlapping, UNSAFE, "overlap"),
    "a config that is a link": (link("config.json", "/etc/passwd"), VALUE, "not valid JSON"),
    "weights that are a link": (link("model.weights.h5", "/etc/passwd"), VALUE, "HDF5"),
    "a name with a NUL": (patched(b"config.json", b"config\x00json"), f"{UNSAFE}|{VALUE}", ""),
    "another case": (patched(b"config.json", b"CONFIG.JSON"), VALUE, "not a saved model"),
    "a config in a folder": (patched(b"config.json", b"conf/g.json"), VALUE, "not a saved model"),
    "no weights": (
        lambda m: zipped({k: v for k, v in m.items() if "weights" not in k}),
        VALUE,
        "has no weights",
    ),
    "no config": (
        lambda m: zipped({k: v for k, v in m.items() if "config" not in k}),
        VALUE,
        "not a saved model",
    ),
    "weights that are text": (lambda m: zipped(m | {"model.weights.h5": b"hello"}), VALUE, "HDF5"),
    "weights that are a pickle": (
        lambda m: zipped(m | {"model.weights.h5": b"\x80\x04cos\nsystem\n."}),
        VALUE,
        "HDF5",
    ),
    "weights by numpy alone": (
        lambda m: zipped({k.replace(".h5", ".npz"): v for k, v in m.items()}),
        VALUE,
        "no weights",
    ),
    "half an archive": (lambda m: zipped(m)[:2000], VALUE, "not a zip|damaged"),
    "no archive": (lambda m: b"hello", VALUE, "not a zip"),
    "nothing at all": (lambda m: b"", VALUE, "not a zip"),
    "an archive of nothing": (lambda m: zipped({}), VALUE, "not a saved model"),
    "a history nested too deeply": (
        lambda m: zipped(m | {"cornu.training.json": b"[" * 10**5}),
        UNSAFE,
        "too deeply",
    ),
    **{
        f"a history that is {value!r:.20}": (
            lambda m, value=value: zipped(m | {"cornu.training.json": json.dumps(value).encode()}),
            f"ok|{VALUE}",
            "",
        )
        for value in [None, 3, [1], {"epoch": -1}, {"epoch": "x"}, {"history": 3}, {"history": [1]}]
    },
    "metadata nested too deeply": (
        lambda m: zipped(m | {"metadata.json": b"[" * 10**5}),
        UNSAFE,
        "too deeply",
    ),
    "metadata that are a list": (lambda m: zipped(m | {"metadata.json": b"[1]"}), "ok", ""),
    "a state that is text": (lambda m: zipped(m | {"cornu.state.h5": b"x"}), f"ok|{VALUE}", ""),
    **{
        f"a member called {name!r:.30}": (plus({name: b"evil"}), "ok", "")
        for name in [
            "../evil",
            "/tmp/evil",
            "a/../../evil",
            "C:\\evil",
            "..\\evil",
            "evil\\..\\x",
            "assets/../../evil",
            "assets//tmp/evil",
            "a" * 300,
            "assets/" + "a/" * 2000,
        ]
    },
}


# ---- several files of weights ------------------------------------------------------------------


def index(weight_map: object) -> bytes:
    return json.dumps({"metadata": {"total_size": 1.0}, "weight_map": weight_map}).encode()


SHARDS: dict[str, tuple[bytes, str, str]] = {
    **{
        f"a shard called {name!r:.30}": (
            index({"/layers/dense/vars": [name]}),
            UNSAFE,
            "not a shard",
        )
        for name in [
            "../secret.h5",
            "/etc/passwd",
            "a/b_00000.weights.h5",
            "..",
            "",
            "pipe",
            "http://127.0.0.1/x_00000.weights.h5",
            "x_00000.weights.h5\x00",
            "x_00000.weights.h5\n",
            "../x_00000.weights.h5",
            "C:\\x_00000.weights.h5",
            "x_00000.weights.h5/..",
            "x" * 10**6,
        ]
    },
    "a shard that is not there": (
        index({"/layers/dense/vars": ["x_00009.weights.h5"]}),
        "FileNotFoundError|" + VALUE,
        "",
    ),
    "a shard that is a pipe": (
        index({"/layers/dense/vars": ["pipe_00000.weights.h5"]}),
        VALUE,
        "not a regular file",
    ),
    "10,000 shards": (
        index({"/layers/dense/vars": [f"x_{i:05d}.weights.h5" for i in range(10_000)]}),
        UNSAFE,
        "too many shards",
    ),
    "a map that is a list": (index([1]), VALUE, "not the index"),
    "a map of texts": (index({"/layers/dense/vars": "m_00000.weights.h5"}), VALUE, "not the index"),
    "a map of numbers": (index({"/layers/dense/vars": [1]}), VALUE, "not the index"),
    "no map": (b"{}", VALUE, "not the index"),
    "an index nested too deeply": (b"[" * 100_000, UNSAFE, "too deeply"),
    "an index with a key twice": (b'{"weight_map": {}, "weight_map": {}}', UNSAFE, "twice"),
    "an index that is HDF5": (b"\x89HDF\r\n\x1a\n", VALUE, ""),
    "a group that a shard does not have": (
        index({"/layers/evil/vars": ["m_00000.weights.h5"]}),
        VALUE,
        "which does not have it",
    ),
}


# ---- safetensors -------------------------------------------------------------------------------


def tensors(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def entry(dtype: object = "F32", shape: object = (2,), offsets: object = (0, 8)) -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


EIGHT = bytes(8)
TENSORS: dict[str, tuple[bytes, str, str]] = {
    "nothing": (b"", VALUE, "not a safetensors"),
    "a pickle": (b"\x80\x04cos\nsystem\n.", VALUE, "not a safetensors"),
    "a header of 2**63 bytes": (tensors({}, length=2**63), VALUE, "header of"),
    "a header of 100 MB": (tensors(b"{" + b" " * (100 << 20) + b"}"), UNSAFE, "header that is too"),
    "a header of the whole file": (tensors({}, length=10**6), VALUE, "header of"),
    "a header nested too deeply": (tensors(b"[" * 10**5), UNSAFE, "too deeply"),
    "a header with a key twice": (
        tensors(b'{"a": {"dtype": "F32"}, "a": {}}'),
        UNSAFE,
        "same key twice",
    ),
    "a header of 300,000 arrays": (
        tensors({f"a{i}": entry(shape=[0], offsets=[0, 0]) for i in range(300_000)}),
        UNSAFE,
        "too many",
    ),
    "a header that is a list": (tensors([1]), VALUE, "not an object"),
    "a shape of 2**62 numbers": (tensors({"a": entry(shape=[2**62])}, EIGHT), UNSAFE, "bytes"),
    "a shape that wraps around": (
        tensors({"a": entry(shape=[2**32, 2**32, 2**32])}, EIGHT),
        UNSAFE,
        "bytes",
    ),
    "sizes below zero": (
        tensors({"a": entry(shape=[-2, -1])}, EIGHT),
        VALUE,
        "unknown description",
    ),
    "sizes that are true": (
        tensors({"a": entry(shape=[True, 2])}, EIGHT),
        VALUE,
        "unknown description",
    ),
    "sizes that are fractions": (
        tensors({"a": entry(shape=[2.0])}, EIGHT),
        VALUE,
        "unknown description",
    ),
    "offsets beyond the file": (
        tensors({"a": entry(offsets=[8, 16])}, EIGHT),
        UNSAFE,
        "overlap or leave holes",
    ),
    "offsets backwards": (tensors({"a": entry(offsets=[8, 0])}, EIGHT), UNSAFE, "bytes"),
    "arrays that overlap": (
        tensors({"a": entry(), "b": entry(offsets=[4, 12])}, bytes(12)),
        UNSAFE,
        "overlap",
    ),
    "a hole between arrays": (
        tensors({"a": entry(), "b": entry(offsets=[12, 20])}, bytes(20)),
        UNSAFE,
        "holes",
    ),
    "data behind the arrays": (tensors({"a": entry()}, bytes(100)), VALUE, "data of 100 bytes"),
    "data that are missing": (tensors({"a": entry()}, b""), VALUE, "data of 0 bytes"),
    "a dtype of objects": (tensors({"a": entry("O")}, EIGHT), VALUE, "unknown description"),
    "a dtype that is a list": (tensors({"a": entry(["F32"])}, EIGHT), VALUE, "unknown description"),
    "an entry that is a path": (tensors({"a": "/etc/passwd"}), VALUE, "unknown description"),
    "arrays of another model": (tensors({"../../evil": entry()}, EIGHT), VALUE, "do not match"),
}


# ---- directories -------------------------------------------------------------------------------


def write_folder(path: Path, members: Members) -> Path:
    path.mkdir()
    for name, content in members.items():
        (path / name).write_bytes(content)
    return path


def pipe_in(member: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        (path / member).unlink()
        os.mkfifo(path / member)

    return change


def linked(member: str) -> Callable[[Path], None]:
    """The same bytes, behind a link that leads out of the folder."""

    def change(path: Path) -> None:
        elsewhere = path.parent / f"{path.name} elsewhere"
        (path / member).rename(elsewhere)
        (path / member).symlink_to(elsewhere)

    return change


def linked_asset(path: Path) -> None:
    (path / "assets").mkdir()
    (path / "assets" / "vocabulary.txt").symlink_to("/etc/passwd")


FOLDERS: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "a config that is a pipe": (pipe_in("config.json"), VALUE, ""),
    "weights that are a pipe": (pipe_in("model.weights.h5"), VALUE, ""),
    "a config that is huge": (
        lambda p: (
            (p / "config.json").write_bytes(written(text(lambda t: t + " " * (65 << 20)))) and None
        ),
        UNSAFE,
        "too large",
    ),
    "an asset that is a link": (linked_asset, "ok", ""),
    "a config that is a link to elsewhere": (linked("config.json"), UNSAFE, "symbolic link"),
    "weights that are a link to elsewhere": (linked("model.weights.h5"), UNSAFE, "symbolic link"),
}
