"""Saving and loading: what comes back, what is refused, what is said."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from cornu import layers, ops
from cornu.archive.safezip import write_zip
from cornu.errors import UnsafeFileError
from cornu.losses import Loss
from cornu.metrics import Mean
from cornu.models import Model, Sequential, load_model, model_from_json, save_model
from cornu.optimizers import SGD, Adam
from cornu.random import SeedGenerator
from cornu.saving import (
    CustomObjectScope,
    deserialize_keras_object,
    load_weights,
    register_keras_serializable,
    save_weights,
)

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = np.random.default_rng(1).normal(size=(8, 2)).astype("float32")


def small(units=3, name="small"):
    return Sequential(
        [layers.Input((4,)), layers.Dense(units, name="h1"), layers.Dense(2, name="out")],
        name=name,
    )


def trained(optimizer="adam"):
    model = small()
    model.compile(optimizer, "mse", metrics=["mae"])
    model.train_on_batch(X, Y)
    return model


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def repacked(path, **changes):
    """The archive with other members: a text, bytes, or None to leave one out."""
    names = {"config": "config.json", "weights": "model.weights.h5", "metadata": "metadata.json"}
    content = members(path) | {names[key]: value for key, value in changes.items()}
    file = io.BytesIO()
    write_zip(file, [(name, value) for name, value in content.items() if value is not None])
    file.seek(0)
    return file


def changed_config(path, change):
    config = json.loads(members(path)["config.json"])
    change(config)
    return repacked(path, config=json.dumps(config))


# ---- what comes back ---------------------------------------------------------------------------


def test_a_model_comes_back_with_its_training(tmp_path):
    model = trained()
    before = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
    model.save(tmp_path / "m.keras")
    after = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)
    copy = load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(copy(X), model(X))
    assert copy.name == "small" and isinstance(copy.optimizer, Adam)
    for _ in range(2):
        model.train_on_batch(X, Y)
        copy.train_on_batch(X, Y)
    for a, b in zip(model.weights, copy.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_two_saves_are_the_same_bytes(tmp_path):
    model = trained()
    model.save(tmp_path / "a.keras")
    load_model(tmp_path / "a.keras").save(tmp_path / "b.keras")
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    assert list(members(tmp_path / "a.keras")) == [
        "metadata.json",
        "config.json",
        "model.weights.h5",
        "cornu.state.h5",
    ]
    model.save_weights(tmp_path / "a.weights.h5")
    model.save_weights(tmp_path / "b.weights.h5")
    assert (tmp_path / "a.weights.h5").read_bytes() == (tmp_path / "b.weights.h5").read_bytes()


def test_nothing_else_is_left_in_the_directory(tmp_path):
    small().save(tmp_path / "m.keras")
    small().save(tmp_path / "folder", zipped=False)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "m.keras"]
    names = ["config.json", "metadata.json", "model.weights.h5"]
    assert sorted(p.name for p in (tmp_path / "folder").iterdir()) == names


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "m.keras"
    small().save(path)
    old = path.read_bytes()
    broken = Sequential(
        [layers.Input((4,)), layers.Lambda(lambda x, no: x, arguments={"no": object()})]
    )
    with pytest.raises(TypeError, match="type object cannot be saved"):
        broken.save(path)
    assert path.read_bytes() == old and [p.name for p in tmp_path.iterdir()] == ["m.keras"]


def test_a_binary_file_is_read_like_a_path(tmp_path):
    model = small()
    model.save(tmp_path / "m.keras")
    copy = load_model(io.BytesIO((tmp_path / "m.keras").read_bytes()))
    np.testing.assert_array_equal(copy(X), model(X))


def test_a_binary_file_gets_what_a_path_gets(tmp_path):
    file = io.BytesIO()
    save_model(small(), file)
    assert load_model(file)(X).shape == (8, 2)
    trained().save(file := io.BytesIO())
    assert load_model(file).optimizer.iterations == 1


@pytest.mark.parametrize(
    "given",
    [{"save_format": "keras_v3"}, {"include_optimizer": False}],
    ids=lambda g: next(iter(g)),
)
def test_arguments_that_a_keras_file_has_no_use_for(tmp_path, given):
    with pytest.warns(UserWarning, match=next(iter(given))):
        trained().save(tmp_path / "m.keras", **given)
    assert load_model(tmp_path / "m.keras").optimizer.iterations == 1


def test_compile_false_leaves_the_optimizer_out(tmp_path, recwarn):
    trained().save(tmp_path / "m.keras")
    copy = load_model(tmp_path / "m.keras", compile=False)
    assert not copy.compiled and copy.optimizer is None and not recwarn.list


def test_loading_leaves_out_what_the_file_of_an_uncompiled_model_lacks(tmp_path):
    model = small()
    model.save(tmp_path / "m.keras")
    assert not load_model(tmp_path / "m.keras").compiled


def test_seeds_and_metrics_go_on_where_they_stopped(tmp_path):
    class Counting(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.mean = Mean(name="seen")
            self.seeds = SeedGenerator(5)

        def call(self, inputs):
            self.mean.update_state(inputs)
            self.seeds.next()
            return inputs

    model = Sequential([layers.Input((4,)), layers.Dropout(0.5, seed=3), Counting()])
    model(X, training=True)
    model.save(tmp_path / "m.keras")
    copy = load_model(tmp_path / "m.keras", custom_objects={"Counting": Counting})
    assert float(copy.layers[1].mean.result()) == float(model.layers[1].mean.result()) != 0
    assert copy.layers[1].seeds.state.numpy().tolist() == [5, 1]
    np.testing.assert_array_equal(copy(X, training=True), model(X, training=True))


def test_assets_of_a_layer(tmp_path):
    class Words(layers.Layer):
        def __init__(self, words=(), **kwargs):
            super().__init__(**kwargs)
            self.words = list(words)

        def call(self, inputs):
            return inputs

        def get_config(self):
            return {"name": self.name}

        def save_assets(self, folder):
            with open(f"{folder}/words.txt", "w") as file:
                file.write("\n".join(self.words))

        def load_assets(self, folder):
            with open(f"{folder}/words.txt") as file:
                self.words = file.read().split("\n")

    model = Sequential([layers.Input((4,)), Words(["a", "b"])])
    custom = {"Words": Words}
    model.save(tmp_path / "m.keras")
    assert "assets/layers/words/words.txt" in members(tmp_path / "m.keras")
    assert load_model(tmp_path / "m.keras", custom).layers[0].words == ["a", "b"]
    model.save(tmp_path / "m", zipped=False)
    assert load_model(tmp_path / "m", custom).layers[0].words == ["a", "b"]
    for hostile in ("../up.txt", "/abs.txt", "c:\\x.txt"):
        file = io.BytesIO((tmp_path / "m.keras").read_bytes())
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr(f"assets/layers/words/{hostile}", "x")
        with pytest.raises(ValueError, match="cannot be the name"):
            load_model(file, custom)


# ---- custom objects ----------------------------------------------------------------------------


class Scale(layers.Layer):
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones")

    def call(self, inputs):
        return inputs * self.gain * self.factor


@register_keras_serializable("tests")
class Registered(Scale):
    pass


class Distance(Loss):
    def call(self, y_true, y_pred):
        return far(y_true, y_pred)


def halved(x):
    return x / 2


def far(y_true, y_pred):
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


@register_keras_serializable("tests")
def cubed(x):
    return ops.power(x, 3)


def test_custom_objects_by_decorator_scope_and_argument(tmp_path):
    model = Sequential([layers.Input((4,)), Scale(2.0), Registered(3.0), layers.Activation(cubed)])
    path = tmp_path / "m.keras"
    model.save(path)
    with pytest.raises(TypeError, match="(?s)'Scale'.*register_keras_serializable"):
        load_model(path)
    with CustomObjectScope({"Scale": Scale}):
        scoped = load_model(path)
    given = load_model(path, custom_objects={"Scale": Scale})
    for copy in (scoped, given):
        np.testing.assert_array_equal(copy(X), model(X))
        assert type(copy.layers[1]) is Registered


CODE = {
    "keras3": {"function": {"class_name": "__lambda__", "config": {"code": "4wE="}}},
    "keras2": {"function": ["4wE=", None, None], "function_type": "lambda", "module": "__main__",
               "output_shape": ["4wE=", None, None], "output_shape_type": "lambda"},
}  # fmt: skip


@pytest.mark.parametrize("spelling", CODE)
def test_the_code_of_a_lambda_gives_way_to_a_function_of_the_caller(tmp_path, spelling):
    model = Sequential([layers.Input((4,)), layers.Lambda(cubed, name="power"), layers.Dense(2)])
    path = tmp_path / "m.keras"
    model.save(path)

    def with_code(config):
        (entry,) = (e for e in config["config"]["layers"] if e["class_name"] == "Lambda")
        entry["config"].update(CODE[spelling])

    file = changed_config(path, with_code)
    with pytest.raises(UnsafeFileError, match="(?s)'power'.*custom_objects={'power': lambda x"):
        load_model(file)
    with pytest.raises(UnsafeFileError, match="'power'"):
        load_model(file, {"other": cubed})
    copy = load_model(file, {"power": lambda x: x * x * x})
    np.testing.assert_allclose(copy(X), model(X), rtol=1e-5)
    assert "power: the given function" in copy.load_report.migrated[0]


def test_all_unknown_names_are_told_at_once(tmp_path):
    model = Sequential([layers.Input((4,)), Scale(2.0), layers.Dense(2, activation=halved)])
    path = tmp_path / "m.keras"
    model.compile("sgd", Distance())
    model.save(path)
    with pytest.raises(TypeError) as caught:
        load_model(path)
    text = str(caught.value)
    assert "3 unknown classes" in text
    assert "class 'Scale', function 'halved', class 'Distance'" in text
    assert "custom_objects={'Scale': ..., 'halved': ..., 'Distance': ...}" in text
    with pytest.raises(TypeError, match="No class is known by the name 'Scale'"):
        load_model(path, {"halved": halved}, compile=False)
    load_model(path, {"Scale": Scale, "halved": halved, "Distance": Distance})


def test_names_that_compile_was_given_within_a_scope_hold_after_it():
    model = small()
    with CustomObjectScope({"far": far}):
        model.compile("sgd", loss="far", metrics=["far"])
    assert "far" in model.fit(X, Y, verbose=0).history


def test_a_layer_that_stores_its_variables_in_its_own_way(tmp_path):
    class Table(layers.Layer):
        def build(self, input_shape):
            self.table = self.add_weight(shape=(2,), initializer="ones")

        def call(self, inputs):
            return inputs * self.table[0]

        def save_own_variables(self, store):
            store["squared"] = self.table.numpy() ** 2

        def load_own_variables(self, store):
            self.table.assign(np.sqrt(store["squared"]))

    model = Sequential([layers.Input((4,)), Table()])
    model.layers[0].table.assign([3.0, 4.0])
    model.save(tmp_path / "m.keras")
    copy = load_model(tmp_path / "m.keras", {"Table": Table})
    assert copy.layers[0].table.numpy().tolist() == [3.0, 4.0]


# ---- shared objects ----------------------------------------------------------------------------


@register_keras_serializable("tests")
class Around(layers.Layer):
    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, inputs):
        return self.inner(inputs)

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "inner": deserialize_keras_object(config["inner"])})


def test_a_layer_inside_two_others_stays_one(tmp_path):
    inner = layers.Dense(4)
    model = Sequential([layers.Input((4,)), Around(inner), Around(inner), Around(layers.Dense(4))])
    for name in ("a.keras", "b.keras"):
        model.save(tmp_path / name)
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    copy = load_model(tmp_path / "a.keras")
    assert copy.layers[0].inner is copy.layers[1].inner and len(copy.weights) == 4
    np.testing.assert_array_equal(copy(X), model(X))


def test_a_layer_in_a_graph_and_in_a_model_inside_stays_one(tmp_path):
    shared, x, y = layers.Dense(4, name="both"), layers.Input((4,)), layers.Input((4,))
    inner = Model(x, shared(x), name="inner")
    model = Model(y, shared(inner(shared(y))))
    model.save(tmp_path / "m.keras")
    copy = load_model(tmp_path / "m.keras")
    assert copy.get_layer("inner").get_layer("both") is copy.get_layer("both")
    np.testing.assert_array_equal(copy(X), model(X))


@pytest.mark.parametrize("number", [[1], {"a": 1}, "x", 1.5, None, True])
def test_numbers_of_shared_objects_that_are_none(tmp_path, number):
    model = small()
    model.save(tmp_path / "m.keras")
    file = changed_config(
        tmp_path / "m.keras",
        lambda config: [e.update(shared_object_id=number) for e in config["config"]["layers"]],
    )
    if number is True:  # a number after all, and two layers of one class are then one layer
        with pytest.raises(ValueError, match="is in the model already"):
            load_model(file)
    else:
        np.testing.assert_array_equal(load_model(file)(X), model(X))


# ---- weights -----------------------------------------------------------------------------------


def test_weights_from_every_kind_of_file(tmp_path):
    model = small()
    model.save(tmp_path / "m.keras")
    model.save(tmp_path / "folder", zipped=False)
    save_weights(model, tmp_path / "m.weights.h5")
    save_weights(model, tmp_path / "m.weights.json", max_shard_size=60 / 2**30)
    assert len(list(tmp_path.glob("m_*.weights.h5"))) > 1
    for name in ("m.keras", "folder", "m.weights.h5", "m.weights.json"):
        other = small()
        load_weights(other, tmp_path / name)
        np.testing.assert_array_equal(other(X), model(X))


def test_weights_that_do_not_fit_are_listed_and_change_nothing(tmp_path):
    small(3).save_weights(tmp_path / "m.weights.h5")
    other = small(5)
    before = other.get_weights()
    with pytest.raises(ValueError, match="do not match model 'small'") as error:
        other.load_weights(tmp_path / "m.weights.h5")
    text = str(error.value)
    assert "h1 (layers/dense)" in text and "(4, 5) float32" in text and "(4, 3) float32" in text
    assert "skip_mismatch=True" in text
    for a, b in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_skip_mismatch_loads_the_rest_and_lists_what_it_skipped(tmp_path):
    source = Sequential([layers.Input((4,)), layers.Dense(3, name="h1"), layers.Dense(3)])
    source.save_weights(tmp_path / "m.weights.h5")
    other = Sequential(
        [layers.Input((4,)), layers.Dense(3, name="h1"), layers.Dense(2, name="new")]
    )
    with pytest.warns(UserWarning, match="Not everything was loaded") as caught:
        other.load_weights(tmp_path / "m.weights.h5", skip_mismatch=True)
    assert "new (layers/dense_1)" in str(caught[0].message)
    np.testing.assert_array_equal(other.weights[0].numpy(), source.weights[0].numpy())


def test_missing_and_unused_objects(tmp_path):
    small().save_weights(tmp_path / "two.weights.h5")
    one = Sequential([layers.Input((4,)), layers.Dense(3)], name="one")
    one.save_weights(tmp_path / "one.weights.h5")
    with pytest.raises(ValueError, match=r"out \(layers/dense_1\)"):
        small().load_weights(tmp_path / "one.weights.h5")
    with pytest.warns(UserWarning, match="layers/dense_1"):
        one.load_weights(tmp_path / "two.weights.h5")


def test_a_model_without_variables_says_so(tmp_path):
    path = tmp_path / "m.weights.h5"
    small().save_weights(path)
    with pytest.raises(ValueError, match="is not built, so it has no weights to load"):
        Sequential([layers.Dense(3)]).load_weights(path)
    with pytest.raises(ValueError, match="is not built, so it has no weights to save"):
        Sequential([layers.Dense(3)]).save_weights(path)
    with pytest.warns(UserWarning, match="is not built, so the file has no weights"):
        Sequential([layers.Dense(3)]).save(tmp_path / "m.keras")
    assert not load_model(tmp_path / "m.keras").built


def test_a_layer_inside_that_is_not_built(tmp_path):
    class Net(Model):
        def __init__(self, ready, **kwargs):
            super().__init__(**kwargs)
            self.dense = layers.Dense(3)
            if ready:
                self.dense.build((None, 4))
            self.built = True

        def call(self, inputs):
            return self.dense(inputs)

    Net(True).save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match=r"Layer 'dense.*' has no variables yet"):
        Net(False).load_weights(tmp_path / "m.weights.h5")


def test_a_layer_in_a_set_is_not_lost_in_silence(tmp_path):
    class Bag(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.parts = {layers.Dense(2, name="hidden_away")}

        def call(self, inputs):
            return next(iter(self.parts))(inputs)

    model = Sequential([layers.Input((4,)), Bag()])
    with pytest.raises(ValueError, match="The weights of layer 'hidden_away' cannot be saved"):
        model.save_weights(tmp_path / "m.weights.h5")
    assert not list(tmp_path.iterdir())


def test_numbers_that_are_not_finite_are_reported(tmp_path):
    model = small()
    model.weights[0].assign(np.full((4, 3), np.nan))
    model.save_weights(tmp_path / "m.weights.h5")
    with pytest.warns(UserWarning, match="NaN or infinite: h1"):
        small().load_weights(tmp_path / "m.weights.h5")


# ---- optimizers --------------------------------------------------------------------------------


def test_the_optimizer_comes_along_with_weights(tmp_path, recwarn):
    model = trained()
    model.save_weights(tmp_path / "m.weights.h5")
    other = small()
    other.compile("adam", "mse")
    other.load_weights(tmp_path / "m.weights.h5")
    assert int(other.optimizer.iterations.numpy()) == 1
    for a, b in zip(model.optimizer.variables, other.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    small().load_weights(tmp_path / "m.weights.h5")
    assert not recwarn.list


def test_another_optimizer_starts_fresh_and_says_so(tmp_path):
    trained("adam").save_weights(tmp_path / "m.weights.h5")
    other = small()
    other.compile(SGD(0.1, momentum=0.9), "mse")
    with pytest.warns(UserWarning, match="optimizer 'sgd.*' is not loaded.*\n.*model:") as caught:
        other.load_weights(tmp_path / "m.weights.h5")
    assert len(caught) == 1 and int(other.optimizer.iterations.numpy()) == 0


def test_a_file_without_the_optimizer(tmp_path):
    trained().save(tmp_path / "m.keras")
    small().save_weights(tmp_path / "plain.weights.h5")
    file = repacked(tmp_path / "m.keras", weights=(tmp_path / "plain.weights.h5").read_bytes())
    with pytest.warns(UserWarning, match="no state of the optimizer"):
        load_model(file)


# ---- names and arguments -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "zipped", "says"),
    [
        ("m.h6", None, r"must end in '.keras'"),
        ("m", None, r"must end in '.keras'"),
        ("m.keras", False, "cannot end in '.keras'"),
        ("m.weights.h5", None, "save_weights"),
    ],
)
def test_names_of_models(tmp_path, name, zipped, says):
    with pytest.raises(ValueError, match=says):
        save_model(small(), tmp_path / name, zipped=zipped)


def test_names_of_weights(tmp_path):
    with pytest.raises(ValueError, match="must end in '.weights.h5'"):
        small().save_weights(tmp_path / "m.h5")
    with pytest.raises(ValueError, match=r"m\.weights\.json"):
        small().save_weights(tmp_path / "m.weights.h5", max_shard_size=1)
    with pytest.raises(ValueError, match="must end in .*or .keras"):
        small().load_weights(tmp_path / "m.bin")
    with pytest.raises(FileNotFoundError):
        small().load_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match="There is no file"):
        load_model(tmp_path / "m.keras")


def test_overwrite_false_keeps_what_is_there(tmp_path):
    (tmp_path / "m.keras").write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        small().save(tmp_path / "m.keras", overwrite=False)
    assert (tmp_path / "m.keras").read_text() == "mine"


def test_arguments_that_nobody_takes(tmp_path):
    with pytest.raises(ValueError, match="no argument 'overwrit'"):
        small().save(tmp_path / "m.keras", overwrit=False)
    with pytest.raises(ValueError, match="no argument 'by_nam'"):
        small().load_weights(tmp_path / "m.weights.h5", by_nam=True)


# ---- damaged and hostile -----------------------------------------------------------------------

LAMBDA = {"class_name": "__lambda__", "config": {"code": "4w==", "defaults": None, "closure": None}}


def test_a_file_that_is_no_model(tmp_path):
    (tmp_path / "m.keras").write_bytes(b"not a zip")
    with pytest.raises(ValueError, match="not a zip archive"):
        load_model(tmp_path / "m.keras")
    small().save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"config\.json is missing"):
        load_model(repacked(tmp_path / "m.keras", config=None))
    with pytest.raises(ValueError, match=r"no weights \(model\.weights\.h5\)"):
        load_model(repacked(tmp_path / "m.keras", weights=None))
    with pytest.raises(ValueError, match="not valid JSON"):
        load_model(repacked(tmp_path / "m.keras", config='{"a": '))
    with pytest.raises(ValueError, match="must describe a model, got a dict"):
        load_model(repacked(tmp_path / "m.keras", config='{"a": 1}'))
    with pytest.raises(ValueError, match="must describe a model, got a Dense"):
        config = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}}
        load_model(repacked(tmp_path / "m.keras", config=json.dumps(config)))


@pytest.mark.parametrize("text", ["[" * 5_000 + "]" * 5_000, '{"a": 1, "a": 2}'])
def test_json_beyond_the_limits(tmp_path, text):
    small().save(tmp_path / "m.keras")
    with pytest.raises(UnsafeFileError):
        load_model(repacked(tmp_path / "m.keras", config=text))
    with pytest.raises(UnsafeFileError):
        model_from_json(text)


@pytest.mark.parametrize("safe_mode", [True, False])
@pytest.mark.parametrize("old", [False, True])
def test_code_is_refused_with_the_name_of_the_layer(tmp_path, safe_mode, old):
    def put_lambda(config):
        entry = config["config"]["layers"][1]
        entry["class_name"] = "Lambda"
        function = ["4w==", None, None] if old else LAMBDA
        entry["config"] = {"name": "evil", "function": function}

    small().save(tmp_path / "m.keras")
    file = changed_config(tmp_path / "m.keras", put_lambda)
    with pytest.raises(UnsafeFileError, match="Layer 'evil'.*lambda"):
        load_model(file, safe_mode=safe_mode)
    config = members(file)["config.json"].decode()
    with pytest.raises(UnsafeFileError, match="Layer 'evil'"):
        model_from_json(config)


def test_code_in_the_arguments_of_compile(tmp_path):
    trained().save(tmp_path / "m.keras")
    file = changed_config(
        tmp_path / "m.keras", lambda config: config["compile_config"].update(loss=LAMBDA)
    )
    with pytest.raises(UnsafeFileError, match="Layer 'small'"):
        load_model(file)


@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("keras.src.backend.torch.core", "Thing"), ("builtins", "eval"),
     ("keras.utils", "get_file"), ("cornu.archive.safezip", "SafeZip")],
)  # fmt: skip
def test_names_are_never_imported(tmp_path, module, name):
    def rename(config):
        config["config"]["layers"][1] |= {"module": module, "class_name": name}

    small().save(tmp_path / "m.keras")
    with pytest.raises((TypeError, ValueError), match=name):
        load_model(changed_config(tmp_path / "m.keras", rename))
    assert module.split(".")[-1] != "core" or "torch" not in __import__("sys").modules


@pytest.mark.parametrize("sizes", [{"units": 2**31}, {"units": 10**30}])
def test_sizes_beyond_the_weights_are_refused_before_memory_is_taken(tmp_path, sizes):
    def enlarge(config):
        config["config"]["layers"][1]["config"] |= sizes

    small().save(tmp_path / "m.keras")
    with pytest.raises(UnsafeFileError, match="Layer 'h1'.*more memory"):
        load_model(changed_config(tmp_path / "m.keras", enlarge))


def test_unsafe_weights_are_refused_also_when_mismatches_are_skipped(tmp_path):
    path = tmp_path / "m.weights.h5"
    (tmp_path / "secret").write_bytes(b"x" * 48)
    small().save_weights(path)
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/0"]
        outside = [(str(tmp_path / "secret"), 0, 48)]
        file.create_dataset("layers/dense/vars/0", (4, 3), "f4", external=outside)
    with pytest.raises(UnsafeFileError, match="other files"):
        small().load_weights(path, skip_mismatch=True)
    small().save(tmp_path / "m.keras")
    with pytest.raises(UnsafeFileError, match="other files"):
        load_model(repacked(tmp_path / "m.keras", weights=path.read_bytes()))
