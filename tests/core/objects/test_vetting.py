"""What is refused in a config before any of it is made, wherever it is handed in."""

import pytest

from cornu import initializers, layers, models, optimizers, saving
from cornu.core.objects.vetting import vet_objects
from cornu.errors import UnsafeFileError

LAMBDA = {"class_name": "__lambda__", "config": {"code": "", "defaults": None, "closure": None}}


def dense(**config):
    return {
        "module": "keras.layers",
        "class_name": "Dense",
        "config": {"name": "d", "units": 2, **config},
        "registered_name": None,
    }


@pytest.mark.parametrize("key", ["activation", "kernel_initializer", "anything", "name"])
def test_code_is_found_at_any_place(key):
    with pytest.raises(UnsafeFileError, match="code of a Python lambda"):
        vet_objects(dense(**{key: [{"deep": LAMBDA}]}))


@pytest.mark.parametrize(
    "make",
    [
        layers.deserialize,
        saving.deserialize_keras_object,
        lambda config: models.Sequential.from_config({"name": "s", "layers": [config]}),
        lambda config: layers.Bidirectional.from_config({"name": "b", "layer": config}),
        lambda config: layers.TimeDistributed(layers.deserialize(config)),
        lambda config: layers.Dense(2, kernel_initializer=config),
        lambda config: saving.deserialize_keras_object(config, safe_mode=False),
    ],
    ids=["layers", "saving", "Sequential", "Bidirectional", "wrapped", "argument", "safe_mode off"],
)
def test_every_entrance_has_the_same_gate(make):
    """There is no scope to be in and no switch to be set: unset means safe."""
    with pytest.raises(UnsafeFileError, match="lambda"):
        make(dense(kernel_initializer=LAMBDA))


def test_objects_in_the_wrong_slot():
    sgd = {"module": "keras.optimizers", "class_name": "SGD", "config": {}, "registered_name": None}
    with pytest.raises(UnsafeFileError, match="'d'.*has a SGD where only initializers belong"):
        layers.deserialize(dense(bias_initializer=sgd))
    with pytest.raises(UnsafeFileError, match="only optimizers"):
        optimizers.deserialize({**sgd, "class_name": "Adam", "config": {"learning_rate": dense()}})


def test_objects_in_the_right_slot():
    made = layers.deserialize(
        dense(
            kernel_initializer=initializers.serialize(initializers.HeNormal()),
            activation=layers.serialize(layers.LeakyReLU()),
            dtype={"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"},
                   "registered_name": None},
        )
    )  # fmt: skip
    assert isinstance(made.kernel_initializer, initializers.HeNormal)


def test_a_class_of_the_users_may_stand_anywhere():
    @saving.register_keras_serializable("vetting")
    class Odd(initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return initializers.Zeros()(shape, dtype)

    made = layers.deserialize(dense(kernel_initializer=initializers.serialize(Odd())))
    assert isinstance(made.kernel_initializer, Odd)


def test_no_built_in_stands_in_for_a_class_that_is_not_registered():
    with pytest.raises((TypeError, ValueError), match="'mine>Dense'"):
        layers.deserialize({**dense(), "registered_name": "mine>Dense"})


@pytest.mark.parametrize("value", ["words.txt", "http://127.0.0.1/words.txt", ""])
def test_a_vocabulary_is_never_a_file(value):
    config = {"class_name": "StringLookup", "config": {"name": "words", "vocabulary": value}}
    with pytest.raises(UnsafeFileError, match="'words'.*names a file as its vocabulary"):
        vet_objects(config)
    vet_objects({"class_name": "StringLookup", "config": {"vocabulary": ["a", "b"]}})


@pytest.mark.parametrize("dtype", ["S1000000000", "object", "U9", None, 3, "string"])
def test_arrays_are_of_numbers(dtype):
    array = {"class_name": "__numpy__", "config": {"value": [1], "dtype": dtype}}
    with pytest.raises(UnsafeFileError, match="not of numbers"):
        saving.deserialize_keras_object(array)
