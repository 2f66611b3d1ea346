"""The housing data sets, from small files and beside Keras."""

import hashlib
import io

import numpy as np
import pytest
from keras.datasets import boston_housing as boston_of_keras, california_housing as cal_of_keras

from cornu.datasets import archive, boston_housing, california_housing
from faulty_server import serving

CASES = {
    "boston": (boston_housing, boston_of_keras, "boston_housing.npz", (25, 13), np.float64),
    "california": (california_housing, cal_of_keras, "california_housing.npz", (30, 8), np.float32),
}


@pytest.fixture(params=CASES)
def case(request, places, monkeypatch):
    ours, keras, name, shape, dtype = CASES[request.param]
    monkeypatch.setattr(ours, "SHAPE", shape)
    random = np.random.default_rng(0)
    x, y = random.normal(size=shape).astype(dtype), random.normal(size=shape[:1]).astype(dtype)
    path = places.own / name
    np.savez(path, x=x, y=y)
    monkeypatch.setattr(f"{keras.load_data.__module__}.get_file", lambda *_, **__: str(path))
    return ours, keras, path, x, y


def equal(ours, keras):
    for a, b in zip(sum(ours, ()), sum(keras, ()), strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype and a.flags.writeable and a.flags.c_contiguous


@pytest.mark.parametrize("options", [{}, {"test_split": 0.5, "seed": 3}, {"test_split": 0}])
def test_the_rows_are_those_of_keras(case, options):
    ours, keras, *_ = case
    equal(ours.load_data(**options), keras.load_data(**options))


def test_the_small_version(case, monkeypatch):
    ours, keras, _, x, _ = case
    if ours is not california_housing:
        pytest.skip("there is one version")
    monkeypatch.setattr(ours, "SMALL", 600)
    equal(ours.load_data("small"), keras.load_data("small"))
    monkeypatch.setattr(ours, "SMALL", 10)
    (x_train, _), (x_test, _) = ours.load_data("small")
    np.testing.assert_array_equal(np.unique(np.concatenate([x_train, x_test])), np.unique(x[:10]))
    with pytest.raises(ValueError, match="version must be 'small' or 'large', got 'tiny'"):
        ours.load_data("tiny")


def test_a_fraction_is_below_one(case):
    with pytest.raises(ValueError, match="test_split must be at least 0 and below 1, got 1"):
        case[0].load_data(test_split=1)


def test_a_file_of_the_user(case, places):
    ours, _, path, _, _ = case
    mine = path.rename(places.root / "mine.npz")
    assert len(ours.load_data(path=mine)[0][0]) > 0
    with pytest.raises(FileNotFoundError, match="no file"):
        ours.load_data(path=path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((3, 2))}, r"x of shape \(3, 2\)"),
        ({"y": np.array([None] * 30)}, "type object"),
        ({"y": np.array(["1"] * 30)}, "type <U1"),
        ({"y": None}, "no array 'y'"),
    ],
)
def test_another_structure_is_refused(case, change, message):
    ours, _, path, x, y = case
    arrays = {"x": x, "y": y} | change
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(ValueError, match=message):
        ours.load_data()


def test_a_download_must_have_the_hash(case, places, monkeypatch):
    ours, _, path, x, _ = case
    content = path.read_bytes()
    path.unlink()
    with serving({path.name: content}) as server:
        monkeypatch.setattr("cornu.utils.download.PAUSE", 0)
        monkeypatch.setattr(archive, "ORIGIN", server.address + "/once/")
        with pytest.raises(ValueError, match="sha256 of the file"):
            ours.load_data()
        monkeypatch.setattr(ours, "SHA256", hashlib.sha256(content).hexdigest())
        ours.load_data()
        ours.load_data()
    assert [p.name for p in (places.cornu / "datasets").iterdir()] == [path.name]
    assert len(server.seen) <= 3


def test_offline_names_the_file_and_the_place(case, places, offline):
    ours, _, path, _, _ = case
    path.unlink()
    with pytest.raises(ConnectionError, match=str(places.cornu / "datasets" / path.name)):
        ours.load_data()


def test_a_file_that_keras_left(case, places):
    ours, _, path, _, _ = case
    path.rename(places.keras / "datasets" / path.name)
    assert len(ours.load_data()[0][0]) > 0


def test_the_published_files():
    assert boston_housing.SHAPE == (506, 13) and california_housing.SHAPE == (20_640, 8)
    assert len(boston_housing.SHA256) == len(california_housing.SHA256) == 64
    assert archive.ORIGIN.startswith("https://")


def test_boston_as_it_is_handed_on(tmp_path, monkeypatch):
    """The real rows, from the table that they were published in."""
    table = pytest.importorskip("pandas")
    source = archive.find(["housing.csv"])
    if source is None:
        pytest.skip("CORNU_DATA has no housing.csv")
    rows = table.read_csv(io.StringIO(source.read_text()), header=None, sep=None, engine="python")
    numbers = rows.to_numpy(float)
    np.savez(tmp_path / "b.npz", x=numbers[:, :13], y=numbers[:, 13])
    (x_train, y_train), (x_test, _) = boston_housing.load_data(tmp_path / "b.npz")
    assert x_train.shape == (404, 13) and x_test.shape == (102, 13)
    assert y_train[:3].tolist() == [15.2, 42.3, 50.0]  # as every tutorial prints them
