"""KerasFileEditor: weights listed, compared, changed and saved, without their model."""

import os
import shutil

import h5py
import numpy as np
import pytest

from cornu import layers, models
from cornu.errors import UnsafeFileError
from cornu.saving import KerasFileEditor


def small(units=2):
    inner = models.Sequential([layers.Input((3,)), layers.Dense(3)], name="inner")
    return models.Sequential(
        [layers.Input((4,)), layers.Dense(3), inner, layers.Dense(units)], name="small"
    )


@pytest.fixture
def path(tmp_path):
    small().save_weights(tmp_path / "m.weights.h5")
    return tmp_path / "m.weights.h5"


def weights(editor):
    return {path: list(w) for path, w in editor.weights_dict.items() if w}


DENSE, INNER = "layers/dense", "layers/sequential/layers/dense"


@pytest.mark.parametrize("name", ["m.weights.h5", "m.weights.json", "m.keras", "folder"])
def test_every_kind_of_file(name, tmp_path):
    model = small()
    if "weights" in name:
        model.save_weights(tmp_path / name)
    else:
        model.save(tmp_path / name, **({"zipped": False} if name == "folder" else {}))
    editor = KerasFileEditor(tmp_path / name)
    assert weights(editor) == {p: ["0", "1"] for p in (DENSE, "layers/dense_1", INNER)}
    np.testing.assert_array_equal(editor.weights_dict[DENSE]["0"], model.layers[0].kernel.numpy())
    assert (editor.config is None) == ("weights" in name)
    if editor.config:
        assert editor.config["class_name"] == "Sequential" and "keras_version" in editor.metadata


def test_summary(path, capsys):
    KerasFileEditor(path).summary()
    out = capsys.readouterr().out.split("\n")
    assert out[:5] == [
        "Weights of 'm.weights.h5'",
        "└─ layers",
        "   ├─ dense",
        "   │  ├─ 0: shape=(4, 3), dtype=float32",
        "   │  └─ 1: shape=(3,), dtype=float32",
    ]


def test_compare_as_keras_does(path, capsys):
    editor = KerasFileEditor(path)
    assert editor.compare(small()) == {"status": "success", "error_count": 0, "match_count": 6}
    assert "fits model 'small': 6 weights match" in capsys.readouterr().out
    assert editor.compare(small(5)) == {"status": "error", "error_count": 2, "match_count": 4}
    out = capsys.readouterr().out
    assert "(3, 5)" in out and "does not fit" in out
    editor.delete_object("dense_1")
    assert editor.compare(small())["error_count"] == 1


def test_changes_come_back_in_a_model(path, tmp_path):
    model = small()
    editor = KerasFileEditor(path)
    editor.rename_object("dense_1", "head")
    editor.rename_object("layers/head", new_name="dense_1")
    editor.delete_weight("dense_1", "1")
    editor.add_weights("dense_1", {"1": np.full(2, 7.0, "float32")})
    editor.save(tmp_path / "n.weights.h5")
    model.load_weights(tmp_path / "n.weights.h5")
    np.testing.assert_array_equal(model.layers[-1].bias.numpy(), [7, 7])
    editor.resave_weights(tmp_path / "n.weights.h5")
    assert weights(KerasFileEditor(tmp_path / "n.weights.h5")) == weights(editor)


def test_objects_move_with_all_below_them(path):
    editor = KerasFileEditor(path)
    editor.rename_object("sequential", "trunk")
    assert "layers/trunk/layers/dense" in weights(editor)
    editor.delete_object("trunk")
    assert weights(editor) == {p: ["0", "1"] for p in (DENSE, "layers/dense_1")}


def test_an_object_is_added(path):
    editor = KerasFileEditor(path)
    editor.add_object("layers/dense_9", {"0": np.ones((2, 2)), "1": [1.0, 2.0]})
    assert editor.weights_dict["layers/dense_9"]["1"].tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="an object at 'layers/dense_9' already"):
        editor.add_object("layers/dense_9", {})


@pytest.mark.parametrize(
    ("method", "arguments", "says"),
    [
        ("rename_object", ("dense", "x"), "Several objects.*layers/dense, layers/sequential"),
        ("rename_object", ("dens_1", "x"), "no object 'dens_1'.*dense_1"),
        ("rename_object", ("dense_1", "layers/x"), "last part of a path"),
        ("rename_object", ("dense_1", "dense"), "at 'layers/dense' already"),
        ("rename_object", ("dense_1", ".."), "must be a path"),
        ("rename_object", ("dense_1", "vars"), "must be a path"),
        ("delete_object", ("nope",), "no object 'nope'"),
        ("delete_weight", ("dense_1", "9"), "no weight '9'"),
        ("add_object", ("layers/x", [np.ones(2)]), "dict of arrays.*list"),
        ("add_object", ("layers/x", {"0": "text"}), "dict of arrays"),
        ("add_object", ("layers/x", {"0": {"1": 2}}), "dict of arrays"),
        ("add_object", ("", {}), "must be a path"),
        ("add_weights", ("nope", {}), "no object 'nope'"),
        ("save", ("x.keras",), "must end in '.weights.h5'"),
    ],
)
def test_mistakes_are_explained_and_change_nothing(path, method, arguments, says):
    editor = KerasFileEditor(path)
    before = weights(editor)
    with pytest.raises(ValueError, match=f"(?s){says}"):
        getattr(editor, method)(*arguments)
    assert weights(editor) == before


def test_files_that_it_does_not_open(path, tmp_path):
    with pytest.raises(FileNotFoundError):
        KerasFileEditor(tmp_path / "no.weights.h5")
    shutil.copy(path, tmp_path / "m.h5")
    with pytest.raises(ValueError, match="must end in .keras"):
        KerasFileEditor(tmp_path / "m.h5")


def test_hostile_files_are_refused(path):
    os.mkfifo(path.parent / "pipe")
    with h5py.File(path, "r+") as file:
        del file[f"{DENSE}/vars/0"]
        file[f"{DENSE}/vars/0"] = h5py.ExternalLink(str(path.parent / "pipe"), "/x")
    with pytest.raises(UnsafeFileError, match="external link"):
        KerasFileEditor(path)
