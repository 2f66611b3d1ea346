import io
import json
import os
import struct
import zipfile

import h5py
import numpy as np
import pytest

from cornu.archive.safeh5 import SafeH5
from cornu.archive.safezip import SafeZip, check_member_name, write_zip
from cornu.archive.stores import H5Reader
from cornu.errors import UnsafeFileError


def packed(members, compression=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file


def config(layers=200):
    """A config.json as repetitive as they come."""
    dense = {"module": "keras.layers", "class_name": "Dense", "registered_name": None}
    entries = [dense | {"config": {"name": f"dense_{i}", "units": 64}} for i in range(layers)]
    return json.dumps({"class_name": "Sequential", "config": {"layers": entries}}).encode()


# ---- reading -------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_by_name(tmp_path, compression):
    weights = os.urandom(100_000)
    path = tmp_path / "model.keras"
    path.write_bytes(
        packed([("config.json", config()), ("model.weights.h5", weights)], compression).getvalue()
    )
    with SafeZip(path) as archive:
        assert archive.names == ["config.json", "model.weights.h5"]
        assert "config.json" in archive and "x" not in archive
        assert archive.read("config.json") == config()
        assert archive.size("model.weights.h5") == len(weights)
        with archive.open("model.weights.h5") as file:
            assert file.read() == weights
            assert file.seek(-10, io.SEEK_END) == len(weights) - 10
            assert file.read(100) == weights[-10:]
            assert file.seek(5) == 5 and file.read(3) == weights[5:8]


def test_two_stored_members_can_be_read_in_turns():
    file = io.BytesIO()
    write_zip(file, [("a", b"a" * 50_000), ("b", b"b" * 50_000)])
    with SafeZip(file) as archive, archive.open("a") as a, archive.open("b") as b:
        assert {a.read(10) + b.read(10) for _ in range(3)} == {b"a" * 10 + b"b" * 10}


def test_an_unknown_member_suggests():
    archive = SafeZip(packed([("config.json", b"{}")]))
    with pytest.raises(KeyError, match="did you mean 'config.json'"):
        archive.read("confg.json")


def test_what_is_no_zip_says_so(tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(b"\x89HDF\r\n" * 100)
    with pytest.raises(ValueError, match="not a zip archive"):
        SafeZip(path)
    with pytest.raises(FileNotFoundError):
        SafeZip(tmp_path / "none.keras")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.keras")
    with pytest.raises(ValueError, match="regular file"):
        SafeZip(tmp_path / "pipe.keras")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_flipped_byte_is_noticed(compression):
    file = packed([("w", os.urandom(5_000))], compression)
    content = bytearray(file.getvalue())
    content[1_000] ^= 1
    with SafeZip(io.BytesIO(content)) as archive:
        with pytest.raises(ValueError, match="damaged"):
            archive.open("w")
        with pytest.raises(ValueError, match="damaged"):
            archive.read("w")


def test_a_cut_file_is_noticed():
    content = packed([("w", os.urandom(5_000))]).getvalue()
    for length in (0, 10, 3_000, len(content) - 5):
        with pytest.raises(ValueError, match="damaged"):
            SafeZip(io.BytesIO(content[:length]))


# ---- hostile -------------------------------------------------------------------------------


def test_a_member_that_unpacks_too_far():
    with pytest.raises(UnsafeFileError, match="far more"):
        SafeZip(packed([("config.json", b"{}" + b" " * 200 * 2**20)]))


def test_many_members_that_unpack_too_far_together():
    with pytest.raises(UnsafeFileError, match="far more"):
        SafeZip(packed([(f"assets/{i}", b"\0" * 2**20) for i in range(40)]))


def test_a_member_over_its_own_limit():
    with SafeZip(packed([("config.json", b"[]" + b" " * 1_000)])) as archive:
        with pytest.raises(UnsafeFileError, match="too large"):
            archive.read("config.json", limit=1_000)
        with pytest.raises(UnsafeFileError, match="too large"):
            archive.open("config.json", limit=1_000)


def test_an_ordinary_config_is_no_bomb():
    with SafeZip(packed([("config.json", config(3_000))])) as archive:
        assert len(archive.read("config.json")) > 2**18


def test_too_many_members():
    with pytest.raises(UnsafeFileError, match="too many members"):
        SafeZip(packed([(f"assets/{i}", b"") for i in range(10_001)]))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_members():
    with pytest.raises(UnsafeFileError, match="two members of one name"):
        SafeZip(packed([("config.json", b"{}"), ("config.json", b"[]")]))


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_that_cannot_be_read_in_steps(compression):
    with pytest.raises(UnsafeFileError, match="compression"):
        SafeZip(packed([("config.json", b"{}")], compression))


def edited(content, offset_in_entry, form, value):
    """Overwrite a field of the first entry of the table of contents."""
    content = bytearray(content)
    struct.pack_into(form, content, content.index(b"PK\x01\x02") + offset_in_entry, value)
    return io.BytesIO(content)


def test_encrypted_members():
    with pytest.raises(UnsafeFileError, match="encrypted"):
        SafeZip(edited(packed([("config.json", b"{}")]).getvalue(), 8, "<H", 1))


def test_an_unknown_compression():
    with pytest.raises(UnsafeFileError, match="compression"):
        SafeZip(edited(packed([("config.json", b"{}")]).getvalue(), 10, "<H", 99))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("size", [1, 5_000, 2**32 - 2])
def test_sizes_that_lie(compression, size):
    content = packed([("w", os.urandom(1_000))], compression).getvalue()
    with pytest.raises(ValueError), SafeZip(edited(content, 24, "<L", size)) as archive:
        archive.read("w")


def test_a_zip64_size_that_lies():
    content = bytearray(packed([("w", b"x" * 1_000)]).getvalue())
    entry = content.index(b"PK\x01\x02")
    extra = struct.pack("<HHQ", 1, 8, 2**62)
    struct.pack_into("<L", content, entry + 24, 0xFFFFFFFF)
    struct.pack_into("<H", content, entry + 30, len(extra))
    content[entry + 47 : entry + 47] = extra  # after the name of one byte
    end = content.index(b"PK\x05\x06")
    size = struct.unpack_from("<L", content, end + 12)[0]
    struct.pack_into("<L", content, end + 12, size + len(extra))
    with pytest.raises(UnsafeFileError, match="far more"):
        SafeZip(io.BytesIO(content))


def test_members_that_share_their_bytes():
    inner = packed([(f"{i}", b"\0" * 100_000) for i in range(300)])
    content = bytearray(inner.getvalue())
    at = content.index(b"PK\x01\x02")
    table = content[at:]
    first = content[: content.index(b"PK\x03\x04", 4)]  # one local member
    position = 0
    while table[position : position + 4] == b"PK\x01\x02":
        struct.pack_into("<L", table, position + 42, 0)  # all point at the first
        position += 46 + sum(struct.unpack_from("<HHH", table, position + 28))
    struct.pack_into("<L", table, position + 16, len(first))
    with pytest.raises(UnsafeFileError, match="overlap"):
        SafeZip(io.BytesIO(bytes(first) + bytes(table)))


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../b", "C:\\x", "link/../x"])
def test_names_are_never_paths(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with SafeZip(packed([(name, b"x"), ("config.json", b"{}")])) as archive:
        assert archive.read("config.json") == b"{}"
    assert os.listdir(tmp_path) == []
    assert not hasattr(SafeZip, "extract") and not hasattr(SafeZip, "extractall")


def test_a_name_cut_by_a_nul():
    content = packed([("config.jsonXevil", b"{}")]).getvalue().replace(b"nXe", b"n\0e")
    with pytest.raises(UnsafeFileError, match="NUL"):
        SafeZip(io.BytesIO(content))


# ---- writing -------------------------------------------------------------------------------


def test_the_same_content_gives_the_same_bytes(tmp_path):
    weights = tmp_path / "w.h5"
    weights.write_bytes(os.urandom(3_000))
    members = [
        ("metadata.json", "{}"),
        ("config.json", b"{}"),
        ("model.weights.h5", weights),
        ("assets/layers/text/vocabulary.txt", "ä"),
    ]
    write_zip(tmp_path / "a.keras", members)
    write_zip(tmp_path / "b.keras", members)
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        assert archive.namelist() == [name for name, _ in members]
        assert {i.compress_type for i in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {i.date_time for i in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.read("model.weights.h5") == weights.read_bytes()
        assert archive.testzip() is None


@pytest.mark.parametrize(
    "name",
    ["", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\\b", "C:x", "a\0b", "a\nb"]
    + ["x" * 300, "a/" + "ä" * 128, "dot.", "space ", "a?b", "\ud800"],
)
def test_names_that_do_not_serve(name):
    with pytest.raises(ValueError, match="cannot be the name"):
        check_member_name(name)
    with pytest.raises(ValueError, match="cannot be the name"):
        write_zip(io.BytesIO(), [(name, b"")])


def test_a_name_comes_once():
    with pytest.raises(ValueError, match="twice"):
        write_zip(io.BytesIO(), [("a", b""), ("a", b"")])


def test_keras_reads_what_is_written(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save(tmp_path / "theirs.keras")
    with SafeZip(tmp_path / "theirs.keras") as archive:
        assert archive.names == ["metadata.json", "config.json", "model.weights.h5"]
        members = [(name, archive.open(name).read()) for name in archive.names]
    write_zip(tmp_path / "ours.keras", members)
    again = keras.models.load_model(tmp_path / "ours.keras")
    assert [w.tolist() for w in again.get_weights()] == [w.tolist() for w in model.get_weights()]


def test_ratios_do_not_multiply():
    """An HDF5 file may unpack to 200 times what it takes up in its archive, not to 200 x 200."""
    inner = io.BytesIO()
    with h5py.File(inner, "w") as h5:
        h5.create_dataset("0", (5_000, 5_000), "f4", chunks=(500, 500), compression="gzip")
        h5["pad"] = np.zeros(10**6, "u1")
    SafeH5(inner).close()
    archive = SafeZip(packed([("model.weights.h5", inner.getvalue()), ("pad", os.urandom(9_000))]))
    assert archive.packed_size("model.weights.h5") < 10_000
    with pytest.raises(UnsafeFileError, match="far more"):
        H5Reader(archive.open("model.weights.h5"), packed=archive.packed_size("model.weights.h5"))
