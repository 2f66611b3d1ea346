"""CIFAR-10 and CIFAR-100 from small batches, as a server or an older library left them."""

import hashlib
import io
import os
import pickle
import tarfile

import numpy as np
import pytest
from keras.datasets import cifar100 as cifar100_of_keras

from cornu import config
from cornu.datasets import batches, cifar10, cifar100
from cornu.errors import UnsafeFileError
from faulty_server import serving

COUNT = 3


def batch(k, **labels):
    data = np.random.default_rng(k).integers(0, 256, (COUNT, 3072), np.uint8)
    named = {key.encode(): value for key, value in labels.items()}
    return {b"data": data, **named, b"filenames": [b"a.png"] * COUNT, b"batch_label": b"x"}


def files_of(module):
    if module is cifar10:
        names = [*cifar10.TRAIN, "test_batch"]
        return {name: batch(k, labels=[k, 9, 0]) for k, name in enumerate(names)}
    labels = {"fine_labels": [99, 0, 5], "coarse_labels": [19, 0, 1]}
    return {name: batch(k, **labels) for k, name in enumerate(("train", "test"))}


def write(folder, files):
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(pickle.dumps(content, 3))


def packed(module, files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            data = pickle.dumps(content, 2)
            info = tarfile.TarInfo(f"{module.FOLDER}/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture(params=[cifar10, cifar100], ids=["cifar10", "cifar100"])
def module(request, places, monkeypatch):
    monkeypatch.setattr(cifar10, "BATCH", COUNT)
    monkeypatch.setattr(cifar100, "BATCHES", {"train": COUNT, "test": COUNT})
    return request.param


def check(module, loaded, files):
    (x_train, y_train), (x_test, y_test) = loaded
    *train, test = files.values()
    data = np.concatenate([b[b"data"] for b in train])
    expected = data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(x_train, expected)
    np.testing.assert_array_equal(x_test[0, 1, 2], test[b"data"][0].reshape(3, 32, 32)[:, 1, 2])
    key = b"labels" if module is cifar10 else b"fine_labels"
    assert y_train[:, 0].tolist() == sum((b[key] for b in train), [])
    assert y_test.shape == (COUNT, 1) and x_test.shape == (COUNT, 32, 32, 3)
    assert x_train.dtype == np.uint8
    assert y_train.dtype == y_test.dtype == (np.uint8 if module is cifar10 else np.int64)


def test_the_archive_is_downloaded_once_and_unpacked(module, places, monkeypatch):
    files = files_of(module)
    content = packed(module, files)
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setattr("cornu.utils.download.PAUSE", 0)
    with serving({module.ARCHIVE: content}) as server:
        monkeypatch.setattr(batches, "ORIGIN", server.address + "/once/")
        check(module, module.load_data(), files)
        asked = len(server.seen)
        check(module, module.load_data(), files)
        assert len(server.seen) == asked
    assert os.listdir(places.cornu / "datasets") == [f"{module.FOLDER}-target"]


def test_another_archive_is_refused(module, places, monkeypatch):
    with serving({module.ARCHIVE: packed(module, files_of(module))}) as server:
        monkeypatch.setattr(batches, "ORIGIN", server.address + "/plain/")
        with pytest.raises(ValueError, match="sha256 of the file"):
            module.load_data()
    assert os.listdir(places.cornu / "datasets") == []


@pytest.mark.parametrize(
    "place",
    ["own/{}", "keras/datasets/{}-target/{}", "keras/datasets/{}", "cornu/datasets/{}-target/{}"],
)
def test_folders_of_others_are_used_where_they_are(module, places, offline, place):
    files = files_of(module)
    write(places.root / place.replace("{}", module.FOLDER), files)
    check(module, module.load_data(), files)


@pytest.mark.parametrize("place", ["own/{}-python.tar.gz", "keras/datasets/{}-target_archive"])
def test_archives_of_others_are_unpacked_and_kept(module, places, offline, place):
    short = module.FOLDER if "target" in place else module.ARCHIVE.removesuffix("-python.tar.gz")
    path = places.root / place.replace("{}", short)
    files = files_of(module)
    path.write_bytes(packed(module, files))
    check(module, module.load_data(), files)
    assert path.exists()


def test_offline_names_the_archive_and_the_place(module, places, offline):
    with pytest.raises(ConnectionError, match=str(places.cornu / "datasets" / module.ARCHIVE)):
        module.load_data()


def test_channels_may_come_first(module, places):
    write(places.own / module.FOLDER, files_of(module))
    last = module.load_data()[1][0]
    config.set_image_data_format("channels_first")
    try:
        first = module.load_data()[1][0]
    finally:
        config.set_image_data_format("channels_last")
    np.testing.assert_array_equal(first.transpose(0, 2, 3, 1), last)


@pytest.mark.parametrize("mode", ["fine", "coarse"])
def test_cifar100_is_that_of_keras(module, places, monkeypatch, mode):
    if module is not cifar100:
        pytest.skip("its batches have a fixed size in Keras")
    write(places.own / module.FOLDER, files_of(module))
    name = f"{cifar100_of_keras.load_data.__module__}.get_file"
    monkeypatch.setattr(name, lambda *_, **__: str(places.own))
    ours, keras = cifar100.load_data(mode), cifar100_of_keras.load_data(mode)
    for a, b in zip(sum(ours, ()), sum(keras, ()), strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


def test_the_mode_of_labels_is_known(module):
    if module is cifar100:
        with pytest.raises(ValueError, match="label_mode must be 'fine' or 'coarse', got 'all'"):
            cifar100.load_data("all")


class Harm:
    def __reduce__(self):
        return (os.mkdir, ("/tmp/harmed-by-a-batch",))


def whole(**changes):
    named = {key.encode(): value for key, value in changes.items()}
    return batch(0, labels=[1, 2, 3]) | named


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (whole(labels=Harm()), UnsafeFileError, "names posix.mkdir"),
        (whole(labels=[1, 2]), ValueError, "no 3 labels"),
        (whole(labels=[1, 2, 10]), ValueError, "not 0 to 9"),
        (whole(labels=[1, 2, -1]), ValueError, "not 0 to 9"),
        (whole(labels=[1, 2, True]), ValueError, "no 3 labels"),
        (whole(data=np.zeros((COUNT, 3072))), ValueError, "no images"),
        (whole(data=np.zeros((2, 3072), np.uint8)), ValueError, "no images"),
        (whole(data=[0]), ValueError, "no images"),
        (["data"], ValueError, "no dict"),
        (whole(more=b"x" * (2 << 20)), ValueError, "at most"),
    ],
)
def test_other_batches_are_refused(tmp_path, content, kind, message):
    path = tmp_path / "data_batch_1"
    path.write_bytes(pickle.dumps(content, 3))
    with pytest.raises(kind, match=message):
        batches.read(path, COUNT, "labels", 10)
    assert not os.path.exists("/tmp/harmed-by-a-batch")


def test_a_missing_batch_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"test_batch must be a file[^$]*delete the folder"):
        batches.read(tmp_path / "test_batch", COUNT, "labels", 10)


def test_the_published_files():
    assert cifar10.BATCH == 10_000 and cifar100.BATCHES == {"train": 50_000, "test": 10_000}
    assert len(cifar10.SHA256) == len(cifar100.SHA256) == 64
    assert batches.ORIGIN.startswith("https://")
