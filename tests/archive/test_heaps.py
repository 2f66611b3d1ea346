"""Text of variable length: damage to where it is kept is found before the HDF5 library hangs."""

import io

import h5py
import numpy as np
import pytest

from cornu.archive.heaps import heaps_are_sound
from cornu.archive.safeh5 import SafeH5


def file_with_text():
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5.attrs["text"] = "hello"
        h5["x"] = np.ones(3, "float32")
    return bytearray(file.getvalue())


def test_text_of_an_honest_file():
    content = file_with_text()
    assert b"GCOL" in content and heaps_are_sound(io.BytesIO(content))
    with SafeH5(io.BytesIO(content)) as h5:
        assert h5.text("", "text") == "hello"


def objects(content):
    """Offset of the first object of the collection, and of what is left over."""
    first = content.find(b"GCOL") + 16
    return {"object": first, "rest": first + 16 + 8}


@pytest.mark.parametrize(
    ("which", "size"),
    [("rest", 0), ("rest", 8), ("rest", 2**40), ("object", 2**64 - 16), ("object", 2**64 - 1),
     ("object", 10**6)],
)  # fmt: skip
def test_sizes_that_lead_nowhere(which, size):
    content = file_with_text()
    at = objects(content)[which] + 8
    content[at : at + 8] = size.to_bytes(8, "little")
    assert not heaps_are_sound(io.BytesIO(content))
    with SafeH5(io.BytesIO(content)) as h5, pytest.raises(ValueError, match="damaged"):
        h5.text("", "text")


def test_a_collection_beyond_the_file():
    content = file_with_text()
    at = content.find(b"GCOL") + 8
    content[at : at + 8] = (2**40).to_bytes(8, "little")
    assert not heaps_are_sound(io.BytesIO(content))


def test_the_signature_in_a_text_is_no_collection():
    assert heaps_are_sound(io.BytesIO(b"a text with GCOL in it, and GCOL"))


def test_a_signature_between_two_blocks_is_seen(monkeypatch):
    monkeypatch.setattr("cornu.archive.heaps._BLOCK", 10)
    bad = b"GCOL" + bytes([1, 0, 0, 0]) + (64).to_bytes(8, "little") + bytes(48)
    for before in range(12):
        assert not heaps_are_sound(io.BytesIO(bytes(before) + bad))
