"""Text of variable length: damage to where it is kept is found before the HDF5 library hangs."""

import io

import h5py
import numpy as np
import pytest

from cornu.archive import heaps
from cornu.archive.heaps import WithoutNumbers
from cornu.archive.safeh5 import SafeH5


def heaps_are_sound(file):
    return heaps.heaps_are_sound(WithoutNumbers(file, []))


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


def test_a_view_without_numbers_reads_as_zeros_there():
    content = bytes(range(1, 31))
    ranges = [(20, 4), (5, 3), (7, 4), (28, 9)]
    view = WithoutNumbers(io.BytesIO(content), ranges)
    zeroed = bytearray(content)
    for start, count in ranges:
        zeroed[start : start + count] = bytes(min(count, 30 - start))
    for start in range(30):
        for count in (1, 4, 30):
            view.seek(start)
            assert view.read(count) == bytes(zeroed[start : start + count])
    assert list(view.shown()) == [(0, 5), (11, 20), (24, 28)]
    assert view.seek(-1, 2) == 29 and view.tell() == 29


def test_a_text_that_is_said_to_be_among_the_numbers():
    """The search leaves the numbers out; so the library must not find a collection there either."""
    loop = b"GCOL" + bytes([1, 0, 0, 0]) + (4096).to_bytes(8, "little")
    numbers = np.frombuffer(loop + bytes(4096 - len(loop)), "float32")
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5.attrs["text"] = "hello"
        h5["x"] = numbers
        place = h5["x"].id.get_offset()
    content = file.getvalue()
    heap = content.rfind(b"GCOL", 0, place) if content.find(b"GCOL") < place else None
    heap = content.find(b"GCOL", place + 4096) if heap is None else heap
    reference = content.find((5).to_bytes(4, "little") + heap.to_bytes(8, "little"))
    assert reference > 0
    moved = bytearray(content)
    moved[reference + 4 : reference + 12] = place.to_bytes(8, "little")
    with SafeH5(io.BytesIO(moved)) as h5:
        with pytest.raises(ValueError, match="damaged"):
            h5.text("", "text")
        assert h5.array("x", (1024,), "float32").tobytes() == numbers.tobytes()
    with SafeH5(io.BytesIO(content)) as h5:
        assert h5.text("", "text") == "hello"
