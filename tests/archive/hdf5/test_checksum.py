"""Checksums against published values, and against what h5py writes."""

import io

import h5py
import numpy as np
import pytest

from cornu.archive.hdf5.checksum import fletcher32_holds, lookup3


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
