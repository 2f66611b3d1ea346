"""What is written here, h5py reads; and writing that fails is an OSError like any other."""

import io

import h5py
import jax.numpy as jnp
import numpy as np
import pytest

from cornu.archive.hdf5.writing import Writer
from cornu.archive.safeh5 import SafeH5, h5_writer, put

ARRAYS = [
    np.arange(12, dtype="float32").reshape(4, 3), np.float64(3.5), np.zeros((0, 3), "int8"),
    np.array([True, False]), np.arange(5, dtype=">i4"), np.arange(6, dtype="uint64").reshape(1, 6),
    np.ones((2, 2), "float16"), np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1),
]  # fmt: skip


def written(fill):
    file = io.BytesIO()
    writer = Writer(file)
    fill(writer)
    writer.close()
    return file


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_arrays(array):
    file = written(lambda writer: writer.dataset("a/b", array))
    with h5py.File(file) as h5:
        assert (h5["a/b"].dtype, h5["a/b"].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(h5["a/b"][()], array)
    with SafeH5(file) as h5:
        dtype = array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(h5.array("a/b", array.shape, dtype), array)


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn"])
def test_types_that_hdf5_lacks_are_opaque_bytes_with_a_name(name):
    array = np.arange(6.0).astype(jnp.dtype(name)).reshape(2, 3)
    file = written(lambda writer: put(writer, "x", array))
    with h5py.File(file) as h5:
        assert h5["x"].dtype.kind == "V" and h5["x"].shape == (2, 3)
        told = h5["x"].attrs["dtype"]
        assert (told if name == "bfloat16" else told.decode()) == name
        assert h5["x"][()].tobytes() == array.tobytes()


def test_texts_of_any_length_and_number():
    texts = {f"text {i}": "ö" * (i * 37) for i in range(300)} | {"long": "x" * 1_000_001, "": ""}

    def fill(writer):
        for name, text in texts.items():
            writer.attribute("group", name or "empty", text)
        writer.attribute("", "names", np.array([b"abc", b"d"]))
        writer.attribute("", "nothing", np.array([], "S1"))

    with h5py.File(written(fill)) as h5:
        for name, text in texts.items():
            assert h5["group"].attrs[name or "empty"] == text
        assert h5.attrs["names"].tolist() == [b"abc", b"d"]
        assert h5.attrs["nothing"].shape == (0,)


def test_many_groups_with_long_names():
    names = [f"{'layer' * 60}_{i}" for i in range(500)]

    def fill(writer):
        for name in names:
            writer.dataset(f"layers/{name}/vars/0", np.ones(1, "float32"))
        writer.group("empty/group")
        writer.group("empty/group")

    file = written(fill)
    with h5py.File(file) as h5:
        assert set(h5["layers"]) == set(names) and list(h5["empty"]) == ["group"]
        assert h5[f"layers/{names[-1]}/vars/0"][0] == 1
        with pytest.raises(OSError, match="write"):
            h5["layers"].attrs["x"] = 1  # h5py opens for reading by default
    with SafeH5(file) as h5:
        assert len(h5.datasets) == 500


def test_h5py_can_go_on_with_a_file(tmp_path):
    with h5_writer(tmp_path / "x.h5") as writer:
        writer.dataset("a", np.ones(3, "float32"))
        writer.attribute("", "name", "first")
    with h5py.File(tmp_path / "x.h5", "r+") as h5:
        for i in range(20):
            h5.attrs[f"text {i}"] = "more"
            h5[f"group/{i}"] = np.arange(i)
    with SafeH5(tmp_path / "x.h5") as h5:
        assert h5.text("", "name") == "first" and h5.text("", "text 7") == "more"
        assert h5.array("group/19", (19,), "int64").tolist() == list(range(19))


def test_the_same_content_gives_the_same_bytes():
    def fill(writer):
        put(writer, "a/0", np.ones((3, 2), jnp.bfloat16))
        writer.attribute("a", "name", "h1")

    assert written(fill).getvalue() == written(fill).getvalue()


def test_a_path_is_taken_once():
    writer = Writer(io.BytesIO())
    writer.dataset("a", np.ones(1))
    for path in ("a", "a/b"):
        with pytest.raises(ValueError, match="exists|through an array"):
            writer.dataset(path, np.ones(1))
    writer.group("g/h")
    with pytest.raises(ValueError, match="exists in the file"):
        writer.dataset("g", np.ones(1))


def test_an_attribute_that_does_not_fit():
    with pytest.raises(ValueError, match="too large"):
        Writer(io.BytesIO()).attribute("", "names", np.array([b"x" * 70_000]))
    with pytest.raises(TypeError, match="complex64"):
        Writer(io.BytesIO()).dataset("x", np.ones(2, "complex64"))


class FullDisk(io.BytesIO):
    """A file that takes so many bytes and no more."""

    def __init__(self, limit):
        super().__init__()
        self.limit = limit

    def write(self, content):
        if self.tell() + len(content) > self.limit:
            raise OSError(28, "No space left on device")
        return super().write(content)


@pytest.mark.parametrize("limit", [0, 10, 48, 100, 300, 4_500, 5_000])
def test_a_full_disk_is_an_os_error(limit):
    with pytest.raises(OSError, match="No space left"), h5_writer(FullDisk(limit)) as writer:
        for i in range(10):
            writer.dataset(f"a/{i}", np.ones(16, "float32"))
            writer.attribute("a", f"text {i}", "some words")
