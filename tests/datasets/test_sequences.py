"""IMDB and Reuters from small files, beside Keras."""

import hashlib
import json
import os
import pickle
import zipfile

import numpy as np
import pytest
from keras.datasets import imdb as imdb_of_keras, reuters as reuters_of_keras

from cornu.datasets import archive, imdb, reuters
from cornu.errors import UnsafeFileError
from faulty_server import serving

COUNT = 40


def rows(seed):
    random = np.random.default_rng(seed)
    found = np.empty(COUNT, object)
    for k in range(COUNT):
        found[k] = np.minimum(random.zipf(1.3, random.integers(1, 30)), 60_000).tolist()
    return found


def arrays_of(module, **changes):
    random = np.random.default_rng(2)
    if module is imdb:
        labels = {name: random.integers(0, 2, COUNT) for name in ("y_train", "y_test")}
        return {"x_train": rows(0), "x_test": rows(1), **labels} | changes
    return {"x": rows(0), "y": random.integers(0, 46, COUNT)} | changes


@pytest.fixture(params=[imdb, reuters], ids=["imdb", "reuters"])
def module(request, places, monkeypatch):
    for each in (imdb, reuters):
        monkeypatch.setattr(each, "COUNT", COUNT)
    return request.param


@pytest.fixture
def file(module, places):
    path = places.own / f"{module.__name__.rpartition('.')[2]}.npz"
    np.savez(path, **arrays_of(module))
    return path


OPTIONS = [
    {},
    {"num_words": 100},
    {"num_words": 50, "skip_top": 6, "seed": 3},
    {"maxlen": 12, "num_words": 1000},
    {"start_char": None, "num_words": 30},
    {"start_char": None, "index_from": 0},
    {"start_char": 7, "index_from": 10, "oov_char": 0, "num_words": 40},
    {"oov_char": None, "num_words": 20},
    {"oov_char": None, "start_char": None, "index_from": 0, "num_words": 2, "skip_top": 1},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_lists_are_those_of_keras(module, file, monkeypatch, options):
    keras = imdb_of_keras if module is imdb else reuters_of_keras
    monkeypatch.setattr(f"{keras.load_data.__module__}.get_file", lambda *_, **__: str(file))
    for ours, theirs in zip(
        sum(module.load_data(**options), ()), sum(keras.load_data(**options), ()), strict=True
    ):
        assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
        assert ours.tolist() == theirs.tolist()
    (x_train, _), _ = module.load_data(**options)
    assert {type(row) for row in x_train} == {list}
    assert {type(word) for row in x_train for word in row} == {int}


def test_the_test_set_is_a_fraction_of_reuters(module, file):
    if module is reuters:
        (x_train, y_train), (x_test, y_test) = reuters.load_data(test_split=0.25)
        assert (len(x_train), len(y_train), len(x_test), len(y_test)) == (30, 30, 10, 10)
        with pytest.raises(ValueError, match="test_split"):
            reuters.load_data(test_split=1.5)


def test_equal_lengths_make_no_matrix(module, file):
    same = np.empty(COUNT, object)
    same[:] = [[k, 2, 3] for k in range(COUNT)]
    np.savez(file, **arrays_of(module, x=same, x_train=same, x_test=same))
    (x_train, _), _ = module.load_data()
    assert x_train.ndim == 1 and len(x_train[0]) == 4


def test_words_far_apart_are_kept(module, file):
    (x_train, _), _ = module.load_data(start_char=10**12, num_words=10**13)
    assert {row[0] for row in x_train} == {10**12}


def test_no_text_may_be_too_long(module, file):
    with pytest.raises(ValueError, match="fewer than maxlen=1 words"):
        module.load_data(maxlen=1)


def test_a_misspelt_argument_is_named(file):
    with pytest.raises(TypeError, match=r"'nb_words'[^$]*did you mean 'num_words'"):
        imdb.load_data(nb_words=100)


@pytest.mark.parametrize("version", [2, 3, 4])
def test_pickles_of_every_age(module, file, version):
    """As numpy wrote object arrays in its versions 1 and 2."""
    expected = module.load_data()
    with zipfile.ZipFile(file, "w") as target:
        for name, array in arrays_of(module).items():
            with target.open(f"{name}.npy", "w") as member:
                if array.dtype != object:
                    np.lib.format.write_array(member, array)
                    continue
                header = {"descr": "|O", "fortran_order": False, "shape": array.shape}
                np.lib.format.write_array_header_1_0(member, header)
                content = pickle.dumps(array, version)
                member.write(
                    content.replace(b"numpy._core", b"numpy.core") if version < 4 else content
                )
    for ours, theirs in zip(sum(module.load_data(), ()), sum(expected, ()), strict=True):
        assert ours.tolist() == theirs.tolist()


class Harm:
    def __reduce__(self):
        return (os.mkdir, ("/tmp/harmed-by-a-review",))


def objects(*items):
    found = np.empty(COUNT, object)
    found[:] = [items[k % len(items)] for k in range(COUNT)]
    return found


LONG = list(range(1000))


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        (objects([1], Harm()), UnsafeFileError, "names posix.mkdir"),
        (objects([1], [[2]]), ValueError, "does not hold 40 lists of integers"),
        (objects([1], [1.5]), ValueError, "does not hold 40 lists of integers"),
        (objects([1], [True]), ValueError, "does not hold 40 lists of integers"),
        (objects([1], "a"), ValueError, "does not hold 40 lists of integers"),
        (objects([1], [2**70]), ValueError, "does not hold 40 lists of integers"),
        (objects([1], np.arange(3).astype(object)), ValueError, "does not hold 40 lists"),
        (objects(LONG), ValueError, "does not hold 40 lists of integers"),  # one list, many times
        (np.empty(COUNT - 1, object), ValueError, r"shape \(39,\)"),
        (np.zeros(COUNT), ValueError, "type float64"),
    ],
)
def test_other_files_are_refused(module, file, content, kind, message):
    name = "x" if module is reuters else "x_train"
    np.savez(file, **arrays_of(module, **{name: content}))
    with pytest.raises(kind, match=message):
        module.load_data()
    assert not os.path.exists("/tmp/harmed-by-a-review")


def test_labels_are_classes(module, file):
    name = "y" if module is reuters else "y_test"
    for label, message in ((46, "label 46"), (-1, "label -1")):
        labels = np.zeros(COUNT, int)
        labels[3] = label
        np.savez(file, **arrays_of(module, **{name: labels}))
        with pytest.raises(ValueError, match=message):
            module.load_data()


def test_a_download_must_have_the_hash(module, file, monkeypatch):
    content = file.read_bytes()
    file.unlink()
    with serving({file.name: content}) as server:
        monkeypatch.setattr(archive, "ORIGIN", server.address + "/plain/")
        with pytest.raises(ValueError, match="sha256 of the file"):
            module.load_data()
        monkeypatch.setattr(module, "SHA256", hashlib.sha256(content).hexdigest())
        module.load_data()
        module.load_data()
        assert len(server.seen) == 2


def test_the_word_index(module, places, offline, monkeypatch):
    name = f"{module.__name__.rpartition('.')[2]}_word_index.json"
    with pytest.raises(ConnectionError, match=str(places.cornu / "datasets" / name)):
        module.get_word_index()
    (places.keras / "datasets" / name).write_text(json.dumps({"the": 1, "café": 2}))
    assert module.get_word_index() == {"the": 1, "café": 2}
    (places.own / name).write_text(json.dumps({"the": [1]}))
    with pytest.raises(ValueError, match="must hold a dict from words to integers"):
        module.get_word_index()
    (places.own / name).write_text("[" * 100_000)
    with pytest.raises(UnsafeFileError, match="nested too deeply"):
        module.get_word_index(places.own / name)


def test_the_names_of_the_topics():
    assert reuters.get_label_names() == reuters_of_keras.get_label_names()


def test_the_published_files():
    assert imdb.COUNT == 25_000 and reuters.COUNT == 11_228
    for module in (imdb, reuters):
        assert len(module.SHA256) == 64 and len(module.MD5_OF_WORDS) == 32
