"""What `inspect_file` tells of a file that is never loaded."""

import json

import h5py
import numpy as np
import pytest

from cornu import layers, models, saving
from cornu.archive.inspect import inspect_file
from cornu.archive.safezip import write_zip
from cornu.reports.inspection import render_inspection


@pytest.fixture(scope="module")
def model():
    inner = models.Sequential([layers.Input((3,)), layers.Dense(2, name="deep")], name="inner")
    inputs = layers.Input((4,), name="x")
    hidden = layers.Dense(3, activation="relu", name="h1")(inputs)
    made = models.Model(inputs, inner(hidden), name="small")
    made.compile("adam", "mse")
    return made


ENDINGS = ["m.keras", "folder", "m.h5", "m.weights.h5", "m.weights.json", "m.safetensors"]


def saved(model, path):
    if path.name.endswith((".weights.h5", ".weights.json", ".safetensors")):
        model.save_weights(path)
    else:
        model.save(path, **({"zipped": False} if path.suffix == "" else {}))
    return path


@pytest.mark.parametrize("name", ENDINGS)
def test_every_kind_of_file(model, name, tmp_path):
    found = saving.inspect_file(saved(model, tmp_path / name))
    assert found.parameters == model.count_params() == 23
    assert not found.is_dangerous and found.bytes > 100
    described = json.loads(found.to_json())
    assert described["parameters"] == 23 and described["kind"] == found.kind
    if name in ("m.keras", "folder", "m.h5"):
        assert [layer.name for layer in found.layers if layer.kind == "Dense"] == ["h1", "deep"]
        assert found.optimizer == "Adam" and found.model == "Functional 'small'"
        counts = {layer.name: layer.parameters for layer in found.layers}
        assert counts["h1"] == 15 and counts["inner"] == 8
    if name in ("m.keras", "folder"):
        assert found.written_by.startswith("Cornu ") and "config.json" in found.members
        built = {layer.name: (layer.depth, layer.inputs) for layer in found.layers}
        assert built["h1"] == (0, "(None, 4)") and built["deep"] == (1, "(None, 3)")


def test_no_model_is_made(model, tmp_path, monkeypatch):
    path = saved(model, tmp_path / "m.keras")
    monkeypatch.setattr(layers.Dense, "__init__", None)
    monkeypatch.setattr(h5py.Dataset, "__getitem__", None)
    assert saving.inspect_file(path).parameters == 23


def changed(model, tmp_path, **members):
    path = saved(model, tmp_path / "m.keras")
    found = saving.inspect_file(path)
    import zipfile

    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in found.members}
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (content | members).items():
            archive.writestr(name, text)
    return path


def test_members_that_do_not_belong_there(model, tmp_path):
    members = {"../evil": b"", "virus.exe": b"MZ"}
    found = saving.inspect_file(changed(model, tmp_path, **members))
    texts = " ".join(f.what for f in found.findings)
    assert "'../evil'" in texts and "points out" in texts and "'virus.exe'" in texts
    assert found.layers and found.arrays  # the rest is told nevertheless


def test_a_part_that_is_refused_leaves_the_others(model, tmp_path):
    found = saving.inspect_file(changed(model, tmp_path, **{"model.weights.h5": b"nonsense"}))
    assert [layer.name for layer in found.layers][1] == "h1" and not found.arrays
    assert [f.severity for f in found.findings] == ["warning"]
    found = saving.inspect_file(changed(model, tmp_path, **{"config.json": b"[" * 1000}))
    assert found.arrays and not found.layers and found.is_dangerous


def test_names_that_nobody_registered(tmp_path):
    entry = {
        "module": "my",
        "class_name": "Blk",
        "config": {"name": "b"},
        "registered_name": "my>Blk",
    }
    config = {"module": "keras", "class_name": "Sequential", "config": {"layers": [entry]}}
    write_zip(tmp_path / "m.keras", [("config.json", json.dumps(config)), ("metadata.json", "{}")])
    found = saving.inspect_file(tmp_path / "m.keras")
    levels = {f.what: f.severity for f in found.findings}
    assert levels["It needs 'my>Blk', which is not registered here."] == "warning"
    assert "It has no model.weights.h5, so it cannot be loaded." in levels


def test_control_characters_are_spelled_out(tmp_path):
    name = "a\x1b[2J\x07"
    entry = {"module": "keras.layers", "class_name": name, "config": {"name": name}}
    config = {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": name, "layers": [entry]},
    }
    write_zip(tmp_path / "m.keras", [("config.json", json.dumps(config))])
    text = render_inspection(inspect_file(tmp_path / "m.keras"))
    assert not {"\x1b", "\x07"} & set(text) and r"a\x1b[2J\x07" in text


def test_the_report(model, tmp_path):
    text = render_inspection(saving.inspect_file(saved(model, tmp_path / "m.keras")), arrays=True)
    assert "model (.keras)" in text and "Functional 'small', compiled with Adam" in text
    assert "23 in 4 arrays of float32, 92 B" in text and "└ deep" in text
    assert "layers/dense/0" in text and "Nothing suspicious." in text
    assert max(len(line) for line in text.split("\n") if line.startswith(("│", "┃"))) <= 80


def test_long_tables_are_cut(tmp_path):
    arrays = {f"a{i:03}": np.zeros(1, "float32") for i in range(100)}
    from cornu.archive.safetensors import write_safetensors

    write_safetensors(tmp_path / "m.safetensors", arrays)
    text = render_inspection(inspect_file(tmp_path / "m.safetensors"))
    assert "a059" in text and "a060" not in text and "... and 40 more arrays" in text


def test_what_is_no_file_of_ours(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        inspect_file(tmp_path / "m.keras")
    (tmp_path / "m.txt").write_text("x")
    with pytest.raises(ValueError, match="unknown suffix"):
        inspect_file(tmp_path / "m.txt")
