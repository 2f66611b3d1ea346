"""MNIST from small files in the right format."""

import numpy as np
import pytest

from cornu.datasets import archive, mnist


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A data set of six digits where the loader looks for it."""
    layout = archive.shapes_of(4, 2, (28, 28))
    monkeypatch.setattr(mnist, "LAYOUT", layout)
    monkeypatch.setenv("CORNU_DATA", str(tmp_path))
    data = {name: np.full(shape, k, np.uint8) for k, (name, shape) in enumerate(layout.items())}
    np.savez(tmp_path / "mnist.npz", **data)
    return tmp_path, data


def test_the_four_arrays_in_the_order_of_keras(small):
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    assert (x_train.shape, y_train.shape) == ((4, 28, 28), (4,))
    assert (x_test.shape, y_test.shape) == ((2, 28, 28), (2,))
    assert [a.flat[0] for a in (x_train, y_train, x_test, y_test)] == [0, 1, 2, 3]
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype("uint8")}


def test_a_file_of_the_user(small, monkeypatch):
    folder, _ = small
    (folder / "mnist.npz").rename(folder / "copy.npz")
    assert len(mnist.load_data(folder / "copy.npz")[0][0]) == 4
    assert len(mnist.load_data("copy.npz")[0][0]) == 4


def test_a_label_above_nine_is_refused(small):
    folder, data = small
    np.savez(folder / "mnist.npz", **data | {"y_test": np.array([3, 10], np.uint8)})
    with pytest.raises(ValueError, match="label 10, not one of 0 to 9"):
        mnist.load_data()


def test_the_published_layout():
    assert mnist.LAYOUT["x_train"] == (60_000, 28, 28)
    assert mnist.LAYOUT["y_test"] == (10_000,)
    assert mnist.ORIGIN.startswith("https://") and len(mnist.SHA256) == 64


def test_offline_names_the_file_and_the_place(tmp_path, monkeypatch):
    def no_network(*_, **__):
        import requests

        raise requests.ConnectionError("no route")

    monkeypatch.setattr("requests.get", no_network)
    monkeypatch.setenv("CORNU_DATA", "")
    monkeypatch.setenv("CORNU_HOME", str(tmp_path / "cornu"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    with pytest.raises(ConnectionError, match=str(tmp_path / "cornu/datasets/mnist.npz")):
        mnist.load_data()
