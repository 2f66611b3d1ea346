"""`get`, `serialize`, `deserialize`, and the legacy names."""

import pytest

from cornu.core.objects.registry import register_keras_serializable
from cornu.optimizers import (
    SGD,
    Adam,
    LossScaleOptimizer,
    Optimizer,
    deserialize,
    get,
    legacy,
    serialize,
)


def test_get():
    assert get(None) is None
    optimizer = SGD(0.1)
    assert get(optimizer) is optimizer
    assert isinstance(get(Adam), Adam)
    assert isinstance(get("ADAM"), Adam)
    assert get({"class_name": "adam", "config": {"beta_1": 0.5}}).beta_1 == 0.5
    assert get(serialize(SGD(0.1, momentum=0.5))).momentum == 0.5


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ("adm", "did you mean 'adam'"),
        ({"class_name": "Adm", "config": {}}, "did you mean 'Adam'|did you mean 'adam'"),
        (3, "3 is not an optimizer"),
        (lambda: 1, "optimizer must be an Optimizer, got function"),
        (legacy, "is not an optimizer"),
    ],
)
def test_get_refuses(identifier, message):
    with pytest.raises(ValueError, match=message):
        get(identifier)


@pytest.mark.parametrize(
    "config",
    [
        {"module": "keras.optimizers", "class_name": "SGD", "config": {}, "registered_name": None},
        {"module": "keras.src.optimizers.sgd", "class_name": "SGD", "config": {}},
        {"class_name": "SGD", "config": {"learning_rate": 0.5}},
    ],
)
def test_deserialize_old_and_new_spellings(config):
    assert isinstance(deserialize(config), SGD)


def test_nested_configs():
    inner = serialize(SGD(0.1, clipnorm=2.0))
    config = {"class_name": "LossScaleOptimizer", "config": {"inner_optimizer": inner}}
    optimizer = deserialize(config)
    assert isinstance(optimizer, LossScaleOptimizer)
    assert optimizer.inner_optimizer.clipnorm == 2.0


def test_own_classes():
    @register_keras_serializable("lookup_test")
    class Mine(Adam):
        pass

    config = serialize(Mine(0.5))
    assert config["registered_name"] == "lookup_test>Mine"
    assert type(deserialize(config)) is Mine

    class Adam2(SGD):
        pass

    named = {"class_name": "Adam2", "config": {"learning_rate": 0.5}}
    assert type(deserialize(named, custom_objects={"Adam2": Adam2})) is Adam2


@pytest.mark.parametrize("name", ["Adagrad", "Adam", "Ftrl", "Optimizer", "RMSprop", "SGD"])
def test_legacy_says_what_to_use(name):
    with pytest.raises(ImportError, match=f"keras.optimizers.{name} in place of"):
        getattr(legacy, name)(lr=0.1, decay=0.01)


def test_a_forgotten_super_is_told_when_the_model_is_compiled():
    class Forgetful(Optimizer):
        def __init__(self):
            self.beta = 0.9

    with pytest.raises(RuntimeError, match=r"Forgetful.__init__ does not call super\(\)"):
        get(Forgetful())
