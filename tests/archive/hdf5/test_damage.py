"""Whatever a file says, reading stays within it, ends, and fails as a damaged or hostile file."""

import io
import zlib

import h5py
import numpy as np
import pytest

from cornu.archive.hdf5 import source
from cornu.archive.safeh5 import SafeH5
from cornu.errors import UnsafeFileError


def honest(libver=None):
    """A small file with something of each kind."""
    file = io.BytesIO()
    with h5py.File(file, "w", libver=libver) as h5:
        h5.create_dataset("layers/a/vars/0", data=np.ones((4, 3), "f4"))
        h5.create_dataset(
            "layers/a/vars/1", data=np.ones((40, 30), "f4"), chunks=(7, 11), compression="gzip",
            shuffle=True, fletcher32=True,
        )  # fmt: skip
        h5.create_dataset("opaque", data=np.zeros(3, "V2")).attrs["dtype"] = "bfloat16"
        for i in range(12):
            h5.create_group(f"group_{i}")
            h5["layers/a/vars"].attrs[f"text {i}"] = "x" * i
        h5["layers"].attrs["names"] = np.array([b"abcdefgh"] * 1_000)
    return file.getvalue()


def read_all(content):
    with SafeH5(io.BytesIO(content)) as h5:
        for path in [*h5.groups, *h5.datasets]:
            h5.texts(path, "names")
            h5.texts(path, "text 3")
        for path, stored in h5.datasets.items():
            h5.array(path, stored.shape, stored.dtype)


@pytest.mark.parametrize("libver", [None, "v108"])
def test_changed_bytes_are_a_value_error_or_go_unnoticed(libver):
    good = honest(libver)
    draw = np.random.default_rng(0)
    used = np.flatnonzero(np.frombuffer(good, np.uint8))
    refused = 0
    for i in range(500):
        bad = bytearray(good)
        for at in draw.choice(used, 1 + i % 3):
            if i % 4 == 0:
                bad[at] = draw.integers(256)
            elif i % 4 == 1:
                bad[at] ^= 1 << draw.integers(8)
            elif i % 4 == 2:  # an address, which leads somewhere else within the file
                bad[at : at + 8] = int(draw.integers(len(good))).to_bytes(8, "little")
            else:
                bad[at : at + 8] = b"\xff" * 8
        try:
            read_all(bytes(bad))
        except ValueError:
            refused += 1
    assert refused > 200  # the changes do reach what is read


def test_a_file_cut_anywhere_says_so():
    good = honest()
    for size in range(0, len(good) - 1, 97):
        with pytest.raises(ValueError, match="damaged"):
            read_all(good[:size])


@pytest.mark.parametrize("skipped", [0, 1], ids=["packed", "stored as it is"])
@pytest.mark.parametrize(
    "options", [{"compression": "gzip"}, {"shuffle": True}, {"fletcher32": True}, {}]
)
def test_a_chunk_that_is_shorter_than_declared(options, skipped):
    """The C library would fill the rest with whatever lay in memory."""
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        data = h5.create_dataset("x", (4, 3), "f4", chunks=(4, 3), **options)
        packed = zlib.compress(b"\1\2\3\4") if "compression" in options else b"\1\2\3\4"
        data.id.write_direct_chunk((0, 0), packed if not skipped else b"\1\2\3\4", skipped)
    with SafeH5(file) as h5, pytest.raises(ValueError, match="damaged"):
        h5.array("x", (4, 3), "float32")


def places_of(content, signature):
    at = content.find(signature)
    while at >= 0:
        yield at
        at = content.find(signature, at + 1)


def test_a_node_that_is_its_own_child():
    content, tried = honest(), 0
    for place in places_of(content, b"TREE"):
        kind, used = content[place + 4], int.from_bytes(content[place + 6 : place + 8], "little")
        if kind == 0 and used:
            bad = bytearray(content)
            bad[place + 5] = 1  # no leaf any more, so that the child is a node
            bad[place + 32 : place + 40] = place.to_bytes(8, "little")
            with pytest.raises(ValueError, match="two references"):
                read_all(bytes(bad))
            tried += 1
    assert tried


def test_a_continuation_that_leads_back():
    content = honest("v108")
    assert b"OCHK" in content
    bad = content.replace(b"OCHK", b"OHDR", 1)
    with pytest.raises(ValueError, match="damaged"):
        read_all(bad)


def test_a_bomb_of_metadata_is_refused(monkeypatch):
    monkeypatch.setattr(source, "MAX_METADATA", 2_000)
    with pytest.raises(UnsafeFileError, match="far too many objects"):
        read_all(honest())


@pytest.mark.parametrize("length", [2**31, 2**32 - 1])
def test_a_text_longer_than_its_heap(length):
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5.attrs["text"] = "hello"
    content = file.getvalue()
    heap = content.index(b"GCOL")
    reference = content.index((5).to_bytes(4, "little") + heap.to_bytes(8, "little"))
    bad = bytearray(content)
    bad[reference : reference + 4] = length.to_bytes(4, "little")
    with SafeH5(io.BytesIO(bad)) as h5, pytest.raises(ValueError, match="damaged"):
        h5.text("", "text")
