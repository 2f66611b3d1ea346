"""Event files are read back here by a small reader of its own, field by field."""

import struct
import zlib

import numpy as np
import pytest

from callbacks.events import read_events, read_records
from cornu.callbacks.event_file import EventWriter, crc32c, masked_crc, png


def test_checksums_of_the_standard():
    # RFC 3720, B.4
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


@pytest.fixture
def writer(tmp_path):
    writer = EventWriter(tmp_path / "run")
    yield writer
    writer.close()


def test_a_file_begins_with_its_version(writer):
    writer.close()
    (first,) = read_records(writer.path)
    assert b"brain.Event:2" in first


def test_scalars_come_back(writer):
    writer.scalar("loss", np.float32(0.5), 3)
    writer.scalar("loss", -2, 4000)
    writer.close()
    assert [(e.tag, e.step, e.scalar) for e in read_events(writer.path)] == [
        ("loss", 3, 0.5),
        ("loss", 4000, -2.0),
    ]


def test_a_changed_byte_is_noticed(writer):
    writer.scalar("loss", 0.5, 3)
    writer.close()
    raw = bytearray(writer.path.read_bytes())
    raw[-6] ^= 1
    writer.path.write_bytes(raw)
    with pytest.raises(AssertionError):
        read_events(writer.path)


def test_a_histogram_counts_every_element(writer):
    writer.histogram("w", np.array([0.0, 1.0, 1.0, 4.0, np.nan]), 1, buckets=4)
    writer.close()
    (found,) = read_events(writer.path)
    assert found.histogram["num"] == 4
    assert (found.histogram["min"], found.histogram["max"]) == (0.0, 4.0)
    assert found.histogram["sum"] == 6.0
    assert found.histogram["limits"] == [1.0, 2.0, 3.0, 4.0]
    assert found.histogram["counts"] == [1.0, 2.0, 0.0, 1.0]


def test_an_image_is_a_png():
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    raw = png(pixels)
    width, height, depth, colour = struct.unpack(">IIBB", raw[16:26])
    start = raw.index(b"IDAT") + 4
    length = struct.unpack(">I", raw[start - 8 : start - 4])[0]
    rows = zlib.decompress(raw[start : start + length])
    assert (width, height, depth, colour) == (2, 2, 8, 2)
    assert rows == b"\0" + bytes(range(6)) + b"\0" + bytes(range(6, 12))


def test_writers_of_one_second_have_names_of_their_own(tmp_path):
    writers = [EventWriter(tmp_path) for _ in range(3)]
    for writer in writers:
        writer.close()
    assert len({w.path for w in writers}) == 3


def test_a_masked_checksum_differs_from_the_plain_one():
    assert masked_crc(b"123456789") == ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) % 2**32
