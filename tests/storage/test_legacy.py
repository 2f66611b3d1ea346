"""Models in the .h5 files of Keras 2: written, read, matched by position and by name."""

import json

import h5py
import numpy as np
import pytest

from cornu import layers, ops, optimizers
from cornu.errors import UnsafeFileError
from cornu.models import Model, Sequential, load_model
from cornu.saving import register_keras_serializable
from cornu.storage.legacy import is_legacy_name

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = np.random.default_rng(1).normal(size=(8, 2)).astype("float32")


def small(units=3, first="h1", last="out"):
    return Sequential(
        [layers.Input((4,)), layers.Dense(units, name=first), layers.Dense(2, name=last)],
        name="small",
    )


def same(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def attributes(path):
    with h5py.File(path) as file:
        return {k: json.loads(v) for k, v in file.attrs.items() if k.endswith("config")}


def changed(path, attribute, change):
    """The same file with another JSON text in an attribute."""
    with h5py.File(path, "a") as file:
        value = json.loads(file.attrs[attribute])
        change(value)
        file.attrs[attribute] = json.dumps(value)


def test_names():
    assert is_legacy_name("a.h5") and is_legacy_name("a.hdf5")
    assert not is_legacy_name("a.weights.h5") and not is_legacy_name("a.keras")


@pytest.mark.parametrize("ending", ["h5", "hdf5"])
def test_a_model_comes_back_with_its_training(tmp_path, ending):
    model = small()
    model.compile(optimizers.Adam(0.01), "mse", metrics=["mae"])
    model.fit(X, Y, epochs=2, verbose=0)
    model.save(tmp_path / f"m.{ending}")
    copy = load_model(tmp_path / f"m.{ending}")
    same(copy.weights, model.weights)
    same(copy.optimizer.variables, model.optimizer.variables)
    assert copy.load_report.optimizer == "restored"
    for m in (model, copy):
        m.train_on_batch(X, Y)
    same(copy.weights, model.weights)


def test_two_saves_are_the_same_bytes(tmp_path):
    model = small()
    model.compile("sgd", "mse")
    for name in ("a.h5", "b.h5"):
        model.save(tmp_path / name)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_losses_have_their_long_names_in_the_file(tmp_path):
    model = small()
    model.compile("sgd", "mse")
    model.save(tmp_path / "m.h5")
    assert attributes(tmp_path / "m.h5")["training_config"]["loss"] == "mean_squared_error"
    changed(tmp_path / "m.h5", "training_config", lambda c: c.update(loss="mse"))
    assert load_model(tmp_path / "m.h5").loss == "mse"


def test_without_the_optimizer(tmp_path):
    model = small()
    model.compile("adam", "mse")
    model.save(tmp_path / "m.h5", include_optimizer=False)
    assert not load_model(tmp_path / "m.h5").compiled
    model.save(tmp_path / "n.h5")
    assert not load_model(tmp_path / "n.h5", compile=False).compiled


def test_graphs_with_operations_and_shared_layers(tmp_path):
    a, b = layers.Input((4,), name="a"), layers.Input((4,), name="b")
    shared = layers.Dense(3, name="shared")
    h = ops.relu(shared(a) * 2.0) + shared(b)
    inner = Sequential([layers.Input((3,)), layers.Dense(2, name="deep")], name="inner")
    model = Model({"a": a, "b": b}, {"y": inner(h), "z": layers.Dense(1, name="z")(h)})
    model.save(tmp_path / "m.h5")
    copy = load_model(tmp_path / "m.h5")
    given = {"a": X, "b": X[::-1]}
    same(copy(given).values(), model(given).values())


@register_keras_serializable("legacy")
class Gain(layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="uniform")

    def call(self, inputs):
        return inputs * self.gain


@register_keras_serializable("legacy")
class Net(Model):
    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.dense = layers.Dense(width)
        self.gain = Gain()
        self.own = self.add_weight(shape=(width,), initializer="uniform", name="own")

    def call(self, inputs):
        return self.gain(self.dense(inputs)) + self.own


def test_custom_layers_and_models_with_variables_of_their_own(tmp_path):
    model = Net(3, name="net")
    model(X)
    model.save(tmp_path / "m.h5")
    copy = load_model(tmp_path / "m.h5")
    same([copy(X)], [model(X)])


# ---- weights -----------------------------------------------------------------------------------


def test_weights_by_position_from_a_whole_model(tmp_path):
    model, other = small(), small(first="other", last="names")
    model.save(tmp_path / "m.h5")
    other.load_weights(tmp_path / "m.h5")
    same(other.weights, model.weights)
    assert other.load_report.written_by == "Keras 3.15.1"


def test_weights_by_name(tmp_path):
    model, other = small(), small(first="another")
    before = [w.numpy() for w in other.weights]
    model.save(tmp_path / "m.h5")
    other.load_weights(tmp_path / "m.h5", by_name=True)
    same(other.weights, [*before[:2], *model.weights[2:]])
    report = other.load_report.weights
    assert [d.path for d in report.missing] == ["another"]
    assert [d.path for d in report.unused] == ["h1"]


def test_shapes_that_differ_are_named_and_change_nothing(tmp_path):
    small(3).save(tmp_path / "m.h5")
    other = small(5)
    before = [w.numpy() for w in other.weights]
    with pytest.raises(ValueError, match="do not match model 'small'") as error:
        other.load_weights(tmp_path / "m.h5")
    text = str(error.value)
    assert "'h1'" in text and "(4, 5) float32" in text and "(4, 3) float32" in text
    assert "units, filters or classes" in text
    same(other.weights, before)


def test_skip_mismatch_lists_what_it_skips(tmp_path):
    source = small(3)
    source.save(tmp_path / "m.h5")
    other = Sequential(
        [layers.Input((4,)), layers.Dense(3, name="h1"), layers.Dense(7, name="new")]
    )
    with pytest.warns(UserWarning, match="Not everything was loaded.*(\n.*)*'new"):
        other.load_weights(tmp_path / "m.h5", skip_mismatch=True)
    same(other.weights[:2], source.weights[:2])
    assert len(other.load_report.weights.mismatched) == 1


def test_another_number_of_layers(tmp_path):
    small().save(tmp_path / "m.h5")
    one = Sequential([layers.Input((4,)), layers.Dense(3, name="only")])
    with pytest.raises(ValueError, match="(?s)2 layers with weights.*h1, out.*only.*by_name"):
        one.load_weights(tmp_path / "m.h5")


def test_by_name_is_for_these_files_only(tmp_path):
    small().save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match="by_name=True needs a legacy"):
        small().load_weights(tmp_path / "m.weights.h5", by_name=True)


def test_a_file_of_weights_is_no_model(tmp_path):
    small().save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "a") as file:
        del file.attrs["model_config"]
    with pytest.raises(ValueError, match="weights only, no model"):
        load_model(tmp_path / "m.h5")


def test_weights_that_are_not_finite_are_reported(tmp_path):
    model = small()
    model.layers[0].kernel.assign(np.full((4, 3), np.nan))
    model.save(tmp_path / "m.h5")
    assert load_model(tmp_path / "m.h5").load_report.nonfinite == ("h1",)


# ---- hostile -----------------------------------------------------------------------------------


def test_code_in_the_architecture_and_in_the_arguments_of_compile(tmp_path):
    model = small()
    model.compile("sgd", "mse")
    code = {"class_name": "__lambda__", "config": {"code": "4w==", "defaults": None}}

    def in_a_layer(config):
        entry = config["config"]["layers"][1]
        entry["class_name"], entry["config"] = "Lambda", {"name": "evil", "function": code}

    for attribute, change in (
        ("model_config", in_a_layer),
        ("training_config", lambda config: config.update(loss=code)),
    ):
        model.save(tmp_path / "m.h5")
        changed(tmp_path / "m.h5", attribute, change)
        for safe_mode in (True, False):
            with pytest.raises(UnsafeFileError, match="Python lambda"):
                load_model(tmp_path / "m.h5", safe_mode=safe_mode)


def test_sizes_beyond_the_weights(tmp_path):
    small().save(tmp_path / "m.h5")
    changed(
        tmp_path / "m.h5",
        "model_config",
        lambda config: config["config"]["layers"][1]["config"].update(units=2**31),
    )
    with pytest.raises(UnsafeFileError, match="more memory"):
        load_model(tmp_path / "m.h5")


def test_links_to_other_files_are_refused_also_when_mismatches_are_skipped(tmp_path):
    small().save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "a") as file:
        del file["model_weights/h1"]
        file["model_weights/h1"] = h5py.ExternalLink("other.h5", "/x")
    for act in (load_model, lambda p: small().load_weights(p, skip_mismatch=True)):
        with pytest.raises(UnsafeFileError, match="external"):
            act(tmp_path / "m.h5")


def test_names_of_classes_that_differ_from_the_public_ones(tmp_path):
    x = layers.Input((3, 8))
    model = Model(x, layers.GroupQueryAttention(4, 4, 2)(x, x))
    path = tmp_path / "m.h5"
    model.save(path)

    def as_keras_writes_it(config):
        for entry in config["config"]["layers"]:
            if entry["class_name"] == "GroupQueryAttention":
                entry["class_name"] = "GroupedQueryAttention"
                del entry["module"], entry["registered_name"]

    changed(path, "model_config", as_keras_writes_it)
    data = np.random.default_rng(0).normal(size=(2, 3, 8)).astype("float32")
    np.testing.assert_allclose(load_model(path)(data), model(data), rtol=1e-6)


def test_custom_losses_and_metrics_named_in_the_training_config(tmp_path):
    def far(y_true, y_pred):
        return ops.mean(ops.abs(y_true - y_pred), axis=-1)

    model = small()
    model.compile("sgd", "mae", metrics=["mae"])
    path = tmp_path / "m.h5"
    model.save(path)
    changed(path, "training_config", lambda c: c.update(loss="far", metrics=["far"]))
    copy = load_model(path, {"far": far})
    measured = copy.evaluate(X, Y, verbose=0, return_dict=True)
    assert measured["loss"] == measured["far"]
