import io
import json

import h5py
import keras
import numpy as np
import pytest

from cornu.archive.legacy_h5 import LegacyReader, write_legacy
from cornu.errors import UnsafeFileError

KERNEL = np.arange(12, dtype="float32").reshape(4, 3)
BIAS = np.arange(3, dtype="float32")


def small_model():
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3, name="h1"),
            keras.layers.Dropout(0.1),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dense(2, name="out"),
        ],
        name="seq",
    )
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def contents(reader, group):
    """All arrays of a group by name."""
    specs = list(group.weights.values())
    return dict(zip(group.weights, reader.read(group, specs), strict=True))


def copy(source, target, **options):
    with LegacyReader(source) as old:
        write_legacy(
            target,
            [(g.name, contents(old, g)) for g in old.layers],
            top_level=contents(old, old.top_level),
            **options,
        )


def assert_same_weights(a, b):
    for x, y in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


def fresh():
    model = small_model()
    model.set_weights([w * 0 for w in model.get_weights()])
    return model


# ---- with Keras --------------------------------------------------------------------------------


def test_a_model_of_keras_is_read(tmp_path):
    model = small_model()
    model.save(tmp_path / "m.h5")
    with LegacyReader(tmp_path / "m.h5") as file:
        assert [g.name for g in file.layers] == [layer.name for layer in model.layers]
        assert list(file.layers[0].weights) == ["seq/h1/kernel", "seq/h1/bias"]
        assert file.keras_version == keras.__version__ and file.backend == "jax"
        assert json.loads(file.model_config)["class_name"] == "Sequential"
        assert json.loads(file.training_config)["loss"] == "mse"
        assert len(file.optimizer.weights) == len(model.optimizer.variables)
        assert file.top_level.weights == {}
        found = [a for g in file.layers for a in contents(file, g).values()]
    ordered = [w for layer in model.layers for w in layer.get_weights()]
    for ours, theirs in zip(found, ordered, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_keras_reads_a_whole_model(tmp_path):
    model = small_model()
    model.save(tmp_path / "theirs.h5")
    with LegacyReader(tmp_path / "theirs.h5") as file:
        optimizer = contents(file, file.optimizer)
        options = {"model_config": file.model_config, "training_config": file.training_config}
    copy(tmp_path / "theirs.h5", tmp_path / "ours.h5", optimizer=optimizer, **options)
    with h5py.File(tmp_path / "theirs.h5") as a, h5py.File(tmp_path / "ours.h5") as b:
        names: list[str] = []
        a.visit(names.append)
        found: list[str] = []
        b.visit(found.append)
        assert names == found
    assert_same_weights(model, keras.models.load_model(tmp_path / "ours.h5", compile=False))


def test_keras_reads_weights_alone(tmp_path):
    model = small_model()
    model.save(tmp_path / "theirs.h5")
    copy(tmp_path / "theirs.h5", tmp_path / "ours.h5")
    again = fresh()
    again.load_weights(tmp_path / "ours.h5")
    assert_same_weights(model, again)
    with LegacyReader(tmp_path / "ours.h5") as file:
        assert file.model_config is None and file.optimizer is None


# ---- the layout --------------------------------------------------------------------------------


def keras_2_file(**attributes):
    """As Keras 2 wrote it: names with `:0`, texts as bytes."""
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5.attrs["layer_names"] = np.array([b"input_1", b"dense"])
        h5.attrs["backend"] = b"tensorflow"
        h5.attrs["keras_version"] = np.bytes_(b"2.10.0")
        h5.create_group("input_1").attrs["weight_names"] = np.array([], "S1")
        group = h5.create_group("dense")
        group.attrs["weight_names"] = np.array([b"dense/kernel:0", b"dense/bias:0"])
        group["dense/kernel:0"], group["dense/bias:0"] = KERNEL, BIAS
        for name, value in attributes.items():
            h5.attrs[name] = value
    return file


def test_a_file_of_keras_2():
    with LegacyReader(keras_2_file(model_config=b'{"class_name": "Model"}')) as file:
        assert file.keras_version == "2.10.0" and file.backend == "tensorflow"
        assert file.model_config == '{"class_name": "Model"}'
        assert [g.name for g in file.layers] == ["input_1", "dense"]
        assert file.top_level is None
        kernel, bias = file.read(file.layers[1], [((4, 3), "float32"), ((3,), "float32")])
        np.testing.assert_array_equal(kernel, KERNEL)
        np.testing.assert_array_equal(bias, BIAS)


def test_long_lists_of_names_are_split():
    names = [f"layer_{i:04d}_{'x' * 80}" for i in range(2_000)]
    file = io.BytesIO()
    write_legacy(file, [(name, {}) for name in names])
    with h5py.File(file) as h5:
        parts = sorted(a for a in h5.attrs if a.startswith("layer_names"))
        assert parts == ["layer_names0", "layer_names1", "layer_names2"]
    with LegacyReader(file) as reader:
        assert [g.name for g in reader.layers] == names


def test_a_long_config_fits():
    config = json.dumps({"layers": ["x" * 100] * 5_000})
    file = io.BytesIO()
    write_legacy(file, [], model_config=config)
    with LegacyReader(file) as reader:
        assert reader.model_config == config


def test_mistakes_while_writing(tmp_path):
    path = tmp_path / "m.h5"
    path.write_text("old")
    with pytest.raises(ValueError, match="must be unique, got 'a' twice"):
        write_legacy(path, [("a", {}), ("a", {})])
    with pytest.raises(ValueError, match="does not fit an attribute"):
        write_legacy(path, [("a", {"x" * 70_000: BIAS})])
    assert path.read_text() == "old"


def test_a_mismatch_shows_both_sides():
    with LegacyReader(keras_2_file()) as file, pytest.raises(ValueError) as caught:
        file.read(file.layers[1], [((4, 5), "float32"), ((5,), "float32")])
    assert "'dense'" in str(caught.value)
    assert "(4, 5) float32" in str(caught.value) and "(4, 3) float32" in str(caught.value)


def test_a_file_of_keras_3_weights_says_so(tmp_path):
    small_model().save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match="not a Keras 2 file"):
        LegacyReader(tmp_path / "m.weights.h5")


# ---- hostile -----------------------------------------------------------------------------------


def changed(change):
    file = keras_2_file()
    with h5py.File(file, "a") as h5:
        change(h5)
    return file


def external_storage(h5):
    del h5["dense/dense/bias:0"]
    h5.create_dataset("dense/dense/bias:0", (3,), "f4", external=[("/etc/passwd", 0, 12)])


def virtual(h5):
    del h5["dense/dense/bias:0"]
    layout = h5py.VirtualLayout((3,), "f4")
    layout[:] = h5py.VirtualSource("/tmp/other.h5", "x", (3,))
    h5.create_virtual_dataset("dense/dense/bias:0", layout)


def linked(name, link):
    def change(h5):
        del h5[name]
        h5[name] = link

    return change


def bomb(h5):
    del h5["dense/dense/bias:0"]
    h5.create_dataset("dense/dense/bias:0", (2**40,), "f4", chunks=(64,))


def texts(h5):
    del h5["dense/dense/bias:0"]
    h5.create_dataset("dense/dense/bias:0", (3,), h5py.string_dtype())


def named_twice(h5):
    h5["dense"].attrs["weight_names"] = np.array([b"dense/bias:0"] * 100)


def layer_twice(h5):
    h5.attrs["layer_names"] = np.array([b"dense"] * 100)


def numbers_for_names(h5):
    h5["dense"].attrs["weight_names"] = np.arange(3)


def config_of_another_type(h5):
    h5.attrs["model_config"] = np.arange(3)


@pytest.mark.parametrize(
    "change",
    [
        external_storage,
        virtual,
        linked("dense/dense/bias:0", h5py.ExternalLink("/tmp/other.h5", "/x")),
        linked("dense/dense", h5py.ExternalLink("/tmp/other.h5", "/x")),
        linked("dense", h5py.SoftLink("/input_1")),
        bomb,
        texts,
        named_twice,
        layer_twice,
        numbers_for_names,
        config_of_another_type,
    ],
)
def test_hostile_files_are_refused(change):
    with pytest.raises(UnsafeFileError):
        LegacyReader(changed(change))


@pytest.mark.parametrize("name", ["../input_1", "dense/../dense/bias:0", "/dense/bias:0", ".", ""])
def test_names_that_climb_find_nothing(name):
    def change(h5):
        h5["dense"].attrs["weight_names"] = np.array([name.encode() or b"\0x"])

    with pytest.raises(ValueError, match="has no weight"):
        LegacyReader(changed(change))


def test_a_layer_without_a_group():
    def change(h5):
        h5.attrs["layer_names"] = np.array([b"other"])

    with pytest.raises(ValueError, match="no group for the layer 'other'"):
        LegacyReader(changed(change))
