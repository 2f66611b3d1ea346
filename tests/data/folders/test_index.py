"""Folders: the same files, order, labels and split as Keras for the same seed."""

import os

import keras
import numpy as np
import pytest
from PIL import Image

from cornu.data.folders.index import check_split, index_folder
from cornu.data.folders.scan import list_files

ENDINGS = (".jpg", ".png")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    for number, name in enumerate(
        ["b/2.jpg", "b/10.jpg", "b/x/1.PNG", "b/x-y/1.jpg", "b/x/z/4.png", "a/1.jpg", "a-b/7.jpg",
         "a-b/3.png", "a/q.jpg"]
    ):  # fmt: skip
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3), (number, 0, 0)).save(path)
    (root / "b" / "notes.txt").write_text("not an image")
    (root / ".hidden").mkdir()
    return root


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("fraction", [0.2, 0.5])
def test_split_and_order_are_those_of_keras(folder, seed, fraction):
    theirs = keras.utils.image_dataset_from_directory(
        folder, seed=seed, validation_split=fraction, subset="both", format="grain", verbose=False,
        batch_size=None, image_size=(2, 2),
    )  # fmt: skip
    ours = index_folder(folder, extensions=ENDINGS).shuffled(seed).split(fraction)
    for their, our in zip(theirs, ours, strict=True):
        assert [os.fspath(p) for p in their.file_paths] == our.paths
        assert their.class_names == our.class_names == ["a", "a-b", "b"]
    # Keras shuffles the paths and labels alike; its own order of labels is the second check.
    whole = keras.utils.image_dataset_from_directory(
        folder, shuffle=False, format="grain", verbose=False, batch_size=None, image_size=(2, 2)
    )
    index = index_folder(folder, extensions=ENDINGS)
    assert [int(label) for _, label in whole] == index.labels.tolist()
    assert [os.fspath(p) for p in whole.file_paths] == index.paths
    shuffled = index.shuffled(seed)
    names = [os.path.relpath(p, folder).split(os.sep)[0] for p in shuffled.paths]
    assert [shuffled.class_names[label] for label in shuffled.labels] == names


def test_labels_of_the_user_and_none(folder):
    given = index_folder(folder, labels=[3, 1, 3, 1, 1, 3, 3, 3, 1], extensions=ENDINGS)
    assert given.class_names == ["1", "3"] and given.labels.dtype == np.int32
    assert given.targets("int").tolist() == [3, 1, 3, 1, 1, 3, 3, 3, 1]
    with pytest.raises(ValueError, match="class indices from 0 to 1"):
        given.targets("categorical")
    none = index_folder(folder, labels=None, extensions=ENDINGS)
    assert none.labels is None and none.class_names is None and len(none) == 9
    with pytest.raises(ValueError, match="an entry for each of the 9 files"):
        index_folder(folder, labels=[0, 1], extensions=ENDINGS)


def test_label_modes(folder):
    index = index_folder(folder, class_names=["b", "a"], extensions=ENDINGS)
    assert index.labels.tolist() == [0] * 5 + [1] * 2
    assert index.targets("binary").shape == (7, 1) and index.targets("binary").dtype == np.float32
    assert index.targets("categorical").tolist() == [[1, 0]] * 5 + [[0, 1]] * 2
    assert index.targets(None) is None


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"labels": "infered"}, "labels must be 'inferred'"),
        ({"class_names": ["b", "dogs"]}, "class_names must be subfolders"),
        ({"class_names": ["b", "b"]}, "different from each other"),
        ({"labels": None, "class_names": ["b"]}, "needs labels='inferred'"),
        ({"extensions": (".tif",), "kind": "images"}, "There are no images"),
    ],
)
def test_wrong_arguments_are_named(folder, arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        index_folder(folder, **{"extensions": ENDINGS, **arguments})
    assert "fix:" in str(caught.value)


def test_a_folder_that_is_not_there_is_guessed(folder):
    with pytest.raises(FileNotFoundError, match="did you mean"):
        index_folder(f"{folder}x", extensions=ENDINGS)
    with pytest.raises(NotADirectoryError, match="is a file"):
        index_folder(folder / "b" / "2.jpg", extensions=ENDINGS)
    with pytest.raises(ValueError, match="a subfolder for each class") as caught:
        index_folder(folder / "a", extensions=ENDINGS)
    assert "2 .jpg" in str(caught.value)


def test_links_circles_and_pipes(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").write_bytes(b"x")
    (tmp_path / "a" / "._1.jpg").write_bytes(b"x")
    os.mkfifo(tmp_path / "a" / "pipe.jpg")
    os.symlink(tmp_path / "gone.jpg", tmp_path / "a" / "broken.jpg")
    os.symlink(tmp_path, tmp_path / "a" / "circle")
    assert list_files(str(tmp_path / "a"), ENDINGS) == [str(tmp_path / "a" / "1.jpg")]
    assert len(list_files(str(tmp_path), ENDINGS, follow_links=True)) == 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((1.5, "training", False, None), "between 0 and 1"),
        ((0.2, None, False, None), "given together"),
        ((None, "training", False, None), "given together"),
        ((0.2, "train", False, 1), "subset must be"),
        ((0.2, "training", True, None), "needs a seed"),
    ],
)
def test_splits_that_do_not_fit_together(arguments, message):
    with pytest.raises(ValueError, match=message):
        check_split(*arguments)
    check_split(0.2, "both", True, None)
