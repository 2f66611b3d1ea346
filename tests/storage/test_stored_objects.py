"""Weights of classes that users write: optimizers as attributes, other names, own readers."""

import os
import warnings

import numpy as np
import pytest

import cornu as keras
from cornu import layers, ops

X = np.ones((4, 3), "float32")
register = keras.saving.register_keras_serializable("stored_objects")


@register
class Gan(keras.Model):
    """Has a compile of its own, and an optimizer as an attribute."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.judge = layers.Dense(1)

    def compile(self, judge_optimizer):
        super().compile()
        self.judge_optimizer = judge_optimizer

    def call(self, x):
        return self.judge(x)

    def train_step(self, data):
        (x,) = data
        weights = self.judge.trainable_variables
        loss, gradients = keras.value_and_grad(lambda: ops.mean(self.judge(x) ** 2), weights)()
        self.judge_optimizer.apply(gradients, weights)
        return {"loss": loss}


@pytest.fixture
def gan():
    model = Gan()
    model.compile(keras.optimizers.Adam())
    model.fit(X, verbose=0)
    return model


def test_an_optimizer_as_attribute_is_restored_without_a_word(gan, tmp_path):
    gan.save_weights(tmp_path / "g.weights.h5")
    before = [v.numpy() for v in gan.judge_optimizer.variables]
    gan.fit(X, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gan.load_weights(tmp_path / "g.weights.h5")
        other = Gan()
        other(X)
        other.load_weights(tmp_path / "g.weights.h5")
    for variable, value in zip(gan.judge_optimizer.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_a_compile_with_other_arguments_is_left_to_the_user(gan, tmp_path):
    gan.save(tmp_path / "g.keras")
    with pytest.warns(UserWarning, match="Gan is loaded uncompiled"):
        twin = keras.saving.load_model(tmp_path / "g.keras")
    np.testing.assert_array_equal(twin(X), gan(X))


def test_layers_to_skip(tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(3), layers.Dense(3)])
    first, second = model.layers
    model.save_weights(tmp_path / "m.weights.h5")
    model.set_weights([w + 1 for w in model.get_weights()])
    before = first.get_weights()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.load_weights(tmp_path / "m.weights.h5", objects_to_skip=[first])
    np.testing.assert_array_equal(first.get_weights()[0], before[0])
    assert second.get_weights()[1].tolist() == [0, 0, 0]
    model.save_weights(tmp_path / "n.weights.h5", objects_to_skip=[first])
    with pytest.raises(ValueError, match="do not match"):
        model.load_weights(tmp_path / "n.weights.h5")
    model.save_weights(tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match="objects_to_skip is not supported"):
        model.load_weights(tmp_path / "m.safetensors", objects_to_skip=[first])


def test_a_reader_of_its_own_is_called_without_an_entry_too(tmp_path):
    calls = []

    @register
    class Reads(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.part = layers.Dense(2)

        def call(self, x):
            return self.part(x)

        def load_own_variables(self, store):
            calls.append(dict(store))

    keras.Sequential([keras.Input((3,)), Reads()]).save(tmp_path / "m.keras")
    keras.saving.load_model(tmp_path / "m.keras")
    assert calls == [{}]


def test_an_attribute_under_its_old_name(tmp_path):
    class Old(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, x):
            return self.dense(x)

    class New(Old):
        def __init__(self):
            keras.Model.__init__(self)
            self.a_dense = layers.Dense(3)

        dense = property(lambda self: self.a_dense)

    old, new = Old(), New()
    old(X), new(X)
    old.save_weights(tmp_path / "m.weights.h5")
    new.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(new(X), old(X))


def test_a_list_that_contains_itself(tmp_path):
    @register
    class Ring(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.ring = [layers.Dense(2)]
            self.ring.append(self.ring)

        def call(self, x):
            return self.ring[0](x)

    model = Ring()
    model(X)
    model.predict(X, verbose=0)
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "m.keras")(X), model(X))


@pytest.mark.parametrize("make", [layers.Embedding, layers.ReversibleEmbedding])
def test_a_layer_that_is_built_without_a_shape(make, tmp_path):
    layer = make(5, 2)
    layer.build()
    model = keras.Sequential([layer])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(tmp_path / "m.keras")
    twin = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(twin.layers[0].get_weights()[0], layer.get_weights()[0])


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.weights.h5", "m.safetensors", "folder"])
def test_folders_are_made(name, tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    path = tmp_path / "a" / "b" / name
    if name == "folder":
        model.save(path, zipped=False)
    else:
        (model.save if name in ("m.keras", "m.h5") else model.save_weights)(path)
    assert path.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="Nothing can be written to the folder"):
        keras.Sequential([keras.Input((3,)), layers.Dense(1)]).save(tmp_path / "m.keras")


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(OSError, match="Nothing can be written to the folder"):
        keras.Sequential([keras.Input((3,)), layers.Dense(1)]).save(tmp_path / "a" / "m.keras")


def test_functions_of_older_files_are_found_without_their_package():
    @register
    def of_a_lab(x):
        return x

    config = {"module": "builtins", "class_name": "function", "config": "of_a_lab"}
    assert keras.saving.deserialize_keras_object(config) is of_a_lab
