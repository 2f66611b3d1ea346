"""Reads event files, for tests: records with their checksums, and the fields that Cornu writes."""

import struct
from dataclasses import dataclass, field

import numpy as np

from cornu.callbacks.event_file import masked_crc


def read_records(path):
    raw, records = path.read_bytes(), []
    while raw:
        length, check = struct.unpack("<QI", raw[:12])
        assert check == masked_crc(raw[:8])
        data = raw[12 : 12 + length]
        assert struct.unpack("<I", raw[12 + length : 16 + length])[0] == masked_crc(data)
        records.append(data)
        raw = raw[16 + length :]
    return records


def fields(data):
    """Field number -> list of raw values."""
    found = {}

    def varint():
        nonlocal data
        number = shift = 0
        while True:
            byte, data = data[0], data[1:]
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    while data:
        key = varint()
        kind = key & 7
        if kind == 0:
            value = varint()
        else:
            size = {1: 8, 5: 4}.get(kind) or varint()
            value, data = data[:size], data[size:]
        found.setdefault(key >> 3, []).append(value)
    return found


@dataclass
class Event:
    tag: str
    step: int
    scalar: float | None = None
    text: str | None = None
    plugin: str | None = None
    image: bytes | None = None
    histogram: dict = field(default_factory=dict)


def read_events(path):
    events = []
    for record in read_records(path)[1:]:
        event = fields(record)
        value = fields(fields(event[5][0])[1][0])
        found = Event(value[1][0].decode(), event[2][0])
        if 2 in value:
            found.scalar = struct.unpack("<f", value[2][0])[0]
        if 4 in value:
            found.image = fields(value[4][0])[4][0]
        if 5 in value:
            histogram = fields(value[5][0])
            numbers = {"min": 1, "max": 2, "num": 3, "sum": 4, "squares": 5}
            found.histogram = {
                name: struct.unpack("<d", histogram[n][0])[0] for name, n in numbers.items()
            }
            found.histogram["limits"] = np.frombuffer(histogram[6][0]).tolist()
            found.histogram["counts"] = np.frombuffer(histogram[7][0]).tolist()
        if 8 in value:
            found.text = fields(value[8][0])[8][0].decode()
            found.plugin = fields(fields(value[9][0])[1][0])[1][0].decode()
        events.append(found)
    return events
