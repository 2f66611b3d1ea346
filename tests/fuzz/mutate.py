"""Mutations of files: the same seed gives the same file.

bytes     bits flipped, values of interest written over, pieces cut out, doubled, moved, cut off
members   of a .keras file: one mutated and packed again with the right checksum, packed smaller,
          or left out, renamed, swapped with another
contents  fields of the headers and of the table of contents of a zip archive
JSON      a node replaced by a value of interest or by another node, deleted, doubled, renamed; a
          number made huge; a layer made one of another class, or an operation with huge settings
backup    as JSON: what it says of its place, and what callbacks remember
HDF5      a link deleted or replaced, an attribute or a dataset of another kind; the whole in the
          newer form; fields of its blocks, and addresses that lead to other blocks
"""

import copy
import io
import json
import random
import zipfile
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from cornu import layers
from cornu.archive.stores import H5Reader, H5Writer
from cornu.callbacks.backup import LATEST
from cornu.core.graph.op import TABLE
from fuzz.files import Content

VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    3,
    7,
    255,
    65_536,
    2**31,
    2**62,
    10**40,
    0.0,
    -0.5,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "relu",
    "float16",
    "int8",
    "../../x",
    "/etc/passwd",
    "\x00",
    "é" * 50,
    [],
    {},
    [[]],
    [None],
    [None, 4],
    [None, None, 3],
    [1, 2, 3],
    {"a": 1},
    {"class_name": "__lambda__", "config": {"value": "x"}},
    {"class_name": "Dense", "config": {"units": 2}},
    {"module": "keras.layers", "class_name": "Flatten", "config": {}, "registered_name": None},
    {"class_name": "__numpy__", "config": {"value": [1.0], "dtype": "float32"}},
    {"class_name": "__slice__", "config": {"start": 0, "stop": None, "step": -1}},
    {
        "module": "builtins",
        "class_name": "function",
        "config": "relu",
        "registered_name": "function",
    },
]
SETTINGS: list[Any] = [1, 2, 3, 17, 100, 10**4, 10**5, 10**6, 10**7, 10**9, [2, 2], [10**4, 10**4]]
BYTES = [
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\x00" * 4,
    b"\xff" * 4,
    b"\xff" * 8,
    b"\x01\x00\x00\x00",
    b"\x00\x00\x00\x80",
    b"\xff\xff\xff\x7f",
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"\x89HDF",
    b"TREE",
    b"SNOD",
    b"HEAP",
    b"OHDR",
    b"GCOL",
    b"FRHP",
    b"BTHD",
]


def mutated(content: Content, name: str, dice: random.Random) -> Content:
    """A file of the kind that its name says, or one in a folder, changed in one to three places."""
    if isinstance(content, dict):
        inside = dice.choice(sorted(content))
        return content | {inside: _mutated(content[inside], inside, dice)}
    return _mutated(content, name, dice)


def _mutated(content: bytes, name: str, dice: random.Random) -> bytes:
    ways = [_bytes]
    if name.endswith(".keras"):
        ways = [_bytes, _member, _config, _config, _config, _weights, _weights, _members, _contents]
    elif name.endswith(".h5"):
        ways = [_bytes, _fields, _fields, _links, _attribute, _newer]
        ways += [_notes] * 5 if name == LATEST else []
    elif name.endswith(".json"):
        ways = [_bytes, _text]
    elif name.endswith(".safetensors"):
        ways = [_bytes, _header, _header]
    # Only a whole file is taken apart: the HDF5 library may not come back from a damaged one.
    try:
        content = dice.choice(ways)(content, dice)
    except (ValueError, LookupError, OSError, RuntimeError, TypeError):
        content = _bytes(content, dice)  # a name that is taken, a text too long for an attribute
    for _ in range(dice.choice((0, 0, 0, 1, 2))):
        content = _bytes(content, dice)
    return content


# ---- bytes -------------------------------------------------------------------------------------


def _bytes(content: bytes, dice: random.Random) -> bytes:
    made = bytearray(content)
    for _ in range(dice.choice((1, 1, 2, 4, 16))):
        if not made:
            return bytes(made)
        at = dice.randrange(len(made))
        size = min(dice.choice((1, 2, 4, 8, 64, 512)), len(made) - at)
        way = dice.randrange(7)
        if way <= 1:
            made[at] ^= 1 << dice.randrange(8)
        elif way == 2:
            value = dice.choice(BYTES)
            made[at : at + len(value)] = value
        elif way == 3:
            made[at : at + size] = dice.randbytes(size)
        elif way == 4:
            other = dice.randrange(len(made))
            made[at : at + size] = made[other : other + size]
        elif way == 5 and dice.random() < 0.3:
            del made[at : at + size]
        elif way == 6 and dice.random() < 0.3:
            made = (
                made[:at] if dice.random() < 0.5 else made[:at] + made[at : at + size] + made[at:]
            )
    return bytes(made)


# ---- archives ----------------------------------------------------------------------------------


def _unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _packed(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def _member(content: bytes, dice: random.Random) -> bytes:
    members = _unpacked(content)
    name = dice.choice(sorted(members))
    return _packed(members | {name: _bytes(members[name], dice)})


def _members(content: bytes, dice: random.Random) -> bytes:
    members = _unpacked(content)
    one, other = dice.choice(sorted(members)), dice.choice(sorted(members))
    way = dice.randrange(4)
    if way == 3:
        members[dice.choice((one, "assets/x"))] += b" " * dice.choice((1000, 10**6, 10**8 // 3))
        return _packed(members, zipfile.ZIP_DEFLATED)
    if way == 0:
        del members[one]
    elif way == 1:
        members[one], members[other] = members[other], members[one]
    else:
        members[dice.choice(("x", "../x", one.upper(), "assets/x/y"))] = members.pop(one)
    return _packed(members)


def _contents(content: bytes, dice: random.Random) -> bytes:
    """A field of a header, the same in both places where it stands if they have it there."""
    made = bytearray(content)
    signature, fields = dice.choice(_ZIP)
    at = dice.choice(_all(content, signature) or [0])
    for _ in range(dice.choice((1, 1, 2))):
        offset, width = dice.choice(fields)
        value = dice.choice((0, 1, 8, 255, len(content), 2**15, 2**31, 2**32 - 1, at))
        made[at + offset : at + offset + width] = (value % 256**width).to_bytes(width, "little")
    return bytes(made[: len(content)])


# Headers of members, entries of the table of contents, its end: places and widths of their fields.
_ZIP = [
    (b"PK\x03\x04", [(4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)]),
    (
        b"PK\x01\x02",
        [(6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (42, 4)],
    ),
    (b"PK\x05\x06", [(4, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)]),
]


def _all(content: bytes, signature: bytes) -> list[int]:
    """Where a signature stands."""
    found, at = [], content.find(signature)
    while at >= 0:
        found.append(at)
        at = content.find(signature, at + 1)
    return found


def _config(content: bytes, dice: random.Random) -> bytes:
    members = _unpacked(content)
    texts = sorted(n for n in members if n.endswith(".json"))
    name = dice.choice(["config.json"] * 4 + texts)
    way = dice.choice((_text, _text, _layer))
    return _packed(members | {name: way(members[name], dice)})


def _weights(content: bytes, dice: random.Random) -> bytes:
    members = _unpacked(content)
    name = dice.choice(sorted(n for n in members if n.endswith(".h5")))
    change = dice.choice((_bytes, _fields, _links, _newer))
    return _packed(members | {name: change(members[name], dice)})


# ---- JSON --------------------------------------------------------------------------------------


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of each node."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in list(items):
            yield value, key
            if isinstance(item, (dict, list)):
                waiting.append(item)


def _text(content: bytes, dice: random.Random) -> bytes:
    value = json.loads(content)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        places = list(_places(value))
        if not places:
            break
        holder, key = dice.choice(places)
        way = dice.randrange(8)
        if way <= 3:
            holder[key] = copy.deepcopy(dice.choice(VALUES))
        elif way == 4:
            other, at = dice.choice(places)
            # A copy: a node inside itself would be a circle.
            holder[key] = json.loads(json.dumps(other[at]))
        elif way == 5:
            del holder[key]
        elif way == 6 and isinstance(holder, dict):
            holder[dice.choice(("name", "units", "config", "class_name", "x", key.upper()))] = (
                holder.pop(key)
            )
        elif isinstance(holder, list):
            holder.insert(dice.randrange(len(holder) + 1), json.loads(json.dumps(holder[key])))
        elif isinstance(holder[key], (int, float)):
            holder[key] = holder[key] * dice.choice((-1, 2, 10, 1000, 10**9, 0.5))
    return json.dumps(value).encode()


def _layer(content: bytes, dice: random.Random) -> bytes:
    """A layer made one of another class, or an operation, with some huge settings."""
    value = json.loads(content)
    entries = [h[k] for h, k in _places(value) if isinstance(h[k], dict) and "class_name" in h[k]]
    entry = dice.choice(entries)
    inner = entry.get("config")
    if not isinstance(inner, dict):
        return _text(content, dice)
    way = dice.randrange(3)
    if way == 0:
        entry["class_name"] = dice.choice(sorted(dir(layers)))
    elif way == 1:
        operation = TABLE[dice.choice(sorted(TABLE))]
        entry |= {"module": operation.keras_module, "class_name": operation.class_name}
        settings = [n for n in operation.signature.parameters if n not in operation.tensors]
        entry["config"] = {"name": inner.get("name", "x")}
        for setting in settings:
            if dice.random() < 0.7:
                entry["config"][setting] = copy.deepcopy(dice.choice(VALUES + SETTINGS))
    for key in [k for k, v in inner.items() if type(v) is int or v is None]:
        if dice.random() < 0.2:
            inner[key] = dice.choice(SETTINGS)
    return json.dumps(value).encode()


def _header(content: bytes, dice: random.Random) -> bytes:
    length = int.from_bytes(content[:8], "little")
    header = _text(content[8 : 8 + length], dice)
    return len(header).to_bytes(8, "little") + header + content[8 + length :]


def _notes(content: bytes, dice: random.Random) -> bytes:
    """Text within a backup, written as the library writes it."""
    with H5Reader(io.BytesIO(content)) as store:
        groups = {path: store.read(path, store.shapes(path)) for path in store.paths()}
    texts = [path for path, arrays in groups.items() if arrays and arrays[0].dtype == np.uint8]
    text, *arrays = groups[chosen := dice.choice(texts)]
    change = dice.choice((_text, _text, _text, _bytes))
    changed = change(text.tobytes(), dice)
    groups[chosen] = [np.frombuffer(changed, np.uint8), *arrays]
    file = io.BytesIO()
    with H5Writer(file) as store:
        for path, values in groups.items():
            store.write(path, path, values)
    return file.getvalue()


# ---- HDF5 --------------------------------------------------------------------------------------


def _fields(content: bytes, dice: random.Random) -> bytes:
    """A number in or behind the head of a block: a size, a count, or the address of any block."""
    made = bytearray(content)
    blocks = [at for signature in _BLOCKS for at in _all(content, signature)]
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        at = dice.choice(blocks) + dice.choice((0, 4, 5, 6, 8, 16, 24, 32, 40, 48, 56, 64))
        at += dice.choice((0, 0, 8, 16, 64, 128))
        width = dice.choice((1, 2, 4, 8, 8))
        value = dice.choice(
            (0, 1, 2, 3, 7, 255, 65_535, 2**31, 2**32 - 1, 2**63, 2**64 - 1, len(content) - 8)
            + (dice.choice(blocks), dice.choice(blocks), dice.randrange(len(content)))
        )
        if at + width <= len(made):
            made[at : at + width] = (value % 256**width).to_bytes(width, "little")
    return bytes(made)


_BLOCKS = [b"\x89HDF", *(b for b in BYTES if b.isalpha() and len(b) == 4), b"OCHK", b"BTLF",
           b"BTIN", b"FADB", b"FAHD", b"FHDB", b"FHIB"]  # fmt: skip


def _newer(content: bytes, dice: random.Random) -> bytes:
    """The same content in the newer form of HDF5, then changed."""
    file = io.BytesIO()
    with h5py.File(io.BytesIO(content)) as old, h5py.File(file, "w", libver="latest") as new:
        for name in old:
            old.copy(name, new)
        for key, value in old.attrs.items():
            new.attrs[key] = value
        if dice.random() < 0.5:
            for i in range(40):
                new.attrs[f"a{i}"] = i
                new.create_group(f"many/g{i}")
        if dice.random() < 0.5:
            chunks = dice.choice(((1, 3), (4, 3), (2, 2)))
            new.create_dataset(
                "packed", data=np.ones((4, 3)), chunks=chunks, compression="gzip", fletcher32=True
            )
    change = dice.choice((_fields, _fields, _bytes))
    return change(file.getvalue(), dice)


def _links(content: bytes, dice: random.Random) -> bytes:
    file = io.BytesIO(content)
    with h5py.File(file, "r+") as h5:
        names: list[str] = []
        h5.visit(names.append)
        one, other = dice.choice(names), dice.choice(names)
        way = dice.randrange(8)
        if way == 0:
            del h5[one]
        elif way == 1:
            h5[f"{one}_x" if dice.random() < 0.5 else "x"] = h5[other]
        elif way == 2:
            del h5[one]
            h5[one] = h5py.SoftLink(f"/{other}")
        elif way == 3:
            del h5[one]
            h5[one] = h5py.ExternalLink(dice.choice(("/etc/passwd", "", "x.h5")), f"/{other}")
        elif way == 4:
            h5.move(one, dice.choice((f"{one}_x", f"x/{one}", "layers/x")))
        elif way == 5:
            del h5[one]
            h5[one] = _array(dice)
        elif way == 6:
            del h5[one]
            shape = [
                dice.choice((0, 1, 3, 1000, 2**20, 2**31)) for _ in range(dice.randrange(1, 4))
            ]
            chunks = tuple(min(n, 64) or 1 for n in shape)
            h5.create_dataset(
                one,
                shape,
                "float32",
                chunks=chunks,
                compression="gzip",
                maxshape=(None,) * len(shape),
            )
        else:
            h5.create_group(f"{one}_g/vars" if dice.random() < 0.5 else "/".join("x" * 200))
    return file.getvalue()


def _array(dice: random.Random) -> Any:
    shape = [dice.choice((0, 1, 2, 3, 4)) for _ in range(dice.randrange(4))]
    kind = dice.choice(("f2", "f4", "f8", "i1", "u8", "?", "c8", "S3", "V2", "V3"))
    return np.zeros(shape, kind)


def _attribute(content: bytes, dice: random.Random) -> bytes:
    """In a file of Keras 2's kind, the config and the lists of names are attributes."""
    file = io.BytesIO(content)
    with h5py.File(file, "r+") as h5:
        names = [""]
        h5.visit(names.append)
        having = [name for name in names if len(h5[name or "/"].attrs)]
        owner = h5[dice.choice(having) or "/"] if having else h5["/"]
        if dice.random() < 0.6 and "model_config" in h5.attrs:
            key = dice.choice([k for k in ("model_config", "training_config") if k in h5.attrs])
            text = h5.attrs[key]
            h5.attrs[key] = _text(text.encode() if isinstance(text, str) else text, dice)[:60_000]
        elif len(owner.attrs):
            key = dice.choice(sorted(owner.attrs))
            value = dice.choice((b"", b"x", 3, [b"a", b"b"], np.zeros((2, 2)), "x" * 1000, [1.5]))
            if dice.random() < 0.3:
                del owner.attrs[key]
            else:
                owner.attrs[key] = value
    return file.getvalue()
