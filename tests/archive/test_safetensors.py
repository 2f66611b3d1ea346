"""The container of .safetensors files: what is written, what is read, what is refused."""

import io
import json
import struct

import jax.numpy as jnp
import numpy as np
import pytest

from cornu.archive.safetensors import SafetensorsReader, write_safetensors
from cornu.errors import UnsafeFileError


def packed(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return io.BytesIO(struct.pack("<Q", len(text)) + text + data)


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


DTYPES = ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "int64",
          "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool"]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_comes_back(dtype):
    array = np.arange(6).reshape(2, 3).astype(jnp.dtype(dtype))
    file = io.BytesIO()
    write_safetensors(file, {"a": array, "scalar": array[1, 1], "empty": array[:0]})
    with SafetensorsReader(file) as reader:
        assert reader.specs["a"] == ((2, 3), jnp.dtype(dtype))
        np.testing.assert_array_equal(reader.read("a", (2, 3), dtype), array)
        assert reader.read("scalar", (), dtype) == array[1, 1]
        assert reader.read("empty", (0, 3), dtype).shape == (0, 3)


def test_the_layout_is_that_of_the_format():
    file = io.BytesIO()
    arrays = {"b": np.ones(3, "int8"), "a": np.array([1.0, 2.0], "float32")}
    write_safetensors(file, arrays, {"by": "me"})
    raw = file.getvalue()
    (length,) = struct.unpack("<Q", raw[:8])
    assert length % 8 == 0
    assert json.loads(raw[8 : 8 + length]) == {
        "__metadata__": {"by": "me"},
        "a": entry(),  # large dtypes first, so that all are aligned
        "b": entry("I8", (3,), (8, 11)),
    }
    assert raw[8 + length :] == arrays["a"].tobytes() + arrays["b"].tobytes()


def test_floats_become_the_expected_kind_of_floats():
    file = packed({"a": entry()}, np.array([1.5, 2.5], "float32").tobytes())
    with SafetensorsReader(file) as reader:
        assert reader.read("a", (2,), "float16").dtype == np.float16
        with pytest.raises(ValueError, match="another array at 'a'"):
            reader.read("a", (2,), "int32")
        with pytest.raises(ValueError, match="another array at 'a'"):
            reader.read("a", (1, 2), "float32")
        with pytest.raises(KeyError, match="no array 'b'"):
            reader.read("b", (2,), "float32")


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (packed({"a": entry(offsets=(0, 8))}, b"x" * 9), "arrays of 8 bytes"),
        (packed({"a": entry(offsets=(1, 9))}, b"x" * 9), "overlap or leave holes"),
        (packed({"a": entry(), "b": entry(offsets=(4, 12))}, b"x" * 12), "overlap"),
        (packed({"a": entry(shape=(3,))}, b"x" * 8), "wrong number of bytes"),
        (packed({"a": entry(shape=(2**62, 2**62))}, b"x" * 8), "wrong number of bytes"),
        (packed({"a": entry(shape=(-2,))}, b"x" * 8), "unknown description"),
        (packed({"a": entry(dtype="O")}, b"x" * 8), "unknown description"),
        (packed({"a": {"dtype": ["F32"]}}, b""), "unknown description"),
        (packed({"a": 3}, b""), "unknown description"),
        (packed([]), "not an object"),
        (packed(b"{"), "safetensors|JSON"),
        (packed(b'{"a": 1, "a": 2}'), "same key twice"),
        (packed(b"[" * 500 + b"]" * 500), "nested too deeply"),
        (io.BytesIO(b"abc"), "not a safetensors file"),
        (io.BytesIO(struct.pack("<Q", 2**63) + b"{}"), "not a safetensors file"),
    ],
)
def test_what_is_refused(file, says):
    with pytest.raises(ValueError, match=says):
        SafetensorsReader(file)


def test_a_header_beyond_the_limit(monkeypatch):
    monkeypatch.setattr("cornu.archive.safetensors.MAX_HEADER", 100)
    with pytest.raises(UnsafeFileError, match="header that is too large"):
        SafetensorsReader(packed({"a" * 200: entry()}, b"x" * 8))


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match="dtype of 'a'"):
        write_safetensors(tmp_path / "a.safetensors", {"a": np.ones(2, "complex64")})
    assert not list(tmp_path.iterdir())


def test_the_package_of_the_format_agrees(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    arrays = {"a": np.arange(6, dtype="float32").reshape(2, 3), "b": np.ones(3, "int8")}
    write_safetensors(tmp_path / "m.safetensors", arrays, {"x": "y"})
    theirs = safetensors.load_file(tmp_path / "m.safetensors")
    for name, array in arrays.items():
        np.testing.assert_array_equal(theirs[name], array)
    safetensors.save_file(arrays, tmp_path / "n.safetensors")
    with SafetensorsReader(tmp_path / "n.safetensors") as reader:
        for name, array in arrays.items():
            np.testing.assert_array_equal(reader.read(name, array.shape, array.dtype), array)
