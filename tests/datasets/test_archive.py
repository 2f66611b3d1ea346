"""Data-set files are found, and read by their structure."""

import gzip
import struct
import zipfile

import numpy as np
import pytest

from cornu.datasets import archive

LAYOUT = archive.shapes_of(6, 4, (2, 3))


def arrays(**changes):
    random = np.random.default_rng(0)
    whole = {name: random.integers(0, 10, shape, np.uint8) for name, shape in LAYOUT.items()}
    return whole | changes


def save(path, **changes):
    np.savez_compressed(path, **arrays(**changes))
    return path


def idx(path, array, header=None, extra=b""):
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    header = header or bytes([0, 0, 8, array.ndim]) + sizes
    path.write_bytes(gzip.compress(header + array.tobytes() + extra))
    return path


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("CORNU_HOME", str(tmp_path / "cornu"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("CORNU_DATA", "")
    return tmp_path


def test_an_npz_is_read(tmp_path):
    read = archive.read_npz(save(tmp_path / "a.npz"), LAYOUT)
    for name, expected in arrays().items():
        np.testing.assert_array_equal(read[name], expected)
        assert read[name].dtype == np.uint8 and read[name].flags.writeable


def test_other_whole_numbers_become_bytes(tmp_path):
    labels = np.array([0, 255, 3, 4, 5, 6])
    read = archive.read_npz(save(tmp_path / "a.npz", y_train=labels), LAYOUT)
    assert read["y_train"].dtype == np.uint8
    np.testing.assert_array_equal(read["y_train"], labels)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": np.zeros((6, 2, 4), np.uint8)}, r"x_train of shape \(6, 2, 4\)"),
        ({"x_test": np.zeros((4, 2, 3))}, "type float64"),
        ({"y_train": np.array([300, 0, 0, 0, 0, 0])}, "not 0 to 255"),
        ({"y_train": np.array([None] * 6)}, "type object"),
        ({"y_test": np.array(["a"] * 4)}, "type <U1"),
    ],
)
def test_another_structure_is_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        archive.read_npz(save(tmp_path / "a.npz", **changes), LAYOUT)


def test_a_pickle_is_not_run(tmp_path):
    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harmed"), "w"))

    path = save(tmp_path / "a.npz", y_train=np.array([Harm()] + [None] * 5, dtype=object))
    with pytest.raises(ValueError, match="type object"):
        archive.read_npz(path, LAYOUT)
    assert not (tmp_path / "harmed").exists()


def test_a_declared_size_is_not_believed(tmp_path):
    path = tmp_path / "a.npz"
    header = str({"descr": "|u1", "fortran_order": False, "shape": (10**15,)}).encode()
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    with zipfile.ZipFile(path, "w") as file:
        for name in LAYOUT:
            file.writestr(name + ".npy", content)
    with pytest.raises(ValueError, match="shape"):
        archive.read_npz(path, LAYOUT)


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"\x93NUMPY"])
def test_what_is_no_npz_is_damaged(tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        archive.read_npz(path, LAYOUT)


def test_missing_and_unreadable_arrays(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros(3))
    with pytest.raises(ValueError, match="no array 'x_train'; it has x"):
        archive.read_npz(path, LAYOUT)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x_train.npy", b"nothing")
    with pytest.raises(ValueError, match="no readable array"):
        archive.read_npz(path, LAYOUT)


def test_an_idx_is_read(tmp_path):
    images = arrays()["x_train"]
    read = archive.read_idx(idx(tmp_path / "a.gz", images), images.shape)
    np.testing.assert_array_equal(read, images)
    assert read.flags.writeable


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"extra": b"x"}, "holds more than"),
        ({"header": bytes([0, 0, 8, 1]) + struct.pack(">I", 7)}, "header"),
        ({"header": bytes([0, 0, 13, 1]) + struct.pack(">I", 6)}, "header"),  # floats
        ({"header": b"\x00"}, "header"),
    ],
)
def test_another_idx_is_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        archive.read_idx(idx(tmp_path / "a.gz", arrays()["y_train"], **options), (6,))


def test_a_short_idx_is_refused(tmp_path):
    header = bytes([0, 0, 8, 1]) + struct.pack(">I", 6)
    path = idx(tmp_path / "a.gz", np.zeros(5, np.uint8), header=header)
    with pytest.raises(ValueError, match="holds 5, fewer than the 6 bytes"):
        archive.read_idx(path, (6,))


@pytest.mark.parametrize(
    "content",
    [b"no gzip", gzip.compress(bytes(1000))[:15], b""],
    ids=["no gzip", "cut short", "empty"],  # a gzip header holds the time: no name for a test
)
def test_a_damaged_idx_is_refused(tmp_path, content):
    path = tmp_path / "a.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged|header"):
        archive.read_idx(path, (6,))


def test_a_bomb_is_read_no_further_than_the_shape(tmp_path):
    header = bytes([0, 0, 8, 1]) + struct.pack(">I", 6)
    path = idx(tmp_path / "a.gz", np.zeros(1 << 24, np.uint8), header=header)
    with pytest.raises(ValueError, match="more than the 6 bytes"):
        archive.read_idx(path, (6,))


def test_places_are_searched_in_order(places, monkeypatch):
    def lookup():
        return archive.locate("a.npz", "https://nowhere.invalid/a.npz", limit=1)

    monkeypatch.setenv("CORNU_DATA", str(places / "own"))
    for folder in ("keras/datasets", "cornu/datasets", "own"):
        (places / folder).mkdir(parents=True)
        (places / folder / "a.npz").write_bytes(b"")
        assert lookup() == places / folder / "a.npz"


def test_a_subfolder_is_searched_in_every_place(places, monkeypatch):
    monkeypatch.setenv("CORNU_DATA", str(places / "own"))
    (places / "own/fashion-mnist").mkdir(parents=True)
    (places / "own/fashion-mnist/a.gz").write_bytes(b"")
    found = archive.locate(
        "a.gz", "https://nowhere.invalid/", subfolder="datasets/fashion-mnist", limit=1
    )
    assert found == places / "own/fashion-mnist/a.gz"


@pytest.mark.parametrize("name", ["..", ".", "C:x"])
def test_names_are_plain(name):
    with pytest.raises(ValueError, match="plain name"):
        archive.locate(name, "https://nowhere.invalid/x", limit=1)


def test_a_path_of_the_user(tmp_path):
    path = save(tmp_path / "mine.npz")
    assert archive.user_file(str(path)) == path
    assert archive.user_file("mnist.npz") is None
    with pytest.raises(FileNotFoundError, match="plain name 'x.npz'"):
        archive.user_file(tmp_path / "x.npz")
