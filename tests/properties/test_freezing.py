"""What is frozen stays so at every depth: in files, JSON, configs, clones and pickles."""

import pickle

import numpy as np
import pytest

import cornu as keras
from cornu import layers

register = keras.saving.register_keras_serializable("freezing")


@register
class Block(layers.Layer):
    """Makes its parts in the constructor."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.parts = [layers.Dense(4), layers.Dense(4)]
        self.norm = layers.BatchNormalization()

    def call(self, x):
        return self.norm(self.parts[1](self.parts[0](x)))


@register
class Late(layers.Layer):
    """Makes its part in `build`."""

    def build(self, input_shape):
        self.part = layers.Dense(4)
        self.part.build(input_shape)

    def call(self, x):
        return self.part(x)


@register
class Tuner(keras.Model):
    """A base to keep and a head to train, in no config."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        inputs = keras.Input((4,))
        self.base = keras.Model(inputs, layers.Dense(4)(layers.Dense(4)(inputs)))
        self.head = layers.Dense(1)

    def call(self, x):
        return self.head(self.base(x))


def nested():
    """A graph in which a graph holds a Sequential, with layers that hold others."""
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dense(4)], name="inner")
    inputs = keras.Input((4,))
    middle = keras.Model(inputs, layers.Dense(4)(inner(inputs)), name="middle")
    inputs = keras.Input((4,))
    x = Late(name="late")(Block(name="block")(middle(inputs)))
    x = layers.TimeDistributed(layers.Dense(3), name="each")(layers.Reshape((2, 2))(x))
    x = layers.MultiHeadAttention(1, 2, name="attention")(x, x)
    return keras.Model(inputs, layers.Bidirectional(layers.GRU(2), name="both")(x))


def part(model, *path):
    for name in path:
        model = model.get_layer(name)
    return model


def freeze_all(model):
    model.trainable = False


def freeze_a_model_inside(model):
    part(model, "middle").trainable = False


def freeze_one_layer_deep_inside(model):
    part(model, "middle", "inner").layers[0].trainable = False


def freeze_parts_of_layers(model):
    part(model, "block").parts[0].trainable = False
    part(model, "late").trainable = False
    part(model, "attention").trainable = False
    part(model, "each").layer.trainable = False
    part(model, "both").forward_layer.trainable = False


def thaw_within_what_is_frozen(model):
    model.trainable = False
    part(model, "middle", "inner").layers[1].trainable = True
    part(model, "block").parts[1].trainable = True


def through(name):
    def saved(model, folder):
        model.save(folder / name)
        return keras.saving.load_model(folder / name)

    return saved


WAYS = {
    ".keras": through("m.keras"),
    ".h5": through("m.h5"),
    "json": lambda model, _: keras.models.model_from_json(model.to_json()),
    "clone_model": lambda model, _: keras.models.clone_model(model),
    "clone_model of each layer": lambda m, _: keras.models.clone_model(m, recursive=True),
    "config": lambda model, _: type(model).from_config(model.get_config()),
    "pickle": lambda model, _: pickle.loads(pickle.dumps(model)),
}


def flags(model):
    return [
        (layer.trainable, [v.trainable for v in layer._own_variables()])
        for layer in model._flatten_layers()
        if not isinstance(layer, layers.InputLayer)
    ]


@pytest.mark.parametrize("change", [
    freeze_all, freeze_a_model_inside, freeze_one_layer_deep_inside, freeze_parts_of_layers,
    thaw_within_what_is_frozen,
])  # fmt: skip
def test_graphs(change, tmp_path):
    model = nested()
    change(model)
    expected = flags(model)
    for way, made_again in WAYS.items():
        if way == "config" and change in (freeze_parts_of_layers, thaw_within_what_is_frozen):
            continue  # a config alone has no place for the parts that a class makes by itself
        assert flags(made_again(model, tmp_path)) == expected, way


@pytest.mark.parametrize("change", [
    freeze_all, lambda model: setattr(model.base, "trainable", False),
    lambda model: setattr(model.base.layers[1], "trainable", False),
])  # fmt: skip
def test_models_written_as_classes(change, tmp_path):
    x = np.ones((1, 4), "float32")
    model = Tuner()
    model(x)
    change(model)
    for way in (".keras", "json", "clone_model", "pickle"):
        twin = WAYS[way](model, tmp_path)
        twin(x)
        assert flags(twin) == flags(model), way


def test_a_layer_made_frozen_freezes_its_parts():
    for layer in (Block(trainable=False), Late(trainable=False)):
        model = keras.Sequential([keras.Input((4,)), layer])
        assert model.trainable_variables == []
        layer.trainable = True
        assert len(model.trainable_variables) > 1


def test_what_is_said_of_a_part_before_the_build_holds():
    model = Tuner()
    model.trainable = False
    model.head.trainable = True
    model(np.ones((1, 4), "float32"))
    assert [v.path.split("/")[-2] for v in model.head.variables] == [model.head.name] * 2
    assert [v for layer in (model.base, model.head) for v in layer.trainable_variables] == (
        model.head.variables
    )


def test_a_file_without_notes_is_frozen_as_a_whole():
    config = keras.saving.serialize_keras_object(Block(trainable=False))
    config.pop("frozen_parts", None)
    assert not keras.saving.deserialize_keras_object(config).parts[0].trainable


@pytest.mark.parametrize("notes", [["parts.0", 3, None], "all", {"a": 1}, ["no", "such"]])
def test_notes_of_any_kind_do_no_harm(notes):
    config = keras.saving.serialize_keras_object(Block())
    twin = keras.saving.deserialize_keras_object({**config, "frozen_parts": notes})
    assert twin.parts[1].trainable
