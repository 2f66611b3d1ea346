"""Checksums against published values, and against what h5py writes."""

import io

import h5py
import numpy as np
import pytest

from cornu.archive.hdf5.checksum import digest, fletcher32_holds, lookup3


@pytest.mark.parametrize(
    ("text", "value"),
    [(b"", 0xDEADBEEF), (b"Four score and seven years ago", 0x17770551)],  # from lookup3.c
)
def test_published_values(text, value):
    assert lookup3(text) == value


def test_the_superblock_that_h5py_writes():
    file = io.BytesIO()
    h5py.File(file, "w", libver="latest").close()
    head = file.getvalue()[:48]
    assert lookup3(head[:44]) == int.from_bytes(head[44:], "little")


@pytest.mark.parametrize("count", [1, 2, 7, 720, 100_003])
def test_chunks_that_h5py_writes(count):
    content = np.random.default_rng(count).integers(0, 256, count).astype(np.uint8)
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        data = h5.create_dataset("x", data=content, chunks=(count,), fletcher32=True)
        stored = data.id.read_direct_chunk((0,))[1]
    assert stored[:-4] == content.tobytes()
    checksum = int.from_bytes(stored[-4:], "little")
    assert fletcher32_holds(content.tobytes(), checksum)
    assert not fletcher32_holds(content.tobytes(), checksum ^ 2)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 4096 * 8, 4096 * 8 + 5, 3 * 4096 * 8 + 9])
def test_one_byte_that_changes_always_shows(count):
    draw = np.random.default_rng(count)
    content = draw.integers(0, 256, count).astype(np.uint8)
    right = digest(content)
    for at in draw.integers(0, count, 20) if count else ():
        changed = content.copy()
        changed[at] ^= 1 << draw.integers(8)
        assert digest(changed) != right


def test_words_and_rows_that_change_places_show():
    words = np.arange(4 * 4096, dtype=np.uint64).reshape(4, 4096)
    assert len({digest(words), digest(words[::-1]), digest(words[[1, 0, 2, 3]])}) == 3
